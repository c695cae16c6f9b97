/**
 * How many words of a text a voice has spoken that tells no word times. Pure. Its pace says it roughly; where it makes a
 * long pause about where the text has a comma or a full stop, it has come to just that.
 */

import { tokensWithin } from "../base/pace.ts";
import type { Span } from "./pauses.ts";

export interface SpokenSoFar {
  /** Where the voice was heard, in order: what lies between its pauses. */
  sounds: readonly Span[];
  /** Up to where it is asked, ms. */
  untilMs: number;
  /** The words it speaks, in order, as `tokensOf` tells them. */
  words: readonly string[];
  /** How fast it is known to speak, ms a letter, a word's space included. */
  msPerCharacter: number;
}

/** A pause of this length is one that the text has asked for, ms. */
const LONG_MS = 220;
/** By so many words a guess may be off. */
const OFF_WORDS = 2;

/** The number of words that were heard by half at least. */
export function wordsSpoken({ sounds, untilMs, words, msPerCharacter }: SpokenSoFar): number {
  let known = 0;
  let fromMs = sounds[0]?.startMs ?? 0;
  const guess = (ms: number) => known + tokensWithin(words.slice(known), (ms - fromMs) / msPerCharacter);
  for (const [index, { endMs }] of sounds.entries()) {
    const next = sounds[index + 1];
    const goesOnMs = next?.startMs ?? untilMs;
    if (endMs > untilMs || goesOnMs - endMs < LONG_MS) continue;
    const mark = nearestMark(words, guess(endMs), known);
    if (mark === undefined) continue;
    known = mark;
    fromMs = goesOnMs;
  }
  return guess(untilMs);
}

/** The number of words up to a comma or the like, where one is about `count` words in, and after `known`. */
function nearestMark(words: readonly string[], count: number, known: number): number | undefined {
  const near = Array.from({ length: 2 * OFF_WORDS + 1 }, (_, n) => count - OFF_WORDS + n)
    .filter((at) => at > known && at <= words.length && /[,;:.!?…)、。，；：！？]["'”’」』]?\s*$/.test(words[at - 1]!));
  return near.toSorted((a, b) => Math.abs(a - count) - Math.abs(b - count))[0];
}
