/** What the chunks of a chat completion add up to, with every deviation seen in the wild tolerated (pure). LLM reference, sections 3 and 4. */

import * as z from "zod";
import { parseJson } from "../base/json.ts";
import { failed, type Fault, ok, type Result } from "../base/result.ts";
import type { ChatPart, ChatToolCall, ChatUsage } from "./ports.ts";

const Content = z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))]).nullish();
const ToolPiece = z.object({
  index: z.number().nullish(),
  id: z.string().nullish(),
  function: z.object({
    name: z.string().nullish(),
    arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  }).nullish(),
  extra_content: z.unknown().optional(),
});
const Message = z.object({
  content: Content,
  refusal: z.string().nullish(),
  tool_calls: z.array(ToolPiece).nullish(),
});
const Usage = z.object({
  prompt_tokens: z.number().catch(0),
  completion_tokens: z.number().catch(0),
}).nullish().catch(null).optional();
const Chunk = z.object({
  choices: z.array(z.object({
    delta: Message.nullish(),
    message: Message.nullish(),
    finish_reason: z.string().nullish(),
  })).nullish(),
  usage: Usage,
  x_groq: z.object({ usage: Usage, error: z.string().nullish() }).nullish().catch(null).optional(),
  error: z.unknown().optional(),
});
type Chunk = z.infer<typeof Chunk>;
type ToolPiece = z.infer<typeof ToolPiece>;

/** FastAPI's: what it was sent, which stands there too, is left out. */
const Misfit = z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() });
const ErrorText = z.union([
  z.string().transform((message) => ({ message, code: null, type: null })),
  z.array(Misfit).min(1).transform((all) => ({
    message: all.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; "),
    code: null,
    type: null,
  })),
  z.object({
    message: z.string().catch("no message"),
    code: z.union([z.string(), z.number()]).nullish().catch(null).optional(),
    type: z.string().nullish().catch(null).optional(),
  }),
]);

/** The error of a body `{"error": …}`, `{"detail": …}` or `{"message": …}`, whatever its exact form. */
export function errorOf(body: unknown): { code: string; detail: string } | undefined {
  const outer = z.object({
    error: z.unknown().optional(),
    detail: z.unknown().optional(),
    message: z.unknown().optional(),
  }).safeParse(body).data;
  const inner = outer?.error ?? outer?.detail ?? outer?.message;
  if (inner === undefined || inner === null) return undefined;
  const { message, code, type } = ErrorText.safeParse(inner).data ?? { message: "an error of no form that we know" };
  return { code: String(code ?? type ?? "error"), detail: message.slice(0, 300) };
}

/**
 * One answer as it comes. `push` gives the text to yield; once `finishReason` is set, `parts` gives the calls and the
 * finish. Reasoning, whichever field it comes in, is left out.
 */
export class ChatAnswer {
  finishReason: string | undefined;
  /** Text or a piece of a call has come. */
  began = false;
  /** A piece of a call has come. */
  calling = false;
  #usage: ChatUsage | undefined;
  readonly #calls: ToolCalls;
  readonly #thinking = new ThinkFilter();

  /** `idFor`: the id of a call, given the server's own, "" where it has none, and what else the server sent along with it. */
  constructor(idFor: (given: string, extra: unknown) => string) {
    this.#calls = new ToolCalls(idFor);
  }

  /** Take one `data` of the stream (or a whole answer that was not streamed). @returns visible text, often empty. */
  push(data: string): Result<string> {
    const parsed = Chunk.safeParse(parseJson(data));
    if (!parsed.success) {
      return failed({
        kind: "protocol",
        peer: "llm",
        detail: `a chunk of its answer is not as chat completions have it (${parsed.error.issues[0]?.message ?? ""})`,
      });
    }
    const chunk = parsed.data;
    const error = chunk.error ?? chunk.x_groq?.error;
    if (error !== undefined && error !== null) return failed(rejection(errorOf({ error })));
    this.#noteUsage(chunk);
    const choice = chunk.choices?.[0];
    if (!choice) return ok("");
    if (choice.finish_reason === "error") return failed(rejection(undefined));
    this.finishReason = choice.finish_reason || this.finishReason;
    const delta = choice.delta ?? choice.message;
    if (!delta) return ok("");
    for (const piece of delta.tool_calls ?? []) {
      this.#calls.push(piece);
      this.began = this.calling = true;
    }
    const text = this.#thinking.push(textOf(delta.content) + (delta.refusal ?? ""));
    if (text) this.began = true;
    return ok(text);
  }

  /** What ends the answer: text held back, the calls in their order, one `finish`. */
  parts(): Result<ChatPart[]> {
    const rest = this.#thinking.flush();
    const calls = this.#calls.whole();
    if (!calls.ok) return calls;
    const parts: ChatPart[] = rest ? [{ kind: "text", text: rest }] : [];
    for (const call of calls.value) parts.push({ kind: "tool-call", call });
    const usage = this.#usage ? { usage: this.#usage } : {};
    parts.push({ kind: "finish", reason: this.#reason(calls.value.length), ...usage });
    return ok(parts);
  }

  #reason(calls: number): Extract<ChatPart, { kind: "finish" }>["reason"] {
    switch (this.finishReason) {
      case "length":
        return "length";
      case "content_filter":
        return "content-filter";
      default:
        return calls > 0 ? "tool-calls" : "stop"; // some say "stop" although they call, or "tool_calls" although they do not
    }
  }

  #noteUsage({ usage, x_groq }: Chunk): void {
    const seen = usage ?? x_groq?.usage;
    if (seen) this.#usage = { promptTokens: seen.prompt_tokens, completionTokens: seen.completion_tokens };
  }
}

/** The fault of an error that came inside an answer. */
export function rejection(error: { code: string; detail: string } | undefined): Fault {
  return { kind: "rejected", peer: "llm", code: "error", detail: "it gave no reason", ...error };
}

function textOf(content: z.infer<typeof Content>): string {
  if (typeof content === "string") return content;
  return content?.map(({ text }) => text ?? "").join("") ?? "";
}

interface Gathered {
  order: number;
  index: number | undefined;
  id: string;
  name: string;
  json: string;
  extra: unknown;
}

/** Tool calls gathered from pieces that may lack an index, an id or a name, interleave, or come whole. */
class ToolCalls {
  readonly #calls: Gathered[] = [];
  readonly #idFor: (given: string, extra: unknown) => string;

  constructor(idFor: (given: string, extra: unknown) => string) {
    this.#idFor = idFor;
  }

  push(piece: ToolPiece): void {
    const { name, arguments: json } = piece.function ?? {};
    const call = this.#callOf(piece);
    call.id ||= piece.id ?? "";
    call.name ||= name ?? "";
    call.json += typeof json === "string" ? json : json ? JSON.stringify(json) : "";
    call.extra ??= piece.extra_content;
  }

  whole(): Result<ChatToolCall[]> {
    const calls: ChatToolCall[] = [];
    for (const { id, name, json, extra } of this.#calls.toSorted((a, b) => a.order - b.order)) {
      if (!name) return failed({ kind: "protocol", peer: "llm", detail: "it calls a function without a name" });
      calls.push({ id: this.#idFor(id, extra), type: "function", function: { name, arguments: json || "{}" } });
    }
    return ok(calls);
  }

  #callOf({ index, id, function: piece }: ToolPiece) {
    const isNumbered = typeof index === "number";
    const known = isNumbered ? this.#calls.findLast((call) => call.index === index) : this.#calls.at(-1);
    // Some number all calls 0, some none: another id, or a call behind a whole one, with a name of its own is another.
    const isWhole = !isNumbered && !id && known?.name && parseJson(known.json) !== undefined;
    const another = known && piece?.name && ((id && known.id && id !== known.id) || isWhole);
    if (known && !another) return known;
    const last = Math.max(-1, ...this.#calls.map(({ order }) => order));
    const order = another || !isNumbered ? last + 1 : index;
    const call: Gathered = {
      order,
      index: isNumbered ? index : undefined,
      id: "",
      name: "",
      json: "",
      extra: undefined,
    };
    this.#calls.push(call);
    return call;
  }
}

const OPEN = "<think>";
const CLOSE = "</think>";

/** Cuts `<think>…</think>` out of content, tags split over pieces included, with the white space that follows. */
export class ThinkFilter {
  #held = "";
  #inside = false;
  /** Nothing visible yet, or only what followed a thought: white space there is not speech. */
  #trimming = true;

  push(text: string): string {
    this.#held += text;
    let visible = "";
    while (this.#held) {
      const tag = this.#inside ? CLOSE : OPEN;
      const at = this.#held.indexOf(tag);
      const end = at >= 0 ? at : this.#held.length - partialTag(this.#held, tag);
      if (!this.#inside) visible += this.#trim(this.#held.slice(0, end));
      this.#held = this.#held.slice(at >= 0 ? at + tag.length : end);
      if (at < 0) break;
      this.#inside = !this.#inside;
      this.#trimming = true;
    }
    return visible;
  }

  /** What was held back because a tag could have begun in it. */
  flush(): string {
    const rest = this.#inside ? "" : this.#held;
    this.#held = "";
    return rest;
  }

  #trim(text: string): string {
    const kept = this.#trimming ? text.trimStart() : text;
    if (kept) this.#trimming = false;
    return kept;
  }
}

/** How many characters at the end of `text` could be the beginning of `tag`. */
function partialTag(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}
