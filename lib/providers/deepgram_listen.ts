/** Deepgram's live recogniser (`/v1/listen`, Nova): codec and thin shell. Deepgram reference, section 3. */

import * as z from "zod";
import { BYTES_PER_MS, FRAME_MS, RATE_HZ } from "../audio/frame.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { parseJson } from "../base/json.ts";
import { failed, ok, type Result } from "../base/result.ts";
import { DeepgramSocket, withParameters } from "./deepgram_socket.ts";
import { Gather } from "./gather.ts";
import {
  assemble,
  type ListenAssembly,
  type ListenEffect,
  type ListenInput,
  NOTHING_HEARD,
} from "./listen_assembler.ts";
import type { Stt, SttEvent } from "./ports.ts";

const PEER = "deepgram-listen";

/** The fields of `listen.provider` in the vendor's own names, as far as this socket takes them. */
export interface ListenProvider {
  model: string;
  language?: string | undefined;
  keyterms?: readonly string[] | undefined;
  /** Ms of silence that end an utterance; `false`: never by silence. */
  endpointing?: number | false | undefined;
  /** Ms without a new word that end an utterance; 1000 or more. */
  utterance_end_ms?: number | undefined;
  smart_format?: boolean | undefined;
  punctuate?: boolean | undefined;
  numerals?: boolean | undefined;
  profanity_filter?: boolean | undefined;
  redact?: readonly string[] | undefined;
  mip_opt_out?: boolean | undefined;
}

export interface OpenListenOptions {
  dial: Dial;
  clock: Clock;
  /** `wss://api.deepgram.com/v1/listen` or another address of it, without query. */
  url: string;
  key: string;
  provider: ListenProvider;
  listen: (event: SttEvent) => void;
  /** It is connected. */
  opened?: (() => void) | undefined;
  /** Audio in one message, ms; 20 by default. */
  chunkMs?: number;
}

/** A text KeepAlive goes out when no audio was sent for so long; the server gives up after 10 s. */
const KEEP_ALIVE_MS = 4000;
/** Audio kept while the socket opens. */
const KEPT_FRAMES = 100;
/** Audio flows and the server says nothing at all: it is stuck. With interim results it speaks about once a second. */
const MUTE_LIMIT_MS = 15_000;

/** Open a recogniser; it connects at once. mu-law at 8 kHz passes untouched. */
export function openListen(options: OpenListenOptions): Stt {
  return new Listen(options);
}

class Listen implements Stt {
  readonly #options: OpenListenOptions;
  readonly #uplink: Gather;
  readonly #socket: DeepgramSocket;
  /** Heard before the socket opened: the last `KEPT_FRAMES`. */
  #kept: Uint8Array[] = [];
  readonly #timers: TimerSet<"keep-alive" | "finalize">;
  #assembly: ListenAssembly = NOTHING_HEARD;
  #finishAtOpen = false;
  #sentAtMs = 0;
  #heardFromAtMs = 0;
  #unansweredBytes = 0;

  constructor(options: OpenListenOptions) {
    const { dial, clock, url, key, provider } = options;
    this.#options = options;
    this.#uplink = new Gather(options.chunkMs ?? FRAME_MS, (chunk) => this.#send(chunk));
    this.#timers = new TimerSet(
      clock,
      (name) => name === "finalize" ? this.#take({ kind: "finalize-late" }) : this.#keepAlive(),
    );
    this.#socket = new DeepgramSocket({
      dial,
      clock,
      peer: PEER,
      url: listenUrl(url, provider),
      key,
      goodbye: CLOSE_STREAM,
      host: {
        opened: () => this.#opened(),
        text: (text) => this.#read(text),
        binary: () => {}, // it has no binary messages: nothing to learn from one
        ended: (fault) => {
          this.#letGo();
          options.listen({ kind: "ended", fault });
        },
      },
    });
  }

  hear(frame: Uint8Array): void {
    if (this.#socket.ended) return;
    if (this.#socket.open) this.#uplink.push(frame);
    else if (this.#kept.push(frame.slice()) > KEPT_FRAMES) this.#kept.shift();
  }

  finish(): void {
    if (this.#socket.ended) return;
    if (this.#socket.open) this.#take({ kind: "finish" });
    else this.#finishAtOpen = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#socket.close();
    this.#letGo();
    await closing;
  }

  #opened(): void {
    this.#sentAtMs = this.#heardFromAtMs = this.#options.clock.monotonicMs();
    for (const frame of this.#kept) this.#uplink.push(frame);
    this.#kept = [];
    this.#timers.arm("keep-alive", KEEP_ALIVE_MS);
    if (this.#finishAtOpen) this.#take({ kind: "finish" });
    this.#options.opened?.();
  }

  #send(chunk: Uint8Array): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#unansweredBytes += chunk.length;
    if (this.#unansweredBytes >= MUTE_LIMIT_MS * BYTES_PER_MS && nowMs - this.#heardFromAtMs >= MUTE_LIMIT_MS) {
      return this.#socket.fail({ kind: "deadline", peer: PEER, what: "any result", limitMs: MUTE_LIMIT_MS });
    }
    this.#sentAtMs = nowMs;
    this.#socket.send(chunk);
  }

  #keepAlive(): void {
    const idleMs = this.#options.clock.monotonicMs() - this.#sentAtMs;
    if (idleMs < KEEP_ALIVE_MS) return this.#timers.arm("keep-alive", KEEP_ALIVE_MS - idleMs);
    this.#sentAtMs += idleMs;
    this.#socket.send(KEEP_ALIVE);
    this.#timers.arm("keep-alive", KEEP_ALIVE_MS);
  }

  #read(text: string): void {
    this.#heardFromAtMs = this.#options.clock.monotonicMs();
    this.#unansweredBytes = 0;
    const parsed = parseListen(text);
    if (!parsed.ok) return this.#socket.fail(parsed.fault);
    if (parsed.value) this.#take(parsed.value);
  }

  #take(input: ListenInput): void {
    const [assembly, effects] = assemble(this.#assembly, input);
    this.#assembly = assembly;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ListenEffect): void {
    if (this.#socket.ended) return;
    switch (effect.kind) {
      case "tell":
        return this.#options.listen(effect.event);
      case "finalize":
        this.#uplink.flush();
        this.#timers.arm("finalize", effect.withinMs);
        return this.#socket.send(FINALIZE);
      case "finalized":
        return this.#timers.disarm("finalize");
      default:
        effect satisfies never;
    }
  }

  #letGo(): void {
    this.#timers[Symbol.dispose]();
    this.#kept = [];
  }
}

const KEEP_ALIVE = '{"type":"KeepAlive"}';
const FINALIZE = '{"type":"Finalize"}';
const CLOSE_STREAM = '{"type":"CloseStream"}';

/** The address with all parameters of a telephone stream. Deepgram reference, section 3.1. */
export function listenUrl(base: string, provider: ListenProvider): string {
  return withParameters(base, {
    model: provider.model,
    language: provider.language ?? "en",
    encoding: "mulaw",
    sample_rate: RATE_HZ,
    channels: 1,
    interim_results: true,
    endpointing: provider.endpointing ?? 500,
    utterance_end_ms: provider.utterance_end_ms ?? 1000,
    vad_events: true,
    punctuate: provider.punctuate ?? true,
    smart_format: provider.smart_format ?? true,
    numerals: provider.numerals,
    profanity_filter: provider.profanity_filter,
    mip_opt_out: provider.mip_opt_out,
    redact: provider.redact,
    keyterm: provider.keyterms,
  });
}

/** A later time than this is a mistake: if it were believed, everything that follows would count as a repetition. */
const LONGEST_S = 1e6;

const Results = z.object({
  start: z.number().min(0).max(LONGEST_S),
  duration: z.number().min(0).max(LONGEST_S),
  is_final: z.boolean().default(false),
  speech_final: z.boolean().default(false),
  from_finalize: z.boolean().default(false),
  channel: z.object({ alternatives: z.array(z.object({ transcript: z.string() })) }),
});

/** Without a word it has no such time, or -1. */
const UtteranceEnd = z.object({ last_word_end: z.number().min(0).optional().catch(undefined) })
  .transform(({ last_word_end: lastWordEndS }) => lastWordEndS === undefined ? {} : { lastWordEndS });

const Typed = z.object({ type: z.string() }).loose();

/**
 * Read one server message; undefined for one that changes nothing (`Metadata`, or a type we do not know). Never throws.
 * Deepgram reference, section 3.3.
 */
export function parseListen(text: string): Result<ListenInput | undefined> {
  const message = Typed.safeParse(parseJson(text));
  if (!message.success) {
    return failed({ kind: "protocol", peer: PEER, detail: "a message is not JSON with a type" });
  }
  switch (message.data.type) {
    case "Results":
      return parseResults(message.data);
    case "SpeechStarted":
      return ok({ kind: "speech-started" });
    case "UtteranceEnd":
      return ok({ kind: "utterance-end", ...UtteranceEnd.parse(message.data) });
    default:
      return ok(undefined);
  }
}

function parseResults(message: unknown): Result<ListenInput> {
  const parsed = Results.safeParse(message);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join(".") ?? "";
    return failed({ kind: "protocol", peer: PEER, detail: `the field ${path} of Results is not as documented` });
  }
  const { start, duration, is_final, speech_final, from_finalize, channel } = parsed.data;
  return ok({
    kind: "results",
    text: channel.alternatives[0]?.transcript.trim() ?? "",
    isFinal: is_final,
    speechFinal: speech_final,
    fromFinalize: from_finalize,
    startS: start,
    endS: start + duration,
  });
}
