/** Silence that the carrier leaves out: told by its timestamps, or by nothing coming. Pure: time comes in as a number. */

import { audioMs, FRAME_MS } from "../audio/frame.ts";

/** Without any frame for this long, silence is made up in real time: recognisers stop without audio. Gaps up to 233 ms are normal. */
export const QUIET_LINE_MS = 500;
/** Silence is made up in pieces of this, and so far behind time; on a line whose carrier is known to send none, without delay. */
const PIECE_MS = 250;
/** A line is waited for at most so much longer because its last frame came late. */
const LATE_LIMIT_MS = 2000;

export class SkippedSilence {
  /** Carrier timestamp that the next frame should have. */
  #expectedMs: number | undefined;
  /** The carrier has left silence out before, instead of sending it. */
  #isUsual = false;
  /** Made up since the last real frame, ms: later gaps are shorter by it. */
  #madeUpMs = 0;
  /** How much later than its timestamp a frame comes at best: the carrier's time is not ours. */
  #leastDelayMs = Infinity;
  /** How much later than that the last one came. Where it lay unread, more may. */
  #lateMs = 0;

  /** Audio came, at `nowMs`. @returns how much the carrier has left out before it, ms: 0, or a frame at least. */
  before(timestampMs: number, bytes: number, nowMs: number): number {
    const delayMs = nowMs - timestampMs;
    this.#leastDelayMs = Math.min(this.#leastDelayMs, delayMs);
    this.#lateMs = Math.min(delayMs - this.#leastDelayMs, LATE_LIMIT_MS);
    const skippedMs = timestampMs - (this.#expectedMs ?? timestampMs);
    const missingMs = skippedMs - this.#madeUpMs;
    this.#isUsual ||= skippedMs >= QUIET_LINE_MS;
    this.#madeUpMs = 0;
    this.#expectedMs = timestampMs + audioMs(bytes);
    return missingMs < FRAME_MS ? 0 : missingMs;
  }

  /** Nothing has come for `quietMs`. @returns how many frames to make up now, and when to look again. */
  due(quietMs: number): { frames: number; againMs: number } {
    const behindMs = this.#isUsual ? 0 : QUIET_LINE_MS - PIECE_MS;
    const owedMs = quietMs - this.#lateMs - this.#madeUpMs - behindMs;
    if (owedMs < PIECE_MS) return { frames: 0, againMs: PIECE_MS - owedMs };
    const frames = Math.floor(owedMs / FRAME_MS);
    this.#madeUpMs += frames * FRAME_MS;
    return { frames, againMs: PIECE_MS };
  }
}
