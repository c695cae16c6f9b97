/** A stand-in for Cartesia's voice: the socket with its contexts, and whole utterances by HTTP. Cartesia reference, section 11. */

import { decode } from "../audio/mulaw.ts";
import { writeWav } from "../audio/wav.ts";
import { sleep, type Timer } from "../base/clock.ts";
import type { AnswerHandshake } from "../base/dial.ts";
import { parseJson } from "../base/json.ts";
import type { Wire } from "../base/wire.ts";
import {
  type CartesiaFaults,
  type CartesiaWorld,
  Context,
  type ContextRecord,
  NO_FAULTS,
  noteProblem,
} from "./cartesia_context.ts";
import {
  Cancel,
  type CartesiaError,
  credentialsOf,
  errorEvent,
  errorResponse,
  Generate,
  invalid,
  modelError,
  Render,
  settingsKey,
} from "./cartesia_request.ts";

export type { CartesiaFaults, ContextRecord } from "./cartesia_context.ts";

export interface CartesiaStandInOptions
  extends Pick<CartesiaWorld, "clock" | "random" | "voice">, Partial<Pick<CartesiaWorld, "firstChunkMs" | "speed">> {
  /** The key to insist on; any will do without. */
  key?: string;
  faults?: Partial<CartesiaFaults>;
  idleMs?: number;
  /** Contexts at once, as the account's plan has it. */
  contextLimit?: number;
}

export interface CartesiaStandIn {
  answer: AnswerHandshake;
  fetch: (request: Request) => Promise<Response>;
  readonly faults: CartesiaFaults;
  readonly contexts: readonly ContextRecord[];
  /** What a client should not have done, though it may have been let through. */
  readonly problems: readonly string[];
  /** Sockets opened so far. */
  readonly sockets: number;
  /** Contexts that are being spoken. */
  openContexts(): number;
}

interface Shared extends CartesiaWorld {
  key: string | undefined;
  idleMs: number;
  contextLimit: number;
  sockets: number;
}

const UNAUTHORIZED = { status: 401, code: "unauthorized", title: "Unauthorized", message: "invalid API key" };
const NO_VERSION = invalid({ path: [], message: "Cartesia-Version is required" });
const BUSY: CartesiaError = {
  status: 429,
  code: "concurrency_limited",
  title: "Too many requests",
  message: "concurrency limit reached",
};

export function cartesiaStandIn(options: CartesiaStandInOptions): CartesiaStandIn {
  const shared: Shared = {
    firstChunkMs: 90,
    speed: 5,
    idleMs: 300_000,
    contextLimit: 100,
    ...options,
    key: options.key,
    faults: { ...NO_FAULTS, errors: [], ...options.faults },
    contexts: [],
    problems: [],
    sockets: 0,
    nextSource: 1,
  };
  return {
    faults: shared.faults,
    contexts: shared.contexts,
    problems: shared.problems,
    get sockets() {
      return shared.sockets;
    },
    openContexts: () => shared.contexts.filter(({ state }) => state === "open" || state === "finishing").length,
    answer({ url, headers }) {
      const refused = refusalOf(shared, url, headers);
      if (refused) return { refuse: refused };
      if (!url.pathname.endsWith("/tts/websocket")) return { refuse: new Response("not found", { status: 404 }) };
      const { version = "" } = credentialsOf(url, headers);
      shared.sockets++;
      return { accept: (wire) => void new Connection(shared, wire, version) };
    },
    async fetch(request) {
      const url = new URL(request.url);
      const refused = refusalOf(shared, url, request.headers);
      if (refused) return refused;
      if (request.method === "GET") return Response.json({ ok: true, version: "2026-03-01" });
      if (!url.pathname.endsWith("/tts/bytes")) return new Response("not found", { status: 404 });
      return await render(shared, request);
    },
  };
}

function refusalOf({ faults, key: wanted }: Shared, url: URL, headers: Headers): Response | undefined {
  const { key, version } = credentialsOf(url, headers);
  const shape = faults.oldShape ? "2025-04-16" : version ?? "2026-03-01";
  const { refuseStatus: status } = faults;
  if (status) {
    return errorResponse({ ...BUSY, status, code: status === 429 ? BUSY.code : null, title: "Refused" }, shape);
  }
  if (!key || (wanted !== undefined && key !== wanted)) return errorResponse(UNAUTHORIZED, shape);
  return version ? undefined : errorResponse(NO_VERSION, shape);
}

/** POST /tts/bytes: mu-law or 16 bit at 8 kHz, raw or in a WAV. Section 8. */
async function render({ voice, faults, clock, firstChunkMs }: Shared, request: Request): Promise<Response> {
  const version = request.headers.get("cartesia-version") ?? "";
  const error = faults.errors.shift();
  if (error) return errorResponse(error, faults.oldShape ? "" : version);
  const unfit = (field: string, message: string) => errorResponse(invalid({ path: [field], message }), version);
  const body = Render.safeParse(parseJson(await request.text()));
  if (!body.success) return errorResponse(invalid(body.error.issues[0]!), version);
  const { model_id, transcript, output_format: { container, encoding, sample_rate } } = body.data;
  const wrong = modelError(model_id);
  if (wrong) return errorResponse(wrong, version);
  if (transcript.trim() === "") return unfit("transcript", "must not be empty");
  const { audio } = await voice.speak(transcript);
  await sleep(clock, firstChunkMs + faults.slowMs);
  if (sample_rate !== 8000) return unfit("output_format", "rehearsal has 8000 Hz only");
  if (container === "wav" && encoding === "pcm_s16le") {
    const wav = writeWav({ rateHz: 8000, channels: [decode(audio)] });
    return new Response(wav as Uint8Array<ArrayBuffer>, { headers: { "content-type": "audio/wav" } });
  }
  if (encoding !== "pcm_mulaw" || container !== "raw") {
    return unfit("output_format", "rehearsal has raw pcm_mulaw or wav pcm_s16le");
  }
  return new Response(audio.slice(), { headers: { "content-type": "audio/raw" } });
}

/** One socket. */
class Connection {
  readonly #shared: Shared;
  readonly #wire: Wire;
  readonly #version: string;
  readonly #contexts = new Map<string, Context>();
  readonly #gone = new AbortController();
  #idle: Timer;

  constructor(shared: Shared, wire: Wire, version: string) {
    this.#shared = shared;
    this.#wire = wire;
    this.#version = version;
    this.#idle = this.#armIdle();
    wire.listen({
      text: (text) => this.#hear(text),
      binary: () => wire.close(1003, "text only"),
      close: () => this.#end(),
      crashed: () => wire.close(1011, "internal error"),
    });
  }

  #armIdle(): Timer {
    return this.#shared.clock.after(this.#shared.idleMs, () => this.#wire.close(1000, "connection idle timeout"));
  }

  #end(): void {
    this.#idle[Symbol.dispose]();
    this.#gone.abort();
    for (const context of this.#contexts.values()) context.end("cancelled");
  }

  #hear(text: string): void {
    this.#idle[Symbol.dispose]();
    this.#idle = this.#armIdle();
    const value = parseJson(text);
    const cancel = Cancel.safeParse(value);
    if (cancel.success) return this.#contexts.get(cancel.data.context_id)?.cancel();
    const request = Generate.safeParse(value);
    if (!request.success) {
      this.#problem(`refused: ${request.error.issues[0]!.message}`);
      const { context_id } = (value ?? {}) as Record<string, unknown>;
      return this.#refuse(invalid(request.error.issues[0]!), typeof context_id === "string" ? context_id : undefined);
    }
    this.#generate(request.data);
  }

  #generate(request: Generate): void {
    const { context_id: id } = request;
    const known = this.#contexts.get(id);
    if (!known) return this.#begin(request);
    const turnDown = (problem: string, path: string[], message: string) => {
      this.#problem(problem);
      this.#refuse(invalid({ path, message }), id);
    };
    const { alive, record: { state } } = known;
    if (!alive) {
      const message = "this context does not take input any more";
      return turnDown(`text for context ${id}, which is ${state}`, ["context_id"], message);
    }
    if (settingsKey(request) !== known.settings) {
      known.end("failed");
      return turnDown(`the settings of context ${id} changed`, [], "settings differ from the context's first message");
    }
    if (state === "finishing") {
      return turnDown(`text after the finish of context ${id}`, ["context_id"], "this context is finished");
    }
    known.take(request);
  }

  /** The first message of a context. */
  #begin(request: Generate): void {
    const { context_id: id, transcript, model_id } = request;
    const { faults, contexts, contextLimit } = this.#shared;
    const busy = [...this.#contexts.values()].filter(({ alive }) => alive).length;
    const wrong = modelError(model_id);
    if (wrong) this.#problem(`refused: ${wrong.message}`);
    const error = wrong ?? faults.errors.shift() ?? (busy >= contextLimit ? BUSY : undefined);
    if (contexts.some((record) => record.id === id)) this.#problem(`context ${id} was used before`);
    const blank = transcript.trim() === "";
    if (blank) this.#problem(`context ${id} begins without text`);
    const context = new Context(this.#shared, request, { wire: this.#wire, gone: this.#gone.signal });
    this.#contexts.set(id, context);
    if (!error && !blank) return context.take(request);
    context.end("failed");
    this.#refuse(error ?? invalid({ path: ["transcript"], message: "must not be empty" }), id);
  }

  #refuse(error: CartesiaError, context: string | undefined): void {
    const { anonymous, oldShape } = this.#shared.faults;
    this.#wire.send(errorEvent(error, oldShape ? "2025-04-16" : this.#version, anonymous ? undefined : context));
  }

  #problem(what: string): void {
    noteProblem(this.#shared, what);
  }
}
