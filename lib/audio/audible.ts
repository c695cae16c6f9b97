/** Whether the caller can be heard at all: a coarse, cheap answer for timers, not for turn-taking. Pure. */

import { POWER } from "./mulaw.ts";
import { NoiseFloor } from "./noise_floor.ts";

/** Frames looked back on: 500 ms. */
const WINDOW = 25;
/** This many of them must stand out from the noise. */
const NEEDED = 8;

export class Audible {
  readonly #floor = new NoiseFloor();
  /** The last `WINDOW` frames, one bit each, and how many of them stood out. */
  #bits = 0;
  #loud = 0;
  /** Frames since the caller became audible. */
  #soundFrames = 0;

  /** The caller made sound for a good part of the last half second. */
  get audible(): boolean {
    return this.#loud >= NEEDED;
  }

  /** The last frame stood out. */
  get loud(): boolean {
    return (this.#bits & 1) === 1;
  }

  /** @returns how many frames the sound had that this frame ends; 0 if it ends none. */
  push(frame: Uint8Array): number {
    let sum = 0;
    // Every fourth sample: enough for a level, a quarter of the work.
    for (let index = 0; index < frame.length; index += 4) sum += POWER[frame[index]!]!;
    const loud = this.#floor.push(10 * Math.log10(sum * 4 / frame.length + 1e-10));
    this.#loud += (loud ? 1 : 0) - ((this.#bits >> (WINDOW - 1)) & 1);
    this.#bits = ((this.#bits << 1) | (loud ? 1 : 0)) & ((1 << WINDOW) - 1);
    const lastedFrames = this.#soundFrames;
    this.#soundFrames = this.audible ? lastedFrames + 1 : 0;
    return this.audible ? 0 : lastedFrames;
  }
}
