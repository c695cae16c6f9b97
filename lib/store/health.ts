/** Whether the disk takes what is written. Reports when it begins to refuse, then once a minute, and when it works again. */

import type { Clock } from "../base/clock.ts";
import { describeFault, type Fault } from "../base/result.ts";
import { isBusy, storeFault } from "./fault.ts";

/** What is worth telling loudly. */
export type StoreReport =
  /** Nothing can be written: calls go on, `waiting` notices are kept meanwhile. Told at first and then once a minute. */
  | { kind: "failing"; fault: Fault; waiting: number }
  /** Writing works again; `lost` notices had no place meanwhile. */
  | { kind: "recovered"; lost: number }
  /** A notice found the queue full for the first time, or for the first time since writing worked. */
  | { kind: "dropped" }
  /** The store closes, and so many notices were never written. */
  | { kind: "lost"; lost: number };

/** A sentence for the log. */
export function describeStoreReport(report: StoreReport): string {
  switch (report.kind) {
    case "failing":
      return `Calls are NOT being recorded: ${describeFault(report.fault)}; ${report.waiting} notices wait in memory.`;
    case "recovered":
      return `Calls are being recorded again; ${report.lost} notices were lost.`;
    case "dropped":
      return "The store's queue is full: the oldest notices are being lost.";
    case "lost":
      return `Calls were NOT recorded: ${report.lost} notices are lost.`;
  }
}

/** Why nothing can be written, and since when, ISO 8601. */
export interface Failing {
  fault: Fault;
  since: string;
}

export interface HealthParts {
  clock: Clock;
  /** Notices that wait for the disk. */
  waiting: () => number;
  /** Another process that writes is no failure unless it lasts: until so many wait. */
  busyLimit: number;
  /** Never throws. */
  report: (report: StoreReport) => void;
  /** Counts notices that are lost. Never throws. */
  lost?: (count: number) => void;
}

const REMIND_MS = 60_000;

export class StoreHealth {
  readonly #parts: HealthParts;
  #failing: Failing | undefined;
  #remindedMs = 0;
  /** Notices that had no place since writing last worked. */
  #lost = 0;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Undefined while the disk works. */
  get failing(): Failing | undefined {
    return this.#failing;
  }

  /** Do what the disk may refuse. @returns whether it is done. */
  attempt(action: () => void): boolean {
    try {
      action();
    } catch (error) {
      this.fails(error);
      return false;
    }
    if (this.#failing) this.#parts.report({ kind: "recovered", lost: this.#lost });
    this.#failing = undefined;
    this.#lost = 0;
    return true;
  }

  fails(error: unknown): void {
    const { clock, report, waiting, busyLimit } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (isBusy(error) && !this.#failing && waiting() < busyLimit) return;
    const fault = storeFault(error);
    const isReminder = this.#failing !== undefined;
    this.#failing = { fault, since: this.#failing?.since ?? clock.wallTime().toISOString() };
    if (isReminder && nowMs - this.#remindedMs < REMIND_MS) return;
    this.#remindedMs = nowMs;
    report({ kind: "failing", fault, waiting: waiting() });
  }

  /** A notice had no place. */
  dropped(): void {
    this.#parts.lost?.(1);
    if (this.#lost++ === 0) this.#parts.report({ kind: "dropped" });
  }

  /** The store closes: what waits is lost. */
  closes(): void {
    const waiting = this.#parts.waiting();
    if (waiting > 0) this.#parts.lost?.(waiting);
    if (waiting + this.#lost > 0) this.#parts.report({ kind: "lost", lost: waiting + this.#lost });
  }
}
