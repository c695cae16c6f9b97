/** What a vendor hears of one caller: which frames, in which order, how late. Pure. */

import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { FrameStamp, Sequence, UP } from "./frames.ts";
import type { Histogram } from "./histogram.ts";

export interface UplinkParts {
  nowMs: () => number;
  uplink: Histogram;
  /** Whether what comes now is measured. */
  measured: (ms: number) => boolean;
}

const stamp = new FrameStamp();

export class Uplink {
  readonly heard = new Sequence();
  /** Known from the first frame of the caller; -1 before. */
  call = -1;
  altered = 0;
  /** Frames of made-up silence. */
  silent = 0;
  readonly #parts: UplinkParts;
  #rest = new Uint8Array(0);

  constructor(parts: UplinkParts) {
    this.#parts = parts;
  }

  /** Caller audio, in pieces of any size. */
  hear(audio: Uint8Array): void {
    const ms = this.#parts.nowMs();
    const bytes = this.#rest.length === 0 ? audio : new Uint8Array([...this.#rest, ...audio]);
    let at = 0;
    for (; at + FRAME_BYTES <= bytes.length; at += FRAME_BYTES) this.#hearFrame(bytes, at, ms);
    if (at < bytes.length || this.#rest.length > 0) this.#rest = bytes.slice(at);
  }

  #hearFrame(bytes: Uint8Array, at: number, ms: number): void {
    const read = stamp.read(bytes, at, UP);
    if (read === "silence") return void this.silent++;
    if (!read || (this.call >= 0 && read.call !== this.call)) return void this.altered++;
    this.call = read.call;
    this.heard.push(read.index);
    if (this.#parts.measured(read.sentMs)) this.#parts.uplink.add(ms - read.sentMs);
  }

  get result() {
    const { next, lost, duplicated, reordered } = this.heard;
    return { call: this.call, next, lost, duplicated, reordered, altered: this.altered, silent: this.silent };
  }
}
