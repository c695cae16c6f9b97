/** The carrier's buffer for what the caller hears, as a model: audio and marks in one queue. Twilio reference, section 8.4. Pure. */

import { audioMs, FRAME_BYTES, SILENCE } from "../audio/frame.ts";

/** When a mark is echoed: at the end of the 20 ms slot in which its audio ends, or as soon as that slot begins. */
export type MarkEcho = "end-of-slot" | "immediate";

/** What the caller hears in 20 ms. */
export interface Slot {
  /** 160 bytes, padded with silence. */
  audio: Uint8Array;
  /** How many of them came from the server. */
  playedBytes: number;
  /** Marks to echo now, in order. */
  echoes: string[];
  /** A mark follows the last byte of this slot: something ended here. */
  marked: boolean;
}

/** More than this is not kept: a quarter of an hour of audio, or as many items of any size. */
const QUEUE_LIMIT_BYTES = 15 * 60_000 * 8;
const QUEUE_LIMIT_ITEMS = 100_000;

type Item = { audio: Uint8Array } | { mark: string };

export class Speaker {
  /** Bytes so far. Always: received = played + cleared + queued. */
  receivedBytes = 0;
  playedBytes = 0;
  clearedBytes = 0;
  queuedBytes = 0;
  marksReceived = 0;
  marksEchoed = 0;
  readonly #markEcho: MarkEcho;
  readonly #items: Item[] = [];
  /** Marks reached in the slot that is sounding now. */
  #reached: string[] = [];
  #sounding = false;

  constructor(markEcho: MarkEcho = "end-of-slot") {
    this.#markEcho = markEcho;
  }

  /** Nothing is queued, and no slot with audio is sounding. */
  get idle(): boolean {
    return !this.#sounding && this.#items.length === 0;
  }

  get queuedMs(): number {
    return audioMs(this.queuedBytes);
  }

  /** The speaker keeps `audio`: do not write to it. @returns false if the queue is full, and `audio` was not taken. */
  media(audio: Uint8Array): boolean {
    if (this.queuedBytes + audio.length > QUEUE_LIMIT_BYTES || this.#items.length >= QUEUE_LIMIT_ITEMS) return false;
    this.receivedBytes += audio.length;
    this.queuedBytes += audio.length;
    this.#items.push({ audio });
    return true;
  }

  /** @returns the marks to echo at once: this one, if nothing is before it. */
  mark(name: string): string[] {
    this.marksReceived++;
    const last = this.#markEcho === "immediate" ? this.queuedBytes === 0 : this.idle && this.#reached.length === 0;
    if (last) return this.#echo([name]);
    if (this.#items.length === 0) this.#reached.push(name);
    else this.#items.push({ mark: name });
    return [];
  }

  /** Drop what is queued; the slot that is sounding ends as it began. @returns every waiting mark, and the ms of audio lost. */
  clear(): { echoes: string[]; droppedMs: number } {
    const waiting = this.#items.flatMap((item) => "mark" in item ? [item.mark] : []);
    const echoes = [...this.#reached, ...waiting];
    const droppedMs = this.queuedMs;
    this.clearedBytes += this.queuedBytes;
    this.queuedBytes = 0;
    this.#items.length = 0;
    this.#reached = [];
    return { echoes: this.#echo(echoes), droppedMs };
  }

  /** The next 20 ms begin. */
  tick(): Slot {
    const ended = this.#reached;
    this.#reached = [];
    const audio = new Uint8Array(FRAME_BYTES);
    const { playedBytes, reached, marked } = this.#take(audio);
    audio.fill(SILENCE, playedBytes);
    this.playedBytes += playedBytes;
    this.queuedBytes -= playedBytes;
    this.#sounding = playedBytes > 0;
    if (this.#markEcho === "immediate") ended.push(...reached);
    else this.#reached = reached;
    return { audio, playedBytes, echoes: this.#echo(ended), marked };
  }

  /** Fill `into` from the queue, across items; the marks passed on the way, and those right behind, are reached. */
  #take(into: Uint8Array): { playedBytes: number; reached: string[]; marked: boolean } {
    const reached: string[] = [];
    let filled = 0;
    let marked = false;
    while (this.#items.length > 0) {
      const head = this.#items[0]!;
      if ("mark" in head) {
        reached.push(head.mark);
        marked = true;
      } else {
        if (filled === into.length) break;
        const part = head.audio.subarray(0, into.length - filled);
        into.set(part, filled);
        filled += part.length;
        marked = false;
        if (part.length < head.audio.length) {
          this.#items[0] = { audio: head.audio.subarray(part.length) };
          break;
        }
      }
      this.#items.shift();
    }
    return { playedBytes: filled, reached, marked };
  }

  #echo(marks: string[]): string[] {
    this.marksEchoed += marks.length;
    return marks;
  }
}
