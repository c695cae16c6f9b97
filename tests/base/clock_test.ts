import assert from "node:assert/strict";
import { sharingClock, type Timer } from "../../lib/base/clock.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const clocksOf = (clock: VirtualClock) => ({
  monotonicMs: () => clock.monotonicMs(),
  wallTime: () => clock.wallTime(),
});

function clocks() {
  const clock = new VirtualClock();
  let wakes = 0;
  const counted = {
    ...clocksOf(clock),
    after: (ms: number, action: () => void) => clock.after(ms, () => (wakes++, action())),
  };
  return { clock, shared: sharingClock(counted), wakes: () => wakes };
}

test("long timers share a wake, never early and less than 10 ms late; short ones are as exact as before", async () => {
  const { clock, shared, wakes } = clocks();
  const fired: [number, number][] = [];
  for (let ms = 90; ms < 1000; ms++) shared.after(ms + 0.5, () => fired.push([ms + 0.5, clock.monotonicMs()]));
  await clock.run(2000);
  assert.equal(fired.length, 910);
  for (const [dueMs, atMs] of fired) {
    if (dueMs < 100) assert.equal(atMs, dueMs);
    else assert.ok(atMs >= dueMs && atMs < dueMs + 10, `due at ${dueMs}, came at ${atMs}`);
  }
  assert.equal(wakes(), 10 + 90);
});

test("a timer that was cancelled does not come, and nothing waits when all are", async () => {
  const { clock, shared } = clocks();
  const fired: string[] = [];
  const first = shared.after(200, () => fired.push("first"));
  const second = shared.after(200, () => fired.push("second"));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.equal(clock.pending, 1);
  await clock.run(300);
  assert.deepEqual(fired, ["second"]);
  second[Symbol.dispose]();
  shared.after(200, () => fired.push("third"))[Symbol.dispose]();
  assert.equal(clock.pending, 0);
  await clock.run(300);
  assert.deepEqual(fired, ["second"]);
});

test("a timer may cancel one of the same wake, and arm itself again", async () => {
  const { clock, shared } = clocks();
  const fired: number[] = [];
  const again = () => {
    fired.push(clock.monotonicMs());
    other[Symbol.dispose]();
    if (fired.length < 3) shared.after(100, again);
  };
  shared.after(100, again);
  const other = shared.after(100, () => assert.fail("was cancelled"));
  await clock.run(1000);
  assert.deepEqual(fired, [100, 200, 300]);
});

/** A loop that can be held up: timers that are due meanwhile come at the end of it. */
function stallable(clock: VirtualClock) {
  let untilMs = 0;
  const after = (ms: number, action: () => void): Timer => {
    let timer = clock.after(ms, () => {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs > 0) timer = clock.after(leftMs, action);
      else action();
    });
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  };
  const stall = (ms: number) => void (untilMs = clock.monotonicMs() + ms);
  return { shared: sharingClock({ ...clocksOf(clock), after }), stall };
}

test("a deadline that passed while our loop stood still comes only when what came meanwhile has been read", async () => {
  const clock = new VirtualClock();
  const { shared, stall } = stallable(clock);
  const fired: [string, number][] = [];
  const deadline = (name: string, ms: number) => shared.after(ms, () => fired.push([name, clock.monotonicMs()]));
  shared.after(90, () => {}); // one of the short ones that every server has
  const met = [deadline("at its beginning", 100), deadline("in it", 1500), deadline("at its end", 2990)];
  deadline("missed", 2000);
  await clock.run(5);
  stall(3000);
  await clock.run(3001); // the sockets are read behind the timers
  for (const timer of met) timer[Symbol.dispose]();
  await clock.run(2000);
  assert.deepEqual(fired.map(([name]) => name), ["missed"]);
  assert.ok(fired[0]![1] <= 4100, "and what is really missed is missed soon");
  assert.equal(clock.pending, 0);
});

test("a loop that is always late still keeps its deadlines", async () => {
  const clock = new VirtualClock();
  const late = { ...clocksOf(clock), after: (ms: number, action: () => void) => clock.after(ms + 300, action) };
  const shared = sharingClock(late);
  const fired: number[] = [];
  for (let ms = 100; ms <= 2000; ms += 100) shared.after(ms, () => fired.push(clock.monotonicMs() - ms));
  await clock.run(5000);
  assert.equal(fired.length, 20);
  assert.ok(Math.max(...fired) <= 1000, `${Math.max(...fired)} ms late`);
});

test("one timer's error is reported, and the others of its wake come all the same", async () => {
  const { clock, shared } = clocks();
  const reported: unknown[] = [];
  const listen = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  globalThis.addEventListener("error", listen);
  try {
    let came = false;
    const mistake = new Error("a mistake");
    shared.after(150, () => {
      throw mistake;
    });
    shared.after(150, () => void (came = true));
    await clock.run(200);
    assert.ok(came);
    assert.deepEqual(reported, [mistake]);
  } finally {
    globalThis.removeEventListener("error", listen);
  }
});
