/** The unit of telephone audio: 20 ms of G.711 mu-law, 8 kHz, mono. */

/** Bytes (= samples) of one frame. */
export const FRAME_BYTES = 160;
/** Duration of one frame in ms. */
export const FRAME_MS = 20;
/** Samples a second. */
export const RATE_HZ = 8000;
/** Bytes per millisecond of mu-law at 8 kHz. */
export const BYTES_PER_MS = 8;
/** The mu-law code of silence (positive zero). ITU-T G.711; `0x7F` is the negative zero. */
export const SILENCE = 0xFF;

/** One frame of silence, shared: do not write to it. */
export const SILENT_FRAME: Uint8Array = new Uint8Array(FRAME_BYTES).fill(SILENCE);

/** Milliseconds of audio in `bytes` bytes of mu-law at 8 kHz. */
export function audioMs(bytes: number): number {
  return bytes / BYTES_PER_MS;
}

/** `audio`, copied and padded with silence to whole frames. */
export function wholeFrames(audio: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(audio.length / FRAME_BYTES) * FRAME_BYTES).fill(SILENCE);
  padded.set(audio);
  return padded;
}

/**
 * Cuts a byte stream of any chunking into whole frames. `push` calls back with each complete frame (a view where one
 * chunk holds it, else a copy), `whole` with as many at once as a chunk holds; `flush` pads what is left with silence and
 * calls back once more, if anything is left.
 */
export class FrameCutter {
  readonly #rest = new Uint8Array(FRAME_BYTES);
  #restBytes = 0;

  push(chunk: Uint8Array, frame: (bytes: Uint8Array) => void): void {
    if (chunk.length === FRAME_BYTES && this.#restBytes === 0) return frame(chunk);
    this.whole(chunk, (frames) => {
      for (let at = 0; at < frames.length; at += FRAME_BYTES) frame(frames.subarray(at, at + FRAME_BYTES));
    });
  }

  whole(chunk: Uint8Array, frames: (bytes: Uint8Array) => void): void {
    let offset = 0;
    if (this.#restBytes > 0) {
      offset = Math.min(FRAME_BYTES - this.#restBytes, chunk.length);
      this.#rest.set(chunk.subarray(0, offset), this.#restBytes);
      this.#restBytes += offset;
      if (this.#restBytes < FRAME_BYTES) return;
      this.#restBytes = 0;
      frames(this.#rest.slice());
    }
    const restBytes = (chunk.length - offset) % FRAME_BYTES;
    const end = chunk.length - restBytes;
    if (end > offset) frames(chunk.subarray(offset, end));
    this.#rest.set(chunk.subarray(end));
    this.#restBytes = restBytes;
  }

  flush(frame: (bytes: Uint8Array) => void): void {
    if (this.#restBytes === 0) return;
    frame(this.#rest.slice().fill(SILENCE, this.#restBytes));
    this.#restBytes = 0;
  }
}
