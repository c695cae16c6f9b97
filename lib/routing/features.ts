/**
 * Tokens -> a sparse vector of three kinds of features: words and word pairs, character n-grams inside words, and groups of
 * words that mean nearly the same. Each kind is weighted by TF-IDF and scaled to a length of its own. Pure.
 */
import { concepts } from "./concepts.ts";
import { tokens } from "./text.ts";

/** Parallel arrays: weight `values[i]` of feature `ids[i]`. */
export interface Vector {
  readonly ids: Int32Array;
  readonly values: Float32Array;
}

export interface FeatureOptions {
  /** A feature seen in fewer texts than this is not learned. */
  minTexts: number;
  /** How much a feature never seen in training adds to a text's length, as a share of the heaviest known feature's. */
  unknown: number;
  /** Length of the vector's share of groups; words and characters have 1. */
  conceptLength: number;
}

const TEXTS_A_SLICE = 100;
const PAIR = 2;
const SHORTEST_GRAM = 3, LONGEST_GRAM = 5;

/** Counts of the three kinds of features of `words`: words with pairs, character n-grams, groups. */
function count(words: readonly string[]): Map<string, number>[] {
  const inWords = new Map<string, number>(), inChars = new Map<string, number>(), groups = new Map<string, number>();
  const add = (counts: Map<string, number>, key: string) => void counts.set(key, (counts.get(key) ?? 0) + 1);
  const framed = ["<", ...words, ">"];
  for (const word of words) add(inWords, word);
  for (let at = 0; at + PAIR <= framed.length; at++) add(inWords, `${framed[at]} ${framed[at + 1]}`);
  for (const word of words) {
    const padded = `^${word}$`;
    for (let size = SHORTEST_GRAM; size <= Math.min(LONGEST_GRAM, padded.length); size++) {
      for (let at = 0; at + size <= padded.length; at++) add(inChars, `#${padded.slice(at, at + size)}`);
    }
  }
  for (const group of concepts(words)) groups.set(`=${group}`, 1);
  return [inWords, inChars, groups];
}

/** The features of a training set, numbered, with their inverse text frequencies. */
export class Features {
  readonly #ids = new Map<string, number>();
  readonly #rarity: number[] = [];
  readonly #unknown: number;
  readonly #rarest: number;
  readonly #lengths: readonly number[];

  private constructor(seenIn: ReadonlyMap<string, number>, texts: number, options: FeatureOptions) {
    const rarity = (inTexts: number) => Math.log((1 + texts) / (1 + inTexts)) + 1;
    for (const [key, inTexts] of seenIn) {
      if (inTexts < options.minTexts) continue;
      this.#ids.set(key, this.#rarity.length);
      this.#rarity.push(rarity(inTexts));
    }
    this.#lengths = [1, 1, options.conceptLength];
    this.#rarest = rarity(1);
    this.#unknown = (options.unknown * rarity(1)) ** 2;
  }

  /** The features of `texts`, yielding every few milliseconds. */
  static *learn(texts: readonly string[], options: FeatureOptions): Generator<void, Features> {
    const seenIn = new Map<string, number>();
    for (const [at, text] of texts.entries()) {
      for (const counts of count(tokens(text))) {
        for (const key of counts.keys()) seenIn.set(key, (seenIn.get(key) ?? 0) + 1);
      }
      if (at % TEXTS_A_SLICE === TEXTS_A_SLICE - 1) yield;
    }
    return new Features(seenIn, texts.length, options);
  }

  get size(): number {
    return this.#rarity.length;
  }

  /** Memory of names and rarities: two bytes a character, eight a number. */
  get bytes(): number {
    let chars = 0;
    for (const key of this.#ids.keys()) chars += key.length;
    return 2 * chars + 16 * this.size;
  }

  /** How few texts hold `word`, as its weight. */
  rarity(word: string): number {
    const id = this.#ids.get(word);
    return id === undefined ? this.#rarest : this.#rarity[id]!;
  }

  /** The vector of already normalised `words`; each kind has at most its length. */
  vector(words: readonly string[]): Vector {
    const ids: number[] = [], values: number[] = [];
    for (const [kind, counts] of count(words).entries()) {
      const start = ids.length;
      let squares = 0;
      for (const [key, times] of counts) {
        const id = this.#ids.get(key);
        if (id === undefined) {
          squares += this.#unknown;
          continue;
        }
        const value = (1 + Math.log(times)) * this.#rarity[id]!;
        ids.push(id);
        values.push(value);
        squares += value * value;
      }
      const scale = squares > 0 ? this.#lengths[kind]! / Math.sqrt(squares) : 0;
      for (let at = start; at < values.length; at++) values[at]! *= scale;
    }
    return { ids: Int32Array.from(ids), values: Float32Array.from(values) };
  }
}

/** How like others are to one vector of the same feature set: the cosine of the angle, 0 if either is empty. */
export class Likeness {
  readonly #dense: Float32Array;
  readonly #length: number;

  constructor(one: Vector, size: number) {
    this.#dense = new Float32Array(size);
    one.ids.forEach((id, at) => this.#dense[id] = one.values[at]!);
    this.#length = length(one);
  }

  to(other: Vector): number {
    let product = 0;
    for (let at = 0; at < other.ids.length; at++) product += other.values[at]! * this.#dense[other.ids[at]!]!;
    const lengths = this.#length * length(other);
    return lengths > 0 ? product / lengths : 0;
  }
}

function length({ values }: Vector): number {
  let squares = 0;
  for (let at = 0; at < values.length; at++) squares += values[at]! * values[at]!;
  return Math.sqrt(squares);
}
