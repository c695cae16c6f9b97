/** The conversation behind one interface: hears the caller, answers, and says what happens. */

import type { Fault } from "../base/result.ts";
import type { SpokenWord } from "../providers/ports.ts";

/** What an engine tells its call. Audio of a reply goes to `EngineHost.play`, not through here. */
export type EngineEvent =
  /** The engine can hear and speak. */
  | { kind: "ready"; requestId?: string }
  /** The caller began to speak (or to make noise like it): what we say must stop. */
  | { kind: "caller-spoke" }
  /** What the caller said: the turn so far, or (`final`) the confirmed turn. `interruption`: it only told us to stop; nobody is to answer it. */
  | { kind: "caller-text"; text: string; final: boolean; interruption?: true }
  /** `covers`: it is no answer, the caller goes on waiting for that. */
  | { kind: "reply-started"; reply: number; covers?: boolean }
  /** A piece of what `reply` says, in order. */
  | { kind: "reply-text"; reply: number; text: string }
  /** When the words of `reply` sound, ms from its start; comes in pieces. */
  | { kind: "reply-words"; reply: number; words: SpokenWord[] }
  /** All audio of `reply` was handed over. `brokeOff`: not all of its text was spoken. */
  | { kind: "reply-finished"; reply: number; brokeOff?: boolean }
  /** Our reply broke off, and all that came of it was heard: the caller waits for the rest. */
  | { kind: "answer-due" }
  | { kind: "tool-call"; id: string; name: string; arguments: string }
  /** The model no longer wants this call's result. */
  | { kind: "tool-cancelled"; id: string }
  /** The fence against late audio came down by its fail-safe, without a sign from the vendor. */
  | { kind: "fence-timed-out" }
  /** `fatal`: the engine can do no more. */
  | { kind: "fault"; fault: Fault; fatal: boolean }
  /** Where the time of a turn went, ms, as far as the engine knows. */
  | { kind: "latency"; parts: LatencyParts };

/** All ms, as far as they are known. */
export interface LatencyParts {
  /** From the caller's last sound until the turn was known to be over. */
  stt?: number;
  /** From our question until there was something to speak. */
  model?: number;
  /** From the first text to the first audio. */
  voice?: number;
  /** What the other parts leave of `total`. */
  ours?: number;
  /** From the caller's last sound to our first. */
  total?: number;
}

/** One line of what was said. */
export interface HistoryLine {
  role: "user" | "assistant";
  content: string;
}

/** What an engine may ask of its call. */
export interface EngineHost {
  post(event: EngineEvent): void;
  /** Audio of an opened reply: mu-law 8 kHz, any chunking, faster than real time. */
  play(reply: number, audio: Uint8Array): void;
  /** The next reply number of the call. */
  newReply(): number;
  /** Whether the phone has played all it was given. */
  drained(): boolean;
  /** Whether the caller is being heard, as far as the frame that the engine is given. */
  audible(): boolean;
  /** What was said so far, as heard. */
  history(): readonly HistoryLine[];
}

export interface Engine extends AsyncDisposable {
  /** Caller audio: 160 bytes (20 ms) of mu-law, which may change once this returns. Until the engine is ready some seconds of it are kept. Never throws. */
  hear(frame: Uint8Array): void;
  /** A key of the caller's phone. */
  digit(digit: string): void;
  /** The keys that nobody was told of yet. They are somebody else's now. */
  takeKeys(): string;
  /** Typed caller text, taken as if it had been said. */
  text(text: string): void;
  /** `reply` was cut off after `heardMs`: produce no more of it, and remember what was heard. */
  interrupt(reply: number, heardMs: number): void;
  /** The caller spoke, but nothing was cut, because what is being said must not be interrupted. */
  goesOn(): void;
  /** The interruption of `reply` was noise: the rest of it is being played as the new reply `as`. */
  resumed(reply: number, as: number): void;
  /** The call answered the caller's turn itself, with `text` as `reply` (a cached prompt): no other answer to that turn may be heard. */
  answered(reply: number, text: string): void;
  /** The caller has been waiting for an answer for some seconds: make sure that somebody is there to give one. */
  unanswered(): void;
  /**
   * The call ends: once its last words have begun, no turn of the caller's is answered any more. `more`: they are the
   * engine's own; else not another word of it is to be heard.
   */
  ending(more: boolean): void;
  /** The result of a tool call, as text for the model. */
  toolResult(id: string, name: string, content: string): void;
}
