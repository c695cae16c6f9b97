/** Streams that we ended: the carrier will ask what comes next, and if nobody answers, the caller hears an error message. */

import { type Clock, settledWithin } from "../base/clock.ts";

/** The carrier asks within so long, if it asks at all. */
const ASKS_WITHIN_MS = 2000;
/** Of more streams than this, the oldest is not waited for. */
const LIMIT = 1000;

export class Unasked {
  readonly #clock: Clock;
  /** By call: when its stream ended. */
  readonly #ended = new Map<string, number>();
  #changed = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(callSid: string): void {
    this.#ended.set(callSid, this.#clock.monotonicMs());
    if (this.#ended.size > LIMIT) this.#ended.delete(this.#ended.keys().next().value!);
  }

  /** The carrier has asked, or says that the call is over. */
  delete(callSid: string): void {
    if (this.#ended.delete(callSid)) this.#changed();
  }

  /** Settles once it has asked about each stream that ended a moment ago, at most `ASKS_WITHIN_MS` from now. */
  async settled(): Promise<void> {
    const sinceMs = this.#clock.monotonicMs() - ASKS_WITHIN_MS;
    for (const [callSid, endedMs] of this.#ended) if (endedMs < sinceMs) this.#ended.delete(callSid);
    await settledWithin(this.#clock, ASKS_WITHIN_MS, this.#empty());
  }

  async #empty(): Promise<void> {
    while (this.#ended.size > 0) await new Promise<void>((resolve) => this.#changed = resolve);
  }
}
