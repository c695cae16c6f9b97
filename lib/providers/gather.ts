/** The caller's frames in messages of the size that a vendor wants. */

import { BYTES_PER_MS } from "../audio/frame.ts";

/** Gathers audio into pieces of `ms`. What is as long or longer passes as it comes, unless something waits already. */
export class Gather {
  readonly #send: (piece: Uint8Array) => void;
  readonly #piece: Uint8Array;
  #length = 0;

  /** `send` gets a piece that is good until it returns. */
  constructor(ms: number, send: (piece: Uint8Array) => void) {
    this.#piece = new Uint8Array(ms * BYTES_PER_MS);
    this.#send = send;
  }

  push(audio: Uint8Array): void {
    if (this.#length === 0 && audio.length >= this.#piece.length) return this.#send(audio);
    for (let offset = 0; offset < audio.length;) {
      const bytes = audio.subarray(offset, offset + this.#piece.length - this.#length);
      this.#piece.set(bytes, this.#length);
      this.#length += bytes.length;
      offset += bytes.length;
      if (this.#length === this.#piece.length) this.flush();
    }
  }

  /** Send what waits. */
  flush(): void {
    if (this.#length === 0) return;
    const piece = this.#piece.subarray(0, this.#length);
    this.#length = 0;
    this.#send(piece);
  }
}
