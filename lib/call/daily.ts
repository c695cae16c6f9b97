/** Minutes of calls per day. Pure but for the clock it is given. */

import type { CallNotice } from "./notice.ts";

/** Counts the minutes of ended calls of the present day, and those of live ones as they go. */
export class DailyMinutes {
  readonly #now: () => Date;
  readonly #timezone: () => string;
  readonly #live = new Map<string, number>();
  #day = "";
  #minutes = 0;

  /** `used`: minutes of today from before the start, where a store knows them. */
  constructor({ now, timezone, used = 0 }: { now: () => Date; timezone: () => string; used?: number }) {
    this.#now = now;
    this.#timezone = timezone;
    this.#day = this.#today();
    this.#minutes = used;
  }

  observe(notice: CallNotice): void {
    if (notice.kind === "call-started" || notice.kind === "call-resumed") {
      this.#live.set(notice.call, this.#now().getTime());
    }
    if (notice.kind !== "call-ended") return;
    this.#live.delete(notice.call);
    this.#turn();
    this.#minutes += notice.durationMs / 60_000;
  }

  /** Minutes used today, live calls included. */
  get used(): number {
    this.#turn();
    const nowMs = this.#now().getTime();
    let live = 0;
    for (const startedMs of this.#live.values()) live += (nowMs - startedMs) / 60_000;
    return this.#minutes + live;
  }

  #turn(): void {
    const today = this.#today();
    if (today === this.#day) return;
    this.#day = today;
    this.#minutes = 0;
  }

  #today(): string {
    return new Intl.DateTimeFormat("en-CA", { timeZone: this.#timezone() }).format(this.#now());
  }
}
