/** What tagged audio tells about the server: words heard, frames lost, doubled, altered, or sent after they were cleared. Pure. */

import type { Tag } from "../audio/tag.ts";
import { TagStream } from "./tag_stream.ts";

/** A frame that continues a cleared utterance is stale for this long; later it is a deliberate resumption. */
const STALE_WITHIN_MS = 500;

const FRAME_NUMBERS = 1 << 24;

/** How the frames of the server's audio arrived. */
export interface Integrity {
  tagged: number;
  untagged: number;
  lost: number;
  duplicated: number;
  reordered: number;
  altered: number;
  stale: number;
}

/** The utterance that was cut off by the last `clear`. */
interface Cut {
  source: number;
  frame: number;
  atMs: number;
}

/**
 * Judges frames as they arrive from the server. After a `clear`, frames that go on where the cut utterance had arrived
 * are stale; if it comes back from an earlier frame (a false start, resumed at the cut word), what follows is legal.
 */
export class ArrivalEar {
  readonly counts: Integrity = { tagged: 0, untagged: 0, lost: 0, duplicated: 0, reordered: 0, altered: 0, stale: 0 };
  readonly #stream = new TagStream();
  #latest: Tag | undefined;
  #untaggedSince = 0;
  #missing = new Set<number>();
  #cut: Cut | undefined;

  /** @returns the frames of `bytes` that are stale. */
  arrived(bytes: Uint8Array, atMs: number): number {
    const before = this.counts.stale;
    this.#stream.push(bytes, (tag) => tag ? this.#tagged(tag, atMs) : this.#untagged());
    return this.counts.stale - before;
  }

  cleared(atMs: number): void {
    const latest = this.#latest;
    if (latest && !latest.last) this.#cut = { source: latest.source, frame: latest.frame, atMs };
    this.#latest = undefined;
    this.#stream.cut();
  }

  #untagged(): void {
    this.counts.untagged++;
    this.#untaggedSince++;
  }

  #tagged(tag: Tag, atMs: number): void {
    this.counts.tagged++;
    if (this.#isStale(tag, atMs)) this.counts.stale++;
    this.#compare(tag);
    this.#untaggedSince = 0;
  }

  #isStale(tag: Tag, atMs: number): boolean {
    const cut = this.#cut;
    if (!cut) return false;
    const ahead = distance(cut.frame, tag.frame);
    if (atMs - cut.atMs > STALE_WITHIN_MS || (tag.source === cut.source && ahead <= 0)) {
      this.#cut = undefined;
      return false;
    }
    if (tag.source !== cut.source) return false;
    cut.frame = tag.frame;
    return true;
  }

  /** Count what is missing, doubled or out of order between the latest frame and this one, within one utterance. */
  #compare(tag: Tag): void {
    const latest = this.#latest;
    if (!latest || latest.source !== tag.source || latest.last) {
      this.#missing.clear();
      this.#latest = tag;
      return;
    }
    const ahead = distance(latest.frame, tag.frame);
    if (ahead <= 0) {
      if (!this.#missing.delete(tag.frame)) return void this.counts.duplicated++;
      this.counts.lost--;
      this.counts.reordered++;
      return;
    }
    const altered = Math.min(ahead - 1, this.#untaggedSince);
    this.counts.altered += altered;
    this.counts.lost += ahead - 1 - altered;
    if (altered === 0 && ahead < 50) {
      for (let n = 1; n < ahead; n++) this.#missing.add((latest.frame + n) % FRAME_NUMBERS);
    }
    this.#latest = tag;
  }
}

/** Reads the words of what is played, as it is played. */
export class PlayedEar {
  /** Whether anything tagged was ever played: without it nothing is known of the words. */
  tagged = false;
  readonly #stream = new TagStream();

  /** @returns the tags of the frames that became whole with `bytes`. */
  played(bytes: Uint8Array): Tag[] {
    const tags: Tag[] = [];
    this.#stream.push(bytes, (tag) => {
      if (!tag) return;
      this.tagged = true;
      tags.push(tag);
    });
    return tags;
  }

  cleared(): void {
    this.#stream.cut();
  }
}

/** How far frame number `b` is ahead of `a`; numbers wrap at 24 bits. */
export function distance(a: number, b: number): number {
  return ((b - a) << 8) >> 8;
}
