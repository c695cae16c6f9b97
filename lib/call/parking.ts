/** Calls that have left us and may come back: their line broke, or they were put through to a phone that nobody may answer. */

import type { Clock, Timer } from "../base/clock.ts";
import type { EndReason } from "./machine.ts";

/** Somebody else's phone that a call goes to. */
export interface Destination {
  name: string;
  /** E.164. */
  number: string;
  ringSeconds: number;
}

/** What decides whether a call may come back. */
export interface Leaving {
  /** Where the caller goes when the engine fails for good. */
  fallback: Destination | undefined;
  /** It was put through to the fallback: it does not go there again. */
  fellBack: boolean;
  /** The carrier says that it is over. */
  over?: true;
}

interface Parked<Call> {
  call: Call;
  destination: Destination | undefined;
  timer: Timer;
}

/** A broken line comes back at once, a transfer when nobody answers. */
const RECONNECT_MS = 30_000;
const RETURN_MS = 180_000;
/** Calls that may come back, and live calls with a destination; beyond, the first of them is dropped. */
const LIMIT = 1000;

export class Parking<Call extends Leaving> {
  readonly #clock: Clock;
  readonly #gone: (call: Call) => void;
  readonly #parked = new Map<string, Parked<Call>>();
  /** Where live calls are put through when their lines are let go. */
  readonly #chosen = new Map<string, Destination>();

  /** `gone`: this call does not come back any more. */
  constructor(clock: Clock, gone: (call: Call) => void) {
    this.#clock = clock;
    this.#gone = gone;
  }

  get(callSid: string): Readonly<Parked<Call>> | undefined {
    return this.#parked.get(callSid);
  }

  /** When the line of this call is let go, the caller is put through. */
  putThrough(callSid: string, destination: Destination): void {
    this.#chosen.set(callSid, destination);
    if (this.#chosen.size > LIMIT) this.#chosen.delete(this.#chosen.keys().next().value!);
  }

  /** The session of a call has ended for `reason`: the call is kept while it may come back. */
  park(callSid: string, call: Call, reason: EndReason): void {
    const chosen = this.#chosen.get(callSid);
    this.#chosen.delete(callSid);
    const fallsBack = (reason === "engine-failed" || reason === "engine-not-ready") && !call.fellBack;
    if (fallsBack) call.fellBack = true;
    const destination = reason === "transferred" ? chosen : fallsBack ? call.fallback : undefined;
    if (call.over || (!destination && reason !== "line-lost")) return this.#gone(call);
    const timer = this.#clock.after(destination ? RETURN_MS : RECONNECT_MS, () => this.forget(callSid));
    this.#parked.set(callSid, { call, destination, timer });
    if (this.#parked.size > LIMIT) this.forget(this.#parked.keys().next().value!);
  }

  /** It comes back. */
  take(callSid: string): Call | undefined {
    const parked = this.#parked.get(callSid);
    parked?.timer[Symbol.dispose]();
    this.#parked.delete(callSid);
    return parked?.call;
  }

  /** It does not come back. */
  forget(callSid: string): void {
    const call = this.take(callSid);
    if (call) this.#gone(call);
  }

  forgetAll(): void {
    for (const callSid of this.#parked.keys()) this.forget(callSid);
  }
}
