import assert from "node:assert/strict";
import type { AgentFaults } from "../../lib/rehearsal/agent_faults.ts";
import { test } from "../case.ts";
import { simHouse, storyBrain } from "../sim/house.ts";

const APOLOGY = /I am sorry, something went wrong on our side/;

/** How a call goes when the agent fails in one way: what the caller heard last, why it ended, what the record blames. */
async function callWith(faults: Partial<AgentFaults>, openMs = 0) {
  await using sim = await simHouse({ agent: { faults, think: storyBrain }, agentWeather: { openMs } });
  const call = sim.ring({ steps: [{ kind: "say", text: "tell me something" }, { kind: "wait", ms: 20_000 }] });
  const report = await sim.clock.runFor(call.report);
  await sim.clock.run(20_000);
  assert.equal(sim.house.reception.active, 0);
  assert.equal(sim.clock.pending, 0, "timers are left");
  const [record] = sim.records();
  const heard = report.turns.map((turn) => turn.heard ?? "").join(" ");
  return { report, heard, record: record! };
}

const CASES: Record<string, { faults: Partial<AgentFaults>; blames: RegExp; openMs?: number }> = {
  "a wrong key": { faults: { refuse: 401 }, blames: /refused .*401/ },
  "an account without credit": { faults: { refuse: 402 }, blames: /refused .*402/ },
  "too many sessions": { faults: { refuse: 429, retryAfterSeconds: 5 }, blames: /refused .*429/ },
  "a vendor that is down": { faults: { refuse: 503 }, blames: /refused .*503/ },
  "a socket that opens and says nothing": { faults: { silentAfterOpen: true }, blames: /deadline/ },
  "settings that are never applied": { faults: { neverApply: true }, blames: /deadline/ },
  "settings that are rejected": {
    faults: { error: { code: "INVALID_SETTINGS", at: "settings" } },
    blames: /rejected .*INVALID_SETTINGS/,
  },
  "a socket that is cut in the greeting": {
    faults: { dropMidReply: { reply: 1, afterBytes: 4000 }, dropCode: "cut" },
    blames: /lost .*1006/,
  },
  "a close in mid-answer": {
    faults: { dropMidReply: { reply: 2, afterBytes: 20_000 }, dropCode: 1011 },
    blames: /lost .*1011/,
  },
  "an error in mid-answer": {
    faults: { error: { code: "FAILED_TO_SPEAK", at: "reply" } },
    blames: /rejected .*FAILED_TO_SPEAK/,
  },
  "a model that fails": {
    faults: { error: { code: "FAILED_TO_THINK", at: "turn" } },
    blames: /rejected .*FAILED_TO_THINK/,
  },
};

for (const [name, { faults, blames, openMs }] of Object.entries(CASES)) {
  test(`${name}: the caller hears an apology, the call ends, the record says why`, async () => {
    const { report, heard, record } = await callWith(faults, openMs);
    assert.match(heard, APOLOGY);
    assert.deepEqual(report.offences, []);
    assert.equal(report.endedBy, "server");
    assert.ok(["engine-failed", "engine-not-ready"].includes(record.endReason!), String(record.endReason));
    const fatal = record.faults.filter((fault) => fault.fatal).map(({ fault }) =>
      `${fault.kind} ${JSON.stringify(fault)}`
    );
    assert.match(fatal.join("\n"), blames);
    assert.ok(report.durationMs < 20_000);
  });
}

test("garbage from the agent is counted and survived", async () => {
  const { report, record } = await callWith({ garbage: true });
  assert.equal(report.endedBy, "caller");
  assert.equal(record.endReason, "caller-hung-up");
  assert.ok(record.faults.some(({ fault, fatal }) => fault.kind === "protocol" && !fatal));
});

test("an agent that falls silent does not leave the caller in silence for ever", async () => {
  await using sim = await simHouse({
    agent: { think: () => ({ thinkMs: 600_000 }) },
    config: { silence: { promptAfterMs: 4000 } },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 120_000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /Are you still there\?/);
  assert.match(report.turns.at(-1)!.heard!, /Thank you for calling\. Goodbye\./);
  await sim.clock.run(5000);
  assert.equal(sim.records()[0]!.endReason, "silence");
});

test("a call over its limit is told so half a minute before, and ends with a goodbye", async () => {
  await using sim = await simHouse({
    config: { limits: { callMinutes: 1 }, silence: { promptAfterMs: 500_000 } },
  });
  const call = sim.ring({ steps: [{ kind: "wait", ms: 100_000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /We have to finish in half a minute\. ?Thank you for calling\. Goodbye\./);
  assert.equal(report.endedBy, "server");
  await sim.clock.run(5000);
  assert.equal(sim.records()[0]!.endReason, "time-limit");
});
