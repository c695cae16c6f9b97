/** Minutes of calls per day. Pure but for the clock it is given. */

import type { Clock } from "../base/clock.ts";
import { dateFormat } from "../base/dates.ts";
import type { CallNotice } from "./notice.ts";

/** Counts the minutes of ended calls of the present day, and those of live ones as they go. */
export class DailyMinutes {
  readonly #clock: Pick<Clock, "monotonicMs" | "wallTime">;
  readonly #timezone: () => string;
  /** Since when, by the clock that nobody sets. */
  readonly #live = new Map<string, number>();
  #day: string;
  #minutes: number;

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
      this.#live.set(notice.call, this.#clock.monotonicMs());
    }
    if (notice.kind !== "call-ended") return;
    this.#live.delete(notice.call);
    this.#turn();
    this.#minutes += notice.durationMs / 60_000;
  }

  /** Minutes used today, live calls included. */
  get used(): number {
    this.#turn();
    const nowMs = this.#clock.monotonicMs();
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
