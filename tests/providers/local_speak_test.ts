import assert from "node:assert/strict";
import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import type { Voice } from "../../lib/audio/voice.ts";
import { FaultError } from "../../lib/base/result.ts";
import { localTts } from "../../lib/providers/local_speak.ts";
import type { Spoken } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const never = new AbortController().signal;

async function* pieces(...texts: string[]): AsyncGenerator<string> {
  yield* texts;
}

function noting(voice: Voice, asked: string[]): Voice {
  return {
    speak: (text, signal) => {
      asked.push(text);
      return voice.speak(text, signal);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function speak(...texts: string[]): Promise<{ asked: string[]; spoken: Spoken[] }> {
  const asked: string[] = [];
  const spoken: Spoken[] = [];
  await using tts = localTts({ voice: noting(toneVoice(), asked) });
  for await (const part of tts.speak(pieces(...texts), never)) spoken.push(part);
  return { asked, spoken };
}

test("the local voice is asked sentence by sentence, however the text is cut", async () => {
  const text = 'It costs 12.50. "Really?" Dr. Bell asked. Call at 9 a.m. or at noon! Yes';
  const sentences = ["It costs 12.50.", '"Really?"', "Dr. Bell asked.", "Call at 9 a.m. or at noon!", "Yes"];
  assert.deepEqual((await speak(text)).asked, sentences);
  assert.deepEqual((await speak(...text)).asked, sentences);
  assert.deepEqual((await speak(" ", "\n", "")).asked, []);
});

test("the times of words run on from sentence to sentence", async () => {
  const { spoken } = await speak("One two. ", "Three.");
  const words = spoken.flatMap((part) => part.kind === "words" ? part.words : []);
  // 60 ms per character and between words; the first sentence lasts 480 ms, 24 frames.
  assert.deepEqual(words, [
    { text: "One", startMs: 0, endMs: 180 },
    { text: "two.", startMs: 240, endMs: 480 },
    { text: "Three.", startMs: 480, endMs: 840 },
  ]);
  const audio = spoken.map((part) => part.kind === "audio" ? part.frames.length / FRAME_BYTES : 0);
  assert.deepEqual(audio.filter((frames) => frames > 0), [24, 18]);
});

test("the first sentence sounds before the second is known", async () => {
  await using tts = localTts({ voice: toneVoice() });
  const wait = Promise.withResolvers<void>();
  async function* text() {
    yield "First. ";
    await wait.promise;
    yield "Second.";
  }
  const spoken = tts.speak(text(), never)[Symbol.asyncIterator]();
  assert.equal((await spoken.next()).value?.kind, "words");
  assert.equal((await spoken.next()).value?.kind, "audio");
  wait.resolve();
  await spoken.return?.();
});

test("a voice's own fault is passed on, any other failure becomes one", async () => {
  const failing = (error: Error): Voice => ({
    speak: () => Promise.reject(error),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const own = new FaultError({ kind: "deadline", peer: "local-voice", what: "audio", limitMs: 5000 });
  for (
    const [error, message] of [
      [own, /Waited 5000 ms for audio from the local voice/],
      [new Error("out of memory"), /The local voice reported FAILED: out of memory\. Set another voice/],
    ] as const
  ) {
    await using tts = localTts({ voice: failing(error) });
    await assert.rejects(async () => {
      for await (const _ of tts.speak(pieces("Hello."), never));
    }, (thrown: unknown) => thrown instanceof FaultError && message.test(thrown.message));
  }
});
