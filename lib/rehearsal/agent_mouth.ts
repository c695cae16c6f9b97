/** How a stand-in speaks: sentences in, tagged audio out in bursts of uneven chunks, faster than real time. */

import { BYTES_PER_MS, FRAME_BYTES } from "../audio/frame.ts";
import { tagUtterance } from "../audio/tag.ts";
import type { Voice } from "../audio/voice.ts";
import { type Clock, sleep } from "../base/clock.ts";

/** What is spoken without a break. Its audio carries `source`, so that a listener can tell replies apart. */
export interface SpokenReply {
  /** Source id of the tags: no two replies of a stand-in share one (modulo 65,536). */
  source: number;
  sentences: string[];
  sentBytes: number;
  state: "speaking" | "done" | "cut";
}

export interface Sentence {
  text: string;
  /** Its text was sent already. */
  announced?: boolean;
  /** Wait so long before it, ms. */
  leadMs?: number;
}

export interface MouthOptions {
  clock: Clock;
  random: () => number;
  voice: Voice;
  newSource: () => number;
  rateX: number;
  chunkBytes: number;
  slowFirstByteMs: number;
  stallMs: number;
  /** A sentence begins. */
  text(sentence: Sentence): void;
  /** Audio of `reply` leaves. */
  audio(bytes: Uint8Array, reply: SpokenReply): void;
  /** All that was to be said has left. */
  done(reply: SpokenReply): void;
  /** The voice failed. */
  failed(error: unknown): void;
}

export class Mouth {
  readonly #options: MouthOptions;
  readonly #queue: Sentence[] = [];
  #speaking: { reply: SpokenReply; cut: AbortController } | undefined;
  #rest: Uint8Array = new Uint8Array();

  constructor(options: MouthOptions) {
    this.#options = options;
  }

  /** Something is being said, or about to be. */
  get active(): boolean {
    return this.#speaking !== undefined;
  }

  /** Audio of what is being said has left. */
  get sounding(): boolean {
    return (this.#speaking?.reply.sentBytes ?? 0) > 0;
  }

  /** Say this, after what is being said. @returns the reply that it belongs to. */
  say(...sentences: Sentence[]): SpokenReply {
    this.#queue.push(...sentences);
    this.#speaking ??= this.#start();
    return this.#speaking.reply;
  }

  /** Be silent at once. @returns what of the sentence in progress was not sent, and the sentences not begun. */
  stop(): { audio: Uint8Array; sentences: Sentence[] } {
    const left = { audio: this.#rest, sentences: this.#queue.splice(0) };
    this.#rest = new Uint8Array();
    if (this.#speaking) {
      this.#speaking.reply.state = "cut";
      this.#speaking.cut.abort();
      this.#speaking = undefined;
    }
    return left;
  }

  #start(): { reply: SpokenReply; cut: AbortController } {
    const source = this.#options.newSource();
    const reply: SpokenReply = { source, sentences: [], sentBytes: 0, state: "speaking" };
    const cut = new AbortController();
    this.#speak(reply, cut.signal).catch((error) => {
      if (!cut.signal.aborted) this.#options.failed(error);
    });
    return { reply, cut };
  }

  async #speak(reply: SpokenReply, cut: AbortSignal): Promise<void> {
    const { clock, voice } = this.#options;
    await Promise.resolve(); // whoever called `say` goes on first
    for (let frames = 0; !cut.aborted && this.#queue.length > 0;) {
      const sentence = this.#queue.shift()!;
      const isFirst = frames === 0;
      if (sentence.leadMs) await sleep(clock, sentence.leadMs, cut);
      const { audio, words } = await voice.speak(sentence.text, cut);
      cut.throwIfAborted();
      const tagged = tagUtterance(audio, words, reply.source, frames);
      frames += tagged.length / FRAME_BYTES;
      reply.sentences.push(sentence.text);
      this.#options.text(sentence);
      if (isFirst) await sleep(clock, this.#options.slowFirstByteMs, cut);
      await this.#send(tagged, { reply, cut, stallMs: isFirst ? this.#options.stallMs : 0 });
    }
    cut.throwIfAborted();
    this.#speaking = undefined;
    reply.state = "done";
    this.#options.done(reply);
  }

  async #send(audio: Uint8Array, { reply, cut, stallMs }: { reply: SpokenReply; cut: AbortSignal; stallMs: number }) {
    const { clock, rateX } = this.#options;
    let stall = stallMs;
    let dueMs = clock.monotonicMs();
    this.#rest = audio;
    while (this.#rest.length > 0) {
      cut.throwIfAborted();
      const chunk = this.#rest.subarray(0, this.#chunkBytes());
      this.#rest = this.#rest.subarray(chunk.length);
      reply.sentBytes += chunk.length;
      this.#options.audio(chunk, reply);
      if (stall > 0 && this.#rest.length < audio.length / 2) {
        dueMs += stall;
        stall = 0;
      }
      dueMs += chunk.length / BYTES_PER_MS / rateX;
      const waitMs = dueMs - clock.monotonicMs();
      if (waitMs > 0) await sleep(clock, waitMs, cut);
    }
  }

  /** Mostly anything up to the limit, now and then a few bytes. */
  #chunkBytes(): number {
    const { random, chunkBytes } = this.#options;
    const limit = random() < 0.15 ? Math.min(32, chunkBytes) : chunkBytes;
    return 1 + Math.floor(random() * limit);
  }
}

/** A text in the pieces that the vendor speaks one by one: its sentences. */
export function sentencesOf(text: string): string[] {
  return text.split(/(?<=[.!?]["')]?)\s+/).map((piece) => piece.trim()).filter(Boolean);
}
