/** What people say on the phone, as data: words, digits, numbers, telephone numbers, addresses, dates and times. English. Pure. */

import { dateFormat } from "../base/dates.ts";
import { UNSPACED } from "../base/unspaced.ts";

const DIGITS: Readonly<Record<string, string>> = {
  ...{ zero: "0", oh: "0", o: "0", nought: "0", naught: "0", one: "1", two: "2", three: "3", four: "4", five: "5" },
  ...{ six: "6", seven: "7", eight: "8", nine: "9" },
};
const TEENS: Readonly<Record<string, number>> = {
  ...{ ten: 10, eleven: 11, twelve: 12, thirteen: 13, fourteen: 14, fifteen: 15, sixteen: 16, seventeen: 17 },
  ...{ eighteen: 18, nineteen: 19 },
};
const TENS: Readonly<Record<string, number>> = {
  ...{ twenty: 20, thirty: 30, forty: 40, fifty: 50, sixty: 60, seventy: 70, eighty: 80, ninety: 90 },
};
const SCALES: Readonly<Record<string, number>> = {
  ...{ thousand: 1000, k: 1000, million: 1_000_000, billion: 1_000_000_000 },
  ...{ lakh: 100_000, lakhs: 100_000, crore: 10_000_000, crores: 10_000_000 },
};
const AMOUNTS: Readonly<Record<string, number>> = { single: 1, both: 2, couple: 2, pair: 2 };
const ORDINALS: Readonly<Record<string, number>> = {
  ...{ first: 1, second: 2, third: 3, fourth: 4, fifth: 5, sixth: 6, seventh: 7, eighth: 8, ninth: 9, tenth: 10 },
  ...{ eleventh: 11, twelfth: 12, thirteenth: 13, fourteenth: 14, fifteenth: 15, sixteenth: 16, seventeenth: 17 },
  ...{ eighteenth: 18, nineteenth: 19, twentieth: 20, thirtieth: 30 },
};
const MONTHS = [
  ...["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"],
  "december",
];
export const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const REPEATS: Readonly<Record<string, number>> = { double: 2, triple: 3 };
const DAY_MS = 86_400_000;

const WORD = new RegExp(`[${UNSPACED}]|(?:(?![${UNSPACED}])[\\p{L}\\p{N}])+`, "gu");

/** Words as they are compared: lower case, no accents, apostrophes dropped, other punctuation between words; characters, where a script has no spaces. */
export function wordsOf(text: string): string[] {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/['\u2019]/g, "").match(WORD) ?? [];
}

/** All digits of a text in order, said as digits, "oh", "double five", "forty two", "fifteen" or "eight hundred". */
export function digitsOf(text: string): string {
  const words = wordsOf(text);
  let digits = "";
  for (let at = 0; at < words.length; at++) {
    const times = REPEATS[words[at]!];
    const next = times === undefined ? undefined : digitOf(words[at + 1]);
    if (next !== undefined && next.length === 1) {
      digits += next.repeat(times!);
      at++;
      continue;
    }
    const tens = TENS[words[at]!];
    const unit = words[at + 1] === undefined ? undefined : DIGITS[words[at + 1]!];
    if (tens !== undefined && unit !== undefined && unit !== "0") {
      digits += tens + Number(unit);
      at++;
    } else if (words[at] === "hundred" && DIGITS[words[at - 1] ?? ""] !== undefined) digits += "00";
    else digits += digitOf(words[at]) ?? "";
  }
  return digits;
}

/** The digits of each stretch that holds nothing else: "415 555 0100 after 5" has two. */
export function digitRunsOf(text: string): string[] {
  const isDigits = (word: string) => digitsOf(word) !== "" || word === "hundred" || Object.hasOwn(REPEATS, word);
  const words = wordsOf(text).map((word) => isDigits(word) ? word : "|");
  return words.join(" ").split("|").map(digitsOf).filter(Boolean);
}

function digitOf(word: string | undefined): string | undefined {
  if (word === undefined) return undefined;
  if (/^\d+$/.test(word)) return word;
  const amount = TEENS[word] ?? TENS[word];
  return DIGITS[word] ?? (amount === undefined ? undefined : String(amount));
}

/** A text with the digits written down that are said in words: "john eighty two at" is "john 82 at". */
export function withDigits(text: string): string {
  return text.toLowerCase().replace(NUMBER_WORDS, digitsOf);
}

/** An "o" among them is a letter. */
const NUMBER_WORD = Object.keys({ ...DIGITS, ...TEENS, ...TENS }).filter((word) => word !== "o").join("|");
const NUMBER_WORDS = new RegExp(`\\b(?:${NUMBER_WORD})(?:[\\s-]+(?:${NUMBER_WORD}))*\\b`, "g");

/** A number in digits, and what it is counted in; groups may be those of India or Switzerland: "1,00,000", "1'200". */
const WRITTEN = new RegExp(
  `(\\d+(?:[.,]\\d+|['\\u2019]\\d{3}(?!\\d))*)(?:\\s*(${Object.keys(SCALES).join("|")})\\b)?`,
  "g",
);

/** Every number that is said, smallest units first joined: "twenty five" is 25, "a hundred and two" 102, "a couple" 2. */
export function numbersOf(text: string): number[] {
  const numbers: number[] = [];
  for (const [, written, scale = ""] of text.toLowerCase().matchAll(WRITTEN)) {
    const isGrouped = /^\d{1,3}(?:[,'\u2019]\d{2,3})*[,'\u2019]\d{3}(?:\.\d+)?$/.test(written!);
    const number = Number(isGrouped ? written!.replace(/[,'\u2019]/g, "") : written!.replace(",", "."));
    numbers.push(number, ...SCALES[scale] ? [number * SCALES[scale]] : []);
  }
  /** Whole thousands and millions, and what is said below them. */
  let above = 0;
  let sum: number | undefined;
  const flush = () => {
    if (sum !== undefined || above > 0) numbers.push(above + (sum ?? 0));
    above = 0;
    sum = undefined;
  };
  for (const word of wordsOf(text)) {
    const unit = word === "o" || word === "oh" ? undefined : DIGITS[word];
    const value = TENS[word] ?? TEENS[word] ?? (unit === undefined ? undefined : Number(unit)) ?? AMOUNTS[word];
    const scale = SCALES[word];
    if (word === "hundred") sum = (sum ?? 1) * 100;
    else if (word === "dozen") sum = (sum ?? 1) * 12;
    else if (scale !== undefined) {
      above += (sum ?? 1) * scale;
      sum = undefined;
    } else if (value === undefined) {
      if (word !== "and") flush();
    } else if (sum === undefined || fits(sum, value)) sum = (sum ?? 0) + value;
    else {
      flush();
      sum = value;
    }
  }
  flush();
  return numbers;
}

const FRACTIONS: Readonly<Record<string, number>> = { half: 0.5, quarter: 0.25, "three quarters": 0.75 };

/** Whether `value` is said: whole, digit by digit, or as "twelve fifty", "twelve point five", "the third", "one and a half", "3/4" or "minus five". */
export function saysNumber(text: string, value: number): boolean {
  const [words, lower] = [wordsOf(text), text.toLowerCase()];
  const numbers = [...numbersOf(text), ...words.flatMap((word, at) => ordinal(word, words[at + 1]) ?? [])];
  if (numbers.includes(value) || digitRunsOf(text).includes(`${value}`)) return true;
  if (value < 0) return /\b(?:minus|negative)\b/.test(lower) && saysNumber(text, -value);
  for (const [said, part] of Object.entries(FRACTIONS)) {
    if (new RegExp(`\\b${said}\\b`).test(lower) && [0, ...numbers].includes(value - part)) return true;
  }
  if ([...lower.matchAll(/(\d+)\s?\/\s?(\d+)/g)].some(([, part, of]) => Number(part) / Number(of) === value)) {
    return true;
  }
  const [whole, fraction] = lower.split(/\bpoint\b/);
  if (
    fraction && numbersOf(whole!).at(-1) === Math.trunc(value) &&
    digitsOf(fraction).startsWith(`${value}`.split(".")[1] ?? "-")
  ) {
    return true;
  }
  return numbers.some((number, at) => {
    const next = numbers[at + 1] ?? 0;
    return next >= 10 && next < 100 &&
      (number * 100 + next === value || number * 100 + next === Math.round(value * 100));
  });
}

/** Whether `value` goes on with a number: units after tens, anything below a hundred after hundreds. */
function fits(sum: number, value: number): boolean {
  return sum % 100 === 0 ? value < 100 : sum % 10 === 0 && sum % 100 >= 20 && value < 10;
}

/** A text with its e-mail addresses written down: "ada at example dot com". All spaces go. */
export function emailOf(text: string): string {
  return withSigns(text).replace(/[\s,]+/g, "").replace(/[.!?]+$/, "");
}

/** The e-mail address that is said; its name is one word, or spelled. */
export function emailIn(text: string): string | undefined {
  const found = withSigns(text).match(/(?:\b\w )*[\w.+-]+@(?:\w )*[\w-]+(?:\.(?:\w )*[\w-]+)+/)?.[0];
  return found?.replaceAll(" ", "");
}

function withSigns(text: string): string {
  return text.toLowerCase()
    .replace(/\s*\b(?:at sign|at)\b\s*/g, "@")
    .replace(/\s*\b(?:dot|period|point)\b\s*/g, ".")
    .replace(/\s*\bunderscore\b\s*/g, "_")
    .replace(/\s*\b(?:dash|hyphen|minus)\b\s*/g, "-")
    .replace(/\s*\bplus\b\s*/g, "+");
}

/** Runs of single letters, as names are spelled: "J O N", "t as in tango", "double l". Each run in lower case. */
export function spelledOf(text: string): string[] {
  const plain = text.toLowerCase().replace(/\b(\p{L})\s+(?:as in|for|like)\s+\p{L}+/gu, "$1");
  const words = wordsOf(plain);
  const runs: string[] = [];
  let run = "";
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const next = words[at + 1];
    if (REPEATS[word] && next?.length === 1) {
      run += next.repeat(REPEATS[word]);
      at++;
    } else if (word.length === 1) run += word;
    else {
      if (run.length > 1) runs.push(run);
      run = "";
    }
  }
  if (run.length > 1) runs.push(run);
  return runs;
}

/** A day of the calendar, for example 2026-03-14. */
export type Day = string;

/** The day that `at` is in `timezone`. */
export function dayOf(at: Date, timezone: string): Day {
  return dateFormat("en-CA", { timeZone: timezone, dateStyle: "short" }).format(at);
}

/** Whether it is a real day, written as year, month and day. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text);
}

/** The day that was said last, seen from `today`; a day without a year is the next one to come. Undefined where none was. */
export function dateOf(text: string, today: Day): Day | undefined {
  return datesOf(text, today).at(-1);
}

/** All days that were said, in order. */
export function datesOf(text: string, today: Day): Day[] {
  const iso = text.match(/\b\d{4}-\d{2}-\d{2}\b/g);
  if (iso) return iso.filter(isDay);
  const words = wordsOf(text);
  return words.flatMap((_, at) => dateAt(words, at, today) ?? []);
}

function dateAt(words: string[], at: number, today: Day): Day | undefined {
  const word = words[at]!;
  if (word === "today" || word === "tonight") return today;
  if (word === "tomorrow") {
    const far = words[at - 1] === "after" && words[at - 2] === "day";
    return addDays(today, far ? 2 : 1);
  }
  const unit = word.replace(/s$/, "");
  if (words[at - 2] === "in" && (unit === "day" || unit === "week")) {
    const [count = words[at - 1] === "a" ? 1 : undefined] = numbersOf(words[at - 1]!);
    return count === undefined ? undefined : addDays(today, count * (unit === "week" ? 7 : 1));
  }
  const weekday = WEEKDAYS.indexOf(word);
  if (weekday >= 0 && !monthNear(words, at)) {
    const ahead = (weekday - weekdayOf(today) + 7) % 7 || 7;
    return addDays(today, ahead);
  }
  const month = MONTHS.indexOf(word);
  if (month < 0 || (word === "may" && dayNumber(words, at) === undefined)) return undefined;
  const day = dayNumber(words, at);
  if (day === undefined) return undefined;
  return nextDay(month, day, { today, year: yearIn(words.slice(at + 1, at + 8)) });
}

/** The year that was said last: "1985", "nineteen eighty five", "nineteen oh five", "two thousand and one", "twenty twenty six". */
function yearIn(words: readonly string[]): number | undefined {
  for (let at = words.length - 1; at >= 0; at--) {
    if (/^(?:19|20)\d\d$/.test(words[at]!)) return Number(words[at]);
    const [next, unit] = [words[at + 1] ?? "", Number(DIGITS[words[at + 2] ?? ""] ?? 0)];
    if (words[at] === "two" && next === "thousand") {
      const [rest = 0] = numbersOf(words.slice(at + 2, at + 4).join(" "));
      return 2000 + (rest < 100 ? rest : 0);
    }
    const century = words[at] === "nineteen" ? 1900 : words[at] === "twenty" ? 2000 : undefined;
    if (century === undefined || words[at - 1] === "at") continue; // "at twenty thirty" is a time
    if (next === "oh" && unit > 0) return century + unit;
    const years = TEENS[next] ?? (TENS[next] === undefined ? undefined : TENS[next] + unit);
    if (years !== undefined) return century + years;
  }
  return undefined;
}

/** Whether a day of the month is said that could be `day`: "the fifteenth", "the twenty first". */
export function saysDayOfMonth(text: string, day: Day): boolean {
  const words = wordsOf(text);
  return words.some((word, at) => /[a-z]/.test(word) && ordinal(word, words[at + 1]) === Number(day.slice(8)));
}

/** Whether `day` is in the month that is named, if one is. */
export function namesNoOtherMonth(text: string, day: Day): boolean {
  const named = wordsOf(text).filter((word) => MONTHS.includes(word) && word !== "may");
  return named.length === 0 || named.includes(MONTHS[Number(day.slice(5, 7)) - 1]!);
}

/** "Friday the third of March" is said by its month, not by its weekday. */
function monthNear(words: string[], at: number): boolean {
  return words.slice(at + 1, at + 6).some((word, n) =>
    MONTHS.includes(word) && dayNumber(words, at + 1 + n) !== undefined
  );
}

/** The day's number beside a month: "march third", "the 3rd of march", "march twenty first". */
function dayNumber(words: string[], at: number): number | undefined {
  const isOf = words[at - 1] === "of";
  const after = words[at + 1] === "the" ? at + 2 : at + 1;
  const next = isOf ? undefined : ordinal(words[after], words[after + 1]); // behind "the third of March" there may be a year
  if (next !== undefined) return next;
  const before = isOf ? at - 2 : at - 1;
  return ordinal(words[before - 1], words[before]) ?? ordinal(words[before], undefined);
}

function ordinal(first: string | undefined, second: string | undefined): number | undefined {
  const one = first === undefined ? undefined : dayWord(first);
  const two = second === undefined ? undefined : ORDINALS[second] ?? Number(DIGITS[second] ?? NaN);
  const day = (one === 20 || one === 30) && TENS[first!] !== undefined && two !== undefined && two < 10
    ? one + two
    : one;
  return day !== undefined && day >= 1 && day <= 31 ? day : undefined;
}

function dayWord(word: string): number | undefined {
  const written = word.match(/^(\d{1,2})(?:st|nd|rd|th)?$/)?.[1];
  if (written) return Number(written);
  return ORDINALS[word] ?? TEENS[word] ?? TENS[word] ?? (DIGITS[word] === undefined ? undefined : Number(DIGITS[word]));
}

function nextDay(
  month: number,
  day: number,
  { today, year }: { today: Day; year: number | undefined },
): Day | undefined {
  const thisYear = Number(today.slice(0, 4));
  for (const candidate of year === undefined ? [thisYear, thisYear + 1] : [year]) {
    const date = `${candidate}-${String(month + 1).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
    if (isDay(date) && (year !== undefined || date >= today)) return date;
  }
  return undefined;
}

export function weekdayOf(day: Day): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay();
}

export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** A time of day as HH:MM. `sure`: which half of the day it is was said right behind it, or cannot be in doubt. */
export interface SpokenTime {
  time: string;
  sure: boolean;
}

/** Which twelve o'clock it is. */
const TWELVES: Readonly<Record<string, string>> = { noon: "pm", midday: "pm", midnight: "am" };

/** The time of day that was said last: "half past three", "ten to five", "three thirty pm", "15:30", "noon". */
export function timeOf(text: string): SpokenTime | undefined {
  const plain = text.toLowerCase().replace(/(?<!\p{L})([ap])\.?\s?m\b\.?/gu, " $1m ");
  const words = joinTens(wordsOf(plain));
  const anywhere = halfIn(words);
  const written = [...plain.matchAll(/\b(\d{1,2})[:.](\d{2})/g)].at(-1);
  if (written) {
    const behind = wordsOf(plain.slice(written.index + written[0].length));
    const other = behind.findIndex((word) => hourOf(word) !== undefined);
    const half = afternoon(other < 0 ? behind : behind.slice(0, other), 0);
    return clock(Number(written[1]), Number(written[2]), { half, anywhere });
  }
  for (let at = words.length - 1; at >= 0; at--) {
    const twelve = TWELVES[words[at]!];
    const hour = twelve ? 12 : hourOf(words[at]);
    const isMinutes = minutesOf(words[at]) !== undefined && hourOf(words[at - 1]) !== undefined;
    if (hour === undefined || isMinutes) continue;
    const half = twelve ?? afternoon(words, at + 1);
    const beside = minutesBeside(words, at - 1);
    if (beside !== undefined && /^(?:past|after)$/.test(words[at - 1]!)) return clock(hour, beside, { half, anywhere });
    if (beside !== undefined && words[at - 1] === "to") {
      const before = half && hour === 12 ? half === "pm" ? "am" : "pm" : half; // the half of the day begins at twelve
      return clock((hour + 23) % 24, 60 - beside, { half: before, anywhere });
    }
    if (twelve) return clock(hour, 0, { half, anywhere });
    if (half !== undefined || words[at + 1] === "oclock" || words[at - 1] === "at") {
      return clock(hour, minutesOf(words[at + 1]) ?? 0, { half, anywhere });
    }
  }
  return undefined;
}

/** Whether the hour and the minutes of `time` are said, on whichever half of the day, though perhaps not as a time. */
export function bearsTime(text: string, time: string): boolean {
  const [hour, minutes] = time.split(":").map(Number) as [number, number];
  const said = numbersOf(text);
  return (said.includes(hour) || said.includes(hour % 12 || 12)) && (minutes === 0 || said.includes(minutes));
}

/** "forty five" as 45, "oh five" as 05. */
function joinTens(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const tens = words[at] === "oh" ? 0 : TENS[words[at]!];
    const unit = DIGITS[words[at + 1] ?? ""] ?? "0";
    if (tens === undefined || unit === "0") joined.push(words[at]!);
    else {
      joined.push(String(tens + Number(unit)).padStart(2, "0"));
      at++;
    }
  }
  return joined;
}

/** Minutes as they are said behind an hour: with two digits. */
function minutesOf(word: string | undefined): number | undefined {
  const value = TEENS[word ?? ""] ?? TENS[word ?? ""] ?? (/^\d\d$/.test(word ?? "") ? Number(word) : 60);
  return value < 60 ? value : undefined;
}

/** The minutes before the "past" or "to" at `at`; not "from ten to five". */
function minutesBeside(words: readonly string[], at: number): number | undefined {
  const from = words[at - 1] === "minutes" ? at - 2 : at - 1;
  const word = words[from] ?? "";
  if (words[from - 1] === "from" || words[from - 1] === "between") return undefined;
  const minutes = word === "half" ? 30 : word === "quarter" ? 15 : word === "five" ? 5 : minutesOf(word);
  return minutes !== undefined && minutes > 0 && (minutes % 5 === 0 || from < at - 1) ? minutes : undefined;
}

function hourOf(word: string | undefined): number | undefined {
  const value = word === undefined || word === "o" || word === "oh" ? NaN : Number(DIGITS[word] ?? TEENS[word] ?? word);
  return Number.isInteger(value) && value >= 0 && value < 24 ? value : undefined;
}

function afternoon(words: string[], from: number): string | undefined {
  const next = words.slice(from, from + 5);
  if (next.includes("pm") || next.includes("afternoon") || next.includes("evening")) return "pm";
  return next.includes("am") || next.includes("morning") ? "am" : undefined;
}

/** The only half of the day that is spoken of. */
function halfIn(words: readonly string[]): string | undefined {
  const isLate = ["pm", "afternoon", "evening", "tonight", "night"].some((word) => words.includes(word));
  const isEarly = ["am", "morning"].some((word) => words.includes(word));
  return isLate === isEarly ? undefined : isLate ? "pm" : "am";
}

function clock(
  hour: number,
  minutes: number,
  { half, anywhere }: { half: string | undefined; anywhere: string | undefined },
): SpokenTime | undefined {
  const part = half ?? anywhere;
  const hours = part === "pm" && hour < 12 ? hour + 12 : part === "am" && hour === 12 ? 0 : hour;
  if (hours > 23 || minutes > 59) return undefined;
  const time = `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
  return { time, sure: half !== undefined || hour > 12 };
}
