/** How many calls a server carries: which number to try next, and what counts as carried. Pure. */

import type { Sample } from "./sample.ts";

export const UPLINK_P99_MS = 20;
export const LATE_P99_MS = 10;
/** Phones that are later than this themselves prove nothing. */
export const GENERATOR_P99_MS = 5;

/**
 * What is wrong with a run, for a server that should carry so many calls; empty: it carries them. `paced`: lateness and
 * under-runs count; a server that paces by an interval for each call drifts with any number of calls.
 */
export function troubles(sample: Sample, { paced }: { paced: boolean }): string[] {
  const { uplinkMs, lateMs, lost, stale, underruns } = sample;
  const found: string[] = [];
  if (uplinkMs.n === 0) found.push("nothing heard");
  if (uplinkMs.p99 > UPLINK_P99_MS) found.push(`uplink p99 ${uplinkMs.p99.toFixed(1)} ms`);
  if (paced && lateMs.p99 > LATE_P99_MS) found.push(`lateness p99 ${lateMs.p99.toFixed(1)} ms`);
  if (lost > 0) found.push(`${lost} lost`);
  if (stale > 0) found.push(`${stale} stale`);
  if (paced && underruns > 0) found.push(`${underruns} under-runs`);
  return found;
}

/** Steps up or down from a first guess, further each time, until one number passes and one fails; then halves between. */
export class CapacitySearch {
  readonly #step: number;
  readonly #most: number;
  #passes = 0;
  #fails: number;
  #next: number;
  #stride: number;
  #done = false;

  /** All numbers are multiples of `step`, from `step` to `most`. `stride`: the first step from `first`. */
  constructor({ first, step, most, stride = step }: { first: number; step: number; most: number; stride?: number }) {
    const whole = (value: number) => Math.max(step, Math.round(value / step) * step);
    this.#step = step;
    this.#most = whole(most);
    this.#fails = this.#most + step;
    this.#next = Math.min(this.#most, whole(first));
    this.#stride = whole(stride);
  }

  /** The number of calls to try; undefined when `best` is known. */
  get next(): number | undefined {
    return this.#done ? undefined : this.#next;
  }

  /** The most calls that passed, 0 if none did. */
  get best(): number {
    return this.#passes;
  }

  tell(passed: boolean): void {
    if (passed) this.#passes = this.#next;
    else this.#fails = this.#next;
    if (this.#fails - this.#passes <= this.#step) return void (this.#done = true);
    const isBracketed = this.#passes > 0 && this.#fails <= this.#most;
    const wanted = isBracketed
      ? this.#passes + Math.floor((this.#fails - this.#passes) / 2 / this.#step) * this.#step
      : this.#next + (passed ? this.#stride : -this.#stride);
    this.#stride *= 2;
    this.#next = Math.min(this.#fails - this.#step, Math.max(this.#passes + this.#step, wanted));
  }
}
