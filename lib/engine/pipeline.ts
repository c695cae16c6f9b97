/**
 * The conversation made of three services: a recogniser, a language model and a voice. A shell: what the caller's sounds
 * mean for the turn is decided in turn.ts, what the model is told in memory.ts; one answer is in answer.ts.
 */

import { Audible } from "../audio/audible.ts";
import { audioMs } from "../audio/frame.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import { type Fault, FaultError } from "../base/result.ts";
import type { Breakers } from "../base/breaker.ts";
import type { ChatMessage, Llm, OpenStt, Stt, SttEvent, ToolSchema, Tts } from "../providers/ports.ts";
import { Answer } from "./answer.ts";
import type { Language } from "./chunker.ts";
import type { Engine, EngineEvent, EngineHost } from "./engine.ts";
import { Gate, Spares } from "./flow.ts";
import { Memory } from "./memory.ts";
import { Saying } from "./saying.ts";
import { ToolDesk } from "./tool_desk.ts";
import {
  DIGITS_MS,
  NO_TURN,
  type TurnAction,
  type TurnEvent,
  type TurnRules,
  turnStep,
  type TurnTimer,
} from "./turn.ts";
import { TurnTimes } from "./turn_times.ts";

/** Words that cover a long wait, ready to be played: whole frames of mu-law. */
export interface Filler {
  text: string;
  audio: Uint8Array;
}

export interface PipelineParts {
  openStt: OpenStt;
  /** In the order in which they take over from each other. */
  llms: readonly Llm[];
  voices: readonly Tts[];
  host: EngineHost;
  clock: Clock;
  /** What the calls of this process have learnt about their providers. */
  breakers?: Breakers;
  turn: TurnRules;
  maxHistoryTurns: number;
  /** The language of the answers; English by default. */
  language?: Language;
  /** The model is not asked before it is there. */
  systemPrompt: string | Promise<string>;
  /** Spoken by the voice as soon as the engine is open and the text is there. */
  greeting?: string | Promise<string>;
  /** What was said before. */
  history?: readonly ChatMessage[];
  tools?: readonly ToolSchema[];
  /** Another one at each call, where there is more than one. */
  fillers?: () => Filler | undefined;
  /** The time from the caller's last sound to a filler, if nothing of the answer sounds by then. */
  fillerAfterMs?: number;
  /** Open the connections of models and voices before they are needed. Rejections are ignored: what fails now will be met, and told, when it is needed. */
  warm?: (signal: AbortSignal) => Promise<unknown>;
}

const FILLER_AFTER_MS = 1800;
/** Sound of this length may have been words: 0.8 s, of which 0.3 s is the delay of the ear itself. */
const SPEECH_FRAMES = 40;
/** At most this many fillers while it is not known whether the caller said anything: a cough needs no answer. */
const FILLERS_ON_SUSPICION = 2;

/** What a caller may wait for; `suspected`: something was said, and nobody has understood it yet. */
type Expected = "greeting" | "answer" | "suspected";

export class PipelineEngine implements Engine {
  readonly #parts: PipelineParts;
  readonly #host: EngineHost;
  readonly #memory: Memory;
  /** The model can be asked: it has its prompt. */
  readonly #instructed: Promise<void>;
  readonly #desk: ToolDesk;
  readonly #stt: Stt;
  readonly #llms: Spares<Llm>;
  readonly #voices: Spares<Tts>;
  readonly #timers: TimerSet<TurnTimer | "begin" | "filler">;
  readonly #scope = new AbortController();
  readonly #ear = new Audible();
  /** When the caller was last heard, ms of the clock: the end of speech, as far as loudness can tell. In loud noise it is too late, never too early. */
  #heardMs: number | undefined;
  /** The recogniser has understood words of what is heard now. */
  #understood = false;
  /** What the caller waits for, as far as we know. */
  #awaited: Expected | undefined;
  /** Fillers for sounds that nobody understood, since the last words that somebody did. */
  #suspicions = 0;
  /** Everything that runs, to be awaited at the end. */
  readonly #running = new Set<Promise<void>>();
  readonly #answers = new Set<Answer>();
  readonly #lines = new Set<Saying>();
  /** Closed while words of the caller are open. */
  readonly #floor = new Gate("open");
  #turn = NO_TURN;
  /** Being prepared for a turn that is probably over. */
  #draft: Answer | undefined;
  /** Answers the last confirmed turn. */
  #current: Answer | undefined;
  /** Confirmed words that `begin` is to answer. */
  #asked = "";
  #times = new TurnTimes(0);
  /** The last words are being said. */
  #ending = false;
  /** A fault that nothing can take over has ended the conversation. */
  #silent = false;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#host = { ...parts.host, post: (event) => this.#post(event) };
    const { clock, systemPrompt, maxHistoryTurns: maxTurns, history = [] } = parts;
    this.#memory = new Memory({ maxTurns, history });
    this.#instructed = Promise.resolve(systemPrompt).then((prompt) => this.#memory.instruct(prompt));
    this.#desk = new ToolDesk({ clock, memory: this.#memory, post: this.#host.post });
    this.#llms = new Spares(parts.llms, parts.breakers);
    this.#voices = new Spares(parts.voices, parts.breakers);
    this.#timers = new TimerSet(clock, (name) => this.#timer(name));
    this.#stt = parts.openStt((event) => this.#heard(event));
    this.#keep(this.#open());
  }

  hear(frame: Uint8Array): void {
    const endedFrames = this.#ear.push(frame);
    if (this.#ear.loud) this.#heardMs = this.#nowMs;
    this.#stt.hear(frame);
    if (endedFrames === 0) return;
    const isRiddle = endedFrames >= SPEECH_FRAMES && !this.#understood;
    if (isRiddle && !this.#playing && !this.#silent) this.#await("suspected");
    this.#understood = false;
  }

  digit(digit: string): void {
    if (digit === "#") this.#notSpoken(); // it ends the turn at once
    this.#step({ kind: "digit", digit, playing: this.#playing });
  }

  takeKeys(): string {
    const { digits } = this.#turn;
    this.#turn = { ...this.#turn, digits: "" };
    this.#timers.disarm("digits");
    return digits;
  }

  text(text: string): void {
    this.#notSpoken();
    this.#step({ kind: "typed", text, playing: this.#playing });
  }

  interrupt(reply: number, heardMs: number): void {
    this.#memory.cut(reply, heardMs);
    // The line was silenced: whatever we were saying is cut, and nothing new begins before we know more.
    for (const answer of this.#answers) {
      answer.cut = true;
      answer.gate.close();
    }
    for (const saying of this.#lines) saying.cut = true;
    if (this.#turn.floor.kind !== "guess") this.#letGo();
  }

  goesOn(): void {
    // Nothing to do: what we say stops only when it is interrupted.
  }

  resumed(reply: number, as: number): void {
    const rest = this.#memory.resumed(as);
    if (rest.text) this.#post({ kind: "reply-text", reply: as, text: rest.text });
    if (rest.words.length > 0) this.#post({ kind: "reply-words", reply: as, words: rest.words });
    const saying = this.#sayings().find((saying) => saying.reply === reply && saying.sounding);
    if (saying) saying.resumedAs(as, rest);
    else this.#post({ kind: "reply-finished", reply: as });
    this.#step({ kind: "false-start" });
    this.#goOn();
  }

  answered(reply: number, text: string): void {
    this.#callOff();
    this.#letGo();
    this.#memory.said(reply, text);
    this.#step({ kind: "begun" });
    // Tools still run: the call has answered other words, so what they bring is to be told.
    const owes = [...this.#answers].some(({ owes }) => owes);
    if (owes && !this.#ending && !this.#silent) this.#answerWith(this.#newAnswer("", "open"));
  }

  unanswered(): void {
    // An answer has deadlines and fillers of its own, and one that comes to nothing is asked for again at once.
  }

  ending(more: boolean): void {
    this.#ending = true;
    this.#floor.open();
    this.#callOff();
    if (!more) { for (const running of [...this.#answers, ...this.#lines]) running.abort(); }
  }

  toolResult(id: string, _name: string, content: string): void {
    const { awaitsCaller } = this.#desk;
    this.#desk.result(id, content);
    if (awaitsCaller && this.#awaited) this.#timers.arm("filler", this.#fillerAfterMs); // from now on he waits for us
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#scope.abort();
    this.#fallSilent();
    this.#desk[Symbol.dispose]();
    await using owned = new AsyncDisposableStack();
    for (const voice of this.#parts.voices) owned.use(voice);
    owned.use(this.#stt);
    await Promise.all(this.#running);
  }

  /** We speak, as far as the caller can tell. */
  get #playing(): boolean {
    return !this.#host.drained() || this.#sayings().some(({ sounding }) => sounding);
  }

  #sayings(): Saying[] {
    return [...this.#lines, ...[...this.#answers].flatMap((answer) => answer.sayings)];
  }

  async #open(): Promise<void> {
    const { greeting, warm } = this.#parts;
    await Promise.resolve(); // whoever makes this engine holds it before it posts anything
    this.#post({ kind: "ready" });
    const warming = warm?.(this.#scope.signal).catch(() => {});
    if (greeting) {
      this.#await("greeting");
      this.#say(await greeting);
    }
    await Promise.all([warming, this.#instructed]);
  }

  #say(text: string): void {
    if (this.#silent) return;
    const saying = new Saying({
      voices: this.#voices,
      host: this.#host,
      clock: this.#parts.clock,
      memory: this.#memory,
      gate: new Gate("open"),
      reached: (what) => what === "line" && this.#awaited === "greeting" && this.#nothingAwaited(),
      failed: (fault, how) => this.#fault(fault, how),
    });
    this.#lines.add(saying);
    saying.add(text);
    saying.end();
    this.#keep(saying.done.finally(() => this.#lines.delete(saying)));
  }

  #heard(event: SttEvent): void {
    switch (event.kind) {
      case "spoke":
        return; // a sound is no word
      case "interim":
        this.#nothingSuspected();
        return this.#step({ ...event, playing: this.#playing });
      case "final":
        this.#nothingSuspected();
        this.#times = new TurnTimes(this.#nowMs, this.#heardMs);
        return this.#step({ ...event, playing: this.#playing });
      case "eager":
      case "resumed":
        return this.#step(event);
      case "replaced":
        return this.#fault(event.fault, { fatal: false });
      case "ended":
        if (event.fault) this.#fault(event.fault, { fatal: true });
        return;
    }
  }

  #timer(name: TurnTimer | "begin" | "filler"): void {
    if (name === "begin") return this.#begin();
    if (name === "filler") return this.#fill();
    if (name === "digits") this.#notSpoken(DIGITS_MS);
    this.#step({ kind: "timer", name, playing: this.#playing });
  }

  #step(event: TurnEvent): void {
    if (this.#silent) return;
    const before = this.#turn.floor.kind;
    const [next, actions] = turnStep(this.#turn, event, this.#parts.turn);
    this.#turn = next;
    if (before === "guess" && next.floor.kind !== "guess") {
      const said = actions.some(({ kind }) => kind === "interim" || kind === "answer" || kind === "listen");
      said ? this.#letGo() : this.#goOn();
    }
    if (next.floor.kind === "caller" && !this.#ending) this.#floor.close();
    else if (next.floor.kind !== "answering") this.#floor.open(); // `begin` has yet to say what becomes of earlier answers
    for (const action of actions) this.#do(action);
  }

  #do(action: TurnAction): void {
    switch (action.kind) {
      case "barge-in":
        this.#memory.settle();
        return this.#post({ kind: "caller-spoke" });
      case "interim":
        return this.#post({ kind: "caller-text", text: action.text, final: false });
      case "answer":
        return this.#confirm(action.text);
      case "listen":
        this.#letGo();
        this.#memory.caller(action.text);
        return this.#post({ kind: "caller-text", text: action.text, final: true, interruption: true });
      case "speculate":
        return this.#speculate(action.text);
      case "discard":
        return this.#discard();
      case "call-off":
        return this.#callOff();
      case "finish":
        return this.#stt.finish();
      case "arm":
        return this.#timers.arm(action.timer, action.ms);
      case "disarm":
        return this.#timers.disarm(action.timer);
    }
  }

  #confirm(text: string): void {
    this.#letGo();
    this.#asked = text;
    // The call gets this turn of the event loop to cut what we say, and to answer by itself: see `answered`.
    if (!this.#ending) this.#timers.arm("begin", 0);
    if (text === "") return;
    this.#memory.caller(text);
    this.#post({ kind: "caller-text", text, final: true });
  }

  /** Answer the confirmed turn. */
  #begin(): void {
    for (const answer of this.#answers) {
      if (answer.cut) answer.abort();
      else if (answer.acting || !answer.sounding) answer.retire();
    }
    const draft = this.#draft;
    this.#draft = undefined;
    const prepared = draft?.text === this.#asked && !draft.failed && !draft.over ? draft : undefined;
    if (!prepared) draft?.abort();
    this.#answerWith(prepared ?? this.#newAnswer(this.#asked, "open"));
  }

  #answerWith(answer: Answer): void {
    this.#answers.add(answer);
    this.#current = answer;
    this.#timers.disarm("filler"); // of an earlier wait
    this.#await("answer");
    answer.gate.open();
  }

  #discard(): void {
    this.#draft?.abort();
    this.#draft = undefined;
  }

  #speculate(text: string): void {
    if (this.#ending) return;
    this.#discard();
    this.#draft = this.#newAnswer(text, "closed");
  }

  /** It runs at once. */
  #newAnswer(text: string, gate: "open" | "closed"): Answer {
    const answer: Answer = new Answer({
      text,
      gate,
      floor: this.#floor,
      clock: this.#parts.clock,
      llms: this.#llms,
      tools: this.#parts.tools ?? [],
      desk: this.#desk,
      memory: this.#memory,
      instructed: this.#instructed,
      voice: { voices: this.#voices, host: this.#host, clock: this.#parts.clock },
      language: this.#parts.language,
      begun: () => this.#step({ kind: "begun" }),
      waits: () => this.#await("answer"),
      ending: () => this.#ending,
      sounds: () => {
        if (!answer.hasMore) this.#nothingAwaited();
        this.#post({ kind: "latency", parts: this.#times.latency(answer.times) });
      },
      failed: (fault, { fatal }) => this.#fault(fault, { fatal: fatal && answer !== this.#draft }),
    });
    this.#keep(answer.run().finally(() => this.#answerOver(answer)));
    return answer;
  }

  #answerOver(answer: Answer): void {
    this.#answers.delete(answer);
    if (answer !== this.#current) return;
    this.#current = undefined;
    this.#nothingAwaited();
    if (!answer.begun) this.#step({ kind: "begun" });
  }

  /** Take back the answer that has not begun. */
  #callOff(): void {
    this.#timers.disarm("begin");
    this.#nothingAwaited();
    this.#discard();
    const current = this.#current;
    if (!current || current.begun) return;
    this.#current = undefined;
    current.abort();
  }

  /** The interruption is for good. */
  #letGo(): void {
    for (const cut of [...this.#answers, ...this.#lines]) if (cut.cut) cut.abort();
  }

  /** The interruption was noise. */
  #goOn(): void {
    for (const answer of this.#answers) {
      answer.cut = false;
      answer.gate.open();
    }
    for (const saying of this.#lines) saying.cut = false;
  }

  /** The caller waits from the last sound on, and hears a filler unless something else sounds before. */
  #await(what: Expected): void {
    if (this.#ending || (what === "suspected" && this.#awaited !== undefined)) return;
    this.#awaited = what;
    if (this.#timers.isArmed("filler")) return;
    const nowMs = this.#nowMs;
    this.#timers.arm("filler", Math.max(0, this.#waitsSinceMs(what, nowMs) + this.#fillerAfterMs - nowMs));
  }

  #waitsSinceMs(what: Expected, nowMs: number): number {
    switch (what) {
      case "greeting":
        return nowMs;
      case "answer":
        return this.#times.waitsSinceMs(nowMs);
      case "suspected":
        return this.#heardMs ?? nowMs;
    }
  }

  #nothingAwaited(): void {
    this.#awaited = undefined;
    this.#timers.disarm("filler");
  }

  /** What was said is understood. */
  #nothingSuspected(): void {
    this.#suspicions = 0;
    this.#understood = this.#ear.audible;
    if (this.#awaited === "suspected") this.#nothingAwaited();
  }

  /** Nothing of the answer sounds yet: say that it will. */
  #fill(): void {
    if (this.#awaited === undefined) return;
    if (this.#desk.awaitsCaller) return; // nobody is told to wait while he types
    if (this.#playing) {
      return this.#awaited === "suspected" ? this.#nothingAwaited() : this.#timers.arm("filler", this.#fillerAfterMs);
    }
    // Who goes on, or may, waits from his last sound on.
    const goesOn = this.#awaited === "suspected" || "text" in this.#turn.floor;
    const tooEarlyMs = goesOn ? (this.#heardMs ?? -Infinity) + this.#fillerAfterMs - this.#nowMs : 0;
    if (tooEarlyMs > 0) return this.#timers.arm("filler", tooEarlyMs);
    if (this.#awaited === "suspected" && this.#suspicions++ >= FILLERS_ON_SUSPICION) return this.#nothingAwaited();
    const filler = this.#parts.fillers?.();
    if (filler) this.#play(filler);
  }

  #play({ text, audio }: Filler): void {
    const reply = this.#host.newReply();
    this.#memory.said(reply, text);
    this.#memory.audio(reply, audioMs(audio.length));
    this.#memory.whole(reply);
    this.#post({ kind: "reply-started", reply, covers: this.#awaited === "answer" });
    this.#post({ kind: "reply-text", reply, text });
    this.#host.play(reply, audio);
    this.#post({ kind: "reply-finished", reply });
    this.#timers.arm("filler", audioMs(audio.length) + this.#fillerAfterMs);
  }

  /** The next turn was not said aloud; it was over for `agoMs` when it was known to be. */
  #notSpoken(agoMs = 0): void {
    this.#times = new TurnTimes(this.#nowMs, agoMs > 0 ? this.#nowMs - agoMs : undefined);
  }

  #fault(fault: Fault, { fatal }: { fatal: boolean }): void {
    if (fatal) this.#fallSilent();
    this.#post({ kind: "fault", fault, fatal });
  }

  /** Nothing of ours is heard any more: the last words are the call's. */
  #fallSilent(): void {
    this.#silent = true;
    this.#floor.open();
    this.#timers[Symbol.dispose]();
    this.#discard();
    for (const running of [...this.#answers, ...this.#lines]) running.abort();
  }

  #post(event: EngineEvent): void {
    if (!this.#scope.signal.aborted) this.#parts.host.post(event);
  }

  /** Wait for `running` when the engine is closed. What it throws is a mistake of our own: it ends this call, and the process reports it. */
  #keep(running: Promise<void>): void {
    const kept = running.catch((error: unknown) => {
      reportError(error);
      const detail = error instanceof FaultError ? error.message : "an error of our own, see the log";
      this.#fault({ kind: "rejected", peer: "llm", code: "internal", detail }, { fatal: true });
    }).finally(() => this.#running.delete(kept));
    this.#running.add(kept);
  }

  get #fillerAfterMs(): number {
    return this.#parts.fillerAfterMs ?? FILLER_AFTER_MS;
  }

  get #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }
}
