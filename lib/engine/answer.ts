/** The answer to one turn: the model's text on its way to the voice, and its calls of tools, round by round. */

import { type Clock, sleep } from "../base/clock.ts";
import { type Fault, FaultError } from "../base/result.ts";
import type { ChatMessage, ChatRequest, ChatToolCall, Llm, ToolSchema } from "../providers/ports.ts";
import { Chunker, type Language } from "./chunker.ts";
import type { EngineHost } from "./engine.ts";
import { Gate, type Spares } from "./flow.ts";
import { type Memory, resultsLast } from "./memory.ts";
import { Saying, type SayingParts } from "./saying.ts";
import { GO_ON } from "./owed.ts";
import type { ToolDesk } from "./tool_desk.ts";

/** How often the model is asked for one turn; the last time without tools, so that it has to speak. */
const MAX_ROUNDS = 5;
/** How often it is looked whether all that was said was heard. */
const LOOK_MS = 100;

export interface AnswerParts {
  /** The words it answers. */
  text: string;
  /** `closed`: the turn is not confirmed; nothing is heard and no tool runs until it is. */
  gate: "open" | "closed";
  /** Closed while the caller speaks. */
  floor: Gate;
  clock: Clock;
  llms: Spares<Llm>;
  tools: readonly ToolSchema[];
  desk: ToolDesk;
  memory: Memory;
  /** The model's prompt is there. */
  instructed: Promise<void>;
  voice: Pick<SayingParts, "voices" | "clock"> & { host: SayingParts["host"] & Pick<EngineHost, "drained"> };
  /** The language it is spoken in; English by default. */
  language: Language | undefined;
  /** It sounds, or acts: from now on it cannot be taken back. Once. */
  begun: () => void;
  /** Its tools run now, or a model is asked once more: the caller waits again. */
  waits: () => void;
  /** The call ends: nothing more needs to be said. */
  ending: () => boolean;
  /** Its first audio reached the line. Once. */
  sounds: () => void;
  failed: (fault: Fault, how: { fatal: boolean }) => void;
}

/** When what happened, ms of the clock. */
export interface AnswerTimes {
  request?: number;
  firstText?: number;
  firstAudio?: number;
}

export class Answer {
  readonly text: string;
  readonly gate: Gate;
  readonly times: AnswerTimes = {};
  /** It was interrupted; whether for good is not known yet. */
  cut = false;
  begun = false;
  /** Neither a model nor a voice could make it. An answer to an unconfirmed turn can then be made anew. */
  failed = false;
  /** Nothing more comes of it. */
  over = false;
  readonly #parts: AnswerParts;
  readonly #scope = new AbortController();
  readonly #sayings: Saying[] = [];
  #acting = false;
  /** A model writes a call, or has called. */
  #calling = false;
  /** A model has said something, to its end. */
  #said = false;
  /** What it said broke off, and the rest is asked for. */
  #goesOn = false;
  /** A model said nothing, and was asked once more. */
  #askedAgain = false;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
    this.text = parts.text;
    this.gate = new Gate(parts.gate);
  }

  /** Its text or its audio goes to the line right now. */
  get sounding(): boolean {
    return this.#sayings.some(({ sounding }) => sounding);
  }

  /** The results of tools are awaited. */
  get acting(): boolean {
    return this.#acting;
  }

  /** What sounds is not all: it calls tools. */
  get hasMore(): boolean {
    return this.#acting || this.#calling;
  }

  /** It will not tell what its tools bring. */
  get owes(): boolean {
    return this.#acting && this.#aborted;
  }

  /** Its replies, oldest first. */
  get sayings(): readonly Saying[] {
    return this.#sayings;
  }

  /** Ask the model, speak and act until nothing is left to do. @throws only our own mistakes. */
  async run(): Promise<void> {
    const { desk, gate, text, instructed } = this.#parts;
    await instructed;
    await desk.idle; // a tool of an earlier turn: its result belongs before our question
    for (let round = 1; round <= MAX_ROUNDS && !this.#aborted; round++) {
      const isDraft = gate === "closed" && round === 1 && !this.gate.isOpen;
      const calls = await this.#ask(this.#messages(isDraft ? text : ""), round === MAX_ROUNDS ? [] : this.#parts.tools);
      if (calls.length === 0) break;
      if (round === MAX_ROUNDS) {
        const detail = "it calls a tool where none was offered";
        this.#fault({ kind: "rejected", peer: "llm", code: "tools", detail }, { fatal: false });
        break;
      }
      await this.gate.passed();
      if (this.#aborted) break;
      await this.#act(calls);
    }
    await Promise.all(this.#sayings.map(({ done }) => done));
    this.over = true;
  }

  /** Nothing new begins of it; what sounds is said to its end. Tools that run go on. */
  retire(): void {
    this.#scope.abort();
    for (const saying of this.#sayings) if (!saying.sounding) saying.abort();
    this.gate.open();
  }

  /** Nothing more is heard of it. Tools that run go on. */
  abort(): void {
    this.#scope.abort();
    for (const saying of this.#sayings) saying.abort();
    this.gate.open();
  }

  get #aborted(): boolean {
    return this.#scope.signal.aborted;
  }

  /** What the model is asked. The last word is never ours, as fillers and lines of the call may be: a server may refuse that, or write on at it. */
  #messages(next: string): ChatMessage[] {
    const { memory } = this.#parts;
    const messages = resultsLast(memory.messages(next));
    return messages.at(-1)?.role === "assistant" ? memory.messages(GO_ON) : messages;
  }

  /** One question to the first model that answers. @returns the tools it calls; none if it failed. */
  async #ask(messages: ChatMessage[], tools: readonly ToolSchema[]): Promise<ChatToolCall[]> {
    const { llms, language, memory } = this.#parts;
    const request: ChatRequest = { messages, ...(tools.length > 0 ? { tools: [...tools] } : {}) };
    this.#goesOn = this.#askedAgain = false;
    while (!this.#aborted) {
      const llm = llms.pick();
      const saying = this.#newSaying();
      const chunker = new Chunker(language);
      if (this.#goesOn) request.messages = memory.messages(GO_ON);
      try {
        const calls = await this.#listen(llm, request, { saying, chunker });
        if (!this.#aborted) llms.worked(llm);
        return calls;
      } catch (error) {
        if (this.#aborted || !(error instanceof FaultError)) saying.abort();
        if (this.#aborted) break;
        if (!(error instanceof FaultError)) throw error;
        const waitMs = llms.failed(llm, error.fault);
        // What does not sound yet is taken back, if another one can be asked; what does is said as far as it came.
        if (saying.reply === undefined && waitMs !== undefined) saying.abort();
        else {
          for (const chunk of chunker.flush()) saying.add(chunk);
          saying.end();
          this.#goesOn = true;
        }
        if (waitMs === undefined) {
          await this.#heardOut();
          this.#fault(error.fault, { fatal: true });
          break;
        }
        this.#fault(error.fault, { fatal: false });
        if (saying.reply !== undefined) this.#parts.waits();
        if (waitMs > 0) await sleep(this.#parts.clock, waitMs, this.#scope.signal).catch(() => {}); // aborted: the loop ends
      }
    }
    return [];
  }

  /** All that is said of it was heard. */
  async #heardOut(): Promise<void> {
    const { clock, voice } = this.#parts;
    const said = this.#sayings.filter(({ isEmpty }) => !isEmpty);
    await Promise.all(said.map(({ done }) => done));
    if (said.every(({ reply }) => reply === undefined)) return;
    while (!voice.host.drained() && !this.#aborted) await sleep(clock, LOOK_MS, this.#scope.signal).catch(() => {});
  }

  async #listen(
    llm: Llm,
    request: ChatRequest,
    { saying, chunker }: { saying: Saying; chunker: Chunker },
  ): Promise<ChatToolCall[]> {
    const { times } = this;
    const calls: ChatToolCall[] = [];
    const late: string[] = [];
    const say = (chunks: string[]) => chunks.forEach((chunk) => this.#calling ? late.push(chunk) : saying.add(chunk));
    times.request ??= this.#nowMs;
    this.#calling = false;
    for await (const part of llm.chat(request, this.#scope.signal)) {
      if (this.#aborted) return [];
      if (part.kind === "text") say(chunker.push(part.text));
      if (part.kind === "calling") {
        say(chunker.flush()); // what comes before a call is said while that is written, and runs
        saying.end();
        this.#calling = true;
        if (this.gate.isOpen) this.#parts.waits();
      }
      if (part.kind === "tool-call") calls.push(part.call);
    }
    if (this.#aborted) return [];
    say(chunker.flush());
    saying.end();
    const rest = late.length > 0 ? this.#newSaying() : saying;
    for (const chunk of late) rest.add(chunk);
    rest.end();
    if (!saying.isEmpty) this.#said = true;
    else if (calls.length === 0) this.#nothingSaid();
    return calls;
  }

  /** After words silence may be meant: that is asked once. @throws {FaultError} where it is not. */
  #nothingSaid(): void {
    if (this.#goesOn || this.#parts.ending()) return;
    const detail = "the answer holds no text and no call";
    const fault: Fault = { kind: "rejected", peer: "llm", code: "empty", detail };
    if (this.#said && this.#askedAgain) return this.#fault(fault, { fatal: false });
    this.#askedAgain = true;
    throw new FaultError(fault);
  }

  async #act(calls: readonly ChatToolCall[]): Promise<void> {
    this.#begin();
    this.#acting = true;
    this.#parts.waits();
    // What was said before the calls stands before them, though it may sound only when they run already.
    for (const saying of this.#sayings) if (!saying.isEmpty) saying.reserve();
    this.#parts.desk.run(calls);
    await this.#parts.desk.idle;
    await this.#parts.floor.passed(); // his turn may be the end of this answer
    this.#acting = false;
    await this.gate.passed();
  }

  #newSaying(): Saying {
    const { memory, voice } = this.#parts;
    const saying = new Saying({
      ...voice,
      memory,
      gate: this.gate,
      reached: (what) => this.#reached(what),
      failed: (fault, how) => this.#fault(fault, how),
    });
    saying.done.catch(() => {}); // `run` tells
    this.#sayings.push(saying);
    return saying;
  }

  #reached(what: "voice" | "line"): void {
    const { times } = this;
    if (what === "voice") return void (times.firstText ??= this.#nowMs);
    this.#begin();
    if (times.firstAudio !== undefined) return;
    times.firstAudio = this.#nowMs;
    this.#parts.sounds();
  }

  #begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.#parts.begun();
  }

  #fault(fault: Fault, { fatal }: { fatal: boolean }): void {
    if (this.#aborted) return;
    this.failed ||= fatal;
    this.#parts.failed(fault, { fatal });
  }

  get #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }
}
