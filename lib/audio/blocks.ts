/** Audio that waits or is kept, in blocks of half a second that all lines use in turns. */

import { FRAME_BYTES, SILENCE } from "./frame.ts";

/** Half a second: 25 whole frames. */
const BLOCK_BYTES = 25 * FRAME_BYTES;
/** Unused blocks that are held for the next: 8 MB. What is more is let go. */
const SPARE_BLOCKS = 2000;

/** New blocks would outlive young collections, wait for a full one, and bring it about: V8 counts them as it does its heap. */
const spare: Uint8Array[] = [];

/**
 * A queue of bytes by position, counted from its beginning. Views of it hold until what they show is let go: from then on
 * their block is another line's.
 */
export class AudioBlocks {
  readonly #blocks: Uint8Array[] = [];
  #from = 0;
  #end = 0;

  /** Where what is held begins: where a block does. */
  get from(): number {
    return this.#from;
  }

  /** Where the next byte goes. */
  get end(): number {
    return this.#end;
  }

  /** Hold a copy of `audio`. */
  push(audio: Uint8Array): void {
    for (let done = 0; done < audio.length;) {
      const at = this.#end - this.#from;
      const offset = at % BLOCK_BYTES;
      if (at === this.#blocks.length * BLOCK_BYTES) this.#blocks.push(spare.pop() ?? new Uint8Array(BLOCK_BYTES));
      const fits = done === 0 && audio.length <= BLOCK_BYTES - offset;
      const part = fits ? audio : audio.subarray(done, done + BLOCK_BYTES - offset);
      this.#blocks.at(-1)!.set(part, offset);
      done += part.length;
      this.#end += part.length;
    }
  }

  /** What is held from one position to another: a view where that is in one block. */
  read(from: number, to: number): Uint8Array {
    const offset = (from - this.#from) % BLOCK_BYTES;
    const first = this.#blocks[Math.floor((from - this.#from) / BLOCK_BYTES)];
    if (first && offset + to - from <= BLOCK_BYTES) return first.subarray(offset, offset + to - from);
    const joined = new Uint8Array(to - from);
    let filled = 0;
    for (const view of this.views(from, to)) {
      joined.set(view, filled);
      filled += view.length;
    }
    return joined;
  }

  /** The same in as many views as there are blocks. */
  views(from: number, to: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    for (let at = from; at < to;) {
      const offset = (at - this.#from) % BLOCK_BYTES;
      const view = this.#blocks[Math.floor((at - this.#from) / BLOCK_BYTES)]!.subarray(offset, offset + to - at);
      views.push(view);
      at += view.length;
    }
    return views;
  }

  /** Let go of the blocks that end before `position`. */
  dropBefore(position: number): void {
    const count = Math.floor((Math.min(position, this.#end) - this.#from) / BLOCK_BYTES);
    if (count <= 0) return;
    giveBack(this.#blocks.splice(0, count));
    this.#from += count * BLOCK_BYTES;
  }

  /** Let go of what is behind `position`: the next byte goes there. */
  dropAfter(position: number): void {
    this.#end = Math.max(this.#from, Math.min(this.#end, position));
    giveBack(this.#blocks.splice(Math.ceil((this.#end - this.#from) / BLOCK_BYTES)));
  }

  /** Let go of everything; positions go on. */
  clear(): void {
    giveBack(this.#blocks.splice(0));
    this.#from = this.#end;
  }
}

/** Nobody's words stay in a block that nobody uses. */
function giveBack(blocks: Uint8Array[]): void {
  for (const block of blocks) if (spare.length < SPARE_BLOCKS) spare.push(block.fill(SILENCE));
}
