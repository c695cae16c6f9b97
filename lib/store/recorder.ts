/** Writes one call's recording in pieces while the call lasts, so that a long call needs little memory and a killed one loses seconds. */

import type { Clock, Timer } from "../base/clock.ts";
import { OWN_FILE, removeFile } from "./place.ts";
import { Aligner, interleave, WAV_HEADER_BYTES, wavHeader } from "./recording.ts";

/** How often what is settled goes to the disk. */
const WRITE_EVERY_MS = 2000;

export interface RecorderParts {
  /** The data folder. */
  folder: string;
  /** Of the recording, below it. */
  file: string;
  clock: Clock;
  /** The disk refuses: the call goes on unrecorded. Told once. */
  failed: (error: unknown) => void;
}

export class CallRecorder implements Disposable {
  /** Hand this to the line. */
  readonly tap: Aligner = new Aligner();
  readonly #parts: RecorderParts;
  #file: Deno.FsFile | undefined;
  #timer: Timer | undefined;
  #dataBytes = 0;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#try(() => {
      // A call that comes back goes on with its file, without the time in between.
      const options = { read: true, write: true, create: true, mode: OWN_FILE };
      this.#file = Deno.openSync(`${parts.folder}/${parts.file}`, options);
      const samples = Math.max(0, Math.floor((this.#file.statSync().size - WAV_HEADER_BYTES) / 2));
      this.#dataBytes = samples * 2;
      this.#file.truncateSync(WAV_HEADER_BYTES + this.#dataBytes); // half a sample of a write that was cut off
      this.#file.writeSync(wavHeader(this.#dataBytes));
      this.#file.seekSync(0, Deno.SeekMode.End);
    });
    this.#arm();
  }

  get file(): string {
    return this.#parts.file;
  }

  get durationMs(): number {
    return this.#dataBytes / 16;
  }

  /** The call is over: the rest is written, the file closed. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#write(this.tap.end());
    this.#close();
  }

  #arm(): void {
    this.#timer = this.#parts.clock.after(WRITE_EVERY_MS, () => {
      this.#write(this.tap.take());
      this.#arm();
    });
  }

  /** Append, and keep the header true: a file cut off at any time can be played. */
  #write(piece: { caller: Uint8Array; agent: Uint8Array } | undefined): void {
    const file = this.#file;
    if (!piece || !file) return;
    this.#try(() => {
      const bytes = interleave(piece);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      this.#dataBytes += bytes.length;
      file.seekSync(0, Deno.SeekMode.Start);
      file.writeSync(wavHeader(this.#dataBytes));
      file.seekSync(0, Deno.SeekMode.End);
    });
  }

  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#close();
      this.#parts.failed(error);
    }
  }

  /** What holds no audio is no recording. */
  #close(): void {
    if (!this.#file) return;
    this.#file.close();
    this.#file = undefined;
    if (this.#dataBytes > 0) return;
    try {
      removeFile(`${this.#parts.folder}/${this.#parts.file}`);
    } catch {
      // the disk refuses that too
    }
  }
}
