/** The questions in what the caller said. English; what is said in other languages holds none. Pure. */

import { LONGEST_CHARS, tokens } from "./text.ts";

const setOf = (words: string) => new Set(words.split(" "));
const OPENERS = setOf(
  "what when where which who whose why how do does did is are was were can could will would should may have has",
);
/** What may come before them: "Hello, yes, do you". */
const LEAD = setOf("hello hi hey yes no okay so well oh but also then good morning afternoon evening excuse me sorry");
/** "How much": shorter ones ask nothing by themselves. */
const LEAST_WORDS = 3;

/** Each question of `text`, as tokens: "Do you have parking, and when are you open?" holds two. */
export function questions(text: string): string[][] {
  return text.slice(0, LONGEST_CHARS).split(/[?？]|\band\b/i).flatMap((part) => {
    const words = tokens(part);
    const asked = words.slice(Math.max(0, words.findIndex((word) => !LEAD.has(word))));
    return OPENERS.has(asked[0] ?? "") && asked.length >= LEAST_WORDS ? [asked] : [];
  });
}
