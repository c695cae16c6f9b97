/** Opening hours such as `Mon-Fri 09:00-17:00, Sat 10:00-12:30`: read once, asked often. Pure. */

import { dateFormat } from "../base/dates.ts";

/** Part of one weekday. `day`: 0 is Sunday. Minutes of the local day; `toMinute` is not included, at most 1440. */
export interface HoursSpan {
  day: number;
  fromMinute: number;
  toMinute: number;
}

export interface Hours {
  /** As written. */
  text: string;
  spans: HoursSpan[];
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const PART = /^(?:daily|([a-z]{3})[a-z]*(?:\s*-\s*([a-z]{3})[a-z]*)?)\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/i;

/**
 * Read hours: parts `DAY[-DAY] HH:MM-HH:MM` or `daily HH:MM-HH:MM`, separated by commas. A span that ends before it
 * starts goes past midnight. @returns undefined if the text does not follow this.
 */
export function parseHours(text: string): Hours | undefined {
  const spans: HoursSpan[] = [];
  for (const part of text.split(",")) {
    const match = PART.exec(part.trim());
    if (!match) return undefined;
    const [, first, last, fromHour, fromMin, toHour, toMin] = match;
    const fromMinute = minuteOfDay(fromHour, fromMin);
    const toMinute = minuteOfDay(toHour, toMin);
    const days = daysOf(first, last);
    if (fromMinute === undefined || toMinute === undefined || fromMinute === toMinute || fromMinute === 1440 || !days) {
      return undefined;
    }
    for (const day of days) spans.push(...spansOf(day, fromMinute, toMinute));
  }
  return { text, spans };
}

/** Whether `date` falls into `hours` on the clocks of `timezone` (an IANA name). */
export function openAt(hours: Hours, date: Date, timezone: string): boolean {
  const parts = dateFormat("en-US", {
    timeZone: timezone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(date);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  const day = DAYS.indexOf(part("weekday").toLowerCase());
  const minute = Number(part("hour")) * 60 + Number(part("minute"));
  return hours.spans.some((span) => span.day === day && minute >= span.fromMinute && minute < span.toMinute);
}

function minuteOfDay(hour: string | undefined, minute: string | undefined): number | undefined {
  const [h, m] = [Number(hour), Number(minute)];
  return m < 60 && h * 60 + m <= 1440 ? h * 60 + m : undefined;
}

/** The weekdays from `first` to `last`, over the weekend if need be. Both undefined: all days. */
function daysOf(first: string | undefined, last: string | undefined): number[] | undefined {
  if (first === undefined) return [0, 1, 2, 3, 4, 5, 6];
  const from = DAYS.indexOf(first.toLowerCase());
  const to = last === undefined ? from : DAYS.indexOf(last.toLowerCase());
  if (from < 0 || to < 0) return undefined;
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, i) => (from + i) % 7);
}

function spansOf(day: number, fromMinute: number, toMinute: number): HoursSpan[] {
  if (toMinute > fromMinute) return [{ day, fromMinute, toMinute }];
  const night = { day, fromMinute, toMinute: 1440 };
  return toMinute === 0 ? [night] : [night, { day: (day + 1) % 7, fromMinute: 0, toMinute }];
}
