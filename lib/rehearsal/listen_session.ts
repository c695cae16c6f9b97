/** One socket of the live recogniser's stand-in. Time is audio time but for the ten seconds without a message. */

import type { Timer } from "../base/clock.ts";
import { parseObject } from "../base/json.ts";
import { dropWire, KEPT_MESSAGES, requestId, seconds } from "./deepgram_door.ts";
import type { ListenFaults, ListenKnobs, ListenSettings } from "./deepgram_listen.ts";
import type { RecogniserSession } from "./recogniser.ts";
import { type HeardWord, WordStream } from "./word_stream.ts";

/** Without audio or text for so long the server gives up. Deepgram reference, section 3.6. */
const IDLE_MS = 10_000;
const IDLE_REASON =
  "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001";
/** In silence a window is fixed, empty, this often. */
const EMPTY_WINDOW_MS = 5000;

type ListenSessionOptions = RecogniserSession<ListenSettings, ListenKnobs, ListenFaults>;

export class ListenSession {
  /** Binary messages as they came: the last minute of them. */
  readonly audio: Uint8Array[] = [];
  /** Text messages as they came: the last ones. */
  readonly texts: string[] = [];
  closed: number | undefined;
  /** A hook of ours failed. */
  readonly crashes: unknown[] = [];
  readonly #o: ListenSessionOptions;
  readonly #stream: WordStream;
  #idle: Timer | undefined;
  #lastMessageMs: number;
  /** The open window: words of it, and where it begins. */
  #window: HeardWord[] = [];
  #windowStartMs = 0;
  #lastInterimMs = 0;
  #lastInterimWords = 0;
  /** Somebody spoke since the last `speech_final`. */
  #speaking = false;
  /** The end of the last word no `UtteranceEnd` was sent for. */
  #lastWordEndMs: number | undefined;
  #audioBytes = 0;
  #mute = false;

  constructor(options: ListenSessionOptions) {
    const { wire, clock, openSense, recognise } = options;
    this.#o = options;
    this.#lastMessageMs = clock.monotonicMs();
    const crashed = (error: unknown) => void this.crashes.push(error);
    this.#stream = new WordStream({ openSense, recognise, crashed, frame: () => this.#frame() });
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

  /** The words of all finals sent. */
  get transcript(): string {
    return this.#said.join(" ");
  }
  readonly #said: string[] = [];

  #armIdle(ms: number): void {
    const { clock, wire } = this.#o;
    this.#idle = clock.after(ms, () => {
      const leftMs = this.#lastMessageMs + IDLE_MS - clock.monotonicMs();
      if (leftMs > 0) return this.#armIdle(leftMs);
      wire.close(1011, IDLE_REASON);
    });
  }

  #binary(bytes: Uint8Array): void {
    const { wire, clock, settings } = this.#o;
    this.#lastMessageMs = clock.monotonicMs();
    if (bytes.length === 0) return this.#finish(); // as the vendor: an empty message closes the stream
    if (this.audio.push(bytes) > KEPT_MESSAGES) this.audio.shift();
    // A control message in a binary frame is audio to the vendor, and undecodable.
    if (bytes[0] === 0x7B && new TextDecoder().decode(bytes).startsWith('{"type"')) {
      return wire.close(1008, "DATA-0000");
    }
    this.#audioBytes += bytes.length;
    if (settings.isTelephone) this.#stream.push(bytes);
  }

  #text(text: string): void {
    const { clock, wire } = this.#o;
    if (this.texts.push(text) > KEPT_MESSAGES) this.texts.shift();
    // Only audio ends the wait for the first audio. Deepgram reference, section 3.6.
    if (this.#audioBytes > 0) this.#lastMessageMs = clock.monotonicMs();
    switch (parseObject(text)?.type) {
      case "KeepAlive":
        return;
      case "Finalize":
        return this.#finalize();
      case "CloseStream":
        return this.#finish();
      default:
        return wire.close(1008, "DATA-0000");
    }
  }

  #frame(): void {
    this.#misbehave();
    const { settings, knobs } = this.#o;
    const stream = this.#stream;
    this.#window.push(...stream.words.splice(0));
    const last = this.#window.at(-1);
    if (last) this.#lastWordEndMs = Math.max(this.#lastWordEndMs ?? 0, last.endMs);
    if (stream.sounding && !this.#speaking) this.#started();
    const silenceMs = stream.nowMs - stream.lastSoundMs;
    const windowMs = stream.nowMs - this.#windowStartMs;
    if (this.#speaking && !stream.pending && !knobs.noise && silenceMs >= this.#endpointMs()) return this.#pause();
    if (this.#window.length > 0 && windowMs >= knobs.windowMs) return this.#results({ isFinal: true });
    if (!this.#speaking && this.#window.length === 0 && windowMs >= EMPTY_WINDOW_MS) this.#results({ isFinal: true });
    this.#interim();
    if (settings.utteranceEndMs !== undefined) this.#utteranceEnd(settings.utteranceEndMs);
  }

  #endpointMs(): number {
    const { settings, knobs } = this.#o;
    return Math.max(settings.endpointingMs ?? Infinity, knobs.finalMs);
  }

  #started(): void {
    this.#speaking = true;
    if (!this.#o.settings.vadEvents) return;
    this.#send({ type: "SpeechStarted", channel: [0, 1], timestamp: seconds(this.#stream.nowMs) });
  }

  #pause(): void {
    this.#speaking = false;
    this.#results({ isFinal: true, speechFinal: true });
  }

  #interim(): void {
    const { settings, knobs } = this.#o;
    if (!settings.interimResults || this.#stream.nowMs - this.#lastInterimMs < knobs.interimMs) return;
    if (this.#window.length === 0 || this.#window.length === this.#lastInterimWords) return;
    this.#results({ isFinal: false });
  }

  #utteranceEnd(afterMs: number): void {
    const lastMs = this.#lastWordEndMs;
    if (lastMs === undefined || this.#stream.nowMs - lastMs < afterMs) return;
    this.#lastWordEndMs = undefined;
    this.#send({ type: "UtteranceEnd", channel: [0, 1], last_word_end: seconds(lastMs) });
  }

  #finalize(): void {
    const { finalize } = this.#o.knobs;
    if (finalize === "none") return;
    this.#stream.settle();
    this.#window.push(...this.#stream.words.splice(0));
    if (finalize === "empty" && this.#window.length > 0) this.#results({ isFinal: true });
    this.#results({ isFinal: true, fromFinalize: true });
    this.#speaking = false;
  }

  /** The rest, the summary, the close. */
  #finish(): void {
    this.#stream.settle();
    this.#window.push(...this.#stream.words.splice(0));
    if (this.#window.length > 0) this.#results({ isFinal: true });
    this.#send({
      type: "Metadata",
      transaction_key: "deprecated",
      request_id: requestId(this.#o.n),
      sha256: "0".repeat(64),
      created: this.#o.clock.wallTime().toISOString(),
      duration: this.#audioBytes / (this.#o.settings.bytesPerSecond ?? 8000),
      channels: 1,
    });
    this.#o.wire.close(1000);
  }

  #results(flags: { isFinal: boolean; speechFinal?: boolean; fromFinalize?: boolean }): void {
    const { isFinal, speechFinal = false, fromFinalize = false } = flags;
    const { nowMs } = this.#stream;
    const startMs = this.#windowStartMs;
    const words = this.#window.map((word) => this.#word(word));
    const transcript = words.map(({ punctuated_word, word }) => punctuated_word ?? word).join(" ");
    this.#lastInterimMs = nowMs;
    this.#lastInterimWords = this.#window.length;
    if (isFinal) {
      if (transcript) this.#said.push(transcript);
      this.#window = [];
      this.#lastInterimWords = 0;
      this.#windowStartMs = nowMs;
    }
    this.#send({
      type: "Results",
      channel_index: [0, 1],
      duration: seconds(nowMs - startMs),
      start: seconds(startMs),
      is_final: isFinal,
      speech_final: speechFinal,
      from_finalize: fromFinalize,
      channel: { alternatives: [{ transcript, confidence: transcript ? CONFIDENCE : 0, words }] },
      metadata: {
        request_id: requestId(this.#o.n),
        model_info: {
          name: `general-${this.#o.settings.model}`,
          version: "2025-01-01.0",
          arch: this.#o.settings.model,
        },
        model_uuid: requestId(0),
      },
    });
  }

  #word({ text, startMs, endMs }: HeardWord): Record<string, unknown> & { word: string; punctuated_word?: string } {
    const word = text.toLowerCase().replace(/[.,!?;:…]+$/, "");
    const times = { start: seconds(startMs), end: seconds(endMs), confidence: CONFIDENCE };
    return this.#o.settings.punctuate ? { word, ...times, punctuated_word: text } : { word, ...times };
  }

  #misbehave(): void {
    const { faults, wire } = this.#o;
    const { nowMs } = this.#stream;
    if (nowMs >= (faults.garbageAfterMs ?? Infinity) && !this.#mute) wire.send("<html>502 Bad Gateway</html>");
    if (nowMs >= (faults.dropAfterMs ?? Infinity)) dropWire(wire, faults.dropCode ?? "cut", faults.dropReason);
    this.#mute ||= nowMs >= (faults.stallAfterMs ?? Infinity) || nowMs >= (faults.garbageAfterMs ?? Infinity);
  }

  #send(message: Record<string, unknown>): void {
    if (!this.#mute) this.#o.wire.send(JSON.stringify(message));
  }
}

const CONFIDENCE = 0.98;
