/** The audio of one reply, copied: an object per chunk would outlive collections while it waits. Positions count from the reply's start. */

import { AudioBlocks } from "../audio/blocks.ts";
import { BYTES_PER_MS, SILENCE } from "../audio/frame.ts";

/** What is kept of cut replies, for a false start. */
const KEEP_LIMIT_MS = 30_000;
/** Sent audio that is kept behind the caller's ear, so that a resumed reply can begin with a whole word. */
const KEEP_BEFORE_BYTES = 2000 * BYTES_PER_MS;

export class ReplyAudio {
  readonly #blocks = new AudioBlocks();
  #taken = 0;

  /** Bytes not taken yet. */
  get bytes(): number {
    return this.#blocks.end - this.#taken;
  }

  /** Bytes ever queued. */
  get total(): number {
    return this.#blocks.end;
  }

  push(audio: Uint8Array): void {
    this.#blocks.push(audio);
  }

  /** The next `count` bytes; padded with silence if fewer are left. A view where possible. */
  take(count: number): Uint8Array {
    const to = Math.min(this.#blocks.end, this.#taken + count);
    const bytes = this.#blocks.read(this.#taken, to);
    this.#taken = to;
    if (bytes.length === count) return bytes;
    const padded = new Uint8Array(count).fill(SILENCE);
    padded.set(bytes);
    return padded;
  }

  /** The caller has heard all up to `heard`: forget what lies 2 s before that, in whole blocks. */
  dropHeard(heard: number): void {
    this.#blocks.dropBefore(Math.min(heard - KEEP_BEFORE_BYTES, this.#taken));
  }

  /** Nothing is asked of it any more. */
  drop(): void {
    this.#blocks.clear();
  }

  /** After a cut: keep from 2 s before `heard` to the end, at most `KEEP_LIMIT_MS`. */
  keepFrom(heard: number): void {
    this.dropHeard(heard);
    this.#blocks.dropAfter(this.#keepUntil);
  }

  /** Audio that comes after the cut: what is kept has no hole, so it ends where the first byte does not fit. */
  keep(audio: Uint8Array): void {
    this.push(audio.subarray(0, this.#keepUntil - this.#blocks.end));
  }

  /** All that is kept from `position` on. */
  rest(position: number): Uint8Array[] {
    return this.#blocks.views(Math.max(this.#blocks.from, Math.round(position)), this.#blocks.end);
  }

  get #keepUntil(): number {
    return this.#blocks.from + KEEP_BEFORE_BYTES + KEEP_LIMIT_MS * BYTES_PER_MS;
  }
}
