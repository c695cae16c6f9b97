/** Any OpenAI-compatible chat completion as an `Llm`: `fetch`, server-sent events, deadlines, and each way to fail told apart. LLM reference, sections 2 to 5. */

import { createParser } from "eventsource-parser";
import * as z from "zod";
import { bodyText } from "../base/body_text.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { parseJson } from "../base/json.ts";
import { failed, type Fault, FaultError, ok, type Result } from "../base/result.ts";
import { Exchange, type ExchangeOptions } from "./chat_http.ts";
import { chatBody, type ChatProvider, extractBody, type JsonMode, newerHalf, quirksOf } from "./chat_quirks.ts";
import { ChatAnswer, errorOf, rejection } from "./chat_stream.ts";
import type { ChatMessage, ChatPart, ChatRequest, ExtractRequest, Llm } from "./ports.ts";

export interface ChatOptions {
  /** `fetch` of the platform, or of a stand-in. */
  fetch: (request: Request) => Promise<Response>;
  clock: Clock;
  /** With its version, for example `https://api.groq.com/openai/v1`. */
  baseUrl: string;
  /** Empty where the server wants none. */
  key: string;
  provider: ChatProvider;
  /** From the request to the first text or call; reasoning does not count. */
  firstTokenMs?: number;
  /** Between two pieces of the answer. */
  gapMs?: number;
  /** All the time spent waiting for one answer; time the consumer takes does not count. */
  totalMs?: number;
  /** From the request to the answer's headers. Where headers come with the first token, `firstTokenMs` is used. */
  connectMs?: number;
}

/** A model that can be kept within reach. */
export interface ChatLlm extends Llm {
  /** Open a connection to the model's host before it is needed. At most one request in `WARM_MS`. Never rejects. */
  warm(signal: AbortSignal): Promise<void>;
}

const WHOLE_BODY_BYTES = 1024 * 1024;
/** An event longer than this is not one of ours, in characters. */
const EVENT_CHARS = 1024 * 1024;
/** How long usage may come after the finish reason. */
const TAIL_MS = 250;
/** A busy server that is free again so soon is waited for: no other answers sooner. LLM reference, section 5. */
const SOON_MS = 300;
/** How long an idle connection is trusted to stay open. */
const WARM_MS = 30_000;

const Models = z.object({ data: z.array(z.object({ id: z.string() })) });

/** A model behind `options.baseUrl`. Opens nothing by itself. */
export function chatLlm(options: ChatOptions): ChatLlm {
  return new Chat(options);
}

class Chat implements ChatLlm {
  readonly name: string;
  readonly #options: Required<ChatOptions> & ExchangeOptions;
  /**
   * The ids of calls so far (some servers number those of each answer from 0, and a tool runs once for an id), each with what
   * this server sent along with the call.
   */
  readonly #calls = new Map<string, unknown>();
  #usedMs = -Infinity;

  constructor(options: ChatOptions) {
    const { firstTokenMs = 2500, gapMs = 2000, totalMs = 20_000 } = options;
    const { lateHeaders } = quirksOf(options.provider.type, options.provider.model);
    const connectMs = options.connectMs ?? (lateHeaders ? firstTokenMs : Math.min(1500, firstTokenMs));
    this.name = `${options.provider.type} ${options.provider.model}`;
    const headers = options.provider.headers ?? {};
    this.#options = { ...options, firstTokenMs, gapMs, totalMs, connectMs, headers };
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatPart, void, void> {
    using exchange = new Exchange(this.#options, signal);
    const response = await this.#ask(exchange, request, signal);
    this.#usedMs = this.#options.clock.monotonicMs();
    for (const message of request.messages) if (message.role === "tool") this.#know(message.tool_call_id);
    const answer = new ChatAnswer((given, extra) => this.#newId(given, extra));
    if (isEventStream(response)) {
      yield* this.#stream(exchange, response, answer);
    } else {
      const text = unwrap(answer.push(await wholeAnswer(exchange, response, this.#options.totalMs)));
      if (text) yield { kind: "text", text };
    }
    if (answer.finishReason === undefined) {
      throw new FaultError(exchange.lost(1000, "it ended without a finish reason"));
    }
    yield* unwrap(answer.parts());
  }

  async extract(
    request: ExtractRequest,
    signal: AbortSignal,
  ): Promise<string> {
    const { provider, totalMs } = this.#options;
    const quirks = quirksOf(provider.type, provider.model);
    using exchange = new Exchange(this.#options, signal);
    const ask = (mode?: JsonMode) =>
      exchange.request("chat/completions", { body: extractBody(provider, quirks, request, mode), limitMs: totalMs });
    const response = await ask().catch((error) => {
      if (isFormRefused(error)) return ask("prompt");
      throw error;
    });
    const answer = new ChatAnswer(() => "call");
    let text = unwrap(answer.push(await wholeAnswer(exchange, response, totalMs)));
    const parts = unwrap(answer.parts());
    for (const part of parts) if (part.kind === "finish" && part.usage) request.usage?.(part.usage);
    for (const part of parts) {
      if (part.kind === "text") text += part.text;
      if (part.kind === "tool-call") return part.call.function.arguments;
      if (part.kind === "finish" && part.reason === "length") {
        const detail = "the answer was cut at the token limit. Raise maxTokens";
        throw new FaultError(rejection({ code: "length", detail }));
      }
    }
    if (text.trim() === "") throw new FaultError(rejection({ code: "empty", detail: "the answer holds no text" }));
    return text.trim().replace(/^```(?:json)?\s*|\s*```$/g, "");
  }

  async models(signal: AbortSignal): Promise<Result<string[]>> {
    using exchange = new Exchange(this.#options, signal);
    try {
      const response = await exchange.request("models", { limitMs: this.#options.totalMs });
      const listed = Models.safeParse(parseJson(await wholeAnswer(exchange, response, this.#options.totalMs)));
      if (listed.success) return ok(listed.data.data.map(({ id }) => id));
      return failed({ kind: "protocol", peer: "llm", detail: "its list of models has no data[].id" });
    } catch (error) {
      if (error instanceof FaultError) return failed(error.fault);
      throw error;
    }
  }

  async warm(signal: AbortSignal): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#usedMs < WARM_MS) return;
    this.#usedMs = nowMs;
    // A failure here will be met again, and told, when the connection is needed.
    await this.models(signal).catch(() => undefined);
  }

  /** The response to `request`; a history that is too long for the server is asked again without its older half. */
  async #ask(exchange: Exchange, request: ChatRequest, signal: AbortSignal): Promise<Response> {
    const { provider, connectMs, clock } = this.#options;
    const quirks = quirksOf(provider.type, provider.model);
    let messages = request.messages.map((message) => this.#withExtra(message));
    for (let isFirst = true;; isFirst = false) {
      try {
        const body = chatBody(provider, quirks, { ...request, messages });
        return await exchange.request("chat/completions", { body, limitMs: connectMs });
      } catch (error) {
        if (!(error instanceof FaultError) || error.fault.kind !== "refused") throw error;
        const { status, retryAfterMs = Infinity } = error.fault;
        const shorter = isTooLong(error.fault) ? newerHalf(messages) : undefined;
        if (shorter) messages = shorter;
        else if (isFirst && status === 429 && retryAfterMs <= SOON_MS) await sleep(clock, retryAfterMs, signal);
        else throw error;
      }
    }
  }

  /** A call of this conversation, perhaps of another model. */
  #know(id: string): void {
    if (!this.#calls.has(id)) this.#calls.set(id, undefined);
  }

  #newId(given: string, extra: unknown): string {
    const id = given === "" || this.#calls.has(given) ? crypto.randomUUID() : given;
    this.#calls.set(id, extra);
    return id;
  }

  /** Its own calls go back with what came along: Gemini signs its thoughts there, and refuses a conversation without. Other servers never see it. */
  #withExtra(message: ChatMessage): ChatMessage {
    if (message.role !== "assistant" || !message.tool_calls) return message;
    const calls = message.tool_calls.map((call) => {
      const extra_content = this.#calls.get(call.id);
      return extra_content === undefined ? call : { ...call, extra_content };
    });
    return { ...message, tool_calls: calls };
  }

  /** Yield the text of an event stream until its finish reason, and what may follow that, were seen. */
  async *#stream(exchange: Exchange, response: Response, answer: ChatAnswer): AsyncGenerator<ChatPart, void, void> {
    const events = new EventReader(response);
    exchange.own(() => events.cancel());
    while (true) {
      const data = await this.#next(exchange, events, answer);
      if (data === undefined || data === "[DONE]") return;
      const wasCalling = answer.calling;
      const text = unwrap(answer.push(data));
      if (text) yield { kind: "text", text };
      if (answer.calling && !wasCalling) yield { kind: "calling" };
    }
  }

  /** The next event's data, `undefined` at the end. After the finish reason nothing but usage is missing: then no fault counts. */
  async #next(exchange: Exchange, events: EventReader, answer: ChatAnswer): Promise<string | undefined> {
    const ready = events.take();
    if (ready !== undefined) return ready;
    const { gapMs, firstTokenMs, totalMs } = this.#options;
    const limits = answer.finishReason !== undefined ? [{ what: "the usage", limitMs: TAIL_MS, leftMs: TAIL_MS }] : [
      answer.began
        ? { what: "the next piece of its answer", limitMs: gapMs, leftMs: gapMs }
        : { what: "the first token", limitMs: firstTokenMs, leftMs: firstTokenMs - exchange.waitedMs },
      { what: "the end of its answer", limitMs: totalMs, leftMs: totalMs - exchange.waitedMs },
    ];
    const next = limits.reduce((first, limit) => limit.leftMs < first.leftMs ? limit : first);
    try {
      return await exchange.wait(events.read(), next);
    } catch (error) {
      if (answer.finishReason !== undefined && !exchange.aborted) return undefined;
      throw error;
    }
  }
}

/** The `data` of server-sent events, in order, from bytes of any chunking. */
class EventReader {
  readonly #ready: string[] = [];
  readonly #body: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #tooLong = false;
  readonly #parser = createParser({
    onEvent: ({ event, data }) => this.#ready.push(event === "error" ? errorData(data) : data),
    onError: ({ type }) => void (this.#tooLong ||= type === "max-buffer-size-exceeded"),
    maxBufferSize: EVENT_CHARS,
  });

  constructor(response: Response) {
    this.#body = (response.body ?? new Blob([]).stream()).getReader();
  }

  /** Data that is here already. */
  take(): string | undefined {
    return this.#ready.shift();
  }

  /** Read on until there is data; `undefined` at the end. @throws {FaultError} if an event has no end. */
  async read(): Promise<string | undefined> {
    while (this.#ready.length === 0) {
      const { value, done } = await this.#body.read();
      if (done) this.#parser.feed(this.#decoder.decode() + "\n\n"); // a last event may lack its blank line
      else this.#parser.feed(this.#decoder.decode(value, { stream: true }));
      if (this.#tooLong) {
        throw new FaultError({ kind: "protocol", peer: "llm", detail: "an event of its answer never ends" });
      }
      if (done) break;
    }
    return this.#ready.shift();
  }

  cancel(): void {
    this.#body.cancel().catch(() => undefined); // it may have failed already
  }
}

/** An event named `error` is one whether or not its data says so. */
function errorData(data: string): string {
  return errorOf(parseJson(data)) ? data : JSON.stringify({ error: data });
}

/** A server without schemas, or without this one, a model that takes no temperature, a forced call gone wrong. */
function isFormRefused(error: unknown): boolean {
  if (!(error instanceof FaultError)) return false;
  return error.fault.kind === "rejected" || (error.fault.kind === "refused" && error.fault.status === 400);
}

/** Servers have many words for it. */
function isTooLong({ status, detail }: Extract<Fault, { kind: "refused" }>): boolean {
  return status === 413 || (status === 400 && /context|too (?:long|large)/i.test(detail));
}

function isEventStream(response: Response): boolean {
  const type = response.headers.get("content-type");
  return type === null || type.includes("event-stream");
}

/** The JSON body of an answer that is not streamed. @throws {FaultError} what it reports as an error, or that it is no JSON. */
async function wholeAnswer(exchange: Exchange, response: Response, totalMs: number): Promise<string> {
  const text = await exchange.wait(bodyText(response, WHOLE_BODY_BYTES), {
    what: "the end of its answer",
    limitMs: totalMs,
    leftMs: totalMs - exchange.waitedMs,
  });
  if (parseJson(text) !== undefined) return text;
  const type = response.headers.get("content-type") ?? "no content type";
  throw new FaultError({
    kind: "protocol",
    peer: "llm",
    detail: `HTTP ${response.status} with ${type} where chat completions were expected; check the base address`,
  });
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new FaultError(result.fault);
  return result.value;
}
