import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import { watchLoop } from "../../lib/telemetry/loop_lag.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

test("a loop that is held up for a while is seen to be late by as much, and a free one is not", async () => {
  const clock = new VirtualClock();
  let heldUpMs = 0;
  const late: Clock = {
    monotonicMs: () => clock.monotonicMs(),
    wallTime: () => clock.wallTime(),
    after: (ms, action) => clock.after(ms + heldUpMs, action),
  };
  const lags: number[] = [];
  const watch = watchLoop(late, (ms) => lags.push(ms));
  await clock.run(900);
  assert.deepEqual(lags, Array(10).fill(0));
  heldUpMs = 40;
  await clock.run(220);
  assert.deepEqual(lags.slice(10), [0, 40]);
  watch[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});
