// @ts-check
/**
 * The carrier's buffer for what the caller hears: audio and marks in one queue, played 20 ms at a time. A mark is echoed
 * at the end of the slot in which its audio ends, at once if nothing is before it, and when the queue is cleared.
 */

import { FRAME_BYTES, SILENCE } from "./mulaw.js";

/** More than a quarter of an hour is not kept. */
const LIMIT_BYTES = 15 * 60_000 * 8;

/** @typedef {{audio: Uint8Array, playedBytes: number, echoes: string[]}} Slot `audio` has 160 bytes, padded with silence */

export class Speaker {
  queuedBytes = 0;
  /** @type {(Uint8Array | string)[]} audio, or the name of a mark */
  #items = [];
  /** Marks whose audio ends in the slot that sounds now. @type {string[]} */
  #reached = [];
  #sounding = false;

  /**
   * @param {Uint8Array} audio
   * @returns {boolean} false if the queue is full
   */
  media(audio) {
    if (audio.length === 0) return true;
    if (this.queuedBytes + audio.length > LIMIT_BYTES) return false;
    this.#items.push(audio);
    this.queuedBytes += audio.length;
    return true;
  }

  /**
   * @param {string} name
   * @returns {string[]} marks to echo at once
   */
  mark(name) {
    if (this.#items.length > 0) this.#items.push(name);
    else if (this.#sounding) this.#reached.push(name);
    else return [name];
    return [];
  }

  /**
   * Drop what is queued; the slot that sounds goes on to its end.
   * @returns {{echoes: string[], droppedBytes: number}}
   */
  clear() {
    const echoes = [...this.#reached, ...this.#items.filter((item) => typeof item === "string")];
    const droppedBytes = this.queuedBytes;
    this.#items = [];
    this.#reached = [];
    this.queuedBytes = 0;
    return { echoes, droppedBytes };
  }

  /**
   * The next 20 ms begin: what they hold, and the marks to echo because the slot before has ended.
   * @returns {Slot}
   */
  tick() {
    const echoes = this.#reached;
    this.#reached = [];
    const audio = new Uint8Array(FRAME_BYTES).fill(SILENCE);
    let playedBytes = 0;
    for (let head = this.#items[0]; head !== undefined; head = this.#items[0]) {
      if (typeof head === "string") {
        this.#reached.push(head);
        this.#items.shift();
        continue;
      }
      if (playedBytes === FRAME_BYTES) break;
      const part = head.subarray(0, FRAME_BYTES - playedBytes);
      audio.set(part, playedBytes);
      playedBytes += part.length;
      if (part.length === head.length) this.#items.shift();
      else this.#items[0] = head.subarray(part.length);
    }
    this.queuedBytes -= playedBytes;
    this.#sounding = playedBytes > 0;
    return { audio, playedBytes, echoes };
  }
}
