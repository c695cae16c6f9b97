import assert from "node:assert/strict";
import { Unasked } from "../../lib/call/unasked.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

function rig() {
  const clock = new VirtualClock();
  const unasked = new Unasked(clock);
  /** When it settles, ms from now. */
  const settled = async (meanwhile: () => void = () => {}) => {
    const fromMs = clock.monotonicMs();
    let ms: number | undefined;
    unasked.settled().then(() => ms = clock.monotonicMs() - fromMs);
    await clock.run(500);
    meanwhile();
    await clock.run(3000);
    return ms;
  };
  return { clock, unasked, settled };
}

test("nothing is waited for once the carrier has asked about every stream that ended", async () => {
  const { clock, unasked, settled } = rig();
  assert.equal(await settled(), 0);
  unasked.add("CA1");
  unasked.add("CA2");
  clock.after(200, () => unasked.delete("CA1"));
  assert.equal(await settled(() => unasked.delete("CA2")), 500);
  assert.equal(clock.pending, 0);
});

test("a carrier that never asks is waited for 2 s, and not at all once the stream's end is as long ago", async () => {
  const { clock, unasked, settled } = rig();
  unasked.add("CA1");
  assert.equal(await settled(), 2000);
  assert.equal(await settled(), 0);
  assert.equal(clock.pending, 0);
});

test("of more than 1,000 streams the first is not waited for", async () => {
  const { unasked, settled } = rig();
  for (let n = 0; n <= 1000; n++) unasked.add(`CA${n}`);
  for (let n = 2; n <= 1000; n++) unasked.delete(`CA${n}`);
  assert.equal(await settled(() => unasked.delete("CA1")), 500);
});
