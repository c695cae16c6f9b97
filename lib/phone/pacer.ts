/** The one scheduler of the process: lets every line send what is due, from a single timer with absolute deadlines. */

import type { Clock, Timer } from "../base/clock.ts";

/** A line that has audio to send now and then. */
export interface Paced {
  /** When it wants to be pumped next, in monotonic ms; Infinity if nothing waits. */
  readonly nextMs: number;
  /** Send all that is due. Must not throw. */
  pump(nowMs: number): void;
}

/** Wakes closer together than this are joined: the lead makes that inaudible, and a wake costs more than a frame. */
const COALESCE_MS = 4;

/**
 * `setTimeout` may fire up to 1 ms early and any time late (deno.md section 2): due times are absolute, and each wake
 * serves every line that is due, so a late wake catches up. Lines start when their audio does, which spreads them.
 */
export class Pacer implements Disposable {
  /** Called at each wake with how late it came, ms. */
  onWake: (latenessMs: number) => void = () => {};
  readonly #clock: Clock;
  readonly #lines = new Set<Paced>();
  #timer: Timer | undefined;
  #armedForMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `line` has something to send from now on. Harmless if it is known already. */
  add(line: Paced): void {
    this.#lines.add(line);
    this.#arm(line.nextMs);
  }

  remove(line: Paced): void {
    this.#lines.delete(line);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#lines.clear();
  }

  #arm(atMs: number): void {
    if (atMs >= this.#armedForMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#armedForMs = atMs;
    this.#timer = this.#clock.after(atMs - this.#clock.monotonicMs(), () => this.#wake());
  }

  #wake(): void {
    const nowMs = this.#clock.monotonicMs();
    this.onWake(Math.max(0, nowMs - this.#armedForMs));
    this.#timer = undefined;
    this.#armedForMs = Infinity;
    let nextMs = Infinity;
    for (const line of this.#lines) {
      if (line.nextMs <= nowMs + 1) line.pump(nowMs);
      if (line.nextMs === Infinity) this.#lines.delete(line);
      else nextMs = Math.min(nextMs, line.nextMs);
    }
    this.#arm(Math.max(nextMs, nowMs + COALESCE_MS));
  }
}
