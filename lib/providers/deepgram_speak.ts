/** Deepgram's streaming voice (`/v1/speak`, Aura): one socket for a call, one `Flush` for a reply. Deepgram reference, section 5.1. */

import { RATE_HZ } from "../audio/frame.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { FaultError } from "../base/result.ts";
import { abortable, unlessAborted } from "./abortable.ts";
import { withParameters } from "./deepgram_socket.ts";
import type { Spoken, Tts } from "./ports.ts";
import { SpeakLine } from "./speak_line.ts";
import { SpeakPieces } from "./speak_pieces.ts";
import { SpokenReply } from "./spoken_reply.ts";

const PEER = "deepgram-speak";

/** The fields of `speak.provider` in the vendor's own names, as far as this socket takes them. */
export interface SpeakProvider {
  model: string;
  /** 0.7-1.5; 1 if unset. */
  speed?: number | undefined;
  mip_opt_out?: boolean | undefined;
}

export interface DeepgramSpeakOptions {
  dial: Dial;
  clock: Clock;
  /** `wss://api.deepgram.com/v1/speak` or another address of it, without query. */
  url: string;
  key: string;
  provider: SpeakProvider;
}

/** A voice that can connect before it is needed. */
export interface WarmTts extends Tts {
  /** Open the socket now, if it is not; a failure shows at the next `speak`. */
  warm(): void;
}

/** Deepgram's voice; it tells no word times. Replies are spoken one after the other. */
export function deepgramSpeak(options: DeepgramSpeakOptions): WarmTts {
  return new DeepgramSpeak(options);
}

class DeepgramSpeak implements WarmTts {
  readonly name: string;
  readonly #options: DeepgramSpeakOptions;
  readonly #disposal = new AbortController();
  readonly #closing = new Set<Promise<void>>();
  #line: SpeakLine | undefined;
  /** Settles when the reply that uses the socket is over. */
  #floor: Promise<void> = Promise.resolve();

  constructor(options: DeepgramSpeakOptions) {
    this.name = `deepgram ${options.provider.model}`;
    this.#options = options;
  }

  warm(): void {
    if (!this.#disposal.signal.aborted) this.#openLine();
  }

  async *speak(text: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<Spoken, void, void> {
    const scope = AbortSignal.any([signal, this.#disposal.signal]);
    if (scope.aborted) return;
    const reply = new SpokenReply(PEER);
    const cancel = () => reply.cancel();
    scope.addEventListener("abort", cancel, { once: true });
    this.#floor = this.#floor.then(() => this.#produce(reply, text)).catch((error) => reply.fail(error));
    try {
      for await (const frames of reply.frames) {
        yield { kind: "audio", frames };
        if (reply.ended && scope.aborted) return;
      }
      if (reply.error) throw reply.error;
    } finally {
      scope.removeEventListener("abort", cancel);
      reply.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposal.abort();
    if (this.#line) this.#retire(this.#line);
    await Promise.all(this.#closing);
  }

  /** Send the text and see the reply to its end, good or bad. */
  async #produce(reply: SpokenReply, text: AsyncIterable<string>): Promise<void> {
    if (reply.ended) return;
    const over = new AbortController();
    reply.over.then(() => over.abort()).catch(() => {});
    const line = await unlessAborted(this.#readyLine(), over.signal);
    if (!line || reply.ended) return;
    line.begin(reply);
    let said = false;
    const send = async (pieces: string[]) => {
      for (const piece of pieces) said = await this.#send(line, piece, over.signal) || said;
    };
    try {
      const pieces = new SpeakPieces();
      for await (const part of abortable(text, over.signal)) await send(pieces.push(part));
      if (!reply.ended) await send(pieces.flush());
      if (!reply.ended && said) line.flush();
      else reply.finish();
      await reply.over;
    } catch (error) {
      reply.fail(error);
    }
    line.endReply(reply, said);
    this.#renew();
  }

  /** @returns whether it went out: not if the reply was over before the vendor's limits let it. */
  async #send(line: SpeakLine, piece: string, signal: AbortSignal): Promise<boolean> {
    const waitMs = line.budget.waitMs(piece.length, this.#options.clock.monotonicMs());
    if (waitMs > 0) await sleep(this.#options.clock, waitMs, signal).catch(() => {});
    if (signal.aborted) return false;
    line.speak(piece);
    return true;
  }

  /** A line that takes a reply: the one we have, or a new one if that fails to come free. @throws {FaultError} */
  async #readyLine(): Promise<SpeakLine> {
    const had = this.#line;
    this.#renew();
    const line = this.#openLine();
    const fault = await line.ready();
    if (!fault) return line;
    if (line !== had) throw new FaultError(fault);
    const fresh = this.#openLine();
    const again = await fresh.ready();
    if (again) throw new FaultError(again);
    return fresh;
  }

  /** A socket that takes no further reply gives way to a new one, if possible before a reply needs that. */
  #renew(): void {
    const line = this.#line;
    if (!line || line.budget.allowsReply(this.#options.clock.monotonicMs(), line.ageMs)) return;
    this.#retire(line);
    this.warm();
  }

  #openLine(): SpeakLine {
    const { dial, clock, url, key, provider } = this.#options;
    if (this.#line && !this.#line.ended) return this.#line;
    const line: SpeakLine = new SpeakLine({
      dial,
      clock,
      url: speakUrl(url, provider),
      key,
      ended: () => {
        if (this.#line === line) this.#line = undefined;
      },
    });
    return this.#line = line;
  }

  #retire(line: SpeakLine): void {
    if (this.#line === line) this.#line = undefined;
    const closing = line.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** The address with all parameters of a telephone voice. Deepgram reference, section 5.1. */
export function speakUrl(base: string, { model, speed, mip_opt_out }: SpeakProvider): string {
  return withParameters(base, { model, encoding: "mulaw", sample_rate: RATE_HZ, speed, mip_opt_out });
}
