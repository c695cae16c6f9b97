/** What the caller had said when the line broke, and nobody had answered: asked again, once, when the call is back. Pure. */

export class Unanswered {
  #text: string | undefined;
  #asked: string | undefined;
  /** The reply that tells the caller of the break: it is to be heard first. */
  #greeting: number | undefined;
  #ready = false;

  constructor(text: string | undefined) {
    this.#text = text;
  }

  waitFor(greeting: number): void {
    this.#greeting = greeting;
  }

  /** The engine can be asked. @returns what to ask it now, if anything. */
  ready(): string | undefined {
    this.#ready = true;
    return this.#due();
  }

  /** `reply` was heard to its end. @returns what to ask the engine now, if anything. */
  heard(reply: number): string | undefined {
    if (reply === this.#greeting) this.#greeting = undefined;
    return this.#due();
  }

  /** The engine has understood `text`. @returns whether that is what it was asked: the caller said it before the break. */
  said(text: string, final: boolean): boolean {
    if (final && text === this.#asked) {
      this.#asked = undefined;
      return true;
    }
    this.#text = undefined;
    return false;
  }

  #due(): string | undefined {
    if (!this.#ready || this.#greeting !== undefined || this.#text === undefined) return undefined;
    this.#asked = this.#text;
    this.#text = undefined;
    return this.#asked;
  }
}
