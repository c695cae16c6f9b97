/** Finds the tagged frames in a byte stream that need not be cut at their borders. Pure. */

import { FRAME_BYTES } from "../audio/frame.ts";
import { readTag, type Tag } from "../audio/tag.ts";

/** After this many untagged frames in a row the borders are searched for only now and then: it is just untagged audio. */
const EAGER_FRAMES = 3;
const SEARCH_EVERY_FRAMES = 25;

export class TagStream {
  #rest: Uint8Array = new Uint8Array(0);
  #untagged = 0;

  /** Calls back with the tag of each whole frame in `bytes` and what was left of the last ones; undefined for an untagged one. */
  push(bytes: Uint8Array, found: (tag: Tag | undefined) => void): void {
    let rest = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    while (rest.length >= FRAME_BYTES) {
      const tag = readTag(rest.subarray(0, FRAME_BYTES));
      if (!tag && this.#searches()) {
        if (rest.length < 2 * FRAME_BYTES - 1) break; // a border may still show within the next frame
        const border = findBorder(rest);
        if (border !== undefined) {
          rest = rest.subarray(border);
          this.#untagged = 0;
          continue;
        }
      }
      this.#untagged = tag ? 0 : this.#untagged + 1;
      found(tag);
      rest = rest.subarray(FRAME_BYTES);
    }
    this.#rest = rest.slice();
  }

  /** What follows does not continue what came: forget the started frame. */
  cut(): void {
    this.#rest = new Uint8Array(0);
    this.#untagged = 0;
  }

  #searches(): boolean {
    return this.#untagged < EAGER_FRAMES || this.#untagged % SEARCH_EVERY_FRAMES === 0;
  }
}

function findBorder(bytes: Uint8Array): number | undefined {
  for (let at = 1; at < FRAME_BYTES; at++) {
    if (readTag(bytes.subarray(at, at + FRAME_BYTES))) return at;
  }
  return undefined;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
