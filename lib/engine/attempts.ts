/** How often an agent is replaced in a call, and when. Pure. */

import type { Fault } from "../base/result.ts";

/** How often in a row an agent is replaced; one that has held for `HELD_MS` begins a new row. */
const ATTEMPTS = 3;
const HELD_MS = 60_000;

/** How long to wait after `fault` until a new session may do better, ms; undefined: none would. `refusals`: how many attempts in a row were refused before. */
export type RetryMs = (fault: Fault, refusals: number) => number | undefined;

export class Attempts {
  readonly #retryMs: RetryMs;
  #made = 0;
  #readyMs = Infinity;
  /** How many attempts in a row were refused, or reached nobody. */
  #refusals = 0;
  /** The agent before this one made nothing of some sound of the caller: if this one hears nothing either, it was noise. */
  #doubted = false;

  constructor(retryMs: RetryMs) {
    this.#retryMs = retryMs;
  }

  /** An agent is there. */
  ready(nowMs: number): void {
    this.#readyMs = nowMs;
    this.#refusals = 0;
  }

  /** It heard the caller. */
  heard(): void {
    this.#doubted = false;
  }

  /**
   * It gives no sign of life after some sound of the caller; `owed`: and has words of his to answer.
   * @returns whether another one may hear more: that costs no attempt where there was perhaps nothing to be heard.
   */
  mute({ owed }: { owed: boolean }): boolean {
    if (!owed && this.#doubted) return false;
    if (!owed) this.#made--;
    this.#doubted = !owed;
    return true;
  }

  /** It is lost by `fault`. @returns when to open another one, in ms; undefined: never. */
  lost(fault: Fault, nowMs: number): number | undefined {
    if (nowMs - this.#readyMs >= HELD_MS) this.#made = 0;
    this.#readyMs = Infinity;
    const waitMs = this.#made++ < ATTEMPTS ? this.#retryMs(fault, this.#refusals) : undefined;
    if (fault.kind === "refused" || fault.kind === "unreachable") this.#refusals++;
    return waitMs;
  }
}
