/** Small parts of the pipeline's flow: text that is read while it grows, a gate that work waits at, and what takes over when one fails. */

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

  async *read(): AsyncGenerator<string, void, void> {
    for (let at = 0;;) {
      while (at < this.#pieces.length) yield this.#pieces[at++]!;
      if (this.#ended) return;
      await this.#grown.promise;
    }
  }

  #wake(): void {
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
  }
}

/** Open or closed; who comes while it is closed waits. */
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

  /** @returns once it is open; or once it was opened for good to let an aborted one go. */
  async passed(): Promise<void> {
    while (this.#opening) await this.#opening.promise;
  }
}

/** Several that can do the same, in order of preference; one that failed is not used again in this call. */
export class Spares<T> {
  readonly #all: readonly [T, ...T[]];
  #at = 0;

  /** @throws {RangeError} if there is none. */
  constructor(all: readonly T[]) {
    const [first, ...others] = all;
    if (first === undefined) throw new RangeError("a pipeline needs at least one of each part");
    this.#all = [first, ...others];
  }

  get current(): T {
    return this.#all[this.#at]!;
  }

  /** `failed` did not do. @returns whether another one takes over; the last is tried again and again. */
  next(failed: T): boolean {
    if (this.current !== failed) return true;
    if (this.#at + 1 === this.#all.length) return false;
    this.#at++;
    return true;
  }
}
