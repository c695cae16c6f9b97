/** What a chat-completions server takes, and the words with which it refuses the rest (pure). LLM reference, sections 2, 5 and 9. */

import * as z from "zod";
import { parseObject } from "../base/json.ts";

const Text = z.union([z.string(), z.array(z.strictObject({ type: z.literal("text"), text: z.string() }))]);
const Call = z.strictObject({
  id: z.string().min(1),
  type: z.literal("function"),
  function: z.strictObject({ name: z.string().min(1), arguments: z.string() }),
});
const Message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.enum(["system", "developer", "user"]), content: Text, name: z.string().optional() }),
  z.strictObject({
    role: z.literal("assistant"),
    content: Text.nullish(),
    name: z.string().optional(),
    refusal: z.string().nullish(),
    tool_calls: z.array(Call).min(1).optional(),
  }),
  z.strictObject({ role: z.literal("tool"), tool_call_id: z.string(), content: Text }),
]);
const Schema = z.record(z.string(), z.unknown());
const Tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, "must match ^[a-zA-Z0-9_-]{1,64}$"),
    description: z.string().optional(),
    parameters: Schema.optional(),
    strict: z.boolean().nullish(),
  }),
});
const Format = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
      description: z.string().optional(),
      schema: Schema,
      strict: z.boolean().nullish(),
    }),
  }),
]);

/** The body of POST chat/completions. Strict: an unknown field is refused, as strict servers do. */
export const ChatBody = z.strictObject({
  model: z.string().min(1),
  messages: z.array(Message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({
    include_usage: z.boolean().optional(),
    include_obfuscation: z.boolean().optional(),
  }).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  seed: z.int().nullish(),
  n: z.literal(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  tools: z.array(Tool).min(1).max(128).nullish(),
  tool_choice: z.union([
    z.enum(["auto", "none", "required"]),
    z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
  ]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: Format.nullish(),
  reasoning_effort: z.enum(["none", "default", "minimal", "low", "medium", "high", "xhigh", "max"]).nullish(),
  reasoning_format: z.enum(["hidden", "parsed", "raw"]).nullish(),
  include_reasoning: z.boolean().nullish(),
  verbosity: z.enum(["low", "medium", "high"]).nullish(),
  service_tier: z.string().nullish(),
  user: z.string().nullish(),
});
export type ChatBody = z.infer<typeof ChatBody>;
export type ChatRole = ChatBody["messages"][number];

/** Which server is played: they differ in what they refuse. */
export type Dialect = "openai" | "groq";

/** What is wrong with a request: the fields of the error body. */
export interface Complaint {
  message: string;
  param: string | null;
}

/** Check a request body as the server of `dialect` would. */
export function checkChat(body: unknown, dialect: Dialect): { body: ChatBody } | { complaint: Complaint } {
  const parsed = ChatBody.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const param = issue.path.join(".") || (issue.code === "unrecognized_keys" ? issue.keys[0]! : null);
    return { complaint: { message: `${param ?? "body"}: ${issue.message}`, param } };
  }
  const complaint = unpaired(parsed.data.messages) ?? badFormat(parsed.data, dialect) ?? badChoice(parsed.data) ??
    badReasoning(parsed.data, dialect) ?? badSampling(parsed.data);
  return complaint ? { complaint } : { body: parsed.data };
}

/** Each call must be answered before anything else is said, and each answer must follow its call. */
function unpaired(messages: readonly ChatRole[]): Complaint | undefined {
  let open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const param = `messages.[${index}]`;
    if (message.role === "tool") {
      if (open.delete(message.tool_call_id)) continue;
      const words = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'";
      return { message: words, param: `${param}.role` };
    }
    if (open.size > 0) return { message: unanswered(open), param };
    if (message.role !== "assistant") continue;
    if (!message.tool_calls && (message.content ?? "") === "") {
      return { message: "an assistant message needs content or tool_calls", param: `${param}.content` };
    }
    // llama.cpp reads the arguments of earlier calls, as others do whose templates want an object.
    if (message.tool_calls?.some((call) => !parseObject(call.function.arguments))) {
      return { message: "Failed to parse tool call arguments as JSON", param: `${param}.tool_calls` };
    }
    open = new Set(message.tool_calls?.map(({ id }) => id));
    if (open.size !== (message.tool_calls?.length ?? 0)) return { message: "duplicate tool call ids", param };
  }
  return open.size > 0 ? { message: unanswered(open), param: `messages.[${messages.length}]` } : undefined;
}

function unanswered(open: Set<string>): string {
  return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
    `The following tool_call_ids did not have response messages: ${[...open].join(", ")}`;
}

function badFormat({ response_format: format, tools, messages }: ChatBody, dialect: Dialect): Complaint | undefined {
  if (!format || format.type === "text") return undefined;
  if (tools && dialect === "groq") {
    return { message: "json mode cannot be combined with tool/function calling", param: "response_format" };
  }
  if (format.type === "json_object") {
    const said = messages.some(({ content }) => /json/i.test(plainText(content)));
    const words =
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
    return said ? undefined : { message: words, param: "messages" };
  }
  const { schema, strict, name } = format.json_schema;
  const loose = strict ? looseAt(schema, "") : undefined;
  if (loose === undefined) return undefined;
  return { message: `Invalid schema for response_format '${name}': ${loose}`, param: "response_format" };
}

function badChoice({ tools, tool_choice: choice }: ChatBody): Complaint | undefined {
  if (!choice) return undefined;
  if (!tools) return { message: "'tool_choice' is only allowed when 'tools' are specified.", param: "tool_choice" };
  if (typeof choice === "string" || tools.some((tool) => tool.function.name === choice.function.name)) return undefined;
  return { message: `Tool choice '${choice.function.name}' not found in 'tools' parameter.`, param: "tool_choice" };
}

/** What Groq takes for which models. LLM reference, section 6. */
const EFFORTS: readonly (readonly [family: string, efforts: readonly string[]])[] = [
  ["openai/gpt-oss-", ["low", "medium", "high"]],
  ["qwen/qwen3.6-", ["none", "default"]],
];

function badReasoning(body: ChatBody, dialect: Dialect): Complaint | undefined {
  if (dialect === "openai" && (body.reasoning_format ?? body.include_reasoning) != null) {
    return { message: "Unrecognized request argument supplied: reasoning_format", param: "reasoning_format" };
  }
  if (body.reasoning_format != null && body.include_reasoning != null) {
    return { message: "reasoning_format and include_reasoning are mutually exclusive", param: "reasoning_format" };
  }
  const efforts = EFFORTS.find(([family]) => body.model.startsWith(family))?.[1];
  const effort = body.reasoning_effort;
  if (dialect === "groq" && effort != null && efforts?.includes(effort) === false) {
    return { message: `\`reasoning_effort\` must be one of ${efforts.join(", ")}`, param: "reasoning_effort" };
  }
  return undefined;
}

/** OpenAI's models that reason take no sampling of ours, and the new name of the bound only. LLM reference, section 2. */
function badSampling({ model, temperature, max_tokens, reasoning_effort }: ChatBody): Complaint | undefined {
  if (!/^(gpt-5|gpt-6|o\d)/.test(model)) return undefined;
  if (max_tokens != null) {
    const words =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    return { message: words, param: "max_tokens" };
  }
  if (temperature == null || temperature === 1 || reasoning_effort === "none") return undefined;
  const words =
    `Unsupported value: 'temperature' does not support ${temperature} with this model. Only the default (1) value is supported.`;
  return { message: words, param: "temperature" };
}

/** What a strict schema must not leave open, with its place; `undefined` if it is closed. LLM reference, section 1. */
function looseAt(schema: unknown, place: string): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  const { type, properties, required, additionalProperties } = schema as Record<string, unknown>;
  if (type === "object" || properties !== undefined) {
    const names = Object.keys((properties ?? {}) as object);
    if (additionalProperties !== false) return `In context=(${place}), 'additionalProperties' is required to be false.`;
    const missing = names.find((name) => !Array.isArray(required) || !required.includes(name));
    if (missing) return `In context=(${place}), 'required' is required to include every key. Missing '${missing}'.`;
  }
  for (const [key, value] of Object.entries(schema)) {
    const loose = looseAt(value, `${place}/${key}`);
    if (loose) return loose;
  }
  return undefined;
}

/** The text of a message's content, parts joined. */
export function plainText(content: z.infer<typeof Text> | null | undefined): string {
  if (typeof content === "string") return content;
  return content?.map(({ text }) => text).join("") ?? "";
}

/** The smallest value of a JSON Schema: null where it may be, else empty. For answers that nobody scripted. */
export function exampleOf(schema: unknown): unknown {
  const { type, enum: values, const: constant, properties, anyOf, minimum } = (schema ?? {}) as Record<string, unknown>;
  if (constant !== undefined) return constant;
  if (Array.isArray(values)) return values[0];
  if (Array.isArray(anyOf)) return anyOf.some((one) => one?.type === "null") ? null : exampleOf(anyOf[0]);
  const types = Array.isArray(type) ? type : [type];
  if (types.includes("null")) return null;
  switch (types[0]) {
    case "string":
      return "";
    case "number":
    case "integer":
      return typeof minimum === "number" ? minimum : 0;
    case "boolean":
      return false;
    case "array":
      return [];
    default:
      return Object.fromEntries(
        Object.entries((properties ?? {}) as object).map(([name, property]) => [name, exampleOf(property)]),
      );
  }
}
