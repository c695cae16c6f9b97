import assert from "node:assert/strict";
import { doubts, type Gathered, judged, linesOf, ROWS, stepsOf, valueOf } from "../bench/rows.ts";
import { speedChart, speedTable } from "../bench/table_report.ts";
import { test } from "../case.ts";
import { sample } from "./samples.ts";

const NOTHING: Gathered = { samples: [], capacities: [], starts: [] };

function gathered(more: Partial<Gathered>): Gathered {
  return { ...NOTHING, ...more };
}

/** Ours and the peer's CPU, round by round. */
function rounds(cpu: [ours: number, peer: number][], calls = 100): Gathered["samples"] {
  return cpu.flatMap(([ours, peer], round) => [
    { ...sample({ calls, cpuMsPerCallSecond: ours }), round, purpose: "load" as const },
    { ...sample({ calls, cpuMsPerCallSecond: peer, server: "peer" }), round, purpose: "load" as const },
  ]);
}

test("CPU against the peer is told as ratio of medians and as median of the rounds' ratios", () => {
  const [cpu, ofMedians, ofPairs] = linesOf(["cpu100"], gathered({ samples: rounds([[1, 1], [2, 4], [3, 2]]) }));
  assert.deepEqual([cpu!.ours, cpu!.peer, valueOf(cpu!)], [[1, 2, 3], [1, 4, 2], 2]);
  assert.equal(valueOf(ofMedians!), 1);
  assert.equal(valueOf(ofPairs!), 1);
  assert.deepEqual(ofPairs!.ours, [1, 0.5, 1.5]);
  assert.equal(judged(ofMedians!), "firm");
});

test("a limit is met at the limit itself, from below or from above", () => {
  const line = { row: "", title: "", unit: "", digits: 0, peer: [] };
  const of = (value: number, more: boolean) =>
    judged({ ...line, ours: [value], firm: more ? 350 : 8, aim: more ? 600 : 2, more });
  assert.deepEqual([2, 2.1, 8, 8.1].map((value) => of(value, false)), ["aim", "firm", "firm", "missed"]);
  assert.deepEqual([600, 599, 350, 349].map((value) => of(value, true)), ["aim", "firm", "firm", "missed"]);
  assert.equal(judged({ ...line, ours: [], firm: 1, aim: 1 }), "");
});

test("memory and scaling are made of runs of the same round", () => {
  const samples = [100, 200, 400].map((calls) => ({
    ...sample({ calls, residentKib: 100_000 + calls * 80, cpuMsPerCallSecond: calls === 400 ? 0.9 : 1 }),
    round: 0,
    purpose: "load" as const,
  }));
  const lines = linesOf(["memory", "scaling"], gathered({ samples }));
  assert.deepEqual(lines.map((line) => [line.row, valueOf(line), judged(line)]), [
    ["memory", 80, "firm"],
    ["scaling", 0.9, "firm"],
  ]);
  assert.deepEqual(linesOf(["memory"], gathered({ samples: samples.slice(0, 2) })), []);
});

test("the pipeline is set against the agent engine of the same round, with the speech of both", () => {
  const samples = [
    { ...sample({ cpuMsPerCallSecond: 3, speechShare: 0.7 }), round: 0, purpose: "pipeline" as const },
    { ...sample({ cpuMsPerCallSecond: 2, speechShare: 0.71 }), round: 0, purpose: "pipeline-agent" as const },
    { ...sample({ cpuMsPerCallSecond: 9 }), round: 1, purpose: "pipeline" as const },
  ];
  const lines = linesOf(["pipeline"], gathered({ samples }));
  assert.deepEqual(lines[0]!.ours, [1.5]);
  assert.deepEqual(lines.slice(3).map(({ ours }) => ours[0]), [0.7, 0.71]);
});

test("what was not measured is no zero", () => {
  const none = { n: 0, p50: 0, p99: 0, max: 0 };
  const unheard = { ...sample({ uplinkMs: none, clearMs: none }), round: 0 };
  const samples = [
    { ...unheard, purpose: "load" as const },
    { ...unheard, calls: 300, purpose: "load" as const },
    { ...unheard, purpose: "one-core" as const },
  ];
  assert.deepEqual(linesOf(["latency", "clear", "one-core"], gathered({ samples })), []);
});

test("rows name the steps they need, each once and in one order", () => {
  assert.deepEqual(stepsOf(["capacity", "scaling", "cpu100"]), ["100", "400", "capacity"]);
  assert.equal(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
});

test("a disturbed machine and late phones are doubts", () => {
  const late = { n: 10, p50: 1, p99: 40, max: 50 };
  const samples = [sample(), sample({ othersCores: 0.7 }), sample({ generatorLagMs: late, lost: 1 })]
    .map((each) => ({ ...each, round: 0, purpose: "load" as const }));
  assert.deepEqual(doubts(gathered({ samples })), [
    "In 1 of 3 runs others used up to 0.7 cores: times mean little.",
    "In 1 of 3 runs frames or calls of ours were lost.",
    "In 1 of 3 runs the phones were late themselves, p99 up to 40 ms.",
  ]);
  assert.deepEqual(doubts(gathered({ samples: samples.slice(0, 1) })), []);
});

test("the table has medians, spans and limits; the chart ends at the limit", () => {
  const capacities = [350, 450, 400].map((calls, round) => ({ server: "offhook" as const, round, calls }));
  const lines = linesOf(["capacity"], gathered({ capacities }));
  const [, row] = speedTable(lines).split("\n");
  assert.match(row!, /^calls on one core .*, calls\s+400\s+350-450\s+>= 350\s+>= 600\s+firm$/);
  assert.match(speedChart(lines), /█{13}··\|·{14} 88 %$/);
});
