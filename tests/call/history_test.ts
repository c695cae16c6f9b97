import assert from "node:assert/strict";
import { heardOutIn, historyOf, unansweredIn } from "../../lib/call/history.ts";
import type { CallRecord } from "../../lib/call/notice.ts";
import { test } from "../case.ts";
import { STORY } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

type Utterance = CallRecord["transcript"][number];
type Tool = CallRecord["tools"][number];

const caller = (text: string): Utterance => ({ who: "caller", atMs: 1000, text });
const agent = (text: string, more: Partial<Utterance> = {}): Utterance => (
  { who: "agent", atMs: 2000, text, reply: 1, source: "engine", ...more }
);
const WHOLE = { heardMs: 900 };
const CUT = { heardMs: 300, heardText: "We have", interrupted: true };
const RUNS: Tool = { id: "a1", name: "book", atMs: 1500 };
const RAN: Tool = { ...RUNS, tookMs: 400 };

test("what was said is told as it was heard, our neighbouring lines as one", () => {
  const transcript = [
    agent("Welcome.", WHOLE),
    agent("Calls are recorded.", WHOLE),
    caller("any room"),
    agent("We have two.", CUT),
    agent("Never heard.", { heardMs: 0, heardText: "", interrupted: true }),
    agent("On its way."),
    caller(" "),
  ];
  assert.deepEqual(historyOf({ transcript }), [
    { role: "assistant", content: "Welcome. Calls are recorded." },
    { role: "user", content: "any room" },
    { role: "assistant", content: "We have … On its way." },
  ]);
  assert.deepEqual(heardOutIn({ transcript }), ["Welcome.", "Calls are recorded."]);
});

const ANSWERS: [what: string, answers: Utterance[], tools: Tool[], answered: boolean][] = [
  ["nothing", [], [], false],
  ["an answer that was heard to its end", [agent("We have two.", WHOLE)], [], true],
  ["one that was cut", [agent("We have two.", CUT)], [], false],
  ["one that was on its way", [agent("We have two.")], [], false],
  ["a line of ours", [agent("One moment.", { ...WHOLE, source: "line" })], [], false],
  [
    "an answer and a line of ours",
    [agent("Two.", WHOLE), agent("Still there?", { ...WHOLE, source: "line" })],
    [],
    true,
  ],
  ["what a tool brought", [agent("Done.", WHOLE)], [RAN], true],
  ["words before a tool had run", [agent("I will book it.", { ...WHOLE, atMs: 1600 })], [RAN], false],
  ["words while a tool runs still", [agent("I will book it.", WHOLE)], [RUNS], false],
];

for (const [what, answers, tools, answered] of ANSWERS) {
  test(`words that were followed by ${what} are ${answered ? "answered" : "to be asked again"}`, () => {
    const transcript = [agent("Welcome.", WHOLE), caller("hello"), caller("any room"), ...answers];
    assert.equal(unansweredIn({ transcript, tools }), answered ? undefined : "any room");
  });
}

test("who only stopped us is not answered when his line comes back", async () => {
  await using sim = await simPipeline({ brain: () => ({ text: STORY }) });
  const steps = [
    { kind: "say", text: "tell me something" },
    { kind: "interrupt", text: "stop", afterMs: 1500 },
    { kind: "wait", ms: 10_000 },
  ] as const;
  const call = sim.ring({ steps });
  await sim.clock.runUntil(() => sim.notices.some((notice) => notice.kind === "caller-text" && notice.interruption));
  await sim.clock.run(1000);
  sim.phoneDial.pairs.at(-1)!.cut();
  await sim.clock.runFor(call.report);
  const { transcript } = sim.records()[0]!;
  const after = transcript.slice(transcript.findLastIndex(({ who }) => who === "caller"));
  assert.ok(after.length > 1, "he is told that we were cut off");
  assert.deepEqual(after.filter(({ source }) => source === "engine"), []);
});

test("who has said nothing has nothing to be answered", () => {
  assert.equal(unansweredIn({ transcript: [agent("Welcome.", CUT)], tools: [] }), undefined);
});
