/** What was queued, sent, marked, heard and kept of each reply on one line. Pure: time comes in as a number. */

import { audioMs, BYTES_PER_MS, FRAME_BYTES, FRAME_MS } from "../audio/frame.ts";
import type { Cut } from "./leg.ts";
import { ReplyAudio } from "./reply_audio.ts";

/** A mark follows what was sent once it is 200 ms since the last, and each reply's end: the carrier's echo tells what was heard. */
const MARK_EVERY_MS = 200;
/** Audio the line accepts ahead of the caller's ear before it refuses more. */
const QUEUE_LIMIT_MS = 180_000;

/** What is to be sent: whole frames of one reply, or a mark. */
export type Outgoing =
  | { kind: "audio"; reply: number; bytes: Uint8Array; first: boolean }
  | { kind: "mark"; name: string };

/** What an echoed mark tells. `roundTripMs`: how much later it came than its audio should have ended. */
export interface Heard {
  roundTripMs: number;
  /** Replies whose end this proves, oldest first. */
  finished: Cut[];
}

interface Reply {
  number: number;
  audio: ReplyAudio;
  /** Position in the line's stream where this reply's first byte was sent. */
  startsAt: number | undefined;
  sentBytes: number;
  marks: number;
  markedMs: number;
  ended: boolean;
}

interface Mark {
  name: string;
  at: number;
  reply: number;
  last: boolean;
}

/**
 * Replies play one after the other; positions count bytes sent on the line since its start. The carrier plays a FIFO at
 * 8 bytes/ms (Twilio reference, section 3.4), so what was heard follows from the last echoed mark and the time since:
 * `heard = min(position of last echo + time since it, sent)`, and before the first echo the time since the first send.
 */
export class Playout implements Disposable {
  #replies: Reply[] = [];
  /** Sent to the last byte, but the last mark is still out. */
  #sentWhole: Reply[] = [];
  #marks: Mark[] = [];
  #cuts: Reply[] = [];
  readonly #gone = new Set<number>();
  #sent = 0;
  #queuedBytes = 0;
  /** The caller's ear was at this position at this time. */
  #anchor = { at: 0, ms: 0 };
  /** When the next frame starts to play, if all that was sent plays without a pause. */
  #nextDueMs = 0;

  /** Whether nothing waits to be sent and all that was sent should have been played. (Audio queued behind an open reply waits for that one's end.) */
  drained(nowMs: number): boolean {
    const open = this.#replies.findIndex(({ ended }) => !ended);
    const next = open < 0 ? this.#replies : this.#replies.slice(0, open + 1);
    return next.every(({ audio }) => audio.bytes < FRAME_BYTES) && this.#heardAt(nowMs) >= this.#sent;
  }

  /** Queue audio. @returns false if it was dropped because `QUEUE_LIMIT_MS` are queued already. */
  push(number: number, audio: Uint8Array): boolean {
    if (audio.length === 0 || this.#isOver(number)) return true;
    const cut = this.#cuts.find((reply) => reply.number === number);
    if (cut) {
      cut.audio.keep(audio);
      return true;
    }
    if (audioMs(this.#queuedBytes + audio.length) > QUEUE_LIMIT_MS) return false;
    const reply = this.#open(number);
    if (reply.ended) return true;
    reply.audio.push(audio);
    this.#queuedBytes += audio.length;
    return true;
  }

  /** No more audio of this reply comes. @returns true if it is over at once, because nothing of it remains to be played. */
  end(number: number): boolean {
    const cut = this.#cuts.find((reply) => reply.number === number);
    if (cut) cut.ended = true;
    const reply = this.#replies.find((reply) => reply.number === number);
    if (!reply) return !cut && !this.#isOver(number);
    reply.ended = true;
    return false;
  }

  /** When something is to be sent next, given `leadMs`; Infinity if nothing waits. */
  nextSendMs(leadMs: number): number {
    const reply = this.#current();
    if (!reply) return Infinity;
    return reply.audio.bytes >= FRAME_BYTES || reply.ended ? this.#nextDueMs - leadMs : Infinity;
  }

  /**
   * Take what is due up to `nowMs + leadMs`: frame n of a run is due at its start + n x 20 ms. After the carrier has run
   * dry the run starts anew, so lost time is not caught up by playing faster, only by sending sooner. `withFrame`: a frame has
   * come from the carrier, whose beat is as good as our own. One goes for each, as long as the lead is right to a frame and a
   * half: when it came a little before or after the due time, none would go, or two.
   */
  take(nowMs: number, leadMs: number, { withFrame = false } = {}): Outgoing[] {
    const out: Outgoing[] = [];
    if (this.#nextDueMs < nowMs) this.#nextDueMs = nowMs;
    const behind = (nowMs + leadMs - this.#nextDueMs) / FRAME_MS;
    let due = withFrame && behind >= -0.5 && behind < 1.5 ? 1 : Math.floor(behind) + 1;
    for (let reply = this.#current(); reply; reply = this.#current()) {
      const ready = Math.floor(reply.audio.bytes / FRAME_BYTES);
      const tail = reply.ended && reply.audio.bytes % FRAME_BYTES > 0 ? 1 : 0;
      const frames = Math.min(due, ready + tail);
      if (frames > 0) this.#sendFrames(reply, frames, nowMs, out);
      due -= frames;
      if (reply.ended && reply.audio.bytes === 0) this.#close(reply, out);
      else if (frames <= 0 || due <= 0) break;
    }
    return out;
  }

  /** A mark came back. @returns undefined if it is not one we wait for: unknown, or of audio that was cleared. */
  echo(name: string, nowMs: number): Heard | undefined {
    const index = this.#marks.findIndex((mark) => mark.name === name);
    if (index < 0) return undefined;
    const passed = this.#marks.splice(0, index + 1);
    const at = passed[index]!.at;
    const expectedMs = this.#anchor.ms + (at - this.#anchor.at) / BYTES_PER_MS;
    this.#anchor = { at, ms: nowMs };
    return { roundTripMs: Math.max(0, nowMs - expectedMs), finished: this.#finish(passed) };
  }

  /** Replies whose last mark should have come back `graceMs` ago: taken as heard, for an echo can get lost. */
  overdue(nowMs: number, graceMs: number): Cut[] {
    const due = this.#marks.filter((mark) =>
      this.#anchor.ms + (mark.at - this.#anchor.at) / BYTES_PER_MS + graceMs < nowMs
    );
    this.#marks.splice(0, due.length);
    return this.#finish(due);
  }

  /** Silence the line: nothing queued is sent any more, outstanding marks mean nothing. What was not heard is kept. */
  clear(nowMs: number): Cut[] {
    const heardAt = this.#heardAt(nowMs);
    const waiting = new Set(this.#marks.filter((mark) => mark.last).map((mark) => mark.reply));
    const open = [...this.#sentWhole.filter((reply) => waiting.has(reply.number)), ...this.#replies];
    this.forget();
    this.#cuts = open.filter((reply) => !reply.ended || reply.audio.total > 0);
    const cuts = open.map((reply) => ({ reply: reply.number, heardMs: heardMs(reply, heardAt) }));
    for (const [index, reply] of open.entries()) reply.audio.keepFrom(cuts[index]!.heardMs * BYTES_PER_MS);
    this.#replies = [];
    this.#sentWhole = [];
    this.#marks = [];
    this.#queuedBytes = 0;
    this.#anchor = { at: this.#sent, ms: nowMs };
    this.#nextDueMs = nowMs;
    return cuts;
  }

  /** Queue the rest of the cut replies as the reply `as`, ended if the last of them was. @returns false if there is no rest. */
  resume(as: number, fromMs: number): boolean {
    const ended = this.#cuts.at(-1)?.ended;
    let resumed = false;
    for (const [index, { audio }] of this.#cuts.entries()) {
      for (const rest of audio.rest(index === 0 ? fromMs * BYTES_PER_MS : 0)) {
        this.push(as, rest);
        resumed = true;
      }
    }
    this.forget();
    if (resumed && ended) this.end(as);
    return resumed;
  }

  /** Let go of cut replies; late audio of theirs is ignored from now on. */
  forget(): void {
    this.#letGo(this.#cuts);
    this.#cuts = [];
  }

  /** The line is over, and nothing of it is asked for any more. */
  [Symbol.dispose](): void {
    for (const { audio } of [...this.#replies, ...this.#sentWhole, ...this.#cuts]) audio.drop();
    this.#replies = [];
    this.#sentWhole = [];
    this.#cuts = [];
  }

  #open(number: number): Reply {
    const known = this.#replies.find((reply) => reply.number === number);
    if (known) return known;
    const reply: Reply = {
      number,
      audio: new ReplyAudio(),
      startsAt: undefined,
      sentBytes: 0,
      marks: 0,
      markedMs: 0,
      ended: false,
    };
    this.#replies.push(reply);
    return reply;
  }

  #current(): Reply | undefined {
    return this.#replies[0];
  }

  #sendFrames(reply: Reply, frames: number, nowMs: number, out: Outgoing[]): void {
    const first = reply.startsAt === undefined;
    if (this.#heardAt(nowMs) >= this.#sent) this.#anchor = { at: this.#sent, ms: nowMs };
    reply.startsAt ??= this.#sent;
    const before = reply.audio.bytes;
    const bytes = reply.audio.take(frames * FRAME_BYTES);
    this.#queuedBytes -= before - reply.audio.bytes;
    reply.sentBytes += bytes.length;
    this.#sent += bytes.length;
    this.#nextDueMs += frames * FRAME_MS;
    out.push({ kind: "audio", reply: reply.number, bytes, first });
    const moreComes = !reply.ended || reply.audio.bytes > 0;
    if (moreComes && audioMs(reply.sentBytes) >= reply.markedMs + MARK_EVERY_MS) this.#mark(reply, false, out);
    reply.audio.dropHeard(this.#heardAt(nowMs) - reply.startsAt);
  }

  #close(reply: Reply, out: Outgoing[]): void {
    this.#replies.shift();
    this.#sentWhole.push(reply);
    this.#mark(reply, true, out);
  }

  #mark(reply: Reply, last: boolean, out: Outgoing[]): void {
    reply.markedMs = audioMs(reply.sentBytes);
    const name = `r${reply.number}.${++reply.marks}`;
    this.#marks.push({ name, at: this.#sent, reply: reply.number, last });
    out.push({ kind: "mark", name });
  }

  #finish(passed: Mark[]): Cut[] {
    const over = passed.filter((mark) => mark.last).map((mark) => mark.reply);
    const finished = this.#sentWhole.filter((reply) => over.includes(reply.number));
    this.#sentWhole = this.#sentWhole.filter((reply) => !over.includes(reply.number));
    this.#letGo(finished);
    return finished.map((reply) => ({ reply: reply.number, heardMs: audioMs(reply.sentBytes) }));
  }

  /** Position of the caller's ear. */
  #heardAt(nowMs: number): number {
    return Math.min(this.#sent, this.#anchor.at + (nowMs - this.#anchor.ms) * BYTES_PER_MS);
  }

  /** Whether nothing more of it is played: all was sent, or it was let go. */
  #isOver(number: number): boolean {
    return this.#gone.has(number) || this.#sentWhole.some((reply) => reply.number === number);
  }

  /** These replies are over. They are remembered, so that late audio does not open them again. */
  #letGo(replies: readonly Reply[]): void {
    for (const { number, audio } of replies) {
      audio.drop();
      this.#gone.add(number);
      if (this.#gone.size > 64) this.#gone.delete(this.#gone.values().next().value!);
    }
  }
}

function heardMs({ startsAt, sentBytes }: Reply, heardAt: number): number {
  if (startsAt === undefined) return 0;
  return audioMs(Math.max(0, Math.min(sentBytes, heardAt - startsAt)));
}
