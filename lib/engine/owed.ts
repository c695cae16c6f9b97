/**
 * What the agent owes the caller: an answer to his words, or the rest of what it was saying. Where the agent is lost, this
 * says what the next one must know, and what it must be asked. Pure.
 */

/** What an agent, or a model, is asked that is to say the rest. */
export const GO_ON = "Please go on.";

export class Owed {
  #turn: { text: string; sinceMs: number } | undefined;
  /** Calls whose results the agent waits for. */
  readonly #calls = new Set<string>();
  /** Those of them that were made before the caller last began to speak. */
  #earlier = new Set<string>();
  /** The agent has more to say after words of its own: what a call brings, or the rest of a reply that was cut. */
  #rest = false;
  /** It has said nothing since the last result. */
  #untold = false;
  /** The agent fell silent in the middle of a reply: the rest is owed if it is lost before it shows that it lives. */
  #brokeOff = false;
  /** The caller began to speak, or something that the agent took for it: it drops what it was preparing. */
  #dropped = false;
  /** To be said to the agent in the caller's place, as soon as there is one. */
  #request: string | undefined;
  /** What was said to it so: it comes back as the caller's words. */
  #requested: string | undefined;
  /** An agent has been heard. */
  #spoken = false;

  /** The caller's confirmed words that nobody has begun to answer, and since when. */
  get turn(): { readonly text: string; readonly sinceMs: number } | undefined {
    return this.#turn;
  }

  get anything(): boolean {
    return this.#turn !== undefined || this.#rest;
  }

  /** The agent waits for us, not we for it. */
  get awaitsResult(): boolean {
    return this.#calls.size > 0;
  }

  /** It is the agent's turn to give what it owes. */
  get due(): boolean {
    return this.anything && !this.awaitsResult;
  }

  /** The agent is to be asked for the rest. */
  get asksForRest(): boolean {
    return this.#request === GO_ON;
  }

  callerSaid(text: string, nowMs: number): void {
    this.#turn = { text, sinceMs: nowMs };
    this.#dropped = false;
  }

  /** The agent has noticed the caller, or some noise. */
  callerStarted(): void {
    this.#dropped = this.anything;
    this.#earlier = new Set(this.#calls);
  }

  /** No words followed, and no answer: the agent is to be asked for it once more. @returns false if it dropped nothing. */
  askAgain(): boolean {
    if (!this.#dropped || !this.anything) return false;
    this.#dropped = false;
    this.#request = this.#turn?.text ?? GO_ON;
    return true;
  }

  /** The call has answered by itself: nothing is owed, but what calls for an earlier turn bring. */
  answered(): void {
    this.#turn = undefined;
    this.#rest = this.#earlier.size > 0;
  }

  /** Whether this call was made for a turn before the caller's last. */
  isEarlier(id: string): boolean {
    return this.#earlier.has(id);
  }

  /** Some audio of the agent is played; `greets`: of its greeting, which answers nobody. */
  sounds({ greets = false } = {}): void {
    this.#spoken = true;
    if (greets) return;
    this.#turn = undefined;
    if (!this.awaitsResult && !this.#untold) this.#rest = false;
  }

  /** The agent goes on, in words that are to sound. */
  says(): void {
    this.#untold = false;
  }

  /** The agent calls a tool, and will have something to tell. */
  called(id: string): void {
    this.#calls.add(id);
    this.#rest = true;
  }

  /** The call has its result, or is called off. @returns false if it was called off before, or its agent is gone. */
  settled(id: string): boolean {
    const isOut = this.#calls.delete(id);
    this.#earlier.delete(id);
    this.#untold ||= isOut;
    return isOut;
  }

  /** The agent fell silent in the middle of a reply. */
  brokeOff(): void {
    this.#brokeOff = true;
  }

  /** The agent lives: it need not be asked for what it left unsaid. */
  alive(): void {
    this.#brokeOff = false;
    this.#request = undefined;
  }

  /** The agent stopped for a noise: it is to say the rest. */
  askForRest(): void {
    this.#request = GO_ON;
    this.#rest = true;
  }

  /** What to say to the agent in the caller's place, if anything. Once. */
  takeRequest(): string | undefined {
    const request = this.#request;
    this.#request = undefined;
    if (request !== undefined) this.#requested = request;
    return request;
  }

  /** Whether these words of the caller are what we said to the agent in his place. Once. */
  isRequest(text: string): boolean {
    const isRequest = text === this.#requested;
    this.#requested = undefined;
    return isRequest;
  }

  /** The agent is gone; `midReply`: while it was saying something. */
  lost({ midReply }: { midReply: boolean }): void {
    if (this.#brokeOff || midReply) this.#rest = true;
    this.#brokeOff = this.#dropped = this.#untold = false;
    this.#calls.clear();
    this.#earlier.clear();
  }

  /**
   * Another agent takes over after `history`. While the caller speaks it is not asked for the rest: it will have his new
   * words to answer. @returns what it must know, without the turn that it is asked again; undefined: it is to greet.
   */
  handOver<Line extends { role: string }>(
    history: readonly Line[],
    { callerSpeaks }: { callerSpeaks: boolean },
  ): Line[] | undefined {
    const known = this.#turn && history.at(-1)?.role === "user" ? history.slice(0, -1) : [...history];
    // What we said ourselves meanwhile, a notice or a filler, is no conversation: an agent has yet to greet.
    if (!this.#spoken && !this.#turn && !known.some(({ role }) => role === "user")) return undefined;
    if (this.#turn) this.#request = this.#turn.text;
    else if (this.#rest && !callerSpeaks) this.#request = GO_ON;
    return known;
  }
}
