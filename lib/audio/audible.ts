/** Whether the caller can be heard at all: a coarse, cheap answer for timers, not for turn-taking. Pure. */

import { decodeSample } from "./mulaw.ts";

/** Frames looked back on: 500 ms. */
const WINDOW = 25;
/** So many of them must stand out. */
const NEEDED = 8;
/** How far above the line's own noise a frame stands out, and the bounds of what counts as noise, dBFS. */
const ABOVE_FLOOR_DB = 9;
const QUIETEST_FLOOR_DB = -60;
/** Steady sound louder than this is somebody, not the line. */
const LOUDEST_FLOOR_DB = -35;
/** The floor follows a quieter frame at once and a louder one slowly, dB per frame (3 dB/s). */
const FLOOR_RISE_DB = 0.06;

const power = Float32Array.from({ length: 256 }, (_, code) => (decodeSample(code) / 32768) ** 2);

export class Audible {
  #floorDb = QUIETEST_FLOOR_DB;
  /** The last `WINDOW` frames, one bit each, and how many of them stood out. */
  #bits = 0;
  #loud = 0;

  /** The caller made sound for a good part of the last half second. */
  get audible(): boolean {
    return this.#loud >= NEEDED;
  }

  push(frame: Uint8Array): void {
    let sum = 0;
    // Every fourth sample: enough for a level, a quarter of the work.
    for (let index = 0; index < frame.length; index += 4) sum += power[frame[index]!]!;
    const levelDb = 10 * Math.log10(sum * 4 / frame.length + 1e-10);
    const loud = levelDb > this.#floorDb + ABOVE_FLOOR_DB;
    const floorDb = Math.min(levelDb, this.#floorDb + FLOOR_RISE_DB);
    this.#floorDb = Math.min(LOUDEST_FLOOR_DB, Math.max(QUIETEST_FLOOR_DB, floorDb));
    this.#loud += (loud ? 1 : 0) - ((this.#bits >> (WINDOW - 1)) & 1);
    this.#bits = ((this.#bits << 1) | (loud ? 1 : 0)) & ((1 << WINDOW) - 1);
  }
}
