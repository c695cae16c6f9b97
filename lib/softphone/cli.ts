/** `offhook call`: the softphone on the command line. */

import { RATE_HZ } from "../audio/frame.ts";
import { encode } from "../audio/mulaw.ts";
import { resample } from "../audio/resample.ts";
import type { Voice } from "../audio/voice.ts";
import { readWav } from "../audio/wav.ts";
import { clean } from "../base/clean.ts";
import type { Clock } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { raced } from "../base/raced.ts";
import { failed, FaultError, messageOf, ok, type Result } from "../base/result.ts";
import { failure, type Terminal, wrongUsage } from "../base/usage.ts";
import { isLoopbackHost } from "../base/url.ts";
import { CALL_HELP, type CallArgs, parseCallArgs, type StepArg, webhookUrl } from "./args.ts";
import type { PhoneEvent } from "./monitor.ts";
import { ringUp } from "./phone.ts";
import { type CallReport, formatReport, type TurnRecord } from "./report.ts";
import type { Step } from "./steps.ts";
import type { Fetch } from "./webhook.ts";

export interface CallCommand extends Terminal {
  /** What follows `call`. */
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  dial: Dial;
  fetch: Fetch;
  voice: Voice;
  /** Typed lines, for a call without steps on a terminal; its end hangs up. */
  stdin?: AsyncIterable<string>;
  /** These three reject with an `Error` whose message says why, and what to do. */
  readFile: (path: string) => Promise<Uint8Array>;
  writeFile: (path: string, bytes: Uint8Array) => Promise<void>;
  /** Rejects if `writeFile` would, and changes nothing. */
  tryWriting: (path: string) => Promise<void>;
  /** Both ends of the terminal: lines can be typed, progress is seen. */
  isTerminal: boolean;
  colours?: boolean;
  random?: () => number;
  /** Abort (the first Ctrl-C): the caller hangs up, and the report follows. */
  hangUp?: AbortSignal;
  /** Abort (the second Ctrl-C): leave at once, with 130. */
  giveUp?: AbortSignal;
  /** The server's own record of the call, where it can be had. */
  lookup?: (url: string, callSid: string) => Promise<readonly TurnRecord[] | undefined>;
}

/** What the report does not hold is told off a terminal too. */
const UNREPORTED: ReadonlySet<PhoneEvent["kind"]> = new Set(["note", "warning"]);

/** Run `call`. @returns the exit code: 0, 1, 2, 3 or 130 (see `CALL_HELP`). */
export async function runCallCommand(command: CallCommand): Promise<number> {
  const usage = (why: string): number =>
    wrongUsage(why, { ...command, help: "See call --help.", json: command.args.includes("--json") });
  const parsed = parseCallArgs(command.args);
  if (!parsed.ok) return usage(parsed.fault);
  if (parsed.value.help) {
    command.print(CALL_HELP);
    return 0;
  }
  const url = webhookUrl(parsed.value.url, command.env);
  if (!url.ok) return usage(url.fault);
  const steps = await readSteps(parsed.value.steps, command.readFile);
  if (!steps.ok) return usage(steps.fault);
  const { record } = parsed.value;
  if (record !== undefined) {
    const trouble = await command.tryWriting(record).then(() => undefined, messageOf);
    if (trouble !== undefined) return usage(`Cannot write "${record}": ${trouble}`);
  }
  const { giveUp = new AbortController().signal } = command;
  return await raced(ring(command, parsed.value, url.value, steps.value), giveUp).catch((error) => {
    if (giveUp.aborted) return 130;
    throw error;
  });
}

async function ring(command: CallCommand, args: CallArgs, url: string, steps: Step[]): Promise<number> {
  const { lookup, ...parts } = command;
  const { env, hangUp, stdin, isTerminal } = parts;
  const interactive = steps.length === 0 && isTerminal && stdin !== undefined;
  if (interactive) command.printError("Type what you want to say; Ctrl-D hangs up.");
  const call = ringUp({
    ...parts,
    url,
    steps: interactive ? typed(stdin) : steps,
    random: command.random ?? Math.random,
    record: args.record !== undefined,
    from: args.from,
    to: args.to,
    authToken: env.TWILIO_AUTH_TOKEN || undefined,
    accountSid: env.TWILIO_ACCOUNT_SID || undefined,
    signal: hangUp,
    ...(lookup ? { lookup: (callSid: string) => lookup(url, callSid) } : {}),
    onEvent: (event) => {
      const line = isTerminal || UNREPORTED.has(event.kind) ? describeEvent(event) : undefined;
      if (line !== undefined) command.printError(clean(line));
    },
  });
  try {
    const made = await call.report;
    const kept = await keepRecording(command, args.record, call.wav());
    const report = { ...made, ok: made.ok && kept, wav: kept ? args.record ?? null : null };
    show(command, args, report);
    return report.ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    const { fault } = error;
    const unreachable = fault.kind === "unreachable" && fault.peer === "webhook";
    const why = unreachable ? nothingAnswers(url, fault.detail) : error.message;
    failure(why, { ...command, json: args.json });
    return unreachable ? 3 : 1;
  }
}

/** @returns false, and tells why, if there is a recording that cannot be written. */
async function keepRecording(
  { writeFile, printError }: CallCommand,
  file: string | undefined,
  wav: Uint8Array | undefined,
): Promise<boolean> {
  if (file === undefined || !wav) return true;
  try {
    await writeFile(file, wav);
    return true;
  } catch (error) {
    printError(`Cannot write "${file}": ${messageOf(error)}`);
    return false;
  }
}

function show({ print, colours }: CallCommand, { json }: CallArgs, report: CallReport): void {
  print(json ? JSON.stringify(report, null, 2) : formatReport(report, { colours: colours ?? false }));
}

function nothingAnswers(url: string, why: string): string {
  const { origin, protocol, host } = new URL(url);
  if (protocol === "https:" || !isLoopbackHost(host)) {
    return `Nothing answers at ${origin}: ${why}. Check the address, its DNS name, and the proxy in front of the server.`;
  }
  return `Nothing answers at ${origin}. Start it with \`${
    Deno.build.standalone ? "offhook serve" : "deno task dev"
  }\`.`;
}

/** Lines as they are typed, each said at once: that is how one interrupts. */
async function* typed(lines: AsyncIterable<string>): AsyncGenerator<Step, void, void> {
  for await (const line of lines) {
    const text = line.trim();
    if (text !== "") yield { kind: "say", text, now: true };
  }
}

async function readSteps(args: readonly StepArg[], readFile: CallCommand["readFile"]): Promise<Result<Step[], string>> {
  const steps: Step[] = [];
  for (const arg of args) {
    if (arg.kind !== "wav") {
      steps.push(arg);
      continue;
    }
    const audio = await readSpeech(arg.file, readFile);
    if (!audio.ok) return audio;
    steps.push({ kind: "wav", name: arg.file.split("/").at(-1)!, audio: audio.value });
  }
  return ok(steps);
}

/** A WAV file as the telephone carries it: one channel, 8 kHz, mu-law. */
async function readSpeech(file: string, readFile: CallCommand["readFile"]): Promise<Result<Uint8Array, string>> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return failed(`Cannot read "${file}": ${messageOf(error)}`);
  }
  const wav = readWav(bytes);
  if (!wav.ok) return failed(`Cannot read "${file}": ${wav.fault}`);
  const { rateHz, channels } = wav.value;
  const [first = new Float32Array(0)] = channels;
  if (first.length === 0) return failed(`Cannot read "${file}": It holds no audio. Record it again.`);
  const mono = Float32Array.from(
    first,
    (_, n) => channels.reduce((sum, channel) => sum + channel[n]!, 0) / channels.length,
  );
  const samples = resample(mono, rateHz, RATE_HZ);
  return ok(encode(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767)));
}

/** One line for people; undefined for what they need not see. */
function describeEvent(event: PhoneEvent): string | undefined {
  switch (event.kind) {
    case "ringing":
      return `ringing ${event.url}`;
    case "verb":
      return `server   ${event.text}`;
    case "connected":
      return `connected to ${event.url}`;
    case "first-audio":
      return `first audio after ${event.ms} ms`;
    case "said":
      return `you      ${event.text}${event.interrupting ? "   (over the agent)" : ""}`;
    case "agent": {
      const after = event.replyMs === undefined ? "" : `${event.replyMs} ms: `;
      const text = event.text ?? `(${(event.heardMs / 1000).toFixed(1)} s of untagged audio)`;
      return `agent    ${after}${text}${event.interrupted ? " —" : ""}`;
    }
    case "cleared":
      return event.droppedMs > 0 ? `         cut after ${Math.round(event.heardMs)} ms` : undefined;
    case "expectation":
      return `${event.met ? "met     " : "NOT MET "} expected "${event.text}"`;
    case "note":
      return `note     ${event.text}`;
    case "offence":
      return `OFFENCE  ${event.offence.code}: ${event.offence.detail}`;
    case "warning":
      return `warning  ${event.warning.code}: ${event.warning.detail}`;
    case "ended":
      return `ended by ${event.endedBy} after ${(event.durationMs / 1000).toFixed(1)} s`;
  }
}
