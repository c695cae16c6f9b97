/** What the calls of one process learn about their providers: which of them fail now, so that the next call need not find out again. */

import type { Clock } from "./clock.ts";
import type { Fault } from "./result.ts";

/** `closed`: used as usual. `open`: passed over where there is another. `half-open`: one call tries whether it is back. */
export type BreakerState = "closed" | "open" | "half-open";

/** One provider as `/health` shows it. */
export interface ProviderHealth {
  name: string;
  state: BreakerState;
  lastFault: Fault | undefined;
  /** When it came into this state, ISO 8601; undefined if it never failed. */
  since: string | undefined;
}

/** Faults in a row that open a breaker. */
const FAULTS_TO_OPEN = 3;
/** How long it stays open before one call may try again, ms; doubled with each try in vain. */
const REST_MS = 10_000;
const LONGEST_REST_MS = 120_000;
/** A try whose outcome nobody tells is forgotten after this long, ms. */
const PROBE_MS = 15_000;

/** Whether the same request would meet the same fault: someone has to change key, account, configuration or the request first. */
export function isLasting(fault: Fault): boolean {
  if (fault.kind !== "refused") return false;
  return fault.status >= 400 && fault.status < 500 && ![408, 409, 425, 429].includes(fault.status);
}

/** Key, account, model or voice: any other call meets the same. The other statuses may be about this one request. */
function meetsAll(fault: Fault): boolean {
  return fault.kind === "refused" && [401, 402, 403, 404, 410].includes(fault.status);
}

/** One provider. */
export class Breaker {
  readonly name: string;
  readonly #clock: Clock;
  #state: BreakerState = "closed";
  #faults = 0;
  #restMs = REST_MS;
  #untilMs = 0;
  #lastFault: Fault | undefined;
  #since: Date | undefined;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  get health(): ProviderHealth {
    return { name: this.name, state: this.#state, lastFault: this.#lastFault, since: this.#since?.toISOString() };
  }

  /** Whether to use it now. Where this makes the asker the one that tries, it has to tell `worked` or `failed`. */
  admits(): boolean {
    if (this.#state === "closed") return true;
    if (this.#clock.monotonicMs() < this.#untilMs) return false;
    this.#enter("half-open");
    this.#untilMs = this.#clock.monotonicMs() + PROBE_MS;
    return true;
  }

  worked(): void {
    this.#faults = 0;
    this.#restMs = REST_MS;
    this.#enter("closed");
  }

  failed(fault: Fault): void {
    this.#lastFault = fault;
    if (this.#state === "half-open" && isLasting(fault) && !meetsAll(fault)) {
      // It answers: what it refuses is this request. Its faults are counted anew.
      this.#faults = 0;
      this.#enter("closed");
    }
    this.#faults++;
    const inVain = this.#state === "half-open";
    if (!inVain && !meetsAll(fault) && this.#faults < FAULTS_TO_OPEN) return;
    if (inVain) this.#restMs = Math.min(LONGEST_REST_MS, this.#restMs * 2);
    const askedMs = fault.kind === "refused" ? fault.retryAfterMs ?? 0 : 0;
    this.#untilMs = this.#clock.monotonicMs() + Math.min(LONGEST_REST_MS, Math.max(this.#restMs, askedMs));
    this.#enter("open");
  }

  #enter(state: BreakerState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#since = this.#clock.wallTime();
  }
}

/** The breakers of a process, by the names of their providers. */
export class Breakers {
  readonly #clock: Clock;
  readonly #all = new Map<string, Breaker>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(name: string): Breaker {
    const known = this.#all.get(name);
    if (known) return known;
    const breaker = new Breaker(name, this.#clock);
    this.#all.set(name, breaker);
    return breaker;
  }

  /** Every provider that was used, for `/health`. */
  health(): ProviderHealth[] {
    return [...this.#all.values()].map(({ health }) => health);
  }
}
