/**
 * Both sides of a call on the carrier's own time: the caller by the timestamps of his frames, the agent by the marks the
 * carrier echoes among them. Echoes and frames travel the same way, so the network's delay cancels out. Pure.
 */

const BYTES_PER_MS = 8;
const FRAME_MS = 20;
const SILENCE = 0xFF;
/** How much later an echo may come than the audio before it should have ended, before that counts as a pause in it. */
const PAUSE_MS = 60;
/** An echo that comes this much too early: its audio was not heard; the carrier gave it back because it was told to clear. */
const EARLY_MS = 30;
/** Audio this old is final: nothing is written before it any more. */
const SETTLED_MS = 10_000;
/** A frame stamped this much later than the one before is a mistake, unless the next one follows it: then the line was silent. */
const LEAP_LIMIT_MS = 60_000;
const FOLLOWS_WITHIN_MS = 1000;
/** No leap goes beyond this: no call lasts so long (`limits.callMinutes`), and the silence before it takes memory. */
const LAST_STAMP_MS = 125 * 60_000;
/** If this much was sent and no echo came, the carrier gives none: it is taken as heard, before its place in time is final. */
const ECHOLESS_BYTES = SETTLED_MS / 2 * BYTES_PER_MS;

interface Mark {
  name: string;
  at: number;
}

/** A pause before the byte `at`. */
interface Gap {
  at: number;
  ms: number;
}

/** What a line shows of itself to a recorder. */
export interface LineTap {
  /** Caller audio, good until this returns, as the carrier stamps it, ms since the stream began. */
  caller(timestampMs: number, audio: Uint8Array): void;
  /** Audio, good until this returns, left for the carrier; it plays in this order. */
  sent(audio: Uint8Array): void;
  /** A mark left, behind the audio sent so far. */
  marked(name: string): void;
  /** The carrier has given a mark back. */
  echoed(name: string): void;
  /** The carrier was told to drop what it has not played. */
  cleared(): void;
}

export class Aligner implements LineTap {
  readonly #caller = new Track();
  readonly #agent = new Track();
  /** What was sent and has no place in time yet, and room for more. */
  #waiting = new Uint8Array(0);
  #marks: Mark[] = [];
  /** Where the carrier had nothing left to play before more was sent, in order. */
  #gaps: Gap[] = [];
  /** Carrier time at which all that was sent would have been played, had it been there at once; undefined after a clear. */
  #dryMs: number | undefined;
  /** Bytes sent so far; of these, bytes whose place in time is known. */
  #sentBytes = 0;
  #placedBytes = 0;
  /** Carrier time after the newest caller frame. */
  #nowMs = 0;
  /** Carrier time at which the byte `#placedBytes` is to be heard, if what is sent plays on without a pause. */
  #dueMs: number | undefined;
  /** Stamp of the frame before, if it was passed over as a mistake. */
  #leaptMs = -Infinity;
  #clearedAt = -1;
  /** Carrier time at which the present run was sent, as we saw it, and how much later such a run was heard last. */
  #runMs = 0;
  /** The same of the first run after a clear. */
  #nextRunMs = 0;
  #roundTripMs = 0;

  caller(timestampMs: number, audio: Uint8Array): void {
    if (timestampMs > this.#nowMs + LEAP_LIMIT_MS && !this.#wasSilent(timestampMs)) return;
    this.#leaptMs = -Infinity;
    this.#caller.write(timestampMs, audio);
    this.#nowMs = Math.max(this.#nowMs, timestampMs + audio.length / BYTES_PER_MS);
  }

  sent(audio: Uint8Array): void {
    if (this.#placedBytes === this.#sentBytes) {
      // The carrier is idle: what comes now begins a run of its own, a round trip later.
      if ((this.#dueMs ?? 0) < this.#nowMs) this.#dueMs = undefined;
      this.#runMs = this.#nowMs;
      this.#gaps = [];
    } else {
      const ms = this.#nowMs - (this.#dryMs ?? this.#nowMs);
      if (ms >= FRAME_MS) this.#gaps.push({ at: this.#sentBytes, ms });
    }
    this.#dryMs = Math.max(this.#dryMs ?? 0, this.#nowMs) + audio.length / BYTES_PER_MS;
    if (this.#sentBytes === this.#clearedAt) this.#nextRunMs = this.#nowMs;
    const waiting = this.#sentBytes - this.#placedBytes;
    this.#waiting = withRoom(this.#waiting, waiting + audio.length);
    this.#waiting.set(audio, waiting);
    this.#sentBytes += audio.length;
    if (waiting > ECHOLESS_BYTES) this.#takeAsHeard();
  }

  marked(name: string): void {
    this.#marks.push({ name, at: this.#sentBytes });
  }

  echoed(name: string): void {
    const index = this.#marks.findIndex((mark) => mark.name === name);
    if (index < 0) return;
    const { at } = this.#marks[index]!;
    this.#marks.splice(0, index + 1);
    const lengthMs = (at - this.#placedBytes) / BYTES_PER_MS + this.#gapMs(at);
    const heardMs = this.#nowMs;
    if (at <= this.#clearedAt) this.#dueMs ??= this.#runMs + this.#roundTripMs;
    else if (this.#dueMs === undefined) this.#roundTripMs = Math.max(0, heardMs - lengthMs - this.#runMs);
    if (at <= this.#clearedAt && this.#dueMs !== undefined && heardMs < this.#dueMs + lengthMs - EARLY_MS) {
      return this.#cut(heardMs, this.#clearedAt);
    }
    // Told to clear just before its end: whether this echo is due or given back cannot be told, so neither is overstated.
    const endMs = at <= this.#clearedAt ? heardMs + FRAME_MS / 2 : Infinity;
    this.#place(at, heardMs - lengthMs, endMs);
    // Behind the last mark before the clear there may be audio without one.
    const isLast = at <= this.#clearedAt && !this.#marks.some((mark) => mark.at <= this.#clearedAt);
    if (isLast) this.#cut(heardMs, this.#clearedAt);
  }

  cleared(): void {
    this.#clearedAt = this.#sentBytes;
    this.#dryMs = undefined;
    // Without a mark out nothing will tell when the carrier cleared: it is about now.
    if (this.#marks.length === 0) this.#cut(this.#nowMs, this.#sentBytes);
  }

  /** Both sides up to the time where nothing changes any more, from where the last call ended. */
  take(): { caller: Uint8Array; agent: Uint8Array } | undefined {
    return this.#takeUntil(Math.floor((this.#nowMs - SETTLED_MS) / FRAME_MS) * FRAME_MS);
  }

  /** The rest: the call is over. Audio without an echo was heard up to now. */
  end(): { caller: Uint8Array; agent: Uint8Array } | undefined {
    const untilMs = Math.max(this.#nowMs, this.#dueMs ?? 0); // what was heard while the carrier's time stood still
    this.#cut(this.#nowMs, this.#sentBytes);
    return this.#takeUntil(untilMs);
  }

  /** Whether a frame that leaps follows one that did. */
  #wasSilent(timestampMs: number): boolean {
    const sinceMs = timestampMs - this.#leaptMs;
    this.#leaptMs = timestampMs;
    return sinceMs > 0 && sinceMs <= FOLLOWS_WITHIN_MS && timestampMs < LAST_STAMP_MS;
  }

  #takeUntil(untilMs: number): { caller: Uint8Array; agent: Uint8Array } | undefined {
    if (untilMs <= this.#caller.takenMs) return undefined;
    return { caller: this.#caller.take(untilMs), agent: this.#agent.take(untilMs) };
  }

  /** Pauses within what is sent up to the byte `at` and has no place yet. */
  #gapMs(at: number): number {
    return this.#gaps.filter((gap) => gap.at < at).reduce((sum, { ms }) => sum + ms, 0);
  }

  /** Put audio up to the byte `at`, whose first byte was heard at `fromMs`, where it was heard: before and behind each pause within. */
  #place(at: number, fromMs: number, endMs: number): void {
    let nextMs = fromMs;
    let leastMs = PAUSE_MS;
    for (const gap of this.#gaps.filter((gap) => gap.at < at)) {
      const lengthMs = (gap.at - this.#placedBytes) / BYTES_PER_MS;
      this.#placeRun(gap.at, { fromMs: nextMs, endMs, leastMs });
      nextMs += lengthMs + gap.ms;
      leastMs = 0;
    }
    this.#placeRun(at, { fromMs: nextMs, endMs, leastMs });
  }

  /**
   * The same of audio without a pause within: in one run with what was before, unless there was a pause of `leastMs`. It is
   * never put before that: while the carrier sends no frames its time stands still, and echoes come all the same.
   */
  #placeRun(at: number, { fromMs, endMs, leastMs }: { fromMs: number; endMs: number; leastMs: number }): void {
    const dueMs = this.#dueMs ?? -Infinity;
    const startMs = Math.max(0, fromMs < dueMs + leastMs ? dueMs : fromMs);
    this.#write(Math.min(at, this.#placedBytes + Math.max(0, endMs - startMs) * BYTES_PER_MS), startMs);
    this.#dueMs = startMs + (at - this.#placedBytes) / BYTES_PER_MS;
    this.#forget(at);
  }

  /** No echo in a long time, though the caller's time goes on (else his side of the line stands still, and echoes with it). */
  #takeAsHeard(): void {
    if (this.#clearedAt > this.#placedBytes) return this.#cut(this.#nowMs, this.#clearedAt);
    this.#dueMs ??= this.#runMs + this.#roundTripMs;
    const heardBytes = Math.floor((this.#nowMs - this.#dueMs) / FRAME_MS) * FRAME_MS * BYTES_PER_MS;
    if (heardBytes < ECHOLESS_BYTES / 2) return;
    const at = Math.min(this.#sentBytes, this.#placedBytes + heardBytes);
    this.#place(at, this.#dueMs, Infinity);
    this.#marks = this.#marks.filter((mark) => mark.at > at);
  }

  /** Of what was sent up to the byte `upTo`, that which was not heard until `ms` was never heard. */
  #cut(ms: number, upTo: number): void {
    if (this.#placedBytes < upTo) this.#dueMs ??= this.#runMs + this.#roundTripMs;
    if (this.#dueMs !== undefined && ms > this.#dueMs) this.#place(upTo, this.#dueMs, ms);
    this.#forget(upTo);
    this.#dueMs = undefined;
    this.#runMs = this.#nextRunMs;
    this.#marks = this.#marks.filter(({ at }) => at > upTo);
  }

  #write(at: number, startMs: number): void {
    this.#agent.write(startMs, this.#waiting.subarray(0, Math.max(0, at - this.#placedBytes)));
  }

  #forget(at: number): void {
    this.#waiting.copyWithin(0, at - this.#placedBytes, this.#sentBytes - this.#placedBytes);
    this.#placedBytes = at;
    this.#gaps = this.#gaps.filter((gap) => gap.at >= at);
  }
}

/** One side, silent where nothing was written; what was taken is not kept. */
class Track {
  takenMs = 0;
  #bytes = new Uint8Array(0);

  write(atMs: number, audio: Uint8Array): void {
    const at = Math.round((atMs - this.takenMs) * BYTES_PER_MS);
    const skip = Math.max(0, -at);
    if (skip >= audio.length) return;
    this.#bytes = withRoom(this.#bytes, at + audio.length);
    this.#bytes.set(audio.subarray(skip), Math.max(0, at));
  }

  take(untilMs: number): Uint8Array {
    const count = Math.round((untilMs - this.takenMs) * BYTES_PER_MS);
    this.#bytes = withRoom(this.#bytes, count);
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.slice(count);
    this.takenMs = untilMs;
    return taken;
  }
}

/** `bytes`, or a longer copy with silence behind, in which `count` find room. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
  if (count <= bytes.length) return bytes;
  const longer = new Uint8Array(Math.max(count, bytes.length * 2)).fill(SILENCE);
  longer.set(bytes);
  return longer;
}

/** Bytes of the header of `wavHeader`. */
export const WAV_HEADER_BYTES = 58;

/** The head of a stereo mu-law WAV at 8 kHz: left the caller, right the agent. RFC 2361, section A.7; the fact chunk is required there. */
export function wavHeader(dataBytes: number): Uint8Array {
  const bytes = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const name = (at: number, letters: string) => bytes.set(new TextEncoder().encode(letters), at);
  name(0, "RIFF");
  view.setUint32(4, WAV_HEADER_BYTES - 8 + dataBytes, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 18, true);
  view.setUint16(20, 7, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 16_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 8, true);
  name(38, "fact");
  view.setUint32(42, 4, true);
  view.setUint32(46, dataBytes / 2, true);
  name(50, "data");
  view.setUint32(54, dataBytes, true);
  return bytes;
}

/** Two mono sides of one length as the samples of a stereo file. */
export function interleave({ caller, agent }: { caller: Uint8Array; agent: Uint8Array }): Uint8Array {
  const both = new Uint8Array(caller.length * 2);
  for (let n = 0; n < caller.length; n++) {
    both[2 * n] = caller[n]!;
    both[2 * n + 1] = agent[n]!;
  }
  return both;
}
