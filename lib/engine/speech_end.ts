/** When the caller was last heard: the end of speech, as well as a level can tell. */

import { loudnessDbfs } from "../audio/mulaw.ts";
import type { Clock } from "../base/clock.ts";

/** How far above the line's own noise speech stands out, and the bounds of what counts as noise, dBFS. */
const ABOVE_FLOOR_DB = 9;
const QUIETEST_FLOOR_DB = -60;
const LOUDEST_FLOOR_DB = -35;
/** The floor follows a quieter frame at once and a louder one slowly, dB per frame (3 dB/s). */
const FLOOR_RISE_DB = 0.06;

/** Follows caller audio, frame by frame. In loud noise it is too late, never too early. */
export class SpeechEnd {
  /** When the last frame of speech came, ms of the clock; undefined before the first. */
  atMs: number | undefined;
  readonly #clock: Clock;
  #floorDb = QUIETEST_FLOOR_DB;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  push(frame: Uint8Array): void {
    const levelDb = loudnessDbfs(frame);
    if (levelDb > this.#floorDb + ABOVE_FLOOR_DB) this.atMs = this.#clock.monotonicMs();
    const floorDb = Math.min(levelDb, this.#floorDb + FLOOR_RISE_DB);
    this.#floorDb = Math.min(LOUDEST_FLOOR_DB, Math.max(QUIETEST_FLOOR_DB, floorDb));
  }
}
