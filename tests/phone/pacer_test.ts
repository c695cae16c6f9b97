import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import { type Paced, Pacer } from "../../lib/phone/pacer.ts";
import { test } from "../case.ts";

/** A clock whose one timer comes when the test says so. */
function rig() {
  let nowMs = 1000;
  let timer: { dueMs: number; action: () => void } | undefined;
  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallTime: () => new Date(nowMs),
    after(ms, action) {
      const mine = { dueMs: nowMs + ms, action };
      assert.equal(timer, undefined, "one timer at a time");
      timer = mine;
      return { [Symbol.dispose]: () => void (timer = timer === mine ? undefined : timer) };
    },
  };
  const pacer = new Pacer(clock);
  const wakes: number[] = [];
  pacer.onWake = (latenessMs) => wakes.push(latenessMs);
  /** The timer comes at `ms`. */
  const wake = (ms: number) => {
    const action = timer!.action;
    timer = undefined;
    nowMs = ms;
    action();
  };
  /** A line that has a frame to send at each of these times. */
  const line = (...dueMs: number[]) => {
    const pumped: number[] = [];
    const self: Paced = {
      get nextMs() {
        return dueMs[0] ?? Infinity;
      },
      pump(nowMs) {
        pumped.push(nowMs);
        while (dueMs[0]! <= nowMs + 1) dueMs.shift();
      },
    };
    pacer.add(self);
    return { self, pumped };
  };
  return { pacer, wakes, wake, line, dueMs: () => timer?.dueMs };
}

test("each line is pumped when it is due, from one timer, and idle ones never again", () => {
  const { wakes, wake, line, dueMs } = rig();
  const [first, second] = [line(1020, 1040), line(1010)];
  assert.equal(dueMs(), 1010);
  wake(1010);
  assert.deepEqual([first.pumped, second.pumped, dueMs()], [[], [1010], 1020]);
  wake(1019); // timers come up to 1 ms early
  assert.deepEqual([first.pumped, dueMs()], [[1019], 1040]);
  wake(1100);
  assert.deepEqual([first.pumped, second.pumped, dueMs()], [[1019, 1100], [1010], undefined]);
  assert.deepEqual(wakes, [0, 0, 60], "how late each wake came");
});

test("what is due within 4 ms of a wake waits for one more wake, and no longer", () => {
  const { wake, line, dueMs } = rig();
  line(1010);
  const lines = [line(1012), line(1013)];
  wake(1010);
  assert.equal(dueMs(), 1014);
  wake(1014);
  assert.deepEqual(lines.map(({ pumped }) => pumped), [[1014], [1014]]);
});

test("a line that leaves is pumped no more, and a pacer that ends leaves no timer", () => {
  const { pacer, wake, line, dueMs } = rig();
  const [left, other] = [line(1010), line(1010, 1030)];
  pacer.remove(left.self);
  wake(1010);
  assert.deepEqual([left.pumped, other.pumped], [[], [1010]]);
  pacer[Symbol.dispose]();
  assert.equal(dueMs(), undefined);
});
