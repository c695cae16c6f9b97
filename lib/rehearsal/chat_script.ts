/** What a chat-completions server says, made of a thought: events in their order, or one whole answer (pure). LLM reference, sections 3 and 4. */

import { type ChatBody, type Dialect, plainText } from "./chat_request.ts";

/** What a brain says and calls; `arguments` may be an object, or text that need not be JSON. */
export interface ChatThought {
  text?: string;
  calls?: { name: string; arguments: Record<string, unknown> | string }[];
  reasoning?: string;
}

/** What all chunks of an answer repeat. */
export type Head = { id: string; created: number; model: string };

/** The events of a streamed answer, in the usual order of LLM reference, section 4. */
export function chunks(
  head: Head,
  thought: ChatThought,
  body: ChatBody,
  { dialect, reasoningField }: { dialect: Dialect; reasoningField: "reasoning" | "reasoning_content" | "content" },
): string[] {
  const base = { id: head.id, object: "chat.completion.chunk", created: head.created, model: head.model };
  const groq = dialect === "groq" ? { x_groq: { id: "req_rehearsal" } } : {};
  const event = (delta: unknown, finish: string | null = null, more: Record<string, unknown> = {}) =>
    `data: ${
      JSON.stringify({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...more })
    }`;
  const events = [event({ role: "assistant", content: "" }, null, groq)];
  const reasoning = thought.reasoning && reasoningField === "content" ? `<think>${thought.reasoning}</think>\n\n` : "";
  if (thought.reasoning && reasoningField !== "content") {
    for (const piece of tokens(thought.reasoning)) events.push(event({ [reasoningField]: piece }));
  }
  for (const piece of tokens(reasoning + (thought.text ?? ""))) events.push(event({ content: piece }));
  events.push(...callPieces(thought, head.id).map((piece) => event({ tool_calls: [piece] })));
  const usage = usageOf(thought, body);
  const last = dialect === "groq" ? { x_groq: { id: "req_rehearsal", usage: { ...usage, total_time: 0.2 } } } : {};
  events.push(event({}, thought.calls?.length ? "tool_calls" : "stop", last));
  if (body.stream_options?.include_usage) events.push(`data: ${JSON.stringify({ ...base, choices: [], usage })}`);
  return events;
}

/** Calls as they are streamed: first the names, then the arguments in pieces, those of several calls in turn. */
function callPieces({ calls = [] }: ChatThought, id: string): unknown[] {
  const heads = calls.map(({ name }, index) => (
    { index, id: `call_${id}_${index}`, type: "function", function: { name, arguments: "" } }
  ));
  const pieces = calls.flatMap(({ arguments: json }, index) =>
    (jsonText(json).match(/.{1,7}/gsu) ?? []).map((text, order) => (
      { order, piece: { index, function: { arguments: text } } }
    ))
  );
  return [...heads, ...pieces.toSorted((a, b) => a.order - b.order).map(({ piece }) => piece)];
}

/** The answer as one body. */
export function whole(head: Head, thought: ChatThought, body: ChatBody): unknown {
  const calls = thought.calls?.map(({ name, arguments: json }, index) => (
    { id: `call_${head.id}_${index}`, type: "function", function: { name, arguments: jsonText(json) } }
  ));
  const message = {
    role: "assistant",
    content: thought.text ?? null,
    refusal: null,
    ...(calls ? { tool_calls: calls } : {}),
  };
  const choice = { index: 0, message, logprobs: null, finish_reason: calls ? "tool_calls" : "stop" };
  return { ...head, object: "chat.completion", choices: [choice], usage: usageOf(thought, body) };
}

function usageOf(thought: ChatThought, body: ChatBody) {
  const prompt_tokens = tokens(body.messages.map(({ content }) => plainText(content)).join(" ")).length;
  const completion_tokens = tokens((thought.reasoning ?? "") + (thought.text ?? "")).length;
  const prompt_tokens_details = { cached_tokens: 0 };
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens, prompt_tokens_details };
}

/** Words with the space before them, long ones in two: about what a tokenizer does. */
function tokens(text: string): string[] {
  return text.match(/\s*\S{1,7}|\s+$/gu) ?? [];
}

function jsonText(json: Record<string, unknown> | string): string {
  return typeof json === "string" ? json : JSON.stringify(json);
}
