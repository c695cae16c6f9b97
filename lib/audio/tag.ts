/**
 * Tagged audio: speech that says what it is. Rehearsal's voices write a tag into the lowest bit of every mu-law byte, so
 * a stand-in recogniser reads the words where a real one would hear them, and a lost, doubled, late or altered frame can
 * be read off the audio itself. Costs about 8 dB of a mu-law SNR of 37 dB: inaudible on a telephone.
 *
 * One frame holds 160 bits, byte 0 of the audio first, each field with its highest bit first:
 *
 * | bits | field | content |
 * | --- | --- | --- |
 * | 0-15 | magic | 0xA6D3; no constant byte and no silence yields it |
 * | 16-31 | source | who speaks |
 * | 32-55 | frame number | of that source, modulo 2^24 |
 * | 56-63 | flags | bit 7: last frame of the utterance; bits 3-0: text bytes used, 0-10 |
 * | 64-143 | text | UTF-8, unused bytes 0; a space ends a word |
 * | 144-159 | checksum | CRC-16/CCITT (0x1021, from 0xFFFF) of bits 0-143 |
 */

import { FRAME_BYTES, FRAME_MS, SILENCE } from "./frame.ts";

export interface Tag {
  /** Who speaks: 16 bits. */
  source: number;
  /** Counts the frames of `source`: 24 bits, then from 0 again. */
  frame: number;
  /** Text that begins in this frame, at most `TAG_TEXT_BYTES` of UTF-8, mostly "". A space ends each word. */
  words: string;
  /** This is the last frame of its utterance. */
  last: boolean;
}

/** A word and when it is spoken, in ms from the start of the audio. */
export interface TimedWord {
  text: string;
  startMs: number;
  endMs: number;
}

/** UTF-8 bytes of text that one frame carries. */
export const TAG_TEXT_BYTES = 10;
const FRAME_NUMBERS = 1 << 24;

const MAGIC = 0xA6D3;
const FLAGS_AT = 7;
const TEXT_AT = 8;
const CHECKSUM_AT = TEXT_AT + TAG_TEXT_BYTES;
const LAST_FLAG = 0x80;
const TEXT_LENGTH_MASK = 0x0F;

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** The tag's 20 bytes while it is packed or unpacked: one for all, as both happen in one go. */
const packed = new Uint8Array(FRAME_BYTES / 8);

/** Write `tag` into the lowest bits of `frame`, in place. @throws {RangeError} if the frame or the text has the wrong size. */
export function writeTag(frame: Uint8Array, tag: Tag): void {
  if (frame.length !== FRAME_BYTES) {
    throw new RangeError(`A tag needs a frame of ${FRAME_BYTES} bytes, not ${frame.length}`);
  }
  const textBytes = packText(tag.words);
  packed[0] = MAGIC >> 8;
  packed[1] = MAGIC & 0xFF;
  packed[2] = tag.source >> 8;
  packed[3] = tag.source;
  packed[4] = tag.frame >> 16;
  packed[5] = tag.frame >> 8;
  packed[6] = tag.frame;
  packed[FLAGS_AT] = (tag.last ? LAST_FLAG : 0) | textBytes;
  const checksum = crc16();
  packed[CHECKSUM_AT] = checksum >> 8;
  packed[CHECKSUM_AT + 1] = checksum;
  for (let i = 0; i < FRAME_BYTES; i++) {
    frame[i] = (frame[i]! & 0xFE) | ((packed[i >> 3]! >> (7 - (i & 7))) & 1);
  }
}

/** The tag of a frame; undefined for untagged audio and for a tag that was altered on the way. */
export function readTag(frame: Uint8Array): Tag | undefined {
  return hasMagic(frame) ? unpack(frame) : undefined;
}

/**
 * A copy of `audio` (mu-law), padded with silence to whole frames, every frame tagged, the last one as `last`. A word's
 * text is written from the frame in which the word begins; what does not fit there spills into the following frames, in
 * order, and into silent frames appended at the end if need be. Without audio and words the result is empty.
 */
export function tagUtterance(
  audio: Uint8Array,
  words: readonly TimedWord[],
  source: number,
  firstFrame: number,
): Uint8Array {
  const texts = layOut(words, Math.ceil(audio.length / FRAME_BYTES));
  const tagged = new Uint8Array(texts.length * FRAME_BYTES).fill(SILENCE);
  tagged.set(audio);
  texts.forEach((text, i) => {
    const last = i === texts.length - 1;
    writeTag(tagged.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES), {
      source,
      frame: (firstFrame + i) % FRAME_NUMBERS,
      words: text,
      last,
    });
  });
  return tagged;
}

/** What became of the frames of one source. */
export interface SourceReport {
  source: number;
  /** Frames with a good tag, doubled ones not counted. */
  frames: number;
  /** Numbers skipped and not come since. An altered frame is lost too, since its number cannot be trusted. */
  lost: number;
  duplicated: number;
  /** Came after a later one. */
  reordered: number;
  /** Tags whose checksum failed while this source was the last one heard. */
  altered: number;
}

/** What one frame told: its tag, and the words that became whole with it (none if the frame came twice). */
export interface Heard {
  tag: Tag;
  words: string[];
}

interface SourceState extends SourceReport {
  next: number;
  missing: Set<number>;
  /** The start of a word whose end has not come yet. */
  open: string;
}

const MISSING_LIMIT = 1024;
const SOURCES_LIMIT = 1024;
const TEXT_LIMIT = 100_000;

/**
 * Follows a stream of frames, whole ones (see `FrameCutter`), from any number of sources. Bounded: beyond 1024 sources
 * the oldest is forgotten, of a longer text the last 100,000 characters stay, a gap's first 1024 numbers may still come late.
 */
export class TagReader {
  /** Frames with the magic but a wrong checksum. Random untagged audio gives one in 65,536 frames. */
  altered = 0;
  readonly #sources = new Map<number, SourceState>();
  #latest: SourceState | undefined;
  #text = "";

  /** @returns what a tagged frame says; undefined for an untagged or altered one. */
  push(frame: Uint8Array): Heard | undefined {
    if (!hasMagic(frame)) return undefined;
    const tag = unpack(frame);
    if (!tag) {
      this.altered++;
      if (this.#latest) this.#latest.altered++;
      return undefined;
    }
    const state = this.#latest = this.#sources.get(tag.source) ?? this.#newSource(tag);
    return { tag, words: this.#place(state, tag) ? this.#gather(state, tag) : [] };
  }

  /** All words heard so far, in the order of arrival, one space between them; a word still open counts as it is. */
  get text(): string {
    return [this.#text, ...[...this.#sources.values()].map(({ open }) => open)].filter(Boolean).join(" ");
  }

  /** One report per source, in the order of their first frames. */
  get sources(): SourceReport[] {
    return [...this.#sources.values()].map(({ next: _next, missing: _missing, open: _open, ...report }) => report);
  }

  #newSource({ source, frame }: Tag): SourceState {
    const counts = { frames: 0, lost: 0, duplicated: 0, reordered: 0, altered: 0 };
    const state: SourceState = { source, ...counts, next: frame, missing: new Set(), open: "" };
    if (this.#sources.size >= SOURCES_LIMIT) this.#sources.delete(this.#sources.keys().next().value!);
    this.#sources.set(source, state);
    return state;
  }

  /** Count the frame where it belongs. @returns false if it came before. */
  #place(state: SourceState, { frame }: Tag): boolean {
    const ahead = ((frame - state.next) << 8) >> 8; // 24-bit difference with its sign: numbers wrap
    if (ahead >= 0) {
      for (let i = 0; i < Math.min(ahead, MISSING_LIMIT); i++) this.#miss(state, (state.next + i) % FRAME_NUMBERS);
      state.lost += ahead;
      state.next = (frame + 1) % FRAME_NUMBERS;
      if (ahead > 0) this.#close(state);
    } else if (state.missing.delete(frame)) {
      state.lost--;
      state.reordered++;
    } else {
      state.duplicated++;
      return false;
    }
    state.frames++;
    return true;
  }

  #miss(state: SourceState, frame: number): void {
    if (state.missing.size >= MISSING_LIMIT) state.missing.delete(state.missing.values().next().value!);
    state.missing.add(frame);
  }

  #gather(state: SourceState, tag: Tag): string[] {
    const pieces = (state.open + tag.words).split(" ");
    state.open = tag.last ? "" : pieces.pop()!;
    const words = pieces.filter(Boolean);
    for (const word of words) this.#append(word);
    return words;
  }

  /** A gap may have swallowed a word's end: do not glue the next word to it. */
  #close(state: SourceState): void {
    this.#append(state.open);
    state.open = "";
  }

  #append(word: string): void {
    if (word) this.#text = (this.#text && `${this.#text} `).concat(word).slice(-TEXT_LIMIT);
  }
}

/** The text of each frame: at least `frames` of them, more if the words need them. */
function layOut(words: readonly TimedWord[], frames: number): string[] {
  const texts: string[] = [];
  let waiting = "";
  let next = 0;
  while (texts.length < frames || waiting || next < words.length) {
    const isLate = texts.length >= frames - 1; // whatever is left must be said now
    while (next < words.length && (isLate || words[next]!.startMs < (texts.length + 1) * FRAME_MS)) {
      const text = words[next++]!.text.trim().split(/\s+/).join(" ");
      if (text) waiting += `${text} `;
    }
    const fits = fittingPrefix(waiting);
    texts.push(fits);
    waiting = waiting.slice(fits.length);
  }
  return texts;
}

/** As many whole characters as one frame takes. */
function fittingPrefix(text: string): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += encoder.encode(character).length;
    if (bytes > TAG_TEXT_BYTES) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** @returns the bytes used, the rest of the field cleared. */
function packText(text: string): number {
  packed.fill(0, TEXT_AT, CHECKSUM_AT);
  if (text === "") return 0;
  const { read, written } = encoder.encodeInto(text, packed.subarray(TEXT_AT, CHECKSUM_AT));
  if (read < text.length) throw new RangeError(`A tag holds ${TAG_TEXT_BYTES} bytes of text, not more`);
  return written;
}

/** Mostly over after a bit or two, as untagged audio has random low bits. */
function hasMagic(frame: Uint8Array): boolean {
  if (frame.length !== FRAME_BYTES) return false;
  for (let i = 0; i < 16; i++) {
    if ((frame[i]! & 1) !== ((MAGIC >> (15 - i)) & 1)) return false;
  }
  return true;
}

/** The tag in a frame that has the magic; undefined if its checksum or its text length is wrong. */
function unpack(frame: Uint8Array): Tag | undefined {
  for (let i = 0, byte = 0; i < FRAME_BYTES; i++) {
    byte = ((byte << 1) | (frame[i]! & 1)) & 0xFF;
    if ((i & 7) === 7) packed[i >> 3] = byte;
  }
  const checksum = (packed[CHECKSUM_AT]! << 8) | packed[CHECKSUM_AT + 1]!;
  const textBytes = packed[FLAGS_AT]! & TEXT_LENGTH_MASK;
  if (checksum !== crc16() || textBytes > TAG_TEXT_BYTES) return undefined;
  return {
    source: (packed[2]! << 8) | packed[3]!,
    frame: (packed[4]! << 16) | (packed[5]! << 8) | packed[6]!,
    words: textBytes === 0 ? "" : decoder.decode(packed.subarray(TEXT_AT, TEXT_AT + textBytes)),
    last: (packed[FLAGS_AT]! & LAST_FLAG) !== 0,
  };
}

function crc16(): number {
  let crc = 0xFFFF;
  for (let i = 0; i < CHECKSUM_AT; i++) crc = ((crc << 8) & 0xFFFF) ^ CRC_TABLE[(crc >> 8) ^ packed[i]!]!;
  return crc;
}
