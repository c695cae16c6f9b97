/** What one live call is given, and what it offers. */

import type { Clock } from "../base/clock.ts";
import type { Engine, EngineHost, HistoryLine } from "../engine/engine.ts";
import type { Leg, LineTap } from "../phone/leg.ts";
import type { EndReason, LineName, TimerName } from "./machine.ts";
import type { NoticeBody, Usage } from "./notice.ts";

/** Words we say ourselves, ready to be played. */
export interface SpokenLine {
  text: string;
  /** Mu-law, 8 kHz. */
  audio: Uint8Array;
  interruptible: boolean;
}

/** How long a call waits for what, ms. */
export type CallDeadlines = Readonly<Record<TimerName, number>>;

/** A common question that we answer ourselves, at once. */
export interface RoutedAnswer {
  route: string;
  score: number;
  line: SpokenLine;
  then: "continue" | "hangup" | "transfer";
  transferTo?: string;
}

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** What the tools of a call may do with it. */
export interface CallControl {
  end(reason: EndReason): void;
  report(notice: NoticeBody): void;
  /** The keys that the caller pressed a moment ago, and that nobody was told of yet. */
  takeKeys(): string;
}

/** The functions a model may call in this call. They outlive its line: a call that comes back finds them at work. */
export interface CallTools extends Disposable {
  /** The call is live, or back: from now on tools can act on it. What ran before is not run again. */
  attach(call: CallControl): void;
  /** The agent that called the running tools is gone. If its successor calls the same tool again, it gets the result of the run under way: nothing runs twice. */
  succeeded(): void;
  /** Runs one and gives its result: text for the model, and whether the tool did what it was asked. Bounded in time; never rejects. */
  run(call: ToolCall): Promise<{ content: string; ok: boolean }>;
  cancel(id: string): void;
  callerSaid(text: string): void;
  /** The engine says something aloud that is more than a filler. */
  weSay(): void;
  /** The call asks something by itself: a yes is to that, not to what the engine has said before. */
  weAskElse(): void;
  /** A key of the caller's phone. @returns whether a tool took it. */
  digit(digit: string): boolean;
  /** Whether this tool waits for the caller; with any other tool the caller waits for us. */
  asksCaller(name: string): boolean;
  /** Said while this tool runs. */
  waiting(name: string): SpokenLine | undefined;
  /** Leave the line to a destination by its name. */
  transfer(name: string): void;
}

export interface CallParts {
  /** A line that has started. */
  leg: Leg;
  /** Opens the engine, or hands over the one that was opened early. */
  openEngine: (host: EngineHost) => Engine;
  /** The call's reply numbers: shared with an engine that was opened early. */
  newReply: () => number;
  clock: Clock;
  deadlines: CallDeadlines;
  /** How long to leave the caller in peace after these words, ms: more than 0 if they ask for it ("hold on"). */
  patienceMs: (text: string) => number;
  /** How often silence is broken before the call ends. */
  maxPrompts: number;
  line: (name: LineName) => SpokenLine | undefined;
  /** Said as soon as the line is there, before and beside the engine. */
  greeting?: SpokenLine;
  /** Said before everything else: that the call is recorded. */
  notice?: SpokenLine;
  /** Opens the recording of the line; closed with the session. */
  record?: () => Recording;
  /** What the engine has used of its vendors; undefined where they are not paid by use. */
  usage?: () => Usage;
  /** The route that answers what the caller said, if one does. Synchronous and quick: nothing else may answer before it. */
  route: (text: string, before: string) => RoutedAnswer | undefined;
  /** Whether `text` is nothing but words that interrupt ("stop", "wait"). */
  onlyInterrupts: (text: string) => boolean;
  tools: CallTools;
  /** Words that cover a wait, other ones each time; none where the engine covers its own waits. */
  filler: () => SpokenLine | undefined;
  /** What the caller had said when the line broke and nobody had answered yet: asked again once the call is back. */
  unanswered?: string | undefined;
  /** What was said so far, as heard. */
  history: () => readonly HistoryLine[];
  report: (notice: NoticeBody) => void;
}

/** Records both sides of a line until it is closed. A call that comes back goes on in the same file. */
export interface Recording extends Disposable {
  /** What the line is to show its audio to. */
  readonly tap: LineTap;
  /** Where it is, below the data folder. */
  readonly file: string;
  /** What is in the file, ms; 0 where nothing could be written. */
  readonly durationMs: number;
}

/** A call in progress. */
export interface LiveCall {
  /** Settles when everything the call opened is closed. Never rejects. */
  readonly done: Promise<EndReason>;
  /** End it politely, with a goodbye. */
  end(reason: EndReason): void;
  /** Its line is gone, whatever the socket says. What was heard is reported when this returns. */
  lose(): void;
  /** It is over at the carrier: end it now, without a word. */
  bury(reason: EndReason): void;
  /** Why it has ended or is ending, as soon as that is decided: before `done` settles. */
  readonly reason: EndReason | undefined;
}
