import assert from "node:assert/strict";
import { TurnTimes } from "../../lib/engine/turn_times.ts";
import { test } from "../case.ts";

test("an answer is waited for since the caller's last sound, unless the turn was kept back, or waited for us", () => {
  assert.equal(new TurnTimes(1500, 1000).waitsSinceMs(1600), 1000);
  assert.equal(new TurnTimes(3700, 1000).waitsSinceMs(3700), 1000, "another recogniser has taken over");
  assert.equal(new TurnTimes(4100, 1000).waitsSinceMs(4100), 4100, "told late");
  assert.equal(new TurnTimes(1500, 1000).waitsSinceMs(2200), 1000, "more words were waited for");
  assert.equal(new TurnTimes(1500, 1000).waitsSinceMs(2400), 2400, "answered late");
  assert.equal(new TurnTimes(1500).waitsSinceMs(1500), 1500, "not spoken");
});

test("the parts of a turn's time add up to the whole", () => {
  const answer = { request: 1510, firstText: 1800, firstAudio: 1900 };
  assert.deepEqual(new TurnTimes(1500, 1000).latency(answer), {
    stt: 500,
    model: 290,
    voice: 100,
    ours: 10,
    total: 900,
  });
  assert.deepEqual(new TurnTimes(1500).latency(answer), { model: 290, voice: 100, ours: 10, total: 400 }, "typed");
  assert.deepEqual(new TurnTimes(1500).latency({ firstAudio: 1600 }), { ours: 100, total: 100 }, "without a model");
});

test("a model that was asked before the turn was over costs nothing twice", () => {
  const { ours, total } = new TurnTimes(1500, 1000).latency({ request: 1200, firstText: 1500, firstAudio: 1600 });
  assert.deepEqual([ours, total], [0, 600]);
});
