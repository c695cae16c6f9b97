/** `calls`, `show` and `forget`: what is kept of calls, read from the data folder or from a server. */

import type { ParseArgsConfig } from "node:util";
import { clean } from "./base/clean.ts";
import { isHttpUrl } from "./base/url.ts";
import { failure, readArgs, type Terminal, wrongUsage } from "./base/usage.ts";
import type { CallNotice, CallRecord } from "./call/notice.ts";
import { type Archive, type ArchiveParts, folderArchive, NoneKept, NotThere, serverArchive } from "./calls_archive.ts";
import type { CallFilter, CallRow } from "./store.ts";
import { outcomeFault } from "./outcomes.ts";
import { whyNotWritten } from "./permissions.ts";
import { numberKey } from "./store/backend.ts";
import { recordingFile } from "./store/place.ts";
import { estimateCost, withCost } from "./store/prices.ts";
import { maskNumbers, recordWithoutWords, redact, withoutWords } from "./store/privacy.ts";
import { ms, timeline } from "./store/timeline.ts";

export interface CommandParts extends ArchiveParts, Terminal {
  /** Whether stdout is a terminal. */
  isTerminal: boolean;
  /** Asks the user; undefined where nobody can answer. */
  confirm: (question: string) => boolean | undefined;
}

const HELP: Record<"calls" | "show" | "forget", string> = {
  calls: `Usage: calls [--live] [--since 2h] [--outcome X] [--number N] [--limit 20] [--url URL] [--json]

Lists calls, the newest first. --since takes 30m, 2h, 7d or a date. --outcome is an end reason, for example silence.
--url asks a running server (with ADMIN_TOKEN) instead of DATA_DIR.`,
  show: `Usage: show CALL [--wav OUT.wav] [--bundle OUT.json [--no-words]] [--url URL] [--json]

CALL is an id, its beginning, or last. Times are ms since the call was answered; words the caller did not hear are struck out.
--wav copies the recording; --bundle writes the record for others to look at, telephone numbers masked (in words they stay:
--no-words leaves out everything that was said).`,
  forget: `Usage: forget NUMBER [--yes] [--url URL] [--json]

Removes every call from NUMBER, recordings included, so that no trace is left in the file.`,
};

const OPTIONS = {
  "live": { type: "boolean" },
  "since": { type: "string" },
  "outcome": { type: "string" },
  "number": { type: "string" },
  "limit": { type: "string" },
  "url": { type: "string" },
  "wav": { type: "string" },
  "bundle": { type: "string" },
  "no-words": { type: "boolean" },
  "yes": { type: "boolean" },
  "json": { type: "boolean" },
  "config": { type: "string" },
  "help": { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];
type Option = keyof typeof OPTIONS;
type Values = { [Name in Option]?: (typeof OPTIONS)[Name]["type"] extends "boolean" ? boolean : string };

const ALLOWED: Record<keyof typeof HELP, readonly Option[]> = {
  calls: ["live", "since", "outcome", "number", "limit", "url", "json", "config", "help"],
  show: ["wav", "bundle", "no-words", "url", "json", "config", "help"],
  forget: ["yes", "url", "json", "config", "help"],
};

class UsageError extends Error {}
/** Run one of the three. @returns the exit code: 0 done, 1 not there, 2 wrong usage, 3 the server was not reached. */
export async function recordCommand(
  name: "calls" | "show" | "forget",
  args: string[],
  parts: CommandParts,
): Promise<number> {
  let json = false;
  try {
    const { values, positional } = read(name, args);
    json = values.json === true;
    if (values.help) {
      parts.print(HELP[name]);
      return 0;
    }
    const { url } = values;
    if (url !== undefined && !isHttpUrl(url)) throw new UsageError(`"${url}" is not an address.`);
    const open = () =>
      url === undefined ? folderArchive(parts, name === "forget" ? "edit" : "read") : serverArchive(url, parts);
    if (name === "calls") return await calls(values, open, parts);
    return name === "show"
      ? await show(positional ?? "last", values, open, parts)
      : await forget(positional, values, open, parts);
  } catch (error) {
    if (error instanceof UsageError) {
      return wrongUsage(error.message, { ...parts, help: `\n${HELP[name]}`, json: args.includes("--json") });
    }
    if (!(error instanceof NotThere)) throw error;
    failure(error.message, { ...parts, json });
    return error.exitCode;
  }
}

function read(name: keyof typeof HELP, args: string[]): { values: Values; positional: string | undefined } {
  const options = Object.fromEntries(ALLOWED[name].map((option) => [option, OPTIONS[option]]));
  const parsed = readArgs({ args, options, allowPositionals: name !== "calls" });
  if (!parsed.ok) throw new UsageError(parsed.fault);
  const { values, positionals } = parsed.value;
  if (positionals.length > 1) throw new UsageError(`One is enough: "${positionals[1]}" is one too many.`);
  return { values, positional: positionals[0] };
}

/** Called once the arguments are known to be right: wrong usage is 2 also where no calls are kept yet. */
type Open = () => Archive;

async function calls(values: Values, open: Open, { print, now, isTerminal }: CommandParts): Promise<number> {
  const filter = filterOf(values, now());
  using archive = open();
  const rows = await archive.list(filter);
  const noNumber = rows.length === 0 && noNumberFault(values.number, "from or to");
  if (noNumber) throw new UsageError(noNumber);
  if (values.json) {
    print(JSON.stringify({ schema: 1, calls: rows }, undefined, 2));
    return 0;
  }
  if (rows.length === 0) print("No calls.");
  for (const row of rows) print(rowLine(row));
  if (isTerminal && rows.length > 0) print("\nshow CALL tells one of them; its beginning is enough.");
  return 0;
}

function filterOf({ live, since, outcome, number, limit = "20" }: Values, now: Date): CallFilter {
  if (!/^[1-9]\d{0,5}$/.test(limit)) throw new UsageError(`--limit takes a whole number from 1 on, not "${limit}".`);
  const odd = outcomeFault(outcome);
  if (odd !== undefined) throw new UsageError(`--outcome ${odd}`);
  if (live && outcome !== undefined) throw new UsageError("A live call has no outcome yet: leave one of the two out.");
  return {
    limit: Number(limit),
    ...(live ? { live } : {}),
    ...(since === undefined ? {} : { sinceMs: sinceMs(since, now) }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(number === undefined ? {} : { number }),
  };
}

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

function sinceMs(text: string, now: Date): number {
  const [, count, unit] = text.match(/^(\d+)([smhdw])$/) ?? [];
  if (count && unit) return now.getTime() - Number(count) * UNIT_MS[unit]!;
  const date = Date.parse(text);
  // "2" alone is a date to Deno, of 2001.
  if (Number.isNaN(date) || !/\d{4}/.test(text)) {
    throw new UsageError(`--since takes 30m, 2h, 7d or a date, not "${text}".`);
  }
  return date;
}

function rowLine({ id, startedAt, from, outcome, durationMs, turns, faults, facts }: CallRow): string {
  const about = [facts.name, facts.intent].filter((value) => typeof value === "string").join(": ");
  const parts = [
    id.padEnd(17),
    `${startedAt.slice(0, 19).replace("T", " ")}Z`,
    (from || "unknown").padEnd(13),
    (outcome ?? "live").padEnd(16),
    (durationMs === undefined ? "" : ms(durationMs)).padStart(8),
    counted(turns, "turn").padStart(9),
    ...(faults > 0 ? [counted(faults, "fault")] : []),
    ...(about ? [about] : []),
  ];
  return clean(parts.join("  ")).trimEnd();
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

async function show(call: string, values: Values, open: Open, parts: CommandParts): Promise<number> {
  const { url, wav, bundle: to, "no-words": noWords = false } = values;
  if (wav !== undefined && url !== undefined) {
    throw new UsageError("--wav needs the data folder itself: leave out --url.");
  }
  if (noWords && to === undefined) throw new UsageError("--no-words goes with --bundle.");
  using archive = open();
  const found = await archive.get(call);
  if (Array.isArray(found)) {
    const why = found.length === 0 ? `There is no call "${call}".` : `"${call}" could be ${found.join(", ")}.`;
    throw new NotThere(why, 1);
  }
  const { record, notices } = found;
  if (wav !== undefined && archive.folder !== undefined) copyRecording(record, wav, archive.folder);
  if (to !== undefined) {
    const text = JSON.stringify(bundle(record, notices, { noWords }), undefined, 2);
    writing(to, (path) => Deno.writeTextFileSync(path, text));
    parts.printError(`${to} holds the call, telephone numbers masked.`);
  }
  if (values.json) parts.print(JSON.stringify({ schema: 1, call: withCost(record), notices }, undefined, 2));
  else for (const line of describe(record, notices, parts.isTerminal)) parts.print(line);
  return 0;
}

/** A call for strangers' eyes: telephone numbers masked, and, if asked, nothing of what was said. */
export function bundle(
  record: CallRecord,
  notices: readonly CallNotice[],
  { noWords }: { noWords: boolean },
): unknown {
  const kept = noWords
    ? notices.flatMap((notice) => {
      const bare = withoutWords(notice);
      return bare ? [bare.kind === "fact" ? { ...bare, value: null } : bare] : [];
    })
    : notices;
  return redact({ schema: 1, call: withCost(noWords ? recordWithoutWords(record) : record), notices: kept });
}

function describe(record: CallRecord, notices: readonly CallNotice[], ansi: boolean): string[] {
  const { usd, unknown, pricesAsOf } = estimateCost(record);
  const facts = Object.entries(record.facts).map(([field, { value, evidence }]) =>
    `  ${field.padEnd(22)}${JSON.stringify(value)}${evidence && `  "${evidence}"`}`
  );
  const usage = Object.entries(record.usage).map(([name, amount]) => `${name} ${Math.round(amount)}`).join(", ");
  const head = [
    `${record.id}  ${record.startedAt}  from ${record.from || "unknown"} to ${record.to || "unknown"}`,
    `${record.engine} engine, ${record.endReason ?? "not ended"}${
      record.durationMs === undefined ? "" : ` after ${ms(record.durationMs)}`
    }${record.firstAudioMs === undefined ? "" : `, first audio after ${ms(record.firstAudioMs)}`}`,
    `${record.callSid}  ${record.requestIds.map((id) => `vendor request ${id}`).join(", ")}`.trimEnd(),
    `about $${usd.toFixed(4)} at list prices of ${pricesAsOf}${
      unknown.length ? `, without ${unknown.join(", ")}` : ""
    }${usage && `; ${usage}`}`,
    ...(record.summary ? ["", record.summary] : []),
    ...(facts.length > 0 ? ["", "Facts", ...facts] : []),
    "",
  ];
  return [...head.map(clean), ...timeline(record, notices, { ansi })];
}

function copyRecording(record: CallRecord, to: string, folder: string): void {
  const from = `${folder}/${recordingFile(record.id)}`;
  if (!isThere(from)) throw new NotThere(`${record.id} was not recorded: privacy.recording is what asks for it.`, 1);
  writing(to, (path) => Deno.copyFileSync(from, path));
}

function writing(path: string, write: (path: string) => void): void {
  try {
    write(path);
  } catch (error) {
    throw new NotThere(`Cannot write ${path}: ${whyNotWritten(error)}`, 1);
  }
}

async function forget(
  number: string | undefined,
  values: Values,
  open: Open,
  parts: CommandParts,
): Promise<number> {
  if (number === undefined || number.trim() === "") throw new UsageError("Whom? forget takes a telephone number.");
  if (!values.yes) {
    const answer = parts.confirm(`Remove every call from ${numberKey(number)} for ever?`);
    if (answer === undefined) throw new UsageError("Nobody can be asked here: say --yes.");
    if (!answer) return 1;
  }
  const { calls, clean } = await removed(number, open);
  if (values.json) parts.print(JSON.stringify({ schema: 1, number: maskNumbers(numberKey(number)), calls, clean }));
  else parts.print(`${counted(calls, "call")} removed.`);
  if (clean) return 0;
  parts.printError("Traces may be left in the file until the server that holds it lets go. Say it again in a minute.");
  return 1;
}

/** Some callers' numbers have no digit: that is none only if no call is from it. */
function noNumberFault(number: string | undefined, where: string): string | undefined {
  if (number === undefined || /\d/.test(number)) return undefined;
  return `"${number}" is no telephone number, and no call is ${where} it.`;
}

async function removed(number: string, open: Open): Promise<{ calls: number; clean: boolean }> {
  const noNumber = noNumberFault(number, "from");
  try {
    using archive = open();
    const result = await archive.forget(number);
    if (result.calls > 0 || noNumber === undefined) return result;
  } catch (error) {
    if (!(error instanceof NoneKept) || noNumber === undefined) throw error;
  }
  throw new UsageError(noNumber);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
