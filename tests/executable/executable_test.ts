import assert from "node:assert/strict";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { test } from "../case.ts";
import { emptyDirectory, EXECUTABLE, run, startServer } from "./harness.ts";

interface Report {
  ok: boolean;
  turns: { said: string; heard: string; replyMs: number }[];
  offences: unknown[];
  staleFrames: number;
  lostFrames: number;
}

test("in an empty directory it answers a call of its own softphone, and stops when asked", async () => {
  using empty = emptyDirectory();
  const cwd = empty.path;
  await using server = await startServer(EXECUTABLE, { cwd });

  const call = await run(EXECUTABLE, ["call", server.url, "--say", "who are you", "--expect", "AI", "--json"], { cwd });
  assert.equal(call.code, 0, call.stderr + call.stdout);
  const report = JSON.parse(call.stdout) as Report;
  assert.equal(report.ok, true);
  assert.match(report.turns[0]!.heard, /Green Street Clinic/);
  assert.equal(report.turns[1]!.said, "who are you");
  assert.match(report.turns[1]!.heard, /\bAI\b/);
  assert.deepEqual([report.offences, report.staleFrames, report.lostFrames], [[], 0, 0]);

  const health = await run(EXECUTABLE, ["health", "--url", server.url], { cwd });
  assert.equal(health.code, 0, health.stderr);
  const stopped = await server.stop("SIGTERM");
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.ok(stopped.afterMs < 3000, `stopped after ${stopped.afterMs} ms`);
  assert.match(stopped.stderr, /REHEARSAL/);
  const late = await run(EXECUTABLE, ["health", "--url", server.url], { cwd });
  assert.equal(late.code, 3);
  assert.deepEqual(
    [...Deno.readDirSync(cwd)].map(({ name }) => name),
    ["data"],
    "it leaves its records, and nothing else",
  );
});

test("config.json, assets and .env of the working directory come before those inside it", async () => {
  using own = emptyDirectory();
  const cwd = own.path;
  Deno.mkdirSync(`${cwd}/assets/audio`, { recursive: true });
  const config = {
    name: "Harbour Ferries",
    prompt: { file: "assets/own.md" },
    greeting: { text: "Harbour Ferries.", audio: "hello" },
  };
  Deno.writeTextFileSync(`${cwd}/config.json`, JSON.stringify(config));
  Deno.writeTextFileSync(`${cwd}/assets/own.md`, "You sell ferry tickets.");
  // A second of a tone as loud as speech.
  const recording = Uint8Array.from({ length: 8000 }, (_, n) => n % 8 < 4 ? 0x9f : 0x1f);
  Deno.writeFileSync(`${cwd}/assets/audio/hello.mulaw`, recording);
  Deno.writeTextFileSync(`${cwd}/.env`, "MAX_CALLS=7\nUNRELATED=1\n");
  await using server = await startServer(EXECUTABLE, { cwd });
  const health = await (await fetch(`${server.url}/health`)).json() as { maxCalls: number };
  assert.equal(health.maxCalls, 7);

  const call = await run(EXECUTABLE, ["call", server.url, "--wait", "1500", "--json"], { cwd });
  const report = JSON.parse(call.stdout) as Report;
  assert.equal(report.turns[0]!.heard, "Harbour Ferries.", call.stdout + call.stderr);
  const { stderr, code } = await server.stop("SIGINT");
  assert.equal(code, 0);
  assert.match(stderr, /answers for Harbour Ferries/);
  assert.doesNotMatch(stderr, /hello\.mulaw/, "the recording was found");
});

test("what may not be read is told with the folders that may, not with a crash", async () => {
  using empty = emptyDirectory();
  const cwd = empty.path;
  const outside = await run(EXECUTABLE, ["serve", "--config", "/etc/passwd"], { cwd });
  assert.equal(outside.code, 1);
  assert.equal(
    outside.stderr.trim(),
    "/etc/passwd: may not be read.\n  Put it into one of the folders that the executable may read: ., /data, /var/lib/offhook, /var/lib/private/offhook, /etc/offhook",
  );
  Deno.writeTextFileSync(`${cwd}/config.json`, JSON.stringify({ prompt: { file: "/etc/passwd" } }));
  const prompt = await run(EXECUTABLE, ["serve"], { cwd });
  assert.equal(prompt.code, 1);
  assert.match(prompt.stderr, /\/etc\/passwd: may not be read/);
  assert.doesNotMatch(prompt.stderr, /NotCapable|\n\s+at /);
});

test("DATA_DIR is refused outside the folders that may be written", async () => {
  using empty = emptyDirectory();
  const cwd = empty.path;
  for (const folder of ["/srv/offhook", "./records", "../data", "/data-of-others"]) {
    const { code, stderr } = await run(EXECUTABLE, ["serve"], { cwd, env: { DATA_DIR: folder, PORT: "0" } });
    assert.equal(code, 1, folder);
    assert.match(
      stderr,
      /which this process may not write\. .*one of: \.\/data, \/data, \/var\/lib\/offhook, \/var\/lib\/private\/offhook$/m,
    );
  }
  for (const folder of ["./data", "data/calls", "/data", "/var/lib/offhook/calls"]) {
    await using server = await startServer(EXECUTABLE, { cwd, env: { DATA_DIR: folder } });
    assert.equal((await server.stop("SIGTERM")).code, 0, folder);
  }
});

test("an edit that names an embedded folder is not used, and the next edit counts", async () => {
  using place = emptyDirectory();
  const cwd = place.path;
  const edit = (config: unknown) => Deno.writeTextFileSync(`${cwd}/config.json`, JSON.stringify(config));
  edit({ prompt: "Be kind." });
  await using server = await startServer(EXECUTABLE, { cwd });
  const engine = async () => (await (await fetch(`${server.url}/health`)).json() as { engine: string }).engine;
  await (await fetch(server.url)).body?.cancel(); // answered once all of it is there
  edit({ prompt: { file: "assets/prompts" } });
  await sleep(systemClock, 2500);
  edit({ prompt: "Be kind.", engine: "pipeline" });
  await sleep(systemClock, 2500);
  assert.equal(await engine(), "pipeline");
  const { stderr } = await server.stop("SIGTERM");
  assert.match(stderr, /The changed configuration is not used:.*prompt\.file/s);
  assert.doesNotMatch(stderr, /Uncaught/);
});
