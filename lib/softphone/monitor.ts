/** Everything that is observed of a call's audio: one listener for all its streams. */

import { FRAME_MS } from "../audio/frame.ts";
import { loudnessDbfs } from "../audio/mulaw.ts";
import type { Tag } from "../audio/tag.ts";
import { ArrivalEar, PlayedEar } from "./ear.ts";
import { GapWatch } from "./gaps.ts";
import type { LineListener } from "./line.ts";
import { AUDIBLE_DBFS } from "./mouth.ts";
import { type Offence, offence, OffenceLog, type Warning } from "./offence.ts";
import type { Recorder } from "./recorder.ts";
import type { Slot } from "./speaker.ts";
import { Talk, type Turn } from "./talk.ts";

/** What a call tells while it lasts. */
export type PhoneEvent =
  | { kind: "ringing"; url: string; callSid: string }
  | { kind: "verb"; text: string }
  | { kind: "connected"; streamSid: string; url: string }
  /** Ms from the start of the stream to the first audible slot. */
  | { kind: "first-audio"; ms: number }
  | { kind: "said"; text: string; interrupting: boolean }
  /** The agent has fallen silent. `text`: undefined if its audio is not tagged. */
  | { kind: "agent"; text: string | undefined; replyMs: number | undefined; heardMs: number; interrupted: boolean }
  /** The server cleared the queue: `heardMs` of the reply were played, `droppedMs` were not. */
  | { kind: "cleared"; atMs: number; heardMs: number; droppedMs: number }
  | { kind: "expectation"; text: string; met: boolean }
  | { kind: "note"; text: string }
  | { kind: "offence"; offence: Offence }
  | { kind: "warning"; warning: Warning }
  | { kind: "ended"; endedBy: string; durationMs: number };

export interface MonitorOptions {
  tell: (event: PhoneEvent) => void;
  recorder: Recorder | undefined;
  /** Each slot, and the tags of the frames that became whole with it; for tests. */
  onSlot: ((slot: Slot, atMs: number, tags: readonly Tag[]) => void) | undefined;
}

/** A reply is told once the agent is silent for this long. */
const TELL_AFTER_MS = 400;
/** An agent that goes on for this long after the caller has interrupted it, without a pause or a clear, talks over the caller. */
const TALKED_OVER_MS = 2000;

interface Waiter {
  test: () => boolean;
  untilMs: number;
  resolve: (how: "met" | "late" | "ended") => void;
}

/** An utterance that was given to the mouth and has not begun to leave it. */
interface Pending {
  text: string;
  audibleMs: number;
  /** The agent is meant to stop for it. */
  interrupts: boolean;
}

export class Monitor implements LineListener {
  readonly talk = new Talk();
  readonly offences = new OffenceLog();
  readonly gaps = new GapWatch();
  readonly arrivals = new ArrivalEar();
  readonly ear = new PlayedEar();
  firstAudioMs: number | undefined;
  readonly #options: MonitorOptions;
  readonly #waiters = new Set<Waiter>();
  #originMs = 0;
  #streamStartMs: number | undefined;
  #pending: Pending | undefined;
  #told: { turn: Turn; bytes: number; text: number } | undefined;
  #quietMs = 0;
  /** Since when the agent goes on although the caller has interrupted it. */
  #ignoredSinceMs: number | undefined;
  #inaudibleMs = 0;
  #over = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** The call is answered at `nowMs`: the recording begins. */
  answered(nowMs: number): void {
    this.#originMs = nowMs;
  }

  streamStarted(nowMs: number): void {
    if (this.#streamStartMs === undefined) this.talk.began(nowMs);
    this.#streamStartMs ??= nowMs;
    this.ear.cleared();
  }

  /** The mouth has been given an utterance; it begins with the next frame that is not silent. */
  willSay(pending: Pending): void {
    this.#pending = pending;
  }

  pressed(keys: string, nowMs: number): void {
    this.#said(`[keys ${keys}]`, nowMs, nowMs);
  }

  /** Tried at every slot; `late` when `nowMs` has passed `untilMs`. */
  wait(test: () => boolean, untilMs: number): Promise<"met" | "late" | "ended"> {
    if (test()) return Promise.resolve("met");
    if (this.#over) return Promise.resolve("ended");
    return new Promise((resolve) => void this.#waiters.add({ test, untilMs, resolve }));
  }

  /** The call has ended: nobody waits any longer. */
  end(): void {
    this.#over = true;
    this.#tellReply();
    for (const { resolve } of this.#waiters) resolve("ended");
    this.#waiters.clear();
    const { duplicated, reordered, altered } = this.arrivals.counts;
    if (duplicated > 0) this.offence(offence("frames-duplicated", `${duplicated} frames came twice`));
    if (reordered > 0) this.offence(offence("frames-reordered", `${reordered} frames came out of order`));
    if (altered > 0) this.offence(offence("frames-altered", `${altered} frames came with changed bytes`));
  }

  played(slot: Slot, atMs: number): void {
    const tags = slot.playedBytes > 0 ? this.ear.played(slot.audio.subarray(0, slot.playedBytes)) : [];
    const audible = slot.playedBytes > 0 && loudnessDbfs(slot.audio) > AUDIBLE_DBFS;
    this.gaps.slot(slot, tags);
    const before = this.talk.latest.firstHeardMs;
    const words = tags.map((tag) => tag.last ? `${tag.words} ` : tag.words).join("");
    this.talk.slot({ atMs, playedBytes: slot.playedBytes, audible, words, taggedFrames: tags.length });
    if (audible && before === undefined) this.#firstAudio(atMs);
    this.#options.recorder?.agent(atMs - this.#originMs, slot.audio);
    this.#options.onSlot?.(slot, atMs, tags);
    this.#followReply(slot.playedBytes);
    this.#followInterruption(audible, atMs);
    this.#tryWaiters(atMs);
  }

  spoke(frame: Uint8Array, atMs: number, silent: boolean): void {
    if (this.#pending && !silent) {
      const { text, audibleMs, interrupts } = this.#pending;
      this.#pending = undefined;
      if (interrupts && this.talk.agentSpeaking) this.#ignoredSinceMs = atMs + audibleMs;
      this.#said(text, atMs, atMs + audibleMs);
    }
    this.#options.recorder?.caller(atMs - this.#originMs, frame);
  }

  arrived(audio: Uint8Array, atMs: number): void {
    this.arrivals.arrived(audio, atMs);
  }

  markedEmpty(): void {
    this.gaps.ended();
  }

  cleared(droppedMs: number, atMs: number): void {
    const heardMs = this.talk.replyMs;
    this.#ignoredSinceMs = undefined;
    this.talk.cleared(droppedMs);
    this.arrivals.cleared(atMs);
    this.ear.cleared();
    this.gaps.cleared();
    this.#options.tell({ kind: "cleared", atMs: atMs - this.#originMs, heardMs, droppedMs });
    this.#tellReply();
  }

  offence(offence: Offence): void {
    if (this.offences.add(offence)) this.#options.tell({ kind: "offence", offence });
  }

  warning(warning: Warning): void {
    this.#options.tell({ kind: "warning", warning });
  }

  #said(text: string, atMs: number, untilMs: number): void {
    const interrupting = this.talk.agentSpeaking;
    this.talk.said(text, atMs, untilMs);
    this.#options.tell({ kind: "said", text, interrupting });
  }

  #firstAudio(atMs: number): void {
    if (this.firstAudioMs !== undefined || this.#streamStartMs === undefined) return;
    this.firstAudioMs = Math.round(atMs - this.#streamStartMs);
    this.#options.tell({ kind: "first-audio", ms: this.firstAudioMs });
  }

  /** Tell what the agent said once it has been silent for a while. */
  #followReply(playedBytes: number): void {
    if (playedBytes === 0) {
      this.#quietMs += FRAME_MS;
      if (this.#quietMs === TELL_AFTER_MS) this.#tellReply();
      return;
    }
    this.#quietMs = 0;
    const turn = this.talk.answering;
    if (this.#told?.turn !== turn) {
      this.#tellReply();
      this.#told = { turn, bytes: turn.playedBytes - playedBytes, text: 0 };
    }
  }

  /** A pause or a clear ends the watch; silence that the server sends is a pause too. */
  #followInterruption(audible: boolean, atMs: number): void {
    this.#inaudibleMs = audible ? 0 : this.#inaudibleMs + FRAME_MS;
    if (this.#inaudibleMs >= TELL_AFTER_MS) this.#ignoredSinceMs = undefined;
    if (this.#ignoredSinceMs === undefined || atMs - this.#ignoredSinceMs < TALKED_OVER_MS) return;
    this.#ignoredSinceMs = undefined;
    const detail = `The agent was interrupted and went on for ${TALKED_OVER_MS / 1000} s: no clear came`;
    this.warning({ code: "talked-over", detail });
  }

  #tellReply(): void {
    const told = this.#told;
    if (!told || told.turn.playedBytes === told.bytes) return;
    const { turn } = told;
    const text = turn.heard.slice(told.text).replace(/\s+/g, " ").trim();
    const replyMs = told.text === 0 && turn.firstHeardMs !== undefined
      ? Math.round(turn.firstHeardMs - turn.saidEndMs)
      : undefined;
    this.#options.tell({
      kind: "agent",
      text: turn.taggedFrames > 0 ? text : undefined,
      replyMs: turn.said === "" ? undefined : replyMs,
      heardMs: (turn.playedBytes - told.bytes) / 8,
      interrupted: turn.interrupted,
    });
    this.#told = { turn, bytes: turn.playedBytes, text: turn.heard.length };
  }

  #tryWaiters(nowMs: number): void {
    for (const waiter of this.#waiters) {
      const met = waiter.test();
      if (!met && nowMs < waiter.untilMs) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(met ? "met" : "late");
    }
  }
}
