/** Flux's turn messages -> what the caller said. Deepgram reference, sections 4.3 and 4.4. Pure. */

import type { SttEvent } from "./ports.ts";

export type FluxEvent = "StartOfTurn" | "Update" | "EagerEndOfTurn" | "TurnResumed" | "EndOfTurn";

export interface FluxTurnInfo {
  event: FluxEvent;
  /** The whole turn so far. */
  text: string;
  /** Of the least certain word. */
  confidence?: number;
}

export interface FluxTurn {
  readonly phase: "silent" | "speaking";
  /** The last text told; in silence, that of the turn which we ended. */
  readonly text: string;
}

export const NO_TURN: FluxTurn = { phase: "silent", text: "" };

type Step = readonly [FluxTurn, readonly SttEvent[]];

/** What `info` means after `turn`. */
export function followFlux(turn: FluxTurn, { event, text, confidence }: FluxTurnInfo): Step {
  const isOver = event === "EndOfTurn";
  // A turn that we ended goes on over there until it is ended there too.
  if (turn.phase === "silent" && event !== "StartOfTurn" && isSame(text, turn.text)) {
    return [isOver ? NO_TURN : turn, []];
  }
  const next: FluxTurn = { phase: "speaking", text };
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
      return [NO_TURN, text ? [endOfTurn(text, confidence)] : []];
  }
}

/** The turn as it stands, told as over; for a recogniser that does not answer our `ForceEndTurn`. */
export function concludeFlux({ phase, text }: FluxTurn): Step {
  return [{ phase: "silent", text }, phase === "speaking" && text ? [endOfTurn(text)] : []];
}

function interim(turn: FluxTurn, text: string): SttEvent[] {
  return text && text !== turn.text ? [{ kind: "interim", text }] : [];
}

function endOfTurn(text: string, confidence?: number): SttEvent {
  return { kind: "final", text, endOfTurn: true, ...(confidence === undefined ? {} : { confidence }) };
}

/** Capitals and punctuation come with the end of a turn. */
function isSame(text: string, told: string): boolean {
  return bare(text) === bare(told);
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
