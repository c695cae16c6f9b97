/**
 * Live recognition results -> what the caller said. Deepgram reference, sections 3.4 and 3.5: final pieces are joined,
 * `speech_final` is a hint, `UtteranceEnd` the fallback where noise hides the silence. Pure: state and input in, state
 * and effects out.
 */

import type { SttEvent } from "./ports.ts";

export type ListenInput =
  | ListenResults
  | { kind: "speech-started" }
  /** No word for long after the one that ended at `lastWordEndS`, seconds of audio sent. */
  | { kind: "utterance-end"; lastWordEndS?: number }
  /** Our side wants the rest now. */
  | { kind: "finish" }
  /** The answer to `Finalize` does not come. */
  | { kind: "finalize-late" };

/** One `Results` message: text for the window from `startS` to `endS`, seconds of audio sent. */
export interface ListenResults {
  kind: "results";
  text: string;
  isFinal: boolean;
  speechFinal: boolean;
  fromFinalize: boolean;
  startS: number;
  endS: number;
}

export type ListenEffect =
  | { kind: "tell"; event: SttEvent }
  /** Send `Finalize`; its answer may take `withinMs`. */
  | { kind: "finalize"; withinMs: number }
  /** Its answer is not waited for any more. */
  | { kind: "finalized" };

export interface ListenAssembly {
  /** What is fixed of the open utterance. */
  readonly finals: readonly string[];
  /** The guess for what follows it. */
  readonly interim: string;
  /** We await the answer to `Finalize`. */
  readonly finalizing: boolean;
  /** The text of the audio up to here is fixed: whatever comes for it again is a repetition. */
  readonly fixedUntilS: number;
  /** Where the open utterance begins: words before it were told in earlier turns. */
  readonly openFromS: number;
  readonly interimStartS: number;
  /** A guess for the window from `startS` was told as a final, because its own final was late: this many of its words were told already. */
  readonly told: { startS: number; words: number } | undefined;
}

export const NOTHING_HEARD: ListenAssembly = {
  finals: [],
  interim: "",
  finalizing: false,
  fixedUntilS: 0,
  openFromS: 0,
  interimStartS: 0,
  told: undefined,
};

/** How long a `Finalize` may take after `UtteranceEnd`, and when our side asked for the rest, in ms. */
const UTTERANCE_FINALIZE_MS = 500;
const FINISH_FINALIZE_MS = 1000;

const EPSILON_S = 0.001;

type Step = readonly [ListenAssembly, readonly ListenEffect[]];

/** What `input` means after `state`. */
export function assemble(state: ListenAssembly, input: ListenInput): Step {
  switch (input.kind) {
    case "results":
      return input.isFinal ? fix(state, unheard(state, input)) : guess(state, unheard(state, input));
    case "speech-started":
      return [state, [tell({ kind: "spoke" })]];
    case "utterance-end":
      // It may come after `speech_final`, when the next utterance has begun already.
      if (input.lastWordEndS !== undefined && input.lastWordEndS <= state.openFromS) return [state, []];
      if (state.interim) return stand(finalize(state, UTTERANCE_FINALIZE_MS));
      return state.finals.length > 0 ? conclude(state) : [state, []];
    case "finish":
      return finalize(state, FINISH_FINALIZE_MS);
    case "finalize-late":
      return conclude(state);
  }
}

/** `results` without the words of its window that were told already. */
function unheard({ told }: ListenAssembly, results: ListenResults): ListenResults {
  if (results.startS !== told?.startS) return results;
  return { ...results, text: results.text.split(" ").slice(told.words).join(" ") };
}

function guess(state: ListenAssembly, { text, startS }: ListenResults): Step {
  const next = { ...state, interim: text, interimStartS: startS };
  if (!text || whole(next) === whole(state)) return [next, takenBack(state, next)];
  return [next, [tell({ kind: "interim", text: whole(next) })]];
}

function fix(state: ListenAssembly, results: ListenResults): Step {
  const repeated = results.endS <= state.fixedUntilS + EPSILON_S;
  const text = repeated ? "" : results.text;
  // The answer to `Finalize` may be empty although a guess stands: the guess is then all there is.
  const keepsGuess = results.fromFinalize && !text;
  const next: ListenAssembly = {
    ...state,
    finals: text ? [...state.finals, text] : state.finals,
    interim: keepsGuess || repeated ? state.interim : "",
    fixedUntilS: Math.max(state.fixedUntilS, results.endS),
  };
  if (state.finalizing && results.fromFinalize) return conclude(next);
  if (next.finals.length === 0) return [next, takenBack(state, next)];
  if (results.speechFinal) return conclude(next);
  return text ? [next, [tell(final(next, { endOfTurn: false }))]] : [next, []];
}

/** The guess was all there was, and it is taken back: whoever waits for its final must learn that none comes. */
function takenBack(before: ListenAssembly, after: ListenAssembly): ListenEffect[] {
  return whole(before) && !whole(after) ? [tell({ kind: "interim", text: "" })] : [];
}

function finalize(state: ListenAssembly, withinMs: number): Step {
  return state.finalizing ? [state, []] : [{ ...state, finalizing: true }, [{ kind: "finalize", withinMs }]];
}

/** The guess still stands, and its end is on its way: news for whoever fears that nothing more comes. */
function stand([state, effects]: Step): Step {
  return [state, effects.length === 0 ? [] : [tell({ kind: "interim", text: whole(state) }), ...effects]];
}

/** The utterance is over: tell all of it, the standing guess included. */
function conclude(state: ListenAssembly): Step {
  const next: ListenAssembly = {
    ...NOTHING_HEARD,
    fixedUntilS: state.fixedUntilS,
    openFromS: state.fixedUntilS,
    told: state.interim ? toldOf(state) : state.told,
  };
  const over: ListenEffect[] = state.finalizing ? [{ kind: "finalized" }] : [];
  return [next, whole(state) ? [...over, tell(final(state, { endOfTurn: true }))] : over];
}

function toldOf({ interim, interimStartS, told }: ListenAssembly): { startS: number; words: number } {
  const before = told?.startS === interimStartS ? told.words : 0;
  return { startS: interimStartS, words: before + interim.split(" ").length };
}

function final(state: ListenAssembly, { endOfTurn }: { endOfTurn: boolean }): SttEvent {
  return { kind: "final", text: whole(state), endOfTurn };
}

function whole({ finals, interim }: ListenAssembly): string {
  return [...finals, interim].filter(Boolean).join(" ");
}

function tell(event: SttEvent): ListenEffect {
  return { kind: "tell", event };
}
