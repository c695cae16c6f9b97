import assert from "node:assert/strict";
import { sleep, systemClock } from "../lib/base/clock.ts";
import { perPress } from "../lib/presses.ts";
import { test } from "./case.ts";
import { fromSource, startServer } from "./executable/harness.ts";
import { VirtualClock } from "./sim/clock.ts";
import { folder } from "./store/make.ts";

test("what comes twice within a moment is one press, what comes later another", async () => {
  const clock = new VirtualClock();
  let count = 0;
  const heard = perPress(() => count++, clock);
  for (const [waitMs, counted] of [[0, 1], [5, 1], [290, 1], [10, 2], [50, 2], [1000, 3]] as const) {
    await clock.run(waitMs);
    heard();
    assert.equal(count, counted, `after ${waitMs} ms more`);
  }
});

test("one Ctrl-C that comes twice, as through deno task, cuts no live call and loses no report", async () => {
  using dir = folder();
  const cwd = dir.path;
  await using server = await startServer(fromSource("-A"), { cwd });
  const phone = () => {
    const { command, args } = fromSource("-A");
    const child = new Deno.Command(command, {
      args: [...args, "call", server.url, "--wait", "1", "--json"],
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let running = true;
    const output = child.output().finally(() => running = false);
    return { pid: child.pid, output, [Symbol.dispose]: () => running && child.kill("SIGKILL") };
  };
  const twice = async (pid: number) => {
    Deno.kill(pid, "SIGINT");
    await sleep(systemClock, 2);
    Deno.kill(pid, "SIGINT");
  };
  const reportOf = async ({ output }: Pick<ReturnType<typeof phone>, "output">) => {
    const { code, stdout } = await output;
    const { endedBy, offences } = JSON.parse(new TextDecoder().decode(stdout) || "{}");
    return { code, endedBy, offences };
  };
  using cut = phone();
  using whole = phone();
  const areLive = async () => (await (await fetch(`${server.url}/health`)).json()).activeCalls === 2;
  const untilMs = systemClock.monotonicMs() + 15_000;
  while (!await areLive()) {
    assert.ok(systemClock.monotonicMs() < untilMs, "the two calls do not begin");
    await sleep(systemClock, 50);
  }
  await twice(cut.pid);
  assert.deepEqual(await reportOf(cut), { code: 0, endedBy: "caller", offences: [] });
  await twice(server.pid);
  assert.deepEqual(await reportOf(whole), { code: 0, endedBy: "caller", offences: [] });
});
