/** One reply on its way to the line: text as it comes, spoken by the first voice that can. */

import { audioMs } from "../audio/frame.ts";
import { type Fault, FaultError } from "../base/result.ts";
import type { Spoken, SpokenWord, Tts } from "../providers/ports.ts";
import type { EngineHost } from "./engine.ts";
import { type Gate, type Spares, TextFeed } from "./flow.ts";
import type { Memory, Place, Rest } from "./memory.ts";

export interface SayingParts {
  voices: Spares<Tts>;
  host: Pick<EngineHost, "post" | "play" | "newReply">;
  memory: Memory;
  /** Nothing is heard before it is open. */
  gate: Gate;
  /** Text reached the voice, or the first audio the line. */
  reached: (what: "voice" | "line") => void;
  /** `fatal`: no voice is left, and nothing was heard. */
  failed: (fault: Fault, fatal: boolean) => void;
}

/** Opens a reply with its first audio; all that it plays carries that reply's number and no other. */
export class Saying {
  /** The number under which the line plays it now; undefined before its first audio. */
  reply: number | undefined;
  /** It was interrupted; whether for good is not known yet. */
  cut = false;
  readonly #parts: SayingParts;
  readonly #text = new TextFeed();
  readonly #scope = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  #place: Place | undefined;
  /** The number it began with: a resumed reply plays on under another. */
  #first: number | undefined;
  #shiftMs = 0;
  #early: SpokenWord[] = [];
  #toldPieces = 0;
  #over = false;

  constructor(parts: SayingParts) {
    this.#parts = parts;
  }

  /** Settles when all of it was handed to the line, or it was given up. @throws only our own mistakes. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  get isEmpty(): boolean {
    return this.#text.isEmpty;
  }

  /** It sounds, and more of it may come. */
  get sounding(): boolean {
    return this.reply !== undefined && !this.#over;
  }

  /** More text, with its own spaces. */
  add(text: string): void {
    if (text === "" || this.#over) return;
    const isFirst = this.#text.isEmpty;
    this.#text.add(text);
    if (this.reply !== undefined) this.#tellText();
    if (!isFirst) return;
    this.#parts.reached("voice");
    this.#speak().then(this.#done.resolve, this.#done.reject);
  }

  /** No more text comes. */
  end(): void {
    this.#text.end();
    if (this.#text.isEmpty) this.#done.resolve();
  }

  /** Nothing of it is handed to the line any more. */
  abort(): void {
    this.#over = true;
    this.#scope.abort();
    this.end();
  }

  /** Its place among what was said is here, even if it sounds later. */
  reserve(): void {
    this.#place ??= this.#parts.memory.reserve();
  }

  /** What remains of it is played as `as`. */
  resumedAs(as: number, { shiftMs }: Rest): void {
    this.reply = as;
    this.#shiftMs = shiftMs;
  }

  async #speak(): Promise<void> {
    const { memory, host } = this.#parts;
    const whole = await this.#speakWithAny();
    this.#over = true;
    if (this.reply === undefined || this.#first === undefined) return;
    if (whole) memory.whole(this.#first);
    host.post({ kind: "reply-finished", reply: this.reply });
  }

  /** @returns whether all was said. */
  async #speakWithAny(): Promise<boolean> {
    const { voices, failed } = this.#parts;
    const { signal } = this.#scope;
    while (!signal.aborted) {
      const voice = voices.current;
      try {
        for await (const spoken of voice.speak(this.#text.read(), signal)) {
          if (this.reply === undefined && spoken.kind === "audio") await this.#parts.gate.passed();
          if (signal.aborted) return false;
          this.#take(spoken);
        }
        return !signal.aborted;
      } catch (error) {
        if (signal.aborted) return false;
        if (!(error instanceof FaultError)) throw error;
        const takesOver = this.reply === undefined && voices.next(voice);
        failed(error.fault, this.reply === undefined && !takesOver);
        if (!takesOver) return false;
        this.#early = [];
      }
    }
    return false;
  }

  #take(spoken: Spoken): void {
    const { host, memory } = this.#parts;
    if (spoken.kind === "words") return this.#tellWords(spoken.words);
    if (this.reply === undefined) this.#open();
    memory.audio(this.#first!, audioMs(spoken.frame.length));
    host.play(this.reply!, spoken.frame);
  }

  #open(): void {
    const { host, memory, reached } = this.#parts;
    this.reserve();
    const reply = host.newReply();
    this.reply = this.#first = reply;
    memory.opened(this.#place!, reply);
    host.post({ kind: "reply-started", reply });
    this.#tellText();
    this.#tellWords(this.#early.splice(0));
    reached("line");
  }

  #tellText(): void {
    const { host, memory } = this.#parts;
    for (; this.#toldPieces < this.#text.pieces.length; this.#toldPieces++) {
      const text = this.#text.pieces[this.#toldPieces]!;
      memory.said(this.#first!, text);
      host.post({ kind: "reply-text", reply: this.reply!, text: text.trim() });
    }
  }

  #tellWords(words: readonly SpokenWord[]): void {
    if (words.length === 0) return;
    if (this.reply === undefined) return void this.#early.push(...words);
    this.#parts.memory.words(this.#first!, words);
    const shifted = words.map(({ text, startMs, endMs }) => (
      { text, startMs: startMs + this.#shiftMs, endMs: endMs + this.#shiftMs }
    ));
    this.#parts.host.post({ kind: "reply-words", reply: this.reply, words: shifted });
  }
}
