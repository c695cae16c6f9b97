/**
 * Frames that say what they are: 20 ms of loud noise that ends in call, reply, number and time. Not tagged audio: the
 * server must carry any bytes. The stamp stands at the end, so that it tells when the frame became whole.
 *
 * | bytes | content |
 * | --- | --- |
 * | 0-125 | noise, always the same |
 * | 126-127 | magic: which way it goes |
 * | 128-143 | call, reply (0: the caller's), number in the reply, frames of the reply: 32 bits each |
 * | 144-151 | machine clock when it was sent, ms, double |
 * | 152-155 | check sum of 126-151 |
 * | 156-159 | noise |
 */

import { FRAME_BYTES, SILENCE } from "../../lib/audio/frame.ts";

export const UP = 0x4F55;
export const DOWN = 0x4F44;
/** A chunk must not end behind this byte of a frame, or the stamp would be torn. */
export const STAMP_AT = 126;

export interface Stamp {
  call: number;
  reply: number;
  index: number;
  count: number;
  sentMs: number;
}

let state = 0x2545F491;
const NOISE = Uint8Array.from({ length: FRAME_BYTES }, () => {
  state = Math.imul(state ^ (state >>> 15), 0x2C1B3C6D) + 0x6D2B79F5;
  return (state >>> 13) & 0x8F; // the loudest codes of both signs: nobody takes this for silence
});
/** The noise before the stamp in base64: 126 bytes are whole groups of three. */
const NOISE64 = NOISE.subarray(0, STAMP_AT).toBase64();

/** Writes and reads frames in one scratch buffer of its own. */
export class FrameStamp {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FRAME_BYTES);
  readonly #words = new Uint32Array(this.bytes.buffer);
  readonly #halves = new Uint16Array(this.bytes.buffer);
  readonly #doubles = new Float64Array(this.bytes.buffer);

  constructor() {
    this.bytes.set(NOISE);
  }

  /** Fill `bytes`. */
  write(way: number, { call, reply, index, count, sentMs }: Stamp): void {
    this.#halves[STAMP_AT / 2] = way;
    this.#words[32] = call;
    this.#words[33] = reply;
    this.#words[34] = index;
    this.#words[35] = count;
    this.#doubles[18] = sentMs;
    this.#words[38] = this.#sum();
  }

  /** The last frame written, in base64: the part that never changes was made ahead. */
  base64(): string {
    return NOISE64 + this.bytes.subarray(STAMP_AT).toBase64();
  }

  /** The stamp of one frame in base64; undefined if a byte of it is not what was sent. */
  readBase64(payload: string, way: number): Stamp | undefined {
    if (!payload.startsWith(NOISE64)) return undefined;
    const tail = this.bytes.subarray(STAMP_AT);
    const { written } = tail.setFromBase64(payload.slice(NOISE64.length));
    return written === tail.length ? this.#stamp(way) : undefined;
  }

  /** The stamp of one frame at `offset`; "silence" if it is all silence; undefined if a byte is not what was sent. */
  read(frame: Uint8Array, offset: number, way: number): Stamp | "silence" | undefined {
    for (let i = 0; i < STAMP_AT; i++) {
      if (frame[offset + i] !== NOISE[i]) return isSilence(frame, offset) ? "silence" : undefined;
    }
    this.bytes.set(frame.subarray(offset + STAMP_AT, offset + FRAME_BYTES), STAMP_AT);
    return this.#stamp(way);
  }

  #stamp(way: number): Stamp | undefined {
    if (this.#halves[STAMP_AT / 2] !== way || this.#words[38] !== this.#sum()) return undefined;
    for (let i = 156; i < FRAME_BYTES; i++) if (this.bytes[i] !== NOISE[i]) return undefined;
    return {
      call: this.#words[32]!,
      reply: this.#words[33]!,
      index: this.#words[34]!,
      count: this.#words[35]!,
      sentMs: this.#doubles[18]!,
    };
  }

  #sum(): number {
    let sum = this.#halves[STAMP_AT / 2]!;
    for (let word = 32; word < 38; word++) sum = Math.imul(sum ^ this.#words[word]!, 0x01000193) ^ (sum >>> 11);
    return sum >>> 0;
  }
}

function isSilence(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < FRAME_BYTES; i++) if (bytes[offset + i] !== SILENCE) return false;
  return true;
}

/** Counts what is missing, doubled or out of order in a numbered row. Bounded: of a gap, the first 1024 may still come late. */
export class Sequence {
  next = 0;
  lost = 0;
  duplicated = 0;
  reordered = 0;
  readonly #missing = new Set<number>();

  /** @returns whether it is the one that was due. */
  push(index: number): boolean {
    if (index === this.next) {
      this.next++;
      return true;
    }
    if (index > this.next) {
      this.lost += index - this.next;
      for (let i = this.next; i < index && this.#missing.size < 1024; i++) this.#missing.add(i);
      this.next = index + 1;
    } else if (this.#missing.delete(index)) {
      this.lost--;
      this.reordered++;
    } else this.duplicated++;
    return false;
  }
}
