/**
 * What the Voice Agent stand-in takes from a client: its own closed schema of `Settings` and of every other message,
 * written from the vendor's side (Deepgram reference, sections 2.2-2.10) and never shared with the client it faces.
 */

import * as z from "zod";
import { parseJson } from "../base/json.ts";
import { checkModels, isFlux } from "./agent_models.ts";

/** Why a message is not taken: the vendor's code and its own words. */
export interface Rejection {
  code:
    | "UNPARSABLE_CLIENT_MESSAGE"
    | "INVALID_SETTINGS"
    | "FAILED_TO_SPEAK"
    | "AGENT_ID_NOT_SUPPORTED"
    | "INVALID_AGENT_ID";
  description: string;
}

const INPUT_ENCODINGS = [
  ...["linear16", "linear32", "flac", "alaw", "mulaw", "amr-nb", "amr-wb", "opus", "ogg-opus", "speex", "g729"],
] as const;

const Rate = z.int().min(8000).max(48000);
const Audio = z.strictObject({
  input: z.strictObject({ encoding: z.enum(INPUT_ENCODINGS), sample_rate: Rate }).optional(),
  output: z.strictObject({
    encoding: z.enum(["linear16", "mulaw", "alaw", "mp3", "opus", "flac", "aac"]).optional(),
    sample_rate: Rate.optional(),
    bitrate: z.int().positive().optional(),
    container: z.enum(["none", "wav", "ogg"]).optional(),
  }).optional(),
});

/** An object of this `type`, without other fields. */
function typed<Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) {
  return z.strictObject({ type: z.literal(type), ...shape });
}

const Text = z.string().optional();
const Version1 = z.literal("v1").optional();

const Nova = typed("deepgram", {
  version: Version1,
  model: Text,
  language: Text,
  keyterms: z.array(z.string()).optional(),
  smart_format: z.boolean().optional(),
});
const Flux = typed("deepgram", {
  version: z.literal("v2").optional(),
  model: Text,
  language_hints: z.array(z.string()).optional(),
  keyterms: z.array(z.string()).max(100).optional(),
  eot_threshold: z.number().min(0.5).max(1).optional(),
  eager_eot_threshold: z.number().min(0.3).max(0.9).optional(),
  eot_timeout_ms: z.int().min(500).max(60_000).optional(),
});
/** One of two shapes, chosen before parsing, so that a fault names the field and not the whole union. */
function eitherShape<A extends z.ZodType, B extends z.ZodType>(second: (value: unknown) => boolean, shapes: [A, B]) {
  return z.unknown().transform((value, context): z.output<A> | z.output<B> => {
    const parsed = shapes[second(value) ? 1 : 0].safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      context.issues.push({ ...issue, input: value } as (typeof context.issues)[number]); // zod types raw issues apart
    }
    return z.NEVER;
  });
}
const Listen = z.strictObject({ provider: eitherShape(isFlux, [Nova, Flux]) });

const HeaderFields = z.record(z.string(), z.string()).optional();
const Endpoint = z.strictObject({ url: z.url(), headers: HeaderFields });
const Credentials = z.strictObject({
  type: z.enum(["iam", "sts"]),
  region: z.string(),
  access_key_id: z.string(),
  secret_access_key: z.string(),
  session_token: Text,
});
const GOOGLE_VERSIONS = ["ai-studio-v1beta", "gemini-enterprise-agent-v1", "v1beta"] as const;
const upTo = (most: number) => z.number().min(0).max(most).optional();
const Reasoning = z.enum(["none", "minimal", "low", "medium", "high"]).optional();
const ThinkProvider = z.discriminatedUnion("type", [
  typed("open_ai", { version: Version1, model: z.string(), temperature: upTo(2), reasoning_mode: Reasoning }),
  typed("anthropic", { version: Version1, model: z.string(), temperature: upTo(1) }),
  typed("google", { version: z.enum(GOOGLE_VERSIONS).optional(), model: Text, temperature: upTo(2) }),
  typed("groq", { version: Version1, model: z.string(), temperature: upTo(2), reasoning_mode: Reasoning }),
  typed("aws_bedrock", { model: z.string(), temperature: upTo(1), credentials: Credentials.optional() }),
  typed("nvidia", { model: z.string(), temperature: upTo(2) }),
]);
const AgentFunction = z.strictObject({
  name: z.string().min(1),
  description: Text,
  parameters: z.record(z.string(), z.unknown()).optional(),
  defer_until_eot: z.boolean().optional(),
  endpoint: z.strictObject({ url: z.url(), method: Text, headers: HeaderFields }).optional(),
});
const ThinkEntry = z.strictObject({
  provider: ThinkProvider,
  endpoint: Endpoint.optional(),
  functions: z.array(AgentFunction).optional(),
  prompt: Text,
  context_length: z.union([z.literal("max"), z.int().positive()]).optional(),
});
/** One entry, or several in fail-over order. */
const oneOrMore = <T extends z.ZodType>(entry: T) =>
  eitherShape((value) => Array.isArray(value), [entry, z.array(entry).min(1)]);
const Think = oneOrMore(ThinkEntry);

const SpeakProvider = z.discriminatedUnion("type", [
  typed("deepgram", {
    version: z.enum(["v1", "v2"]).optional(),
    model: z.string(),
    speed: z.number().optional(),
    expressivity: z.int().min(-2).max(2).optional(),
  }),
  typed("eleven_labs", { version: Version1, model_id: z.string(), language: Text, language_code: Text }),
  typed("cartesia", {
    version: z.literal("2025-03-17").optional(),
    model_id: z.string(),
    voice: z.strictObject({ mode: z.string(), id: z.string() }),
    language: Text,
    volume: z.number().min(0.5).max(2).optional(),
  }),
  typed("open_ai", {
    version: Version1,
    model: z.enum(["tts-1", "tts-1-hd"]),
    voice: z.enum(["alloy", "echo", "fable", "onyx", "nova", "shimmer"]),
  }),
  typed("aws_polly", {
    voice: z.string(),
    language: Text,
    language_code: Text,
    engine: z.enum(["generative", "long-form", "standard", "neural"]),
    credentials: Credentials,
  }),
]);
const Speak = oneOrMore(z.strictObject({ provider: SpeakProvider, endpoint: Endpoint.optional() }));

const HistoryText = typed("History", { role: z.enum(["user", "assistant"]), content: z.string() });
const HistoryCalls = typed("History", {
  function_calls: z.array(z.strictObject({
    id: z.string(),
    name: z.string(),
    client_side: z.boolean(),
    arguments: z.string(),
    response: z.string(),
    thought_signature: Text,
  })),
});
const hasCalls = (value: unknown) => "function_calls" in Object(value);

const Settings = typed("Settings", {
  tags: z.array(z.string().max(128)).optional(),
  experimental: z.boolean().optional(),
  mip_opt_out: z.boolean().optional(),
  flags: z.strictObject({ history: z.boolean().optional() }).optional(),
  audio: Audio,
  agent: z.strictObject({
    language: Text,
    context: z.strictObject({ messages: z.array(eitherShape(hasCalls, [HistoryText, HistoryCalls])).optional() })
      .optional(),
    listen: Listen.optional(),
    think: Think.optional(),
    speak: Speak.optional(),
    greeting: Text,
  }),
});

const MESSAGES = {
  Settings,
  KeepAlive: typed("KeepAlive", {}),
  UpdatePrompt: typed("UpdatePrompt", { prompt: z.string() }),
  UpdateThink: typed("UpdateThink", { think: Think }),
  UpdateSpeak: typed("UpdateSpeak", { speak: Speak }),
  UpdateListen: typed("UpdateListen", { listen: Listen }),
  InjectUserMessage: typed("InjectUserMessage", { content: z.string() }),
  InjectAgentMessage: typed("InjectAgentMessage", {
    message: z.string(),
    behavior: z.enum(["default", "queue", "interrupt"]).optional(),
  }),
  FunctionCallResponse: typed("FunctionCallResponse", { id: z.string(), name: z.string(), content: z.string() }),
  ForceEndTurn: typed("ForceEndTurn", {}),
};

export type AgentSettings = z.output<typeof Settings>;
export type ThinkSettings = z.output<typeof ThinkEntry>;
export type ListenProvider = z.output<typeof Listen>["provider"];
export type ClientMessage = z.output<(typeof MESSAGES)[keyof typeof MESSAGES]>;
export type AgentFunctionSettings = z.output<typeof AgentFunction>;

/** The first wording is the vendor's for no known message at all, the second for a known one with a wrong field. */
const NO_FORMAT = "Text message received from client did not match any of the formats we expect.";
const checkField = (path: string) => `Error parsing client message. Check the ${path} field against the API spec.`;

type Read = { ok: true; message: ClientMessage } | { ok: false; rejection: Rejection };

/** Read one text message of a client. Never throws. Deepgram reference, sections 2.2-2.10 and 2.13. */
export function readClientMessage(text: string): Read {
  const json = parseJson(text);
  const type = Object(json).type as unknown;
  if (typeof type !== "string" || !Object.hasOwn(MESSAGES, type)) return reject("UNPARSABLE_CLIENT_MESSAGE", NO_FORMAT);
  const agent = Object(json).agent as unknown;
  if (type === "Settings" && typeof agent === "string") {
    if (!z.guid().safeParse(agent).success) return reject("INVALID_AGENT_ID", "The agent id is not a UUID.");
    return reject("AGENT_ID_NOT_SUPPORTED", "This stand-in keeps no agent configurations.");
  }
  const parsed = MESSAGES[type as keyof typeof MESSAGES].safeParse(json);
  if (!parsed.success) return reject("UNPARSABLE_CLIENT_MESSAGE", checkField(faultyPath(parsed.error)));
  const message = parsed.data;
  const rejection = checkModels(partsOf(message));
  return rejection ? { ok: false, rejection } : { ok: true, message };
}

/** The think entries of a block, first choice first. */
export function thinkEntries(think: AgentSettings["agent"]["think"]): ThinkSettings[] {
  return [think ?? []].flat();
}

/** The parts of a message that name models and voices; for `Settings`, its audio too. */
export interface ModelParts {
  audio?: AgentSettings["audio"];
  listen?: ListenProvider | undefined;
  /** An update of `listen` may leave the model out. */
  partialListen?: boolean;
  think: ThinkSettings[];
  speak: SpeakSettings[];
}
export type SpeakSettings = { provider: z.output<typeof SpeakProvider>; endpoint?: unknown };

function partsOf(message: ClientMessage): ModelParts {
  const parts: ModelParts = { think: [], speak: [] };
  switch (message.type) {
    case "Settings": {
      const { listen, think, speak } = message.agent;
      const given = { listen: listen?.provider, think: thinkEntries(think), speak: [speak ?? []].flat() };
      return { audio: message.audio, ...given };
    }
    case "UpdateListen":
      return { ...parts, listen: message.listen.provider, partialListen: true };
    case "UpdateThink":
      return { ...parts, think: thinkEntries(message.think) };
    case "UpdateSpeak":
      return { ...parts, speak: [message.speak].flat() };
    default:
      return parts;
  }
}

/** Where the first fault is, such as `agent.think.0.provider.model`; for an unknown key, the path ends with that key. */
function faultyPath({ issues }: z.ZodError): string {
  const issue = issues[0]!;
  const key = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  return [...issue.path, ...key].join(".");
}

function reject(code: Rejection["code"], description: string): Read {
  return { ok: false, rejection: { code, description } };
}
