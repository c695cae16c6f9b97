/**
 * What a stand-in recogniser hears of a stream, as audio time passes: words from tagged audio, each once it has been
 * spoken; from other audio that somebody speaks, and its words only if there is a recogniser to ask.
 */

import { FRAME_BYTES, FRAME_MS, FrameCutter } from "../audio/frame.ts";
import { decode, loudnessDbfs } from "../audio/mulaw.ts";
import { TagReader } from "../audio/tag.ts";
import type { SpeechSense } from "./ear.ts";

/** A word and when it was spoken, ms of the audio received. */
export interface HeardWord {
  text: string;
  startMs: number;
  endMs: number;
}

/** Speech as 16-bit little-endian samples at 8 kHz -> its words. */
export type Recognise = (pcm8k: Uint8Array) => Promise<string>;

export interface WordStreamOptions {
  /** Called with the first untagged sound, as it may have to load; audio waits for it, 2 s at most. */
  openSense: () => Promise<SpeechSense>;
  recognise?: Recognise | undefined;
  /** A promise of the two above failed. */
  crashed: (error: unknown) => void;
  /** Each 20 ms of audio, after its words were heard. */
  frame: () => void;
}

/** Sound that a word needs to end on, ms: shorter gaps are within words. */
const WORD_GAP_MS = 40;
const AUDIBLE_DBFS = -45;
/** What is kept of untagged speech for the recogniser, ms. */
const SEGMENT_MS = 15_000;
/** What goes before the first sound that the sense was sure of, ms: the onset of the word. */
const ONSET_MS = 300;
/** Silence that parts what the recogniser gets, ms: a sentence with its pauses is one piece. */
const SEGMENT_GAP_MS = 300;
/** How long the recogniser is waited for, ms. */
const RECOGNISE_LIMIT_MS = 10_000;
/** What waits for the sense to open, ms. */
const OPENING_MS = 2000;

/** Untagged audio and when it ended, ms. */
interface Untagged {
  frame: Uint8Array;
  endMs: number;
}

/** Disposing it ends the sense. */
export class WordStream implements Disposable {
  /** Audio received, ms. */
  nowMs = 0;
  /** Spoken and not taken yet, oldest first. */
  words: HeardWord[] = [];
  /** The end of the last sound of speech, ms; -Infinity before the first. */
  lastSoundMs = -Infinity;
  /** What the tags told of lost, doubled and altered frames. */
  readonly tags = new TagReader();
  readonly #options: WordStreamOptions;
  readonly #cutter = new FrameCutter();
  #sense: SpeechSense | undefined;
  #isOpening = false;
  #isDisposed = false;
  /** The latest untagged frames: they wait for the sense, then for the first speech. */
  #recent: Untagged[] = [];
  #open: { text: string; startMs: number } | undefined;
  #segment: Uint8Array[] = [];
  #asking = 0;
  #askedAtMs = 0;

  constructor(options: WordStreamOptions) {
    this.#options = options;
  }

  /** The recogniser has speech, or will: words may still come for what was said. */
  get pending(): boolean {
    const isAsking = this.#asking > 0 && this.nowMs - this.#askedAtMs < RECOGNISE_LIMIT_MS;
    return isAsking || (this.#options.recognise !== undefined && this.#segment.length > 0);
  }

  /** Whether the last frame was speech. */
  get sounding(): boolean {
    return this.lastSoundMs === this.nowMs;
  }

  /** Audio, mu-law 8 kHz, any chunking. */
  push(chunk: Uint8Array): void {
    this.#cutter.push(chunk, (frame) => this.#hear(frame));
  }

  /** The word that is being spoken counts as spoken. */
  settle(): void {
    if (!this.#open) return;
    this.words.push({ ...this.#open, endMs: Math.max(this.#open.startMs, this.lastSoundMs) });
    this.#open = undefined;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#sense?.[Symbol.dispose]();
    this.#sense = undefined;
  }

  #hear(frame: Uint8Array): void {
    const startMs = this.nowMs;
    this.nowMs += FRAME_MS;
    const heard = this.tags.push(frame);
    if (heard) this.#hearTagged(frame, heard, startMs);
    else this.#hearUntagged(frame);
    if (this.nowMs - this.lastSoundMs >= WORD_GAP_MS) this.settle();
    this.#options.frame();
  }

  #hearTagged(frame: Uint8Array, { tag, words }: { tag: { last: boolean }; words: string[] }, startMs: number): void {
    if (words.length > 0 || loudnessDbfs(frame) > AUDIBLE_DBFS) this.lastSoundMs = this.nowMs;
    for (const text of words) {
      this.settle();
      this.#open = { text, startMs };
    }
    if (tag.last) this.settle();
  }

  #hearUntagged(frame: Uint8Array): void {
    const keptMs = this.#sense ? ONSET_MS : OPENING_MS;
    if (this.#recent.push({ frame: frame.slice(), endMs: this.nowMs }) > keptMs / FRAME_MS) this.#recent.shift();
    if (this.#sense) return this.#judge(this.#sense, { frame, endMs: this.nowMs });
    if (this.#isOpening || loudnessDbfs(frame) <= AUDIBLE_DBFS) return;
    this.#isOpening = true;
    this.#load().catch(this.#options.crashed);
  }

  async #load(): Promise<void> {
    const sense = await this.#options.openSense();
    if (this.#isDisposed) return sense[Symbol.dispose]();
    this.#sense = sense;
    for (const untagged of [...this.#recent]) this.#judge(sense, untagged);
  }

  #judge(sense: SpeechSense, { frame, endMs }: Untagged): void {
    const isSpeech = sense.speech(frame);
    if (isSpeech) this.lastSoundMs = endMs;
    if (this.#segment.length > 0) this.#extend(frame, endMs);
    else if (isSpeech) this.#segment = this.#onset(endMs);
  }

  #extend(frame: Uint8Array, endMs: number): void {
    this.#segment.push(frame.slice());
    const isOver = endMs - this.lastSoundMs >= SEGMENT_GAP_MS || this.#segment.length >= SEGMENT_MS / FRAME_MS;
    if (isOver) this.#ask();
  }

  #onset(endMs: number): Uint8Array[] {
    const onset = this.#recent.filter((each) => each.endMs <= endMs && each.endMs > endMs - ONSET_MS);
    return onset.map(({ frame }) => frame);
  }

  /** Have the speech recognised, if anyone can. */
  #ask(): void {
    const { recognise, crashed } = this.#options;
    const segment = this.#segment.splice(0);
    if (!recognise) return;
    const endMs = this.lastSoundMs;
    const startMs = this.nowMs - segment.length * FRAME_MS;
    this.#asking++;
    this.#askedAtMs = this.nowMs;
    recognise(linear16(segment)).finally(() => this.#asking--).then((text) => {
      const words = text.split(/\s+/).filter(Boolean);
      const wordMs = (endMs - startMs) / Math.max(1, words.length);
      words.forEach((word, i) =>
        this.words.push({ text: word, startMs: startMs + i * wordMs, endMs: startMs + (i + 1) * wordMs })
      );
    }).catch(crashed);
  }
}

function linear16(frames: Uint8Array[]): Uint8Array {
  const samples = new Int16Array(frames.length * FRAME_BYTES);
  frames.forEach((frame, n) => decode(frame, samples.subarray(n * FRAME_BYTES)));
  return new Uint8Array(samples.buffer); // every machine that Deno runs on is little-endian
}
