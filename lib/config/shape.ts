/** The shape of config.json: type, range, default and unit of every key. What JSON cannot say of two keys together is in rules.ts. */

import * as z from "zod";
import { addTo, closed, quote, says, textLike, WHILE_TYPED } from "./notes.ts";
import { agentListen, agentSpeak, agentThink, pipelineListen, pipelineSpeak, pipelineThink } from "./providers.ts";
import { headers, openingHours, phoneNumber, timezone, webAddress } from "./values.ts";
import { checkTool, toTool } from "./tools.ts";

const text = z.string().trim().min(1);
const audio = textLike(
  /^[a-z0-9][a-z0-9_-]*$/i,
  `Write the bare name of a file in assets/audio, without folder and ending, for example "greeting".`,
);

/** Something we say. `audio`: the name of its recording in assets/audio, spoken by the voice if there is none. */
export interface Line {
  text: string;
  audio?: string;
  interruptible: boolean;
}

const lineThat = ({ interruptible }: Pick<Line, "interruptible">) =>
  z.union([
    text,
    closed({ text, audio: audio.exactOptional(), interruptible: z.boolean().default(interruptible) }),
  ]).transform((value): Line => typeof value === "string" ? { text: value, interruptible } : value);

const line = lineThat({ interruptible: true });
/** A line that must be heard out unless it says otherwise. */
const notice = lineThat({ interruptible: false });

const phrases = z.array(text).max(200);
const listOf = <Entry extends z.ZodType>(entry: Entry) =>
  z.union([entry, z.array(entry).min(1).max(8)])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<Entry>[]); // TypeScript cannot narrow a generic

const prompt = z.union([z.string().min(1), z.array(z.string()).min(1), closed({ file: z.string().min(1) })]);

const agent = closed({
  listen: agentListen.prefault({ provider: { type: "deepgram", model: "nova-3" } }),
  think: listOf(agentThink).prefault([{ provider: { type: "open_ai", model: "gpt-4o-mini" } }]),
  speak: listOf(agentSpeak).prefault([{ provider: { type: "deepgram", model: "aura-2-thalia-en" } }]),
});

const turn = closed({
  minInterruptionWords: z.int().min(1).max(20).default(3),
  interruptionPhrases: phrases.default(["stop", "wait"]),
  acknowledgementPhrases: phrases.default(["mhm", "yeah", "okay"]),
  falseInterruptionMs: z.int().min(200).max(10_000).default(1500),
  eager: z.boolean().default(false),
  maxHistoryTurns: z.int().min(1).max(200).default(10),
});

const pipeline = closed({
  listen: pipelineListen.prefault({ provider: { type: "deepgram", model: "nova-3", endpointing: 500 } }),
  think: listOf(pipelineThink).prefault([{ provider: { type: "groq", model: "openai/gpt-oss-20b" } }]),
  speak: listOf(pipelineSpeak).prefault([{ provider: { type: "deepgram", model: "aura-2-thalia-en" } }]),
  turn: turn.prefault({}),
});

const silence = closed({
  promptAfterMs: z.int().min(500).max(600_000).default(7500),
  maxPrompts: z.int().min(0).max(20).default(2),
  patiencePhrases: phrases.default(["hold on", "one moment"]),
  patienceMs: z.int().min(1000).max(600_000).default(60_000),
});

const lines = closed({
  stillThere: line.prefault("Are you still there?"),
  goodbye: line.prefault("Thank you for calling. Goodbye."),
  apology: line.prefault("I am sorry, something went wrong on our side."),
  busy: line.prefault("All our lines are busy. Please call again in a few minutes."),
  timeUp: line.prefault("We have to finish in half a minute."),
  reconnected: line.prefault("I am sorry, we were cut off for a moment. Please go on."),
  noAnswer: line.prefault("I am sorry, nobody answers there right now. Is there anything else I can do?"),
  fillers: z.array(line).max(50).prefault(["One moment.", "Let me check."]),
  recordingNotice: notice.exactOptional(),
});

const route = closed({
  name: textLike(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
    `Write letters, digits, "_" and "-" only, for example "opening_hours".`,
  ),
  utterances: z.array(text).min(1).max(1000),
  text: text.exactOptional(),
  audio: audio.exactOptional(),
  match: z.enum(["whole", "anywhere"]).default("whole"),
  then: z.enum(["continue", "hangup", "transfer"]).default("continue"),
  transferTo: text.exactOptional(),
  interruptible: z.boolean().default(true),
  threshold: z.number().min(0).max(1).exactOptional(),
}).superRefine((route, context) => {
  const add = addTo(context);
  if (route.text === undefined && route.audio === undefined) {
    add("text", "is missing, and so is audio", "Write what is said, or the name of its recording, or both.");
  }
  if (route.then === "transfer" && route.transferTo === undefined) {
    add("transferTo", `is missing, while then is "transfer"`, "Name an entry of the transfer_call tool's to.");
  }
  if (route.then !== "transfer" && route.transferTo !== undefined) {
    add("transferTo", `stands with then ${quote(route.then)}`, `Write "then": "transfer", or remove transferTo.`);
  }
}, WHILE_TYPED);

const http = closed({
  url: webAddress,
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
  headers: headers.default({}),
  timeoutMs: z.int().min(100).max(60_000).default(4000),
});

const destination = closed({ number: phoneNumber, hours: openingHours.exactOptional() });

const tool = closed({
  name: textLike(/^[a-zA-Z0-9_-]{1,64}$/, `Write 1 to 64 letters, digits, "_" and "-", for example "find_slots".`),
  description: text.exactOptional(),
  whileWaiting: line.exactOptional(),
  confirm: z.boolean().default(false),
  parameters: z.record(z.string(), z.unknown()).exactOptional(),
  http: http.exactOptional(),
  to: z.record(z.string().min(1), destination).exactOptional(),
  ringSeconds: z.int().min(5).max(120).exactOptional(),
}).superRefine(checkTool, WHILE_TYPED).transform(toTool);

const field = closed({
  type: z.enum(["string", "number", "integer", "boolean"]),
  description: text.exactOptional(),
  format: z.enum(["phone", "email", "date", "time"]).exactOptional(),
  enum: z.array(text).min(1).exactOptional(),
}).superRefine((field, context) => {
  for (const key of ["format", "enum"] as const) {
    if (field[key] === undefined || field.type === "string") continue;
    addTo(context)(key, `stands with the type ${quote(field.type)}`, `Write "type": "string", or remove ${key}.`);
  }
}, WHILE_TYPED);

const fieldName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, {
  error: (issue) =>
    says(
      `is not a name for a field (${quote(issue.input)})`,
      `Write letters, digits and "_", for example "next_step".`,
    ),
});

const extraction = closed({
  summary: z.boolean().default(true),
  fields: z.record(fieldName, field).default({}),
});

const beforeCall = closed({
  url: webAddress,
  headers: headers.default({}),
  timeoutMs: z.int().min(50).max(5000).default(800),
});

const limits = closed({
  callsAtOnce: z.int().min(1).max(100_000).default(40),
  callMinutes: z.number().min(0.5).max(120).default(15),
  minutesPerDay: z.int().min(1).max(1_000_000).default(600),
  callsPerCallerPerHour: z.int().min(1).max(100_000).default(6),
});

const privacy = closed({
  transcripts: z.boolean().default(true),
  recording: z.boolean().default(false),
  keepDays: z.int().min(0).max(3650).default(30),
  vendorTraining: z.boolean().default(false),
});

/** One call's part of the file: what a number may have of its own. */
export const callShape = {
  name: text.default("The front desk"),
  language: z.string().regex(/^(multi|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$/, {
    error: (issue) =>
      says(`is ${quote(issue.input)}, not a language tag`, `Write one like "en", "en-GB" or "de", or "multi".`),
  }).default("en"),
  timezone: timezone.default("UTC"),
  engine: z.enum(["agent", "pipeline"]).default("agent"),
  prompt,
  greeting: line.exactOptional(),
  agent: agent.prefault({}),
  pipeline: pipeline.prefault({}),
  silence: silence.prefault({}),
  lines: lines.prefault({}),
  routes: z.array(route).max(500).default([]),
  tools: z.array(tool).max(64).default([]),
  extraction: extraction.prefault({}),
  beforeCall: beforeCall.exactOptional(),
  fallback: closed({ transferTo: text }).exactOptional(),
  limits: limits.prefault({}),
  privacy: privacy.prefault({}),
};

export type CallKey = keyof typeof callShape;
export const CALL_KEYS = Object.keys(callShape) as CallKey[]; // Object.keys forgets the literal names

type Section<Key extends CallKey> = z.output<(typeof callShape)[Key]>;
/** Every section as its schema gives it, the prompt still as written. */
export type CallSections = { [Key in CallKey]: Section<Key> };

export type AgentListen = z.output<typeof agentListen>;
export type AgentThink = z.output<typeof agentThink>;
export type AgentSpeak = z.output<typeof agentSpeak>;
export type PipelineListen = z.output<typeof pipelineListen>;
export type PipelineThink = z.output<typeof pipelineThink>;
export type PipelineSpeak = z.output<typeof pipelineSpeak>;
export type TurnConfig = z.output<typeof turn>;
export type LinesConfig = z.output<typeof lines>;
export type RouteConfig = z.output<typeof route>;
export type ToolHttp = z.output<typeof http>;
export type TransferDestination = z.output<typeof destination>;
export type BeforeCallConfig = z.output<typeof beforeCall>;
