import assert from "node:assert/strict";
import type { EndReason } from "../../lib/call/machine.ts";
import { type Destination, type Leaving, Parking } from "../../lib/call/parking.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const DESK: Destination = { name: "desk", number: "+15550142", ringSeconds: 20 };
const SHOP: Destination = { name: "shop", number: "+15550143", ringSeconds: 20 };

function rig(about: Partial<Leaving> = {}) {
  const clock = new VirtualClock();
  const gone: Leaving[] = [];
  const parking = new Parking<Leaving>(clock, (call) => void gone.push(call));
  const call: Leaving = { fallback: DESK, fellBack: false, ...about };
  return { clock, gone, parking, call, park: (reason: EndReason) => parking.park("CA1", call, reason) };
}

const LEFT: [
  what: string,
  reason: EndReason,
  about: Partial<Leaving>,
  destination: Destination | undefined,
  ms: number,
][] = [
  ["whose line broke", "line-lost", {}, undefined, 30_000],
  ["that was put through", "transferred", {}, SHOP, 180_000],
  ["whose engine failed", "engine-failed", {}, DESK, 180_000],
  ["whose engine never came up", "engine-not-ready", {}, DESK, 180_000],
  ["whose engine failed after its fallback", "engine-failed", { fellBack: true }, undefined, 0],
  ["whose engine failed without a fallback", "engine-failed", { fallback: undefined }, undefined, 0],
  ["whose caller hung up", "caller-hung-up", {}, undefined, 0],
  ["that is over at the carrier", "line-lost", { over: true }, undefined, 0],
];

for (const [what, reason, about, destination, ms] of LEFT) {
  test(`a call ${what} ${ms > 0 ? `may come back for ${ms / 1000} s` : "does not come back"}`, async () => {
    const { clock, gone, parking, call, park } = rig(about);
    parking.putThrough("CA1", SHOP);
    park(reason);
    assert.equal(parking.get("CA1")?.destination, destination);
    assert.deepEqual(gone, ms === 0 ? [call] : []);
    await clock.run(ms + 10);
    assert.deepEqual(gone, [call]);
    assert.equal(clock.pending, 0);
  });
}

test("a call that is taken is not let go, and one that fell back does so once", () => {
  const { clock, gone, parking, call, park } = rig();
  park("engine-failed");
  parking.take("CA1");
  assert.deepEqual([parking.get("CA1"), clock.pending, gone], [undefined, 0, []]);
  park("engine-failed");
  assert.deepEqual(gone, [call]);
});

test("a call whose line broke still falls back when its engine fails", () => {
  const { parking, park } = rig();
  park("line-lost");
  parking.take("CA1");
  park("engine-failed");
  assert.equal(parking.get("CA1")?.destination, DESK);
  parking.take("CA1");
});

test("a destination is for one departure", () => {
  const { parking, park } = rig();
  parking.putThrough("CA1", SHOP);
  park("line-lost");
  parking.take("CA1");
  park("transferred");
  assert.equal(parking.get("CA1"), undefined);
});

test("of more than 1,000 calls that may come back, the first does not, nor is it put through", () => {
  const { clock, gone, parking, call } = rig({ fallback: undefined });
  const calls = Array.from({ length: 1001 }, (_, n): [string, Leaving] => [`CA${n}`, { ...call }]);
  for (const [callSid] of calls) parking.putThrough(callSid, SHOP);
  parking.park("CA0", calls[0]![1], "transferred");
  assert.deepEqual(gone, [calls[0]![1]], "its destination was dropped");
  for (const [callSid, one] of calls.slice(1)) parking.park(callSid, one, "transferred");
  parking.park("CA0", calls[0]![1], "line-lost");
  assert.deepEqual(gone, [calls[0]![1], calls[1]![1]]);
  assert.deepEqual([parking.get("CA1"), parking.get("CA2")?.destination, clock.pending], [undefined, SHOP, 1000]);
  parking.forgetAll();
  assert.deepEqual([gone.length, clock.pending], [1002, 0]);
});
