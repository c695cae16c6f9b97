import assert from "node:assert/strict";
import { loudnessDbfs } from "../../lib/audio/mulaw.ts";
import { toneVoice } from "../../lib/audio/voice.ts";
import { test } from "../case.ts";

test("the tone voice speaks each word for 60 ms per character at telephone level", async () => {
  const { audio, words } = await toneVoice().speak("  Hi there,\nyou ");
  assert.deepEqual(words, [
    { text: "Hi", startMs: 0, endMs: 120 },
    { text: "there,", startMs: 180, endMs: 540 },
    { text: "you", startMs: 600, endMs: 780 },
  ]);
  assert.equal(audio.length, 780 * 8);
  for (const { startMs, endMs } of words) {
    assert.ok(Math.abs(loudnessDbfs(audio.subarray(startMs * 8, endMs * 8)) + 18) < 1);
  }
  assert.ok(audio.subarray(120 * 8, 180 * 8).every((byte) => byte === 0xFF));
});

test("the tone voice is the same each time, empty for no text, and stops for an abort", async () => {
  const voice = toneVoice();
  assert.deepEqual(await voice.speak("again"), await voice.speak("again"));
  assert.deepEqual(await voice.speak("  "), { audio: new Uint8Array(0), words: [] });
  await assert.rejects(voice.speak("x", AbortSignal.abort(new Error("gone"))), /gone/);
});
