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
  readonly phase: "silent" | "speaking" | "awaiting-end";
  /** The last text told. */
  readonly text: string;
  /** What an earlier socket had understood of this turn. */
  readonly carried: string;
}

export const NO_TURN: FluxTurn = { phase: "silent", text: "", carried: "" };

type Step = readonly [FluxTurn, readonly SttEvent[]];

/** What `info` means after `turn`. */
export function followFlux(turn: FluxTurn, info: FluxTurnInfo): Step {
  const text = joinOverlapping(turn.carried, info.text);
  switch (info.event) {
    case "StartOfTurn":
      return startTurn(turn, text);
    case "Update":
      // Between turns an update carries no text; a stray one must not open a turn.
      return turn.phase === "silent" || !text ? [turn, []] : [{ ...turn, text }, interim(turn, text)];
    case "EagerEndOfTurn":
      return [{ ...turn, phase: "awaiting-end", text }, [...interim(turn, text), { kind: "eager", text }]];
    case "TurnResumed":
      return [{ ...turn, phase: "speaking", text }, [{ kind: "resumed" }, ...interim(turn, text)]];
    case "EndOfTurn":
      return [NO_TURN, text ? [endOfTurn(text, info.confidence)] : []];
  }
}

/** The socket was replaced in the middle of `turn`: what was understood goes before what the new one understands. */
export function carryOver(turn: FluxTurn): FluxTurn {
  return { ...turn, carried: turn.text };
}

/** The turn as it stands, told as over; for a recogniser that does not answer our `ForceEndTurn`. */
export function concludeFlux(turn: FluxTurn): Step {
  return [NO_TURN, turn.text ? [endOfTurn(turn.text)] : []];
}

function startTurn(turn: FluxTurn, text: string): Step {
  const next: FluxTurn = { ...turn, phase: "speaking", text };
  if (turn.phase === "silent") return [next, [{ kind: "spoke" }, ...interim(turn, text)]];
  // A new socket starts anew in the middle of a turn.
  return [next, [...(turn.phase === "awaiting-end" ? [{ kind: "resumed" } as const] : []), ...interim(turn, text)]];
}

function interim(turn: FluxTurn, text: string): SttEvent[] {
  return text && text !== turn.text ? [{ kind: "interim", text }] : [];
}

function endOfTurn(text: string, confidence?: number): SttEvent {
  return { kind: "final", text, endOfTurn: true, ...(confidence === undefined ? {} : { confidence }) };
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

function bare(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}']/gu, "");
}
