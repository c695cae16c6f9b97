/** What one phone hears: the carrier's buffer, marks and `clear`, and what is wrong with the frames that come. Pure. */

import { audioMs, FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import { DOWN, FrameStamp, Sequence, type Stamp } from "./frames.ts";
import type { Histogram } from "./histogram.ts";
import { isOwnLine } from "./own_voice.ts";

/** An under-run needs audio that the server held for this long. */
const HELD_MS = 40;
/** A buffer found empty by less than this was not: clocks and timers are no better. */
const SLACK_MS = 1;
/** Behind this much of a reply the lead is full and the pacing is steady. */
const STEADY_MS = 500;
const FAULTS_TOLD = 20;
/** Audio handed over at most this long before the server's last words may still have been on its way to it. */
const EMPTY_HANDED_MS = 3;

/** Measured over all phones. Durations count only within the window of measuring. */
export interface Heard {
  firstFrame: Histogram;
  jitter: Histogram;
  late: Histogram;
  frames: number;
  /** Of them those within the window of measuring. */
  measuredFrames: number;
  messages: number;
  marks: number;
  altered: number;
  /** The first of them: during or behind which reply, and when. */
  alteredAt: { call: number; reply: number; ms: number }[];
  /** Frames of lines that the server says of itself. */
  own: number;
  stale: number;
  /** The buffer ran empty while the server held audio; `uncertain`: or we were too late to see. */
  underruns: number;
  uncertain: number;
  underrunMs: number;
  /** Of the under-runs those where the server fell silent when it had sent all that it had been given: no lead covers that. */
  emptyHanded: number;
  /** The first of them: where in which reply, how long the caller heard nothing, how long the server held the frame. */
  underrunsAt: { call: number; reply: number; positionMs: number; emptyMs: number; heldMs: number }[];
  /** The buffer ran empty because the agent had not sent more. */
  starved: number;
  /** Messages that no carrier knows. */
  odd: number;
}

/** When a message came: certainly not after `ms`, and not before `sinceMs` (we may have slept). */
export interface Arrival {
  ms: number;
  sinceMs: number;
  measured: boolean;
}

interface Reply {
  sequence: Sequence;
  count: number;
  startMs: number;
}

const frameStamp = new FrameStamp();

export class PhoneLine {
  readonly replies = new Map<number, Reply>();
  /** When `clear` came, and which reply it cut. */
  readonly clears: { reply: number; ms: number }[] = [];
  readonly #call: number;
  readonly #heard: Heard;
  #current = 0;
  #cut = 0;
  /** The buffer has been played to its end at this time. */
  #playedMs = 0;
  #lastMs = 0;
  #marks: { name: string; dueMs: number }[] = [];
  #rest = new Uint8Array(0);

  constructor(call: number, heard: Heard) {
    this.#call = call;
    this.#heard = heard;
  }

  message(text: string, arrival: Arrival): void {
    if (text.includes('"event":"media"')) return this.#media(text, arrival);
    const message = JSON.parse(text) as { event?: unknown; mark?: { name?: unknown } };
    if (message.event === "clear") return this.#clear(arrival.ms);
    const name = message.mark?.name;
    if (message.event !== "mark" || typeof name !== "string") return void this.#heard.odd++;
    this.#heard.marks++;
    this.#marks.push({ name, dueMs: this.#playedMs });
  }

  /** Names of the marks whose audio has been played. */
  played(nowMs: number): string[] {
    if (this.#marks.length === 0 || this.#marks[0]!.dueMs > nowMs) return [];
    const due = this.#marks.filter((mark) => mark.dueMs <= nowMs);
    this.#marks = this.#marks.filter((mark) => mark.dueMs > nowMs);
    return due.map(({ name }) => name);
  }

  #clear(ms: number): void {
    this.clears.push({ reply: this.#current, ms });
    this.#cut = this.#current;
    this.#playedMs = ms;
    for (const mark of this.#marks) mark.dueMs = 0;
  }

  #media(text: string, arrival: Arrival): void {
    const from = text.indexOf('"payload":"') + 11;
    const payload = text.slice(from, text.indexOf('"', from));
    this.#heard.messages++;
    if (payload.length === 216 && this.#rest.length === 0) {
      const stamp = frameStamp.readBase64(payload, DOWN);
      return this.#frame(stamp ?? (isOwnLine(Uint8Array.fromBase64(payload), 0) ? "own" : undefined), arrival, 1);
    }
    const bytes = joined(this.#rest, Uint8Array.fromBase64(payload));
    const frames = Math.floor(bytes.length / FRAME_BYTES);
    for (let i = 0; i < frames; i++) {
      const stamp = frameStamp.read(bytes, i * FRAME_BYTES, DOWN);
      const known = stamp ?? (isOwnLine(bytes, i * FRAME_BYTES) ? "own" : undefined);
      this.#frame(known === "silence" ? undefined : known, arrival, i === 0 ? frames : 0);
    }
    this.#rest = bytes.slice(frames * FRAME_BYTES);
  }

  /** A carrier plays whatever comes. `inMessage`: frames of the message, for the first of them; 0 for the others. */
  #frame(stamp: Stamp | "own" | undefined, arrival: Arrival, inMessage: number): void {
    this.#heard.frames++;
    if (arrival.measured) this.#heard.measuredFrames++;
    if (!stamp) this.#alteredFrame(arrival);
    else if (stamp === "own") this.#heard.own++;
    else if (stamp.call !== this.#call) this.#heard.altered++;
    else if (stamp.reply <= this.#cut) this.#heard.stale++;
    else this.#replyFrame(stamp, arrival, inMessage);
    this.#lastMs = arrival.ms;
    this.#playedMs = Math.max(this.#playedMs, arrival.ms) + audioMs(FRAME_BYTES);
  }

  #alteredFrame({ ms }: Arrival): void {
    this.#heard.altered++;
    if (this.#heard.alteredAt.length >= FAULTS_TOLD) return;
    this.#heard.alteredAt.push({ call: this.#call, reply: this.#current, ms });
  }

  #replyFrame(stamp: Stamp, arrival: Arrival, inMessage: number): void {
    const known = this.replies.get(stamp.reply);
    const reply = known ?? { sequence: new Sequence(), count: stamp.count, startMs: arrival.ms };
    if (!known) this.replies.set(stamp.reply, reply);
    const inOrder = reply.sequence.push(stamp.index);
    if (arrival.measured && inOrder) this.#measure(stamp, reply, arrival, inMessage);
    if (stamp.index > 0) this.#checkBuffer(stamp, arrival);
    this.#current = stamp.reply;
  }

  #measure({ index, sentMs }: Stamp, reply: Reply, { ms }: Arrival, inMessage: number): void {
    if (inMessage === 0) return;
    if (index === 0) return this.#heard.firstFrame.add(ms - sentMs);
    const steady = index * FRAME_MS > STEADY_MS;
    if (steady) this.#heard.jitter.add(Math.abs(ms - this.#lastMs - inMessage * FRAME_MS));
    this.#heard.late.add(Math.max(0, ms - reply.startMs - index * FRAME_MS));
  }

  /** Was the caller left in silence before this frame, and whose fault was it? */
  #checkBuffer({ call, reply, index, sentMs }: Stamp, { ms, sinceMs }: Arrival): void {
    const emptyMs = ms - this.#playedMs;
    if (emptyMs <= SLACK_MS) return;
    if (ms - sentMs < HELD_MS) return void this.#heard.starved++;
    if (sinceMs - this.#playedMs <= SLACK_MS || sinceMs - sentMs < HELD_MS) return void this.#heard.uncertain++;
    this.#heard.underruns++;
    if (sentMs > this.#lastMs - EMPTY_HANDED_MS) this.#heard.emptyHanded++;
    this.#heard.underrunMs += emptyMs;
    if (this.#heard.underrunsAt.length >= FAULTS_TOLD) return;
    this.#heard.underrunsAt.push({ call, reply, positionMs: index * FRAME_MS, emptyMs, heldMs: ms - sentMs });
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail;
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}
