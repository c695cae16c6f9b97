/** Deepgram Flux (`/v2/listen`), the recogniser that keeps turns: codec and thin shell. Deepgram reference, section 4. */

import * as z from "zod";
import { BYTES_PER_MS, RATE_HZ } from "../audio/frame.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { failed, ok, type Result } from "../base/result.ts";
import { parseJson } from "../base/json.ts";
import { DeepgramSocket, withParameters } from "./deepgram_socket.ts";
import { concludeFlux, type FluxTurn, type FluxTurnInfo, followFlux, NO_TURN } from "./flux_turns.ts";
import { Gather } from "./gather.ts";
import type { Stt, SttEvent } from "./ports.ts";

const PEER = "deepgram-flux";

/** The fields of `listen.provider` in the vendor's own names, as far as this socket takes them. */
export interface FluxProvider {
  model: string;
  /** 0.5-1.0; the vendor's default is 0.7. */
  eot_threshold?: number | undefined;
  /** 0.3-0.9; unset: no eager ends of turn. */
  eager_eot_threshold?: number | undefined;
  /** 500-10000; the vendor's default is 5000. */
  eot_timeout_ms?: number | undefined;
  keyterms?: readonly string[] | undefined;
  /** For `flux-general-multi` only. */
  language_hints?: readonly string[] | undefined;
  numerals?: boolean | undefined;
  profanity_filter?: boolean | undefined;
  redact?: readonly string[] | undefined;
  mip_opt_out?: boolean | undefined;
}

export interface OpenFluxOptions {
  dial: Dial;
  clock: Clock;
  /** `wss://api.deepgram.com/v2/listen` or another address of it, without query. */
  url: string;
  key: string;
  provider: FluxProvider;
  listen: (event: SttEvent) => void;
  /** It is connected. */
  opened?: (() => void) | undefined;
  /** Audio in one message, ms; 80 by default, which Flux wants (Deepgram reference, section 4.2). */
  chunkMs?: number;
}

const CHUNK_MS = 80;
/** Audio kept while the socket opens. */
const KEPT_MS = 2000;
/** Audio flows and no `TurnInfo` comes: the stream is stuck (it should speak four times a second, and a caller waits meanwhile). */
const STUCK_MS = 1500;
/** How long the answer to `ForceEndTurn` may take; after that the turn is told as it stands. */
const FINISH_MS = 1000;

/** Open a recogniser; it connects at once. A stuck stream ends it. */
export function openFlux(options: OpenFluxOptions): Stt {
  return new Flux(options);
}

class Flux implements Stt {
  readonly #options: OpenFluxOptions;
  readonly #timers: TimerSet<"finish" | "stuck">;
  readonly #uplink: Gather;
  readonly #keptChunks: number;
  #early: Uint8Array[] = [];
  readonly #socket: DeepgramSocket;
  #turn: FluxTurn = NO_TURN;
  #finishAtOpen = false;
  #unansweredBytes = 0;

  constructor(options: OpenFluxOptions) {
    this.#options = options;
    const { chunkMs = CHUNK_MS } = options;
    this.#uplink = new Gather(chunkMs, (chunk) => this.#cut(chunk));
    this.#keptChunks = Math.ceil(KEPT_MS / chunkMs);
    this.#timers = new TimerSet(
      options.clock,
      (name) => name === "stuck" ? this.#unanswered() : this.#tell(concludeFlux(this.#turn)),
    );
    this.#socket = this.#connect();
  }

  hear(frame: Uint8Array): void {
    if (!this.#socket.ended) this.#uplink.push(frame);
  }

  finish(): void {
    if (this.#socket.ended) return;
    if (!this.#socket.open) return void (this.#finishAtOpen = true);
    this.#uplink.flush();
    this.#socket.send(FORCE_END_TURN);
    this.#timers.arm("finish", FINISH_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#socket.close();
    this.#letGo();
    await closing;
  }

  #connect(): DeepgramSocket {
    const { dial, clock, url, key, provider } = this.#options;
    return new DeepgramSocket({
      dial,
      clock,
      peer: PEER,
      url: fluxUrl(url, provider),
      key,
      goodbye: CLOSE_STREAM,
      host: {
        opened: () => this.#opened(),
        text: (text) => this.#read(text),
        binary: () => {}, // it has no binary messages: nothing to learn from one
        ended: (fault) => {
          this.#letGo();
          this.#options.listen({ kind: "ended", fault });
        },
      },
    });
  }

  #opened(): void {
    for (const chunk of this.#early.splice(0)) this.#send(chunk);
    if (this.#finishAtOpen) this.finish();
    this.#options.opened?.();
  }

  #cut(chunk: Uint8Array): void {
    if (this.#socket.open) this.#send(chunk);
    else if (this.#early.push(chunk.slice()) > this.#keptChunks) this.#early.shift();
  }

  #send(chunk: Uint8Array): void {
    this.#socket.send(chunk);
    this.#unansweredBytes += chunk.length;
    if (!this.#timers.isArmed("stuck")) this.#timers.arm("stuck", STUCK_MS);
  }

  /** The stream is open, takes audio and says nothing more. Deepgram reference, section 4.6, "Stall". */
  #unanswered(): void {
    if (this.#unansweredBytes < STUCK_MS * BYTES_PER_MS) return; // the caller's line paused: the next audio begins anew
    this.#socket.fail({ kind: "deadline", peer: PEER, what: "TurnInfo", limitMs: STUCK_MS });
  }

  #read(text: string): void {
    const parsed = parseFlux(text);
    if (!parsed.ok) return this.#socket.fail(parsed.fault);
    if (!parsed.value) return;
    this.#timers.disarm("stuck");
    this.#unansweredBytes = 0;
    const { event } = parsed.value;
    if (event === "EndOfTurn") this.#timers.disarm("finish");
    this.#tell(followFlux(this.#turn, parsed.value));
  }

  #tell([turn, events]: readonly [FluxTurn, readonly SttEvent[]]): void {
    this.#turn = turn;
    for (const event of events) {
      if (!this.#socket.ended) this.#options.listen(event);
    }
  }

  #letGo(): void {
    this.#timers[Symbol.dispose]();
    this.#early = [];
  }
}

const CLOSE_STREAM = '{"type":"CloseStream"}';
const FORCE_END_TURN = '{"type":"ForceEndTurn"}';

/** The address with all parameters of a telephone stream. Deepgram reference, section 4.1. */
export function fluxUrl(base: string, provider: FluxProvider): string {
  return withParameters(base, {
    model: provider.model,
    encoding: "mulaw",
    sample_rate: RATE_HZ,
    eot_threshold: provider.eot_threshold,
    eager_eot_threshold: provider.eager_eot_threshold,
    eot_timeout_ms: provider.eot_timeout_ms,
    numerals: provider.numerals,
    profanity_filter: provider.profanity_filter,
    mip_opt_out: provider.mip_opt_out,
    redact: provider.redact,
    keyterm: provider.keyterms,
    language_hint: provider.language_hints,
  });
}

const TurnInfo = z.object({ event: z.string(), transcript: z.string() });
const FatalError = z.object({ code: z.string().default("UNKNOWN"), description: z.string().default("") });
const EVENTS = new Set<string>(["StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]);

const Typed = z.object({ type: z.string() }).loose();

/**
 * Read one server message; undefined for one that changes nothing (`Connected`, `Warning`, or a type or turn event we do
 * not know). `Error` is a `rejected` fault. Never throws. Deepgram reference, section 4.3.
 */
export function parseFlux(text: string): Result<FluxTurnInfo | undefined> {
  const message = Typed.safeParse(parseJson(text));
  if (!message.success) {
    return failed({ kind: "protocol", peer: PEER, detail: "a message is not JSON with a type" });
  }
  if (message.data.type === "Error") {
    const { code, description } = FatalError.catch({ code: "UNKNOWN", description: "" }).parse(message.data);
    return failed({ kind: "rejected", peer: PEER, code, detail: description || "it gave no reason." });
  }
  if (message.data.type !== "TurnInfo") return ok(undefined);
  const parsed = TurnInfo.safeParse(message.data);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join(".") ?? "";
    return failed({ kind: "protocol", peer: PEER, detail: `the field ${path} of TurnInfo is not as documented` });
  }
  const { event, transcript } = parsed.data;
  return ok(isFluxEvent(event) ? { event, text: transcript.trim() } : undefined);
}

function isFluxEvent(event: string): event is FluxTurnInfo["event"] {
  return EVENTS.has(event);
}
