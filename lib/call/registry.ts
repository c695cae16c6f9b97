/** The calls of this process: those that are live, and those whose webhook came but whose audio has not. */

import { type Clock, settledWithin, type Timer } from "../base/clock.ts";
import type { LiveCall } from "./live_call.ts";

/** A call whose webhook was answered must bring its stream within this time. */
const CLAIM_DEADLINE_MS = 15_000;

interface Expected<P> {
  prepared: P;
  timer: Timer;
}

export interface RegistryParts {
  clock: Clock;
  maxCalls: () => number;
  /** An expected call was not claimed in time. */
  unclaimed: (callSid: string) => void;
}

/**
 * One entry per CallSid, so a repeated webhook or stream changes nothing. Calls that are expected count as taken. `P`: what is
 * prepared for a call before its stream comes; disposed if nobody claims it.
 */
export class Registry<P extends AsyncDisposable> {
  readonly #parts: RegistryParts;
  readonly #expected = new Map<string, Expected<P>>();
  readonly #live = new Map<string, LiveCall>();
  #draining = false;
  /** The drain's grace is over. */
  #closing = false;
  #changed: () => void = () => {};

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** Calls that were announced and whose stream has not come. */
  get awaited(): number {
    return this.#expected.size;
  }

  get active(): number {
    return this.#live.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Whether this call was announced, or is live. */
  knows(callSid: string): boolean {
    return this.#expected.has(callSid) || this.#live.has(callSid);
  }

  /** Whether one more call has a place. A call that is known already keeps its own. `isBack`: it had one, and its line broke. */
  admits(callSid: string, { isBack = false } = {}): "yes" | "full" | "draining" {
    if (isBack ? this.#closing : this.#draining) return "draining";
    if (this.knows(callSid)) return "yes";
    return this.#live.size + this.#expected.size < this.#parts.maxCalls() ? "yes" : "full";
  }

  /** Keep a place for a call; `prepare` runs once per call, whatever the carrier repeats. */
  expect(callSid: string, prepare: () => P): void {
    if (this.knows(callSid)) return;
    const timer = this.#parts.clock.after(CLAIM_DEADLINE_MS, () => {
      this.#parts.unclaimed(callSid);
      this.drop(callSid);
    });
    this.#expected.set(callSid, { prepared: prepare(), timer });
  }

  /** The stream of a call is here: take what was prepared. @returns undefined for a call nobody announced. */
  claim(callSid: string): P | undefined {
    const expected = this.#expected.get(callSid);
    if (!expected) return undefined;
    this.#expected.delete(callSid);
    expected.timer[Symbol.dispose]();
    return expected.prepared;
  }

  /** What is prepared for a call whose stream has not come. */
  expected(callSid: string): P | undefined {
    return this.#expected.get(callSid)?.prepared;
  }

  /** The stream of this call will not come: what was prepared for it is let go. */
  drop(callSid: string): void {
    const prepared = this.claim(callSid);
    this.#changed();
    prepared?.[Symbol.asyncDispose]().then(undefined, reportError);
  }

  isLive(callSid: string): boolean {
    return this.#live.has(callSid);
  }

  /** A call begins; it is forgotten when it is done. One live stream per call. */
  add(callSid: string, call: LiveCall): void {
    this.#live.set(callSid, call);
    const forget = () => {
      // Its line may have broken, and the call be back already while this one still closes.
      if (this.#live.get(callSid) === call) this.#live.delete(callSid);
      this.#changed();
    };
    call.done.then(forget, forget);
  }

  /** A call has ended, though what it opened is still being closed: the same call may come again. */
  leave(callSid: string): void {
    this.#live.delete(callSid);
    this.#changed();
  }

  /**
   * No new calls; those that are live or were announced finish by themselves up to `graceMs`, then say goodbye. Settles
   * when none is left, or after `graceMs` + 8 s. `asked` settles once those whose lines broke have come back, or will not.
   */
  async drain(graceMs: number, asked: () => Promise<void>): Promise<void> {
    this.#draining = true;
    await settledWithin(this.#parts.clock, graceMs, this.#over(asked));
    this.#closing = true;
    for (const callSid of this.#expected.keys()) this.drop(callSid);
    for (const call of this.#live.values()) call.end("drained");
    await settledWithin(this.#parts.clock, GOODBYE_MS, this.#empty());
  }

  async #over(asked: () => Promise<void>): Promise<void> {
    do {
      await this.#empty();
      await asked();
    } while (!this.#closing && this.#live.size + this.#expected.size > 0);
  }

  /** Settles once no call is live or expected. */
  async #empty(): Promise<void> {
    while (this.#live.size + this.#expected.size > 0) await new Promise<void>((resolve) => this.#changed = resolve);
  }
}

/** How long goodbyes may take at a drain's end. */
const GOODBYE_MS = 8000;
