/** Where a voice is silent: the places at which its audio can be cut without halving a word. Pure. */

import { BYTES_PER_MS, FRAME_MS } from "../audio/frame.ts";
import { POWER } from "../audio/mulaw.ts";

/** Times in ms of the audio pushed. */
export interface Span {
  startMs: number;
  endMs: number;
}

const WINDOW_MS = 5;
const WINDOW_BYTES = WINDOW_MS * BYTES_PER_MS;
/** Silent is what lies so far below the voice's loudest, and always what is below -50 dBFS. */
const BELOW_LOUDEST = 10 ** (-30 / 10);
const SILENT_POWER = 10 ** (-50 / 10);
/** A shorter silence is part of a sound. Of silences of 60 ms or more nine in ten lie between words, of shorter ones half. */
const LEAST_MS = 30;
const CUT_MS = 55;
/** A word may begin too softly to be noticed. */
const ONSET_MS = 20;

export class Pauses {
  /** What is heard between pauses, oldest first; the last one may go on. */
  readonly sounds: Span[] = [];
  #loudest = 0;
  #atMs = 0;

  /** Mu-law, 8 kHz; whole frames. */
  push(frame: Uint8Array): void {
    for (let at = 0; at < frame.length; at += WINDOW_BYTES) {
      let sum = 0;
      for (let i = at; i < at + WINDOW_BYTES; i++) sum += POWER[frame[i]!]!;
      this.#window(sum / WINDOW_BYTES);
      this.#atMs += WINDOW_MS;
    }
  }

  /** The end of the last frame that lies in a pause, or before all sound, ms: what follows begins with a word. */
  get lastCutMs(): number {
    for (let index = this.sounds.length - 1; index >= 0; index--) {
      const fromMs = this.sounds[index]!.endMs;
      const untilMs = this.sounds[index + 1]?.startMs ?? this.#atMs;
      if (untilMs - fromMs >= CUT_MS) return wholeFrames(untilMs - ONSET_MS);
    }
    return 0;
  }

  #window(level: number): void {
    this.#loudest = Math.max(this.#loudest, level);
    if (level < Math.max(SILENT_POWER, this.#loudest * BELOW_LOUDEST)) return;
    const endMs = this.#atMs + WINDOW_MS;
    const last = this.sounds.at(-1);
    if (last && this.#atMs - last.endMs < LEAST_MS) last.endMs = endMs;
    else this.sounds.push({ startMs: this.#atMs, endMs });
  }
}

function wholeFrames(ms: number): number {
  return Math.floor(ms / FRAME_MS) * FRAME_MS;
}
