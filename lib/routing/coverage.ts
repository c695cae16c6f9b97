/** How much of an utterance a route's examples speak of at all: "how much does the baby weigh" is not about a price. Pure. */
import { concepts, stem } from "./concepts.ts";

/** A word known only by its group counts this much of one that the examples hold themselves. */
const BY_GROUP = 0.7;

/** The words and groups of one route's examples. */
export class Coverage {
  readonly #stems: ReadonlySet<string>;
  readonly #groups: ReadonlySet<number>;

  constructor(examples: readonly (readonly string[])[]) {
    this.#stems = new Set(examples.flat().map(stem));
    this.#groups = new Set(examples.flatMap(concepts));
  }

  /** The share, 0 to 1, of `words` that the examples cover, each word counted by its `rarity`. */
  of(words: readonly string[], rarity: (word: string) => number): number {
    let covered = 0, total = 0;
    for (const word of words) {
      const weight = rarity(word);
      total += weight;
      covered += weight * this.#known(word);
    }
    return total > 0 ? covered / total : 0;
  }

  #known(word: string): number {
    if (this.#stems.has(stem(word))) return 1;
    return concepts([word]).some((group) => this.#groups.has(group)) ? BY_GROUP : 0;
  }
}
