import { BYTES_PER_MS, FRAME_BYTES, RATE_HZ, SILENCE } from "../../lib/audio/frame.ts";
import { encode } from "../../lib/audio/mulaw.ts";
import type { TimedWord } from "../../lib/audio/tag.ts";
import type { Utterance, Voice } from "../../lib/audio/voice.ts";

const TONE_MS_PER_CHARACTER = 60;
/** A level of -18 dBFS. */
const TONE_PEAK = 32768 * 10 ** (-18 / 20) * Math.SQRT2;
const FADE_BYTES = 5 * BYTES_PER_MS;

/**
 * A voice of tones: pure, at once, always the same. Each word is a burst of 60 ms per
 * character at a pitch of its own (300-1200 Hz, -18 dBFS), with 60 ms of silence between words.
 */
export function toneVoice(): Voice {
  return {
    speak: (text, signal) =>
      new Promise((resolve) => {
        signal?.throwIfAborted();
        resolve(speakTones(text));
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A voice that has nothing to say, whatever it is asked. */
export function muteVoice(): Voice {
  return {
    speak: () => Promise.resolve({ audio: new Uint8Array(0), words: [] }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function speakTones(text: string): Utterance {
  const words: TimedWord[] = [];
  let nextMs = 0;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const endMs = nextMs + word.length * TONE_MS_PER_CHARACTER;
    words.push({ text: word, startMs: nextMs, endMs });
    nextMs = endMs + TONE_MS_PER_CHARACTER;
  }
  const audio = new Uint8Array((words.at(-1)?.endMs ?? 0) * BYTES_PER_MS).fill(SILENCE);
  for (const { text, startMs, endMs } of words) {
    fillTone(audio.subarray(startMs * BYTES_PER_MS, endMs * BYTES_PER_MS), pitchHz(text));
  }
  return { audio, words };
}

/** A multiple of 50 Hz, so that 160 samples hold whole periods. */
function pitchHz(word: string): number {
  let hash = 0;
  for (const character of word) hash = (Math.imul(hash, 31) + character.codePointAt(0)!) >>> 0;
  return 300 + 50 * (hash % 19);
}

function fillTone(burst: Uint8Array, hz: number): void {
  const sample = (n: number) => TONE_PEAK * Math.sin(2 * Math.PI * hz * n / RATE_HZ);
  const period = encode(Int16Array.from({ length: FRAME_BYTES }, (_, n) => sample(n)));
  for (let i = 0; i < burst.length; i += FRAME_BYTES) burst.set(period.subarray(0, burst.length - i), i);
  const rise = Int16Array.from({ length: FADE_BYTES }, (_, n) => sample(n) * n / FADE_BYTES);
  const fall = rise.map((_, n) => sample(burst.length - FADE_BYTES + n) * (1 - n / FADE_BYTES));
  burst.set(encode(rise));
  burst.set(encode(fall), burst.length - FADE_BYTES);
}
