import assert from "node:assert/strict";
import { FrameCutter, SILENCE } from "../../lib/audio/frame.ts";
import { test } from "../case.ts";

test("frames that were cut out of several chunks, or padded, stay as they are while others are cut", () => {
  const cutter = new FrameCutter();
  const frames: Uint8Array[] = [];
  const keep = (frame: Uint8Array) => void frames.push(frame);
  cutter.push(new Uint8Array(100).fill(1), keep);
  cutter.push(new Uint8Array(100).fill(2), keep);
  cutter.flush(keep);
  cutter.flush(keep);
  for (const byte of [3, 4]) cutter.push(new Uint8Array(100).fill(byte), keep);
  const runs = frames.map((frame) => [...new Set(frame)].map((byte) => [byte, frame.filter((b) => b === byte).length]));
  assert.deepEqual(runs, [[[1, 100], [2, 60]], [[2, 40], [SILENCE, 120]], [[3, 100], [4, 60]]]);
});
