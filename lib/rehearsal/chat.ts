/** A stand-in for any chat-completions server, `/v1/*` as OpenAI has it and `/openai/v1/*` as Groq does. LLM reference, section 9. */

import { type Clock, sleep } from "../base/clock.ts";
import { parseJson, parseObject } from "../base/json.ts";
import { raced } from "../base/raced.ts";
import { type ChatThought, chunks, whole } from "./chat_script.ts";
import { type ChatBody, type ChatRole, checkChat, type Dialect, exampleOf, plainText } from "./chat_request.ts";

export interface ChatToolOffer {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export type { ChatThought } from "./chat_script.ts";

export type ChatBrain = (
  messages: readonly ChatRole[],
  tools: readonly ChatToolOffer[],
  /** What the answer must satisfy, where that was said. */
  schema?: Record<string, unknown>,
) => ChatThought | Promise<ChatThought>;

export interface ChatStandInOptions {
  clock: Clock;
  /** Uniform in [0, 1): where the stream of bytes is cut. */
  random: () => number;
  answer?: ChatBrain;
  /** The key to insist on; any will do without. */
  key?: string;
  /** The models it has, beside the scripted ones; more may come. */
  models?: Iterable<string>;
  /** From the request to the first token. */
  firstTokenMs?: number;
  tokensPerSecond?: number;
  /** Lines end in CR LF. */
  crlf?: boolean;
  /** Where `reasoning` goes; `content` puts it between think tags. */
  reasoningField?: "reasoning" | "reasoning_content" | "content";
}

/** One request as it came, and what became of it. Times are of the clock, ms. */
export interface ChatRecord {
  atMs: number;
  path: string;
  body: unknown;
  status: number;
  /** The client closed the request. */
  cancelledAtMs?: number;
  /** All was sent. */
  finishedAtMs?: number;
}

export interface ChatStandIn {
  fetch: (request: Request) => Promise<Response>;
  readonly requests: readonly ChatRecord[];
  /** Requests that are neither finished nor cancelled. */
  open(): number;
}

/** Model names that misbehave as they say; `e` and three digits is that HTTP status. */
const SCRIPTED_MODELS = [
  ...["e400", "e401", "e404", "e429", "e500", "e503", "mid-error", "cut", "reset", "slow", "stall", "hang", "no-done"],
  ...["toolcall", "badjson", "object", "whole", "html"],
];

const KNOWN_MODELS = [
  ...["openai/gpt-oss-20b", "openai/gpt-oss-120b", "qwen/qwen3.6-27b", "qwen/qwen3.8-27b"],
  ...["gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o-mini", "gpt-5.4-mini"],
];
const ERRORS: Readonly<Record<number, { message: string; type: string; code: string }>> = {
  400: {
    message: "the request is too long for this model",
    type: "invalid_request_error",
    code: "context_length_exceeded",
  },
  401: { message: "Invalid API Key", type: "invalid_request_error", code: "invalid_api_key" },
  404: {
    message: "The model does not exist or you do not have access to it.",
    type: "invalid_request_error",
    code: "model_not_found",
  },
  429: { message: "Rate limit reached. Please try again in 1s.", type: "tokens", code: "rate_limit_exceeded" },
  500: { message: "Internal Server Error", type: "internal_server_error", code: "internal_error" },
  503: { message: "The model is overloaded", type: "service_unavailable", code: "unavailable" },
};
/** The first token of the model `slow`. */
const SLOW_MS = 8000;
const DEFAULTS = { firstTokenMs: 200, tokensPerSecond: 100, crlf: false, reasoningField: "reasoning" } as const;

export function chatStandIn(options: ChatStandInOptions): ChatStandIn {
  const server = new ChatServer(options);
  return {
    fetch: (request) => server.answer(request),
    requests: server.records,
    open: () =>
      server.records.filter((one) => one.finishedAtMs === undefined && one.cancelledAtMs === undefined).length,
  };
}

class ChatServer {
  readonly records: ChatRecord[] = [];
  readonly #options: ChatStandInOptions & Required<Pick<ChatStandInOptions, keyof typeof DEFAULTS>>;
  #completions = 0;

  constructor(options: ChatStandInOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const text = await request.text();
    const record: ChatRecord = {
      atMs: this.#options.clock.monotonicMs(),
      path: pathname,
      body: parseJson(text),
      status: 200,
    };
    this.records.push(record);
    if (this.records.length > RECORDS_KEPT) this.records.shift();
    const response = await this.#route(request, record);
    record.status = response.status;
    if (response.headers.get("content-type") !== "text/event-stream") this.#finished(record);
    return response;
  }

  #route(request: Request, record: ChatRecord): Response | Promise<Response> {
    const key = request.headers.get("authorization")?.match(/^Bearer (.+)$/)?.[1];
    if (!key || key !== (this.#options.key ?? key)) return refusal(401);
    const route = `${request.method} ${record.path.replace(/^.*\/v1\//, "")}`;
    if (route === "GET models") return this.#models();
    if (route === "POST chat/completions") {
      return this.#chat(record, request, record.path.includes("/openai/v1/") ? "groq" : "openai");
    }
    return refusal(404, { message: `Unknown request URL: ${request.method} ${record.path}`, code: "unknown_url" });
  }

  #known(): string[] {
    return [...KNOWN_MODELS, ...this.#options.models ?? []];
  }

  #models(): Response {
    const data = this.#known().map((id) => ({ id, object: "model", created: 1767225600, owned_by: "rehearsal" }));
    return Response.json({ object: "list", data });
  }

  async #chat(record: ChatRecord, request: Request, dialect: Dialect): Promise<Response> {
    const checked = checkChat(record.body, dialect);
    if ("complaint" in checked) {
      const { message, param } = checked.complaint;
      return refusal(400, { message, param, code: "invalid_request" });
    }
    const { body } = checked;
    const status = Number(body.model.match(/^e(\d{3})$/)?.[1]);
    if (status) return refusal(status);
    if (![...this.#known(), ...SCRIPTED_MODELS].includes(body.model)) {
      return refusal(404, { message: `The model \`${body.model}\` does not exist` });
    }
    if (body.model === "hang") {
      return await aborted(request.signal).catch((reason) => {
        this.#cancelled(record);
        throw reason;
      });
    }
    if (body.model === "html") {
      return new Response("<html>Welcome to nginx!</html>", { headers: { "content-type": "text/html" } });
    }
    const thought = await this.#think(body);
    const head = {
      id: `chatcmpl-${++this.#completions}`,
      created: Math.floor(this.#options.clock.wallTime().getTime() / 1000),
      model: body.model,
    };
    if (!body.stream || body.model === "whole") {
      await sleep(this.#options.clock, this.#firstTokenMs(body));
      return Response.json(whole(head, thought, body), { headers: HEADERS });
    }
    const script = chunks(head, thought, body, { dialect, reasoningField: this.#options.reasoningField });
    return new Response(this.#stream(script, body, record), {
      headers: { ...HEADERS, "content-type": "text/event-stream" },
    });
  }

  async #think(body: ChatBody): Promise<ChatThought> {
    const tools = (body.tools ?? []).map(({ function: { name, description = "", parameters = {} } }) => (
      { name, description, parameters }
    ));
    const { tool_choice: choice, response_format: format } = body;
    if (body.model === "toolcall" || body.model === "badjson") {
      const tool = tools[0] ?? { name: "none", parameters: {} };
      if (body.model === "badjson") return { calls: [{ name: tool.name, arguments: '{"half": ' }], text: '{"half": ' };
      if (body.messages.at(-1)?.role !== "tool") {
        return { calls: [{ name: tool.name, arguments: exampleOf(tool.parameters) as Record<string, unknown> }] };
      }
    }
    if (body.model === "object") return { text: '{"name":"Ada","party":2}' };
    const forced = tools.find(({ name }) => typeof choice === "object" && name === choice?.function.name);
    const schema = format?.type === "json_schema"
      ? format.json_schema.schema
      : forced?.parameters ?? schemaIn(body.messages);
    const thought = await (this.#options.answer ?? echo)(body.messages, tools, schema);
    if (format && format.type !== "text") {
      if (parseJson(thought.text ?? "") !== undefined) return thought;
      return { text: JSON.stringify(format.type === "json_schema" ? exampleOf(format.json_schema.schema) : {}) };
    }
    if (!forced || thought.calls) return thought;
    const given = parseJson(thought.text ?? "") ?? exampleOf(forced.parameters);
    return { calls: [{ name: forced.name, arguments: given as Record<string, unknown> }] };
  }

  #firstTokenMs({ model }: ChatBody): number {
    return model === "slow" ? SLOW_MS : this.#options.firstTokenMs;
  }

  /** The events at their pace, cut into pieces that respect neither lines nor characters. */
  #stream(script: string[], body: ChatBody, record: ChatRecord): ReadableStream<Uint8Array> {
    const { clock, tokensPerSecond, crlf } = this.#options;
    const gone = new AbortController();
    const run = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const half = Math.ceil(script.length / 2);
      const send = (event: string) => {
        const framed = `${event}\n\n`;
        for (const piece of this.#cut(crlf ? framed.replaceAll("\n", "\r\n") : framed)) controller.enqueue(piece);
      };
      send(": keep-alive");
      await sleep(clock, this.#firstTokenMs(body), gone.signal);
      for (const [index, event] of script.entries()) {
        if (index === half && MIDWAY.has(body.model)) return this.#fail(body.model, controller, send, gone.signal);
        send(event);
        if (index % 5 === 0) send(": still here");
        await sleep(clock, 1000 / tokensPerSecond, gone.signal);
      }
      if (body.model === "no-done") await aborted(gone.signal);
      send("data: [DONE]");
      controller.close();
    };
    return new ReadableStream({
      start: (controller) => {
        run(controller).then(() => this.#finished(record), (error) => {
          if (!gone.signal.aborted) this.#finished(record);
          // The client is gone, or the connection was to be reset.
          try {
            controller.error(error);
          } catch { /* it was closed */ }
        });
      },
      cancel: () => {
        this.#cancelled(record);
        gone.abort();
      },
    });
  }

  async #fail(
    model: string,
    controller: ReadableStreamDefaultController<Uint8Array>,
    send: (event: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    switch (model) {
      case "mid-error":
        send(`data: ${JSON.stringify({ error: OVERLOADED })}`);
        send("data: [DONE]");
        break;
      case "reset":
        throw new TypeError("connection reset by peer");
      case "stall":
        await aborted(signal);
    }
    controller.close();
  }

  *#cut(text: string): Generator<Uint8Array> {
    const bytes = new TextEncoder().encode(text);
    for (let from = 0; from < bytes.length;) {
      const to = from + 1 + Math.floor(this.#options.random() * 90);
      yield bytes.slice(from, to);
      from = to;
    }
  }

  #cancelled(record: ChatRecord): void {
    if (record.finishedAtMs === undefined) record.cancelledAtMs ??= this.#options.clock.monotonicMs();
  }

  #finished(record: ChatRecord): void {
    if (record.cancelledAtMs === undefined) record.finishedAtMs ??= this.#options.clock.monotonicMs();
  }
}

/** A rehearsal may run for days. */
const RECORDS_KEPT = 1000;
const OVERLOADED = { message: "The server had an error", type: "server_error", code: "overloaded", param: null };
const MIDWAY = new Set(["mid-error", "cut", "reset", "stall"]);
const HEADERS = {
  "x-request-id": "req_rehearsal",
  "x-ratelimit-limit-requests": "1000",
  "x-ratelimit-remaining-requests": "999",
  "x-ratelimit-limit-tokens": "250000",
  "x-ratelimit-remaining-tokens": "249000",
  "x-ratelimit-reset-tokens": "7.66s",
};

/** Says what it heard. */
function echo(messages: readonly ChatRole[]): ChatThought {
  const last = messages.at(-1);
  if (last?.role === "tool") return { text: `The answer is: ${plainText(last.content)}.` };
  return { text: `You said: ${plainText(last?.content)}` };
}

function refusal(status: number, more: Record<string, unknown> = {}): Response {
  const error = {
    message: "Something is wrong",
    type: "invalid_request_error",
    param: null,
    code: null,
    ...ERRORS[status],
    ...more,
  };
  const headers = status === 429 ? { "retry-after": "1" } : {};
  return Response.json({ error }, { status, headers: { ...headers, "x-request-id": "req_rehearsal" } });
}

/** The schema that a prompt ends with, for models that are told of none elsewhere. */
function schemaIn(messages: readonly ChatRole[]): Record<string, unknown> | undefined {
  const [, json] = /JSON Schema: (\{.*\})$/s.exec(plainText(messages.at(-1)?.content)) ?? [];
  return parseObject(json ?? "");
}

/** @throws `signal.reason`, as soon as it aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return raced(new Promise<never>(() => {}), signal);
}
