/** Counts of things seen within a time, bounded in number. */

import type { Clock } from "./clock.ts";

/** How often each key was seen in the last `ttlMs`. When more than `limit` keys are known, the one seen longest ago is forgotten. */
export class RecentCounts<K> {
  readonly #seen = new Map<K, number[]>();
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #limit: number;

  constructor({ clock, ttlMs, limit }: { clock: Clock; ttlMs: number; limit: number }) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#limit = limit;
  }

  /** Keys held now. */
  get size(): number {
    return this.#seen.size;
  }

  /** How often `key` was counted within the time. */
  of(key: K): number {
    return this.#recent(key).length;
  }

  /** Count `key` once more. @returns how often it was seen within the time, this one included. */
  count(key: K): number {
    const nowMs = this.#clock.monotonicMs();
    const times = this.#recent(key);
    times.push(nowMs);
    this.#seen.delete(key);
    this.#seen.set(key, times);
    for (const [known, times] of this.#seen) {
      if (this.#seen.size <= this.#limit && times.at(-1)! > nowMs - this.#ttlMs) break;
      this.#seen.delete(known);
    }
    return times.length;
  }

  #recent(key: K): number[] {
    const sinceMs = this.#clock.monotonicMs() - this.#ttlMs;
    return (this.#seen.get(key) ?? []).filter((ms) => ms > sinceMs);
  }
}
