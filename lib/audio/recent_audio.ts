/** The last frames of a line, kept for somebody who may have to hear them again. */

import { AudioBlocks } from "./blocks.ts";
import { FRAME_BYTES } from "./frame.ts";

/** Frames as bytes in blocks: objects per frame would outlive collections. */
export class RecentAudio {
  readonly #blocks = new AudioBlocks();
  /** Where the oldest frame begins. */
  #oldest = 0;

  /** Keep a copy of `frame` (160 bytes); of all, the last `limit` frames stay. @returns whether older ones had to go. */
  push(frame: Uint8Array, limit: number): boolean {
    const isFull = this.#blocks.end - this.#oldest >= limit * FRAME_BYTES;
    this.keepLast(limit - 1);
    this.#blocks.push(frame);
    return isFull;
  }

  /** Let go of all but the last `count` frames. */
  keepLast(count: number): void {
    this.#oldest = Math.max(this.#oldest, this.#blocks.end - count * FRAME_BYTES);
    this.#blocks.dropBefore(this.#oldest);
  }

  clear(): void {
    this.#blocks.clear();
    this.#oldest = this.#blocks.end;
  }

  /** Copies, oldest first. */
  frames(): Uint8Array[] {
    const count = (this.#blocks.end - this.#oldest) / FRAME_BYTES;
    return Array.from({ length: count }, (_, index) => {
      const at = this.#oldest + index * FRAME_BYTES;
      return this.#blocks.read(at, at + FRAME_BYTES).slice();
    });
  }
}
