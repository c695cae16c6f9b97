/** One reply spoken by Cartesia: text in as it comes, frames and word times out, over one context or, after pauses, several. */

import { BYTES_PER_MS, FRAME_BYTES, FrameCutter } from "../audio/frame.ts";
import { type Clock, sleep, type Timer } from "../base/clock.ts";
import { BoundedQueue } from "../base/queue.ts";
import { type Fault, FaultError, type Result } from "../base/result.ts";
import type { CartesiaLine, ContextEvents } from "./cartesia_line.ts";
import {
  type CartesiaMessage,
  serialiseCancel,
  serialiseFinish,
  serialiseText,
  type Settings,
} from "./cartesia_messages.ts";
import type { Spoken } from "./ports.ts";
import { isSayable, mute, UNHEARD_BYTES } from "./spoken_reply.ts";

export interface ReplyOptions {
  clock: Clock;
  settings: Settings;
  firstAudioMs: number;
  gapMs: number;
  /** The socket to speak on, opened if need be. */
  line: (signal: AbortSignal) => Promise<Result<CartesiaLine>>;
  /** An id no context had before. */
  newContext: () => string;
  signal: AbortSignal;
}

type Message = Exclude<CartesiaMessage, { kind: "error" | "other" }>;

/** One context of this reply. */
interface Segment {
  readonly id: string;
  readonly line: CartesiaLine;
  /** Pieces of text sent, and how many of them were spoken to their end. */
  sent: number;
  flushed: number;
  finishSent: boolean;
  done: boolean;
  /** When its last audio came. */
  audioMs: number | undefined;
  /** Came before its turn: an earlier context is not done. */
  held: Message[];
}

/** A context dies 1 s after its last audio (section 6): from this age on, new text goes to a new one. */
const STALE_MS = 700;
/** Before another try when all the account's contexts are taken. */
const BUSY_MS = 200;

export class CartesiaReply {
  readonly spoken = new BoundedQueue<Spoken>({
    limit: UNHEARD_BYTES,
    whenFull: "refuse",
    // Words count as well, a frame for each, and so does a message without any.
    sizeOf: (spoken) => spoken.kind === "audio" ? spoken.frames.length : (1 + spoken.words.length) * FRAME_BYTES,
  });
  /** Why it failed. */
  error: unknown;
  readonly #options: ReplyOptions;
  readonly #cutter = new FrameCutter();
  readonly #segments: Segment[] = [];
  #asked = "";
  #allAsked = false;
  #audioBytes = 0;
  /** Where the audio of the first segment begins in the reply. */
  #originMs = 0;
  #watch: Timer | undefined;
  #tried = 1;
  #retrying = false;
  #ended = false;
  /** Sending waits for sending: a second try must not be overtaken by new text. */
  #sending: Promise<void> = Promise.resolve();

  constructor(options: ReplyOptions) {
    this.#options = options;
  }

  /** Speak `text`; resolves when all of it was sent, or the reply has ended. Never rejects: see `error`. */
  async feed(text: AsyncIterable<string>): Promise<void> {
    try {
      let piece = "";
      for await (const next of text) {
        if (this.#ended) return;
        piece += next;
        // Nothing but space is no reason to open a context: the server would answer with an error.
        if (piece === "" || (this.#asked === "" && piece.trim() === "")) continue;
        const whole = piece;
        piece = "";
        await this.#inTurn(() => this.#say(whole));
      }
      await this.#inTurn(() => this.#finish());
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Stop: nothing is yielded any more, what the server still sends is dropped. */
  cancel(): void {
    if (!this.#ended) this.#letGo();
    this.#end();
    this.spoken[Symbol.dispose]();
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const turn = this.#sending.then(action);
    this.#sending = turn.catch(() => undefined); // told to whoever awaits `turn`
    return turn;
  }

  async #say(text: string): Promise<void> {
    if (this.#ended) return;
    this.#asked += text;
    if (this.#retrying) return; // all that is asked goes out then
    const segment = await this.#openSegment();
    if (!segment) return;
    if (text.trim() !== "") segment.sent++;
    this.#send(segment.line, serialiseText(this.#options.settings, segment.id, text));
    if (/[\p{L}\p{N}]/u.test(text)) this.#await();
  }

  // deno-lint-ignore require-await -- a link of the chain in `#inTurn`
  async #finish(): Promise<void> {
    if (this.#ended) return;
    this.#allAsked = true;
    if (this.#retrying) return;
    const last = this.#segments.at(-1);
    if (last) this.#finishSegment(last);
    if (this.#segments.length === 0) return this.#finished();
    this.#await();
  }

  /** A context that may be dead already, with nothing left to speak, is not told: the server would call that an error. */
  #finishSegment(segment: Segment): void {
    if (segment.finishSent) return;
    if (this.#stale(segment) && spokenOut(segment)) return this.#done(segment);
    segment.finishSent = true;
    this.#send(segment.line, serialiseFinish(this.#options.settings, segment.id));
  }

  /** The context that takes the next text: the last one while it surely lives, else a new one. */
  async #openSegment(): Promise<Segment | undefined> {
    const last = this.#segments.at(-1);
    if (last && !this.#stale(last)) return last;
    if (last) this.#finishSegment(last);
    const line = await this.#options.line(this.#options.signal);
    if (this.#ended) return undefined;
    if (!line.ok) throw new FaultError(line.fault);
    const segment: Segment = {
      id: this.#options.newContext(),
      line: line.value,
      sent: 0,
      flushed: 0,
      finishSent: false,
      done: false,
      audioMs: undefined,
      held: [],
    };
    this.#segments.push(segment);
    segment.line.open(segment.id, this.#eventsOf(segment));
    return segment;
  }

  #stale({ finishSent, audioMs }: Segment): boolean {
    if (finishSent) return true;
    return !this.#watch && audioMs !== undefined && this.#options.clock.monotonicMs() - audioMs > STALE_MS;
  }

  #eventsOf(segment: Segment): ContextEvents {
    return {
      message: (message) => {
        if (message.kind === "audio") segment.audioMs = this.#options.clock.monotonicMs();
        if (message.kind === "flushed") segment.flushed++;
        if (segment === this.#segments[0]) this.#take(segment, message);
        else segment.held.push(message);
      },
      failed: (fault, { again, status }) => {
        // Our finish came to a context that was done already, once all it had was spoken. Section 7, first row.
        const isLate = status === 400 && segment.finishSent && spokenOut(segment) && this.#audioBytes > 0;
        if (isLate) return this.#done(segment);
        if (again && this.#tried === 1 && this.#audioBytes === 0) this.#tryAgain(fault);
        else this.#fail(new FaultError(fault));
      },
    };
  }

  #take(segment: Segment, message: Message): void {
    switch (message.kind) {
      case "audio":
        this.#audioBytes += message.bytes.length;
        this.#cutter.whole(message.bytes, (frames) => this.#yield({ kind: "audio", frames }));
        return this.#allAsked ? this.#await(true) : this.#rest();
      case "words": {
        const words = message.words.map(({ text, startMs, endMs }) => (
          { text, startMs: startMs + this.#originMs, endMs: endMs + this.#originMs }
        ));
        return this.#yield({ kind: "words", words });
      }
      case "flushed":
        return this.#allAsked ? undefined : this.#rest();
      case "done":
        // Before our finish it can only mean that nothing is left to speak; while something is, it is a mistake.
        if (segment.finishSent || spokenOut(segment)) this.#done(segment);
    }
  }

  /** `segment` has spoken all it had: the next one, which may have begun to, is heard. */
  #done(segment: Segment): void {
    segment.done = true;
    segment.line.drop(segment.id);
    if (segment !== this.#segments[0]) return;
    this.#segments.shift();
    this.#originMs = this.#audioBytes / BYTES_PER_MS;
    const head = this.#segments[0];
    if (!head) return this.#allAsked ? this.#finished() : this.#rest();
    for (const message of head.held.splice(0)) this.#take(head, message);
    if (head.done && head === this.#segments[0]) this.#done(head);
  }

  #yield(spoken: Spoken): void {
    if (this.#ended || this.spoken.push(spoken)) return;
    this.#fail(new FaultError({ kind: "clogged", peer: "cartesia", bytes: this.#audioBytes }));
  }

  #send(line: CartesiaLine, message: string): void {
    const fault = line.send(message);
    if (fault) throw new FaultError(fault);
  }

  /** Audio is due. `again`: the time counts from now, else from when it was first due. */
  #await(again = false): void {
    if (this.#watch && !again) return;
    this.#rest();
    const first = this.#audioBytes === 0;
    const limitMs = first ? this.#options.firstAudioMs : this.#options.gapMs;
    this.#watch = this.#options.clock.after(limitMs, () => {
      const what = first ? "the first audio" : "more audio";
      const fault: Fault = { kind: "deadline", peer: "cartesia", what, limitMs };
      this.#watch = undefined;
      // A socket that takes text and gives no sound is dead, whatever it says. Section 1, item 8.
      const line = this.#segments[0]?.line;
      if (line) line.giveUp(fault);
      else this.#fail(new FaultError(fault));
    });
  }

  #rest(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  /** All the text once more on a new context: nothing of it was heard. */
  #tryAgain(fault: Fault): void {
    this.#tried++;
    this.#retrying = true;
    this.#letGo();
    const { clock, signal } = this.#options;
    this.#inTurn(async () => {
      if (fault.kind === "refused") await sleep(clock, BUSY_MS, signal);
      const text = this.#asked;
      this.#asked = "";
      this.#retrying = false;
      await this.#say(text);
      if (this.#allAsked) await this.#finish();
    }).catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.error = error;
    this.#letGo();
    this.#end();
  }

  #finished(): void {
    if (this.#audioBytes === 0 && isSayable(this.#asked)) return this.#fail(new FaultError(mute("cartesia")));
    this.#cutter.flush((frames) => this.#yield({ kind: "audio", frames }));
    this.#end();
  }

  /** Cancel what the server still works on, and listen to it no more. Section 4.4. */
  #letGo(): void {
    this.#rest();
    for (const { line, id } of this.#segments.splice(0)) {
      line.drop(id);
      line.send(serialiseCancel(id)); // if the line is clogged it is lost anyway
    }
  }

  #end(): void {
    this.#ended = true;
    this.#rest();
    this.spoken.close();
  }
}

function spokenOut({ sent, flushed }: Segment): boolean {
  return flushed >= sent;
}
