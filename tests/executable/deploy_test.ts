import assert from "node:assert/strict";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { test } from "../case.ts";
import { emptyDirectory, fromSource, run, startServer } from "./harness.ts";

test("as Deno Deploy runs it: a whole call, records in memory, a drain of 4 s on SIGINT", async () => {
  using empty = emptyDirectory();
  const cwd = empty.path;
  const server = await startServer(fromSource("--allow-net", "--allow-env", "--allow-read"), {
    cwd,
    env: { DENO_DEPLOY: "true", DENO_DEPLOYMENT_ID: "test" },
  });
  await using _ = server;
  const phone = fromSource("--allow-net", "--allow-env", "--allow-read");
  const whole = await run(phone, ["call", server.url, "--say", "who are you", "--expect", "AI", "--json"], { cwd });
  assert.equal(whole.code, 0, whole.stdout + whole.stderr);
  const report = JSON.parse(whole.stdout) as { turns: unknown[]; offences: unknown[]; endedBy: string };
  assert.equal(report.turns.length, 2);
  assert.deepEqual(report.offences, []);

  const cut = run(phone, ["call", server.url, "--wait", "15000", "--json"], { cwd });
  await callIsLive(server.url);
  const stopped = await server.stop("SIGINT");
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.ok(stopped.afterMs > 1000 && stopped.afterMs < 4600, `stopped after ${Math.round(stopped.afterMs)} ms`);
  assert.match(stopped.stderr, /Records are kept in memory and lost when we stop: Deno Deploy keeps no files\./);
  const last = JSON.parse((await cut).stdout) as { endedBy: string; turns: { heard: string }[] };
  assert.equal(last.endedBy, "server");
  assert.match(last.turns.at(-1)!.heard, /goodbye/i, "the caller hears a goodbye, not a cut");
});

async function callIsLive(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { activeCalls } = await (await fetch(`${url}/health`)).json() as { activeCalls: number };
    if (activeCalls > 0) return;
    await sleep(systemClock, 50);
  }
  throw new Error("The second call never began.");
}
