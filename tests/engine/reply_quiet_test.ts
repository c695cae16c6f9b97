import assert from "node:assert/strict";
import { LOOK_MS, ReplyQuiet } from "../../lib/engine/reply_quiet.ts";
import { test } from "../case.ts";

/** A reply that began at 0 and whose audio came at `soundMs`: when it is over, by a look every 200 ms. */
function overMs(...soundMs: number[]): number {
  const quiet = new ReplyQuiet();
  quiet.begin(0);
  for (let nowMs = LOOK_MS;; nowMs += LOOK_MS) {
    if (soundMs.some((ms) => ms > nowMs - LOOK_MS && ms <= nowMs)) quiet.sounds(nowMs);
    if (quiet.isOver(nowMs)) return nowMs;
  }
}

test("a reply is over when 0.6 s brought no more audio, and text that never sounds after 5 s", () => {
  assert.equal(overMs(200), 800);
  assert.equal(overMs(200, 600, 1000), 1600);
  assert.equal(overMs(4800), 5400);
  assert.equal(overMs(), 5000);
});

test("a reply that has not sounded yet gets its 5 s, whatever sounded before it", () => {
  const quiet = new ReplyQuiet();
  quiet.begin(0);
  quiet.sounds(200);
  quiet.begin(1000);
  assert.equal(quiet.isOver(3000), false);
});
