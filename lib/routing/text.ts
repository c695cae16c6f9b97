/** Phone speech as a recogniser writes it -> plain tokens that two callers who say the same thing share. Pure. */

import { spaced } from "../base/unspaced.ts";

/** Said while thinking: carries nothing a route could be about. */
const FILLERS = new Set(["um", "uh", "uhm", "umm", "er", "erm", "hmm", "hm", "mm", "mhm", "ah", "eh", "please"]);

/** After these, "like" is a verb ("would like", "I like") or a comparison ("what is it like"); elsewhere it is a filler. */
const BEFORE_VERB_LIKE = new Set([
  "i",
  "you",
  "we",
  "they",
  "would",
  "do",
  "not",
  "to",
  "really",
  "look",
  "is",
  "it",
  "sound",
  "sounds",
  "feel",
  "feels",
  "people",
]);

const SHORT_FORMS: Readonly<Record<string, string>> = {
  "won't": "will not",
  "can't": "can not",
  "cannot": "can not",
  "shan't": "shall not",
  "ain't": "is not",
  "let's": "let us",
  "gonna": "going to",
  "wanna": "want to",
  "gotta": "got to",
  "gimme": "give me",
  "lemme": "let me",
  "whats": "what is",
  "whos": "who is",
  "hows": "how is",
  "wheres": "where is",
  "whens": "when is",
  "thats": "that is",
  "dont": "do not",
  "doesnt": "does not",
  "didnt": "did not",
  "isnt": "is not",
  "arent": "are not",
  "wasnt": "was not",
  "wont": "will not",
  "cant": "can not",
  "couldnt": "could not",
  "im": "i am",
  "ive": "i have",
  "youre": "you are",
  "theyre": "they are",
  "y'all": "you all",
  "ok": "okay",
  "yep": "yes",
  "yeah": "yes",
};

const TAILS: Readonly<Record<string, string>> = {
  "n't": "not",
  "'s": "is",
  "'re": "are",
  "'ve": "have",
  "'ll": "will",
  "'d": "would",
  "'m": "am",
};

const NUMBERS = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];
const DIGITS = new Map(NUMBERS.map((word, value) => [String(value), word]));

/** Longest text that is read, in UTF-16 units: more is a monologue, and none of it is a route. */
export const LONGEST_CHARS = 2000;

const WORD = /[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}]+)*|[$€£%]/gu;
const WITH_TAIL = /^(.+)(n't|'s|'re|'ve|'ll|'d|'m)$/;
/** French and Italian: "d'urgence", "l'orario". */
const WITH_ARTICLE = /^(c|d|j|l|m|n|qu|s|t|un|all|dell|nell)'(.+)$/;

/**
 * The tokens of `text`: lower case, no punctuation, short forms written out, numbers to twelve as words, fillers and words
 * said twice in a row left out (unless nothing else is there). Any language passes; never throws.
 */
export function tokens(text: string): string[] {
  const plain = text.slice(0, LONGEST_CHARS).normalize("NFKC").toLowerCase().replace(/[\u2018\u2019`\u00b4]/g, "'");
  const all = (spaced(plain).match(WORD) ?? []).flatMap(written);
  const said = all.filter((word, at) => word !== all[at - 1] && !isFiller(all, at));
  return said.length > 0 ? said : all;
}

function isFiller(words: readonly string[], at: number): boolean {
  const word = words[at]!;
  if (word === "like") return at > 0 && at < words.length - 1 && !BEFORE_VERB_LIKE.has(words[at - 1]!);
  return FILLERS.has(word);
}

function written(word: string): string[] {
  const short = Object.hasOwn(SHORT_FORMS, word) ? SHORT_FORMS[word] : DIGITS.get(word);
  if (short !== undefined) return short.split(" ");
  const split = WITH_TAIL.exec(word);
  if (split) return [split[1]!, TAILS[split[2]!]!];
  const [, article, noun] = WITH_ARTICLE.exec(word) ?? [];
  return (article && noun ? [article, noun] : [word]).map((part) => part.replaceAll("'", ""));
}
