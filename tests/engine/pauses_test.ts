import assert from "node:assert/strict";
import { FRAME_BYTES, FRAME_MS, SILENT_FRAME } from "../../lib/audio/frame.ts";
import { Pauses } from "../../lib/engine/pauses.ts";
import { tokensOf } from "../../lib/base/pace.ts";
import { wordsSpoken } from "../../lib/engine/word_count.ts";
import { test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const TEXT = "Our kitchen serves dinner until eleven, and the terrace stays open. Would you like a table?";

test("audio is cut at whole frames in the last pause, and never in a word", async () => {
  const { audio, words } = await toneVoice().speak(TEXT);
  const pauses = new Pauses();
  const cuts = new Set<number>();
  for (let at = 0; at + FRAME_BYTES <= audio.length; at += FRAME_BYTES) {
    pauses.push(audio.subarray(at, at + FRAME_BYTES));
    const { lastCutMs } = pauses;
    assert.equal(lastCutMs % FRAME_MS, 0);
    assert.ok(lastCutMs <= (at + FRAME_BYTES) / 8, "of what is here");
    assert.ok(words.every(({ startMs, endMs }) => lastCutMs <= startMs || lastCutMs >= endMs), `${lastCutMs} ms`);
    cuts.add(lastCutMs);
  }
  assert.ok(cuts.size >= words.length, "there is one before each word");
});

test("without a sound, or without a pause, there is nothing to cut at", async () => {
  const pauses = new Pauses();
  assert.equal(pauses.lastCutMs, 0);
  pauses.push(SILENT_FRAME);
  assert.equal(pauses.lastCutMs, 0);
  const { audio } = await toneVoice().speak("unbelievable");
  for (let at = 0; at + FRAME_BYTES <= audio.length; at += FRAME_BYTES) {
    pauses.push(audio.subarray(at, at + FRAME_BYTES));
    assert.equal(pauses.lastCutMs, 0);
  }
});

test("how many words were spoken: by pace, and at a long pause exactly up to its comma", () => {
  const words = tokensOf(TEXT);
  const at = (sounds: { startMs: number; endMs: number }[], untilMs: number) =>
    wordsSpoken({ sounds, untilMs, words, msPerCharacter: 60 });
  assert.equal(at([{ startMs: 0, endMs: 1500 }], 1500), 4); // "Our kitchen serves dinner", 25 characters
  assert.equal(at([{ startMs: 0, endMs: 4000 }], 4000), 11);
  // Slower than it was: a pause of 300 ms after 2,900 ms can only be the comma's (39 characters, 2,340 ms).
  assert.equal(at([{ startMs: 0, endMs: 2900 }], 3200), 6);
  assert.equal(at([{ startMs: 0, endMs: 2900 }, { startMs: 3200, endMs: 3900 }], 3900), 9);
  // Faster: after 1,900 ms (31 characters, 5 words) it is the same comma.
  assert.equal(at([{ startMs: 0, endMs: 1900 }], 2120), 6);
  // Another one soon after it is not the same, and one without a mark near it says nothing.
  const sounds = [{ startMs: 0, endMs: 2900 }, { startMs: 3200, endMs: 3500 }, { startMs: 3900, endMs: 4500 }];
  assert.equal(at(sounds, 4500), 10);
  assert.equal(at([{ startMs: 0, endMs: 900 }, { startMs: 1200, endMs: 1800 }], 1800), 5);
  assert.equal(at([], 0), 0);
  assert.equal(at([{ startMs: 0, endMs: 60_000 }], 60_000), words.length);
});
