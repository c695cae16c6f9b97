/** Who said what when: the turns of a call, from the caller's side of the wire. Pure. */

import { audioMs, FRAME_MS } from "../audio/frame.ts";

/** The agent has finished when nothing of it was heard for this long. */
const FINISHED_AFTER_MS = 600;
/** A pause this long ends a reply that the caller spoke over: what comes then answers the caller. */
const OVERLAP_PAUSE_MS = 200;
/** A pause this long separates two replies. */
const REPLY_PAUSE_MS = 400;

/** One thing the caller said, and what the agent answered. The first turn is the greeting: nothing was said. Times are of the call's clock. */
export interface Turn {
  said: string;
  /** End of the last audible frame of what the caller said. */
  saidEndMs: number;
  /** Beginning of the first audible slot of the answer. */
  firstHeardMs: number | undefined;
  /** The words of tagged audio, as far as they were played. */
  heard: string;
  /** Frames that carried a tag. */
  taggedFrames: number;
  /** The answer was cleared before its end. */
  interrupted: boolean;
  /** Bytes of the answer that were played. */
  playedBytes: number;
}

/** What was heard in 20 ms. */
export interface HeardSlot {
  atMs: number;
  playedBytes: number;
  audible: boolean;
  words: string;
  taggedFrames: number;
}

export class Talk {
  readonly turns: Turn[] = [newTurn("", 0)];
  /** The turn that the agent's audio belongs to now. */
  #answering: Turn = this.turns[0]!;
  #replyBytes = 0;
  #heardUntilMs = -Infinity;
  #nowMs = 0;
  #speaking = false;

  get latest(): Turn {
    return this.turns.at(-1)!;
  }

  /** The turn that the agent's audio belongs to. */
  get answering(): Turn {
    return this.#answering;
  }

  /** A slot with audio of the agent is sounding. */
  get agentSpeaking(): boolean {
    return this.#speaking;
  }

  /** The latest turn is being answered, or was. */
  get answered(): boolean {
    return this.#answering === this.latest && this.latest.firstHeardMs !== undefined;
  }

  /** The agent has answered the latest turn, and is silent since `FINISHED_AFTER_MS`. */
  get finished(): boolean {
    return this.answered && this.#quietMs >= FINISHED_AFTER_MS;
  }

  /** Ms of the reply that is sounding, or that sounded last, as far as it was played. */
  get replyMs(): number {
    return audioMs(this.#replyBytes);
  }

  /** Ms of the answer to the latest turn, as far as it was played. */
  get answerMs(): number {
    return this.answered ? audioMs(this.latest.playedBytes) : 0;
  }

  /** The line is open: the greeting is awaited from now on. */
  began(atMs: number): void {
    this.turns[0]!.saidEndMs = atMs;
    this.#nowMs = atMs;
  }

  /** The caller says `text` from `atMs` on; its last audible frame will end at `untilMs`. */
  said(text: string, atMs: number, untilMs: number): void {
    const turn = newTurn(text, untilMs);
    this.turns.push(turn);
    this.#nowMs = Math.max(this.#nowMs, atMs);
    if (this.#quietMs >= OVERLAP_PAUSE_MS) this.#answering = turn;
  }

  slot({ atMs, playedBytes, audible, words, taggedFrames }: HeardSlot): void {
    this.#nowMs = atMs;
    this.#speaking = playedBytes > 0;
    if (playedBytes === 0) {
      if (this.#quietMs >= OVERLAP_PAUSE_MS) this.#answering = this.latest;
      return;
    }
    if (this.#quietMs >= REPLY_PAUSE_MS) this.#replyBytes = 0;
    const turn = this.#answering;
    turn.playedBytes += playedBytes;
    turn.taggedFrames += taggedFrames;
    turn.heard += words;
    if (audible) turn.firstHeardMs ??= atMs;
    this.#replyBytes += playedBytes;
    this.#heardUntilMs = atMs + FRAME_MS;
  }

  /** The server cleared the queue, and `droppedMs` were not heard. */
  cleared(droppedMs: number): void {
    const turn = this.#answering;
    if (droppedMs > 0) turn.interrupted = true;
    if (turn.heard !== "" && !turn.heard.endsWith(" ")) turn.heard += " ";
    this.#answering = this.latest;
    this.#replyBytes = 0;
  }

  get #quietMs(): number {
    return this.#nowMs - this.#heardUntilMs;
  }
}

function newTurn(said: string, saidEndMs: number): Turn {
  return {
    said,
    saidEndMs,
    firstHeardMs: undefined,
    heard: "",
    taggedFrames: 0,
    interrupted: false,
    playedBytes: 0,
  };
}

/** Text as it is compared: small letters and digits, single spaces, no accents, no punctuation. */
export function normalise(text: string): string {
  return text.normalize("NFKD").toLowerCase().replace(/[\p{M}'’]/gu, "").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

/** Whether `text` is said in `heard`, as whole words, whatever the case and the punctuation. */
export function isSaidIn(text: string, heard: string): boolean {
  return ` ${normalise(heard)} `.includes(` ${normalise(text)} `);
}
