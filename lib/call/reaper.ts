/** Ends calls that nobody tells us are over: the carrier is asked, a few calls at a time, and no call outlives its limit. */

import { type Clock, settledWithin, type Timer } from "../base/clock.ts";

/** A call as the reaper sees it. */
export interface Watched {
  callSid: string;
  /** Since its session began. */
  ageMs: number;
  /** What its configuration allows. */
  limitMs: number;
}

export interface ReaperParts {
  clock: Clock;
  calls: () => readonly Watched[];
  /** The carrier's status of a call; undefined where it does not say. */
  status: ((callSid: string, signal: AbortSignal) => Promise<string | undefined>) | undefined;
  /** The carrier's side of this call is over. */
  over: (callSid: string, status: string) => void;
  /** This call is older than its limit and some more: it should have ended by itself. */
  late: (callSid: string) => void;
  /** It is older still: politeness has not helped. */
  stuck: (callSid: string) => void;
}

const SWEEP_EVERY_MS = 10_000;
/** A call is asked about so often at most. */
export const LOOK_EVERY_MS = 60_000;
/** Requests in one sweep, all at once: 48 calls a minute. */
export const LOOKS_PER_SWEEP = 8;
const LOOK_LIMIT_MS = 5000;
/** The call's own goodbye has this long beyond its limit. */
const LATE_MS = 60_000;
export const STUCK_MS = 90_000;

/** Statuses after which nothing happens to a call any more. Twilio reference, section 5.4. */
const OVER = new Set(["completed", "busy", "failed", "no-answer", "canceled"]);

/** Whether a call of this status is over at the carrier. */
export function isOver(status: string | undefined): boolean {
  return status !== undefined && OVER.has(status);
}

/** Sleeps while there are no calls. */
export class Reaper {
  readonly #parts: ReaperParts;
  /** When each call was last asked about, or began. */
  readonly #looked = new Map<string, number>();
  #timer: Timer | undefined;
  #sweeping = false;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  /** The calls have changed. */
  update(): void {
    const calls = new Set(this.#parts.calls().map(({ callSid }) => callSid));
    for (const callSid of this.#looked.keys()) if (!calls.has(callSid)) this.#looked.delete(callSid);
    for (const callSid of calls) if (!this.#looked.has(callSid)) this.#looked.set(callSid, this.#nowMs);
    if (calls.size > 0) return this.#arm();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  get #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  #arm(): void {
    if (this.#timer || this.#sweeping) return;
    this.#timer = this.#parts.clock.after(SWEEP_EVERY_MS, () => {
      this.#timer = undefined;
      this.#sweeping = true;
      this.#sweep().catch(reportError).finally(() => {
        this.#sweeping = false;
        this.update();
      });
    });
  }

  async #sweep(): Promise<void> {
    const { calls, late, stuck } = this.#parts;
    for (const { callSid, ageMs, limitMs } of calls()) {
      if (ageMs >= limitMs + STUCK_MS) stuck(callSid);
      else if (ageMs >= limitMs + LATE_MS) late(callSid);
    }
    const due = [...this.#looked].filter(([, lookedMs]) => this.#nowMs - lookedMs >= LOOK_EVERY_MS)
      .toSorted(([, a], [, b]) => a - b).slice(0, LOOKS_PER_SWEEP);
    await Promise.all(due.map(([callSid]) => this.#look(callSid)));
  }

  /** Ask about one call; an answer that does not come in time tells nothing. */
  async #look(callSid: string): Promise<void> {
    const { clock, status, over } = this.#parts;
    this.#looked.set(callSid, this.#nowMs);
    if (!status) return;
    const late = new AbortController();
    let answer: string | undefined;
    const asked = status(callSid, late.signal).then((said) => void (answer = said));
    await settledWithin(clock, LOOK_LIMIT_MS, asked);
    late.abort(new Error("The carrier took too long."));
    if (answer !== undefined && isOver(answer)) over(callSid, answer);
  }
}
