/** Both sides of the call on one clock: left the caller, right the agent. */

import { BYTES_PER_MS, RATE_HZ, SILENCE } from "../audio/frame.ts";
import { decode } from "../audio/mulaw.ts";
import { writeWav } from "../audio/wav.ts";

/** Two hours: 115 MB of mu-law at most while the call lasts. */
export const RECORD_LIMIT_MS = 2 * 3_600_000;
const PAGE_BYTES = 60_000 * BYTES_PER_MS;

/** One side, silent where nothing is written. */
class Track {
  readonly #pages: Uint8Array[] = [];
  bytes = 0;

  write(atBytes: number, audio: Uint8Array): void {
    const end = Math.min(atBytes + audio.length, RECORD_LIMIT_MS * BYTES_PER_MS);
    for (let at = Math.max(0, atBytes); at < end;) {
      const page = this.#page(Math.floor(at / PAGE_BYTES));
      const offset = at % PAGE_BYTES;
      const part = audio.subarray(at - atBytes, Math.min(at - atBytes + PAGE_BYTES - offset, end - atBytes));
      page.set(part, offset);
      at += part.length;
    }
    this.bytes = Math.max(this.bytes, end);
  }

  decoded(bytes: number): Int16Array {
    const pcm = new Int16Array(bytes);
    this.#pages.forEach((page, n) => {
      const room = bytes - n * PAGE_BYTES;
      if (room > 0) decode(page.subarray(0, Math.min(room, PAGE_BYTES)), pcm.subarray(n * PAGE_BYTES));
    });
    return pcm;
  }

  #page(n: number): Uint8Array {
    while (this.#pages.length <= n) this.#pages.push(new Uint8Array(PAGE_BYTES).fill(SILENCE));
    return this.#pages[n]!;
  }
}

/** Keeps mu-law while the call lasts (16 kB a second), and makes it a WAV at the end. What comes after two hours is not kept. */
export class Recorder {
  readonly #caller = new Track();
  readonly #agent = new Track();

  /** What the caller said at `atMs` of the call. */
  caller(atMs: number, audio: Uint8Array): void {
    this.#caller.write(Math.round(atMs) * BYTES_PER_MS, audio);
  }

  /** What the caller heard at `atMs` of the call. */
  agent(atMs: number, audio: Uint8Array): void {
    this.#agent.write(Math.round(atMs) * BYTES_PER_MS, audio);
  }

  /** A stereo WAV of 16-bit samples at 8 kHz: left caller, right agent. */
  wav(): Uint8Array {
    const samples = Math.max(this.#caller.bytes, this.#agent.bytes);
    return writeWav({ rateHz: RATE_HZ, channels: [this.#caller.decoded(samples), this.#agent.decoded(samples)] });
  }
}
