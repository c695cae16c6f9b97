/** Finds the tagged frames in a byte stream that need not be cut at their borders. Pure. */

import { FRAME_BYTES } from "../audio/frame.ts";
import { readTag, type Tag } from "../audio/tag.ts";

export class TagStream {
  #rest: Uint8Array = new Uint8Array(0);

  /** Calls back with the tag of each whole frame in `bytes` and what was left of the last ones; undefined for an untagged one. */
  push(bytes: Uint8Array, found: (tag: Tag | undefined) => void): void {
    let rest = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    while (rest.length >= FRAME_BYTES) {
      const tag = readTag(rest.subarray(0, FRAME_BYTES));
      if (!tag) {
        if (rest.length < 2 * FRAME_BYTES - 1) break; // a border may still show within the next frame
        const border = findBorder(rest);
        if (border !== undefined) {
          rest = rest.subarray(border);
          continue;
        }
      }
      found(tag);
      rest = rest.subarray(FRAME_BYTES);
    }
    this.#rest = rest.slice();
  }

  /** What follows does not continue what came: forget the started frame. */
  cut(): void {
    this.#rest = new Uint8Array(0);
  }
}

/** Cheap: of random bytes mostly two bits are looked at for each place. */
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
