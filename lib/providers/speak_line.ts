/** One socket of Deepgram's voice: what was sent, what is owed, and which audio is whose. Deepgram reference, section 5.1. */

import * as z from "zod";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { parseJson } from "../base/json.ts";
import { failed, type Fault, ok, type Result } from "../base/result.ts";
import { DeepgramSocket } from "./deepgram_socket.ts";
import { SpeakBudget } from "./speak_pieces.ts";
import { AUDIO_GAP_MS, FIRST_AUDIO_MS, isSayable, mute, type SpokenReply } from "./spoken_reply.ts";

const PEER = "deepgram-speak";
/** How long `Cleared` may take before the socket is given up. */
const CLEAR_DEADLINE_MS = 1000;
/** How long the socket may take to open, ms: a caller may be waiting. */
const OPENING_MS = 1500;

export interface SpeakLineOptions {
  dial: Dial;
  clock: Clock;
  /** With its query. */
  url: string;
  key: string;
  /** The socket is gone; at most once. */
  ended: () => void;
}

type Deadline = "first-byte" | "gap" | "cleared";

/** Carries one reply at a time. */
export class SpeakLine {
  readonly budget = new SpeakBudget();
  readonly #options: SpeakLineOptions;
  readonly #socket: DeepgramSocket;
  readonly #deadlines: TimerSet<Deadline>;
  #reply: SpokenReply | undefined;
  /** Something of it should sound. */
  #isSayable = false;
  #isFlushed = false;
  #isClearing = false;
  /** Flushes cut short by a `Clear`: whether their `Flushed` still comes is not documented. */
  #staleFlushes = 0;
  #fault: Fault | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: SpeakLineOptions) {
    const { dial, clock, url, key } = options;
    this.#options = options;
    this.#deadlines = new TimerSet(clock, (name) => this.#late(name));
    this.#socket = new DeepgramSocket({
      dial,
      clock,
      peer: PEER,
      url,
      key,
      goodbye: CLOSE,
      openingMs: OPENING_MS,
      host: {
        opened: () => this.#wake(),
        text: (text) => this.#read(text),
        binary: (bytes) => this.#audio(bytes),
        ended: (fault) => this.#end(fault),
      },
    });
  }

  get ended(): boolean {
    return this.#socket.ended;
  }

  get ageMs(): number {
    return this.#socket.open ? this.#socket.ageMs : 0;
  }

  /** Resolves when a reply may begin, or with the fault that ended the socket before. */
  async ready(): Promise<Fault | undefined> {
    while (!this.ended && (!this.#socket.open || this.#isClearing)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#fault;
  }

  begin(reply: SpokenReply): void {
    this.#reply = reply;
    this.#isSayable = this.#isFlushed = false;
  }

  speak(text: string): void {
    this.#isSayable ||= isSayable(text);
    this.budget.noteSpeak(text.length, this.#options.clock.monotonicMs());
    this.#socket.send(JSON.stringify({ type: "Speak", text }));
  }

  /** The text is complete: from here on the audio must come. */
  flush(): void {
    this.#isFlushed = true;
    this.budget.noteFlush(this.#options.clock.monotonicMs());
    this.#socket.send(FLUSH);
    this.#armAudio();
  }

  /** `reply` is over. If the far end still works on it (`said`), it is told to drop that; its audio is ignored until it has. */
  endReply(reply: SpokenReply, said: boolean): void {
    if (this.ended || this.#reply !== reply) return;
    if (said) this.#clear();
    else this.#release();
  }

  /** The socket can no longer be trusted. */
  fail(fault: Fault): void {
    this.#socket.fail(fault);
  }

  async close(): Promise<void> {
    this.#deadlines[Symbol.dispose]();
    const closing = this.#socket.close();
    this.#wake();
    await closing;
  }

  #clear(): void {
    if (this.#isFlushed) this.#staleFlushes++;
    this.#release();
    this.#isClearing = true;
    this.#socket.send(CLEAR);
    this.#deadlines.arm("cleared", CLEAR_DEADLINE_MS);
  }

  #audio(bytes: Uint8Array): void {
    if (this.#isClearing || !this.#reply) return;
    this.#reply.audio(bytes);
    if (this.#isFlushed) this.#armAudio();
  }

  #read(text: string): void {
    const parsed = parseSpeak(text);
    if (!parsed.ok) return this.fail(parsed.fault);
    const message = parsed.value;
    if (message?.type === "Flushed") return this.#flushed();
    if (message?.type === "Cleared") return this.#cleared();
    if (message?.type === "Warning") this.#warned(message);
  }

  #flushed(): void {
    const isOfCleared = this.#isClearing || this.#reply?.heardBytes === 0;
    if (this.#staleFlushes > 0 && isOfCleared) return void this.#staleFlushes--;
    if (this.#isClearing || !this.#isFlushed) return;
    this.#staleFlushes = 0;
    const reply = this.#reply;
    this.#release();
    if (reply?.heardBytes === 0 && this.#isSayable) reply.failWith(mute(PEER));
    else reply?.finish();
  }

  #cleared(): void {
    this.#deadlines.disarm("cleared");
    this.#isClearing = false;
    this.#wake();
  }

  /** A refused `Flush` is never answered; other warnings change nothing. */
  #warned({ code, description }: SpeakWarning): void {
    if (!this.#reply || !this.#isFlushed || !/flush/i.test(`${code} ${description}`)) return;
    this.fail({ kind: "rejected", peer: PEER, code, detail: `${description} Fewer replies per minute are needed.` });
  }

  #armAudio(): void {
    const isFirst = this.#reply?.heardBytes === 0;
    this.#deadlines.disarm("first-byte");
    this.#deadlines.arm(isFirst ? "first-byte" : "gap", isFirst ? FIRST_AUDIO_MS : AUDIO_GAP_MS);
  }

  #late(name: Deadline): void {
    const late = {
      "first-byte": { what: "the first audio", limitMs: FIRST_AUDIO_MS },
      "gap": { what: "the rest of the audio", limitMs: AUDIO_GAP_MS },
      "cleared": { what: "Cleared", limitMs: CLEAR_DEADLINE_MS },
    }[name];
    this.fail({ kind: "deadline", peer: PEER, ...late });
  }

  /** The line is free again. */
  #release(): void {
    this.#reply = undefined;
    this.#isFlushed = false;
    this.#deadlines.disarm("first-byte");
    this.#deadlines.disarm("gap");
  }

  #end(fault: Fault): void {
    this.#fault = fault;
    this.#deadlines[Symbol.dispose]();
    this.#reply?.failWith(fault);
    this.#wake();
    this.#options.ended();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const FLUSH = '{"type":"Flush"}';
const CLEAR = '{"type":"Clear"}';
const CLOSE = '{"type":"Close"}';

interface SpeakWarning {
  code: string;
  description: string;
}

export type SpeakMessage = { type: "Flushed" | "Cleared" } | { type: "Warning" } & SpeakWarning;

const Inbound = z.object({
  type: z.string(),
  code: z.string().default("WARNING"),
  description: z.string().default(""),
});

/** Read one text message of the server; undefined for one that changes nothing. Never throws. */
export function parseSpeak(text: string): Result<SpeakMessage | undefined> {
  const parsed = Inbound.safeParse(parseJson(text));
  if (!parsed.success) return failed({ kind: "protocol", peer: PEER, detail: "a message is not JSON with a type" });
  const { type, code, description } = parsed.data;
  if (type === "Warning") return ok({ type, code, description });
  return ok(type === "Flushed" || type === "Cleared" ? { type } : undefined);
}
