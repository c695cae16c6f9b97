/** One reply on its way from a voice's socket to its listener. */

import { BYTES_PER_MS, FrameCutter } from "../audio/frame.ts";
import { BoundedQueue } from "../base/queue.ts";
import { type Fault, FaultError, type Peer } from "../base/result.ts";

/** From the end of a text to its first audio, and between two pieces of audio while some is due, ms: a caller is waiting. */
export const FIRST_AUDIO_MS = 1000;
export const AUDIO_GAP_MS = 1200;

/** Ten minutes: a reply that outgrows its listener so far ends in a fault. */
export const UNHEARD_BYTES = 600_000 * BYTES_PER_MS;

/** Whether every voice makes a sound of `text`. With other scripts, or mere marks, nobody knows. */
export function isSayable(text: string): boolean {
  return /[A-Za-z0-9]/.test(text);
}

/** The fault of a voice that ended a reply in good order without making a sound. */
export function mute(peer: Peer): Fault {
  return { kind: "rejected", peer, code: "NO_AUDIO", detail: "it ended a reply without a sound of it." };
}

/** Takes audio in any chunks, gives whole frames; ends once, well or not. */
export class SpokenReply {
  readonly frames = new BoundedQueue<Uint8Array>({
    limit: UNHEARD_BYTES,
    whenFull: "refuse",
    sizeOf: ({ length }) => length,
  });
  /** Resolves when it has ended, however. */
  readonly over: Promise<void>;
  heardBytes = 0;
  /** Why it failed; undefined if it ended well or was cancelled. */
  error: unknown;
  readonly #peer: Peer;
  readonly #cutter = new FrameCutter();
  #ended = false;
  #settle!: () => void;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.over = new Promise((resolve) => this.#settle = resolve);
  }

  get ended(): boolean {
    return this.#ended;
  }

  audio(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.heardBytes += bytes.length;
    this.#cutter.whole(bytes, (frames) => this.#push(frames));
  }

  /** All audio came: the last frame is padded. */
  finish(): void {
    if (this.#ended) return;
    this.#cutter.flush((frames) => this.#push(frames));
    this.#end();
  }

  /** What came so far can still be heard, then the error. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.error = error;
    this.#end();
  }

  failWith(fault: Fault): void {
    this.fail(new FaultError(fault));
  }

  /** Nobody listens any more: nothing is heard after this. */
  cancel(): void {
    this.error = undefined;
    this.#end();
    this.frames[Symbol.dispose]();
  }

  #push(frames: Uint8Array): void {
    if (!this.frames.push(frames)) {
      this.failWith({ kind: "clogged", peer: this.#peer, bytes: this.heardBytes });
    }
  }

  #end(): void {
    this.#ended = true;
    this.frames.close();
    this.#settle();
  }
}
