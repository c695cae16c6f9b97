/** One context of the stand-in for Cartesia: its state machine and its audio. Cartesia reference, section 11. */

import { BYTES_PER_MS, FRAME_BYTES } from "../audio/frame.ts";
import { tagUtterance } from "../audio/tag.ts";
import type { Voice } from "../audio/voice.ts";
import { type Clock, sleep, type Timer } from "../base/clock.ts";
import type { Wire } from "../base/wire.ts";
import { type CartesiaError, type Generate, settingsKey } from "./cartesia_request.ts";

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

export const NO_FAULTS: CartesiaFaults = {
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

/** One context as it was seen. Times are of the clock, ms. */
export interface ContextRecord {
  id: string;
  /** The texts of its messages, in order. */
  texts: string[];
  state: "open" | "finishing" | "closed" | "expired" | "cancelled" | "failed";
  cancelledAtMs?: number;
  firstChunkAtMs?: number;
  audioBytes: number;
}

/** From its last chunk until a context that gets no text is closed. */
const EXPIRE_MS = 1000;
/** A rehearsal may run for days. */
const RECORDS_KEPT = 1000;

/** Note what a client should not have done. */
export function noteProblem({ problems }: Pick<CartesiaWorld, "problems">, what: string): void {
  problems.push(what);
  if (problems.length > RECORDS_KEPT) problems.shift();
}

/** What the contexts of one stand-in have in common. */
export interface CartesiaWorld {
  clock: Clock;
  /** Uniform in [0, 1): the lengths of chunks. */
  random: () => number;
  voice: Voice;
  /** From text to its first chunk. */
  firstChunkMs: number;
  /** Audio comes this many times faster than it sounds. */
  speed: number;
  faults: CartesiaFaults;
  contexts: ContextRecord[];
  /** What a client should not have done. */
  problems: string[];
  /** Each context is a source of tagged audio. */
  nextSource: number;
}

export interface ContextPeer {
  wire: Wire;
  gone: AbortSignal;
}

/** The state machine of one context: open, finishing, then closed, expired, cancelled or failed. */
export class Context {
  readonly record: ContextRecord;
  readonly settings: string;
  readonly #shared: CartesiaWorld;
  readonly #peer: ContextPeer;
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

  constructor(shared: CartesiaWorld, request: Generate, peer: ContextPeer) {
    this.#shared = shared;
    this.#peer = peer;
    this.#request = request;
    this.settings = settingsKey(request);
    this.#source = shared.nextSource++ & 0xFFFF;
    this.#trouble = drawTrouble(shared.faults);
    this.record = { id: request.context_id, texts: [], state: "open", audioBytes: 0 };
    shared.contexts.push(this.record);
    if (shared.contexts.length > RECORDS_KEPT) shared.contexts.shift();
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
      noteProblem(this.#shared, `no space between pieces of context ${this.record.id}`);
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
    this.#expiry = this.#shared.clock.after(EXPIRE_MS, () => this.#close("expired"));
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
    this.#peer.wire.send(JSON.stringify({ ...message, context_id: this.record.id, status_code: 206 }));
  }
}

function drawTrouble(faults: CartesiaFaults): "stall" | "stall-midway" | "close-midway" | "garbage" | undefined {
  if (faults.stall > 0 && faults.stall--) return "stall";
  if (faults.stallMidway > 0 && faults.stallMidway--) return "stall-midway";
  if (faults.closeMidway > 0 && faults.closeMidway--) return "close-midway";
  if (faults.garbage > 0 && faults.garbage--) return "garbage";
  return undefined;
}
