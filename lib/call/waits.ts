/** How long a call waits for what, as the caller speaks, presses keys or asks for patience. Pure but for the clock it is given. */

import type { Clock } from "../base/clock.ts";
import type { CallDeadlines } from "./live_call.ts";
import type { TimerName } from "./machine.ts";

/** An interruption lasts at most this long, however much noise the caller makes. */
const INTERRUPTED_LIMIT_MS = 10_000;
/** A filler comes this long after the last key at the latest: whether more follow takes the engine half of it to know. */
const KEYED_MS = 2300;

export class Waits {
  readonly #clock: Clock;
  readonly #deadlines: CallDeadlines;
  /** When the caller was last heard. */
  #heardMs = -Infinity;
  /** When the caller last pressed a key that the engine is told of. */
  #keyedMs = -Infinity;
  #interruptedMs = 0;
  #patientUntilMs = 0;

  constructor(clock: Clock, deadlines: CallDeadlines) {
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

  callerHeard(): void {
    this.#heardMs = this.#nowMs;
  }

  keyPressed(): void {
    this.#keyedMs = this.#nowMs;
  }

  interrupted(): void {
    this.#interruptedMs = this.#nowMs;
  }

  /** The caller is to be left in peace for `ms` from now. */
  bePatient(ms: number): void {
    this.#patientUntilMs = this.#nowMs + ms;
  }

  /**
   * How long to wait for this timer: silence also waits until the patience that the caller asked for is over; a false start
   * counts from his last sound, and so does a filler while it is only suspected that he said anything.
   */
  ms(timer: TimerName, onSuspicion = false): number {
    const nowMs = this.#nowMs;
    const limitMs = this.#deadlines[timer];
    if (timer === "silence") return Math.max(limitMs, this.#patientUntilMs - nowMs);
    if (timer === "false-start") return Math.max(this.#interruptedMs, this.#heardMs) + limitMs - nowMs;
    if (timer === "filler" && onSuspicion) return this.#heardMs + limitMs - nowMs;
    const keyedMs = this.#keyedMs + KEYED_MS - nowMs;
    return timer === "filler" && keyedMs > 0 ? Math.min(limitMs, keyedMs) : limitMs;
  }

  /** While the caller is heard, an interruption is no false start: he may only be pausing. */
  get isInterruption(): boolean {
    return this.#nowMs - this.#interruptedMs < INTERRUPTED_LIMIT_MS && this.ms("false-start") > 0;
  }

  get #nowMs(): number {
    return this.#clock.monotonicMs();
  }
}
