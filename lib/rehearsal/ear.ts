/**
 * How a stand-in hears: words from tagged audio, mere speech from anything else. Time is audio time (20 ms a frame), so
 * a caller whose audio stops coming never ends a turn, as with the vendor.
 */

import { FRAME_BYTES, FRAME_MS, FrameCutter } from "../audio/frame.ts";
import { TagReader } from "../audio/tag.ts";

/** A voice detector with its hysteresis, for one stream of untagged audio. */
export interface SpeechSense extends Disposable {
  /** Whether this frame belongs to somebody's speech. */
  speech(frame: Uint8Array): boolean;
}

export interface EarEvents {
  /** Somebody began to speak. */
  started(): void;
  /** A further frame of speech. */
  voiced(): void;
  ended(speech: Speech): void;
}

/** What was said: `words` is "" if nobody can tell. `spokeMs` runs from the first to the last sound of it. */
export interface Speech {
  words: string;
  spokeMs: number;
}

export interface EarOptions {
  events: EarEvents;
  /** Silence that ends speech, ms; the last frame of tagged speech ends it at once. */
  endpointMs: number;
  /** Called with the first untagged sound, as it may have to load; audio waits for it, 2 s at most. */
  openSense: () => Promise<SpeechSense>;
  /** Opening the sense failed. */
  crashed: (error: unknown) => void;
}

export class Ear implements Disposable {
  /** What the tags told: lost, doubled, reordered and altered frames of each source. */
  readonly tags = new TagReader();
  readonly #cutter = new FrameCutter();
  readonly #options: EarOptions;
  #sense: SpeechSense | undefined;
  #opening = false;
  readonly #unjudged: Uint8Array[] = [];
  #disposed = false;
  #speaking = false;
  #words: string[] = [];
  #spokeMs = 0;
  #quietMs = 0;

  constructor(options: EarOptions) {
    this.#options = options;
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Caller audio, mu-law 8 kHz, in any chunking. */
  push(chunk: Uint8Array): void {
    this.#cutter.push(chunk, (frame) => this.#hear(frame));
  }

  /** The speech that goes on ends here, whatever follows. */
  forceEnd(): void {
    if (this.#speaking) this.#end();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#sense?.[Symbol.dispose]();
    this.#sense = undefined;
  }

  #hear(frame: Uint8Array): void {
    if (this.#disposed) return;
    const heard = this.tags.push(frame);
    if (!heard) return this.#judge(frame);
    this.#words.push(...heard.words);
    if (this.#speaking || isAudible(frame)) this.#voice();
    if (heard.tag.last && this.#speaking) this.#end();
  }

  /** Untagged audio. Until the first sound of it there is no sense, which then hears the silence before it as well. */
  #judge(frame: Uint8Array): void {
    if (this.#sense) return this.#sense.speech(frame) ? this.#voice() : this.#quiet();
    this.#quiet();
    this.#unjudged.push(frame.slice());
    if (this.#unjudged.length > UNJUDGED_FRAMES) this.#unjudged.shift();
    if (!this.#opening && isAudible(frame)) {
      this.#opening = true;
      this.#open().catch(this.#options.crashed);
    }
  }

  async #open(): Promise<void> {
    const sense = await this.#options.openSense();
    if (this.#disposed) return sense[Symbol.dispose]();
    this.#sense = sense;
    for (const frame of this.#unjudged.splice(0)) this.#judge(frame);
  }

  #voice(): void {
    const { started, voiced } = this.#options.events;
    const isFirst = !this.#speaking;
    this.#speaking = true;
    this.#spokeMs += this.#quietMs + FRAME_MS;
    this.#quietMs = 0;
    isFirst ? started() : voiced();
  }

  #quiet(): void {
    if (!this.#speaking) return;
    this.#quietMs += FRAME_MS;
    if (this.#quietMs >= this.#options.endpointMs) this.#end();
  }

  #end(): void {
    const speech = { words: this.#words.join(" "), spokeMs: this.#spokeMs };
    this.#speaking = false;
    this.#words = [];
    this.#spokeMs = this.#quietMs = 0;
    this.#options.events.ended(speech);
  }
}

/** Louder than about -48 dBFS somewhere: the sign aside, a mu-law code is the smaller the louder it is. */
function isAudible(frame: Uint8Array): boolean {
  for (let i = 0; i < FRAME_BYTES; i++) {
    if ((frame[i]! | 0x80) < AUDIBLE_CODE) return true;
  }
  return false;
}

const AUDIBLE_CODE = 0xE8;
const UNJUDGED_FRAMES = 100;
