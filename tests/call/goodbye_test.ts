import assert from "node:assert/strict";
import type { Step } from "../../lib/softphone/steps.ts";
import { test } from "../case.ts";
import { simHouse, type SimOptions } from "../sim/house.ts";
import { noticesOf, simPipeline } from "../sim/pipeline.ts";

const FAREWELL = "Goodbye then and thank you very much for calling us.";
const GOODBYE = "Thank you for calling. Goodbye.";
const LONG_GOODBYE = "We have to close for today so thank you very much for calling us and goodbye.";
const END_CALL = [{ name: "end_call", arguments: {} }];
const CONFIG = { tools: [{ name: "end_call" }], silence: { promptAfterMs: 60_000 } };

/** Ends the call with `words` when it hears "bye", and answers anything else. */
function houseOf(engine: "agent" | "pipeline", words: string, config: SimOptions["config"] = {}) {
  const file = { ...CONFIG, ...config };
  if (engine === "agent") {
    return simHouse({
      config: file,
      agent: {
        rateX: 1.2,
        think: ({ said, history }) =>
          history.at(-1)?.role === "function"
            ? {}
            : said === "bye"
            ? { ...(words ? { say: words } : {}), call: END_CALL[0]! }
            : { say: "There is plenty to tell about that." },
      },
    });
  }
  return simPipeline({
    config: file,
    brain: (messages) => {
      const { role, content } = messages.at(-1)!;
      if (role === "tool") return {};
      if (content === "bye") return { text: words, calls: END_CALL };
      return { text: "There is plenty to tell about that." };
    },
  });
}

const hush = (ms: number): Step => ({ kind: "wav", name: "hush", audio: new Uint8Array(ms * 8).fill(0xFF), now: true });
const INTO: Step[] = [{ kind: "interrupt", text: "one more question please", afterMs: 500 }, {
  kind: "wait",
  ms: 20_000,
}];

for (const engine of ["agent", "pipeline"] as const) {
  test(`${engine}: a caller who speaks into the goodbye hears it out, and nothing new begins`, async () => {
    await using sim = await houseOf(engine, FAREWELL);
    const call = sim.ring({ steps: [{ kind: "say", text: "bye" }, ...INTO] });
    const report = await sim.clock.runFor(call.report);
    const heard = report.turns.map(({ heard }) => heard).join(" ").trim();
    // An agent falls silent for the caller: then the rest of its goodbye is ours.
    assert.match(heard, engine === "agent" ? /Goodbye then and thank .*Goodbye\.$/ : new RegExp(`${FAREWELL}$`));
    assert.ok(noticesOf(sim.notices, "caller-text").some(({ text }) => text.startsWith("one more")), "it was heard");
    const said = noticesOf(sim.notices, "reply-heard").at(-1)!.atMs;
    const ended = noticesOf(sim.notices, "call-ended").at(-1)!.atMs;
    assert.ok(ended - said < 1500, `${ended - said} ms until the line was let go`);
  });

  test(`${engine}: a caller who speaks into our own goodbye hears it out, and nothing new begins`, async () => {
    await using sim = await houseOf(engine, FAREWELL, { lines: { goodbye: LONG_GOODBYE } });
    const call = sim.ring({ steps: [hush(3000), { kind: "say", text: "one more question", now: true }, hush(20_000)] });
    await sim.clock.runUntil(() => noticesOf(sim.notices, "reply-heard").length === 1);
    const drained = sim.house.reception.drain(0);
    const report = await sim.clock.runFor(call.report);
    await sim.clock.runFor(drained);
    const heard = report.turns.map(({ heard }) => heard).join(" ").trim();
    assert.ok(heard.endsWith(LONG_GOODBYE), heard);
  });

  test(`${engine}: a call that a model ends without a word says goodbye first`, async () => {
    await using sim = await houseOf(engine, "");
    const call = sim.ring({ steps: [{ kind: "say", text: "bye" }, { kind: "wait", ms: 20_000 }] });
    const report = await sim.clock.runFor(call.report);
    const { heard, replyMs } = report.turns.at(-1)!;
    assert.equal(heard, GOODBYE);
    assert.ok(replyMs! < 2500, `${replyMs} ms`);
    assert.equal(sim.records()[0]!.endReason, "agent-hung-up");
  });
}

test("pipeline: a filler that sounds when a model ends the call without a word is no goodbye", async () => {
  await using sim = await simPipeline({
    config: CONFIG,
    brain: (messages) => messages.at(-1)!.role === "tool" ? {} : { calls: END_CALL },
    chat: { firstTokenMs: 1500 },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "bye" }, { kind: "wait", ms: 20_000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.turns.at(-1)!.heard, `One moment. ${GOODBYE}`);
});

test("pipeline: after a route that hangs up, the answer to an earlier question is not heard any more", async () => {
  const look = { name: "look", description: "Looks.", parameters: { type: "object", properties: {} } };
  await using sim = await simPipeline({
    config: {
      ...CONFIG,
      routes: [{ name: "stop", utterances: ["take me off your list"], text: "You are off the list.", then: "hangup" }],
      tools: [{ ...look, http: { url: "https://tools.test/look" } }],
    },
    brain: (messages) =>
      messages.some(({ role }) => role === "tool")
        ? { text: "Nine is free." }
        : { calls: [{ name: "look", arguments: {} }] },
    tool: (_, clock) => new Promise((resolve) => void clock.after(2500, () => resolve("nine"))),
  });
  const call = sim.ring({
    steps: [
      { kind: "say", text: "is nine free" },
      {
        kind: "wav",
        name: "hush",
        audio: new Uint8Array(8000).fill(0xFF),
        now: true,
      },
      { kind: "say", text: "take me off your list", now: true },
      { kind: "wait", ms: 20_000 },
    ],
  });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /You are off the list\.$/);
  assert.equal(sim.records()[0]!.endReason, "agent-hung-up");
});

test("agent: one that is lost in its goodbye has ours said for it, and the line is let go", async () => {
  await using sim = await houseOf("agent", FAREWELL);
  const call = sim.ring({ steps: [{ kind: "say", text: "bye" }, { kind: "wait", ms: 20_000 }] });
  await sim.clock.runUntil(() => noticesOf(sim.notices, "reply-first-sent").length === 2);
  await sim.clock.run(500);
  const cutMs = sim.clock.monotonicMs();
  sim.agentDial.pairs.at(-1)!.cut();
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /^Goodbye then .*Thank you for calling\. Goodbye\.$/);
  assert.ok(sim.clock.monotonicMs() - cutMs < 4000);
  assert.equal(sim.agent.sessions.length, 1);
});

for (const lost of [false, true]) {
  test(`agent: what it begins for a caller who goes on into our goodbye comes to nothing (lost then: ${lost})`, async () => {
    const look = { name: "look", description: "Looks.", parameters: { type: "object", properties: {} } };
    const asked: string[] = [];
    await using sim = await simHouse({
      config: {
        ...CONFIG,
        lines: { goodbye: LONG_GOODBYE },
        tools: [{ ...look, whileWaiting: "Let me look.", http: { url: "https://tools.test/look" } }],
      },
      agent: {
        confirmMs: 600, // its calls come before
        think: ({ history }) =>
          history.at(-1)?.role === "function" ? { say: "Nine is free." } : { call: { name: "look", arguments: {} } },
      },
      resolve: () => Promise.resolve(["93.184.216.34"]),
      toolFetch: ({ url }) => {
        asked.push(url);
        return Promise.resolve(new Response("nine"));
      },
    });
    const call = sim.ring({ steps: [hush(2000), { kind: "say", text: "is there a table", now: true }, hush(20_000)] });
    await sim.clock.runUntil(() => noticesOf(sim.notices, "caller-spoke").length > 0);
    const drained = sim.house.reception.drain(0);
    await sim.clock.run(2000);
    if (lost) sim.agentDial.pairs.at(-1)!.cut();
    const report = await sim.clock.runFor(call.report);
    await sim.clock.runFor(drained);
    const heard = report.turns.map(({ heard }) => heard).join(" ").trim();
    assert.ok(heard.endsWith(LONG_GOODBYE), heard);
    assert.deepEqual(asked, []);
    assert.equal(sim.agent.sessions.length, 1);
  });
}
