import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../lib/base/clock.ts";

type Entry = { dueMs: number; order: number; action: () => void; cancelled: boolean };

/**
 * Virtual time: nothing happens until `run` is called, which fires the timers in order and, after each instant, lets
 * everything that follows from it (promises, queues) settle before time moves on. Sockets of the system do not obey it.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #heap: Entry[] = [];
  readonly #epoch: number;

  constructor(epoch = Date.UTC(2026, 0, 1, 12)) {
    this.#epoch = epoch;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(this.#epoch + this.#nowMs);
  }

  /** Timers that wait: must be 0 once everything is disposed. */
  get pending(): number {
    return this.#heap.reduce((count, entry) => count + (entry.cancelled ? 0 : 1), 0);
  }

  after(ms: number, action: () => void): Timer {
    const entry = { dueMs: this.#nowMs + Math.max(0, ms), order: this.#order++, action, cancelled: false };
    this.#push(entry);
    return { [Symbol.dispose]: () => void (entry.cancelled = true) };
  }

  /** Let `ms` of virtual time pass. */
  async run(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    while (this.#heap[0] && this.#heap[0].dueMs <= untilMs) {
      this.#nowMs = this.#heap[0].dueMs;
      while (this.#heap[0] && this.#heap[0].dueMs <= this.#nowMs) {
        const entry = this.#pop();
        if (!entry.cancelled) {
          entry.action();
          await Promise.resolve();
        }
      }
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Let time pass until `done` says so. @throws if that takes more than `limitMs` of virtual time. */
  async runUntil(done: () => boolean, limitMs = 600_000, stepMs = 20): Promise<void> {
    const untilMs = this.#nowMs + limitMs;
    await settled();
    while (!done()) {
      if (this.#nowMs >= untilMs) throw new Error(`not done after ${limitMs} ms of virtual time`);
      await this.run(stepMs);
    }
  }

  /** Let time pass until `promise` settles. @throws its error, or an error after `limitMs` of virtual time. */
  async runFor<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let over = false;
    const ending = () => void (over = true);
    promise.then(ending, ending);
    await this.runUntil(() => over, limitMs);
    return promise;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let child = heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let parent = 0;
    for (let child = 1; child < heap.length; child = 2 * parent + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = last;
    return top;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** Resolves once every promise that can settle without time or I/O has: a turn of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
