/** How the servers that speak "OpenAI-compatible" chat completions differ, as data (LLM reference, section 7), and the request bodies made of it (pure). */

import { parseObject } from "../base/json.ts";
import type { ChatMessage, ChatRequest } from "./ports.ts";

/**
 * How an answer is bound to a JSON Schema. `strict`: `json_schema` with `strict`; `tool`: a forced call of one function whose
 * parameters are the schema; `object`: `json_object`, the schema in the prompt; `prompt`: nothing but that.
 */
export type JsonMode = "strict" | "tool" | "object" | "prompt";

export interface ChatQuirks {
  maxTokensField: "max_completion_tokens" | "max_tokens";
  /** Whether usage is asked for by `stream_options`; Groq gives `x_groq.usage` unasked. */
  sendStreamOptions: boolean;
  jsonMode: JsonMode;
  /** The server may hold its headers back until the first token (a model being loaded, a prompt being read). */
  lateHeaders: boolean;
  /** Sent unless the configuration says otherwise: keeps reasoning short, and out of the content. */
  extraBody: Readonly<Record<string, unknown>>;
}

/** The configured model. Names are the vendor's own; whatever is not named here is copied into each request body. */
export interface ChatProvider {
  /** `groq`, `open_ai`, `ollama`, `vllm`, `llama_cpp`, `lm_studio`, or any other name for a plain compatible server. */
  type: string;
  model: string;
  temperature?: number;
  /** Bound of an answer, tokens; goes out under the name that the server knows. */
  maxTokens?: number;
  reasoning_effort?: string;
  /** Further request headers. */
  headers?: Readonly<Record<string, string>>;
  [vendorField: string]: unknown;
}

const COMPATIBLE: ChatQuirks = {
  maxTokensField: "max_tokens",
  sendStreamOptions: false,
  jsonMode: "object",
  lateHeaders: true,
  extraBody: {},
};
const SELF_HOSTED: ChatQuirks = { ...COMPATIBLE, sendStreamOptions: true, jsonMode: "strict" };
const OPENAI: ChatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendStreamOptions: true,
  jsonMode: "strict",
  lateHeaders: false,
  extraBody: {},
};
const GROQ: ChatQuirks = { ...OPENAI, sendStreamOptions: false, jsonMode: "tool" };

const BY_TYPE: Readonly<Record<string, ChatQuirks>> = {
  open_ai: OPENAI,
  openai: OPENAI,
  ollama: SELF_HOSTED,
  vllm: SELF_HOSTED,
  llama_cpp: SELF_HOSTED,
  lm_studio: SELF_HOSTED,
};

/** What to heed with `model` at a server of this `type`. Groq: strict schemas on gpt-oss only (LLM reference, section 6). */
export function quirksOf(type: string, model: string): ChatQuirks {
  if (type !== "groq") return BY_TYPE[type] ?? COMPATIBLE;
  if (model.startsWith("openai/gpt-oss-")) {
    return { ...GROQ, jsonMode: "strict", extraBody: { reasoning_effort: "low" } };
  }
  if (model.startsWith("qwen/")) return { ...GROQ, extraBody: { reasoning_effort: "none" } };
  return GROQ;
}

/** The body of a streamed answer. Built in the same order each time: servers cache a prompt by its unchanged beginning. */
export function chatBody(provider: ChatProvider, quirks: ChatQuirks, request: ChatRequest): Record<string, unknown> {
  return {
    ...commonBody(provider, quirks, request),
    stream: true,
    ...(quirks.sendStreamOptions ? { stream_options: { include_usage: true } } : {}),
    ...(request.tools?.length
      ? { tools: request.tools.map((tool) => ({ type: "function", function: tool })), tool_choice: "auto" }
      : {}),
  };
}

/**
 * The body of one whole answer that satisfies a schema: no tools of the conversation, temperature 0. In `prompt` nothing that
 * any server refuses: not even a temperature.
 */
export function extractBody(
  provider: ChatProvider,
  quirks: ChatQuirks,
  request: ChatRequest & { schema: Record<string, unknown>; schemaName: string },
  mode = quirks.jsonMode,
): Record<string, unknown> {
  const { schema, schemaName: name } = request;
  const { temperature: _, ...common } = commonBody(provider, quirks, request);
  const body = { ...common, ...(mode === "prompt" ? {} : { temperature: 0 }), stream: false };
  switch (mode) {
    case "strict":
      return { ...body, response_format: { type: "json_schema", json_schema: { name, schema, strict: true } } };
    case "tool": {
      const description = "Give the answer by calling this function.";
      return {
        ...body,
        tools: [{ type: "function", function: { name, description, parameters: schema } }],
        tool_choice: { type: "function", function: { name } },
      };
    }
    case "object":
    case "prompt": {
      const order = `Answer with one JSON object and nothing else. It must satisfy this JSON Schema: ${
        JSON.stringify(schema)
      }`;
      return {
        ...body,
        messages: [...request.messages, { role: "system", content: order }],
        ...(mode === "object" ? { response_format: { type: "json_object" } } : {}),
      };
    }
  }
}

function commonBody(provider: ChatProvider, quirks: ChatQuirks, request: ChatRequest): Record<string, unknown> {
  const { type: _type, maxTokens, headers: _headers, ...vendor } = provider;
  const limit = request.maxTokens ?? maxTokens;
  return {
    ...quirks.extraBody,
    ...vendor,
    messages: request.messages.map(readable),
    ...(limit === undefined ? {} : { [quirks.maxTokensField]: limit }),
  };
}

/** `messages` without the older half of the caller's turns; undefined where only one is left. Calls stay with their results. */
export function newerHalf(messages: readonly ChatMessage[]): ChatMessage[] | undefined {
  const first = messages.findIndex(({ role }) => role !== "system");
  const turns = messages.flatMap(({ role }, at) => role === "user" ? [at] : []);
  if (turns.length < 2) return undefined;
  return [...messages.slice(0, first), ...messages.slice(turns[Math.floor(turns.length / 2)])];
}

/** Some servers read the arguments of earlier calls, and refuse the whole conversation where a model wrote no object. */
function readable(message: ChatMessage): ChatMessage {
  if (message.role !== "assistant" || !message.tool_calls) return message;
  const calls = message.tool_calls.map((call) =>
    parseObject(call.function.arguments) ? call : { ...call, function: { ...call.function, arguments: "{}" } }
  );
  return { ...message, tool_calls: calls };
}
