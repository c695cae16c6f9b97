import assert from "node:assert/strict";
import { sleep } from "../../lib/base/clock.ts";
import { test } from "../case.ts";
import { type SimHouse, simHouse, storyBrain } from "../sim/house.ts";
import { noticesOf as of } from "../sim/pipeline.ts";

/** A carrier without a voice: what it posts, and its sockets. */
function carrier(sim: SimHouse) {
  const post = async (callSid: string, From = "+15550100") => {
    const body = new URLSearchParams({ CallSid: callSid, From, To: "+15550101" });
    const response = await sim.fetch(new Request("http://localhost:5000/incoming-call", { method: "POST", body }));
    return await response.text();
  };
  const open = async () => {
    const dialled = await sim.phoneDial({ peer: "twilio", url: "ws://x", headers: {} }, new AbortController().signal);
    if (!dialled.ok) return undefined;
    const wire = dialled.value;
    let closed = false;
    wire.listen({
      text: (text) => text.includes('"mark"') && wire.send(text), // it is there, though silent
      binary: () => {},
      close: () => void (closed = true),
      crashed: assert.fail,
    });
    return { wire, closed: () => closed };
  };
  const begin = async (callSid: string) => {
    await post(callSid);
    const line = (await open())!;
    const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
    const start = { callSid, mediaFormat, customParameters: {} };
    line.wire.send(JSON.stringify({ event: "start", streamSid: "MZ1", start }));
    await sim.clock.run(1000);
    return line;
  };
  return { post, open, begin };
}

test("so many sockets may wait for their start; one more is turned away, and has a place once one of them is gone", async () => {
  await using sim = await simHouse();
  const { open } = carrier(sim);
  const lines = [];
  for (let n = 0; n < 64; n++) lines.push((await open())!);
  assert.equal(await open(), undefined);
  assert.deepEqual(sim.refusals, ["sockets-before-start"]);
  lines[0]!.wire.close(1000);
  await sim.clock.run(100);
  assert.ok(await open());
  await sim.clock.run(12_000);
  assert.ok(lines.every(({ closed }) => closed()));
});

test("a webhook that the carrier repeats counts once for its caller", async () => {
  const LIVE = { PUBLIC_HOST: "agent.example.com", DEEPGRAM_API_KEY: "key" };
  await using sim = await simHouse({ env: LIVE, config: { limits: { callsPerCallerPerHour: 2 } } });
  const { post } = carrier(sim);
  for (let n = 0; n < 5; n++) assert.match(await post("CA1"), /<Stream/);
  assert.match(await post("CA2"), /<Stream/);
  assert.match(await post("CA3"), /<Hangup/);
  assert.deepEqual(sim.refusals, ["caller-limit"]);
  await sim.clock.run(20_000);
  assert.deepEqual(sim.refusals.slice(1), ["unclaimed CA1", "unclaimed CA2"]);
});

test("a drain does not wait for a call that was announced and never comes; its agent is let go", async () => {
  await using sim = await simHouse();
  await carrier(sim).post("CA1");
  await sim.clock.run(1000);
  const fromMs = sim.clock.monotonicMs();
  await sim.clock.runFor(sim.house.reception.drain(0));
  assert.ok(sim.clock.monotonicMs() - fromMs < 200, `${sim.clock.monotonicMs() - fromMs} ms`);
  await sim.clock.run(2000);
  assert.deepEqual(sim.agent.sessions.map(({ phase }) => phase), ["closed"]);
  assert.equal(sim.clock.pending, 0);
});

test("a call that was announced before a drain still gets its stream", async () => {
  await using sim = await simHouse();
  const { post, open, begin } = carrier(sim);
  await post("CA1");
  const drained = sim.house.reception.drain(20_000);
  assert.ok(!(await begin("CA1")).closed());
  assert.equal(sim.house.reception.active, 1);
  assert.equal(await open(), undefined, "nobody else is awaited");
  assert.match(await post("CA2"), /<Hangup/);
  await sim.clock.runFor(drained, 40_000);
});

for (const others of [0, 1]) {
  test(`a call whose line breaks during a drain comes back, and the drain waits for it: ${others} others`, async () => {
    await using sim = await simHouse();
    const steps = [{ kind: "wait", ms: 12_000 }, { kind: "say", text: "my last words" }] as const;
    const call = sim.ring({ steps });
    const line = sim.phoneDial.pairs.length;
    await sim.clock.run(2000);
    if (others > 0) await carrier(sim).begin("CA1");
    const drained = sim.house.reception.drain(60_000);
    sim.phoneDial.pairs[line]!.cut();
    await sim.clock.runFor(call.report);
    assert.deepEqual(of(sim.notices, "call-resumed").map(({ why }) => why), ["line-lost"]);
    assert.match(JSON.stringify(sim.records()[0]!.transcript), /my last words/);
    const fromMs = sim.clock.monotonicMs();
    await sim.clock.runFor(drained, 80_000);
    if (others === 0) assert.ok(sim.clock.monotonicMs() - fromMs < 3000);
  });
}

test("a call that a transfer has ended is over, and one that the full house cannot take back is let go", async () => {
  const tools = [{ name: "transfer_call", to: { desk: { number: "+15550142", hours: "daily 00:00-24:00" } } }];
  const config = { timezone: "UTC", tools, fallback: { transferTo: "desk" }, limits: { callsAtOnce: 1 } };
  for (const [dialStatus, isFull] of [["completed", false], ["no-answer", true]] as const) {
    await using sim = await simHouse({ config, agent: { faults: { refuse: 401 } } });
    const { begin, post } = carrier(sim);
    await begin("CA1");
    await sim.clock.run(8000);
    const { reception } = sim.house;
    assert.equal(reception.afterStream("CA1", undefined).kind, "dial");
    if (isFull) await post("CA2");
    assert.deepEqual(reception.afterStream("CA1", dialStatus), { kind: "hang-up" });
    await sim.clock.run(10);
    assert.equal(of(sim.notices, "call-over").length, 1, dialStatus);
    assert.deepEqual(of(sim.notices, "call-resumed"), []);
    await sim.clock.run(20_000);
  }
});

test("a stream whose end the carrier notices before us ends at once, and the call comes back beside it", async () => {
  await using sim = await simHouse();
  const { begin } = carrier(sim);
  const line = await begin("CA1");
  assert.deepEqual(sim.house.reception.afterStream("CA1", undefined), { kind: "connect" });
  await sim.clock.run(100);
  assert.deepEqual(of(sim.notices, "call-ended").map(({ reason }) => reason), ["line-lost"]);
  assert.ok(line.closed());
  assert.equal(of(sim.notices, "call-over").length, 0, "it may come back");
  await sim.clock.run(20_000);
  assert.equal(of(sim.notices, "call-over").length, 1);
});

test("a call whose line broke is over as soon as the carrier says so, not when it could not come back any more", async () => {
  await using sim = await simHouse();
  const line = await carrier(sim).begin("CA1");
  line.wire.terminate();
  await sim.clock.run(500);
  assert.equal(of(sim.notices, "call-over").length, 0);
  sim.house.reception.over("CA1");
  await sim.clock.run(10);
  assert.equal(of(sim.notices, "call-over").length, 1);
  assert.equal(sim.clock.pending, 0);
});

/** Long enough to be talked into. */
const GOODBYE =
  "We have to leave you now, as this office is about to close for today. Thank you very much for calling us.";

test("a call whose line broke is over half a minute later, if it does not come back", async () => {
  await using sim = await simHouse();
  const line = await carrier(sim).begin("CA1");
  line.wire.terminate();
  await sim.clock.run(29_000);
  assert.equal(of(sim.notices, "call-over").length, 0);
  await sim.clock.run(2000);
  assert.equal(of(sim.notices, "call-over").length, 1);
  assert.deepEqual(sim.house.reception.afterStream("CA1", undefined), { kind: "hang-up" });
});

test("a common question into the goodbye is answered by no route: the call ends", async () => {
  const routes = [{ name: "pricing", utterances: ["how much is it"], text: "Ninety dollars altogether." }];
  await using sim = await simHouse({
    config: { routes, lines: { goodbye: GOODBYE } },
  });
  const call = sim.ring({
    steps: [{ kind: "wait", ms: 3000 }, { kind: "say", text: "how much is it", now: true }, { kind: "wait", ms: 9000 }],
  });
  await sim.clock.runUntil(() => of(sim.notices, "caller-spoke").length > 0);
  const drained = sim.house.reception.drain(0);
  await sim.clock.runFor(call.report);
  await sim.clock.runFor(drained);
  assert.ok(of(sim.notices, "caller-text").some(({ text }) => text === "how much is it"), "it was understood");
  assert.deepEqual(of(sim.notices, "routed"), []);
});

test("a tool that outlives its call is told to nobody, and nothing is said to be lost", async () => {
  await using sim = await simHouse({
    config: { tools: [{ name: "take_message" }] },
    agent: { think: () => ({ call: { name: "take_message", arguments: { message: "the boiler leaks" } } }) },
    takeMessage: async () => {
      await sleep(sim.clock, 4000);
      return { ok: true, value: undefined };
    },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "tell them something" }] });
  await sim.clock.runUntil(() => of(sim.notices, "tool-call").length > 0);
  sim.phoneDial.pairs.at(-1)!.client.send(JSON.stringify({ event: "stop" }));
  await sim.clock.runFor(call.report);
  await sim.clock.run(10_000);
  const at = (kind: string) => sim.notices.findIndex((notice) => notice.kind === kind);
  assert.ok(at("call-ended") >= 0 && at("tool-result") > at("call-ended"), "the tool had its result before");
  assert.equal(of(sim.notices, "event-lost").some(({ event }) => event === "tool-call"), false);
});

for (const [who, said, asked] of [["we", "goodbye", 1], ["the caller", "who are you", 0]] as const) {
  test(`the carrier is asked ${asked ? "once" : "nothing"} about a call that ${who} ended`, async () => {
    const calls: string[] = [];
    await using sim = await simHouse({
      config: { tools: [{ name: "end_call" }] },
      confirmEnded: (callSid) => Promise.resolve((calls.push(callSid), "completed")),
    });
    const call = sim.ring({ steps: [{ kind: "say", text: said }, { kind: "wait", ms: asked ? 20_000 : 500 }] });
    const { callSid } = await sim.clock.runFor(call.report);
    await sim.clock.run(5000);
    assert.deepEqual(calls, Array(asked).fill(callSid));
    assert.deepEqual(of(sim.notices, "carrier-confirmed").map(({ status }) => status), Array(asked).fill("completed"));
  });
}

test("a session that hangs gives its place back in the end, and is told to be over", async () => {
  await using sim = await simHouse({
    config: { limits: { callMinutes: 0.5 } },
    dial: () => () => new Promise(() => {}),
  });
  const line = await carrier(sim).begin("CA1");
  await sim.clock.run(100_000);
  assert.ok(line.closed());
  assert.equal(sim.house.reception.active, 1, "its agent never closes");
  await sim.clock.run(60_000);
  assert.equal(sim.house.reception.active, 0);
  assert.equal(of(sim.notices, "call-over").length, 1);
});

test("the frames of a call are counted, both ways", async () => {
  await using sim = await simHouse({ agent: { think: storyBrain, rateX: 20 } });
  const call = sim.ring({
    steps: [
      { kind: "say", text: "tell me something" },
      { kind: "interrupt", text: "tell me something else please", afterMs: 1000 },
      { kind: "wait", ms: 1000 },
    ],
  });
  const report = await sim.clock.runFor(call.report);
  assert.equal(of(sim.notices, "reply-interrupted").length, 1);
  const [ended] = of(sim.notices, "call-ended");
  const frames = report.durationMs / 20;
  assert.ok(Math.abs(ended!.framesIn - frames) < 30, `${ended!.framesIn} in, ${frames} were`);
  const spokenMs = report.turns.reduce((sum, { heardMs }) => sum + heardMs, 0);
  assert.ok(Math.abs(ended!.framesOut - spokenMs / 20) < 30, `${ended!.framesOut} out, ${spokenMs / 20} were`);
});
