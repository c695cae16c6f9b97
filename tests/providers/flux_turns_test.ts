import assert from "node:assert/strict";
import {
  concludeFlux,
  type FluxEvent,
  type FluxTurn,
  followFlux,
  joinOverlapping,
  NO_TURN,
} from "../../lib/providers/flux_turns.ts";
import type { SttEvent } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";

type Line = [FluxEvent | "concluded", string?];

function run(lines: Line[]): string[] {
  let turn: FluxTurn = NO_TURN;
  const told: SttEvent[] = [];
  for (const [event, text = ""] of lines) {
    let events: readonly SttEvent[] = [];
    if (event === "concluded") [turn, events] = concludeFlux(turn);
    else [turn, events] = followFlux(turn, { event, text });
    told.push(...events);
  }
  return told.map((event) => "text" in event ? `${event.kind} ${event.text}` : event.kind);
}

const CASES: [name: string, lines: Line[], told: string[]][] = [
  ["a plain turn", [["Update"], ["StartOfTurn", "Hi"], ["Update", "Hi there"], ["EndOfTurn", "Hi there."]], [
    "spoke",
    "interim Hi",
    "interim Hi there",
    "final Hi there.",
  ]],
  ["updates in silence", [["Update"], ["Update"]], []],
  ["an update with text outside a turn opens none", [["Update", "noise"]], []],
  ["a turn that begins without a word yet", [["StartOfTurn"], ["Update", "Hi"]], ["spoke", "interim Hi"]],
  ["the same text is told once", [["StartOfTurn", "Hi"], ["Update", "Hi"], ["Update", "Hi"]], ["spoke", "interim Hi"]],
  ["an eager end that holds", [["StartOfTurn", "Hi"], ["EagerEndOfTurn", "Hi."], ["Update", "Hi."], [
    "EndOfTurn",
    "Hi.",
  ]], [
    "spoke",
    "interim Hi",
    "interim Hi.",
    "eager Hi.",
    "final Hi.",
  ]],
  [
    "an eager end taken back, twice",
    [
      ["StartOfTurn", "A"],
      ["EagerEndOfTurn", "A"],
      ["TurnResumed", "A b"],
      ["EagerEndOfTurn", "A b"],
      ["TurnResumed", "A b c"],
      ["EndOfTurn", "A b c"],
    ],
    ["spoke", "interim A", "eager A", "resumed", "interim A b", "eager A b", "resumed", "interim A b c", "final A b c"],
  ],
  ["a turn without words ends in silence", [["EndOfTurn", ""]], []],
  ["a turn that we end", [["StartOfTurn", "Stop"], ["concluded"], ["concluded"]], [
    "spoke",
    "interim Stop",
    "final Stop",
  ]],
  ["a turn that we end and that ends there later is told once", [
    ["StartOfTurn", "a table for four"],
    ["concluded"],
    ["EagerEndOfTurn", "A table for four."],
    ["EndOfTurn", "A table for four."],
    ["EndOfTurn", "A table for four."],
  ], ["spoke", "interim a table for four", "final a table for four", "final A table for four."]],
  ["the next turn may say the same as one that we ended", [
    ["StartOfTurn", "Yes"],
    ["concluded"],
    ["StartOfTurn", "Yes"],
    ["EndOfTurn", "Yes"],
  ], ["spoke", "interim Yes", "final Yes", "spoke", "interim Yes", "final Yes"]],
  ["of a turn that goes on when we have ended it, only what is new is told", [
    ["StartOfTurn", "a table for"],
    ["concluded"],
    ["EagerEndOfTurn", "A table for four"],
    ["EndOfTurn", "A table for four."],
    ["StartOfTurn", "a table for six"],
  ], [
    "spoke",
    "interim a table for",
    "final a table for",
    "interim four",
    "eager four",
    "final four.",
    "spoke",
    "interim a table for six",
  ]],
  ["a turn that has other words when we have ended it is told whole", [
    ["StartOfTurn", "a table for"],
    ["concluded"],
    ["EndOfTurn", "The table for four."],
  ], ["spoke", "interim a table for", "final a table for", "final The table for four."]],
];

for (const [name, lines, told] of CASES) {
  test(`flux turns: ${name}`, () => assert.deepEqual(run(lines), told));
}

test("overlapping texts are joined at their shared words", () => {
  assert.equal(joinOverlapping("", "a b"), "a b");
  assert.equal(joinOverlapping("a b", ""), "a b");
  assert.equal(joinOverlapping("a b c", "c d"), "a b c d");
  assert.equal(joinOverlapping("I said no, no", "No, no, never."), "I said No, no, never.");
  assert.equal(joinOverlapping("a b", "c d"), "a b c d");
});
