/** Lines for whoever reads them: a terminal, a file, the journal. One who stalls costs lines, and never holds us up. */

import { type Clock, settledWithin } from "./base/clock.ts";

/** Takes a part of it at least; how long that takes is nobody's business. */
export type WriteSome = (bytes: Uint8Array) => Promise<number>;

/** Characters that may wait: some minutes of 50 calls. */
export const WAITING_LIMIT = 1_000_000;
/** What is printed within this time after a write goes with the next: to write takes a thread, and costs as much for one line as for many. */
const GATHER_MS = 100;
/** How long the end waits for a reader. */
const LAST_MS = 1000;

const encoder = new TextEncoder();

export class LineWriter implements AsyncDisposable {
  /** Told how many lines had no place, once others are taken again. It may print. */
  onLost: (count: number) => void = () => {};
  readonly #write: WriteSome;
  readonly #clock: Clock;
  #waiting = "";
  #lost = 0;
  #running = false;
  #ending = false;
  #endPause = () => {};
  #done = Promise.resolve();

  constructor({ write, clock }: { write: WriteSome; clock: Clock }) {
    this.#write = write;
    this.#clock = clock;
  }

  /** Returns at once. Never throws. */
  readonly print = (line: string): void => {
    const text = `${line.trimEnd()}\n`;
    if (this.#waiting.length + text.length > WAITING_LIMIT) return void this.#lost++;
    this.#waiting += text;
    if (!this.#running) this.#done = this.#run();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    this.#endPause();
    await settledWithin(this.#clock, LAST_MS, this.#done);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting !== "") {
      let bytes = encoder.encode(this.#waiting);
      this.#waiting = "";
      this.#tellLost();
      try {
        while (bytes.length > 0) bytes = bytes.subarray(await this.#write(bytes));
      } catch {
        // On a full disk, or without a reader, nobody can be told.
      }
      if (!this.#ending) await this.#pause();
    }
    this.#running = false;
  }

  #pause(): Promise<void> {
    return new Promise((done) => {
      const timer = this.#clock.after(GATHER_MS, done);
      this.#endPause = () => {
        timer[Symbol.dispose]();
        done();
      };
    });
  }

  #tellLost(): void {
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.onLost(lost);
  }
}
