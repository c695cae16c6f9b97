import assert from "node:assert/strict";
import { loadConfig } from "../../lib/load.ts";
import { openServer } from "../../lib/server.ts";
import { test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { folder } from "../store/make.ts";

test("/health is degraded while calls are not recorded, and says why", async () => {
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
});
