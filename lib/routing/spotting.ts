/** Stretches of a longer utterance that may be a phrase one listens for anywhere, such as an emergency. Pure. */
import { tokens } from "./text.ts";

/** Words that alone say nothing: a stretch must hold another word of the examples. */
const COMMON = new Set(
  ("i you he she it we they me my your his her our their a an the is am are was were be been do does did have has had can could will would " +
    "shall should may might must not no to of in on at for from with by and or but so if that this there here what who how when where why " +
    "some any all just very too lot having took take get got want need help call please").split(" "),
);
const DENIALS = new Set(["not", "no", "without", "never"]);
/** What may stand between a denial and the thing denied. */
const BETWEEN = new Set([
  "have",
  "having",
  "had",
  "has",
  "got",
  "any",
  "a",
  "an",
  "the",
  "my",
  "more",
  "longer",
  "real",
  "really",
  "actual",
  "feel",
  "feeling",
  "like",
]);
/** After "no" these begin a new statement: "no I have chest pain" denies nothing. */
const SUBJECTS = new Set(["i", "it", "he", "she", "we", "they", "you", "there", "my", "the", "this"]);
/** A monologue is not searched beyond this. */
const MOST_STRETCHES = 120;
/** A stretch may be this many words longer than the longest example. */
const SLACK_WORDS = 1;

/**
 * The stretches of `words` about as long as the `examples`, holding a telling word of theirs, and not denied. An example that
 * is itself a denial ("I can't breathe") cannot be denied: its words count whatever stands before them.
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
      const deniable = !stems.some((word) => denying.has(word));
      if (deniable && (!stems.some((word) => plain.has(word)) || hasDenial(stretch) || isDenied(words, from))) continue;
      found.push(stretch);
      if (found.length === MOST_STRETCHES) return found;
    }
  }
  return found;
}

function telling(lists: readonly (readonly string[])[]): Set<string> {
  return new Set(lists.flat().filter((word) => !COMMON.has(word)).map(stem));
}

function hasDenial(words: readonly string[]): boolean {
  return words.some((word) => DENIALS.has(word));
}

function stem(word: string): string {
  return word.slice(0, 5);
}

/** Whether a denial right before `from`, or with only empty words between, covers what begins there. */
function isDenied(words: readonly string[], from: number): boolean {
  let at = from - 1;
  while (at >= 0 && BETWEEN.has(words[at]!)) at--;
  const before = words[at];
  if (before === undefined || !DENIALS.has(before)) return false;
  return before !== "no" || at === from - 1
    ? !(before === "no" && SUBJECTS.has(words[from]!))
    : !SUBJECTS.has(words[at + 1]!);
}
