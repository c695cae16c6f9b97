/** The messages of Deepgram's Voice Agent, both ways. Pure. Source: Deepgram reference, section 2. */

import * as z from "zod";
import { parseJson } from "../base/json.ts";
import type { ToolSchema, VoiceAgentEvent } from "./ports.ts";

/** What one session of the agent is to be. `listen`, `think` and `speak` have the vendor's own shape (sections 2.3-2.5). */
export interface VoiceAgentPlan {
  prompt: string;
  /** Left out when we speak the greeting ourselves, or when a session is resumed. */
  greeting?: string;
  listen: Record<string, unknown>;
  think: readonly Record<string, unknown>[];
  speak: readonly Record<string, unknown>[];
  functions: readonly (ToolSchema & { deferUntilEot?: boolean })[];
  /** What was said before, as heard. */
  history: readonly { role: "user" | "assistant"; content: string }[];
  vendorTraining: boolean;
  tags: readonly string[];
}

/** The `Settings` message: mu-law 8 kHz both ways, without a container. Each fallback carries its own prompt and functions (section 2.8). */
export function settingsMessage(plan: VoiceAgentPlan): string {
  const functions = plan.functions.map(({ deferUntilEot, ...schema }) => ({
    ...schema,
    ...(deferUntilEot ? { defer_until_eot: true } : {}),
  }));
  const think = plan.think.map((choice) => ({
    ...choice,
    prompt: plan.prompt,
    ...(functions.length > 0 ? { functions } : {}),
  }));
  const messages = plan.history.map(({ role, content }) => ({ type: "History", role, content }));
  return JSON.stringify({
    type: "Settings",
    tags: plan.tags,
    mip_opt_out: !plan.vendorTraining,
    flags: { history: false },
    audio: {
      input: { encoding: "mulaw", sample_rate: 8000 },
      output: { encoding: "mulaw", sample_rate: 8000, container: "none" },
    },
    agent: {
      listen: plan.listen,
      think: oneOrMany(think),
      speak: oneOrMany(plan.speak),
      ...(messages.length > 0 ? { context: { messages } } : {}),
      ...(plan.greeting ? { greeting: plan.greeting } : {}),
    },
  });
}

function oneOrMany<T>(items: readonly T[]): T | readonly T[] {
  return items.length === 1 ? items[0]! : items;
}

const seconds = z.number().optional();
const FunctionCall = z.object({
  id: z.string(),
  name: z.string(),
  arguments: z.string().default("{}"),
  client_side: z.boolean().default(true),
});

const Message = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Welcome"), request_id: z.string().default("") }),
  z.object({ type: z.literal("SettingsApplied") }),
  z.object({ type: z.literal("ConversationText"), role: z.enum(["user", "assistant"]), content: z.string() }),
  z.object({ type: z.literal("UserStartedSpeaking") }),
  z.object({ type: z.literal("AgentThinking") }),
  z.object({ type: z.literal("AgentStartedSpeaking") }), // the times in it come as `LatencyReport` too
  z.object({ type: z.literal("AgentAudioDone") }),
  z.object({
    type: z.literal("LatencyReport"),
    stt_latency: seconds,
    ttt_token_latency: seconds,
    ttt_text_latency: seconds,
    tts_latency: seconds,
    total_latency: seconds,
  }),
  z.object({ type: z.literal("FunctionCallRequest"), functions: z.array(FunctionCall) }),
  z.object({ type: z.literal("FunctionCallCancelled"), functions: z.array(z.object({ id: z.string() })) }),
  z.object({ type: z.literal("Warning"), code: z.string().default("unknown"), description: z.string().default("") }),
  z.object({ type: z.literal("Error"), code: z.string().default("unknown"), description: z.string().default("") }),
]);

/** Messages that carry nothing we need, and acknowledgements of what we do not send. */
const QUIET = new Set([
  "InjectionRefused",
  "History",
  "FunctionCallResponse",
  "PromptUpdated",
  "SpeakUpdated",
  "ThinkUpdated",
  "ListenUpdated",
]);

type AgentMessage = z.infer<typeof Message>;

/** Read one text message. Unknown types give undefined: new ones are added at any time (section 2.11). Never throws. */
export function parseAgentMessage(text: string): AgentMessage | { odd: string } | undefined {
  const message = parseJson(text);
  if (message === undefined) return { odd: "a message that is not JSON" };
  const type = (message as { type?: unknown } | null)?.type;
  if (typeof type !== "string") return { odd: "a message without a type" };
  const parsed = Message.safeParse(message);
  if (parsed.success) return parsed.data;
  const known = Message.options.some((option) => option.shape.type.value === type);
  return known && !QUIET.has(type) ? { odd: `a malformed ${type}` } : undefined;
}

type Told = Exclude<AgentMessage, { type: "Welcome" | "SettingsApplied" | "Error" }>;

/** What a message tells that is not about the session itself; undefined if it is nothing to us. */
export function eventOf(message: Told): VoiceAgentEvent | undefined {
  switch (message.type) {
    case "ConversationText":
      return { kind: "text", role: message.role, content: message.content };
    case "UserStartedSpeaking":
      return { kind: "caller-started" };
    case "AgentThinking":
    case "AgentStartedSpeaking":
      return { kind: "answering" };
    case "AgentAudioDone":
      return { kind: "audio-done" };
    case "LatencyReport":
      return latencyOf(message);
    case "FunctionCallRequest": {
      const calls = message.functions.filter((call) => call.client_side);
      return calls.length > 0 ? { kind: "function-calls", calls } : undefined;
    }
    case "FunctionCallCancelled":
      return { kind: "functions-cancelled", ids: message.functions.map(({ id }) => id) };
    case "Warning":
      return { kind: "warning", code: message.code, detail: message.description };
  }
}

/** Reports carry one field each, and bare recogniser times several a second (section 2.11): only what tells something is passed on. */
function latencyOf(report: Extract<AgentMessage, { type: "LatencyReport" }>): VoiceAgentEvent | undefined {
  const { stt_latency, ttt_token_latency, ttt_text_latency, tts_latency, total_latency } = report;
  const thinking = ttt_token_latency ?? ttt_text_latency;
  const parts = {
    ...(stt_latency !== undefined ? { stt: stt_latency * 1000 } : {}),
    ...(thinking !== undefined ? { model: thinking * 1000 } : {}),
    ...(tts_latency !== undefined ? { voice: tts_latency * 1000 } : {}),
    ...(total_latency !== undefined ? { total: total_latency * 1000 } : {}),
  };
  return Object.keys(parts).length > 0 ? { kind: "latency", parts } : undefined;
}
