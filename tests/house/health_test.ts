import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config.ts";
import { loadConfig } from "../../lib/load.ts";
import { openServer } from "../../lib/server.ts";
import { test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { folder } from "../store/make.ts";

test("/health is degraded while calls are not recorded, and says why to whom it concerns", async () => {
  using dir = folder();
  Deno.writeTextFileSync(`${dir.path}/calls.sqlite`, "A letter. ".repeat(999));
  const loaded = loadConfig({ flags: { rehearse: true, port: 0, host: "127.0.0.1" } });
  assert.ok(loaded.ok);
  const { config } = loaded.value;
  const server = openServer({ ...config, server: { ...config.server, dataDir: dir.path } }, { voice: toneVoice() });
  if ("problem" in server) assert.fail(server.problem);
  await using _ = server;
  const response = await fetch(`http://127.0.0.1:${server.port}/health`);
  assert.equal(response.status, 200, "calls are taken all the same");
  const { status, providers } = await response.json();
  assert.equal(status, "degraded");
  const store = providers.find(({ name }: { name: string }) => name === "store");
  assert.equal(store.state, "open");
  assert.match(store.lastFault, /^The store reported not-ours: file is not a database: move the file away/);
  assert.ok(Date.parse(store.since) > 0);

  const stranger = { headers: { "x-forwarded-for": "203.0.113.9" } };
  const told = await (await fetch(`http://127.0.0.1:${server.port}/health`, stranger)).json();
  assert.deepEqual(told.providers, [{ ...store, lastFault: null }], "why is no stranger's business");
});

test("/health tells how many calls are taken now: fewer once a call came by another name than this machine's", async () => {
  using dir = folder();
  const loaded = parseConfig({
    text: JSON.stringify({ prompt: "You answer the phone." }),
    file: "config.json",
    env: { BIND: "127.0.0.1", PORT: "0", LOG_LEVEL: "error", DATA_DIR: dir.path },
    readAsset: () => undefined,
  });
  assert.ok(loaded.ok);
  const server = openServer(loaded.value.config, { voice: toneVoice() });
  if ("problem" in server) assert.fail(server.problem);
  await using _ = server;
  const url = `http://127.0.0.1:${server.port}`;
  const maxCalls = async () => (await (await fetch(`${url}/health`)).json()).maxCalls;
  const ring = async (headers: Record<string, string>) => {
    const response = await fetch(`${url}/incoming-call`, { method: "POST", body: "CallSid=CA1", headers });
    assert.match(await response.text(), /<Stream/);
  };
  await ring({});
  assert.equal(await maxCalls(), 40);
  await ring({ "x-forwarded-for": "203.0.113.1" });
  assert.equal(await maxCalls(), 3);
});
