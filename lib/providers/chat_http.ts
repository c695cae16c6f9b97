/** One HTTP exchange with a language model: its time, its end, and how it fails before an answer begins. LLM reference, section 5. */

import type { Clock } from "../base/clock.ts";
import { parseJson } from "../base/json.ts";
import { bodyText } from "../base/body_text.ts";
import { type Fault, FaultError, whyUnanswered } from "../base/result.ts";
import { CLOSED_ABNORMALLY } from "../base/wire.ts";
import { errorOf, rejection } from "./chat_stream.ts";
import { within } from "./within.ts";

/** Where requests go, and as whom. */
export interface ExchangeOptions {
  fetch: (request: Request) => Promise<Response>;
  clock: Clock;
  baseUrl: string;
  key: string;
  headers: Readonly<Record<string, string>>;
  /** How long to read the reason of a refusal. */
  connectMs: number;
}

const ERROR_BODY_BYTES = 64 * 1024;
/** The model wrote what the server could not make a call or a schema of; flex tier full. The next answer may be good. */
const PASSING_STATUSES = [422, 498];
const PASSING_CODES = ["tool_use_failed", "json_validate_failed", "output_parse_failed"];

/** One HTTP exchange: its time, its end. Disposing it closes the request, finished or not. */
export class Exchange implements Disposable {
  /** Ms spent waiting for the server so far. */
  waitedMs = 0;
  readonly #options: ExchangeOptions;
  readonly #signal: AbortSignal;
  readonly #closing = new AbortController();
  readonly #startMs: number;
  readonly #owned: (() => void)[] = [];

  constructor(options: ExchangeOptions, signal: AbortSignal) {
    signal.throwIfAborted();
    this.#options = options;
    this.#signal = signal;
    this.#startMs = options.clock.monotonicMs();
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  /** Also called when this exchange is over. */
  own(close: () => void): void {
    this.#owned.push(close);
  }

  /** Send a request and wait for a response of status 2xx. @throws {FaultError} refused, unreachable, deadline. */
  async request(path: string, { body, limitMs }: { body?: unknown; limitMs: number }): Promise<Response> {
    const { baseUrl, key, headers, fetch } = this.#options;
    const sent = new Headers(headers);
    if (key && !sent.has("authorization")) sent.set("authorization", `Bearer ${key}`);
    if (body !== undefined) sent.set("content-type", "application/json");
    const request = new Request(`${baseUrl.replace(/\/+$/, "")}/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: sent,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A redirect would carry the conversation to an address nobody configured.
      redirect: "manual",
      signal: AbortSignal.any([this.#signal, this.#closing.signal]),
    });
    const answered = fetch(request).catch((error) => {
      if (this.#signal.aborted || this.#closing.signal.aborted) throw error;
      throw new FaultError({ kind: "unreachable", peer: "llm", detail: this.#harmless(whyUnanswered(error)) });
    });
    const response = await this.wait(answered, { what: "an answer's headers", limitMs, leftMs: limitMs });
    if (!response.ok) throw new FaultError(await this.#refusal(response));
    return response;
  }

  /** Wait for the server. @throws {FaultError} deadline after `leftMs`, lost if the connection broke; `signal.reason`. */
  async wait<T>(
    promise: Promise<T>,
    { what, limitMs, leftMs }: { what: string; limitMs: number; leftMs: number },
  ): Promise<T> {
    const { clock } = this.#options;
    const late: Fault = { kind: "deadline", peer: "llm", what, limitMs };
    const beforeMs = clock.monotonicMs();
    try {
      return await within(promise, { clock, limitMs: leftMs, late, signal: this.#signal });
    } catch (error) {
      if (error instanceof FaultError || this.#signal.aborted) throw error;
      throw new FaultError(this.lost(CLOSED_ABNORMALLY, this.#harmless(whyUnanswered(error))));
    } finally {
      this.waitedMs += clock.monotonicMs() - beforeMs;
    }
  }

  lost(closeCode: number, reason: string): Fault {
    return { kind: "lost", peer: "llm", closeCode, reason, openMs: this.#options.clock.monotonicMs() - this.#startMs };
  }

  [Symbol.dispose](): void {
    for (const close of this.#owned) close();
    this.#closing.abort();
  }

  async #refusal(response: Response): Promise<Fault> {
    const { clock, connectMs } = this.#options;
    const text = await this.wait(bodyText(response, ERROR_BODY_BYTES), {
      what: "the reason of its refusal",
      limitMs: connectMs,
      leftMs: connectMs,
    }).catch((error) => {
      if (this.#signal.aborted) throw error;
      return "";
    });
    const error = errorOf(parseJson(text));
    if (PASSING_STATUSES.includes(response.status) || PASSING_CODES.includes(error?.code ?? "")) {
      return rejection(error && { ...error, detail: this.#harmless(error.detail) });
    }
    const detail = error ? `${error.code}: ${error.detail}` : text.trim().slice(0, 200);
    const retryAfterMs = retryAfter(response.headers, clock.wallTime());
    return {
      kind: "refused",
      peer: "llm",
      status: response.status,
      detail: this.#harmless(detail),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }

  /** The words of an error, without the key should a server have echoed it. */
  #harmless(words: string): string {
    return this.#options.key ? words.replaceAll(this.#options.key, "***") : words;
  }
}

/** `retry-after` in ms: seconds, or a date; OpenAI also has `retry-after-ms`. LLM reference, section 5. */
function retryAfter(headers: Headers, now: Date): number | undefined {
  const ms = Number(headers.get("retry-after-ms") ?? NaN);
  if (Number.isFinite(ms)) return ms;
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const seconds = Number(value);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now.getTime();
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : undefined;
}
