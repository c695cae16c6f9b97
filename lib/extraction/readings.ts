/** The value of one field, read from the caller's own words: what a model made of them holds only as far as they support it. Pure. */

import {
  addDays,
  bearsTime,
  dateOf,
  datesOf,
  type Day,
  digitRunsOf,
  digitsOf,
  emailIn,
  emailOf,
  isDay,
  namesNoOtherMonth,
  saysDayOfMonth,
  saysNumber,
  spelledOf,
  type SpokenTime,
  timeOf,
  weekdayOf,
  WEEKDAYS,
  withDigits,
  wordsOf,
} from "./spoken.ts";

/** One thing to find out. `format` and `enum` go with strings only. */
export interface FactField {
  type: "string" | "number" | "integer" | "boolean";
  description?: string;
  format?: "phone" | "email" | "date" | "time";
  enum?: readonly string[];
}

export type FactValue = string | number | boolean;

/** What the facts are relative to. */
export interface FactContext {
  /** The day of the call where it is answered. */
  today: Day;
  language: string;
  /** The caller's number, for "the number I am calling from". */
  caller: string;
}

/** What stands between a value and the one that takes its place, in one utterance. */
const CORRECTS_WITHIN = /\b(?:no|sorry|wait|actually|correction|i mean|make (?:that|it)|scratch that|my mistake)\b/;

/** The caller's words that a value is taken from. */
export interface Reading {
  field: FactField;
  said: string;
  /** What was said up to the end of that. */
  all: string;
  context: FactContext;
}

/** The value that these words support, given what the model made of them (undefined: nothing). Undefined if they support none. */
export function valueFrom(name: string, given: FactValue | undefined, reading: Reading): FactValue | undefined {
  const { field, said, all, context } = reading;
  const text = typeof given === "string" ? given.trim() : undefined;
  switch (field.format) {
    case "phone":
      return phoneFrom(text, reading);
    case "email": {
      if (text === undefined) return emailIn(said);
      const wanted = text.toLowerCase().replace(/\s/g, "");
      return /^[\w.+-]+@[\w-]+(\.[\w-]+)+$/.test(wanted) &&
          (isEnglish(context)
            ? [said, withDigits(said)].some((words) => emailOf(unspelled(words)).includes(wanted))
            : wordsOf(said).some((word) => word.length > 1 && wanted.includes(word)))
        ? wanted
        : undefined;
    }
    case "date":
      return dateFrom(text, said, context);
    case "time":
      return timeFrom(text, said, context);
  }
  if (typeof given === "number") return saysNumber(said, given) || !isEnglish(context) ? given : undefined;
  if (text !== undefined && /(^|_)name$/i.test(name)) {
    return isNamed(text, said, all) || !isEnglish(context) ? text : undefined;
  }
  return text ?? given;
}

/** Without accents and the hyphens of spelled letters: "j-o-s-é" is "jose". */
function unspelled(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/(?<=(?<!\w)\w)-(?=\w(?!\w))/g, "");
}

function isEnglish({ language }: FactContext): boolean {
  return /^(en|multi)\b/i.test(language);
}

/** Digits of E.164 numbers: 7 to 15 (ITU-T E.164, section 6). */
const PHONE_DIGITS = { least: 7, most: 15 };
/** A number with its area code. */
const NATIONAL_DIGITS = 10;

function phoneFrom(given: string | undefined, { said, all, context }: Reading): string | undefined {
  const number = lastNumber(said);
  const heard = digitsOf(number);
  if (given === undefined) return phone(heard, given, context);
  const wanted = digitsOf(given);
  if (heard === "") {
    // "The number I am calling from".
    if (wanted !== "" && wanted === digitsOf(context.caller)) return phone(wanted, "+", context);
    return isEnglish(context) ? undefined : phone(wanted, given, context);
  }
  const code = heard.startsWith("0") && wanted.endsWith(heard.slice(1)) ? wanted.slice(0, 1 - heard.length) : "";
  if (code !== "" && isCountry(wanted, heard.slice(1))) { // "030 …" was said, and the model put +49 before it
    return phone(digitsOf(context.caller).startsWith(code) ? wanted : heard, given, context);
  }
  if (isRunOf(number, wanted)) return phone(wanted, given, context);
  const same = wanted.endsWith(heard) || heard.endsWith(wanted);
  if (same && heard.length >= PHONE_DIGITS.least) {
    return phone(heard.length >= wanted.length ? heard : isCountry(wanted, heard) ? wanted : heard, given, context);
  }
  const national = wanted.replace(/^1(?=\d{10}$)/, "");
  const isCorrected = same && heard.length > 1
    ? digitsOf(all).includes(national.slice(0, -heard.length)) // "no, it ends in 43"
    : CORRECTS_WITHIN.test(said.toLowerCase()) && isWithin(national, digitsOf(said));
  return isCorrected ? phone(wanted, given, context) : undefined;
}

/** Whether `wanted`, perhaps without its country code, is said without a break; before it at most two digits, or it is long enough to be all. */
function isRunOf(said: string, wanted: string): boolean {
  let before = 0;
  for (const run of digitRunsOf(said)) {
    const isWanted = run === wanted || (wanted.endsWith(run) && isCountry(wanted, run)) ||
      /^(?:00|011)/.exec(run)?.[0] + wanted === run;
    if (isWanted && (before <= 2 || run.length >= NATIONAL_DIGITS)) return true;
    before += run.length;
  }
  return false;
}

/** After words of correction only what follows counts, if that is a whole number. */
function lastNumber(said: string): string {
  const parts = said.toLowerCase().split(CORRECTS_WITHIN);
  return parts.findLast((part) => digitsOf(part).length >= PHONE_DIGITS.least) ?? said;
}

/** Whether the model put no more than a country code before what was heard. */
function isCountry(wanted: string, heard: string): boolean {
  return wanted.length - heard.length <= 3 && heard.length >= PHONE_DIGITS.least;
}

function isWithin(wanted: string, heard: string): boolean {
  let at = 0;
  for (const digit of heard) if (digit === wanted[at]) at++;
  return at === wanted.length;
}

/** E.164 where a country code is known: said, or of the caller's own number for a number of national length. */
function phone(digits: string, given: string | undefined, { caller }: FactContext): string | undefined {
  if (digits.length < PHONE_DIGITS.least || digits.length > PHONE_DIGITS.most) return undefined;
  if (given?.startsWith("+") && digits === digitsOf(given)) return `+${digits}`;
  if (/^\+1\d{10}$/.test(caller)) {
    if (digits.length === 10) return `+1${digits}`;
    if (digits.length === 11 && digits.startsWith("1")) return `+${digits}`;
  }
  return digits;
}

/** A day that is named without its year is at most so far away. */
const YEAR_DAYS = 366;

function dateFrom(given: string | undefined, said: string, { today, language }: FactContext): string | undefined {
  const ours = dateOf(said, today);
  if (given === undefined) return ours;
  if (!isDay(given)) return ours;
  if (ours === undefined) {
    const isDated = /\d|day|week|month|year/i.test(said) || saysDayOfMonth(said, given);
    return isDated || !/^en/i.test(language) ? given : undefined;
  }
  if (
    ours >= today && given.slice(5) === ours.slice(5) &&
    digitsOf(said).replace(`${Number(given.slice(8))}`, "").includes(given.slice(2, 4))
  ) {
    return given; // "March fourth eighty five"
  }
  const version = lastVersion(said, (part) => dateOf(part, today) !== undefined || saysDayOfMonth(part, given));
  if (datesOf(version, today).includes(given)) return given;
  // "Friday the 27th", "December 14th, no, the 15th": the model put them together.
  const isNear = given > addDays(today, -YEAR_DAYS) && given < addDays(today, YEAR_DAYS);
  // "Since October 5": of two that are named without a year, the last one is meant if it is nearer than the next.
  const isLast = given < today && given > addDays(today, -YEAR_DAYS / 2) && given.slice(5) === ours.slice(5);
  if (isLast && dateOf(said, given) === given) return given;
  if (isNear && saysDayOfMonth(version, given) && namesNoOtherMonth(said, given)) return given;
  if (/\bmonths?\b/i.test(said) && isNear && given > ours) return given;
  // Of the day that was named there is one each week: which is meant, the model heard from the conversation.
  const isThatDay = wordsOf(said).includes(WEEKDAYS[weekdayOf(given)]!) || weekdayOf(given) === weekdayOf(ours);
  const isMeant = (/\bnext\b/i.test(said) && given === addDays(ours, 7)) ||
    (/\b(?:last|past|since|ago)\b/i.test(said) && given < today) || /\bweeks?\b/i.test(said) ||
    (/\b(?:after|following)\b/i.test(said) && given > ours) || (/\bthis\b/i.test(said) && given === today);
  return isThatDay && isMeant ? given : ours;
}

/** Which half of the day is meant, where nobody says it, the model heard from the conversation. */
function timeFrom(given: string | undefined, said: string, context: FactContext): string | undefined {
  const ours = timeOf(said);
  const isTime = /^([01]\d|2[0-3]):[0-5]\d$/.test(given ?? "");
  if (given === undefined || !isTime) return ours?.time;
  if (!isEnglish(context)) return given;
  if (ours === undefined) return bearsTime(said, given) ? given : undefined;
  // Of several that were said, the model knows which is meant.
  const version = lastVersion(said, (part) => timeOf(part) !== undefined);
  const others = version.replace(/\b(?:from|between|after|before|around)\b/gi, "at").split(
    /,|\b(?:not|and|or|than|but|until|to|because|so|if)\b/i,
  );
  const half = ours.time < "12:00" ? "am" : "pm";
  const [first = ""] = others; // "from two to three pm" says of the first one only the hour
  if (/\bat\s+[\w:]+\s*$/.test(first)) others.push(`${first} ${half}`);
  const face = (time: string) => `${Number(time.slice(0, 2)) % 12}${time.slice(2)}`;
  const isGiven = ({ time, sure }: SpokenTime) => time === given || (!sure && face(time) === face(given));
  if ([version, ...others].some((part) => isGiven(timeOf(part) ?? ours))) return given;
  return !ours.sure && !/\b(?:past|to|after|quarter|half)\b/i.test(said) && bearsTime(version, given)
    ? given
    : ours.time;
}

/** What stands behind the last words of correction, as far as it says such a thing at all. */
function lastVersion(said: string, holds: (part: string) => boolean): string {
  return said.toLowerCase().split(CORRECTS_WITHIN).findLast(holds) ?? said;
}

/** What names are written with, for what is said. */
const SHORT: Readonly<Record<string, string>> = {
  ...{ doctor: "dr", professor: "prof", mister: "mr", missus: "mrs", junior: "jr", senior: "sr", saint: "st" },
};

function nameWords(text: string): string[] {
  return wordsOf(text).map((word) => Object.hasOwn(SHORT, word) ? SHORT[word]! : word);
}

/** Every word of a name was said, or spelled letter by letter; one of them now, the others perhaps before. */
function isNamed(name: string, said: string, all: string): boolean {
  const [words, heardNow] = [nameWords(name), nameWords(said)];
  const now = new Set(heardNow);
  const heard = words.some((word) => now.has(word)) ? new Set([...now, ...nameWords(all)]) : now;
  const spelled = spelledOf(said);
  const whole = words.join("");
  return words.length > 0 &&
      words.every((word) =>
        (heard.has(word) && !(word.length === 1 && words.length === 1)) || spelled.some((run) => run.includes(word)) ||
        spelled.join("").includes(whole)
      ) || (whole.length > 1 && heardNow.some((_, at) => beginsWith(heardNow.slice(at), whole)));
}

/** Whether the first of `words`, put together, are `whole`: "Mc Donald", "Mary Anne". */
function beginsWith(words: readonly string[], whole: string): boolean {
  let run = "";
  for (const word of words) if (run.length < whole.length) run += word;
  return run === whole;
}
