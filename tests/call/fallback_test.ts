import assert from "node:assert/strict";
import { test } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

const CONFIG = {
  fallback: { transferTo: "desk" },
  tools: [{ name: "transfer_call", to: { desk: { number: "+15550142" } } }],
};
/** The clock of these tests stands at another time. */
const CLOSED = "Mon 00:00-00:01";
const DOWN = { pipeline: { think: [{ provider: { type: "groq", model: "e503" } }] } };

/** A call whose engine fails for good, from its first answer on or from its beginning. */
async function failing(
  engine: "agent" | "pipeline",
  dialOutcome: "answered" | "no-answer" | "busy",
  config: Record<string, unknown> = CONFIG,
) {
  await using sim = engine === "agent"
    ? await simHouse({ config, agent: { faults: { refuse: 401 } } })
    : await simPipeline({ config, ...DOWN });
  const dials: string[] = [];
  const call = sim.ring({
    dialOutcome,
    steps: [
      { kind: "say", text: "tell me something" },
      { kind: "wait", ms: 15_000 },
      { kind: "say", text: "is anybody there" },
      { kind: "wait", ms: 60_000 },
    ],
    onEvent: (event) => void (event.kind === "verb" && event.text.startsWith("<Dial>") && dials.push(event.text)),
    limitMs: 200_000,
  });
  const report = await sim.clock.runFor(call.report);
  await sim.clock.run(200_000);
  const heard = report.turns.map((turn) => turn.heard ?? "").join(" ");
  assert.deepEqual(report.offences, []);
  assert.equal(report.endedBy, "server");
  assert.equal(sim.records().length, 1, "one call, one record");
  assert.equal(sim.house.reception.active, 0);
  assert.equal(sim.clock.pending, 0);
  return { dials, heard, record: sim.records()[0]! };
}

/** An agent that is refused at once has the caller told before much else is. */
const TWICE = /went wrong on our side.*went wrong on our side/;
const BETWEEN = /went wrong on our side.*nobody answers there right now.*went wrong on our side/;

for (const engine of ["agent", "pipeline"] as const) {
  test(`${engine}: a call whose engine fails is put through to the fallback, once it was told`, async () => {
    const { dials, heard, record } = await failing(engine, "answered");
    assert.equal(dials.length, 1);
    assert.match(dials[0]!, /\+15550142/);
    assert.match(heard, /something went wrong on our side/);
    assert.equal(record.endReason, "engine-failed");
  });

  test(`${engine}: a fallback outside its hours is not rung`, async () => {
    const tools = [{ name: "transfer_call", to: { desk: { number: "+15550142", hours: CLOSED } } }];
    const { dials, heard } = await failing(engine, "answered", { ...CONFIG, tools });
    assert.deepEqual(dials, []);
    assert.match(heard, /something went wrong on our side/);
  });

  for (const outcome of ["no-answer", "busy"] as const) {
    test(`${engine}: a fallback that is ${outcome} is rung once; then the caller hears an apology, and the call ends`, async () => {
      const { dials, heard, record } = await failing(engine, outcome);
      assert.equal(dials.length, 1);
      assert.match(heard, engine === "agent" ? TWICE : BETWEEN);
      assert.equal(record.endReason, "engine-failed");
    });
  }
}
