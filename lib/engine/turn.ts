/**
 * Whose turn it is to speak: what the recogniser, the keypad and time say -> what the engine does. Pure: one step per event.
 *
 * While we speak, the caller takes the turn with enough words, or with an interruption phrase at once; what is only an
 * acknowledgement is dropped, and shorter words wait until we have finished. While we are silent, any words are the caller's.
 */

import { holdsPhrase, isOnly, join, leavesOpen, wordsOf } from "./phrases.ts";

/** The rules of a call, as its configuration has them. */
export interface TurnRules {
  /** Words of a guess that interrupt us. */
  minInterruptionWords: number;
  /** These interrupt us at once. */
  interruptionPhrases: readonly string[];
  /** These alone never interrupt us. */
  acknowledgementPhrases: readonly string[];
  /** Prepare an answer when the turn is probably over. */
  eager: boolean;
  /** The recogniser's first words are certain (Flux): they confirm an interruption. Else a second guess or a final does. */
  firmInterims: boolean;
  /** After "and" or the like more is sure to come: in English, which is the default. */
  openEnds?: boolean;
  /** How long to wait for more after open words, when the recogniser says nothing new, ms; `REST_MS` by default. */
  restMs?: number;
}

/** What was said and not answered yet, by who holds the floor. Texts are as the recogniser gives them, "" for none. */
export type Floor =
  /** No words are open. */
  | { kind: "quiet" }
  /** We speak. The caller said `held`, too little to take the turn: it is answered once we have finished. `text` is open. */
  | { kind: "overheard"; held: string; text: string }
  /** We were interrupted because of a single guess of the recogniser's. */
  | { kind: "guess"; held: string; text: string }
  /** The caller's turn. `cut`: it interrupted us. `owed`: an earlier turn's answer was called off. `draft`: the words for which an answer is being prepared. */
  | { kind: "caller"; held: string; text: string; cut: boolean; owed: boolean; draft: string | undefined }
  /** The turn is confirmed; its answer has not begun. */
  | { kind: "answering" };

export interface TurnState {
  readonly floor: Floor;
  /** Keys pressed and not told yet. */
  readonly digits: string;
}

export type TurnTimer =
  /** The last key was a while ago. */
  | "digits"
  /** Look again whether we have finished speaking. */
  | "floor"
  /** The turn sounded unfinished: more may come. */
  | "more"
  /** The recogniser has said nothing for a while: ask it for the rest (`rest`), and wait for its answer (`last`). */
  | "rest"
  | "last";

/** `playing`: our voice is heard, or about to be. */
export type TurnEvent =
  | { kind: "interim"; text: string; playing: boolean }
  | { kind: "final"; text: string; endOfTurn: boolean; playing: boolean }
  | { kind: "eager"; text: string }
  | { kind: "resumed" }
  | { kind: "digit"; digit: string; playing: boolean }
  | { kind: "typed"; text: string; playing: boolean }
  /** The answer sounds, or runs tools, so that it cannot be called off unnoticed any more; or there will be none. */
  | { kind: "begun" }
  /** The interruption was noise: we speak on. */
  | { kind: "false-start" }
  | { kind: "timer"; name: TurnTimer; playing: boolean };

export type TurnAction =
  /** The caller takes the turn from us. */
  | { kind: "barge-in" }
  /** The turn so far. */
  | { kind: "interim"; text: string }
  /** The turn is confirmed: answer it. `text`: what is new in it; "" if only the answer to earlier words is owed. */
  | { kind: "answer"; text: string }
  /** We were told to stop, and no more: there is nothing to answer. */
  | { kind: "listen"; text: string }
  /** Prepare an answer, unheard. */
  | { kind: "speculate"; text: string }
  | { kind: "discard" }
  /** Give up the answer that has not begun: the caller goes on. */
  | { kind: "call-off" }
  /** Ask the recogniser for the rest. */
  | { kind: "finish" }
  | { kind: "arm"; timer: TurnTimer; ms: number }
  | { kind: "disarm"; timer: TurnTimer };

export type TurnStep = readonly [next: TurnState, actions: readonly TurnAction[]];

export const NO_TURN: TurnState = { floor: { kind: "quiet" }, digits: "" };

/** A number is typed with pauses up to this long. */
export const DIGITS_MS = 1200;
const FLOOR_MS = 100;
/** A turn that ends in "and" or the like waits so long for more. */
export const MORE_MS = 700;
/** How long open words wait for news: longer than Flux by default takes to end a turn by itself (5 s). */
export const REST_MS = 6000;
/** The same when the caller waits for an answer that was called off. */
const OWED_MS = 3000;
const LAST_MS = 1500;

type Of<Kind> = Extract<Floor, { kind: Kind }>;
type Words = { text: string; sure: boolean; over: boolean; playing: boolean };

const QUIET: Floor = { kind: "quiet" };
const CALLER: Of<"caller"> = { kind: "caller", held: "", text: "", cut: false, owed: false, draft: undefined };
const TURN_OVER: readonly TurnAction[] = (["floor", "more", "rest", "last"] as const).map((timer) => ({
  kind: "disarm",
  timer,
}));

/** What `event` does. */
export function turnStep(state: TurnState, event: TurnEvent, rules: TurnRules): TurnStep {
  const turn = new Turn(state, rules);
  switch (event.kind) {
    case "interim":
      return event.text === "" ? turn.takenBack() : turn.hear({ ...event, sure: rules.firmInterims, over: false });
    case "final":
      return turn.hear({ ...event, sure: true, over: event.endOfTurn });
    case "eager":
      return turn.eager(event.text);
    case "resumed":
      return turn.resumed();
    case "digit":
      return turn.digit(event.digit, event.playing);
    case "typed":
      return turn.said(event.text, event.playing);
    case "begun":
      return turn.begun();
    case "false-start":
      return turn.falseStart();
    case "timer":
      return turn.timer(event.name, event.playing);
  }
}

/** One step: collects its actions on the way. */
class Turn {
  readonly #actions: TurnAction[] = [];
  readonly #rules: TurnRules;
  #floor: Floor;
  #digits: string;

  constructor({ floor, digits }: TurnState, rules: TurnRules) {
    this.#floor = floor;
    this.#digits = digits;
    this.#rules = rules;
  }

  hear(words: Words): TurnStep {
    if (wordsOf(words.text).length === 0) return this.#step();
    switch (this.#floor.kind) {
      case "quiet":
        return words.playing ? this.#overhear("", words) : this.#goOn(CALLER, words);
      case "overheard":
        if (words.playing) return this.#overhear(this.#floor.held, words);
        return this.#goOn({ ...CALLER, held: this.#floor.held }, words);
      case "guess":
        return this.#confirmGuess(this.#floor, words);
      case "caller":
        return this.#sayOn(this.#floor, words);
      case "answering":
        return this.#addToTurn(words);
    }
  }

  /** The recogniser takes its last guess back. If that guess had interrupted us, the false start's timer will tell: see `falseStart`. */
  takenBack(): TurnStep {
    const floor = this.#floor;
    if (!("text" in floor) || floor.text === "") return this.#step();
    if (floor.kind === "overheard") return this.#wait(floor.held, "");
    return floor.kind === "caller" ? this.#conclude({ ...floor, text: "" }) : this.#step();
  }

  /** A draft for a turn that is surely not over would only be thrown away. */
  eager(text: string): TurnStep {
    const floor = this.#floor;
    if (!this.#rules.eager || floor.kind !== "caller" || wordsOf(text).length === 0) return this.#step();
    const draft = join(floor.held, text);
    if (draft === floor.draft || this.#leavesOpen(draft) || this.#isStop(floor, draft)) return this.#step();
    this.#do({ kind: "speculate", text: draft });
    return this.#step({ ...floor, text, draft });
  }

  resumed(): TurnStep {
    const floor = this.#floor;
    if (floor.kind !== "caller" || floor.draft === undefined) return this.#step();
    this.#do({ kind: "discard" });
    return this.#step({ ...floor, draft: undefined });
  }

  digit(digit: string, playing: boolean): TurnStep {
    this.#digits += digit;
    if (digit === "#") return this.#pressed(playing);
    this.#arm("digits", DIGITS_MS);
    return this.#step();
  }

  /** Words that were not spoken, so are certain and whole: typed ones, and keys. They interrupt us like an answer. */
  said(text: string, playing: boolean): TurnStep {
    const floor = this.#floor;
    if (text.trim() === "") return this.#step();
    if (floor.kind === "caller" && floor.text !== "") return this.#step({ ...floor, held: join(floor.held, text) });
    if (floor.kind === "answering") this.#do({ kind: "call-off" });
    if (playing) this.#do({ kind: "barge-in" });
    const caller = floor.kind === "caller" ? floor : { ...CALLER, held: "held" in floor ? floor.held : "" };
    return this.#conclude({ ...caller, held: join(caller.held, text) });
  }

  begun(): TurnStep {
    return this.#step(this.#floor.kind === "answering" ? QUIET : this.#floor);
  }

  falseStart(): TurnStep {
    if (this.#floor.kind !== "guess") return this.#step();
    this.#do({ kind: "disarm", timer: "rest" });
    return this.#wait(this.#floor.held, "");
  }

  timer(name: TurnTimer, playing: boolean): TurnStep {
    const floor = this.#floor;
    switch (name) {
      case "digits":
        return this.#pressed(playing);
      case "floor":
        return this.#floorFree(playing);
      case "rest":
        if (floor.kind === "guess") return this.#wait(floor.held, "");
        if (floor.kind !== "caller") return this.#step();
        this.#do({ kind: "finish" });
        this.#arm("last", LAST_MS);
        return this.#step();
      case "more":
      case "last":
        return floor.kind === "caller" ? this.#conclude(floor) : this.#step();
    }
  }

  /** Words while we speak. */
  #overhear(held: string, words: Words): TurnStep {
    const all = join(held, words.text);
    if (this.#interrupts(all)) {
      this.#do({ kind: "barge-in" });
      if (words.sure) return this.#goOn({ ...CALLER, held, cut: true }, words);
      this.#arm("rest", this.#restMs);
      return this.#step({ kind: "guess", held, text: words.text });
    }
    if (!words.over) return this.#step({ kind: "overheard", held, text: words.text });
    return this.#wait(isOnly(words.text, this.#rules.acknowledgementPhrases) ? held : all, "");
  }

  #interrupts(text: string): boolean {
    const { minInterruptionWords, interruptionPhrases, acknowledgementPhrases } = this.#rules;
    if (isOnly(text, acknowledgementPhrases)) return false;
    return wordsOf(text).length >= minInterruptionWords || holdsPhrase(text, interruptionPhrases);
  }

  /** More words of the caller's turn, over which an answer to earlier ones may have begun to sound. */
  #sayOn(floor: Of<"caller">, words: Words): TurnStep {
    if (floor.cut || !words.playing || !this.#interrupts(join(floor.held, words.text))) return this.#goOn(floor, words);
    this.#do({ kind: "barge-in" });
    return this.#goOn({ ...floor, text: "", cut: true }, words);
  }

  /** A guess was right if another one, or a final, confirms it. */
  #confirmGuess(floor: Of<"guess">, words: Words): TurnStep {
    const moved = words.text !== floor.text && wordsOf(words.text).length >= wordsOf(floor.text).length;
    if (!words.sure && !moved) return this.#step({ ...floor, text: words.text });
    return this.#goOn({ ...CALLER, held: floor.held, cut: true }, words);
  }

  /** More words before the answer to the last ones has begun: it is one turn. */
  #addToTurn(words: Words): TurnStep {
    if (words.playing && isOnly(words.text, this.#rules.acknowledgementPhrases)) return this.#step();
    const cut = words.playing && this.#interrupts(words.text);
    this.#do({ kind: "call-off" });
    if (cut) this.#do({ kind: "barge-in" });
    return this.#goOn({ ...CALLER, cut, owed: true }, words);
  }

  /** Words of the caller's turn. */
  #goOn(floor: Of<"caller">, { text, over }: Words): TurnStep {
    this.#do({ kind: "disarm", timer: "more" }, { kind: "disarm", timer: "last" });
    const next = { ...floor, text };
    const all = join(next.held, text);
    if (over && !this.#leavesOpen(all)) return this.#conclude(next);
    if (all !== join(floor.held, floor.text) || floor.text === "") this.#do({ kind: "interim", text: all });
    this.#arm(over ? "more" : "rest", over ? MORE_MS : floor.owed ? OWED_MS : this.#restMs);
    return this.#step(over ? { ...next, held: all, text: "" } : next);
  }

  /** The turn is over. */
  #conclude(floor: Of<"caller">): TurnStep {
    const text = join(floor.held, floor.text);
    this.#do(...TURN_OVER);
    if (floor.draft !== undefined && floor.draft !== text) this.#do({ kind: "discard" });
    if (text === "" && !floor.owed) return this.#step(QUIET);
    if (this.#isStop(floor, text)) {
      this.#do({ kind: "listen", text });
      return this.#step(QUIET);
    }
    this.#do({ kind: "answer", text });
    return this.#step({ kind: "answering" });
  }

  #isStop({ cut, owed }: Of<"caller">, text: string): boolean {
    const { interruptionPhrases, acknowledgementPhrases } = this.#rules;
    return cut && !owed && holdsPhrase(text, interruptionPhrases) &&
      isOnly(text, [...interruptionPhrases, ...acknowledgementPhrases]);
  }

  #leavesOpen(text: string): boolean {
    return (this.#rules.openEnds ?? true) && leavesOpen(text);
  }

  #pressed(playing: boolean): TurnStep {
    const digits = this.#digits;
    this.#digits = "";
    this.#do({ kind: "disarm", timer: "digits" });
    return digits === "" ? this.#step() : this.said(`[The caller pressed ${digits}.]`, playing);
  }

  /** We spoke when something too short was said: have we finished? */
  #floorFree(playing: boolean): TurnStep {
    const floor = this.#floor;
    if (floor.kind !== "overheard") return this.#step();
    if (playing) return this.#wait(floor.held, floor.text);
    const caller = { ...CALLER, held: floor.held, text: floor.text };
    if (floor.text === "") return this.#conclude(caller);
    this.#arm("rest", this.#restMs);
    return this.#step(caller);
  }

  /** What is `held` is answered when we have finished speaking. */
  #wait(held: string, text: string): TurnStep {
    if (held === "" && text === "") return this.#step(QUIET);
    this.#arm("floor", FLOOR_MS);
    return this.#step({ kind: "overheard", held, text });
  }

  get #restMs(): number {
    return this.#rules.restMs ?? REST_MS;
  }

  #arm(timer: TurnTimer, ms: number): void {
    this.#do({ kind: "arm", timer, ms });
  }

  #do(...actions: TurnAction[]): void {
    this.#actions.push(...actions);
  }

  #step(floor: Floor = this.#floor): TurnStep {
    return [{ floor, digits: this.#digits }, this.#actions];
  }
}
