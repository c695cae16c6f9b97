import assert from "node:assert/strict";
import { DailyMinutes } from "../../lib/call/daily.ts";
import { test } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { noticesOf as of } from "../sim/pipeline.ts";

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
  assert.deepEqual(
    Object.keys(record!.models),
    ["think"],
    "an agent is priced by the minute, what finds facts by tokens",
  );
});

test("the times that the agent tells belong to the reply that follows, and are told once", async () => {
  await using sim = await simHouse({});
  const call = sim.ring({ steps: [{ kind: "say", text: "are you open" }, { kind: "wait", ms: 3000 }] });
  await sim.clock.runFor(call.report);
  const [greeting, answer] = sim.records()[0]!.transcript.filter(({ who }) => who === "agent");
  assert.equal(greeting!.parts, undefined);
  assert.deepEqual(Object.keys(answer!.parts ?? {}).sort(), ["model", "stt", "total", "voice"]);
  assert.equal(of(sim.notices, "latency").length, 1);
});

test("a call that fails by a mistake of ours is told to be over, and costs no more minutes", async () => {
  await using sim = await simHouse({
    config: { privacy: { recording: true }, lines: { recordingNotice: "This call is recorded." } },
    record: () => () => {
      throw new Error("a mistake of ours");
    },
  });
  const minutes = new DailyMinutes({ clock: sim.clock, timezone: () => "UTC" });
  const push = sim.notices.push.bind(sim.notices);
  sim.notices.push = (...notices) => (notices.forEach((notice) => minutes.observe(notice)), push(...notices));
  const errors: string[] = [];
  const heard = (event: ErrorEvent) => (event.preventDefault(), errors.push(event.message));
  globalThis.addEventListener("error", heard);
  const call = sim.ring({ steps: [{ kind: "wait", ms: 1000 }] });
  await sim.clock.runFor(call.report);
  await sim.clock.run(3_600_000);
  globalThis.removeEventListener("error", heard);
  const sessions = sim.agent.sessions.map(({ phase }) => phase);
  assert.deepEqual(
    [
      of(sim.notices, "call-ended").map(({ reason }) => reason),
      minutes.used < 1,
      sessions.filter((phase) => phase !== "closed"),
      sim.clock.pending,
    ],
    [["internal-error"], true, [], 0],
    `${minutes.used} minutes used; ${errors}`,
  );
});

for (const asks of [true, false]) {
  test(`a drain ends ${asks ? "once" : "though never"} the carrier has asked about the stream that was let go`, async () => {
    await using sim = await simHouse({ lineWeather: { delayMs: 60 } });
    const { reception } = sim.house;
    const call = sim.ring({ steps: [{ kind: "wait", ms: 60_000 }] });
    await sim.clock.run(6000);
    const told: string[] = [];
    const afterStream = reception.afterStream.bind(reception);
    reception.afterStream = (callSid, status) => {
      told.push("asked");
      return asks ? afterStream(callSid, status) : { kind: "hang-up" };
    };
    const drained = reception.drain(0).then(() => void told.push("drained"));
    await sim.clock.runFor(drained, 20_000);
    await sim.clock.runFor(call.report);
    assert.deepEqual(told, ["asked", "drained"]);
  });
}
