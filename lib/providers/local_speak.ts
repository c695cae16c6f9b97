/** The local voice as a `Tts`: sentence by sentence, with the times of its words. */

import { audioMs, wholeFrames } from "../audio/frame.ts";
import type { Voice } from "../audio/voice.ts";
import { FaultError, messageOf } from "../base/result.ts";
import { abortable, unlessAborted } from "./abortable.ts";
import type { Spoken, Tts } from "./ports.ts";

/** Speak with `voice`, which stays its giver's to dispose. */
export function localTts({ voice }: { voice: Voice }): Tts {
  const disposal = new AbortController();
  return {
    name: "local voice",
    speak: (text, signal) => speakLocally(voice, text, AbortSignal.any([signal, disposal.signal])),
    [Symbol.asyncDispose]() {
      disposal.abort();
      return Promise.resolve();
    },
  };
}

async function* speakLocally(
  voice: Voice,
  text: AsyncIterable<string>,
  signal: AbortSignal,
): AsyncGenerator<Spoken, void, void> {
  let spokenBytes = 0;
  for await (const sentence of sentences(abortable(text, signal))) {
    const utterance = await unlessAborted(voice.speak(sentence, signal), signal).catch((error) => {
      throw error instanceof FaultError ? error : new FaultError({
        kind: "rejected",
        peer: "local-voice",
        code: "FAILED",
        detail: `${messageOf(error)}. Set another voice in speak.provider.`,
      });
    });
    if (!utterance || signal.aborted) return;
    const offsetMs = audioMs(spokenBytes);
    const words = utterance.words.map(({ text, startMs, endMs }) => ({
      text,
      startMs: offsetMs + startMs,
      endMs: offsetMs + endMs,
    }));
    if (words.length > 0) yield { kind: "words", words };
    const frames = wholeFrames(utterance.audio);
    spokenBytes += frames.length;
    if (frames.length > 0) yield { kind: "audio", frames };
  }
}

/** The end of a sentence, with the space after it: "12.50" and "Mrs. O'Neil" have none. */
const SENTENCE_END = /[.!?…]["'”’)\]]*\s+/g;
const ABBREVIATION = /(^|[\s(])(\p{Lu}|Mrs?|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|a\.m|p\.m)\.\s+$/u;

/** Whole sentences as soon as they are whole; the rest at the end. Nothing that is blank. */
async function* sentences(text: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let held = "";
  for await (const piece of text) {
    held += piece;
    for (let end = firstSentence(held); end > 0; end = firstSentence(held)) {
      if (held.slice(0, end).trim() !== "") yield held.slice(0, end).trim();
      held = held.slice(end);
    }
  }
  if (held.trim() !== "") yield held.trim();
}

function firstSentence(text: string): number {
  for (const match of text.matchAll(SENTENCE_END)) {
    const end = match.index + match[0].length;
    if (!ABBREVIATION.test(text.slice(0, end))) return end;
  }
  return 0;
}
