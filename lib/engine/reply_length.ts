/** How much sound a reply's text needs, by how fast this voice has spoken before: tells a reply that broke off. Pure. */

import { audioMs } from "../audio/frame.ts";
import { MS_PER_CHARACTER, spokenLength } from "../base/pace.ts";
import { cutAt, tidy } from "./heard.ts";

/** No voice on a telephone is faster, ms a character; assumed until one reply was heard whole. */
const FASTEST_MS_PER_CHARACTER = 40;
/** A shorter reply tells nothing of a voice's pace. */
const TELLING_CHARACTERS = 20;
/** This share of the sound that a text needs must be there: no two sentences have the same pace. */
const LEAST_SHARE = 0.85;
const SLACK_MS = 250;

export class ReplyLength {
  #text = "";
  #soundMs = 0;
  /** The quickest of the replies that were whole: numbers and names are slow. */
  #msPerCharacter: number | undefined;

  /** A reply begins. */
  begin(): void {
    this.#text = "";
    this.#soundMs = 0;
  }

  /** It says `text`, after what it said before. */
  says(text: string): void {
    this.#text = tidy(`${this.#text} ${text}`);
  }

  sounds(bytes: number): void {
    this.#soundMs += audioMs(bytes);
  }

  /** All of its sound came: how fast this voice speaks is known better now. */
  whole(): void {
    const length = leastLength(this.#text);
    if (length >= TELLING_CHARACTERS && this.#soundMs > 0) {
      this.#msPerCharacter = Math.min(this.#msPerCharacter ?? MS_PER_CHARACTER, this.#soundMs / length);
    }
    this.begin();
  }

  /** Whether it began to sound, and clearly less sound came than its text needs. */
  get lacks(): boolean {
    if (this.#soundMs === 0) return false;
    const needsMs = leastLength(this.#text) * (this.#msPerCharacter ?? FASTEST_MS_PER_CHARACTER);
    return this.#soundMs + SLACK_MS < LEAST_SHARE * needsMs;
  }

  /** `history`, whose last line may hold this reply's text: of that only what came is left. */
  asHeard<Line extends { role: string; content: string }>(history: readonly Line[]): Line[] {
    const last = history.at(-1);
    const at = last?.role === "assistant" ? last.content.lastIndexOf(this.#text) : -1;
    if (!last || at < 0) return [...history];
    const msPerCharacter = this.#msPerCharacter ?? MS_PER_CHARACTER;
    const { heard } = cutAt({ text: this.#text, words: [], heardMs: this.#soundMs, msPerCharacter });
    const content = `${last.content.slice(0, at)}${heard} …${last.content.slice(at + this.#text.length)}`;
    return [...history.slice(0, -1), { ...last, content }];
  }
}

/** How long a text is to say at least, in letters: some digits take no longer, as those of "24:00". */
function leastLength(text: string): number {
  return spokenLength(text.replace(/\d/g, "x"));
}
