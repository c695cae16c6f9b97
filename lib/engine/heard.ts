/** How much of a text was heard after so many milliseconds. Pure. */

import { indexBehind, tokensOf, tokensWithin } from "../base/pace.ts";
import type { SpokenWord } from "../providers/ports.ts";
import type { Span } from "./pauses.ts";
import { wordsSpoken } from "./word_count.ts";

export interface CutText {
  text: string;
  /** When its words sound; empty if the voice does not tell. */
  words: readonly SpokenWord[];
  heardMs: number;
  /** How fast it is spoken, where `words` do not tell. */
  msPerCharacter: number;
}

/** `text` in two, between words: a word counts as heard when half of it was. `Infinity` ms: all of it. */
export function cutAt({ text, words, heardMs, msPerCharacter }: CutText): { heard: string; rest: string } {
  const plain = tidy(text);
  if (heardMs === Infinity) return { heard: plain, rest: "" };
  if (words.length === 0) return split(plain, indexWithin(plain, heardMs / msPerCharacter));
  const told = words.filter((word) => isHeard(word, heardMs));
  const along = indexBehind(told, plain);
  if (along !== undefined) return split(plain, along);
  // The voice has words of its own ("ninety dollars" for "$90"): what it says of them is the truth.
  return { heard: textOf(told), rest: textOf(words.slice(told.length)) };
}

/** Up to which token its first `letters` reach, as an index: one counts with its middle. */
function indexWithin(text: string, letters: number): number {
  const tokens = tokensOf(text);
  return lengthOf(tokens.slice(0, tokensWithin(tokens, letters)));
}

function lengthOf(tokens: readonly string[]): number {
  return tokens.join("").length;
}

function isHeard({ startMs, endMs }: SpokenWord, heardMs: number): boolean {
  return (startMs + endMs) / 2 <= heardMs;
}

/** How many characters at the start of `text` were spoken, up to the start of a word. `sounds`: the stretches of sound between the voice's pauses. */
export function spokenCharacters(
  { text, words, heardMs: untilMs, msPerCharacter, sounds }: CutText & { sounds: readonly Span[] },
): number {
  const told = words.filter((word) => isHeard(word, untilMs));
  const along = words.length > 0 ? indexBehind(told, text) : undefined;
  if (along !== undefined) return along;
  const tokens = tokensOf(text);
  return lengthOf(tokens.slice(0, wordsSpoken({ sounds, untilMs, words: tokens, msPerCharacter })));
}

/** Single spaces, none at the ends. */
export function tidy(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

function split(text: string, at: number): { heard: string; rest: string } {
  return { heard: text.slice(0, at).trimEnd(), rest: text.slice(at) };
}

function textOf(words: readonly SpokenWord[]): string {
  return words.map(({ text }) => text).join(" ");
}
