/** Cartesia's voice: one socket per call, one context per reply, and whole utterances by HTTP. Cartesia reference. */

import type { Clock } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { failed, type Fault, FaultError, messageOf, ok, type Result, whyUnanswered } from "../base/result.ts";
import { abortable, unlessAborted } from "./abortable.ts";
import { CartesiaLine } from "./cartesia_line.ts";
import {
  cartesiaHeaders,
  type CartesiaProvider,
  refusalOf,
  type Settings,
  settingsOf,
  voiceOf,
} from "./cartesia_messages.ts";
import { CartesiaReply } from "./cartesia_reply.ts";
import type { Spoken, Tts } from "./ports.ts";
import { AUDIO_GAP_MS, FIRST_AUDIO_MS } from "./spoken_reply.ts";
import { within } from "./within.ts";

export interface CartesiaOptions {
  dial: Dial;
  clock: Clock;
  /** Where Cartesia is: `wss://api.cartesia.ai`, or http(s); paths are added. */
  url: string;
  key: string;
  provider: CartesiaProvider;
}

export interface CartesiaTts extends Tts {
  /** Open the socket before it is needed. */
  warm(signal: AbortSignal): Promise<Result<void>>;
}

/** The server closes after 5 minutes without a message; a socket idle for this long is not trusted. Section 6. */
const IDLE_MS = 240_000;

/** How long the socket may take to open, ms: a caller may be waiting. */
const OPENING_MS = 1500;

/** The voice of one call. Opens nothing by itself: see `warm`. */
export function cartesiaTts(options: CartesiaOptions): CartesiaTts {
  return new Cartesia(options);
}

class Cartesia implements CartesiaTts {
  readonly name: string;
  readonly #options: CartesiaOptions;
  readonly #settings: Settings;
  readonly #closing = new AbortController();
  readonly #session = crypto.randomUUID();
  #contexts = 0;
  #line: CartesiaLine | undefined;
  #opening: Promise<Result<CartesiaLine>> | undefined;

  constructor(options: CartesiaOptions) {
    this.name = `cartesia ${options.provider.model_id}`;
    this.#options = options;
    this.#settings = settingsOf(options.provider);
  }

  async *speak(text: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<Spoken, void, void> {
    const stopped = AbortSignal.any([signal, this.#closing.signal]);
    if (stopped.aborted) return;
    const left = new AbortController();
    const scope = AbortSignal.any([stopped, left.signal]);
    const reply = new CartesiaReply({
      clock: this.#options.clock,
      firstAudioMs: FIRST_AUDIO_MS,
      gapMs: AUDIO_GAP_MS,
      settings: this.#settings,
      line: (signal) => this.#open(signal),
      newContext: () => `${this.#session}-${++this.#contexts}`,
      signal: scope,
    });
    scope.addEventListener("abort", () => reply.cancel(), { once: true });
    reply.feed(abortable(text, scope)).catch(() => left.abort()); // never: `feed` keeps its error
    try {
      yield* reply.spoken;
    } finally {
      left.abort();
    }
    if (reply.error && !stopped.aborted) throw reply.error;
  }

  async warm(signal: AbortSignal): Promise<Result<void>> {
    const line = await this.#open(signal);
    return line.ok ? ok(undefined) : line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the voice is closed"));
    await this.#opening;
    await this.#line?.close();
  }

  /** The socket, opened if there is none to trust. @throws `signal.reason`. */
  async #open(signal: AbortSignal): Promise<Result<CartesiaLine>> {
    const line = this.#line;
    if (line && !line.ended) {
      if (line.busy > 0 || this.#options.clock.monotonicMs() - line.usedMs < IDLE_MS) return ok(line);
      line.close().catch(() => undefined); // its end concerns nobody
    }
    this.#opening ??= this.#dial().finally(() => this.#opening = undefined);
    const opened = await unlessAborted(this.#opening, signal);
    if (!opened) throw signal.reason;
    return opened;
  }

  async #dial(): Promise<Result<CartesiaLine>> {
    const { dial, clock, url, key } = this.#options;
    const headers = cartesiaHeaders(key);
    const request = { peer: "cartesia", url: endpoint(url, "ws", "/tts/websocket"), headers } as const;
    const late: Fault = { kind: "deadline", peer: "cartesia", what: "an open socket", limitMs: OPENING_MS };
    const attempt = new AbortController();
    const dialling = dial(request, attempt.signal);
    try {
      const dialled = await within(dialling, { clock, limitMs: OPENING_MS, late, signal: this.#closing.signal });
      if (!dialled.ok) return dialled;
      this.#line = new CartesiaLine(dialled.value, clock);
      return ok(this.#line);
    } catch (error) { // too late, or closed by us
      dialling.then((dialled) => dialled.ok && dialled.value.terminate()).catch(() => {}); // nobody wants it any more
      if (error instanceof FaultError) return failed(error.fault);
      return failed({ kind: "unreachable", peer: "cartesia", detail: String(error) });
    } finally {
      attempt.abort();
    }
  }
}

export interface RenderOptions {
  /** `fetch` of the platform, or of a stand-in. */
  fetch: (request: Request) => Promise<Response>;
  clock: Clock;
  /** As in `CartesiaOptions`. */
  url: string;
  key: string;
  model: string;
  /** The id of the voice. */
  voice: string;
  language?: string;
}

const RENDER_MS = 20_000;
/** Ten minutes of mu-law. */
const RENDER_BYTES = 8000 * 600;

/**
 * One text as raw mu-law, 8 kHz, for prompts that are kept. Faults: refused, unreachable, deadline, lost, clogged (too
 * long). @throws `signal.reason`. Cartesia reference, section 8.
 */
export async function renderCartesia(
  options: RenderOptions,
  text: string,
  signal: AbortSignal,
): Promise<Result<Uint8Array>> {
  const { fetch, clock, url, key, model, voice, language } = options;
  const stopped = new AbortController();
  const provider = { model_id: model, voice, ...(language ? { language } : {}) };
  const request = new Request(endpoint(url, "http", "/tts/bytes"), {
    method: "POST",
    headers: { ...cartesiaHeaders(key), "content-type": "application/json" },
    body: JSON.stringify({ ...voiceOf(provider), transcript: text }),
    redirect: "manual",
    signal: AbortSignal.any([signal, stopped.signal]),
  });
  const late: Fault = { kind: "deadline", peer: "cartesia", what: "a rendered prompt", limitMs: RENDER_MS };
  try {
    return await within(rendered(fetch, request), { clock, limitMs: RENDER_MS, late, signal });
  } catch (error) {
    if (error instanceof FaultError) return failed(error.fault);
    throw error;
  } finally {
    stopped.abort();
  }
}

async function rendered(fetch: RenderOptions["fetch"], request: Request): Promise<Result<Uint8Array>> {
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    request.signal.throwIfAborted();
    return failed({ kind: "unreachable", peer: "cartesia", detail: whyUnanswered(error) });
  }
  const body = await bytesOf(response);
  if (!body.ok || response.ok) return body;
  return failed(refusalOf(response.status, new TextDecoder().decode(body.value.subarray(0, 64 * 1024))));
}

async function bytesOf(response: Response): Promise<Result<Uint8Array>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > RENDER_BYTES) return failed({ kind: "clogged", peer: "cartesia", bytes });
      chunks.push(chunk);
    }
  } catch (error) {
    return failed({ kind: "lost", peer: "cartesia", closeCode: 1006, reason: messageOf(error), openMs: 0 });
  }
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return ok(whole);
}

/** `base` with the scheme's family (`ws` or `http`, secure if `base` is) and `path` added. */
function endpoint(base: string, family: "ws" | "http", path: string): string {
  const url = new URL(base);
  const secure = url.protocol === "wss:" || url.protocol === "https:";
  const scheme = family + (secure ? "s" : "");
  return `${scheme}://${url.host}${url.pathname.replace(/\/+$/, "")}${path}${url.search}`;
}
