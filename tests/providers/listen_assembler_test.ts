import assert from "node:assert/strict";
import {
  assemble,
  type ListenAssembly,
  type ListenEffect,
  type ListenInput,
  NOTHING_HEARD,
} from "../../lib/providers/listen_assembler.ts";
import { seeded, test } from "../case.ts";

/** A shorthand: `~text` interim, `=text` final, `!text` speech_final, `F text` from_finalize; each window is one second. */
function results(line: string, window: number): ListenInput {
  const [, mark, text] = /^(~|=|!|F)\s*(.*)$/.exec(line)!;
  return {
    kind: "results",
    text: text!,
    isFinal: mark !== "~",
    speechFinal: mark === "!",
    fromFinalize: mark === "F",
    startS: window,
    endS: window + 1,
  };
}

/** Feed lines; `UE` UtteranceEnd (`UE 0.7`: its last word ended there), `SS` SpeechStarted, `FIN` finish, `LATE` no answer to Finalize, `@n` sets the window. */
function run(lines: string[]): string[] {
  let state: ListenAssembly = NOTHING_HEARD;
  let window = 0;
  const told: string[] = [];
  for (const line of lines) {
    if (line.startsWith("@")) {
      window = Number(line.slice(1));
      continue;
    }
    const input = special(line) ?? results(line, window);
    if (input.kind === "results" && input.isFinal) window++;
    const [next, effects] = assemble(state, input);
    state = next;
    told.push(...effects.flatMap(show));
  }
  return told;
}

function special(line: string): ListenInput | undefined {
  if (line === "UE") return { kind: "utterance-end" };
  if (line.startsWith("UE ")) return { kind: "utterance-end", lastWordEndS: Number(line.slice(3)) };
  if (line === "SS") return { kind: "speech-started" };
  if (line === "FIN") return { kind: "finish" };
  if (line === "LATE") return { kind: "finalize-late" };
  return undefined;
}

function show(effect: ListenEffect): string[] {
  if (effect.kind === "finalize") return [`FINALIZE ${effect.withinMs}`];
  if (effect.kind === "finalized") return [];
  const { event } = effect;
  switch (event.kind) {
    case "final":
      return [`${event.endOfTurn ? "END" : "part"} ${event.text}`];
    case "interim":
      return [`~${event.text}`];
    default:
      return [event.kind];
  }
}

const CASES: [name: string, lines: string[], told: string[]][] = [
  ["one short utterance", ["SS", "~yes", "!Yes."], ["spoke", "~yes", "END Yes."]],
  ["guesses replace each other", ["~a", "~a cat", "~a catalogue", "!A catalogue."], [
    "~a",
    "~a cat",
    "~a catalogue",
    "END A catalogue.",
  ]],
  ["the same guess is told once", ["~a", "~a", "~a"], ["~a"]],
  ["finals are joined", ["=I want", "~a table", "=a table", "!for four."], [
    "part I want",
    "~I want a table",
    "part I want a table",
    "END I want a table for four.",
  ]],
  ["speech_final may be empty", ["=Goodbye.", "!"], ["part Goodbye.", "END Goodbye."]],
  ["speech_final after nothing is nothing", ["!", "=", "!"], []],
  ["empty guesses are nothing", ["~", "~"], []],
  ["a guess that comes to nothing is taken back", ["~uh", "!", "=", "~uh", "~", "="], ["~uh", "~", "~uh", "~"]],
  ["UtteranceEnd ends what noise kept open", ["=Hello", "UE"], ["part Hello", "END Hello"]],
  ["UtteranceEnd after speech_final is nothing", ["!Hello.", "UE"], ["END Hello."]],
  ["UtteranceEnd after speech_final, late, does not end what is said next", [
    "!My name is",
    "~Anna",
    "UE 0.7",
    "~Anna Bell",
    "=Anna Bell",
    "UE 0.7",
    "UE 1.9",
  ], ["END My name is", "~Anna", "~Anna Bell", "part Anna Bell", "END Anna Bell"]],
  ["UtteranceEnd with only a guess tells it again and asks for the rest", ["~he", "UE", "F Hello."], [
    "~he",
    "~he",
    "FINALIZE 500",
    "END Hello.",
  ]],
  ["... and takes the guess if no answer comes", ["~he", "UE", "LATE"], [
    "~he",
    "~he",
    "FINALIZE 500",
    "END he",
  ]],
  ["... and ignores the answer that comes then", ["~he", "UE", "LATE", "F Hello.", "!Bye."], [
    "~he",
    "~he",
    "FINALIZE 500",
    "END he",
    "END Bye.",
  ]],
  ["... and tells the rest of a window that goes on", [
    "~he",
    "UE",
    "LATE",
    "~Hello are",
    "!Hello are you there?",
  ], [
    "~he",
    "~he",
    "FINALIZE 500",
    "END he",
    "~are",
    "END are you there?",
  ]],
  ["... twice, if need be", ["~a", "UE", "LATE", "~a b", "UE", "LATE", "=a b c", "!d"], [
    "~a",
    "~a",
    "FINALIZE 500",
    "END a",
    "~b",
    "~b",
    "FINALIZE 500",
    "END b",
    "part c",
    "END c d",
  ]],
  ["... and takes the guess if the answer is empty", ["~he", "UE", "F"], [
    "~he",
    "~he",
    "FINALIZE 500",
    "END he",
  ]],
  ["UtteranceEnd with a final and a guess does not cut the utterance in two", ["=One", "~two", "UE", "F two."], [
    "part One",
    "~One two",
    "~One two",
    "FINALIZE 500",
    "END One two.",
  ]],
  ["UtteranceEnd twice asks once", ["~he", "UE", "UE"], ["~he", "~he", "FINALIZE 500"]],
  ["finish takes the rest", ["=One", "~two", "FIN", "F two."], [
    "part One",
    "~One two",
    "FINALIZE 1000",
    "END One two.",
  ]],
  ["finish when the text went out already", ["=One", "FIN", "F"], [
    "part One",
    "FINALIZE 1000",
    "END One",
  ]],
  ["finish without an answer", ["~one", "FIN", "LATE"], ["~one", "FINALIZE 1000", "END one"]],
  ["finish when nothing was said", ["FIN", "F", "!Later."], ["FINALIZE 1000", "END Later."]],
  ["finish when nothing was said and nothing comes", ["FIN", "LATE"], ["FINALIZE 1000"]],
  ["speech_final while finishing", ["~one", "FIN", "!One.", "F"], [
    "~one",
    "FINALIZE 1000",
    "END One.",
  ]],
  ["a final that comes twice counts once", ["=One", "@0", "=One", "!two."], ["part One", "END One two."]],
];

for (const [name, lines, told] of CASES) {
  test(`listen assembly: ${name}`, () => assert.deepEqual(run(lines), told));
}

test("listen assembly: whatever comes, every fixed word is told in exactly one turn, in order", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = seeded(seed);
    const pick = <T>(items: T[]) => items[Math.floor(random() * items.length)]!;
    const lines: string[] = [];
    const fixed: string[] = [];
    for (let i = 0; i < 30; i++) {
      const word = `w${i}`;
      const line = pick(["=", "!", `=${word}`, `!${word}`, "UE", "SS", "FIN", "F", `F ${word}`, "LATE"]);
      if (line.endsWith(word)) fixed.push(word);
      lines.push(line);
    }
    const told = run([...lines, "FIN", "F"]);
    const turns = told.filter((line) => line.startsWith("END ")).map((line) => line.slice(4));
    assert.equal(turns.join(" "), fixed.join(" "), `seed ${seed}: ${lines.join(" | ")}`);
  }
});
