/**
 * Takes the write-ahead log into the store's file on a thread of its own. SQLite would do it within a write, and wait for the disk:
 * some 30 ms here, more on a disk behind a network, and no call is heard meanwhile.
 */

import type { Clock, Timer } from "../base/clock.ts";
import { startThread, type Thread } from "../base/thread.ts";

/** Rows between two: 5-8 MB of log at 300 calls. */
const EVERY_ROWS = 2000;
/** The disk hangs if one takes longer: it is given up, and writes wait for it no more. */
const DEADLINE_MS = 10_000;
/** The thread holds some 10 MB: it ends after this time without work. */
const IDLE_MS = 60_000;

/** Asked with the file's path, it answers whether SQLite could. */
export type CheckpointThread = Thread<string, boolean>;

export interface CheckpointsOptions {
  path: string;
  clock: Clock;
  /** A worker of this program by default. */
  openThread?: () => CheckpointThread;
}

export class Checkpoints implements Disposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #openThread: () => CheckpointThread;
  #thread: CheckpointThread | undefined;
  /** Until it is given up, or ended for want of work. */
  #limit: Timer | undefined;
  #isBusy = false;
  #rows = 0;

  constructor({ path, clock, openThread = openWorker }: CheckpointsOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#openThread = openThread;
  }

  /** The disk is at work: a write would wait for it. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** So many rows more are in the log. Returns at once. */
  written(rows: number): void {
    this.#rows += rows;
    if (this.#rows < EVERY_ROWS || this.#isBusy) return;
    this.#rows = 0;
    this.#isBusy = true;
    this.#endAfter(DEADLINE_MS);
    (this.#thread ??= this.#start()).postMessage(this.#path);
  }

  /** What the thread is at goes on until it is done: SQLite leaves the file whole wherever it ends. */
  [Symbol.dispose](): void {
    this.#limit?.[Symbol.dispose]();
    this.#thread?.terminate();
    this.#thread = undefined;
    this.#isBusy = false;
  }

  #endAfter(ms: number): void {
    this.#limit?.[Symbol.dispose]();
    this.#limit = this.#clock.after(ms, () => this[Symbol.dispose]());
  }

  #start(): CheckpointThread {
    const thread = this.#openThread();
    thread.onmessage = () => {
      if (this.#thread !== thread) return; // given up, and done all the same
      this.#isBusy = false;
      this.#endAfter(IDLE_MS);
    };
    thread.onerror = (event) => {
      event.preventDefault();
      this[Symbol.dispose](); // the next begins with a new one
    };
    return thread;
  }
}

function openWorker(): CheckpointThread {
  return startThread("lib/store/checkpoint_worker.ts", "checkpoint");
}
