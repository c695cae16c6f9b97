/** From text and environment to one frozen `Config`, or all faults together. Pure. */

import { createHash } from "node:crypto";
import { canonicalJson, isObject } from "../base/json.ts";
import { failed, ok, type Result } from "../base/result.ts";
import { type Flags, type ReadEnvironment, readEnvironment } from "./environment.ts";
import { parseJson } from "./json.ts";
import { modernise } from "./lift.ts";
import { deepgramNote, extractionNote, heldByVendor, liveCall } from "./live.ts";
import { type ConfigNote, dotted, notesOf, quote, unknownKeyRemedy } from "./notes.ts";
import { mergePatch, type Raw } from "./objects.ts";
import { originsOf } from "./origins.ts";
import { applyOverrides, idleOverrides } from "./overrides.ts";
import type { Environment } from "./reader.ts";
import { checkCall } from "./rules.ts";
import { CALL_KEYS, type CallSections, callShape } from "./shape.ts";
import { phoneNumber } from "./values.ts";
import { inItsLanguage } from "./spoken_language.ts";
import { fillCall } from "./texts.ts";
import type { CallConfig, Config, Loaded } from "./types.ts";

export interface ParseInput {
  /** The text of the file; undefined: there is none, and a built-in minimum stands in. */
  text: string | undefined;
  /** The file's name, for messages. */
  file: string;
  env: Environment;
  /** A prompt file's text, or undefined where there is none. */
  readAsset: (path: string) => string | undefined;
  /** Whether a recording exists (`assets/audio/NAME.mulaw`); without this nothing is said of missing ones. */
  hasAsset?: (path: string) => boolean;
  flags?: Flags;
}

const MINIMUM: Raw = {
  prompt:
    "You answer the phone. You are an AI assistant and say so when asked. Keep every answer to one or two short spoken sentences.",
  greeting: "Hello, you are talking to an AI assistant. How can I help?",
};

/** Read everything. Warnings come along with a configuration that works; one fault or more and there is none. */
export function parseConfig(input: ParseInput): Result<Loaded, ConfigNote[]> {
  const env = readEnvironment(input.env, input.flags ?? {});
  const promptFiles = new Set<string>();
  const readAsset = (path: string) => {
    promptFiles.add(path);
    return input.readAsset(path);
  };
  const file = readFile({ ...input, readAsset }, env);
  const live = forCallers(env, file);
  const isTold = ({ key }: ConfigNote) => env.faults.some((fault) => fault.key === key);
  const faults = [...file.faults, ...env.faults, ...live.faults.filter((note) => !isTold(note))];
  const warnings = [...file.warnings, ...env.warnings, ...live.warnings];
  const { base, numbers } = live;
  if (base === undefined || faults.length > 0) return failed(faults);
  const server = { ...env.server, maxCalls: env.server.maxCalls ?? base.limits.callsAtOnce };
  const open = { server, urls: env.urls, rehearsal: env.rehearsal, base, numbers };
  const { keys, secrets } = env;
  const config: Config = {
    ...open,
    base: fillCall(base, secrets),
    numbers: Object.fromEntries(Object.entries(numbers).map(([number, call]) => [number, fillCall(call, secrets)])),
    ...{ keys, secrets, promptFiles: [...promptFiles], hash: hashOf(open) },
    rehearsalAsked: input.flags?.rehearse === true,
  };
  return ok({
    config: deepFreeze(config),
    warnings,
    origins: () => originsOf(config, { raw: file.raw, file: input.file, env, flags: input.flags ?? {} }),
  });
}

/** The configuration of a call to `called`: the number's own, else the common one. */
export function forNumber(config: Config, called: string | undefined): CallConfig {
  return called !== undefined && Object.hasOwn(config.numbers, called) ? config.numbers[called]! : config.base;
}

/** Every configuration of calls, with what stands before its keys in messages: the common one, then each number's. */
export function callsOf({ base, numbers }: Config): [prefix: string, call: CallConfig][] {
  return [
    ["", base],
    ...Object.entries(numbers).map(([e164, call]): [string, CallConfig] => [`numbers.${e164}.`, call]),
  ];
}

interface ReadFile {
  raw: Raw | undefined;
  base: CallConfig | undefined;
  numbers: Record<string, CallConfig>;
  faults: ConfigNote[];
  warnings: ConfigNote[];
}

function readFile(input: ParseInput, env: ReadEnvironment): ReadFile {
  const { file } = input;
  const nothing = (problem: string, remedy: string): ReadFile => ({
    raw: {},
    base: undefined,
    numbers: {},
    faults: [{ file, key: "", problem, remedy }],
    warnings: [],
  });
  const json = input.text === undefined ? ok(MINIMUM) : parseJson(input.text);
  if (!json.ok) {
    const { line, column, near, problem, remedy } = json.fault;
    return nothing(`line ${line}, column ${column} ${problem}${near && `, near: ${near}`}`, remedy);
  }
  if (!isObject(json.value)) {
    return nothing(
      `holds ${Array.isArray(json.value) ? "a list" : quote(json.value)}`,
      `Write an object: {"prompt": "…"}.`,
    );
  }
  const modern = modernise(json.value, file);
  const { numbers: patches = {}, $schema: _, ...raw } = modern.raw;
  const base = readCall(raw, input, env);
  const faults = [
    ...modern.faults,
    ...unknownKeys(raw, [...CALL_KEYS, "numbers", "$schema"], { file, at: [] }),
    ...base.faults,
  ];
  const idle = idleOverrides(raw, env.overrides).map(({ variable, vendor }): ConfigNote => ({
    file: "environment",
    key: variable,
    problem: `does nothing: no entry of the pipeline has the type ${quote(vendor)}`,
    remedy: `Remove it, or write such an entry in ${file}.`,
  }));
  const warnings = [...modern.warnings, ...base.warnings, ...idle];
  const numbers: Record<string, CallConfig> = {};
  if (!isObject(patches)) {
    faults.push({ file, key: "numbers", problem: "is not an object", remedy: `Write { "+15550101": { … } }.` });
  }
  for (const [number, patch] of isObject(patches) ? Object.entries(patches) : []) {
    const own = readNumber({ number, patch, raw, base }, input, env);
    faults.push(...own.faults);
    warnings.push(...own.warnings);
    if (own.call !== undefined) numbers[number] = own.call;
  }
  return { raw: input.text === undefined ? undefined : modern.raw, base: base.call, numbers, faults, warnings };
}

interface ReadCall {
  call: CallConfig | undefined;
  faults: ConfigNote[];
  warnings: ConfigNote[];
}

/** What one number changes, laid over the file and checked as a whole; faults that the file has anyway are not told twice. */
function readNumber(
  { number, patch, raw, base }: { number: string; patch: unknown; raw: Raw; base: ReadCall },
  input: ParseInput,
  env: ReadEnvironment,
): ReadCall {
  const { file } = input;
  const at = ["numbers", number];
  const refused = (faults: ConfigNote[]): ReadCall => ({ call: undefined, faults, warnings: [] });
  const named = phoneNumber.safeParse(number);
  if (!named.success) return refused(notesOf(named.error.issues, { file, raw: number, at }));
  if (!isObject(patch)) {
    const remedy = `Write what differs: { "greeting": "…" }.`;
    return refused([{ file, key: dotted(at), problem: "is not an object", remedy }]);
  }
  const modern = modernise(patch, file);
  const merged = readCall(mergePatch(raw, modern.raw), input, env);
  const own = (notes: ConfigNote[], common: ConfigNote[]) =>
    notes.filter((note) => !common.some((one) => one.key === note.key && one.problem === note.problem))
      .map((note) => ({ ...note, key: `${dotted(at)}.${note.key}` }));
  return {
    call: merged.call,
    faults: [
      ...own(modern.faults, []),
      ...unknownKeys(modern.raw, CALL_KEYS, { file, at }),
      ...own(merged.faults, base.faults),
    ],
    warnings: [
      ...own(modern.warnings, []),
      ...own(commonLimits(modern.raw, file), []),
      ...own(merged.warnings, base.warnings),
    ],
  };
}

/** These count the calls of all numbers together. */
const COMMON_LIMITS = ["callsAtOnce", "minutesPerDay", "callsPerCallerPerHour"];

function commonLimits({ limits }: Raw, file: string): ConfigNote[] {
  return COMMON_LIMITS.filter((name) => isObject(limits) && Object.hasOwn(limits, name)).map((name) => ({
    file,
    key: `limits.${name}`,
    problem: "does nothing: that limit is for all numbers together",
    remedy: `Write it outside "numbers", as limits.${name}.`,
  }));
}

/** A schema that reads one value is not worth compiling: that would be a third of the time until the port opens. */
const READ_ONCE = { jitless: true };

/** One call's part of the file, with the environment laid over it. Every section is read, whatever is wrong with others. */
function readCall(written: Raw, input: ParseInput, env: ReadEnvironment): ReadCall {
  const raw = applyOverrides(written, env.overrides);
  const sections: Partial<Record<keyof CallSections, unknown>> = {};
  const faults: ConfigNote[] = [];
  for (const key of CALL_KEYS) {
    const parsed = callShape[key].safeParse(raw[key], READ_ONCE);
    if (parsed.success) {
      if (parsed.data !== undefined) sections[key] = parsed.data;
    } else if (raw[key] !== undefined || key === "prompt") {
      faults.push(...notesOf(parsed.error.issues, { file: input.file, raw: raw[key], at: [key] }));
    }
  }
  const prompt = readPrompt(sections.prompt as CallSections["prompt"] | undefined, input); // by the schema of that key
  faults.push(...prompt.faults);
  const found = { ...sections, prompt: prompt.text } as Partial<CallConfig>; // each section was made by its own schema
  const checked = checkCall(found, {
    raw,
    file: input.file,
    secrets: env.secrets,
    rehearsal: env.rehearsal,
    ...(input.hasAsset && { hasAsset: input.hasAsset }),
  });
  faults.push(...checked.faults);
  const call = faults.length > 0
    ? undefined
    : inItsLanguage({ ...found, routerEnabled: env.overrides.routerEnabled ?? true } as CallConfig); // no fault: all sections are there
  return { call, faults, warnings: checked.warnings };
}

function readPrompt(
  prompt: CallSections["prompt"] | undefined,
  { file, readAsset }: ParseInput,
): { text?: string; faults: ConfigNote[] } {
  if (prompt === undefined) return { faults: [] };
  if (typeof prompt === "string" || Array.isArray(prompt)) {
    const text = [prompt].flat().join("\n");
    if (text.trim() !== "") return { text, faults: [] };
    return { faults: [{ file, key: "prompt", problem: "is empty", remedy: "Say who the agent is and what it does." }] };
  }
  const fault = (what: string, remedy: string) => {
    const problem = `names ${quote(prompt.file)}, which ${what}`;
    return { faults: [{ file, key: "prompt.file", problem, remedy, awaits: prompt.file }] };
  };
  const text = readAsset(prompt.file)?.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n").trim();
  if (text === undefined) return fault("cannot be read", "Create that file, or write the prompt itself as a text.");
  return text === "" ? fault("is empty", "Say in it who the agent is and what it does.") : { text, faults: [] };
}

function unknownKeys(raw: Raw, known: readonly string[], { file, at }: { file: string; at: string[] }): ConfigNote[] {
  return Object.keys(raw).filter((key) => !known.includes(key)).map((key) => ({
    file,
    key: dotted([...at, key]),
    problem: "is not a known key here",
    remedy: unknownKeyRemedy(key, known),
  }));
}

type Kept = Pick<Config, "keys" | "urls" | "rehearsal">;
type Calls = Pick<ReadFile, "base" | "numbers">;

/** The configuration for real callers (see live.ts); in rehearsal it stays as it is. A missing variable is named once. */
function forCallers(
  kept: Kept,
  { raw, base, numbers }: Calls & Pick<ReadFile, "raw">,
): Calls & { faults: ConfigNote[]; warnings: ConfigNote[] } {
  if (base === undefined) return { base, numbers, faults: kept.rehearsal ? [] : deepgramNote(kept), warnings: [] };
  const calls = [base, ...Object.values(numbers)];
  const agents = calls.filter(({ engine }) => engine === "agent");
  const unfound = raw?.extraction === undefined ? [] : agents.flatMap((call) => extractionNote(kept, call)).slice(0, 1);
  if (kept.rehearsal) return { base, numbers, faults: [], warnings: heldByVendor(kept, calls) ? unfound : [] };
  const common = liveCall(kept, base, "");
  const own = Object.entries(numbers).map(([number, call]) => ({
    number,
    ...liveCall(kept, call, `numbers.${number}.`),
  }));
  const all = [common, ...own].flatMap(({ faults }) => faults);
  return {
    base: common.call,
    numbers: Object.fromEntries(own.map(({ number, call }) => [number, call])),
    faults: all.filter(({ key }, i) => all.findIndex((note) => note.key === key) === i),
    warnings: [...[common, ...own].flatMap(({ warnings }) => warnings), ...unfound],
  };
}

function hashOf({ server, ...rest }: Pick<Config, "server" | "urls" | "rehearsal" | "base" | "numbers">): string {
  const { adminToken: _, callWebhook, ...open } = server;
  const text = canonicalJson({ ...rest, server: { ...open, webhook: callWebhook?.url } });
  return createHash("sha256").update(text).digest("hex");
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
