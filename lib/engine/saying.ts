/** One reply on its way to the line: text as it comes, spoken by the first voice that can. */

import { audioMs, BYTES_PER_MS, FRAME_MS } from "../audio/frame.ts";
import { type Clock, sleep, TimerSet } from "../base/clock.ts";
import { type Fault, FaultError } from "../base/result.ts";
import type { Spoken, SpokenWord, Tts } from "../providers/ports.ts";
import type { EngineHost } from "./engine.ts";
import { type Gate, type Spares, TextFeed } from "./flow.ts";
import { spokenCharacters } from "./heard.ts";
import type { Memory, Place, Rest } from "./memory.ts";
import { Pauses } from "./pauses.ts";

export interface SayingParts {
  voices: Spares<Tts>;
  host: Pick<EngineHost, "post" | "play" | "newReply">;
  clock: Clock;
  memory: Memory;
  /** Nothing is heard before it is open. */
  gate: Gate;
  /** Text reached the voice, or the first audio the line. */
  reached: (what: "voice" | "line") => void;
  /** `fatal`: no voice is left, and nothing was heard. */
  failed: (fault: Fault, how: { fatal: boolean }) => void;
}

/** While this much audio is on its way to the caller, ms, a word is kept back until it is whole, so that a voice that fails leaves no half word. */
const LEAD_MS = 240;
/** When so little is left of it, more is played, whole or not: the voice may have nothing to give for a while. */
const LOW_MS = 100;

/** What one voice has spoken of a reply. Times in ms of its own audio. */
class Stretch {
  readonly held: Uint8Array[] = [];
  readonly words: SpokenWord[] = [];
  /** Where it is silent. */
  readonly pauses = new Pauses();
  /** Characters of the reply's text that others had spoken before. */
  readonly skip: number;
  /** Where it begins in the reply. */
  readonly fromMs: number;
  receivedMs = 0;
  playedMs = 0;
  toldWords = 0;

  constructor(skip: number, fromMs: number) {
    this.skip = skip;
    this.fromMs = fromMs;
  }

  /** The end of the last whole word that has come; of the last pause, if the voice tells no words. */
  get wholeMs(): number {
    if (this.words.length === 0) return this.pauses.lastCutMs;
    const end = this.#unfinished?.startMs ?? this.words.at(-1)!.endMs;
    return Math.floor(end / FRAME_MS) * FRAME_MS;
  }

  /** All up to a word of which only the beginning has come was played, and nothing of that word. */
  get waitsForWord(): boolean {
    return this.#unfinished !== undefined && this.playedMs <= this.#unfinished.startMs;
  }

  get #unfinished(): SpokenWord | undefined {
    return this.words.find(({ endMs }) => endMs > this.receivedMs);
  }
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
  #stretch = new Stretch(0, 0);
  /** When the line runs dry, if nothing more is played. */
  #dryAtMs = 0;
  readonly #timers: TimerSet<"low">;
  #toldPieces = 0;
  #over = false;

  constructor(parts: SayingParts) {
    this.#parts = parts;
    this.#timers = new TimerSet(parts.clock, () => this.#low());
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
    this.#timers.disarm("low");
    this.#scope.abort();
    this.end();
  }

  /** Keep its place in the memory now, even if it sounds later. */
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
    using _timers = this.#timers;
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
      const voice = voices.pick();
      try {
        for await (const spoken of voice.speak(this.#text.read(this.#stretch.skip), signal)) {
          if (this.reply === undefined && spoken.kind === "audio") await this.#parts.gate.passed();
          if (signal.aborted) return false;
          this.#take(spoken);
        }
        if (signal.aborted) return false;
        this.#release(Infinity);
        voices.worked(voice);
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        if (!(error instanceof FaultError)) throw error;
        const waitMs = voices.failed(voice, error.fault);
        failed(error.fault, { fatal: this.reply === undefined && waitMs === undefined });
        if (waitMs === undefined) return false;
        this.#handOver();
        if (waitMs > 0) await sleep(this.#parts.clock, waitMs, signal).catch(() => {}); // aborted: the loop ends
      }
    }
    return false;
  }

  #take(spoken: Spoken): void {
    const stretch = this.#stretch;
    if (spoken.kind === "words") {
      stretch.words.push(...spoken.words);
      this.#release(stretch.wholeMs);
      return this.#watch();
    }
    stretch.held.push(spoken.frames);
    stretch.pauses.push(spoken.frames);
    stretch.receivedMs += audioMs(spoken.frames.length);
    if (this.reply === undefined) this.#open();
    this.#release(Math.max(stretch.wholeMs, this.#leadUntilMs()));
    this.#watch();
  }

  /** Look again before the line runs dry, if there is anything left to play. */
  #watch(): void {
    if (this.#stretch.held.length === 0 || this.#timers.isArmed("low")) return;
    this.#timers.arm("low", this.#aheadMs() - LOW_MS);
  }

  /** A word that is known to lack its end, and has not begun, waits: a gap before a word is better than one within it. */
  #low(): void {
    if (this.#aheadMs() <= LOW_MS) {
      if (this.#stretch.waitsForWord) return;
      this.#release(this.#leadUntilMs());
    }
    this.#watch();
  }

  /** What is on its way to the caller. */
  #aheadMs(): number {
    return Math.max(0, this.#dryAtMs - this.#parts.clock.monotonicMs());
  }

  /** Up to where the voice must be played for the lead. */
  #leadUntilMs(): number {
    return Math.ceil((this.#stretch.playedMs + LEAD_MS - this.#aheadMs()) / FRAME_MS) * FRAME_MS;
  }

  /** Play what has come, up to `untilMs`: the end of a frame. */
  #release(untilMs: number): void {
    const { host, memory } = this.#parts;
    const stretch = this.#stretch;
    while (stretch.held.length > 0 && stretch.playedMs < untilMs) {
      const frames = stretch.held.shift()!;
      const bytes = Math.min(frames.length, (untilMs - stretch.playedMs) * BYTES_PER_MS);
      if (bytes < frames.length) stretch.held.unshift(frames.subarray(bytes));
      stretch.playedMs += audioMs(bytes);
      this.#dryAtMs = this.#parts.clock.monotonicMs() + this.#aheadMs() + audioMs(bytes);
      memory.audio(this.#first!, audioMs(bytes));
      host.play(this.reply!, frames.subarray(0, bytes));
    }
    this.#tellWords();
  }

  /** Another voice goes on where this one has stopped. */
  #handOver(): void {
    const { skip, words, pauses, playedMs, fromMs } = this.#stretch;
    const text = this.#text.pieces.join("").slice(skip);
    const { msPerCharacter } = this.#parts.memory;
    const { sounds } = pauses;
    const spoken = playedMs === 0 ? 0 : spokenCharacters({ text, words, heardMs: playedMs, msPerCharacter, sounds });
    this.#timers.disarm("low");
    this.#stretch = new Stretch(skip + spoken, fromMs + playedMs);
    if (this.#first !== undefined && playedMs > 0) {
      this.#parts.memory.tookOver(this.#first, { at: skip + spoken, fromMs: fromMs + playedMs });
    }
  }

  #open(): void {
    const { host, memory, reached } = this.#parts;
    this.reserve();
    const reply = host.newReply();
    this.reply = this.#first = reply;
    memory.opened(this.#place!, reply);
    host.post({ kind: "reply-started", reply });
    this.#tellText();
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

  /** Tell the words whose audio was handed to the line. */
  #tellWords(): void {
    const { words, toldWords, playedMs, fromMs } = this.#stretch;
    if (this.reply === undefined) return;
    const fresh = words.slice(toldWords).filter(({ startMs }) => startMs < playedMs);
    if (fresh.length === 0) return;
    this.#stretch.toldWords += fresh.length;
    const own = moved(fresh, fromMs);
    this.#parts.memory.words(this.#first!, own);
    this.#parts.host.post({ kind: "reply-words", reply: this.reply, words: moved(own, this.#shiftMs) });
  }
}

function moved(words: readonly SpokenWord[], byMs: number): SpokenWord[] {
  return words.map(({ text, startMs, endMs }) => ({ text, startMs: startMs + byMs, endMs: endMs + byMs }));
}
