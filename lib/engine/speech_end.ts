/** When the caller was last heard: the end of speech, as far as loudness can tell. */

import { loudnessDbfs } from "../audio/mulaw.ts";
import { NoiseFloor } from "../audio/noise_floor.ts";
import type { Clock } from "../base/clock.ts";

/** Follows caller audio, frame by frame. In loud noise it is too late, never too early. */
export class SpeechEnd {
  /** When the last frame of speech came, ms of the clock; undefined before the first. */
  atMs: number | undefined;
  readonly #clock: Clock;
  readonly #floor = new NoiseFloor();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  push(frame: Uint8Array): void {
    if (this.#floor.push(loudnessDbfs(frame))) this.atMs = this.#clock.monotonicMs();
  }
}
