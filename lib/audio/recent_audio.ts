/** The last frames of a line, kept for somebody who may have to hear them again. Pure. */

import { FRAME_BYTES } from "./frame.ts";

const FIRST_ROOM_FRAMES = 32;

/** A ring buffer that grows with what it has to keep, and keeps its size: no objects per frame, which would outlive collections. */
export class RecentAudio {
  #buffer = new Uint8Array(0);
  /** Where in the ring the oldest frame is, in frames. */
  #oldest = 0;
  #frames = 0;

  /** Keep a copy of `frame` (160 bytes); of all, the last `limit` frames stay. @returns whether older ones had to go. */
  push(frame: Uint8Array, limit: number): boolean {
    const isFull = this.#frames >= limit;
    this.keepLast(limit - 1);
    if (this.#frames === this.#capacity) this.#grow(limit);
    this.#buffer.set(frame, (this.#oldest + this.#frames) % this.#capacity * FRAME_BYTES);
    this.#frames++;
    return isFull;
  }

  /** Let go of all but the last `count` frames. */
  keepLast(count: number): void {
    const surplus = this.#frames - count;
    if (surplus <= 0) return;
    this.#oldest = (this.#oldest + surplus) % this.#capacity;
    this.#frames -= surplus;
  }

  clear(): void {
    this.#oldest = this.#frames = 0;
  }

  /** Copies, oldest first. */
  frames(): Uint8Array[] {
    return Array.from({ length: this.#frames }, (_, index) => {
      const at = (this.#oldest + index) % this.#capacity * FRAME_BYTES;
      return this.#buffer.slice(at, at + FRAME_BYTES);
    });
  }

  get #capacity(): number {
    return this.#buffer.length / FRAME_BYTES;
  }

  #grow(limit: number): void {
    const frames = Math.min(limit, Math.max(FIRST_ROOM_FRAMES, this.#capacity * 2));
    const buffer = new Uint8Array(frames * FRAME_BYTES);
    const split = this.#oldest * FRAME_BYTES;
    buffer.set(this.#buffer.subarray(split));
    buffer.set(this.#buffer.subarray(0, split), this.#buffer.length - split);
    this.#buffer = buffer;
    this.#oldest = 0;
  }
}
