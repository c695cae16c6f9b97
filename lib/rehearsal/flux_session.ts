/** One socket of the Flux stand-in. Turns run on audio time: no audio, no events. */

import type { Timer } from "../base/clock.ts";
import { parseObject } from "../base/json.ts";
import { dropWire, KEPT_MESSAGES, requestId } from "./deepgram_door.ts";
import { FLUX_LIMITS, type FluxFaults, type FluxKnobs, type FluxSettings } from "./deepgram_flux.ts";
import { FluxRules, type TurnEvent } from "./flux_rules.ts";
import type { RecogniserSession } from "./recogniser.ts";
import { type HeardWord, WordStream } from "./word_stream.ts";

type FluxSessionOptions = RecogniserSession<FluxSettings, FluxKnobs, FluxFaults>;

/** An `Update` comes this often, ms of audio. */
const UPDATE_MS = 250;
/** Without audio for so long the server closes, ms. Users report 20 to 30 s. */
const IDLE_MS = 25_000;
const UNPARSABLE = "Text message received from client did not match any of the formats we expect.";

export class FluxSession {
  /** Binary messages as they came: the last ones. */
  readonly audio: Uint8Array[] = [];
  /** Text messages as they came: the last ones. */
  readonly texts: string[] = [];
  closed: number | undefined;
  /** A hook of ours failed, or a rule of section 4.4 was broken. */
  readonly crashes: unknown[] = [];
  readonly #o: FluxSessionOptions;
  readonly #settings: FluxSettings;
  readonly #stream: WordStream;
  readonly #rules: FluxRules;
  #idle: Timer | undefined;
  #lastMessageMs: number;
  #sequence = 0;
  #turnIndex = 0;
  #turn: HeardWord[] = [];
  #turnStartMs = 0;
  #state: "initial" | "ongoing" | "awaiting-end" = "initial";
  #nextUpdateMs = UPDATE_MS;
  #mute = false;

  constructor(options: FluxSessionOptions) {
    const { wire, clock, openSense, recognise, settings } = options;
    this.#o = options;
    this.#settings = { ...settings };
    this.#rules = new FluxRules(() => this.#settings.eager !== undefined);
    this.#lastMessageMs = clock.monotonicMs();
    const crashed = (error: unknown) => void this.crashes.push(error);
    this.#stream = new WordStream({ openSense, recognise, crashed, frame: () => this.#frame() });
    this.#send({ type: "Connected", request_id: requestId(options.n) });
    this.#armIdle(IDLE_MS);
    wire.listen({
      text: (text) => this.#text(text),
      binary: (bytes) => this.#binary(bytes),
      close: (code) => {
        this.closed = code;
        this.#idle?.[Symbol.dispose]();
        this.#stream[Symbol.dispose]();
      },
      crashed: (error) => {
        crashed(error);
        wire.close(1011, "INTERNAL");
      },
    });
  }

  #armIdle(ms: number): void {
    const { clock, wire } = this.#o;
    this.#idle = clock.after(ms, () => {
      const leftMs = this.#lastMessageMs + IDLE_MS - clock.monotonicMs();
      if (leftMs > 0) return this.#armIdle(leftMs);
      wire.close();
    });
  }

  #binary(bytes: Uint8Array): void {
    this.#lastMessageMs = this.#o.clock.monotonicMs();
    if (this.audio.push(bytes) > KEPT_MESSAGES) this.audio.shift();
    if (this.#settings.isTelephone) this.#stream.push(bytes);
  }

  #text(text: string): void {
    if (this.texts.push(text) > KEPT_MESSAGES) this.texts.shift();
    const message = parseObject(text);
    switch (message?.type) {
      case "CloseStream":
        this.#takeWords(true);
        this.#info("Update");
        return this.#o.wire.close(); // no EndOfTurn, no Metadata, no status
      case "ForceEndTurn":
        return this.#forceEnd();
      case "Configure":
        return this.#configure(message);
      default: // KeepAlive too
        return this.#fatal("UNPARSABLE_CLIENT_MESSAGE", UNPARSABLE);
    }
  }

  #frame(): void {
    this.#misbehave();
    const hasNew = this.#takeWords(false);
    if (hasNew) return this.#newWords();
    if (this.#state !== "initial" && !this.#stream.pending) this.#maybeEnd(this.#silenceMs());
    if (this.#stream.nowMs >= this.#nextUpdateMs) this.#info("Update");
  }

  /** @returns whether the turn has more words than before. */
  #takeWords(settle: boolean): boolean {
    if (settle) this.#stream.settle();
    const words = this.#stream.words.splice(0);
    this.#turn.push(...words);
    return words.length > 0;
  }

  #newWords(): void {
    if (this.#state === "initial") {
      this.#state = "ongoing";
      return this.#info("StartOfTurn");
    }
    if (this.#state === "awaiting-end") {
      this.#state = "ongoing";
      return this.#info("TurnResumed");
    }
    if (this.#stream.nowMs >= this.#nextUpdateMs) this.#info("Update");
  }

  #maybeEnd(silenceMs: number): void {
    const confidence = this.#confidence(silenceMs);
    const { eot, eager, timeoutMs } = this.#settings;
    if (confidence >= eot && eot < 1) return this.#endTurn("model");
    if (silenceMs >= timeoutMs) return this.#endTurn("timeout");
    if (eager !== undefined && this.#state === "ongoing" && confidence >= eager) {
      this.#state = "awaiting-end";
      this.#info("EagerEndOfTurn");
    }
  }

  /** Since the last sound of the turn. */
  #silenceMs(): number {
    return this.#stream.nowMs - Math.max(this.#stream.lastSoundMs, this.#turn.at(-1)?.endMs ?? 0);
  }

  /** Straight lines through 0.05 at no silence, 0.5 at `eagerMs`, 0.7 at `endMs`, then slowly towards 0.99. */
  #confidence(silenceMs: number): number {
    const { eagerMs, endMs } = this.#o.knobs;
    if (silenceMs < eagerMs) return 0.05 + 0.45 * silenceMs / eagerMs;
    if (silenceMs < endMs) return 0.5 + 0.2 * (silenceMs - eagerMs) / (endMs - eagerMs);
    return Math.min(0.99, 0.7 + 0.2 * (silenceMs - endMs) / endMs);
  }

  #endTurn(trigger: "model" | "timeout" | "manual"): void {
    this.#info("EndOfTurn", trigger);
    this.#state = "initial";
    this.#turn = [];
    this.#turnStartMs = this.#stream.nowMs;
    this.#turnIndex++;
  }

  #forceEnd(): void {
    if (this.#takeWords(true) && this.#state !== "ongoing") this.#newWords();
    if (this.#state !== "initial") return this.#endTurn("manual");
    this.#send({
      type: "Warning",
      code: "FORCE_END_TURN_NO_ACTIVE_TURN",
      description: "ForceEndTurn was received while no turn was active.",
    });
  }

  #configure(message: Record<string, unknown>): void {
    const { eot_threshold, eager_eot_threshold, eot_timeout_ms } = Object(message.thresholds) as Record<
      string,
      unknown
    >;
    const next = {
      eot: eot_threshold ?? this.#settings.eot,
      eager: eager_eot_threshold ?? this.#settings.eager,
      timeoutMs: eot_timeout_ms ?? this.#settings.timeoutMs,
    };
    const request_id = requestId(this.#o.n);
    const good = FLUX_LIMITS.eot.test(String(next.eot)) && FLUX_LIMITS.timeoutMs.test(String(next.timeoutMs)) &&
      (next.eager === undefined ||
        FLUX_LIMITS.eager.test(String(next.eager)) && Number(next.eager) <= Number(next.eot));
    if (!good) {
      const description = "A threshold is out of its range.";
      return this.#send({ type: "ConfigureFailure", request_id, code: "INVALID_THRESHOLD", description });
    }
    this.#settings.eot = Number(next.eot);
    this.#settings.eager = next.eager === undefined ? undefined : Number(next.eager);
    this.#settings.timeoutMs = Number(next.timeoutMs);
    this.#send({
      type: "ConfigureSuccess",
      request_id,
      thresholds: {
        eot_threshold: this.#settings.eot,
        eot_timeout_ms: this.#settings.timeoutMs,
        ...(this.#settings.eager === undefined ? {} : { eager_eot_threshold: this.#settings.eager }),
      },
      keyterms: message.keyterms ?? [],
      language_hints: message.language_hints ?? [],
    });
  }

  #info(event: TurnEvent, trigger?: string): void {
    const { nowMs } = this.#stream;
    // Updates keep their beat; a state event takes the place of the next one.
    this.#nextUpdateMs = (event === "Update" ? this.#nextUpdateMs : nowMs) + UPDATE_MS;
    const words = this.#turn.map(({ text, startMs, endMs }) => ({
      word: text,
      confidence: WORD_CONFIDENCE,
      start: startMs / 1000,
      end: endMs / 1000,
    }));
    const message = {
      event,
      turn_index: this.#turnIndex,
      audio_window_start: this.#turnStartMs / 1000,
      audio_window_end: nowMs / 1000,
      transcript: words.map(({ word }) => word).join(" "),
      words,
      end_of_turn_confidence: words.length === 0 ? 0 : this.#confidence(this.#silenceMs()),
      ...(trigger === undefined ? {} : { trigger }),
    };
    this.#rules.check(message);
    this.#send({ type: "TurnInfo", request_id: requestId(this.#o.n), ...message });
  }

  #fatal(code: string, description: string): void {
    this.#send({ type: "Error", code, description });
    this.#o.wire.close();
  }

  #misbehave(): void {
    const { faults, wire } = this.#o;
    const { nowMs } = this.#stream;
    if (this.#mute) return;
    if (nowMs >= (faults.errorAfterMs ?? Infinity)) {
      this.#fatal(faults.errorCode ?? "INTERNAL_SERVER_ERROR", "The service failed while transcribing.");
      this.#mute = true;
    }
    if (nowMs >= (faults.garbageAfterMs ?? Infinity)) wire.send("<html>502 Bad Gateway</html>");
    if (nowMs >= (faults.dropAfterMs ?? Infinity)) dropWire(wire, faults.dropCode ?? 1005);
    this.#mute ||= nowMs >= Math.min(faults.stallAfterMs ?? Infinity, faults.garbageAfterMs ?? Infinity);
  }

  #send(message: Record<string, unknown>): void {
    if (!this.#mute) this.#o.wire.send(JSON.stringify({ ...message, sequence_id: this.#sequence++ }));
  }
}

const WORD_CONFIDENCE = 0.97;
