import assert from "node:assert/strict";
import { ok } from "../../lib/base/result.ts";
import { type Config, parseConfig } from "../../lib/config.ts";
import { loadConfig } from "../../lib/load.ts";
import { watchFiles } from "../../lib/reload.ts";
import { openServer } from "../../lib/server.ts";
import { openLog } from "../../lib/telemetry/log.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { folder } from "../store/make.ts";

test("a change is noticed within 2 s, once, and a file may appear or go", async () => {
  const clock = new VirtualClock();
  const scope = new AbortController();
  const files = new Map([["config.json", "1"]]);
  let changes = 0;
  const watching = watchFiles({
    clock,
    signal: scope.signal,
    paths: () => ["config.json", "assets/prompts"],
    look: (path) => files.get(path) ?? "",
    changed: () => void changes++,
    failed: (error) => assert.fail(String(error)),
  });
  await clock.run(5000);
  assert.equal(changes, 0);
  files.set("config.json", "2");
  await clock.run(5000);
  assert.equal(changes, 1);
  files.set("assets/prompts", "new");
  await clock.run(2000);
  files.delete("config.json");
  await clock.run(2000);
  assert.equal(changes, 3);
  scope.abort();
  await watching;
  assert.equal(clock.pending, 0);
});

test("a change that cannot be taken is told, and the next one is noticed all the same", async () => {
  const clock = new VirtualClock();
  const scope = new AbortController();
  let file = "good";
  const told: string[] = [];
  const watching = watchFiles({
    clock,
    signal: scope.signal,
    paths: () => ["config.json"],
    look: () => file,
    changed: () => {
      if (file === "bad") throw new Error("path is a directory");
      told.push(file);
    },
    failed: (error) => void told.push(String(error)),
  });
  for (file of ["bad", "mended"]) await clock.run(2000);
  assert.deepEqual(told, ["Error: path is a directory", "mended"]);
  scope.abort();
  await watching;
});

test("what a change makes us look at is looked at from then on, and is no change itself", async () => {
  const clock = new VirtualClock();
  const scope = new AbortController();
  const files = new Map([["config.json", "p.md"], ["p.md", "1"], ["q.md", "1"]]);
  const seen: string[] = [];
  const watching = watchFiles({
    clock,
    signal: scope.signal,
    paths: () => ["config.json", files.get("config.json")!],
    look: (path) => files.get(path) ?? "",
    changed: () => void seen.push([...files.values()].join(" ")),
    failed: (error) => assert.fail(String(error)),
  });
  const edits = [["p.md", "2"], ["q.md", "2"], ["config.json", "q.md"], ["q.md", "3"], ["p.md", "3"]] as const;
  for (const [file, text] of edits) {
    files.set(file, text);
    await clock.run(4000);
  }
  assert.deepEqual(seen, ["p.md 2 1", "q.md 2 2", "q.md 2 3"]);
  scope.abort();
  await watching;
});

test("a file that may be read now, or that another of the same size and time takes the place of, has changed", async () => {
  using dir = folder();
  const clock = new VirtualClock();
  const scope = new AbortController();
  const [file, other] = [`${dir.path}/config.json`, `${dir.path}/other.json`];
  const day = new Date("2026-01-01");
  for (const [path, text] of [[file, "one"], [other, "two"]] as const) {
    Deno.writeTextFileSync(path, text);
    Deno.utimeSync(path, day, day);
  }
  let changes = 0;
  const watching = watchFiles({
    clock,
    signal: scope.signal,
    paths: () => [file],
    changed: () => void changes++,
    failed: (error) => assert.fail(String(error)),
  });
  Deno.chmodSync(file, 0o600);
  await clock.run(2000);
  assert.equal(changes, 1);
  Deno.renameSync(other, file);
  await clock.run(4000);
  assert.equal(changes, 2);
  scope.abort();
  await watching;
});

test("a prompt's file is read again when it changes, wherever it is, and one that was missing once it is there", async () => {
  using dir = folder();
  Deno.mkdirSync(`${dir.path}/deep/er`, { recursive: true });
  const file = `${dir.path}/config.json`;
  const prompts = [`${dir.path}/p.md`, `${dir.path}/deep/er/q.md`] as const;
  const write = (path: string, text: string) => Deno.writeTextFileSync(path, text);
  write(file, JSON.stringify({ prompt: { file: prompts[0] } }));
  write(prompts[0], "One.");
  const loaded: string[] = [];
  const changed = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const load = () => loadConfig({ file, flags: { rehearse: true, port: 0, host: "127.0.0.1" } });
  const first = load();
  assert.ok(first.ok);
  const { config } = first.value;
  const reload = {
    file,
    everyMs: 50,
    load: () => {
      const result = load();
      loaded.push(result.ok ? result.value.config.base.prompt : result.fault[0]!.key);
      changed[loaded.length - 1]?.resolve();
      return result;
    },
  };
  const kept = { ...config, server: { ...config.server, dataDir: dir.path } };
  const server = openServer(kept, { voice: toneVoice(), reload });
  if ("problem" in server) assert.fail(server.problem);
  await using _server = server;
  write(prompts[0], "Another one.");
  await changed[0]!.promise;
  write(file, JSON.stringify({ prompt: { file: prompts[1] } }));
  await changed[1]!.promise;
  write(prompts[1], "Two.");
  await changed[2]!.promise;
  write(prompts[1], "Another two.");
  await changed[3]!.promise;
  assert.deepEqual(loaded, ["Another one.", "prompt.file", "Two.", "Another two."]);
});

/** A server's, whose records go to `DATA_DIR`. */
function configOf(file: Record<string, unknown>, env: { DATA_DIR: string } & Record<string, string>): Config {
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "You answer the phone.", greeting: "Welcome.", ...file }),
    file: "config.json",
    env: { BIND: "127.0.0.1", PORT: "0", LOG_LEVEL: "error", ...env },
    readAsset: () => undefined,
  });
  assert.ok(parsed.ok);
  return parsed.value.config;
}

const LIVE = {
  PUBLIC_HOST: "agent.example.com",
  DEEPGRAM_API_KEY: "key",
  TWILIO_AUTH_TOKEN: "0123456789abcdef0123456789abcdef",
};

test("an .env that comes or goes does not change whether we rehearse; calls at once follow the file", async () => {
  using dir = folder();
  const file = `${dir.path}/config.json`;
  for (const isLive of [true, false]) {
    const [before, after] = [isLive, !isLive].map((live) => ({ DATA_DIR: dir.path, ...live ? LIVE : {} }));
    const loaded = Promise.withResolvers<void>();
    const load = () => {
      loaded.resolve();
      return ok({ config: configOf({ limits: { callsAtOnce: 2 } }, after!), warnings: [], origins: () => ({}) });
    };
    const server = openServer(configOf({}, before!), { voice: toneVoice(), reload: { file, everyMs: 50, load } });
    if ("problem" in server) assert.fail(server.problem);
    await using _server = server;
    Deno.writeTextFileSync(file, JSON.stringify(after));
    await loaded.promise;
    const health = await (await fetch(`http://127.0.0.1:${server.port}/health`)).json();
    assert.deepEqual([health.rehearsal, health.maxCalls], [!isLive, 2]);
  }
});

test("what a changed configuration is warned of is told, as at the start", async () => {
  using dir = folder();
  const file = `${dir.path}/config.json`;
  const lines: string[] = [];
  const taken = Promise.withResolvers<void>();
  openLog({
    level: "info",
    format: "lines",
    write: (line) => {
      lines.push(line);
      if (line.includes("has changed")) taken.resolve();
    },
  });
  const load = () => {
    const note = { file: "config.json", key: "greeting", problem: "uses {{caler}}", remedy: "Write {{caller}}." };
    return ok({ config: configOf({}, { DATA_DIR: dir.path }), warnings: [note], origins: () => ({}) });
  };
  const server = openServer(configOf({}, { DATA_DIR: dir.path }), {
    voice: toneVoice(),
    reload: { file, everyMs: 50, load },
  });
  if ("problem" in server) assert.fail(server.problem);
  await using _server = server;
  Deno.writeTextFileSync(file, "{}");
  await taken.promise;
  assert.match(lines.join(""), /greeting uses \{\{caler\}\}/);
});

test("a recording that goes is not replaced by the program's own of that name", async () => {
  using dir = folder();
  const cwd = Deno.cwd();
  Deno.chdir(dir.path);
  const names = ["pricing", "not_ours"]; // the program has one of the first name
  const paths = names.map((name) => `assets/audio/${name}.mulaw`);
  Deno.mkdirSync("assets/audio", { recursive: true });
  for (const path of paths) Deno.writeFileSync(path, new Uint8Array(160).fill(0xff));
  const missing: string[] = [];
  const told = Promise.withResolvers<void>();
  openLog({
    level: "info",
    format: "lines",
    write: (line) => {
      missing.push(...paths.filter((path) => line.includes(`${path} is missing`)));
      if (missing.includes(paths[1]!)) told.resolve();
    },
  });
  try {
    const routes = names.map((name) => ({ name, utterances: [name], audio: name }));
    const config = configOf({ routes }, { DATA_DIR: dir.path });
    const load = () => ok({ config, warnings: [], origins: () => ({}) });
    const server = openServer(config, { voice: toneVoice(), reload: { file: "config.json", everyMs: 20, load } });
    if ("problem" in server) assert.fail(server.problem);
    await using _server = server;
    for (const path of paths) Deno.removeSync(path);
    await told.promise;
    assert.deepEqual(missing, paths);
  } finally {
    Deno.chdir(cwd);
  }
});
