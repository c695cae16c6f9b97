/** One call as a person reads it: what was said and heard, in ms since the answer, and who was waited for. Pure. */

import { clean } from "../base/clean.ts";
import { describeFault } from "../base/result.ts";
import type { CallNotice, CallRecord, ReplySource } from "../call/notice.ts";

/** Waits shorter than this are part of talking. */
const LONG_WAIT_MS = 1000;

export interface Wait {
  fromMs: number;
  waitedMs: number;
  /** "the model", "the tool find_slots", "the caller", ... */
  who: string;
}

/** Every wait above `LONG_WAIT_MS`, and who was awaited, as far as the notices tell. */
export function waitsOf(notices: readonly CallNotice[]): Wait[] {
  const waits: Wait[] = [];
  let since: { atMs: number; who: "us" | "the caller" | "the engine" } | undefined;
  /** The caller's last words have had nothing but a filler. */
  let owed = false;
  let tool: { name: string; tookMs: number } | undefined;
  const running = new Map<string, string>();
  const sources = new Map<number, ReplySource>();
  const end = (atMs: number, who = String(since?.who)) => {
    if (since && atMs - since.atMs > LONG_WAIT_MS) waits.push({ fromMs: since.atMs, waitedMs: atMs - since.atMs, who });
    since = undefined;
    tool = undefined;
  };
  notices.forEach((notice, index) => {
    switch (notice.kind) {
      case "call-started":
        since = { atMs: 0, who: "the engine" };
        break;
      case "engine-ready":
        if (since?.who === "the engine") end(notice.atMs);
        break;
      case "caller-spoke":
      case "digit":
        if (since?.who === "the caller") end(notice.atMs);
        break;
      case "caller-text":
        if (since?.who === "the caller") end(notice.atMs);
        if (!notice.final) break;
        since = { atMs: notice.atMs, who: "us" };
        owed = true;
        break;
      case "tool-call":
        running.set(notice.id, notice.name);
        break;
      case "tool-result":
        running.delete(notice.id);
        if ((tool?.tookMs ?? 0) < notice.tookMs) tool = { name: notice.name, tookMs: notice.tookMs };
        break;
      case "reply-started":
        sources.set(notice.reply, notice.source);
        break;
      case "reply-first-sent": {
        // A line of ours may be a filler: what comes behind it without a word of the caller is what was waited for.
        const source = sources.get(notice.reply);
        const isAnswer = source === "engine" || source === "route";
        const [atWork] = running.values();
        const isOurs = since?.who === "us" || (since?.who === "the caller" && isAnswer);
        if (since) end(notice.atMs, isOurs ? atWork ? `the tool ${atWork}` : blame(notices, index, tool) : since.who);
        if (isAnswer) owed = false;
        break;
      }
      case "reply-heard":
        since = { atMs: notice.atMs, who: owed ? "us" : "the caller" };
        break;
      case "reply-interrupted":
        since = { atMs: notice.atMs, who: "the caller" };
        break;
      case "call-ended":
        end(notice.atMs, since?.who === "us" ? "an answer, in vain" : since?.who);
    }
  });
  return waits;
}

const PARTS = { stt: "the recogniser", model: "the model", voice: "the voice", ours: "ourselves" } as const;

/** Who took longest, if the answer to a turn was late: the parts of that time are reported with its first sound. */
function blame(
  notices: readonly CallNotice[],
  index: number,
  tool: { name: string; tookMs: number } | undefined,
): string {
  const isTurn = (notice: CallNotice) => notice.kind === "caller-text" && notice.final;
  const next = notices.findIndex((notice, at) => at > index && isTurn(notice));
  const turn = notices.slice(0, next < 0 ? undefined : next);
  const latency = turn.slice(turn.findLastIndex(isTurn) + 1).find((notice) => notice.kind === "latency");
  const parts = latency?.kind === "latency" ? latency.parts : {};
  let worst = tool ? { ms: tool.tookMs, who: `the tool ${tool.name}` } : { ms: 0, who: "the engine" };
  for (const key of ["stt", "model", "voice", "ours"] as const) {
    if ((parts[key] ?? 0) > worst.ms) worst = { ms: parts[key]!, who: PARTS[key] };
  }
  return worst.who;
}

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
function heard({ text: said, interrupted, heardText }: CallRecord["transcript"][number], style: Style): string {
  const text = clean(said);
  if (!interrupted || heardText === undefined) return text;
  const words = text.split(/\s+/);
  const count = heardText.split(/\s+/).filter(Boolean).length;
  const unheard = words.slice(count).join(" ");
  if (unheard === "") return text;
  const struck = style.ansi ? `${STRIKE}${unheard}${PLAIN}` : `~~${unheard}~~`;
  return [...words.slice(0, count), struck].join(" ");
}

const STRIKE = "\x1b[9m";
const PLAIN = "\x1b[29m";

export function ms(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`;
}
