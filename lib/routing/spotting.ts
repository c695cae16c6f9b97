/** Stretches of a longer utterance that may be a phrase one listens for anywhere, such as an emergency. Pure. */

import { COMMON_WORDS } from "./common_words.ts";
import { tokens } from "./text.ts";

/** English, and what other languages put before a thing that is not there; not "non", "não" or "нет", which may also answer a question. */
const DENIALS = new Set(
  ("not no without never nobody neither nor kein keine keinen keinem keiner nicht ohne pas aucun aucune sans sin ningún ninguna senza " +
    "nessun nessuna sem nenhum nenhuma geen niet zonder не без").split(" "),
);
/** What may stand between a denial and the thing denied. */
const BETWEEN = new Set(
  ("have having had has got take taken any a an the my more longer real really actual feel feeling like exactly quite medical serious life " +
    "threatening").split(" "),
);
/** "I do not think that this is ...": what may stand behind the opinion. */
const OPINIONS = new Set(["think", "believe", "say", "call", "consider", "like"]);
const CLAIMED = new Set(["that", "this", "it", "is", "was"]);
/** After "no" these begin a new statement: "no I have chest pain" denies nothing. */
const SUBJECTS = new Set(["i", "it", "he", "she", "we", "they", "you", "there", "my", "the", "this"]);
/** It is only mentioned: another thing has its name, it may come one day, or it is long past (English). */
const MENTIONED = new RegExp(
  "(?<!\\bis (?:an )?)\\bemergency (?:contacts?|rooms?|exits?|departments?|numbers?)\\b|" +
    "(?<!\\b(?:am|are|is) )\\bin (?:an|case of(?: an)?) emergency\\b|" +
    "\\bhad (?:(?!(?:and|but|now|since)\\b)\\S+ ){1,6}(?:years? ago|last year)\\b",
  "g",
);
/** A "no" between marks answers a question: "No, es una emergencia". */
const ANSWERING_NO = /(?<=^|[.,;:!?¿¡—]\s*)no(?=\s*[.,;:!—])/giu;
/** In Japanese a denial stands behind: "緊急ではありません", "痛くない". */
const DENIED_BEHIND = /(?:では|じゃ|く)(?:ありま|な[いくか])/;
/** A monologue is not searched beyond this. */
const MOST_STRETCHES = 120;
/** A stretch may be this many words longer than the longest example. */
const SLACK_WORDS = 1;

/** The words of `text`, but for what neither says nor denies that something is the case now. What the `examples` hold themselves stays. */
export function statedWords(text: string, examples: readonly string[]): string[] {
  const isExample = (mention: string) => examples.some((example) => tokens(example).join(" ").includes(mention));
  return tokens(text.replace(ANSWERING_NO, "")).join(" ")
    .replace(MENTIONED, (mention) => isExample(mention) ? mention : "/").split(" ");
}

/**
 * The stretches of `words` about as long as the `examples`, holding a telling word of theirs, and not denied. An example that
 * is itself a denial ("I can't breathe") cannot be denied: words that only such examples tell count whatever stands before them.
 */
export function spottings(words: readonly string[], examples: readonly string[]): string[][] {
  const lists = examples.map(tokens);
  const denying = telling(lists.filter(hasDenial)), plain = telling(lists.filter((list) => !hasDenial(list)));
  const shortest = Math.min(...lists.map((list) => list.length));
  const longest = Math.max(...lists.map((list) => list.length)) + SLACK_WORDS;
  const found: string[][] = [];
  for (let from = 0; from < words.length; from++) {
    for (let to = from + shortest; to <= Math.min(words.length, from + longest); to++) {
      const stretch = words.slice(from, to), stems = stretch.map(stem);
      if (stems.some((word) => plain.has(word) && !denying.has(word))) {
        if (hasDenial(stretch) || isDenied(words, { from, listed: stretch.includes("or"), things: plain })) continue;
        if (DENIED_BEHIND.test(words.slice(from, to + 2).join(""))) continue;
      } else if (!stems.some((word) => denying.has(word))) continue;
      found.push(stretch);
      if (found.length === MOST_STRETCHES) return found;
    }
  }
  return found;
}

function telling(lists: readonly (readonly string[])[]): Set<string> {
  return new Set(lists.flat().filter((word) => !COMMON_WORDS.has(word)).map(stem));
}

export function hasDenial(words: readonly string[]): boolean {
  return words.some((word) => DENIALS.has(word));
}

function stem(word: string): string {
  return word.slice(0, 5);
}

/**
 * Whether a denial right before `from` covers what begins there; between them may stand empty words, and of a list ("no pain or
 * bleeding") other `things` that are listened for.
 */
function isDenied(
  words: readonly string[],
  { from, listed, things }: { from: number; listed: boolean; things: ReadonlySet<string> },
): boolean {
  let at = from - 1;
  for (; at >= 0; at--) {
    const word = words[at]!;
    if (word === "or") listed = true;
    else if (!BETWEEN.has(word) && !(listed && things.has(stem(word)))) break;
  }
  const before = words[at];
  if (before === undefined) return false;
  if (!DENIALS.has(before)) return isDoubted(words, at);
  return before !== "no" || at === from - 1
    ? !(before === "no" && SUBJECTS.has(words[from]!))
    : !SUBJECTS.has(words[at + 1]!);
}

/** Whether the words up to `at` end as "I do not think that this is". */
function isDoubted(words: readonly string[], at: number): boolean {
  while (at > 0 && CLAIMED.has(words[at]!)) at--;
  return OPINIONS.has(words[at]!) && DENIALS.has(words[at - 1] ?? "");
}
