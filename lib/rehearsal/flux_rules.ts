/** What Flux promises about the order of its messages, checked on our own stand-in. Deepgram reference, section 4.4. */

export type TurnEvent = "StartOfTurn" | "Update" | "EagerEndOfTurn" | "TurnResumed" | "EndOfTurn";

export interface TurnMessage {
  event: TurnEvent;
  turn_index: number;
  transcript: string;
  trigger?: string;
}

/** Follows the messages of one stream. */
export class FluxRules {
  readonly #hasEager: () => boolean;
  #state: "initial" | "ongoing" | "awaiting-end" = "initial";
  #turnIndex = 0;
  #eager = "";

  /** `hasEager`: whether an eager threshold is set now. */
  constructor(hasEager: () => boolean) {
    this.#hasEager = hasEager;
  }

  /** @throws {Error} if `message` breaks an invariant: a mistake of the stand-in, not of its client. */
  check({ event, turn_index, transcript, trigger }: TurnMessage): void {
    const must = (holds: boolean, rule: string) => {
      if (!holds) throw new Error(`The Flux stand-in broke a rule in ${this.#state} with ${event}: ${rule}`);
    };
    must(turn_index === this.#turnIndex, "turn_index grows only after EndOfTurn");
    must((trigger !== undefined) === (event === "EndOfTurn"), "trigger is on every EndOfTurn and only there");
    switch (event) {
      case "StartOfTurn":
        must(this.#state === "initial", "a turn starts once");
        must(transcript !== "", "it carries a transcript");
        this.#state = "ongoing";
        return;
      case "Update":
        must(this.#state !== "initial" || transcript === "", "no transcript before a turn");
        must(this.#state !== "awaiting-end" || transcript === this.#eager, "unchanged after EagerEndOfTurn");
        return;
      case "EagerEndOfTurn":
        must(this.#state === "ongoing", "only in a turn, once until it resumes");
        must(this.#hasEager(), "only with eager_eot_threshold");
        must(transcript !== "", "it carries a transcript");
        this.#eager = transcript;
        this.#state = "awaiting-end";
        return;
      case "TurnResumed":
        must(this.#state === "awaiting-end", "only after EagerEndOfTurn");
        this.#state = "ongoing";
        return;
      case "EndOfTurn":
        must(this.#state !== "initial", "only in a turn");
        must(this.#state !== "awaiting-end" || transcript === this.#eager, "equals the EagerEndOfTurn before it");
        this.#state = "initial";
        this.#turnIndex++;
    }
  }
}
