/** A queue with a bound that says what happens when it is full. */

/** `refuse`: a new item is turned away (and `push` says so). `drop-oldest`: the oldest makes room, counted in `dropped`. */
export type WhenFull = "refuse" | "drop-oldest";

export interface QueueOptions<T> {
  /** Of items, or of what `sizeOf` counts. */
  limit: number;
  whenFull: WhenFull;
  /** What an item counts for towards `limit`, always the same and never 0; 1 by default. */
  sizeOf?: (item: T) => number;
}

/** One producer side, one consumer (`for await`). Ends after `close()` once drained, or at once when disposed. */
export class BoundedQueue<T> implements AsyncIterable<T>, Disposable {
  /** Items lost to `drop-oldest` or refused, since the start. */
  dropped = 0;
  readonly #items: T[] = [];
  readonly #limit: number;
  readonly #whenFull: WhenFull;
  readonly #sizeOf: (item: T) => number;
  #size = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor({ limit, whenFull, sizeOf = () => 1 }: QueueOptions<T>) {
    this.#limit = limit;
    this.#whenFull = whenFull;
    this.#sizeOf = sizeOf;
  }

  /** @returns false if the item was not taken: the queue is full and refuses, or is closed. */
  push(item: T): boolean {
    if (this.#closed) return false;
    const size = this.#sizeOf(item);
    const makesRoom = this.#whenFull === "drop-oldest" && size <= this.#limit;
    for (; this.#size + size > this.#limit; this.take()) {
      this.dropped++;
      if (!makesRoom) return false;
    }
    this.#items.push(item);
    this.#size += size;
    this.#wake?.();
    return true;
  }

  /** Take the oldest item, if one waits. */
  take(): T | undefined {
    if (this.#items.length === 0) return undefined;
    const item = this.#items.shift()!;
    this.#size -= this.#sizeOf(item);
    return item;
  }

  /** Settles once an item waits, or none ever will. It does not reserve the item: another taker may be first. */
  async filled(): Promise<void> {
    if (this.#items.length > 0 || this.#closed) return;
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
  }

  /** Take all that waits, at once. */
  drain(): T[] {
    this.#size = 0;
    return this.#items.splice(0);
  }

  /** No more items; the consumer gets what is left, then the end. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.drain();
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (true) {
      while (this.#items.length > 0) yield this.take() as T;
      if (this.#closed) return;
      await this.filled();
    }
  }
}
