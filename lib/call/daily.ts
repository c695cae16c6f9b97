/** Minutes of calls per day. Pure but for the clock it is given. */

import type { Clock } from "../base/clock.ts";
import { dateFormat } from "../base/dates.ts";
import type { CallNotice } from "./notice.ts";

/** Counts the minutes of ended calls of the present day, and those of live ones as they go. */
export class DailyMinutes {
  readonly #clock: Pick<Clock, "monotonicMs" | "wallTime">;
  readonly #timezone: () => string;
  /** Since when, by the clock that nobody sets; and the sum of it. */
  readonly #live = new Map<string, number>();
  #liveSumMs = 0;
  #day = "";
  #minutes = 0;

  /** `usedSince`: what a store knows of the time before this process began: minutes of the calls that began at that time (ms since 1970) or later. */
  constructor({ clock, timezone, usedSince }: {
    clock: Pick<Clock, "monotonicMs" | "wallTime">;
    timezone: () => string;
    usedSince?: ((ms: number) => number) | undefined;
  }) {
    this.#clock = clock;
    this.#timezone = timezone;
    this.#day = this.#today();
    this.#minutes = usedSince?.(midnight(clock.wallTime(), timezone())) ?? 0;
  }

  observe(notice: CallNotice): void {
    if (notice.kind === "call-started" || notice.kind === "call-resumed") {
      this.#leave(notice.call);
      const nowMs = this.#clock.monotonicMs();
      this.#live.set(notice.call, nowMs);
      this.#liveSumMs += nowMs;
    }
    if (notice.kind !== "call-ended") return;
    this.#leave(notice.call);
    this.#turn();
    this.#minutes += notice.durationMs / 60_000;
  }

  /** Minutes used today, live calls included. */
  get used(): number {
    this.#turn();
    return this.#minutes + (this.#live.size * this.#clock.monotonicMs() - this.#liveSumMs) / 60_000;
  }

  #leave(call: string): void {
    this.#liveSumMs -= this.#live.get(call) ?? 0;
    this.#live.delete(call);
  }

  #turn(): void {
    const today = this.#today();
    if (today === this.#day) return;
    this.#day = today;
    this.#minutes = 0;
  }

  #today(): string {
    return dateFormat("en-CA", { timeZone: this.#timezone() }).format(this.#clock.wallTime());
  }
}

/** When the present day began in `timeZone`, ms since 1970; an hour off on a day on which the clocks are changed. */
function midnight(now: Date, timeZone: string): number {
  const parts = dateFormat("en", {
    timeZone,
    hourCycle: "h23",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(now);
  const valueOf = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return now.getTime() - ((valueOf("hour") * 60 + valueOf("minute")) * 60 + valueOf("second")) * 1000;
}
