/** Which replies may be cut, what an interruption cut off, and where to go on if it was none. Pure. */

import type { Cut } from "../phone/leg.ts";

/** Without word timings a resumed reply repeats this much. */
const REPEAT_MS = 200;

interface Span {
  startMs: number;
  endMs: number;
}

export class CutReplies {
  /** When each word of a reply is said, for those that were not heard to their end. */
  readonly #words = new Map<number, Span[]>();
  /** Those that the caller must hear to their end. */
  readonly #protected = new Set<number>();
  #cuts: readonly Cut[] = [];

  /** Nothing is being said that must not be cut. */
  get mayCut(): boolean {
    return this.#protected.size === 0;
  }

  protect(reply: number): void {
    this.#protected.add(reply);
  }

  addWords(reply: number, words: readonly Span[]): void {
    this.#words.set(reply, [...this.#words.get(reply) ?? [], ...words]);
  }

  /** Heard to its end: nothing of it can be cut any more. */
  heard(reply: number): void {
    this.#words.delete(reply);
    this.#protected.delete(reply);
  }

  /** `cuts`: oldest first. */
  cut(cuts: readonly Cut[]): void {
    this.#cuts = cuts;
    for (const { reply } of cuts) this.#protected.delete(reply);
  }

  forget(): void {
    this.#cuts = [];
  }

  /** Where to go on: `fromMs` of the first cut reply, the start of the cut word; `last`: the newest one that was cut. Only the first call gets it. */
  rest(): { fromMs: number; last: number } | undefined {
    const [first] = this.#cuts;
    const last = this.#cuts.at(-1);
    this.#cuts = [];
    if (!first || !last) return undefined;
    const word = this.#words.get(first.reply)?.find(({ endMs }) => endMs > first.heardMs);
    const fromMs = word ? Math.min(word.startMs, first.heardMs) : first.heardMs - REPEAT_MS;
    return { fromMs: Math.max(0, fromMs), last: last.reply };
  }
}
