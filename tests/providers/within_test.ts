import assert from "node:assert/strict";
import { type Fault, FaultError } from "../../lib/base/result.ts";
import { within } from "../../lib/providers/within.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const LATE: Fault = { kind: "deadline", peer: "llm", what: "an answer", limitMs: 100 };

function waiting(limitMs = 100) {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const waited = within(promise, { clock, limitMs, late: LATE, signal: abort.signal });
  waited.catch(() => undefined); // told by `assert.rejects` later
  return { clock, abort, resolve, reject, waited };
}

test("what comes in time is given, and leaves no timer", async () => {
  const { clock, resolve, waited } = waiting();
  await clock.run(99);
  resolve("here");
  assert.equal(await waited, "here");
  assert.equal(clock.pending, 0);
});

test("what comes too late is the fault, and its later failure is nobody's", async () => {
  const { clock, reject, waited } = waiting();
  await clock.run(100);
  await assert.rejects(waited, (error) => error instanceof FaultError && error.fault === LATE);
  reject(new Error("late and broken"));
  await clock.run(10);
  assert.equal(clock.pending, 0);
});

test("an abort is told at once with its reason, also one that came before", async () => {
  const reason = new Error("hung up");
  const { clock, abort, waited } = waiting();
  abort.abort(reason);
  await assert.rejects(waited, reason);
  assert.equal(clock.pending, 0);
  for (const promise of [new Promise<void>(() => {}), Promise.resolve()]) {
    await assert.rejects(within(promise, { clock, limitMs: 5, late: LATE, signal: AbortSignal.abort(reason) }), reason);
  }
  assert.equal(clock.pending, 0);
});

test("nothing of it stays with the signal, however it ends", async () => {
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  let listening = 0;
  signal.addEventListener = () => void listening++;
  signal.removeEventListener = () => void listening--;
  const ways = [
    () => Promise.resolve(),
    () => Promise.reject(new TypeError("reset")),
    () => new Promise<void>(() => {}),
  ];
  for (const way of ways) {
    const waited = within(way(), { clock, limitMs: 100, late: LATE, signal }).catch(() => undefined);
    assert.equal(listening, 1);
    await clock.run(100);
    await waited;
    assert.equal(listening, 0);
  }
});

test("a failure passes through as it is", async () => {
  const { clock, reject, waited } = waiting();
  reject(new TypeError("reset"));
  await assert.rejects(waited, TypeError);
  assert.equal(clock.pending, 0);
});
