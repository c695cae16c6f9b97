/** One line per thing worth telling: readable on a terminal, JSON elsewhere. No secret, no caller's word, no whole number. */

import { configureSync, getJsonLinesFormatter, getLogger, getTextFormatter, type LogRecord } from "@logtape/logtape";
import { clean } from "../base/clean.ts";
import { describeFault } from "../base/result.ts";
import type { CallNotice } from "../call/notice.ts";

export type LogLevel = "debug" | "info" | "warning" | "error";

/** Where log lines go. Everything on stderr: stdout belongs to a command's result. */
export function openLog({ level, format, write }: {
  level: LogLevel;
  format: "lines" | "json";
  write: (line: string) => void;
}): void {
  const formatter = format === "json" ? getJsonLinesFormatter({ properties: "flatten" }) : getTextFormatter({
    timestamp: "time",
    timeZone: null, // the terminal's own
    category: () => "",
    level: "abbr",
    format: ({ timestamp, level, message }) => `${timestamp?.slice(0, 8)} ${level} ${message}`,
  });
  // Not `configure`: below a watcher its hook at the end keeps `Deno.exit` from ending us.
  configureSync({
    reset: true,
    sinks: { out: (record: LogRecord) => write(formatter(record)) },
    loggers: [
      { category: "offhook", lowestLevel: level, sinks: ["out"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["out"] },
    ],
  });
}

const logger = getLogger("offhook");

/** A line of our own; `facts` go along in JSON. */
export function log(level: LogLevel, message: string, facts: Record<string, unknown> = {}): void {
  // LogTape reads braces as placeholders.
  const text = message.replaceAll("{", "{{").replaceAll("}", "}}");
  if (level === "warning") logger.warn(text, facts);
  else logger[level](text, facts);
}

/** A phone number with all but its last two digits hidden; other callers are hidden whole. */
function maskNumber(number: string): string {
  if (number === "") return "unknown";
  return /^\+?\d{5,}$/.test(number) ? `${"*".repeat(Math.max(0, number.length - 2))}${number.slice(-2)}` : "withheld";
}

/** The line for a notice; undefined if it is not worth one. */
export function noticeLine(notice: CallNotice): { level: LogLevel; message: string } | undefined {
  const at = `${notice.call} +${(notice.atMs / 1000).toFixed(2)}s`;
  const line = (level: LogLevel, text: string) => ({ level, message: clean(`${at} ${text}`) });
  switch (notice.kind) {
    case "call-started":
      return line("info", `call from ${maskNumber(notice.from)}, ${notice.engine} engine, ${notice.callSid}`);
    case "engine-ready":
      return line("info", `engine ready after ${Math.round(notice.waitMs)} ms`);
    case "caller-text":
      return notice.final ? line("info", `caller: ${countWords(notice.text)}`) : undefined;
    case "reply-started":
      return line("debug", `reply ${notice.reply} (${notice.source})`);
    case "latency":
      return line("info", `answer: ${latencySplit(notice.parts)}`);
    case "reply-heard":
      return line("info", `reply ${notice.reply} heard, ${Math.round(notice.heardMs)} ms`);
    case "reply-interrupted":
      return line(
        "info",
        `reply ${notice.reply} ${notice.byUs ? "cut" : "interrupted"} after ${Math.round(notice.heardMs)} ms`,
      );
    case "reply-resumed":
      return line("info", `nobody spoke: reply ${notice.reply} goes on as ${notice.as}`);
    case "tool-call":
      return line("info", `tool ${notice.name}`);
    case "tool-result":
      return line(
        "info",
        `tool ${notice.name} ${notice.ok ? "answered" : "failed"} in ${Math.round(notice.tookMs)} ms`,
      );
    case "routed":
      return line("info", `route ${notice.route} (${notice.score.toFixed(2)})`);
    case "fault":
      return line(notice.fatal ? "error" : "warning", describeFault(notice.fault));
    case "event-lost":
    case "audio-dropped":
    case "fence-timed-out":
      return line("error", notice.kind);
    case "carrier-odd":
      return line("warning", `odd message from the carrier: ${notice.what}`);
    case "call-ended":
      return line("info", `call ended: ${notice.reason}, ${(notice.durationMs / 1000).toFixed(1)} s`);
    default:
      return undefined;
  }
}

function latencySplit(parts: Extract<CallNotice, { kind: "latency" }>["parts"]): string {
  return Object.entries(parts).map(([part, ms]) => `${part} ${Math.round(ms)} ms`).join(", ");
}

function countWords(text: string): string {
  const words = text.split(/\s+/).filter(Boolean).length;
  return `${words} word${words === 1 ? "" : "s"}`;
}

/** An observer that writes what `noticeLine` says. */
export function logNotice(notice: CallNotice): void {
  const line = noticeLine(notice);
  if (line) log(line.level, line.message, { call: notice.call, kind: notice.kind });
}
