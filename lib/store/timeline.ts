/** One call as a person reads it: what was said and heard, in ms since the answer, and who was waited for. Pure. */

import { clean } from "../base/clean.ts";
import { tokensOf } from "../base/pace.ts";
import { describeFault } from "../base/result.ts";
import type { CallNotice, CallRecord } from "../call/notice.ts";
import { waitsOf } from "./waits.ts";

export interface Style {
  /** Strike out with the terminal's own means instead of ~~. */
  ansi: boolean;
}

/** The call as lines of text, without their ends. */
export function timeline(record: CallRecord, notices: readonly CallNotice[], style: Style): string[] {
  // The reply's own start is when the engine began it; what counts is the first audio.
  const said = record.transcript.map((entry) => ({ atMs: entry.atMs, text: utterance(entry, style) }));
  const waits = waitsOf(notices).map(({ fromMs, waitedMs, who }) => (
    { atMs: fromMs, text: `        waited ${ms(waitedMs)} for ${clean(who)}` }
  ));
  const others = notices.flatMap((notice) => {
    const text = eventText(notice);
    return text ? [{ atMs: notice.atMs, text: `        ${clean(text)}` }] : [];
  });
  return [...said, ...others, ...waits].toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, text }) => `${String(Math.round(atMs)).padStart(8)}  ${text}`);
}

function eventText(notice: CallNotice): string | undefined {
  switch (notice.kind) {
    case "digit":
      return `pressed ${notice.digit}`;
    case "tool-call":
      return `tool ${notice.name}`;
    case "tool-result":
      return `tool ${notice.name} ${notice.ok ? "answered" : "FAILED"} after ${ms(notice.tookMs)}`;
    case "fault":
      return `${notice.fatal ? "FAULT, the end of the call" : "fault"}: ${describeFault(notice.fault)}`;
    case "reply-resumed":
      return `nobody had spoken: reply ${notice.reply} went on as ${notice.as}`;
    case "extraction-shed":
      return "the facts could not keep pace";
    case "event-lost":
    case "audio-dropped":
    case "fence-timed-out":
      return notice.kind.toUpperCase();
    case "carrier-confirmed":
      return `the carrier says: ${notice.status}`;
    case "call-ended":
      return `ended: ${notice.reason}`;
    default:
      return undefined;
  }
}

function utterance(entry: CallRecord["transcript"][number], style: Style): string {
  const notes = [
    entry.route && `route ${clean(entry.route)}`,
    entry.answerMs !== undefined && `answered after ${ms(entry.answerMs)}`,
    entry.interrupted && `interrupted after ${ms(entry.heardMs ?? 0)}`,
  ].filter(Boolean);
  const text = entry.text === "" && entry.words !== undefined
    ? `(${entry.words} words, not kept)`
    : heard(entry, style);
  return `${entry.who.padEnd(6)}  ${text}${notes.length > 0 ? `  [${notes.join(", ")}]` : ""}`;
}

/** What was said, with that struck out which the caller did not hear. */
function heard({ text: said, heardText }: CallRecord["transcript"][number], style: Style): string {
  const text = clean(said);
  if (heardText === undefined) return text;
  const known = clean(heardText);
  const behind = text.startsWith(known)
    ? known.length
    : tokensOf(text).slice(0, tokensOf(known).length).join("").trimEnd().length;
  const unheard = text.slice(behind).trimStart();
  if (unheard === "") return text;
  const struck = style.ansi ? `${STRIKE}${unheard}${PLAIN}` : `~~${unheard}~~`;
  return text.slice(0, text.length - unheard.length) + struck;
}

const STRIKE = "\x1b[9m";
const PLAIN = "\x1b[29m";

export function ms(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`;
}
