/** What the agent says and when, in one call: replies in uneven chunks faster than real time, some of them interrupted. */

import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import { DOWN, FrameStamp, STAMP_AT } from "./frames.ts";
import { Uplink, type UplinkParts } from "./uplink.ts";

/** How the agent talks. */
export interface Manner {
  /** Length of a reply, and from the start of one to that of the next, ms. The second must be longer. */
  replyMs: number;
  periodMs: number;
  /** A chunk has half to one and a half times this. */
  chunkBytes: number;
  /** Times faster than real time. */
  rate: number;
  /** The caller interrupts every such reply. */
  interruptEvery: number;
}

export const MANNER: Manner = { replyMs: 4500, periodMs: 6000, chunkBytes: 1000, rate: 4, interruptEvery: 3 };
/** When the caller interrupts: while audio is still being sent, and after all was sent. */
const INTERRUPT_AFTER_MS = [500, 1600];
/** The caller's words are confirmed this long after the interruption; the real agent sends leftovers in between. */
const CONFIRM_AFTER_MS = 700;
const LEFTOVER_CHUNKS = 2;
const CALLER_SAID = { type: "ConversationText", role: "user", content: "I would like to know about my appointment." };

export interface Reply {
  reply: number;
  count: number;
  /** All of it was sent and nobody interrupted it. */
  whole: boolean;
  /** When `UserStartedSpeaking` was sent, machine clock. */
  cutMs: number | null;
}

export interface AgentCallParts extends UplinkParts {
  sendText: (message: object) => void;
  sendAudio: (audio: Uint8Array<ArrayBuffer>) => void;
  manner: Manner;
  random: () => number;
}

const stamp = new FrameStamp();

export class AgentCall {
  readonly replies: Reply[] = [];
  readonly uplink: Uplink;
  /** No new reply begins any more, but the answer to an interruption. */
  finishing = false;
  readonly #parts: AgentCallParts;
  #speaking: { reply: Reply; sentBytes: number; nextMs: number; leftovers: number } | undefined;
  #nextReplyMs = Infinity;
  #cutAtMs = Infinity;

  constructor(parts: AgentCallParts) {
    this.#parts = parts;
    this.uplink = new Uplink(parts);
  }

  /** Caller audio, in pieces of any size. The first of it brings the greeting. */
  hear(audio: Uint8Array): void {
    const known = this.call >= 0;
    this.uplink.hear(audio);
    if (!known && this.call >= 0) this.#nextReplyMs = this.#parts.nowMs();
  }

  get call(): number {
    return this.uplink.call;
  }

  /** Do what is due. */
  tick(): void {
    const ms = this.#parts.nowMs();
    if (ms >= this.#cutAtMs) this.#interrupt(ms);
    if (this.#speaking && ms >= this.#speaking.nextMs) this.#sendChunk(ms);
    if (!this.#speaking && ms >= this.#nextReplyMs) this.#begin(ms);
  }

  #begin(ms: number): void {
    const { manner, sendText } = this.#parts;
    const number = this.replies.length + 1;
    // Who interrupted is answered: else the server would take it for a false start, or the agent for dead.
    if (this.finishing && !this.replies.at(-1)?.cutMs) return void (this.#nextReplyMs = Infinity);
    const reply = { reply: number, count: Math.round(manner.replyMs / FRAME_MS), whole: false, cutMs: null };
    this.replies.push(reply);
    if (number > 1) {
      sendText(CALLER_SAID);
      sendText({ type: "AgentThinking", content: "" });
    }
    sendText({ type: "ConversationText", role: "assistant", content: "Of course. Let me look that up for you." });
    sendText({ type: "AgentStartedSpeaking", total_latency: 0.9, tts_latency: 0.2, ttt_latency: 0.6 });
    this.#speaking = { reply, sentBytes: 0, nextMs: ms, leftovers: LEFTOVER_CHUNKS };
    this.#nextReplyMs = ms + manner.periodMs;
    const round = Math.floor(number / manner.interruptEvery);
    const isCut = number > 1 && (number + this.call) % manner.interruptEvery === 0;
    this.#cutAtMs = isCut ? ms + INTERRUPT_AFTER_MS[round % INTERRUPT_AFTER_MS.length]! : Infinity;
    this.#sendChunk(this.#parts.nowMs());
  }

  #sendChunk(ms: number): void {
    const speaking = this.#speaking!;
    const { manner, random, sendAudio, sendText } = this.#parts;
    const { reply } = speaking;
    const total = reply.count * FRAME_BYTES;
    const wanted = Math.round(manner.chunkBytes * (0.5 + random()));
    const to = wholeStamp(Math.min(total, speaking.sentBytes + wanted));
    sendAudio(this.#cutOut(reply, speaking.sentBytes, to, ms));
    speaking.nextMs = Math.max(ms, speaking.nextMs + (to - speaking.sentBytes) / 8 / manner.rate);
    speaking.sentBytes = to;
    const over = reply.cutMs !== null && --speaking.leftovers <= 0;
    if (to < total && !over) return;
    this.#speaking = undefined;
    if (to === total && reply.cutMs === null) reply.whole = true;
    sendText({ type: "AgentAudioDone" });
  }

  /** Bytes `from` to `to` of the reply, its frames stamped with `ms`. */
  #cutOut({ reply, count }: Reply, from: number, to: number, ms: number): Uint8Array<ArrayBuffer> {
    const first = Math.floor(from / FRAME_BYTES);
    const frames = Math.ceil(to / FRAME_BYTES) - first;
    const audio = new Uint8Array(frames * FRAME_BYTES);
    for (let i = 0; i < frames; i++) {
      stamp.write(DOWN, { call: this.call, reply, index: first + i, count, sentMs: ms });
      audio.set(stamp.bytes, i * FRAME_BYTES);
    }
    return audio.subarray(from - first * FRAME_BYTES, to - first * FRAME_BYTES);
  }

  #interrupt(ms: number): void {
    this.#cutAtMs = Infinity;
    const reply = this.replies.at(-1)!;
    reply.whole = false;
    this.#parts.sendText({ type: "UserStartedSpeaking" });
    reply.cutMs = this.#parts.nowMs();
    this.#nextReplyMs = ms + CONFIRM_AFTER_MS;
    if (this.#speaking) this.#speaking.nextMs = ms + 20;
  }
}

/** The nearest end of a chunk up to `to` that tears no stamp. */
function wholeStamp(to: number): number {
  const into = to % FRAME_BYTES;
  return into > STAMP_AT ? to - (into - STAMP_AT) : to;
}
