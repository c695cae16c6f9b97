/** The local voice's shell: a queue before one worker, which is started when needed and ended when idle. */

import type { Clock, Timer } from "../base/clock.ts";
import { type Fault, FaultError } from "../base/result.ts";
import { startThread, type Thread } from "../base/thread.ts";
import { BYTES_PER_MS } from "./frame.ts";
import type { Utterance, Voice } from "./voice.ts";
import type { VoiceAnswer, VoiceRequest } from "./voice_worker.ts";

/** Pieces that may wait at once; one more is refused. */
const WAITING_LIMIT = 16;
/** A piece may wait so long for the worker, and the worker take so long for it. */
const PIECE_DEADLINE_MS = 10_000;
/** The worker holds 190-270 MB: it ends after this time without work. */
const IDLE_MS = 60_000;
/** Longer text is spoken piece by piece, cut at the ends of sentences. */
const PIECE_CHARACTERS = 400;
const TEXT_CHARACTERS = 10_000;
const CACHE_UTTERANCES = 64;
const CACHE_BYTES = 4_000_000;

/** It answers each request once, in order. */
export type VoiceThread = Thread<VoiceRequest, VoiceAnswer>;

export interface LocalVoiceOptions {
  clock: Clock;
  /** Start the thread that speaks; a worker of this program by default. */
  openThread?: () => VoiceThread;
}

/**
 * The voice that needs no network. Repeated text comes from a cache (64 utterances, 4 MB). Faults, all of peer `local-voice`:
 * `clogged` beyond 16 waiting pieces, `deadline` after 10 s of waiting or of work, `lost` if the worker fails (the next
 * call starts a new one), `rejected` for more than 10,000 characters, a failing synthesiser and a closed voice.
 */
export function localVoice(options: LocalVoiceOptions): Voice {
  return new LocalVoice(options);
}

interface Piece {
  request: VoiceRequest;
  resolve: (utterance: Utterance) => void;
  reject: (reason: unknown) => void;
  deadline: Timer;
}

class LocalVoice implements Voice {
  readonly #clock: Clock;
  readonly #openThread: () => VoiceThread;
  readonly #cache = new UtteranceCache();
  readonly #waiting: Piece[] = [];
  /** In the worker's hands. Its deadline stands even if nobody waits for it any more: the worker may be stuck. */
  #current: Piece | undefined;
  #thread: VoiceThread | undefined;
  #startedMs = 0;
  #idle: Timer | undefined;
  #nextId = 0;
  #closed = false;

  constructor({ clock, openThread = openWorker }: LocalVoiceOptions) {
    this.#clock = clock;
    this.#openThread = openThread;
  }

  async speak(text: string, signal?: AbortSignal): Promise<Utterance> {
    signal?.throwIfAborted();
    if (text.length > TEXT_CHARACTERS) {
      throw rejected("text-too-long", `${text.length} characters, at most ${TEXT_CHARACTERS} can be spoken`);
    }
    const spoken: Utterance[] = [];
    for (const piece of splitText(text, PIECE_CHARACTERS)) spoken.push(await this.#speakPiece(piece, signal));
    return join(spoken);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#stop(rejected("closed", "the voice was closed"));
    return Promise.resolve();
  }

  #speakPiece(text: string, signal: AbortSignal | undefined): Promise<Utterance> {
    if (this.#closed) throw rejected("closed", "the voice was closed");
    const known = this.#cache.get(text);
    if (known) return Promise.resolve(known);
    if (this.#waiting.length >= WAITING_LIMIT) {
      const bytes = this.#waiting.reduce((sum, { request }) => sum + request.text.length, 0);
      throw new FaultError({ kind: "clogged", peer: "local-voice", bytes });
    }
    const { promise, resolve, reject } = Promise.withResolvers<Utterance>();
    const piece: Piece = {
      request: { id: this.#nextId++, text },
      resolve,
      reject,
      deadline: this.#clock.after(PIECE_DEADLINE_MS, () => this.#expire(piece)),
    };
    const abort = () => this.#forget(piece, signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.push(piece);
    this.#sendNext();
    return promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  #sendNext(): void {
    if (this.#current) return;
    const piece = this.#waiting.shift();
    if (!piece) return this.#rest();
    this.#idle?.[Symbol.dispose]();
    this.#current = piece;
    piece.deadline[Symbol.dispose](); // that it had to wait is not this worker's being stuck
    piece.deadline = this.#clock.after(PIECE_DEADLINE_MS, () => this.#expire(piece));
    try {
      (this.#thread ??= this.#start()).postMessage(piece.request);
    } catch (error) {
      this.#stop(this.#lost(String(error)));
    }
  }

  #rest(): void {
    this.#idle?.[Symbol.dispose]();
    if (this.#thread) this.#idle = this.#clock.after(IDLE_MS, () => this.#endThread());
  }

  #start(): VoiceThread {
    const thread = this.#openThread();
    this.#startedMs = this.#clock.monotonicMs();
    thread.onmessage = ({ data }) => this.#answered(data);
    thread.onerror = (event) => {
      event.preventDefault();
      this.#stop(this.#lost(event.message));
    };
    return thread;
  }

  #answered(answer: VoiceAnswer): void {
    const piece = this.#current;
    if (answer.id !== piece?.request.id) return;
    this.#current = undefined;
    piece.deadline[Symbol.dispose]();
    if ("utterance" in answer) {
      this.#cache.put(piece.request.text, answer.utterance);
      piece.resolve(copy(answer.utterance));
    } else {
      piece.reject(rejected("synthesis-failed", answer.error));
    }
    this.#sendNext();
  }

  /** A worker that is late is stuck: it goes, and what waits behind it gets a new one. */
  #expire(piece: Piece): void {
    const fault: Fault = { kind: "deadline", peer: "local-voice", what: "the audio", limitMs: PIECE_DEADLINE_MS };
    this.#forget(piece, new FaultError(fault));
    if (this.#current !== piece) return;
    this.#endThread();
    this.#current = undefined;
    this.#sendNext();
  }

  /** Nobody waits for `piece` any more. If the worker has it already, its answer still serves the cache. */
  #forget(piece: Piece, reason: unknown): void {
    const place = this.#waiting.indexOf(piece);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      piece.deadline[Symbol.dispose]();
    }
    piece.reject(reason);
  }

  #stop(reason: FaultError): void {
    this.#endThread();
    this.#current?.deadline[Symbol.dispose]();
    this.#current?.reject(reason);
    this.#current = undefined;
    for (const piece of [...this.#waiting]) this.#forget(piece, reason);
  }

  #endThread(): void {
    this.#idle?.[Symbol.dispose]();
    this.#thread?.terminate();
    this.#thread = undefined;
  }

  #lost(reason: string): FaultError {
    const openMs = this.#thread ? this.#clock.monotonicMs() - this.#startedMs : 0;
    return new FaultError({ kind: "lost", peer: "local-voice", closeCode: 1006, reason, openMs });
  }
}

function openWorker(): VoiceThread {
  return startThread("lib/audio/voice_worker.ts", "local-voice");
}

function rejected(code: string, detail: string): FaultError {
  return new FaultError({ kind: "rejected", peer: "local-voice", code, detail } satisfies Fault);
}

/** Bounded by number and bytes; the least recently used goes first. */
class UtteranceCache {
  readonly #known = new Map<string, Utterance>();
  #bytes = 0;

  get(text: string): Utterance | undefined {
    const known = this.#known.get(text);
    if (!known) return undefined;
    this.#known.delete(text);
    this.#known.set(text, known);
    return copy(known);
  }

  put(text: string, utterance: Utterance): void {
    this.#remove(text);
    this.#known.set(text, utterance);
    this.#bytes += utterance.audio.length;
    while (this.#known.size > CACHE_UTTERANCES || this.#bytes > CACHE_BYTES) {
      this.#remove(this.#known.keys().next().value!);
    }
  }

  #remove(text: string): void {
    this.#bytes -= this.#known.get(text)?.audio.length ?? 0;
    this.#known.delete(text);
  }
}

/** The receiver may write into its audio. */
function copy({ audio, words }: Utterance): Utterance {
  return { audio: audio.slice(), words: words.map((word) => ({ ...word })) };
}

function join(parts: Utterance[]): Utterance {
  const audio = new Uint8Array(parts.reduce((sum, part) => sum + part.audio.length, 0));
  let offset = 0;
  const words = parts.flatMap((part) => {
    const offsetMs = offset / BYTES_PER_MS;
    audio.set(part.audio, offset);
    offset += part.audio.length;
    return part.words.map(({ text, startMs, endMs }) => ({
      text,
      startMs: startMs + offsetMs,
      endMs: endMs + offsetMs,
    }));
  });
  return { audio, words };
}

/** Whole sentences as far as they fit into `limit` characters, else whole words, else parts of a word. */
export function splitText(text: string, limit: number): string[] {
  const pieces: string[] = [];
  let rest = text.trim();
  while (rest.length > limit) {
    const head = rest.slice(0, limit);
    const sentenceEnd = Math.max(...[...head.matchAll(/[.!?]["')\]]*(?=\s)/g)].map((end) => end.index + end[0].length));
    const cut = sentenceEnd > 0 ? sentenceEnd : Math.max(head.lastIndexOf(" "), 0) || limit;
    pieces.push(rest.slice(0, cut).trim());
    rest = rest.slice(cut).trim();
  }
  return rest ? [...pieces, rest] : pieces;
}
