/** What a model says of a conversation, as facts: its schema, its check against what the caller really said, its normal form. Pure. */

import * as z from "zod";
import { parseObject } from "../base/json.ts";
import { failed, ok, type Result } from "../base/result.ts";
import { type FactContext, type FactField, type FactValue, valueFrom } from "./readings.ts";
import { wordsOf } from "./spoken.ts";

export type { FactContext, FactField, FactValue };

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

/** A fact that holds. `at`: where its words end in the caller's words, to tell which was said last. */
export interface Fact {
  value: FactValue;
  evidence: string;
  at: number;
}

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
  /** Where each utterance begins. */
  readonly #starts: number[] = [];

  add(text: string): void {
    this.#starts.push(this.#words.length);
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
    const current = this.#starts.findLastIndex((from) => from < at);
    return this.#words.slice(at, this.#starts[current + 3]).join(" ");
  }

  /** Whether the utterance that holds the word before position `at` goes on after it. */
  isWithin(at: number): boolean {
    return at < this.#words.length && !this.#starts.includes(at);
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
