/** Small parts of the pipeline's flow: text that is read while it grows, a gate that work waits at, and what takes over when one fails. */

import type { Fault } from "../base/result.ts";
import { type Breakers, isLasting } from "../base/breaker.ts";

/** Text that grows piece by piece; every reader gets all of it, from the first piece on. */
export class TextFeed {
  readonly #pieces: string[] = [];
  #ended = false;
  #grown = Promise.withResolvers<void>();

  /** Nothing was added yet. */
  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  get pieces(): readonly string[] {
    return this.#pieces;
  }

  add(piece: string): void {
    this.#pieces.push(piece);
    this.#wake();
  }

  /** No more comes. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** `skip`: so many characters of it are left out. */
  async *read(skip = 0): AsyncGenerator<string, void, void> {
    let left = skip;
    for (let at = 0;;) {
      while (at < this.#pieces.length) {
        const piece = this.#pieces[at++]!;
        const rest = piece.slice(left);
        left = Math.max(0, left - piece.length);
        if (rest !== "") yield rest;
      }
      if (this.#ended) return;
      await this.#grown.promise;
    }
  }

  #wake(): void {
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
  }
}

/** Open or closed: whoever comes while it is closed waits. */
export class Gate {
  #opening: PromiseWithResolvers<void> | undefined;

  constructor(state: "open" | "closed") {
    if (state === "closed") this.close();
  }

  get isOpen(): boolean {
    return this.#opening === undefined;
  }

  open(): void {
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  close(): void {
    this.#opening ??= Promise.withResolvers();
  }

  /** Settles once it is open, which it also is for work that was aborted. */
  async passed(): Promise<void> {
    while (this.#opening) await this.#opening.promise;
  }
}

/** Several that can do the same, in order of preference. One that failed twice in a row is not used again in this call. */
export class Spares<T extends { readonly name: string }> {
  readonly #all: readonly [T, ...T[]];
  readonly #breakers: Breakers | undefined;
  readonly #failures = new Map<T, number>();

  /** @throws {RangeError} if there is none. */
  constructor(all: readonly T[], breakers?: Breakers) {
    const [first, ...others] = all;
    if (first === undefined) throw new RangeError("a pipeline needs at least one of each part");
    this.#all = [first, ...others];
    this.#breakers = breakers;
  }

  /** Whom to ask now: the first that is believed to work. Whoever asks it must report `worked` or `failed`. */
  pick(): T {
    const left = this.#left;
    return left.find(({ name }) => this.#breakers?.of(name).admits() ?? true) ?? left[0] ?? this.#all.at(-1)!;
  }

  worked(one: T): void {
    this.#failures.delete(one);
    this.#breakers?.of(one.name).worked();
  }

  /**
   * `one` did not do. @returns when to ask again, ms: another one at once, also `one` itself where the fault may pass so soon,
   * or as soon as it is free again; undefined: there is none.
   */
  failed(one: T, fault: Fault): number | undefined {
    this.#breakers?.of(one.name).failed(fault);
    const hasOthers = this.#left.some((other) => other !== one);
    // Only where there is no other is the same one waited for twice, or asked again after an answer without sense.
    const isHopeless = (fault.kind === "deadline" || fault.kind === "protocol") && hasOthers;
    this.#failures.set(one, isLasting(fault) || isHopeless ? GIVEN_UP : (this.#failures.get(one) ?? 0) + 1);
    if (this.#left.length === 0) return undefined;
    const isBusy = fault.kind === "refused" && fault.status === 429;
    return isBusy && !hasOthers ? Math.min(fault.retryAfterMs ?? BUSY_MS, LONGEST_BUSY_MS) : 0;
  }

  get #left(): T[] {
    return this.#all.filter((one) => (this.#failures.get(one) ?? 0) < GIVEN_UP);
  }
}

const GIVEN_UP = 2;
/** Too many at once: how long the only one is waited for, where it does not say, and at most, ms. */
const BUSY_MS = 500;
const LONGEST_BUSY_MS = 3000;
