/** A stand-in for Cartesia's voice: the socket with its contexts, and whole utterances by HTTP. Cartesia reference, section 11. */

import { BYTES_PER_MS, FRAME_BYTES } from "../audio/frame.ts";
import { decode } from "../audio/mulaw.ts";
import { tagUtterance } from "../audio/tag.ts";
import type { Voice } from "../audio/voice.ts";
import { writeWav } from "../audio/wav.ts";
import { type Clock, sleep, type Timer } from "../base/clock.ts";
import type { AnswerHandshake } from "../base/dial.ts";
import type { Wire } from "../base/wire.ts";
import {
  Cancel,
  type CartesiaError,
  credentialsOf,
  errorEvent,
  errorResponse,
  Generate,
  Render,
  settingsKey,
} from "./cartesia_request.ts";

/** How it fails. A number says how many more times; all are 0 or off by default and may be set at any time. */
export interface CartesiaFaults {
  /** Refuse the handshake, and HTTP requests, with this status. */
  refuseStatus: number;
  /** Answer the next contexts with this error instead of audio. */
  errors: CartesiaError[];
  /** Leave `context_id` out of errors. */
  anonymous: boolean;
  /** Errors in the shape from before 2026-03-01, whatever the version. */
  oldShape: boolean;
  /** Contexts whose text is taken and never spoken. */
  stall: number;
  /** Contexts that fall silent after some audio. */
  stallMidway: number;
  /** Contexts in the middle of which the socket closes, with `closeCode` (1006: without a close frame). */
  closeMidway: number;
  closeCode: number;
  /** Chunks that still come after a cancel, and whether a `done` follows them. */
  leakChunks: number;
  leakDone: boolean;
  /** `done` twice for each context. */
  doubleDone: boolean;
  /** `done` after each submission before the finish, though more may follow. */
  earlyDone: boolean;
  /** An event nobody knows before each chunk. */
  unknownEvents: boolean;
  /** Contexts whose first message is no JSON. */
  garbage: number;
  /** Added to the wait for each context's first chunk. */
  slowMs: number;
}

const NO_FAULTS: CartesiaFaults = {
  refuseStatus: 0,
  errors: [],
  anonymous: false,
  oldShape: false,
  stall: 0,
  stallMidway: 0,
  closeMidway: 0,
  closeCode: 1011,
  leakChunks: 0,
  leakDone: false,
  doubleDone: false,
  earlyDone: false,
  unknownEvents: false,
  garbage: 0,
  slowMs: 0,
};

export interface CartesiaStandInOptions {
  clock: Clock;
  /** Uniform in [0, 1): the lengths of chunks. */
  random: () => number;
  voice: Voice;
  /** The key to insist on; any will do without. */
  key?: string;
  faults?: Partial<CartesiaFaults>;
  /** From text to its first chunk. */
  firstChunkMs?: number;
  /** Audio comes this many times faster than it sounds. */
  speed?: number;
  idleMs?: number;
  /** From its last chunk until a context that gets no text is closed. */
  expireMs?: number;
  /** Contexts at once, as the account's plan has it. */
  contextLimit?: number;
}

/** One context as it was seen. Times are of the clock, ms. */
export interface ContextRecord {
  id: string;
  openedAtMs: number;
  /** The texts of its messages, in order. */
  texts: string[];
  state: "open" | "finishing" | "closed" | "expired" | "cancelled" | "failed";
  cancelledAtMs?: number;
  firstChunkAtMs?: number;
  audioBytes: number;
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

interface Shared extends Required<Omit<CartesiaStandInOptions, "key" | "faults">> {
  key: string | undefined;
  faults: CartesiaFaults;
  contexts: ContextRecord[];
  problems: string[];
  sockets: number;
  /** Frame numbers of tagged audio: a source per context. */
  nextSource: number;
}

const UNAUTHORIZED: CartesiaError = {
  status: 401,
  code: "unauthorized",
  title: "Unauthorized",
  message: "invalid API key",
};
const NO_VERSION: CartesiaError = {
  status: 400,
  code: "invalid_request",
  title: "Bad request",
  message: "Cartesia-Version is required",
};
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
    expireMs: 1000,
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
  const body = Render.safeParse(parse(await request.text()));
  if (!body.success) return errorResponse(invalid(body.error.issues[0]!), version);
  const { transcript, output_format: { container, encoding, sample_rate } } = body.data;
  if (transcript.trim() === "") {
    return errorResponse(invalid({ path: ["transcript"], message: "must not be empty" }), version);
  }
  const { audio } = await voice.speak(transcript);
  await sleep(clock, firstChunkMs + faults.slowMs);
  if (sample_rate !== 8000) {
    return errorResponse(invalid({ path: ["output_format"], message: "rehearsal has 8000 Hz only" }), version);
  }
  if (container === "wav" && encoding === "pcm_s16le") {
    const wav = writeWav({ rateHz: 8000, channels: [decode(audio)] });
    return new Response(wav as Uint8Array<ArrayBuffer>, { headers: { "content-type": "audio/wav" } });
  }
  if (encoding !== "pcm_mulaw" || container !== "raw") {
    return errorResponse(
      invalid({ path: ["output_format"], message: "rehearsal has raw pcm_mulaw or wav pcm_s16le" }),
      version,
    );
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

  #send(message: unknown): void {
    this.#wire.send(JSON.stringify(message));
  }

  #hear(text: string): void {
    this.#idle[Symbol.dispose]();
    this.#idle = this.#armIdle();
    const value = parse(text);
    const cancel = Cancel.safeParse(value);
    if (cancel.success) return this.#contexts.get(cancel.data.context_id)?.cancel();
    const request = Generate.safeParse(value);
    if (!request.success) {
      this.#shared.problems.push(`refused: ${request.error.issues[0]!.message}`);
      const { context_id } = (value ?? {}) as Record<string, unknown>;
      return this.#refuse(invalid(request.error.issues[0]!), typeof context_id === "string" ? context_id : undefined);
    }
    this.#generate(request.data);
  }

  #generate(request: Generate): void {
    const { context_id: id, transcript } = request;
    const known = this.#contexts.get(id);
    if (!known) {
      const busy = [...this.#contexts.values()].filter(({ alive }) => alive).length;
      const error = this.#shared.faults.errors.shift() ?? (busy >= this.#shared.contextLimit ? BUSY : undefined);
      if (this.#shared.contexts.some((record) => record.id === id)) this.#problem(`context ${id} was used before`);
      const blank = transcript.trim() === "";
      if (blank) this.#problem(`context ${id} begins without text`);
      const context = new Context(this.#shared, request, {
        send: (message) => this.#send(message),
        wire: this.#wire,
        gone: this.#gone.signal,
      });
      this.#contexts.set(id, context);
      if (error || blank) {
        context.end("failed");
        return this.#refuse(error ?? invalid({ path: ["transcript"], message: "must not be empty" }), id);
      }
      return context.take(request);
    }
    if (!known.alive) {
      this.#problem(`text for context ${id}, which is ${known.record.state}`);
      return this.#refuse(invalid({ path: ["context_id"], message: "this context does not take input any more" }), id);
    }
    if (settingsKey(request) !== known.settings) {
      this.#problem(`the settings of context ${id} changed`);
      known.end("failed");
      return this.#refuse(invalid({ path: [], message: "settings differ from the context's first message" }), id);
    }
    if (known.record.state === "finishing") {
      this.#problem(`text after the finish of context ${id}`);
      return this.#refuse(invalid({ path: ["context_id"], message: "this context is finished" }), id);
    }
    known.take(request);
  }

  #refuse(error: CartesiaError, context: string | undefined): void {
    const { anonymous, oldShape } = this.#shared.faults;
    this.#wire.send(errorEvent(error, oldShape ? "2025-04-16" : this.#version, anonymous ? undefined : context));
  }

  #problem(what: string): void {
    this.#shared.problems.push(what);
  }
}

interface Peer {
  send(message: unknown): void;
  wire: Wire;
  gone: AbortSignal;
}

/** The state machine of one context: open, finishing, then closed, expired, cancelled or failed. */
class Context {
  readonly record: ContextRecord;
  readonly settings: string;
  readonly #shared: Shared;
  readonly #peer: Peer;
  readonly #request: Generate;
  readonly #stopped = new AbortController();
  readonly #source: number;
  readonly #queue: string[] = [];
  #buffered = "";
  #bufferTimer: Timer | undefined;
  #expiry: Timer | undefined;
  #speaking = false;
  #segment = 1;
  #first = true;
  #leaks = 0;
  readonly #trouble: "stall" | "stall-midway" | "close-midway" | "garbage" | undefined;

  constructor(shared: Shared, request: Generate, peer: Peer) {
    this.#shared = shared;
    this.#peer = peer;
    this.#request = request;
    this.settings = settingsKey(request);
    this.#source = shared.nextSource++ & 0xFFFF;
    this.#trouble = drawTrouble(shared.faults);
    this.record = {
      id: request.context_id,
      openedAtMs: shared.clock.monotonicMs(),
      texts: [],
      state: "open",
      audioBytes: 0,
    };
    shared.contexts.push(this.record);
  }

  get alive(): boolean {
    return this.record.state === "open" || this.record.state === "finishing";
  }

  take({ transcript, continue: more, flush, max_buffer_delay_ms: delayMs }: Generate): void {
    this.#expiry?.[Symbol.dispose]();
    this.#noteText(transcript);
    this.#buffered += transcript;
    if (!more) this.record.state = "finishing";
    if (!more || flush || delayMs === 0 || /[.!?]\s*$/.test(this.#buffered)) return this.#submit();
    this.#bufferTimer ??= this.#shared.clock.after(delayMs, () => this.#submit());
  }

  cancel(): void {
    if (!this.alive) return;
    this.record.cancelledAtMs = this.#shared.clock.monotonicMs();
    this.#leaks = this.#speaking ? this.#shared.faults.leakChunks : 0;
    this.record.state = "cancelled";
    if (this.#leaks === 0) this.end("cancelled");
  }

  /** Nothing more comes of this context. */
  end(state: ContextRecord["state"]): void {
    if (this.alive) this.record.state = state;
    this.#bufferTimer?.[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
    this.#stopped.abort();
  }

  #noteText(transcript: string): void {
    const before = this.record.texts.at(-1);
    if (transcript && before && !/\s$/.test(before) && !/^[\s.,!?;:]/.test(transcript)) {
      this.#shared.problems.push(`no space between pieces of context ${this.record.id}`);
    }
    if (transcript) this.record.texts.push(transcript);
  }

  #submit(): void {
    this.#bufferTimer?.[Symbol.dispose]();
    this.#bufferTimer = undefined;
    if (this.#buffered.trim() !== "") this.#queue.push(this.#buffered);
    this.#buffered = "";
    if (this.#speaking || this.#trouble === "stall") return;
    this.#speaking = true;
    this.#run().catch(() => {/* cancelled, or the socket is gone */}).finally(() => this.#speaking = false);
  }

  /** Speak what is queued; then finish, or wait for more until the context expires. */
  async #run(): Promise<void> {
    if (this.#trouble === "garbage" && this.#first) this.#peer.wire.send("{garbage");
    for (let text = this.#queue.shift(); text !== undefined; text = this.#queue.shift()) {
      await this.#speak(text);
      if (!this.alive) return this.#leakDone();
      const flush_id = this.#segment++;
      this.#send({ type: "flush_done", flush_id, flush_done: true, done: false });
      if (this.#shared.faults.earlyDone && this.record.state === "open") this.#send({ type: "done", done: true });
    }
    if (this.record.state === "finishing") return this.#close("closed");
    this.#expiry = this.#shared.clock.after(this.#shared.expireMs, () => this.#close("expired"));
  }

  #close(state: "closed" | "expired"): void {
    this.end(state);
    this.#send({ type: "done", done: true });
    if (this.#shared.faults.doubleDone) this.#send({ type: "done", done: true });
  }

  #leakDone(): void {
    if (this.record.state === "cancelled" && this.#shared.faults.leakDone) this.#send({ type: "done", done: true });
  }

  async #speak(text: string): Promise<void> {
    const { voice, clock, firstChunkMs, speed, faults } = this.#shared;
    const stopped = AbortSignal.any([this.#stopped.signal, this.#peer.gone]);
    const spoken = await voice.speak(text, stopped);
    const startMs = this.record.audioBytes / BYTES_PER_MS;
    const frame = this.record.audioBytes / FRAME_BYTES;
    const audio = tagUtterance(spoken.audio, spoken.words, this.#source, frame);
    if (this.#first) await sleep(clock, firstChunkMs + faults.slowMs, stopped);
    this.#first = false;
    let word = 0;
    for (let from = 0; from < audio.length;) {
      const chunk = audio.subarray(from, from + this.#chunkBytes());
      from += chunk.length;
      if (await this.#disturb(from, audio.length, stopped)) return;
      if (faults.unknownEvents) this.#send({ type: "weather", sky: "blue" });
      this.#sendChunk(chunk);
      if (this.record.state === "cancelled" && --this.#leaks <= 0) return this.end("cancelled");
      // The words that have begun by now, a few at a time.
      const upTo = spoken.words.filter((one) => one.startMs * BYTES_PER_MS < from).length;
      this.#sendWords(spoken.words.slice(word, upTo), startMs);
      word = Math.max(word, upTo);
      await sleep(clock, chunk.length / BYTES_PER_MS / speed, stopped);
    }
    this.#sendWords(spoken.words.slice(word), startMs);
  }

  /** Play the trouble of this context in the middle of its audio. @returns true if nothing is to be spoken any more. */
  async #disturb(bytes: number, ofBytes: number, stopped: AbortSignal): Promise<boolean> {
    if (bytes * 2 < ofBytes) return false;
    if (this.#trouble === "close-midway") {
      const { closeCode } = this.#shared.faults;
      if (closeCode === 1006) this.#peer.wire.terminate();
      else this.#peer.wire.close(closeCode, "internal error");
      this.end("failed");
      return true;
    }
    if (this.#trouble !== "stall-midway") return false;
    await new Promise<void>((resolve) => stopped.addEventListener("abort", () => resolve(), { once: true }));
    return true;
  }

  /** 37 to 400 ms, hardly ever a whole number of frames. */
  #chunkBytes(): number {
    return Math.floor((37 + 363 * this.#shared.random()) * BYTES_PER_MS);
  }

  #sendChunk(chunk: Uint8Array): void {
    this.record.firstChunkAtMs ??= this.#shared.clock.monotonicMs();
    this.record.audioBytes += chunk.length;
    this.#send({ type: "chunk", data: chunk.toBase64(), done: false, step_time: 12.5, flush_id: this.#segment });
  }

  #sendWords(words: readonly { text: string; startMs: number; endMs: number }[], originMs: number): void {
    if (words.length === 0 || !this.#request.add_timestamps) return;
    const seconds = (ms: number) => (originMs + ms) / 1000;
    this.#send({
      type: "timestamps",
      done: false,
      word_timestamps: {
        words: words.map(({ text }) => text),
        start: words.map(({ startMs }) => seconds(startMs)),
        end: words.map(({ endMs }) => seconds(endMs)),
      },
    });
  }

  #send(message: Record<string, unknown>): void {
    this.#peer.send({ ...message, context_id: this.record.id, status_code: 206 });
  }
}

function drawTrouble(faults: CartesiaFaults): "stall" | "stall-midway" | "close-midway" | "garbage" | undefined {
  if (faults.stall > 0 && faults.stall--) return "stall";
  if (faults.stallMidway > 0 && faults.stallMidway--) return "stall-midway";
  if (faults.closeMidway > 0 && faults.closeMidway--) return "close-midway";
  if (faults.garbage > 0 && faults.garbage--) return "garbage";
  return undefined;
}

function invalid({ path, message }: { path: PropertyKey[]; message: string }): CartesiaError {
  return { status: 400, code: "invalid_request", title: "Bad request", message: `${path.join(".")} ${message}`.trim() };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
