/** What a call was like: the JSON of `call --json`, and the table for people. Pure. */

import { audioMs } from "../audio/frame.ts";
import { clean } from "../base/clean.ts";
import type { Offence } from "./offence.ts";
import type { Expectation } from "./steps.ts";
import { normalise, type Turn } from "./talk.ts";

/**
 * `server`: it let the call go. `caller`: this phone hung up. `rest`: ended through the REST stand-in. `refused`: it was
 * never answered, or turned away in words. `limit`: this phone hung up because the call took too long.
 */
export type EndedBy = "server" | "caller" | "rest" | "refused" | "limit";

/** Where the time of an answer went, ms, as the server's own record says. */
export interface ReplyParts {
  stt: number | null;
  model: number | null;
  voice: number | null;
  ours: number | null;
}

export interface TurnReport {
  /** "" in the first turn: the greeting. */
  said: string;
  /** The words of the answer that were played; null if its audio is not tagged. */
  heard: string | null;
  /** From the end of what was said to the first audible 20 ms of the answer; null if there was none. */
  replyMs: number | null;
  parts: ReplyParts | null;
  route: string | null;
  interrupted: boolean;
  /** Ms of the answer that were played. */
  heardMs: number;
}

export interface CallReport {
  ok: boolean;
  schema: 1;
  callSid: string;
  /** Of the last stream; null if there was none. */
  streamSid: string | null;
  endedBy: EndedBy;
  durationMs: number;
  /** From the start of the first stream to the first audible 20 ms of the agent. */
  firstAudioMs: number | null;
  turns: TurnReport[];
  underruns: number;
  underrunMs: number;
  marks: { sent: number; echoed: number };
  staleFrames: number | null;
  lostFrames: number | null;
  offences: Offence[];
  expectations: Expectation[];
  wav: string | null;
}

/** What the server's own record says about one turn of the caller. */
export interface TurnRecord {
  said: string;
  parts: ReplyParts | null;
  route: string | null;
}

/** The turns as they are reported; a greeting that was not heard is left out. Records are matched in order, by what was said. */
export function reportTurns(turns: readonly Turn[], records: readonly TurnRecord[]): TurnReport[] {
  let next = 0;
  return turns.filter(({ said, playedBytes }) => said !== "" || playedBytes > 0).map((turn) => {
    const at = turn.said === ""
      ? -1
      : records.findIndex((r, n) => n >= next && normalise(r.said) === normalise(turn.said));
    if (at >= 0) next = at + 1;
    const tagged = turn.taggedFrames > 0;
    return {
      said: turn.said,
      heard: tagged ? turn.heard.replace(/\s+/g, " ").trim() : null,
      replyMs: turn.firstHeardMs === undefined ? null : Math.round(turn.firstHeardMs - turn.saidEndMs),
      parts: records[at]?.parts ?? null,
      route: records[at]?.route ?? null,
      interrupted: turn.interrupted,
      heardMs: Math.round(audioMs(turn.playedBytes)),
    };
  });
}

/** Whether the call was as it should be. */
export function isOk(
  { endedBy, offences, expectations }: Pick<CallReport, "endedBy" | "offences" | "expectations">,
): boolean {
  return endedBy !== "refused" && offences.length === 0 && expectations.every(({ met }) => met);
}

const SAID_WIDTH = 24;
const HEARD_WIDTH = 44;

/** The report as aligned plain text, in lines of up to about 120 characters, longer where it must tell what was heard instead. `colours`: with terminal colours. */
export function formatReport(report: CallReport, { colours = false }: { colours?: boolean } = {}): string {
  const paint = (code: number, text: string) => colours ? `\x1b[${code}m${text}\x1b[0m` : text;
  const lines = [...summary(report), "", ...turnTable(report)].map(clean);
  for (const { text, met } of report.expectations) {
    lines.push(met ? paint(32, `met      expected "${text}"`) : paint(31, `NOT MET  expected "${text}"`));
  }
  for (const { code, detail } of report.offences) lines.push(paint(31, `OFFENCE  ${code}: ${detail}`));
  if (report.endedBy === "refused") lines.push(paint(31, "REFUSED  the server did not take the call"));
  lines.push(report.ok ? paint(32, "ok") : paint(31, "NOT OK"));
  return lines.join("\n");
}

function summary(report: CallReport): string[] {
  const unknown = "unknown (the voice is not tagged)";
  const pairs: [string, string][] = [
    ["call", report.callSid],
    ["ended by", `${report.endedBy}, after ${seconds(report.durationMs)}`],
    ["first audio", report.firstAudioMs === null ? "none" : `${report.firstAudioMs} ms`],
    ["under-runs", report.underruns === 0 ? "0" : `${report.underruns} (${report.underrunMs} ms)`],
    ["marks", `${report.marks.sent} sent, ${report.marks.echoed} echoed`],
    ["stale frames", report.staleFrames === null ? unknown : String(report.staleFrames)],
    ["lost frames", report.lostFrames === null ? unknown : String(report.lostFrames)],
  ];
  if (report.wav !== null) pairs.push(["recording", report.wav]);
  return pairs.map(([name, value]) => `${name.padEnd(14)}${value}`);
}

function turnTable({ turns, expectations }: CallReport): string[] {
  if (turns.length === 0) return [];
  const heardWidth = expectations.every(({ met }) => met) ? HEARD_WIDTH : Infinity;
  const withParts = turns.some(({ parts }) => parts);
  const withRoute = turns.some(({ route }) => route !== null);
  const head = ["said", "heard", "reply ms", "heard ms", "", ...(withParts ? ["stt", "model", "voice", "ours"] : [])];
  if (withRoute) head.push("route");
  const rows = turns.map((turn) => {
    const parts = turn.parts;
    const row = [
      shorten(turn.said || "(greeting)", SAID_WIDTH),
      turn.heard === null ? (turn.heardMs > 0 ? "(untagged)" : "(nothing)") : shorten(turn.heard, heardWidth),
      number(turn.replyMs),
      number(turn.heardMs),
      turn.interrupted ? "interrupted" : "",
    ];
    if (withParts) row.push(number(parts?.stt), number(parts?.model), number(parts?.voice), number(parts?.ours));
    if (withRoute) row.push(turn.route ?? "");
    return row;
  });
  return [...align([head, ...rows]), ""];
}

/** Columns of figures are flush right, others left. */
function align(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const figures = widths.map((_, column) => rows.slice(1).every((row) => /^(-?\d+|-)$/.test(row[column]!)));
  const line = (row: string[]) =>
    row.map((cell, column) => figures[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)).join(
      "  ",
    );
  const [head, ...body] = rows.map((row) => line(row).trimEnd());
  return [head!, widths.map((width) => "-".repeat(width)).join("  "), ...body];
}

function number(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : String(Math.round(value));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The beginning of `text`, at most `width` characters. */
function shorten(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("").trimEnd()}…`;
}
