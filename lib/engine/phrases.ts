/** What turn-taking needs to know of a caller's words. Pure. */

import { spaced } from "../base/unspaced.ts";

/** Small letters and digits, without punctuation. */
export function wordsOf(text: string): string[] {
  return spaced(text.normalize("NFKC").toLowerCase()).replaceAll("’", "'").match(/[\p{L}\p{N}\p{M}']+/gu) ?? [];
}

/** Two pieces of a turn. */
export function join(before: string, after: string): string {
  return before && after ? `${before} ${after}` : before || after;
}

/** Whether one of `phrases` occurs in `text`, as whole words. */
export function holdsPhrase(text: string, phrases: readonly string[]): boolean {
  const words = wordsOf(text);
  return phrases.some((phrase) => words.some((_, at) => startsAt(words, at, wordsOf(phrase)) > 0));
}

/** Whether `text` is made of nothing but `phrases`, in any order and number. */
export function isOnly(text: string, phrases: readonly string[]): boolean {
  const words = wordsOf(text);
  const known = phrases.map(wordsOf);
  // The positions that whole phrases from the start lead to.
  const reached = new Set([0]);
  for (const at of reached) {
    for (const phrase of known) {
      const length = startsAt(words, at, phrase);
      if (length > 0) reached.add(at + length);
    }
  }
  return words.length > 0 && reached.has(words.length);
}

/** The length of `phrase` if it stands in `words` at `at`, else 0. */
function startsAt(words: readonly string[], at: number, phrase: readonly string[]): number {
  return phrase.every((word, i) => words[at + i] === word) ? phrase.length : 0;
}

/** Nobody ends a turn with these: English. "Rufen Sie mich an", "qu'est-ce qu'il y a" are whole. */
const OPEN_ENDS = new Set(["and", "but", "or", "because", "the", "a", "an", "my", "your", "um", "uh", "erm", "if"]);

/** Whether more is sure to come, whatever the recogniser thinks. */
export function leavesOpen(text: string): boolean {
  return !/\?\s*$/.test(text) && OPEN_ENDS.has(wordsOf(text).at(-1) ?? "");
}
