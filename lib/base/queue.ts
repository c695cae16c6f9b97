/** A queue with a bound that says what happens when it is full. */

/** `refuse`: a new item is turned away (and `push` says so). `drop-oldest`: the oldest makes room, counted in `dropped`. */
export type WhenFull = "refuse" | "drop-oldest";

/** One producer side, one consumer (`for await`). Ends after `close()` once drained, or at once when disposed. */
export class BoundedQueue<T> implements AsyncIterable<T>, Disposable {
  /** Items lost to `drop-oldest` or refused, since the start. */
  dropped = 0;
  readonly #items: T[] = [];
  readonly #limit: number;
  readonly #whenFull: WhenFull;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor({ limit, whenFull }: { limit: number; whenFull: WhenFull }) {
    this.#limit = limit;
    this.#whenFull = whenFull;
  }

  /** @returns false if the item was not taken: the queue is full and refuses, or is closed. */
  push(item: T): boolean {
    if (this.#closed) return false;
    if (this.#items.length >= this.#limit) {
      this.dropped++;
      if (this.#whenFull === "refuse") return false;
      this.#items.shift();
    }
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** Take the oldest item, if one waits. */
  take(): T | undefined {
    return this.#items.shift();
  }

  /** Settles once an item waits, or none ever will. It does not reserve the item: another taker may be first. */
  async filled(): Promise<void> {
    if (this.#items.length > 0 || this.#closed) return;
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
  }

  /** Take all that waits, at once. */
  drain(): T[] {
    return this.#items.splice(0);
  }

  /** No more items; the consumer gets what is left, then the end. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.#items.length = 0;
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (true) {
      while (this.#items.length > 0) yield this.#items.shift()!;
      if (this.#closed) return;
      await this.filled();
    }
  }
}
