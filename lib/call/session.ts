/** One live call: owns its line, its engine and its timers; performs what the machine decides. A shell. */

import { Audible } from "../audio/audible.ts";
import { audioMs, FRAME_BYTES } from "../audio/frame.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import { BoundedQueue } from "../base/queue.ts";
import type { Engine, EngineEvent, EngineHost } from "../engine/engine.ts";
import type { Leg, LegEvent, LineTap } from "../phone/leg.ts";
import { Echoes } from "./echoes.ts";
import {
  begin,
  type CallEffect,
  type CallEvent,
  type CallState,
  type EndReason,
  type LineName,
  LOOP_TIMES,
  step,
  type TimerName,
} from "./machine.ts";
import type { NoticeBody, ReplySource } from "./notice.ts";

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
  end(reason: EndReason, say?: LineName): void;
  report(notice: NoticeBody): void;
}

/** The functions a model may call in this call. They outlive its line: a call that comes back finds them at work. */
export interface CallTools extends Disposable {
  /** The call is live, or back: from now on tools can act on it. What ran before is not run again. */
  attach(call: CallControl): void;
  /** Whoever asked for what runs is gone: its successor, which asks for the same again, gets that and no second one. */
  succeeded(): void;
  /** Runs one and gives its result as text for the model. Bounded in time; never rejects. */
  run(call: ToolCall): Promise<string>;
  cancel(id: string): void;
  callerSaid(text: string): void;
  /** A key of the caller's phone. @returns whether a tool took it. */
  digit(digit: string): boolean;
  /** Said while this tool runs. */
  waiting(name: string): SpokenLine | undefined;
  /** Leave the line to a destination by its name. */
  transfer(name: string): void;
}

export interface CallParts {
  /** Our own id of the call. */
  id: string;
  /** A line that has started. */
  leg: Leg;
  /** Opens the engine, or hands over the one that was opened early. */
  openEngine: (host: EngineHost) => Engine;
  /** The call's reply numbers: shared with an engine that was opened early. */
  newReply: () => number;
  clock: Clock;
  deadlines: CallDeadlines;
  /** How long the caller asks to be left in silence with these words ("hold on"), ms; 0 where they do not. */
  patienceMs: (text: string) => number;
  /** How often silence is broken before the call ends. */
  maxPrompts: number;
  line: (name: LineName) => SpokenLine | undefined;
  /** Said as soon as the line is there, before and beside the engine. */
  greeting?: SpokenLine;
  /** Said before everything else: that the call is recorded. */
  notice?: SpokenLine;
  /** Opens the recording of the line; closed with the call. */
  record?: () => { tap: LineTap } & Disposable;
  /** The route that answers what the caller said, if one does. Synchronous and quick: nothing else may answer before it. */
  route: (text: string) => RoutedAnswer | undefined;
  /** Whether `text` is nothing but words that interrupt ("stop", "wait"). */
  onlyInterrupts: (text: string) => boolean;
  tools: CallTools;
  /** Words that cover a wait, another at each call; none where the engine covers its own waits. */
  filler: () => SpokenLine | undefined;
  /** The caller's words that the line's break kept from being answered: asked again once the call is back. */
  unanswered?: string;
  /** What was said so far, as heard. */
  history: () => readonly { role: "user" | "assistant"; content: string }[];
  report: (notice: NoticeBody) => void;
}

/** A call in progress. */
export interface LiveCall {
  /** Settles when everything the call opened is closed. Never rejects. */
  readonly done: Promise<EndReason>;
  /** End it politely: `say` some last words first. */
  end(reason: EndReason, say?: LineName): void;
  /** Its line is gone, whatever the socket says. What was heard is reported when this returns. */
  lose(): void;
  /** It is over at the carrier: end it now, without a word. */
  bury(reason: EndReason): void;
  /** Why it has ended or is ending, as soon as that is decided: before `done` settles. */
  readonly reason: EndReason | undefined;
}

/** Control events that may wait; more than that in one turn of the loop means something is badly wrong. */
const INBOX_LIMIT = 256;
/** An interruption lasts at most this long, however much noise the caller makes. */
const INTERRUPTED_LIMIT_MS = 10_000;
const ALREADY_HANDLED = JSON.stringify({ error: "Already handled: the caller has been answered." });
/** The caller is held to have said something after so long: 0.6 s, of which 0.2 s is the delay of the ear itself. */
const SPEECH_FRAMES = 30;
/** Fillers while nobody is known to have said anything: a cough needs no answer. */
const FILLERS_ON_SUSPICION = 2;
/** Without word timings a resumed reply repeats this much. */
const REPEAT_MS = 200;

/** Run one call from its started line to its end. What it opened is closed, newest first, before `done` settles. */
export function runCall(parts: CallParts): LiveCall {
  const session = new Session(parts);
  const done = session.run().catch((error: unknown): EndReason => {
    // Our own mistake ends this call and no other; the process-wide handler gets to see it.
    reportError(error);
    return "internal-error";
  });
  return {
    done,
    end: (reason, say) => session.post({ kind: "end", reason, say }),
    lose: () => session.lose(),
    bury: (reason) => session.post({ kind: "over", reason }),
    get reason() {
      return session.reason;
    },
  };
}

class Session {
  readonly #parts: CallParts;
  readonly #inbox = new BoundedQueue<CallEvent>({ limit: INBOX_LIMIT, whenFull: "refuse" });
  readonly #timers: TimerSet<TimerName>;
  readonly #ear = new Audible();
  readonly #words = new Map<number, { startMs: number; endMs: number }[]>();
  readonly #protected = new Set<number>();
  readonly #echoes = new Echoes();
  #engine: Engine | undefined;
  /** Still to be asked again, once the engine is ready and the caller knows that we are back. */
  #unanswered: string | undefined;
  #backAs: number | undefined;
  #asked: string | undefined;
  #ready = false;
  #state: CallState = { kind: "idle" };
  #startedMs = 0;
  #interruptedMs = 0;
  #patientUntilMs = 0;
  #cuts: { reply: number; heardMs: number }[] = [];
  /** The caller's present turn was answered by a route: what the engine makes of it is not wanted. */
  #routed = false;
  /** Frames in a row in which the caller was heard. */
  #audibleFrames = 0;
  /** Fillers since the last answer. */
  #fillers = 0;
  /** Tools at work: the engine waits for us then, not the other way round. */
  #toolsRunning = 0;
  #framesIn = 0;
  #bytesOut = 0;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#unanswered = parts.unanswered;
    this.#timers = new TimerSet(parts.clock, (name) => this.#timer(name));
  }

  async run(): Promise<EndReason> {
    const { leg, clock } = this.#parts;
    await using owned = new AsyncDisposableStack();
    owned.use(leg);
    owned.use(this.#inbox);
    owned.use(this.#timers);
    this.#parts.tools.attach({
      end: (reason, say) => this.post({ kind: "end", reason, say }),
      report: (notice) => this.#report(notice),
    });
    this.#startedMs = clock.monotonicMs();
    this.#perform(begin()[1]);
    if (this.#parts.record) leg.tap(owned.use(this.#parts.record()).tap);
    leg.listen((event) => this.#legEvent(event));
    if (this.#parts.notice) this.#speak(this.#parts.notice, "line");
    if (this.#parts.greeting) this.#backAs = this.#speak(this.#parts.greeting, "line");
    const engine = owned.use(this.#parts.openEngine(this.#host()));
    this.#engine = engine;
    leg.connect((frame) => this.#hear(frame, engine));

    for await (const event of this.#inbox) {
      const before = this.#state.kind;
      const [next, effects] = step(this.#state, event);
      this.#state = next;
      if (next.kind !== before) this.#report({ kind: "state", from: before, to: next.kind });
      this.#perform(effects);
      if (next.kind === "ended") return this.#ended(next.reason);
    }
    return this.#ended("internal-error");
  }

  get reason(): EndReason | undefined {
    return this.#state.kind === "ended" || this.#state.kind === "closing" ? this.#state.reason : undefined;
  }

  lose(): void {
    this.#breakOff();
    this.post({ kind: "leg-ended", how: "socket-closed" });
  }

  post(event: CallEvent): void {
    if (!this.#inbox.push(event)) this.#report({ kind: "event-lost", event: event.kind });
  }

  #hear(frame: Uint8Array, engine: Engine): void {
    this.#framesIn++;
    this.#ear.push(frame);
    engine.hear(frame);
    if (this.#ear.audible) this.#audibleFrames++;
    else if (this.#audibleFrames > 0) {
      if (this.#audibleFrames >= SPEECH_FRAMES) this.post({ kind: "caller-quiet" });
      this.#audibleFrames = 0;
    }
  }

  #host(): EngineHost {
    const { leg, newReply } = this.#parts;
    return {
      newReply,
      post: (event) => this.#engineEvent(event),
      play: (reply, audio) => this.#play(reply, audio),
      drained: () => leg.drained,
      history: this.#parts.history,
    };
  }

  #play(reply: number, audio: Uint8Array): void {
    this.#bytesOut += audio.length;
    if (!this.#parts.leg.play(reply, audio)) this.#report({ kind: "audio-dropped", reply, bytes: audio.length });
  }

  #legEvent(event: LegEvent): void {
    switch (event.kind) {
      case "leg-started":
        return;
      case "leg-ended":
        return this.post(event);
      case "digit":
        this.#report(event);
        if (!this.#parts.tools.digit(event.digit)) this.#engine?.digit(event.digit);
        return this.post({ kind: "digit" });
      case "reply-heard":
        this.#protected.delete(event.reply);
        this.#report(event);
        this.post(event);
        if (event.reply === this.#backAs) this.#backAs = undefined;
        return this.#askAgain();
      default:
        return this.#report(event);
    }
  }

  #engineEvent(event: EngineEvent): void {
    switch (event.kind) {
      case "ready":
        this.#report({
          kind: "engine-ready",
          waitMs: this.#parts.clock.monotonicMs() - this.#startedMs,
          requestId: event.requestId ?? "",
        });
        this.post({ kind: "ready" });
        this.#ready = true;
        return this.#askAgain();
      case "caller-spoke":
        this.#report(event);
        this.#routed = false;
        return this.post({ kind: "caller-spoke", interrupts: this.#protected.size === 0 });
      case "caller-text":
        return this.#callerText(event);
      case "reply-started":
        this.#fillers = 0;
        this.#report({ ...event, source: "engine" });
        return this.post(event);
      case "reply-finished":
        this.#report(event);
        this.#parts.leg.end(event.reply);
        return this.post(event);
      case "reply-words":
        this.#words.set(event.reply, [...this.#words.get(event.reply) ?? [], ...event.words]);
        return this.#report(event);
      case "answer-due":
        return this.post(event);
      case "tool-call":
        return this.#tool(event);
      case "tool-cancelled":
        return this.#parts.tools.cancel(event.id);
      case "fault":
        this.#report(event);
        if (!event.fatal) this.#parts.tools.succeeded();
        return this.post(event);
      default:
        return this.#report(event);
    }
  }

  #timer(name: TimerName): void {
    const forLongMs = this.#parts.clock.monotonicMs() - this.#interruptedMs;
    const audible = this.#ear.audible && !(name === "false-start" && forLongMs >= INTERRUPTED_LIMIT_MS);
    const prompts = this.#state.kind === "listening" ? this.#state.prompts : 0;
    this.post({ kind: "timer", name, audible, promptsLeft: prompts < this.#parts.maxPrompts });
  }

  /** A caller who asked for patience is not prompted before it is over. */
  #waitMs(timer: TimerName): number {
    const askedMs = this.#patientUntilMs - this.#parts.clock.monotonicMs();
    return timer === "silence" ? Math.max(this.#parts.deadlines.silence, askedMs) : this.#parts.deadlines[timer];
  }

  #callerText(event: Extract<EngineEvent, { kind: "caller-text" }>): void {
    if (event.final && event.text === this.#asked) { // the caller said it before the line broke
      this.#asked = undefined;
      return this.post({ kind: "caller-text", final: true });
    }
    this.#unanswered = undefined;
    this.#report(event);
    // What only interrupts is heard, and not answered.
    const final = event.final && !event.interruption;
    const times = final ? this.#echoes.said(event.text) : 1;
    this.post({ kind: "caller-text", final, times });
    if (final && times < LOOP_TIMES) this.#callerSaid(event.text);
  }

  /** The turn that the line's break left unanswered, as if the caller had said it once more. */
  #askAgain(): void {
    if (this.#unanswered === undefined || !this.#ready || this.#backAs !== undefined) return;
    this.#asked = this.#unanswered;
    this.#unanswered = undefined;
    this.#engine?.text(this.#asked);
  }

  #callerSaid(text: string): void {
    this.#patientUntilMs = this.#parts.clock.monotonicMs() + this.#parts.patienceMs(text);
    this.#parts.tools.callerSaid(text);
    this.#answerByRoute(text);
  }

  /** A common question is answered from a recording, before the engine's own answer is there. */
  #answerByRoute(text: string): void {
    this.#routed = false;
    if (this.#state.kind === "closing" || this.#state.kind === "ended") return;
    if (this.#state.kind === "interrupted" && this.#parts.onlyInterrupts(text)) return;
    const answer = this.#parts.route(text);
    if (!answer) return;
    this.#routed = true;
    this.#report({ kind: "routed", route: answer.route, score: answer.score });
    this.#speak(answer.line, "route");
    if (answer.then === "hangup") this.post({ kind: "end", reason: "agent-hung-up", say: undefined });
    if (answer.then === "transfer" && answer.transferTo) this.#parts.tools.transfer(answer.transferTo);
  }

  #tool({ id, name, arguments: args }: ToolCall): void {
    const { clock, tools } = this.#parts;
    if (this.#routed) return this.#engine?.toolResult(id, name, ALREADY_HANDLED);
    const startedMs = clock.monotonicMs();
    this.#report({ kind: "tool-call", id, name });
    this.#toolsRunning++;
    this.post({ kind: "tool-call", running: true });
    const answer = (content: string, ok: boolean) => {
      this.#toolsRunning--;
      this.#report({ kind: "tool-result", id, name, ok, tookMs: clock.monotonicMs() - startedMs });
      if (this.#state.kind === "ended") return; // the call may come back for it
      this.#engine?.toolResult(id, name, content);
      this.post({ kind: "tool-call", running: false });
    };
    const waiting = tools.waiting(name);
    if (waiting) this.#speak(waiting, "line", { tellEngine: false });
    tools.run({ id, name, arguments: args }).then(
      (content) => answer(content, true),
      () => answer(JSON.stringify({ error: "The tool failed." }), false),
    );
  }

  #perform(effects: readonly CallEffect[]): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: CallEffect): void {
    switch (effect.kind) {
      case "arm":
        return this.#timers.arm(effect.timer, this.#waitMs(effect.timer));
      case "disarm":
        return this.#timers.disarm(effect.timer);
      case "arm-once":
        return this.#timers.isArmed(effect.timer) ? undefined : this.#do({ kind: "arm", timer: effect.timer });
      case "fill":
        return this.#fill();
      case "interrupt":
        return this.#interrupt();
      case "resume":
        return this.#resume();
      case "forget":
        this.#cuts = [];
        return this.#parts.leg.forget();
      case "say": {
        const line = this.#parts.line(effect.line);
        return line
          ? void this.#speak(line, "line")
          : this.post({ kind: "timer", name: "closing", audible: false, promptsLeft: false });
      }
      case "hang-up":
        return this.#parts.leg.hangUp();
      default:
        effect satisfies never;
    }
  }

  #interrupt(): void {
    this.#interruptedMs = this.#parts.clock.monotonicMs();
    this.#cuts = this.#parts.leg.clear();
    for (const { reply, heardMs } of this.#cuts) {
      this.#protected.delete(reply);
      this.#report({ kind: "reply-interrupted", reply, heardMs });
      this.#engine?.interrupt(reply, heardMs);
    }
  }

  /** Go on with what was cut off, as a new reply, from the start of the cut word. */
  #resume(): void {
    const [first] = this.#cuts;
    const last = this.#cuts.at(-1);
    this.#cuts = [];
    if (!first || !last) return;
    const as = this.#parts.newReply();
    const word = this.#words.get(first.reply)?.find(({ endMs }) => endMs > first.heardMs);
    const fromMs = Math.max(0, word ? Math.min(word.startMs, first.heardMs) : first.heardMs - REPEAT_MS);
    if (!this.#parts.leg.resume(as, fromMs)) return;
    this.#report({ kind: "reply-started", reply: as, source: "resumed" });
    this.#report({ kind: "reply-resumed", reply: last.reply, as });
    this.post({ kind: "reply-started", reply: as });
    this.#engine?.resumed(last.reply, as);
  }

  /** Tell the waiting caller that someone is there. It holds no turn: the answer follows it. */
  #fill(): void {
    if (this.#fillers > 0 && this.#toolsRunning === 0) this.#engine?.unanswered();
    if (this.#state.kind === "listening" && this.#fillers >= FILLERS_ON_SUSPICION) return;
    this.#fillers++;
    const line = this.#parts.filler();
    if (!line) return;
    const reply = this.#parts.newReply();
    this.#report({ kind: "reply-started", reply, source: "line" });
    this.#report({ kind: "reply-text", reply, text: line.text });
    this.#play(reply, line.audio);
    this.#parts.leg.end(reply);
    this.#timers.arm("filler", audioMs(line.audio.length) + this.#parts.deadlines.filler);
  }

  /** Say something that is ours, not the engine's. `tellEngine`: it stands for the engine's own answer, which is not to be heard then. */
  #speak(
    { text, audio, interruptible }: SpokenLine,
    source: ReplySource,
    { tellEngine }: { tellEngine: boolean } = { tellEngine: true },
  ): number {
    const reply = this.#parts.newReply();
    if (!interruptible) this.#protected.add(reply);
    this.#report({ kind: "reply-started", reply, source });
    this.#report({ kind: "reply-text", reply, text });
    this.post({ kind: "reply-started", reply });
    this.#play(reply, audio);
    this.#parts.leg.end(reply);
    if (tellEngine) this.#engine?.answered(reply, text);
    return reply;
  }

  /** The line is gone: of what was being said, this much was heard. */
  #breakOff(): void {
    for (const { reply, heardMs } of this.#parts.leg.clear()) this.#report({ kind: "reply-lost", reply, heardMs });
  }

  #ended(reason: EndReason): EndReason {
    this.#breakOff();
    this.#report({
      kind: "call-ended",
      reason,
      durationMs: this.#parts.clock.monotonicMs() - this.#startedMs,
      framesIn: this.#framesIn,
      framesOut: Math.ceil(this.#bytesOut / FRAME_BYTES),
    });
    return reason;
  }

  #report(notice: NoticeBody): void {
    this.#parts.report(notice);
  }
}
