/** What Deepgram's voice may be sent, and when. Deepgram reference, section 5.1. Pure. */

/** The largest `Speak`, in characters. The vendor takes 2,000; a small one fits into what is left of the minute. */
export const PIECE_LIMIT = 200;
/** Characters per socket and minute. */
export const CHARACTERS_PER_MINUTE = 2400;
/** `Flush` per socket and minute. */
const FLUSHES_PER_MINUTE = 20;
const MINUTE_MS = 60_000;
/** A socket lives 60 minutes; no reply begins on one that is nearly over. */
const SOCKET_LIFE_MS = 55 * MINUTE_MS;
/**
 * What a new reply must be able to say at once: a minute of the fastest speech and a piece. Until that was heard, all that
 * was said before is out of the minute that counts; so whatever a reply waits for the limit, it waits unheard.
 */
const REPLY_CHARACTERS = 1600;

/**
 * Text as it comes -> pieces that can stand alone: cut after a space or the end of a sentence, so that a number, a word
 * or its full stop never arrives apart (a lone "." is read out as "dot"). Joined, the pieces are the text verbatim.
 */
export class SpeakPieces {
  #held = "";

  /** @returns what can be sent now. */
  push(text: string): string[] {
    this.#held += text;
    const end = SENTENCE_END.test(this.#held) ? this.#held.length : afterLastSpace(this.#held);
    if (this.#held.slice(0, end).trim() === "") return [];
    return cut(this.#take(end));
  }

  /** @returns what is left at the end of the text. */
  flush(): string[] {
    const rest = this.#take(this.#held.length);
    return rest.trim() === "" ? [] : cut(rest);
  }

  #take(end: number): string {
    const taken = this.#held.slice(0, end);
    this.#held = this.#held.slice(end);
    return taken;
  }
}

/** A letter and the end of its sentence: with a digit before it, the full stop may be a decimal point; a wide one, or a wide comma, is none. */
const SENTENCE_END = /(?:\p{L}[.!?…]+|[。！？、，；：])["'”’)\]」』]*$/u;

function afterLastSpace(text: string): number {
  for (let end = text.length; end > 0; end--) {
    if (/\s/.test(text[end - 1]!)) return end;
  }
  return text.length > PIECE_LIMIT ? text.length : 0;
}

/** Pieces within the limit, but for blanks at their end; cut at spaces, or after full stops of scripts without, where there are any. */
function cut(text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.trimEnd().length > PIECE_LIMIT) {
    const border = BORDER.exec(rest.slice(0, PIECE_LIMIT));
    const end = border ? border[0].length : PIECE_LIMIT;
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}

/** Up to the last place for a cut that has more than blanks before it. */
const BORDER = /^\s*\S[^]*[\s。！？、，；：]/;

/** What one socket was sent in the last minute, held against the vendor's limits. */
export class SpeakBudget {
  #spoken: { atMs: number; characters: number }[] = [];
  #flushes: number[] = [];

  /** Whether a new reply should begin on this socket. */
  allowsReply(nowMs: number, ageMs: number): boolean {
    this.#forget(nowMs);
    return ageMs < SOCKET_LIFE_MS && this.#flushes.length < FLUSHES_PER_MINUTE &&
      this.#characters() + REPLY_CHARACTERS <= CHARACTERS_PER_MINUTE;
  }

  /** Ms until `characters` more may be sent. */
  waitMs(characters: number, nowMs: number): number {
    this.#forget(nowMs);
    let over = this.#characters() + characters - CHARACTERS_PER_MINUTE;
    if (over <= 0) return 0;
    for (const { atMs, characters } of this.#spoken) {
      over -= characters;
      if (over <= 0) return atMs + MINUTE_MS - nowMs;
    }
    return 0; // a single piece above the limit: waiting does not help
  }

  noteSpeak(characters: number, nowMs: number): void {
    this.#spoken.push({ atMs: nowMs, characters });
  }

  noteFlush(nowMs: number): void {
    this.#flushes.push(nowMs);
  }

  #characters(): number {
    return this.#spoken.reduce((sum, { characters }) => sum + characters, 0);
  }

  #forget(nowMs: number): void {
    this.#spoken = this.#spoken.filter(({ atMs }) => nowMs - atMs < MINUTE_MS);
    this.#flushes = this.#flushes.filter((atMs) => nowMs - atMs < MINUTE_MS);
  }
}
