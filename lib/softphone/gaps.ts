/** Under-runs: the caller's speaker fell silent in the middle of an utterance because the server was late. Pure. */

import { audioMs, FRAME_BYTES } from "../audio/frame.ts";
import type { Tag } from "../audio/tag.ts";
import { distance } from "./ear.ts";
import type { Slot } from "./speaker.ts";

/**
 * Untagged audio does not say where an utterance ends. Without a mark in between, a pause up to this long is taken as
 * one utterance torn apart, a longer one as the start of another.
 */
const UNTAGGED_PAUSE_MS = 1000;

/** Watches the played slots. A gap counts once the utterance goes on: silence at its end is no under-run. */
export class GapWatch {
  underruns = 0;
  underrunMs = 0;
  /** Silence since the audio stopped in mid-utterance; undefined while nothing is being said. */
  #gapMs: number | undefined;
  #before: Tag | undefined;

  /** `tags`: those of the frames that became whole in this slot. */
  slot(slot: Slot, tags: readonly Tag[]): void {
    const missingMs = audioMs(FRAME_BYTES - slot.playedBytes);
    if (slot.playedBytes === 0) {
      if (this.#gapMs !== undefined) this.#gapMs += missingMs;
      return;
    }
    if (this.#gapMs && this.#goesOn(tags[0], this.#gapMs)) {
      this.underruns++;
      this.underrunMs += this.#gapMs;
    }
    this.#before = tags.at(-1);
    const ended = this.#before ? this.#before.last : slot.marked;
    this.#gapMs = ended ? undefined : missingMs;
  }

  /** A mark came when nothing was left to play, or the queue was cleared: what was said has ended. */
  ended(): void {
    if (this.#before && !this.#before.last) return; // marks come in mid-utterance too
    this.#gapMs = undefined;
  }

  cleared(): void {
    this.#gapMs = undefined;
    this.#before = undefined;
  }

  #goesOn(tag: Tag | undefined, gapMs: number): boolean {
    const before = this.#before;
    if (before && tag) return tag.source === before.source && distance(before.frame, tag.frame) > 0;
    return !before && !tag && gapMs <= UNTAGGED_PAUSE_MS;
  }
}
