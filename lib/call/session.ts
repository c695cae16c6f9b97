/** One live call: owns its line, its engine and its timers; performs what the machine decides. A shell. */

import { Audible } from "../audio/audible.ts";
import { audioMs, FRAME_BYTES } from "../audio/frame.ts";
import { TimerSet } from "../base/clock.ts";
import { BoundedQueue } from "../base/queue.ts";
import type { Engine, EngineEvent, EngineHost } from "../engine/engine.ts";
import type { LegEvent } from "../phone/leg.ts";
import { CutReplies } from "./cut_replies.ts";
import { Echoes } from "./echoes.ts";
import type { CallParts, LiveCall, Recording, SpokenLine, ToolCall } from "./live_call.ts";
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
  type ToolsNow,
} from "./machine.ts";
import type { NoticeBody, ReplySource } from "./notice.ts";
import { Unanswered } from "./unanswered.ts";
import { Waits } from "./waits.ts";

/** Control events that may wait; more of them in one turn of the event loop mean that something is badly wrong. */
const INBOX_LIMIT = 256;
/** Sound of this length may have been words: 0.6 s, of which 0.2 s is the delay of the ear itself. */
const SPEECH_FRAMES = 30;
/** At most this many fillers while it is not known whether the caller said anything: a cough needs no answer. */
const FILLERS_ON_SUSPICION = 2;

/** Run one call from its started line to its end. What it opened is closed, newest first, before `done` settles. */
export function runCall(parts: CallParts): LiveCall {
  const session = new Session(parts);
  const done = session.run().catch((error: unknown): EndReason => {
    // Our own mistake ends this call and no other; the process-wide handler gets to see it.
    reportError(error);
    return session.ended("internal-error");
  });
  return {
    done,
    end: (reason) => session.post({ kind: "end", reason, say: "goodbye" }),
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
  readonly #cut = new CutReplies();
  readonly #echoes = new Echoes();
  #engine: Engine | undefined;
  #recording: Recording | undefined;
  readonly #unanswered: Unanswered;
  readonly #waits: Waits;
  #state: CallState = { kind: "idle" };
  #startedMs = 0;
  /** What the caller has said that nobody has begun to answer. */
  #unheeded = "";
  /** The last words are a route's. */
  #routedAway = false;
  /** The engine's newest reply that only covers a wait. */
  #covering: number | undefined;
  /** Fillers since the last answer, or since the caller went on instead of waiting for it. */
  #fillers = 0;
  /** Tools at work: the engine waits for us then, not the other way round. */
  readonly #running = new Set<ToolCall>();

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#unanswered = new Unanswered(parts.unanswered);
    this.#waits = new Waits(parts.clock, parts.deadlines);
    this.#timers = new TimerSet(parts.clock, (name) => this.#timer(name));
  }

  async run(): Promise<EndReason> {
    const { leg, clock } = this.#parts;
    await using owned = new AsyncDisposableStack();
    owned.use(leg);
    owned.use(this.#inbox);
    owned.use(this.#timers);
    this.#parts.tools.attach({
      end: (reason) => this.post({ kind: "end", reason, say: undefined }),
      report: (notice) => this.#report(notice),
      takeKeys: () => this.#engine?.takeKeys() ?? "",
    });
    this.#startedMs = clock.monotonicMs();
    this.#perform(begin()[1]);
    this.#recording = this.#parts.record?.();
    if (this.#recording) leg.tap(this.#recording.tap);
    leg.listen((event) => this.#legEvent(event));
    if (this.#parts.notice) this.#speak(this.#parts.notice, "line");
    if (this.#parts.greeting) this.#unanswered.waitFor(this.#speak(this.#parts.greeting, "line"));
    const engine = owned.use(this.#parts.openEngine(this.#host()));
    this.#engine = engine;
    leg.connect((frame) => this.#hear(frame, engine));

    while (this.#state.kind !== "ended") {
      await this.#inbox.filled();
      this.#settle();
    }
    return this.ended(this.#state.reason);
  }

  get reason(): EndReason | undefined {
    return this.#state.kind === "ended" || this.#state.kind === "closing" ? this.#state.reason : undefined;
  }

  lose(): void {
    this.#breakOff();
    this.post({ kind: "leg-ended", how: "socket-closed" });
  }

  post(event: CallEvent): void {
    const isLost = !this.#inbox.push(event) && this.#state.kind !== "ended"; // the carrier may tell of the end once more
    if (isLost) this.#report({ kind: "event-lost", event: event.kind });
  }

  /** Step all that has happened so far. */
  #settle(): void {
    for (let event = this.#inbox.take(); event; event = this.#inbox.take()) {
      const before = this.#state.kind;
      const [next, effects] = step(this.#state, event);
      this.#state = next;
      if (next.kind !== before) this.#report({ kind: "state", from: before, to: next.kind });
      this.#perform(effects);
    }
  }

  #hear(frame: Uint8Array, engine: Engine): void {
    const endedFrames = this.#ear.push(frame);
    engine.hear(frame);
    if (this.#ear.audible) this.#waits.callerHeard();
    if (endedFrames >= SPEECH_FRAMES) this.post({ kind: "caller-quiet" });
  }

  #host(): EngineHost {
    const { leg, newReply } = this.#parts;
    return {
      newReply,
      post: (event) => this.#engineEvent(event),
      play: (reply, audio) => this.#play(reply, audio),
      drained: () => leg.drained,
      audible: () => this.#ear.audible,
      history: this.#parts.history,
    };
  }

  #play(reply: number, audio: Uint8Array): void {
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
        if (!this.#parts.tools.digit(event.digit)) {
          this.#waits.keyPressed();
          this.#engine?.digit(event.digit);
        }
        return this.post({ kind: "digit" });
      case "reply-heard":
        this.#cut.heard(event.reply);
        this.#report(event);
        this.post({ ...event, tools: this.#toolsNow });
        return this.#ask(this.#unanswered.heard(event.reply));
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
        this.#parts.tools.succeeded();
        this.post({ kind: "ready" });
        return this.#ask(this.#unanswered.ready());
      case "caller-spoke":
        this.#report(event);
        if (this.#state.kind === "processing") this.#fillers = 0;
        return this.post({ kind: "caller-spoke", interrupts: this.#cut.mayCut, tools: this.#toolsNow });
      case "caller-text":
        return this.#callerText(event);
      case "reply-started":
        this.#fillers = 0;
        if (event.covers) this.#covering = event.reply;
        else this.#heeded();
        this.#report({ kind: "reply-started", reply: event.reply, source: "engine" });
        return this.post(event);
      case "reply-finished":
        this.#report(event);
        return this.#parts.leg.end(event.reply);
      case "reply-text":
        if (event.reply !== this.#covering) this.#parts.tools.weSay();
        return this.#report(event);
      case "reply-words":
        this.#cut.addWords(event.reply, event.words);
        return this.#report(event);
      case "answer-due":
        return this.post(event);
      case "tool-call":
        return this.#tool(event);
      case "tool-cancelled":
        return this.#parts.tools.cancel(event.id);
      case "fault":
        this.#report(event);
        return this.post(event);
      default:
        return this.#report(event);
    }
  }

  #timer(name: TimerName): void {
    // Then a silence is not the caller's; with a filler due, he has perhaps said something.
    const isOurs = this.#running.size > 0 || !this.#parts.leg.drained || this.#timers.isArmed("filler");
    if (name === "silence" && isOurs) return this.#arm(name);
    const audible = name === "false-start"
      ? this.#waits.isInterruption
      : this.#ear.audible || (name === "filler" && this.#onSuspicion && this.#waits.ms(name, true) > 0);
    this.post({ kind: "timer", name, audible, maxPrompts: this.#parts.maxPrompts });
  }

  #arm(timer: TimerName): void {
    this.#timers.arm(timer, this.#waits.ms(timer, this.#onSuspicion));
  }

  #callerText(event: Extract<EngineEvent, { kind: "caller-text" }>): void {
    const { text, final, interruption } = event;
    if (this.#unanswered.said(text, final)) return this.post({ kind: "caller-text", final: true });
    this.#report(event);
    // Words that only interrupt us are heard, and not answered.
    if (!final || interruption) return this.post({ kind: "caller-text", final: false });
    const times = this.#echoes.said(text);
    this.#settle();
    const interrupted = this.#state.kind === "interrupted";
    this.post({ kind: "caller-text", final, times });
    if (times >= LOOP_TIMES) return;
    this.#settle(); // what these words cut is cut before we answer them
    this.#waits.bePatient(this.#parts.patienceMs(text));
    this.#parts.tools.callerSaid(text);
    const before = this.#unheeded;
    this.#unheeded += `${text}? `; // a recogniser does not always hear that something was asked
    if (!interrupted || !this.#parts.onlyInterrupts(text)) this.#answerByRoute(text, before);
  }

  /** As if the caller had said it once more. */
  #ask(text: string | undefined): void {
    if (text !== undefined) this.#engine?.text(text);
  }

  /** A common question is answered from a recording, before the engine's own answer is there. */
  #answerByRoute(text: string, before: string): void {
    if (this.#state.kind === "closing" || this.#state.kind === "ended") return;
    const answer = this.#parts.route(text, before);
    if (!answer) return;
    this.#report({ kind: "routed", route: answer.route, score: answer.score });
    this.#heeded();
    this.#speak(answer.line, "route");
    this.#routedAway = answer.then !== "continue";
    if (answer.then === "hangup") this.post({ kind: "end", reason: "agent-hung-up", say: undefined });
    if (answer.then === "transfer" && answer.transferTo) this.#parts.tools.transfer(answer.transferTo);
  }

  /** Someone answers the caller. */
  #heeded(): void {
    this.#echoes.answered();
    this.#unheeded = "";
  }

  /** Who waits for whom, while tools run. */
  get #toolsNow(): ToolsNow {
    if (this.#running.size === 0) return "none";
    return [...this.#running].every(({ name }) => this.#parts.tools.asksCaller(name)) ? "ask" : "work";
  }

  /** Nobody has understood what the caller said, if he said anything. */
  get #onSuspicion(): boolean {
    return this.#state.kind === "listening" && this.#toolsNow !== "work";
  }

  #tool(call: ToolCall): void {
    const { id, name } = call;
    const { clock, tools } = this.#parts;
    const startedMs = clock.monotonicMs();
    this.#report({ kind: "tool-call", id, name });
    this.#running.add(call);
    this.#unheeded = ""; // someone works at it
    this.post({ kind: "tool-call", tools: this.#toolsNow });
    const waiting = tools.waiting(name);
    if (waiting && this.#state.kind !== "closing") this.#speak(waiting, "line", { tellEngine: false });
    tools.run(call).then(({ content, ok }) => {
      this.#running.delete(call);
      this.#report({ kind: "tool-result", id, name, ok, tookMs: clock.monotonicMs() - startedMs });
      if (this.#state.kind === "ended") return; // the call may come back for it
      this.#engine?.toolResult(id, name, content);
      this.post({ kind: "tool-call", tools: this.#toolsNow });
    }).catch(reportError);
  }

  #perform(effects: readonly CallEffect[]): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: CallEffect): void {
    switch (effect.kind) {
      case "arm":
        return this.#arm(effect.timer);
      case "disarm":
        return this.#timers.disarm(effect.timer);
      case "arm-once":
        return this.#timers.isArmed(effect.timer) ? undefined : this.#arm(effect.timer);
      case "fill":
        return this.#fill(effect.line);
      case "interrupt":
        return this.#interrupt();
      case "go-on":
        return this.#engine?.goesOn();
      case "resume":
        return this.#resume();
      case "forget":
        this.#cut.forget();
        return this.#parts.leg.forget();
      case "say": {
        const line = this.#parts.line(effect.line);
        if (!line) return this.#timer("closing"); // as if it had been said for long enough
        // `timeUp` is no answer to the caller: what the engine says or prepares is still to be heard.
        return void this.#speak(line, "line", { tellEngine: effect.line !== "timeUp" });
      }
      case "ending":
        return this.#engine?.ending(effect.more && !this.#routedAway);
      case "hang-up":
        return this.#parts.leg.hangUp();
      default:
        effect satisfies never;
    }
  }

  #interrupt(): void {
    this.#waits.interrupted();
    const cuts = this.#parts.leg.clear();
    const byUs = this.#state.kind === "closing" ? { byUs: true as const } : {};
    this.#cut.cut(cuts);
    for (const { reply, heardMs } of cuts) {
      this.#report({ kind: "reply-interrupted", reply, heardMs, ...byUs });
      this.#engine?.interrupt(reply, heardMs);
    }
  }

  /** Go on with what was cut off, as a new reply, from the start of the cut word. */
  #resume(): void {
    const rest = this.#cut.rest();
    if (!rest) return;
    const as = this.#parts.newReply();
    if (!this.#parts.leg.resume(as, rest.fromMs)) return;
    this.#report({ kind: "reply-started", reply: as, source: "resumed" });
    this.post({ kind: "reply-started", reply: as, resumed: true });
    this.#engine?.resumed(rest.last, as);
    this.#report({ kind: "reply-resumed", reply: rest.last, as });
  }

  /** Tell the waiting caller that someone is there. It holds no turn: the answer follows it. */
  #fill(name: LineName | undefined): void {
    if (this.#fillers > 0 && this.#running.size === 0) this.#engine?.unanswered();
    if (this.#onSuspicion && this.#fillers >= FILLERS_ON_SUSPICION) return;
    this.#fillers++;
    const line = name ? this.#parts.line(name) : this.#parts.filler();
    if (line) this.#say(this.#parts.newReply(), line, "line");
    // Without one, the next round asks for the answer again.
    this.#timers.arm("filler", audioMs(line?.audio.length ?? 0) + this.#parts.deadlines.filler);
  }

  /** Take the turn for a line of our own. `tellEngine`: it takes the place of the engine's answer, which must not be heard then. */
  #speak(line: SpokenLine, source: ReplySource, { tellEngine = true } = {}): number {
    const reply = this.#parts.newReply();
    if (!line.interruptible) this.#cut.protect(reply);
    this.post({ kind: "reply-started", reply, covers: !tellEngine });
    this.#say(reply, line, source);
    if (!tellEngine) return reply;
    this.#parts.tools.weAskElse();
    this.#engine?.answered(reply, line.text);
    return reply;
  }

  #say(reply: number, { text, audio }: SpokenLine, source: ReplySource): void {
    this.#report({ kind: "reply-started", reply, source });
    this.#report({ kind: "reply-text", reply, text });
    this.#play(reply, audio);
    this.#parts.leg.end(reply);
  }

  /** The line is gone: report how much of each open reply was heard. */
  #breakOff(): void {
    for (const { reply, heardMs } of this.#parts.leg.clear()) this.#report({ kind: "reply-lost", reply, heardMs });
  }

  /** Tell that the session is over. */
  ended(reason: EndReason): EndReason {
    const { inBytes, outBytes } = this.#parts.leg.traffic;
    this.#breakOff();
    this.#closeRecording();
    if (this.#parts.usage) this.#report({ kind: "usage", usage: this.#parts.usage() });
    this.#report({
      kind: "call-ended",
      reason,
      durationMs: this.#parts.clock.monotonicMs() - this.#startedMs,
      framesIn: Math.ceil(inBytes / FRAME_BYTES),
      framesOut: Math.ceil(outBytes / FRAME_BYTES),
    });
    return reason;
  }

  /** Not with the other parts: engines take a second to close, and a call that is back by then goes on in the same file. */
  #closeRecording(): void {
    const recording = this.#recording;
    recording?.[Symbol.dispose]();
    if (recording && recording.durationMs > 0) {
      this.#report({ kind: "recorded", file: recording.file, durationMs: recording.durationMs });
    }
  }

  #report(notice: NoticeBody): void {
    this.#parts.report(notice);
  }
}
