/** What a model says of a conversation, as facts: its schema, its check against what the caller really said, its normal form. Pure. */

import * as z from "zod";
import { parseObject } from "../base/json.ts";
import { failed, ok, type Result } from "../base/result.ts";
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

export type FactFields = Readonly<Record<string, FactField>>;

/** Asked for where the configuration names no fields. */
export const DEFAULT_FIELDS: FactFields = {
  intent: { type: "string", description: "What the caller wants, in a few words" },
  name: { type: "string", description: "The caller's own name" },
  phone: { type: "string", format: "phone", description: "The number on which the caller wants to be reached" },
  next_step: { type: "string", description: "What was agreed to happen next" },
  consent_to_follow_up: { type: "boolean", description: "Whether the caller agreed to be contacted again" },
};

/** The fields to find out: the configured ones, else the default ones; none where not even a summary is wanted. */
export function fieldsOf({ fields, summary }: { fields: FactFields; summary: boolean }): FactFields {
  return Object.keys(fields).length > 0 || !summary ? fields : DEFAULT_FIELDS;
}

/** What the facts are relative to. */
export interface FactContext {
  /** The day of the call where it is answered. */
  today: Day;
  language: string;
  /** The caller's number, for "the number I am calling from". */
  caller: string;
}

/** A fact that holds. `at`: where its words end in the caller's words, to tell which was said last. */
export interface Fact {
  value: string | number | boolean;
  evidence: string;
  at: number;
}

export type FactValue = Fact["value"];

/** A field's value as the model gives it, with the caller's words it follows from; null where the caller did not say. */
function fieldSchema(field: FactField): ReturnType<typeof makeSchema> {
  const known = SCHEMAS.get(field);
  if (known) return known;
  const schema = makeSchema(field);
  SCHEMAS.set(field, schema);
  return schema;
}

/** Made once per field: making one takes longer than using it a hundred times. */
const SCHEMAS = new WeakMap<FactField, ReturnType<typeof makeSchema>>();

function makeSchema({ type, enum: choices, format, description = "" }: FactField) {
  const hints: Record<string, string> = {
    phone: "a telephone number in digits, with + and country code if they were said",
    email: "an e-mail address",
    date: "a day as YYYY-MM-DD",
    time: "a time of day as HH:MM, 24 hours",
  };
  const value = {
    string: () => choices ? z.enum(choices as readonly [string, ...string[]]) : z.string(),
    number: () => z.number(),
    integer: () => z.int(),
    boolean: () => z.boolean(),
  }[type]();
  const about = [description, format && hints[format]].filter(Boolean).join("; ");
  const evidence = z.string().describe("the caller's own words that say so, quoted exactly; the newest if corrected");
  return z.object({ value: about ? value.describe(about) : value, evidence }).nullable();
}

/** The JSON Schema of an answer: every property required, as strict servers demand (LLM reference, section 8.7). */
export function answerSchema(fields: FactFields, { summary }: { summary: boolean }): Record<string, unknown> {
  const shape: Record<string, z.ZodType> = {};
  for (const [name, field] of Object.entries(fields)) shape[name] = fieldSchema(field);
  if (summary) shape.summary_of_call = z.string().describe("what happened on the call, in two sentences at most");
  const { $schema: _, ...schema } = z.toJSONSchema(z.object(shape));
  return schema;
}

export interface Answer {
  /** Well-formed, not yet checked against what was said. */
  facts: Record<string, { value: FactValue; evidence: string }>;
  summary: string | undefined;
  /** What is wrong with the rest, in words for the model; no word of the caller's is in it. */
  problems: string[];
}

/** Read a model's answer, field by field: what is malformed costs nothing but itself. Never throws. */
export function readAnswer(text: string, fields: FactFields, { summary }: { summary: boolean }): Answer {
  const answer: Answer = { facts: {}, summary: undefined, problems: [] };
  const parsed = parseObject(text);
  if (!parsed) return { ...answer, problems: ["The answer is not one JSON object."] };
  for (const [name, field] of Object.entries(fields)) {
    if (!Object.hasOwn(parsed, name)) {
      answer.problems.push(`"${name}" is missing; write null if the caller did not say it.`);
      continue;
    }
    const read = fieldSchema(field).safeParse(parsed[name]);
    if (!read.success) answer.problems.push(`"${name}": ${complaint(read.error)}`);
    else if (read.data) answer.facts[name] = read.data;
  }
  if (!summary) return answer;
  const { summary_of_call: words } = parsed;
  if (typeof words === "string" && words.trim() !== "") answer.summary = words.trim().slice(0, SUMMARY_LIMIT);
  else answer.problems.push('"summary_of_call" must be a text.');
  return answer;
}

const SUMMARY_LIMIT = 2000;
const EVIDENCE_LIMIT = 500;

/** Zod's words without the value, which may be the caller's. */
function complaint({ issues: [issue] }: z.ZodError): string {
  const where = issue!.path.join(".");
  const expected = "expected" in issue! ? `expected ${issue.expected}` : issue!.code.replace("_", " ");
  return `${where || "the whole"}: ${expected}.`;
}

/** The caller's words of one conversation, in order, as they are searched for evidence. */
export class CallerWords {
  readonly #words: string[] = [];
  readonly #texts: { text: string; from: number }[] = [];

  add(text: string): void {
    this.#texts.push({ text, from: this.#words.length });
    this.#words.push(...wordsOf(text));
  }

  /** Where the last occurrence of the quoted words ends; undefined if the caller did not say them. */
  find(quote: string): number | undefined {
    const wanted = wordsOf(quote);
    if (wanted.length === 0) return undefined;
    for (let from = this.#words.length - wanted.length; from >= 0; from--) {
      if (wanted.every((word, n) => this.#words[from + n] === word)) return from + wanted.length;
    }
    return this.#findDigits(quote);
  }

  /** What was said from the utterance before position `at` on: the rest of that utterance, and the two that follow. */
  after(at: number): string {
    const rest = this.#words.slice(at, this.#texts.findLast(({ from }) => from < at) ? this.#endAfter(at) : at);
    return rest.join(" ");
  }

  /** Whether the utterance that holds the word before position `at` goes on after it. */
  isWithin(at: number): boolean {
    return at < this.#words.length && !this.#texts.some(({ from }) => from === at);
  }

  /** All that was said before position `at`. */
  until(at: number): string {
    return this.#words.slice(0, at).join(" ");
  }

  get length(): number {
    return this.#words.length;
  }

  /** A number may be grouped otherwise than it was heard: 555-0142 and 5550142 are the same words. */
  #findDigits(quote: string): number | undefined {
    if (!/^[\d\s().+-]+$/.test(quote)) return undefined;
    const wanted = quote.replace(/\D/g, "");
    if (wanted.length < 3) return undefined;
    for (let from = this.#words.length - 1; from >= 0; from--) {
      let digits = "";
      for (let at = from; digits.length < wanted.length && /^\d+$/.test(this.#words[at] ?? ""); at++) {
        digits += this.#words[at];
        if (digits === wanted) return at + 1;
      }
    }
    return undefined;
  }

  #endAfter(at: number): number {
    const index = this.#texts.findLastIndex(({ from }) => from < at);
    return this.#texts[index + 3]?.from ?? this.#words.length;
  }
}

/** Words with which people take back what they said, and what they put before them. */
const TAKES_BACK =
  "no|nope|sorry|wait|actually|correction|rather|i meant?|make (?:that|it)|scratch that|not|my mistake|let me correct|on second thought";
const CORRECTION = new RegExp(
  `^(?:(?:please|thanks|thank you|oh|um|uh|er|hm+|well|and|but)\\s)*(?:${TAKES_BACK})\\b\\s*`,
);
/** At the start of an utterance it may answer the agent ("anything else?"): whether it takes back is for the model to say. */
const BARE_NO = /^(?:(?:please|thanks|thank you|oh|um|uh|er|hm+|well|and|but|no|nope|not)\s*)+$/;
/** So begins a sentence of its own, often a question: "sorry, are you open until six?" */
const SENTENCE =
  /^(?:are|is|was|do|does|did|can|could|may|will|would|shall|should|have|has|what|when|where|which|who|why|how|if|i|we|you|he|she|they|there|that|my|your)\b/;
const CORRECTS_WITHIN = /\b(?:no|sorry|wait|actually|correction|i mean|make (?:that|it)|scratch that|my mistake)\b/;

/** Whether the caller seems to take back what ends at `at`: right behind it, or at the start of what he says next. */
export function isTakenBack(words: CallerWords, at: number): boolean {
  return CORRECTION.test(words.after(at));
}

export type Doubt = "not-said" | "not-in-evidence" | "not-valid";

/**
 * Hold one answer against what the caller said. The evidence must be his words, and what has a form of its own (numbers,
 * dates, names) must follow from them: there our own reading wins over the model's, and a correction over what it corrects.
 */
export function checkFact(
  name: string,
  { given, field, words, context }: {
    given: { value: FactValue; evidence: string };
    field: FactField;
    words: CallerWords;
    context: FactContext;
  },
): Result<Fact, Doubt> {
  const evidence = given.evidence.trim().slice(0, EVIDENCE_LIMIT);
  const at = words.find(evidence);
  if (at === undefined) return failed("not-said");
  const corrected = correction(words, at);
  if (corrected && hasForm(field)) {
    const { said, isSure } = corrected;
    const later = valueFrom(name, undefined, { field, said, context, all: "" });
    if (later !== undefined && (isSure || later === given.value)) {
      return ok({ value: later, evidence: said, at: words.find(said) ?? at });
    }
  }
  const value = valueFrom(name, given.value, { field, said: evidence, context, all: words.until(at) });
  if (value === undefined) return failed("not-in-evidence");
  if (typeof value === "string" && (value === "" || value.length > EVIDENCE_LIMIT)) return failed("not-valid");
  return ok({ value, evidence, at });
}

/** What the caller said instead, without the words of correction; not `isSure`: the model has to see it too. */
function correction(words: CallerWords, at: number): { said: string; isSure: boolean } | undefined {
  const after = words.after(at);
  let rest = after;
  while (CORRECTION.test(rest)) rest = rest.replace(CORRECTION, "");
  if (rest === after) return undefined;
  const taken = after.slice(0, after.length - rest.length);
  const mayAnswer = !words.isWithin(at) && BARE_NO.test(taken);
  return { said: rest, isSure: !mayAnswer && !SENTENCE.test(rest) };
}

/** Whether we can read the field's values ourselves. */
function hasForm({ type, format }: FactField): boolean {
  return format !== undefined && type === "string";
}

interface Reading {
  field: FactField;
  said: string;
  /** What was said up to the end of that. */
  all: string;
  context: FactContext;
}

/** The value that these words support, given what the model made of them (undefined: nothing). Undefined if they support none. */
function valueFrom(name: string, given: FactValue | undefined, reading: Reading): FactValue | undefined {
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
            ? [said, withDigits(said)].some((words) => emailOf(words).includes(wanted))
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

function dateFrom(given: string | undefined, said: string, { today, language }: FactContext): string | undefined {
  const ours = dateOf(said, today);
  if (given === undefined) return ours;
  if (!isDay(given)) return ours;
  if (ours === undefined) {
    const isDated = /\d|day|week|month|year/i.test(said) || saysDayOfMonth(said, given);
    return isDated || !/^en/i.test(language) ? given : undefined;
  }
  // Of the day that was named there is one each week: which is meant, the model heard from the conversation.
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
  if (isNear && saysDayOfMonth(version, given) && namesNoOtherMonth(said, given)) return given;
  if (/\bmonths?\b/i.test(said) && isNear && given > ours) return given;
  const isThatDay = wordsOf(said).includes(WEEKDAYS[weekdayOf(given)]!) || weekdayOf(given) === weekdayOf(ours);
  const isMeant = (/\bnext\b/i.test(said) && given === addDays(ours, 7)) ||
    (/\b(?:last|past|since|ago)\b/i.test(said) && given < today) || /\bweeks?\b/i.test(said) ||
    (/\b(?:after|following)\b/i.test(said) && given > ours) || (/\bthis\b/i.test(said) && given === today);
  return isThatDay && isMeant ? given : ours;
}

/** A day that is named without its year is at most so far away. */
const YEAR_DAYS = 366;

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

/** Every word of a name was said, or spelled letter by letter; one of them now, the others perhaps before. */
function isNamed(name: string, said: string, all: string): boolean {
  const now = new Set(wordsOf(said));
  const heard = wordsOf(name).some((word) => now.has(word)) ? new Set([...now, ...wordsOf(all)]) : now;
  const spelled = spelledOf(said);
  const words = wordsOf(name);
  return words.length > 0 &&
    words.every((word) =>
      (heard.has(word) && !(word.length === 1 && words.length === 1)) || spelled.some((run) => run.includes(word)) ||
      spelled.join("").includes(words.join(""))
    );
}
