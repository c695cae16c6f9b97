import assert from "node:assert/strict";
import { test } from "../case.ts";
import { simHouse } from "../sim/house.ts";

test("a call is greeted, answered and recorded from ring to hang-up", async () => {
  await using sim = await simHouse();
  const call = sim.ring({ steps: [{ kind: "say", text: "who are you" }] });
  const report = await sim.clock.runFor(call.report);
  assert.deepEqual(report.offences, []);
  assert.equal(report.endedBy, "caller");
  assert.match(report.turns[0]!.heard!, /^Welcome to the clinic today\.$/);
  assert.match(report.turns[1]!.heard!, /AI/);
  assert.equal(report.staleFrames, 0);
  assert.equal(report.lostFrames, 0);
  await sim.clock.run(2000);
  const [record] = sim.records();
  assert.equal(record!.endReason, "caller-hung-up");
  assert.equal(sim.house.reception.active, 0);
  assert.deepEqual(record!.transcript.map(({ who }) => who), ["agent", "caller", "agent"]);
  assert.equal(record!.eventsLost, 0);
});
