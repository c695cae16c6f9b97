/** The conversation held by a remote Voice Agent: keeps the caller's audio until the agent is ready, tells its replies apart, and replaces an agent that is lost. */

import { RecentAudio } from "../audio/recent_audio.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { Fault } from "../base/result.ts";
import type { VoiceAgent, VoiceAgentEvent, VoiceAgentHost } from "../providers/ports.ts";
import { Attempts, type RetryMs } from "./attempts.ts";
import type { Engine, EngineHost, HistoryLine, LatencyParts } from "./engine.ts";
import { Fence, type FenceAction } from "./fence.ts";
import { OpenUtterance } from "./open_utterance.ts";
import { Owed } from "./owed.ts";
import { ReplyLength } from "./reply_length.ts";
import { LOOK_MS, ReplyQuiet } from "./reply_quiet.ts";
import { DIGITS_MS } from "./turn.ts";

/** Caller audio kept until the agent is ready: 10 s. */
const EARLY_FRAMES = 500;
/** The fence comes down by itself after this time without a sign of a new reply. */
const FENCE_LIMIT_MS = 10_000;
/** The same after typed text, which the agent confirms at once. */
const TYPED_LIMIT_MS = 1000;
/** A reply that fell silent and lacks much of its sound may still go on for so long: some agents pause for 1.5 s. */
const MUTE_MS = 1000;
/** An agent that has taken the caller's words gives some sign of an answer within this time. */
const ANSWER_MS = 6000;
/** And within this time, however often it says that it is slow. */
const SLOW_LIMIT_MS = 20_000;
/** An agent that has sent nothing for this long while the caller waits is taken for dead. */
const LIFELESS_MS = 3000;
const ALREADY_HANDLED = JSON.stringify({ error: "Already handled: the caller has been answered." });

export interface AgentEngineParts {
  /** Opens an agent; `resumed`: what was said before, if it takes the place of one that was lost. */
  openAgent: (host: VoiceAgentHost, resumed: readonly HistoryLine[] | undefined) => VoiceAgent;
  retryMs: RetryMs;
  host: EngineHost;
  clock: Clock;
}

type Wait = "fence" | "quiet" | "mute" | "owed" | "answer" | "again" | "keys" | "results";

export class AgentEngine implements Engine {
  readonly #parts: AgentEngineParts;
  readonly #host: EngineHost;
  readonly #clock: Clock;
  readonly #fence: Fence;
  #agent: VoiceAgent;
  readonly #timers: TimerSet<Wait>;
  /** What the caller says until the agent is ready. */
  #early: RecentAudio | undefined = new RecentAudio();
  #ended = false;
  /** An open reply that has text, and no sound yet. */
  #unheard: { reply: number; texts: string[] } | undefined;
  /** What the agent says is its greeting. */
  #greets = false;
  readonly #quiet = new ReplyQuiet();
  readonly #length = new ReplyLength();
  readonly #owed = new Owed();
  /** The call ends; and its last words have begun, or were said. */
  #ending = false;
  #lastWords = false;
  /** We answered the caller's present turn ourselves as soon as the agent told it: the agent's own calls for that turn are refused. */
  #handled = false;
  #lastEventMs: number;
  readonly #attempts: Attempts;
  #reopen = () => {};
  /** What the agent has reported of the time that its next reply takes; the reports come in pieces, and before the reply. */
  #latency: LatencyParts = {};
  /** What the caller is saying, until the agent confirms it: a new agent must hear it again. */
  readonly #utterance = new OpenUtterance();
  /** Keys that were pressed, and not told to the agent yet. */
  #keys = "";
  /** Tell the agent what its tools brought while the call answers by itself. */
  readonly #results: (() => void)[] = [];
  /** The caller's words in writing, while there is no agent to be told them. */
  #untold: string | undefined;

  constructor(parts: AgentEngineParts) {
    const { host, clock } = parts;
    this.#parts = parts;
    this.#host = host;
    this.#clock = clock;
    this.#lastEventMs = clock.monotonicMs();
    this.#attempts = new Attempts(parts.retryMs);
    this.#fence = new Fence(() => host.newReply());
    this.#timers = new TimerSet(clock, (name) => this.#timer(name));
    this.#agent = this.#open(undefined);
  }

  hear(frame: Uint8Array): void {
    this.#utterance.hear(frame, this.#host.audible());
    if (this.#early) this.#early.push(frame, EARLY_FRAMES);
    else this.#agent.hear(frame);
  }

  /** The agent has no message for keys; the model learns of them as typed text, a number at a time. */
  digit(digit: string): void {
    this.#keys += digit;
    this.#timers.arm("keys", digit === "#" ? 0 : DIGITS_MS);
  }

  takeKeys(): string {
    const keys = this.#keys;
    this.#keys = "";
    this.#timers.disarm("keys");
    return keys;
  }

  text(text: string): void {
    this.#handled = this.#lastWords;
    if (this.#early) this.#untold = text;
    else this.#agent.injectCaller(text);
  }

  interrupt(): void {
    // The agent noticed the caller before we did; its history cannot be cut to what was heard (Deepgram reference, section 2.10).
  }

  goesOn(): void {
    this.#perform(this.#fence.goesOn());
  }

  resumed(_reply: number, as: number): void {
    for (const audio of this.#fence.takeKept()) this.#host.play(as, audio);
    this.#host.post({ kind: "reply-finished", reply: as });
    // The agent fell silent because of the noise: it is asked for the rest once all that it had sent was heard.
    if (this.#fence.brokeOff) this.#owed.askForRest();
    else if (!this.#owed.due) return;
    this.#timers.arm("owed", LOOK_MS);
  }

  answered(_reply: number, text: string): void {
    this.#owed.answered();
    this.#timers.disarm("answer");
    this.#perform(this.#fence.hold());
    this.#agent.inject(text);
  }

  toolResult(id: string, name: string, content: string): void {
    const isEarlier = this.#owed.isEarlier(id) && !this.#lastWords;
    if (isEarlier && this.#fence.held && !this.#host.drained()) {
      // What the call says by itself comes first, and with it what was put into the agent's mouth.
      this.#results.push(() => this.toolResult(id, name, content));
      return this.#timers.arm("results", LOOK_MS);
    }
    if (!this.#owed.settled(id)) return;
    if (isEarlier) this.#handled = false;
    // What follows is new. If noise has put the fence up, no words of the caller will take it down.
    if (!this.#utterance.sounds) this.#perform(isEarlier ? this.#fence.release() : this.#fence.answering());
    this.#agent.functionResult(id, name, content);
    this.#lastEventMs = this.#clock.monotonicMs(); // until now it waited for us
    if (this.#owed.turn) this.#timers.arm("answer", ANSWER_MS);
    // It said that it would do this: the caller waits again once that was heard.
    else if (this.#owed.due && !this.#ending) this.#timers.arm("owed", LOOK_MS);
  }

  unanswered(): void {
    // An agent that is being opened has a deadline of its own, and a caller who goes on speaking waits for nothing.
    if (this.#early || this.#utterance.sounds) return;
    if (this.#clock.monotonicMs() - this.#lastEventMs < LIFELESS_MS) return;
    if (this.#askAgain()) return;
    if (this.#attempts.mute({ owed: this.#owed.anything })) this.#lost("a sign of life", LIFELESS_MS);
  }

  ending(more: boolean): void {
    this.#ending = true;
    this.#timers.disarm("owed");
    this.#lastWords ||= !more || this.#fence.reply !== undefined || !this.#host.drained();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timers[Symbol.dispose]();
    await this.#agent[Symbol.asyncDispose]();
    this.#utterance.end();
    this.#early?.clear();
  }

  #open(resumed: readonly HistoryLine[] | undefined): VoiceAgent {
    const agent: VoiceAgent = this.#parts.openAgent({
      // What a replaced agent still says reaches nobody.
      event: (event) => this.#agent === agent && this.#event(event),
      audio: (bytes) => this.#agent === agent && this.#audio(bytes),
    }, resumed);
    return agent;
  }

  #timer(name: Wait): void {
    switch (name) {
      case "fence":
        return this.#failSafe();
      case "quiet":
        return this.#checkQuiet();
      case "mute":
        return this.#lost("the rest of its reply", MUTE_MS);
      case "owed":
        return this.#owe();
      case "answer":
        if (this.#utterance.sounds || this.#owed.awaitsResult) return this.#timers.arm("answer", LIFELESS_MS);
        return this.#askAgain() ? undefined : this.#lost("an answer", ANSWER_MS);
      case "again":
        return this.#reopen();
      case "keys":
        return this.#typed();
      case "results":
        return this.#results.splice(0).forEach((tell) => tell());
    }
  }

  /** Pressed keys are a turn of the caller's: they interrupt us, and the agent is told them. */
  #typed(): void {
    if (this.#early) return this.#timers.arm("keys", LOOK_MS); // nobody is there to be told
    if (this.#ending) return;
    if (this.#fence.reply !== undefined || !this.#host.drained()) this.#interrupted(TYPED_LIMIT_MS);
    this.text(`[The caller pressed ${this.takeKeys()} on the keypad.]`);
  }

  #interrupted(limitMs: number): void {
    // An agent does not go on with a goodbye that the caller spoke into.
    if (this.#lastWords && this.#fence.reply !== undefined && this.#length.lacks) this.#timers.arm("owed", LOOK_MS);
    this.#length.begin();
    if (!this.#lastWords) this.#alive();
    this.#fence.callerStarted();
    this.#shut();
    this.#timers.arm("fence", limitMs);
    this.#host.post({ kind: "caller-spoke" });
  }

  /** What answers the caller's last words after ours is not heard. */
  #shut(): void {
    if (this.#lastWords) this.#perform(this.#fence.hold());
  }

  #lost(what: string, limitMs: number): void {
    this.#failed({ kind: "deadline", peer: "deepgram-agent", what, limitMs });
  }

  /** The agent is lost, or as good as lost: a new one takes its place, which knows what was said, as it was heard. */
  #failed(fault: Fault): void {
    if (this.#lastWords) return this.#brokeOffLast(fault);
    const waitMs = this.#attempts.lost(fault, this.#clock.monotonicMs());
    this.#host.post({ kind: "fault", fault, fatal: waitMs === undefined });
    this.#timers[Symbol.dispose]();
    this.#owed.lost({ midReply: this.#fence.reply !== undefined });
    this.#perform(this.#fence.restart());
    if (waitMs === undefined) return void (this.#ended = true);
    const history = this.#owed.handOver(this.#host.history(), { callerSpeaks: this.#utterance.sounds });
    const resumed = history && this.#length.lacks ? this.#length.asHeard(history) : history;
    if (this.#owed.asksForRest) this.#timers.arm("owed", LOOK_MS);
    if (this.#keys) this.#timers.arm("keys", LOOK_MS);
    this.#keepEarly();
    const old = this.#agent;
    this.#reopen = () => void (this.#agent = this.#open(resumed));
    if (waitMs > 0) this.#timers.arm("again", waitMs);
    else this.#reopen();
    Promise.resolve(old[Symbol.asyncDispose]()).catch(reportError);
  }

  /** Nobody takes its place any more; what is missing of its goodbye is ours. */
  #brokeOffLast(fault: Fault): void {
    this.#ended = true;
    this.#timers[Symbol.dispose]();
    if (this.#fence.reply !== undefined) this.#timers.arm("owed", LOOK_MS);
    this.#perform(this.#fence.restart());
    this.#owed.alive();
    this.#host.post({ kind: "fault", fault, fatal: false });
  }

  /** Once all that came of a broken reply was heard, the caller waits for the rest: ask for it. What goes on in an open reply is no rest. */
  #owe(): void {
    if (!this.#lastWords && !this.#owed.anything) return; // it came in the reply that told of it
    if (this.#sounding || !this.#host.drained()) return this.#timers.arm("owed", LOOK_MS);
    this.#host.post({ kind: "answer-due" });
    if (!this.#early) this.#ask();
  }

  /** @returns whether it had dropped what it owes for some noise. */
  #askAgain(): boolean {
    if (!this.#owed.askAgain()) return false;
    this.#host.post({ kind: "answer-due" });
    this.#ask();
    return true;
  }

  /** Ask the agent for what it owes the caller. */
  #ask(): void {
    const request = this.#owed.takeRequest();
    if (request === undefined) return;
    this.#agent.injectCaller(request);
    this.#timers.arm("answer", ANSWER_MS);
  }

  #keepEarly(): void {
    if (this.#early) return;
    this.#early = new RecentAudio();
    for (const frame of this.#utterance.frames) this.#early.push(frame, EARLY_FRAMES);
  }

  #audio(bytes: Uint8Array): void {
    this.#perform(this.#fence.audio(bytes));
    this.#quiet.sounds(this.#clock.monotonicMs());
  }

  #event(event: VoiceAgentEvent): void {
    if (this.#ended) return;
    this.#lastEventMs = this.#clock.monotonicMs();
    switch (event.kind) {
      case "ready":
        return this.#ready(event.requestId);
      case "caller-started":
        this.#handled = this.#lastWords;
        this.#attempts.heard();
        this.#utterance.begin();
        this.#owed.callerStarted();
        return this.#interrupted(FENCE_LIMIT_MS);
      case "text":
        if (event.role === "user") return this.#callerText(event.content);
        this.#greets = event.greets === true;
        return this.#perform(this.#fence.assistantText(event.content));
      case "answering":
        return this.#perform(this.#fence.answering());
      case "audio-done":
        return this.#audioDone();
      case "function-calls":
        return this.#called(event);
      case "functions-cancelled":
        for (const id of event.ids) this.#cancel(id);
        // If the agent broke the turn off for mere noise, nobody else will ask for its answer.
        return this.#owed.anything ? this.#timers.arm("answer", ANSWER_MS) : undefined;
      case "latency":
        // The recogniser reports its time again and again; what it reports while a reply sounds does not belong to that reply.
        if (this.#sounding && Object.keys(event.parts).join() === "stt") return;
        Object.assign(this.#latency, event.parts);
        return this.#sounding ? this.#tellLatency() : undefined;
      case "warning":
        this.#allowMoreTime();
        return this.#tellFault({ kind: "rejected", peer: "deepgram-agent", code: event.code, detail: event.detail });
      case "odd":
        return this.#tellFault({ kind: "protocol", peer: "deepgram-agent", detail: event.detail });
      case "ended":
        return this.#failed(event.fault);
    }
  }

  #ready(requestId: string): void {
    const early = this.#early;
    this.#early = undefined;
    this.#attempts.ready(this.#clock.monotonicMs());
    this.#host.post({ kind: "ready", requestId });
    if (!early) return;
    this.#ask(); // what the caller has said since then comes behind it
    for (const frame of early.frames()) this.#agent.hear(frame);
    early.clear();
    if (this.#untold !== undefined) this.#agent.injectCaller(this.#untold);
    this.#untold = undefined;
  }

  #callerText(content: string): void {
    this.#timers.disarm("fence");
    this.#utterance.end();
    this.#perform(this.#fence.callerText());
    if (this.#owed.isRequest(content)) return;
    if (this.#lastWords) {
      this.#shut();
      this.#handled = true;
      return this.#host.post({ kind: "caller-text", text: content, final: true });
    }
    this.#alive();
    this.#owed.callerSaid(content, this.#clock.monotonicMs());
    this.#timers.arm("answer", ANSWER_MS);
    this.#host.post({ kind: "caller-text", text: content, final: true });
    this.#handled = this.#owed.turn === undefined;
  }

  /** The agent warns, perhaps that it is slow: it gets more time, up to a limit. */
  #allowMoreTime(): void {
    const { turn } = this.#owed;
    if (turn && this.#clock.monotonicMs() - turn.sinceMs < SLOW_LIMIT_MS) this.#timers.arm("answer", ANSWER_MS);
  }

  /** Tell of a fault that ends nothing. */
  #tellFault(fault: Fault): void {
    this.#host.post({ kind: "fault", fault, fatal: false });
  }

  #called({ calls }: Extract<VoiceAgentEvent, { kind: "function-calls" }>): void {
    this.#timers.disarm("answer");
    this.#alive();
    for (const call of calls) {
      if (this.#handled) {
        this.#agent.functionResult(call.id, call.name, ALREADY_HANDLED);
        continue;
      }
      this.#owed.called(call.id);
      this.#host.post({ kind: "tool-call", ...call });
    }
  }

  #cancel(id: string): void {
    this.#owed.settled(id);
    this.#host.post({ kind: "tool-cancelled", id });
  }

  #failSafe(): void {
    const actions = this.#fence.failSafe();
    if (!actions) return;
    this.#perform(actions);
    this.#host.post({ kind: "fence-timed-out" });
  }

  #audioDone(): void {
    const actions = this.#fence.audioDone();
    if (actions.length > 0) {
      this.#length.whole();
      this.#greets = false;
    }
    this.#perform(actions);
  }

  #checkQuiet(): void {
    const isOver = this.#quiet.isOver(this.#clock.monotonicMs()) && this.#host.drained();
    if (!isOver) return this.#timers.arm("quiet", LOOK_MS);
    this.#perform(this.#fence.quiet());
    if (!this.#length.lacks) return;
    this.#owed.brokeOff();
    this.#host.post({ kind: "answer-due" });
    this.#timers.arm("mute", MUTE_MS);
  }

  #alive(): void {
    this.#owed.alive();
    this.#timers.disarm("mute");
    this.#timers.disarm("owed");
  }

  #perform(actions: FenceAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case "started":
          this.#unheard = { reply: action.reply, texts: [] };
          this.#length.begin();
          this.#quiet.begin(this.#clock.monotonicMs());
          this.#timers.arm("quiet", LOOK_MS);
          break;
        case "play":
          this.#owed.sounds({ greets: this.#greets });
          this.#length.sounds(action.audio.length);
          this.#sounds();
          this.#host.play(action.reply, action.audio);
          break;
        case "text":
          this.#length.says(action.text);
          this.#owed.says();
          if (this.#unheard) this.#unheard.texts.push(action.text);
          else {
            if (!this.#owed.awaitsResult) this.#timers.disarm("owed"); // this is what was owed
            this.#host.post({ kind: "reply-text", reply: action.reply, text: action.text });
          }
          break;
        case "finished":
          this.#timers.disarm("quiet");
          // Text that never sounded is no reply: the caller still waits for one.
          if (this.#unheard) this.#unheard = undefined;
          else this.#host.post({ kind: "reply-finished", reply: action.reply, brokeOff: this.#length.lacks });
          break;
      }
    }
  }

  /** A reply begins when it sounds: its text alone ends nobody's wait. */
  #sounds(): void {
    const unheard = this.#unheard;
    if (!unheard) return;
    this.#unheard = undefined;
    this.#lastWords ||= this.#ending;
    // A greeting that comes after the caller's first words leaves him waiting for their answer.
    const covers = this.#greets && this.#owed.turn !== undefined;
    if (covers) this.#timers.arm("answer", ANSWER_MS);
    else this.#timers.disarm("answer");
    this.#alive();
    if (this.#owed.due && !this.#ending) this.#timers.arm("owed", LOOK_MS);
    this.#host.post({ kind: "reply-started", reply: unheard.reply, ...(covers ? { covers } : {}) });
    for (const text of unheard.texts) this.#host.post({ kind: "reply-text", reply: unheard.reply, text });
    this.#tellLatency();
  }

  /** A reply of it is being heard, or on its way. */
  get #sounding(): boolean {
    return this.#timers.isArmed("quiet") && !this.#unheard;
  }

  #tellLatency(): void {
    if (Object.keys(this.#latency).length > 0) this.#host.post({ kind: "latency", parts: this.#latency });
    this.#latency = {};
  }
}
