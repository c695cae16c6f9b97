/** How much of a text was heard after so many milliseconds. Pure. */

import type { SpokenWord } from "../providers/ports.ts";
import type { Span } from "./pauses.ts";
import { wordsOf } from "./phrases.ts";
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
  if (words.length === 0) return split(plain, charactersWithin(plain, heardMs / msPerCharacter));
  const told = words.filter((word) => isHeard(word, heardMs));
  const along = charactersOf(told, plain);
  if (along !== undefined) return split(plain, along);
  // The voice has words of its own ("ninety dollars" for "$90"): what it says of them is the truth.
  return { heard: textOf(told), rest: textOf(words.slice(told.length)) };
}

/** A word, or a character of a script that is written without spaces. */
const TOKEN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]\p{M}*|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu;

/** Up to which token its first `characters` reach, as an index: one counts with its middle. */
function charactersWithin(text: string, characters: number): number {
  for (const { 0: token, index } of text.matchAll(TOKEN)) if (index + token.length / 2 > characters) return index;
  return text.length;
}

function isHeard({ startMs, endMs }: SpokenWord, heardMs: number): boolean {
  return (startMs + endMs) / 2 <= heardMs;
}

/** How many characters at the start of `text` were spoken, up to the start of a word. `sounds`: the stretches of sound between the voice's pauses. */
export function spokenCharacters(
  { text, words, heardMs: untilMs, msPerCharacter, sounds }: CutText & { sounds: readonly Span[] },
): number {
  const told = words.filter((word) => isHeard(word, untilMs));
  const along = words.length > 0 ? charactersOf(told, text) : undefined;
  if (along !== undefined) return along;
  const tokens = [...text.matchAll(/\S+/g)];
  const count = wordsSpoken({ sounds, untilMs, words: tokens.map(([word]) => word), msPerCharacter });
  return tokens[count]?.index ?? text.length;
}

/** Where `text` goes on after `words`, by their letters and digits; undefined where it has others. */
function charactersOf(words: readonly SpokenWord[], text: string): number | undefined {
  const spoken = lettersOf(words.map(({ text }) => text).join(""));
  // Find the shortest beginning with as many letters: their number only grows, so a binary search will do.
  let [length, most] = [0, text.length];
  while (length < most) {
    const middle = Math.floor((length + most) / 2);
    if (lettersOf(text.slice(0, middle)).length < spoken.length) length = middle + 1;
    else most = middle;
  }
  if (lettersOf(text.slice(0, length)) !== spoken) return undefined;
  return length + (length === 0 ? 0 : /^[^\p{L}\p{N}\p{M}\s]*\s*/u.exec(text.slice(length))![0].length);
}

function lettersOf(text: string): string {
  return wordsOf(text).join("").replaceAll("'", "");
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
