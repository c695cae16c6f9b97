/** The command line of `call`, read in order: the order of the steps is what they mean. Pure. */

import { parseArgs } from "node:util";
import { DEFAULT_PORT } from "../base/port.ts";
import { failed, ok, type Result } from "../base/result.ts";
import { urlHere } from "../base/url.ts";
import { ANSWER_LIMIT_MS } from "./steps.ts";

/** A step as it is written; recordings are still file names. */
export type StepArg =
  | { kind: "say"; text: string }
  | { kind: "wav"; file: string }
  | { kind: "dtmf"; keys: string }
  | { kind: "wait"; ms: number }
  | { kind: "interrupt"; text: string; afterMs: number }
  | { kind: "expect"; text: string };

export interface CallArgs {
  help: boolean;
  url: string | undefined;
  to: string | undefined;
  from: string | undefined;
  record: string | undefined;
  json: boolean;
  steps: StepArg[];
}

/** An interruption comes this long after the agent began to answer, unless told otherwise. */
const INTERRUPT_AFTER_MS = 700;

export const CALL_HELP = `Ring a server with the built-in telephone, and report how it went.

Usage: call [URL] [--to N] [--from N] [steps] [--record OUT.wav] [--json]

URL defaults to http://localhost:$PORT (${DEFAULT_PORT}), or to BIND. Without a path, /incoming-call is asked for.

Steps are done in the order given, each after the agent has finished (at most ${ANSWER_LIMIT_MS / 1000} s are waited):
  --say TEXT             say it
  --wav FILE             play recorded speech (WAV, any rate)
  --dtmf KEYS            press keys: 0-9 * # A-D, w waits half a second
  --wait MS              say nothing for so long
  --interrupt TEXT[@MS]  say it while the agent speaks, MS (${INTERRUPT_AFTER_MS}) after its answer began
  --expect TEXT          what the agent answered last must hold TEXT (case and punctuation do not matter)
Without steps on a terminal, each line you type is spoken, and Ctrl-D hangs up; elsewhere the greeting is heard to its end.

  --to N, --from N       telephone numbers, for example +15550101
  --record OUT.wav       stereo recording: left the caller, right the agent
  --json                 the report as one JSON document
  -h, --help             this text

TWILIO_AUTH_TOKEN, if set, signs the requests as Twilio does.
Exit: 0 all well, 1 an offence, an unmet expectation or a refused call, 2 wrong usage, 3 nothing answers.`;

/** Read the arguments after `call`. The fault is one sentence that says what is wrong. */
export function parseCallArgs(args: readonly string[]): Result<CallArgs, string> {
  const parsed: CallArgs = {
    help: false,
    url: undefined,
    to: undefined,
    from: undefined,
    record: undefined,
    json: false,
    steps: [],
  };
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    const fault = token.kind === "positional" ? takeUrl(parsed, token.value) : takeOption(parsed, token);
    if (fault !== undefined) return failed(fault);
  }
  return ok(parsed);
}

const valued = { type: "string" } as const;
const OPTIONS = {
  ...{ help: { type: "boolean", short: "h" }, json: { type: "boolean" } } as const,
  ...{ to: valued, from: valued, record: valued, config: valued },
  ...{ say: valued, expect: valued, wav: valued, dtmf: valued, wait: valued, interrupt: valued },
};

/** @returns what is wrong with it. */
function takeUrl(parsed: CallArgs, url: string): string | undefined {
  if (parsed.url !== undefined) return `One URL is enough: "${url}" is one too many.`;
  return void (parsed.url = url);
}

/** @returns what is wrong with it. */
function takeOption(
  parsed: CallArgs,
  { name, rawName, value }: { name: string; rawName: string; value?: string | undefined },
): string | undefined {
  if (!Object.hasOwn(OPTIONS, name)) return `There is no option ${rawName}.`;
  if (name === "help" || name === "json") return void (parsed[name] = true);
  if (value === undefined) return `${rawName} needs a value.`;
  const { steps } = parsed;
  switch (name) {
    case "to":
    case "from":
    case "record":
      return void (parsed[name] = value);
    case "say":
    case "expect":
      if (value.trim() === "") return `${rawName} needs a text.`;
      return void steps.push({ kind: name, text: value });
    case "wav":
      return void steps.push({ kind: "wav", file: value });
    case "dtmf":
      if (!/^[0-9*#A-Dw]+$/i.test(value)) return `--dtmf takes keys 0-9 * # A-D and w, not "${value}".`;
      return void steps.push({ kind: "dtmf", keys: value });
    case "wait":
      if (!/^\d{1,7}$/.test(value)) return `--wait takes milliseconds, not "${value}".`;
      return void steps.push({ kind: "wait", ms: Number(value) });
    case "interrupt": {
      const [, text, ms] = /^(.*?)(?:@(\d{1,6}))?$/s.exec(value)!;
      if (text!.trim() === "") return "--interrupt needs a text.";
      const afterMs = ms === undefined ? INTERRUPT_AFTER_MS : Number(ms);
      return void steps.push({ kind: "interrupt", text: text!, afterMs });
    }
    default: // --config is common to all commands; nothing of it is asked for here
      return undefined;
  }
}

/** The webhook's address: by default that of the server of this machine, and the default path where none is given. */
export function webhookUrl(
  url: string | undefined,
  { PORT, BIND }: Readonly<Record<string, string | undefined>>,
): Result<string, string> {
  const written = url ?? urlHere(BIND || "0.0.0.0", PORT || DEFAULT_PORT);
  const parsed = /^https?:\/\//i.test(written) ? URL.parse(written) : null;
  if (!parsed) return failed(`"${written}" is no address: it begins with http:// or https://.`);
  if (parsed.pathname === "/") parsed.pathname = "/incoming-call";
  return ok(parsed.href);
}
