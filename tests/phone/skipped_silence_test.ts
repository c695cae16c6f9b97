import assert from "node:assert/strict";
import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { SkippedSilence } from "../../lib/phone/skipped_silence.ts";
import { test } from "../case.ts";

test("what the carrier's timestamps leave out is missing, but for what was made up meanwhile", () => {
  const skipped = new SkippedSilence();
  assert.equal(skipped.before(1000, FRAME_BYTES, 1000), 0, "a stream may begin anywhere");
  assert.equal(skipped.before(1020, FRAME_BYTES, 1020), 0);
  assert.equal(skipped.before(1059, FRAME_BYTES, 1059), 0, "less than a frame");
  assert.equal(skipped.before(1179, FRAME_BYTES, 1179), 100);
  assert.deepEqual(skipped.due(500), { frames: 12, againMs: 250 });
  assert.equal(skipped.before(1699, FRAME_BYTES, 1699), 500 - 240);
});

test("silence is made up in pieces, behind time only until the carrier is known to send none", () => {
  const skipped = new SkippedSilence();
  skipped.before(0, FRAME_BYTES, 0);
  assert.deepEqual(skipped.due(300), { frames: 0, againMs: 200 });
  assert.deepEqual(skipped.due(500), { frames: 12, againMs: 250 });
  assert.deepEqual(skipped.due(750), { frames: 13, againMs: 250 });
  skipped.before(1020, FRAME_BYTES, 1020);
  assert.deepEqual(skipped.due(249), { frames: 0, againMs: 1 });
  assert.deepEqual(skipped.due(250), { frames: 12, againMs: 250 });
});

test("behind a frame that came late nothing is made up for as much longer: more may lie unread", () => {
  const skipped = new SkippedSilence();
  skipped.before(0, FRAME_BYTES, 7000);
  skipped.before(20, FRAME_BYTES, 7820);
  assert.deepEqual(skipped.due(600), { frames: 0, againMs: 700 });
  assert.deepEqual(skipped.due(1300), { frames: 12, againMs: 250 });
  skipped.before(40, FRAME_BYTES, 7040);
  assert.deepEqual(skipped.due(500), { frames: 12, againMs: 250 });
  skipped.before(60, FRAME_BYTES, 90_000);
  assert.deepEqual(skipped.due(2500), { frames: 12, againMs: 250 }, "at most 2 s longer");
});
