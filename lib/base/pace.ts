/** How far into a text a voice has come. Pure. */

import { UNSPACED } from "./unspaced.ts";

/** A voice's usual speed, until it is known better: ms a letter. */
export const MS_PER_CHARACTER = 62;

const TOKEN = new RegExp(`\\s*(?:[${UNSPACED}]\\p{M}*|[^\\s${UNSPACED}]+)\\s*`, "gu");

/** The words of a text, its characters where it is written without spaces; each with the space behind it, so that joined they are the text. */
export function tokensOf(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/**
 * Characters that take longer than a letter, in letters. The local voice speaks digits so (a zero is often a part of
 * "hundred"); announcers read 300 characters of Japanese in a minute, 260 of Chinese, 330 syllables of Korean.
 */
const LONG: readonly [RegExp, number][] = [
  [/(?!0)\p{Nd}/gu, 6],
  [/0/g, 2],
  [/\p{Script=Han}/gu, 4],
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, 2],
  [/\p{Script=Hangul}/gu, 3],
];

/** How long a text is to say, in letters. */
export function spokenLength(text: string): number {
  return LONG.reduce((sum, [some, letters]) => sum + (text.match(some)?.length ?? 0) * (letters - 1), text.length);
}

/** How many tokens have their middle within the first `letters`. */
export function tokensWithin(tokens: readonly string[], letters: number): number {
  let start = 0;
  for (const [index, token] of tokens.entries()) {
    if (start + spokenLength(token.trim()) / 2 > letters) return index;
    start += spokenLength(token);
  }
  return tokens.length;
}

/** Where `text` goes on after a voice's words, by their letters and digits; undefined where it has others. */
export function indexBehind(words: readonly { text: string }[], text: string): number | undefined {
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
  return text.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, "");
}
