import assert from "node:assert/strict";
import { Audible } from "../../lib/audio/audible.ts";
import { encode } from "../../lib/audio/mulaw.ts";
import { test } from "../case.ts";

/** 20 ms of a steady tone at this level of full scale. */
function tone(dbfs: number): Uint8Array {
  const peak = 32768 * 10 ** (dbfs / 20);
  return encode(Int16Array.from({ length: 160 }, (_, n) => n % 8 < 4 ? peak : -peak));
}

/** Hear so many frames of each level. @returns the lengths of the sounds that ended, in frames. */
function hear(ear: Audible, ...pieces: [dbfs: number, frames: number][]): number[] {
  const ended: number[] = [];
  for (const [dbfs, frames] of pieces) {
    const frame = tone(dbfs);
    for (let n = 0; n < frames; n++) ended.push(ear.push(frame));
  }
  return ended.filter((frames) => frames > 0);
}

test("who speaks is heard after eight loud frames, until fewer of the last 25 were loud; a click is nobody", () => {
  const ear = new Audible();
  assert.deepEqual(hear(ear, [-70, 50], [-20, 7], [-70, 50]), []);
  hear(ear, [-20, 8]);
  assert.deepEqual([ear.audible, ear.loud], [true, true]);
  hear(ear, [-70, 17]);
  assert.deepEqual([ear.audible, ear.loud], [true, false]);
  assert.deepEqual(hear(ear, [-70, 1]), [18]);
  assert.equal(ear.audible, false);
});

test("steady noise of a line is the line's after a while, and speech stands out of it; a loud voice is never noise", () => {
  const ear = new Audible();
  hear(ear, [-45, 100]);
  assert.equal(ear.audible, true);
  hear(ear, [-45, 400]);
  assert.equal(ear.audible, false);
  hear(ear, [-33, 10]);
  assert.equal(ear.audible, true);
  hear(ear, [-70, 30], [-45, 10]);
  assert.equal(ear.audible, true, "the line has fallen silent meanwhile");
  hear(ear, [-20, 3000]);
  assert.equal(ear.audible, true);
});
