// @ts-check
/**
 * Rehearsal's voices write what they say into the lowest bit of every byte (20 bytes in a frame of 160: magic, source,
 * frame number, flags, 10 bytes of text, CRC-16). Reading it tells to the word what was heard before an interruption.
 */

const MAGIC = 0xA6D3;
const decoder = new TextDecoder();

export class TagEar {
  /** Words heard, the latest last; bounded. @type {string[]} */
  words = [];
  #source = -1;
  #open = "";

  /**
   * A frame was played.
   * @param {Uint8Array} frame 160 bytes
   * @returns {boolean} whether it says anything
   */
  heard(frame) {
    const tag = readTag(frame);
    if (!tag) return false;
    if (tag.source !== this.#source) this.#close();
    this.#source = tag.source;
    const pieces = (this.#open + tag.text).split(" ");
    this.#open = pieces.pop() ?? "";
    this.words.push(...pieces.filter(Boolean));
    if (tag.last) this.#close();
    if (this.words.length > 2000) this.words.splice(0, 1000);
    return true;
  }

  /** What was queued is gone: a word that has begun was heard in part. */
  cut() {
    this.#close();
    this.#source = -1;
  }

  #close() {
    if (this.#open) this.words.push(this.#open);
    this.#open = "";
  }
}

/**
 * @param {Uint8Array} frame
 * @returns {{source: number, text: string, last: boolean} | undefined}
 */
export function readTag(frame) {
  if (frame.length !== 160) return undefined;
  const packed = new Uint8Array(20);
  frame.forEach((byte, i) => packed[i >> 3] = (at(packed, i >> 3) << 1) | (byte & 1));
  const view = new DataView(packed.buffer);
  if (view.getUint16(0) !== MAGIC || view.getUint16(18) !== crc16(packed.subarray(0, 18))) return undefined;
  const flags = view.getUint8(7);
  const text = decoder.decode(packed.subarray(8, 8 + Math.min(10, flags & 15)));
  return { source: view.getUint16(2), text, last: flags >= 0x80 };
}

/** @param {Uint8Array} bytes CRC-16/CCITT, from 0xFFFF */
function crc16(bytes) {
  let crc = 0xFFFF;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xFFFF;
  }
  return crc;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} index
 */
function at(bytes, index) {
  return /** @type {number} */ (bytes[index]);
}
