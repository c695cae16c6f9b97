/** What of a call may be kept, and what may be shown to strangers. Pure. */

import type { CallNotice, CallRecord } from "../call/notice.ts";

/** The notice with counts in the place of words: for callers whose words are not to be kept. */
export function withoutWords(notice: CallNotice): CallNotice | undefined {
  switch (notice.kind) {
    case "caller-text":
    case "reply-text":
      return { ...notice, text: "", words: countWords(notice.text) };
    case "reply-words":
      return undefined;
    case "digit":
      return { ...notice, digit: "?" };
    case "fact":
      return { ...notice, evidence: "" };
    case "summary":
      return undefined;
    case "message": {
      const { kind, call, atMs, delivered, why, urgent } = notice;
      const rest = { ...(why === undefined ? {} : { why }), ...(urgent === undefined ? {} : { urgent }) };
      return { kind, call, atMs, delivered, ...rest, text: "" };
    }
    default:
      return notice;
  }
}

function countWords(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}

/** Every run of five digits or more, however it is spaced, but for its last two. Dates (2026-03-14) stay. */
export function maskNumbers(text: string): string {
  return text.replace(/(?<!\d)(?!\d{4}-\d{2}-\d{2}(?!\d))\+?\d(?:[\s().-]{0,2}\d){4,}/g, (number) => {
    const digits = number.replace(/\D/g, "");
    return `${"*".repeat(digits.length - 2)}${digits.slice(-2)}`;
  });
}

/** Ids and times look like numbers and are none that point at a person. */
const KEPT = new Set([
  "call",
  "id",
  "callSid",
  "streamSid",
  "startedAt",
  "configHash",
  "version",
  "requestIds",
  "kind",
]);

/** A value with every telephone number in it masked, keys pressed hidden. */
export function redact(value: unknown): unknown {
  if (typeof value === "string") return maskNumbers(value);
  if (Array.isArray(value)) return value.map(redact);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (KEPT.has(key) && (typeof item === "string" || Array.isArray(item))) return [key, item];
      if ((key === "digits" || key === "digit") && typeof item === "string") return [key, "*".repeat(item.length)];
      return [key, redact(item)];
    }),
  );
}

/** A record in which nothing that was said is left, only how much. */
export function recordWithoutWords(record: CallRecord): CallRecord {
  return {
    ...record,
    summary: undefined,
    messages: record.messages.map(({ name: _name, phone: _phone, ...message }) => ({ ...message, text: "" })),
    digits: "?".repeat(record.digits.length),
    facts: Object.fromEntries(Object.keys(record.facts).map((field) => [field, { value: null, evidence: "" }])),
    transcript: record.transcript.map(({ heardText: _heard, ...utterance }) => ({
      ...utterance,
      text: "",
      words: utterance.words ?? countWords(utterance.text),
    })),
  };
}
