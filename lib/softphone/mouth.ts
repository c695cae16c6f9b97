/** What the caller says, frame by frame. */

import { FRAME_BYTES, FRAME_MS, SILENCE, SILENT_FRAME } from "../audio/frame.ts";
import { loudnessDbfs } from "../audio/mulaw.ts";

/** Below this a frame counts as silence, on either side. */
export const AUDIBLE_DBFS = -50;

/** What the line carries while the caller is silent: pure 0xFF, or noise at about -70 dBFS. */
export type RoomTone = "silence" | "noise";

/** The quietest codes of mu-law: 0, 8, 16 and 24 of 32768, both signs. */
const ROOM_CODES = [0xFF, 0xFE, 0xFD, 0xFC, 0x7F, 0x7E, 0x7D, 0x7C];

export class Mouth {
  readonly #queue: Uint8Array[] = [];
  readonly #roomTone: RoomTone;
  readonly #random: () => number;

  constructor({ roomTone, random }: { roomTone: RoomTone; random: () => number }) {
    this.#roomTone = roomTone;
    this.#random = random;
  }

  get speaking(): boolean {
    return this.#queue.length > 0;
  }

  /**
   * Queue an utterance: mu-law, padded to whole frames.
   * @returns its length in ms, and the ms from its start to the end of its last audible frame.
   */
  say(audio: Uint8Array): { lengthMs: number; audibleMs: number } {
    let audibleMs = 0;
    let frames = 0;
    for (let at = 0; at < audio.length; at += FRAME_BYTES) {
      const frame = new Uint8Array(FRAME_BYTES).fill(SILENCE);
      frame.set(audio.subarray(at, at + FRAME_BYTES));
      this.#queue.push(frame);
      frames++;
      if (loudnessDbfs(frame) > AUDIBLE_DBFS) audibleMs = frames * FRAME_MS;
    }
    return { lengthMs: frames * FRAME_MS, audibleMs };
  }

  /** The next 20 ms. `silent`: nobody speaks in it. */
  next(): { frame: Uint8Array; silent: boolean } {
    const frame = this.#queue.shift();
    if (frame) return { frame, silent: false };
    return { frame: this.#roomTone === "silence" ? SILENT_FRAME : this.#room(), silent: true };
  }

  #room(): Uint8Array {
    return Uint8Array.from({ length: FRAME_BYTES }, () => ROOM_CODES[Math.floor(this.#random() * ROOM_CODES.length)]!);
  }
}
