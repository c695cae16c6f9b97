/** Flux's turn messages -> what the caller said. Deepgram reference, sections 4.3 and 4.4. Pure. */

import type { SttEvent } from "./ports.ts";

export type FluxEvent = "StartOfTurn" | "Update" | "EagerEndOfTurn" | "TurnResumed" | "EndOfTurn";

export interface FluxTurnInfo {
  event: FluxEvent;
  /** The whole turn so far. */
  text: string;
}

export interface FluxTurn {
  readonly phase: "silent" | "speaking";
  /** The last text told. */
  readonly text: string;
  /** What was told of this turn as over, because we ended it: it goes on over there until it is ended there too. */
  readonly told: string;
}

export const NO_TURN: FluxTurn = { phase: "silent", text: "", told: "" };

type Step = readonly [FluxTurn, readonly SttEvent[]];

/** What `info` means after `turn`. */
export function followFlux(turn: FluxTurn, { event, text: all }: FluxTurnInfo): Step {
  const told = event === "StartOfTurn" ? "" : turn.told;
  const text = told === "" ? all : after(told, all);
  if (turn.phase === "silent" && event !== "StartOfTurn" && text === "") {
    return [event === "EndOfTurn" ? NO_TURN : turn, []];
  }
  const next: FluxTurn = { phase: "speaking", text, told };
  switch (event) {
    case "StartOfTurn":
      return [next, turn.phase === "silent" ? [{ kind: "spoke" }, ...interim(NO_TURN, text)] : interim(turn, text)];
    case "Update":
      // Between turns an update carries no text; a stray one must not open a turn.
      return turn.phase === "silent" || !text ? [turn, []] : [next, interim(turn, text)];
    case "EagerEndOfTurn":
      return [next, [...interim(turn, text), { kind: "eager", text }]];
    case "TurnResumed":
      return [next, [{ kind: "resumed" }, ...interim(turn, text)]];
    case "EndOfTurn":
      return [NO_TURN, text ? [endOfTurn(text)] : []];
  }
}

/** The turn as it stands, told as over; for a recogniser that does not answer our `ForceEndTurn`. */
export function concludeFlux({ text, told }: FluxTurn): Step {
  return [{ phase: "silent", text: "", told: [told, text].filter(Boolean).join(" ") }, text ? [endOfTurn(text)] : []];
}

function interim(turn: FluxTurn, text: string): SttEvent[] {
  return text && text !== turn.text ? [{ kind: "interim", text }] : [];
}

function endOfTurn(text: string): SttEvent {
  return { kind: "final", text, endOfTurn: true };
}

/** The words of `text` behind those of `told`; all, if it begins otherwise. Capitals and punctuation come with the end of a turn. */
function after(told: string, text: string): string {
  const [first, words] = [told.split(" "), text.split(" ")];
  return first.every((word, at) => bare(word) === bare(words[at] ?? "")) ? words.slice(first.length).join(" ") : text;
}

/** `before` and `after` where the last words of one may be the first of the other: those are said once. */
export function joinOverlapping(before: string, after: string): string {
  if (!before || !after) return before || after;
  const first = before.split(" ");
  const second = after.split(" ");
  for (let shared = Math.min(first.length, second.length); shared > 0; shared--) {
    const tail = first.slice(-shared).map(bare);
    if (second.slice(0, shared).every((word, i) => bare(word) === tail[i])) {
      return [...first.slice(0, -shared), ...second].join(" ");
    }
  }
  return `${before} ${after}`;
}

function bare(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}']/gu, "");
}
