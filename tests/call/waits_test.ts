import assert from "node:assert/strict";
import type { CallDeadlines } from "../../lib/call/live_call.ts";
import { Waits } from "../../lib/call/waits.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import type { AgentSession } from "../../lib/rehearsal/agent_session.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { test } from "../case.ts";
import { CEILING_MS, listeningDial, Waiting } from "../faults/lab.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simHouse, type SimOptions, STORY } from "../sim/house.ts";
import { noticesOf, simPipeline } from "../sim/pipeline.ts";

const LOOK = {
  name: "look",
  description: "Looks.",
  parameters: { type: "object", properties: {} },
  http: { url: "https://tools.test/look", timeoutMs: 9000 },
};
const SLOWLY = { say: "That is finished.", thinkMs: 6000 };
const ASK: Step[] = [{ kind: "say", text: "is there a table" }, { kind: "wait", ms: 15_000 }];

/** Calls the tool, with `preface`, and is slow to tell what came of it. */
const looks = (preface: string): Brain => ({ history }) =>
  history.at(-1)?.role === "function"
    ? SLOWLY
    : { ...(preface ? { say: preface } : {}), call: { name: "look", arguments: {} } };

const CASES: [what: string, agent: SimOptions["agent"], config: SimOptions["config"], steps?: Step[]][] = [
  ["a line of ours for a quick tool", { think: looks("") }, {
    tools: [{ ...LOOK, whileWaiting: "Let me look at the calendar." }],
  }],
  ["words of the agent about its tool", { think: looks("Let me look."), rateX: 20 }, { tools: [LOOK] }],
  ["an announcement that sounds when its tool has run", {
    think: looks("Let me look."),
    faults: { slowFirstByteMs: 400 },
  }, { tools: [LOOK] }],
  ["a notice that he spoke into", { think: () => SLOWLY }, {
    privacy: { recording: true },
    lines: { recordingNotice: "This call is recorded so that we can serve you better every single day." },
  }, [{ kind: "interrupt", text: "is there a table", afterMs: 300 }, { kind: "wait", ms: 15_000 }]],
  [
    "an interruption that is long in being understood",
    {
      think: ({ said }) => said.includes("table") ? SLOWLY : { say: STORY },
      confirmMs: 960,
    },
    {},
    [
      { kind: "say", text: "tell me something" },
      { kind: "interrupt", text: "no is there a table", afterMs: 1500 },
      { kind: "wait", ms: 15_000 },
    ],
  ],
];

for (const [what, agent, config, steps = ASK] of CASES) {
  test(`a caller who waits for a slow answer behind ${what} is not left in silence`, async () => {
    await using sim = await simHouse({
      config: { silence: { promptAfterMs: 60_000 }, ...config },
      agent: { ...agent, slowThinkMs: 1000 },
      resolve: () => Promise.resolve(["93.184.216.34"]),
      toolFetch: () =>
        new Promise((resolve) =>
          void sim.clock.after(what.startsWith("words") ? 6000 : 50, () => resolve(new Response("nine")))
        ),
    });
    const waiting = new Waiting(() => sim.clock.monotonicMs());
    const call = sim.ring({
      steps,
      dial: listeningDial(sim.phoneDial, {
        now: () => sim.clock.monotonicMs(),
        begins: () => waiting.end(),
        ended: (atMs) => waiting.begin(atMs),
      }),
      onSlot: (slot, _atMs, tags) => waiting.slot(slot.playedBytes > 0, tags.map(({ words }) => words).join("")),
    });
    await sim.clock.runFor(call.report);
    assert.match(waiting.heard, /That is finished\./);
    assert.ok(waiting.longestMs <= CEILING_MS, `${waiting.longestMs} ms of silence: ${waiting.heard}`);
    assert.equal(sim.agent.sessions.length, 1, "the agent was not given up");
  });
}

test("a caller who has pressed keys waits no longer for a sign than one who has spoken", async () => {
  await using sim = await simHouse({ agent: { think: () => SLOWLY } });
  const call = sim.ring({ steps: [{ kind: "dtmf", keys: "12" }, { kind: "wait", ms: 9000 }] });
  await sim.clock.runFor(call.report);
  const pressed = noticesOf(sim.notices, "digit").at(-1)!;
  const [filler] = noticesOf(sim.notices, "reply-started").filter(({ source }) => source === "line");
  assert.ok(filler!.atMs - pressed.atMs <= CEILING_MS, `${filler!.atMs - pressed.atMs} ms`);
});

test("a greeting that comes after the caller's first words is not their answer: he is told to wait, and they are asked again", async () => {
  let questions = 0;
  const think: Brain = () => ++questions === 1 ? { say: "Too late.", thinkMs: 60_000 } : { say: "That is finished." };
  await using sim = await simHouse({ agent: { think, slowThinkMs: 60_000 } });
  const call = sim.ring({ steps: [{ kind: "wait", ms: 16_000 }] });
  await sim.clock.runUntil(() => noticesOf(sim.notices, "engine-ready").length > 0);
  const session = sim.agent.sessions[0]!;
  session.callerSays("is there a table", 100);
  await sim.clock.runUntil(() => noticesOf(sim.notices, "caller-text").length > 0);
  session.sendRaw(
    JSON.stringify({ type: "ConversationText", role: "assistant", content: "Welcome to the clinic today." }),
  );
  session.sendRaw(new Uint8Array(12_000).fill(0x20));
  session.sendRaw(JSON.stringify({ type: "AgentAudioDone" }));
  await sim.clock.runFor(call.report);
  const [greeted] = noticesOf(sim.notices, "reply-heard");
  const [filler] = noticesOf(sim.notices, "reply-started").filter(({ source }) => source === "line");
  assert.ok(filler!.atMs - greeted!.atMs <= CEILING_MS, `${filler!.atMs - greeted!.atMs} ms of silence`);
  assert.match(sim.records()[0]!.transcript.map(({ text }) => text).join(" "), /That is finished\./);
});

for (
  const [what, noise] of [
    ["is not heard by anybody else", (session) => session.sendRaw(JSON.stringify({ type: "UserStartedSpeaking" }))],
    ["makes the agent take its call back", (session) => session.falseStart()],
  ] satisfies [string, (session: AgentSession) => void][]
) {
  test(`some noise that ${what} leaves a caller who waits for a tool in silence for no longer`, async () => {
    let asked = 0;
    const think: Brain = ({ history }) =>
      history.at(-1)?.role === "function"
        ? { say: "That is finished." }
        : { ...(asked++ === 0 ? { say: "Let me look." } : {}), call: { name: "look", arguments: {} } };
    await using sim = await simHouse({
      config: { tools: [LOOK] },
      agent: { think, rateX: 20 },
      resolve: () => Promise.resolve(["93.184.216.34"]),
      toolFetch: () => new Promise((resolve) => void sim.clock.after(8000, () => resolve(new Response("nine")))),
    });
    const isAnswered = () => noticesOf(sim.notices, "reply-text").some(({ text }) => text === "That is finished.");
    let quietMs = 0;
    let longestMs = 0;
    const call = sim.ring({
      steps: [{ kind: "say", text: "is there a table" }, { kind: "wait", ms: 25_000 }],
      onSlot(slot) {
        quietMs = slot.playedBytes > 0 ? 0 : quietMs + 20;
        const [tool] = noticesOf(sim.notices, "tool-call");
        if (tool && !isAnswered()) longestMs = Math.max(longestMs, quietMs);
      },
    });
    await sim.clock.runUntil(() => noticesOf(sim.notices, "reply-heard").length > 1);
    await sim.clock.run(200);
    noise(sim.agent.sessions[0]!);
    await sim.clock.runFor(call.report);
    assert.ok(isAnswered());
    assert.ok(longestMs <= CEILING_MS, `${longestMs} ms of silence`);
  });
}

test("a caller whose recogniser fell silent in mid-utterance, and whose model is slow, is not left in silence", async () => {
  await using sim = await simPipeline({
    config: { silence: { promptAfterMs: 60_000 } },
    brain: () => ({ text: "Yes, until six finished." }),
    chat: { firstTokenMs: 2000 },
  });
  const waiting = new Waiting(() => sim.clock.monotonicMs());
  let armed = false;
  const call = sim.ring({
    steps: [{ kind: "wait", ms: 500 }, { kind: "say", text: "and another thing" }, { kind: "wait", ms: 6000 }],
    dial: listeningDial(sim.phoneDial, {
      now: () => sim.clock.monotonicMs(),
      begins() {
        if (armed) return;
        armed = true;
        sim.clock.after(800, () => sim.dials["deepgram-listen"].pairs.at(-1)!.client.stall());
      },
      ended: (atMs) => waiting.begin(atMs),
    }),
    onSlot: (slot, _atMs, tags) => waiting.slot(slot.playedBytes > 0, tags.map(({ words }) => words).join("")),
  });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /until six finished\.$/);
  assert.ok(waiting.longestMs <= CEILING_MS, `${waiting.longestMs} ms of silence`);
});

test("a caller who waits while his agent takes one noise after the other for him is not left in silence", async () => {
  await using sim = await simHouse({ agent: { think: () => ({ say: "Yes, until six finished.", thinkMs: 3000 }) } });
  const waiting = new Waiting(() => sim.clock.monotonicMs());
  const call = sim.ring({
    steps: [{ kind: "say", text: "is there a table" }, { kind: "wait", ms: 8000 }],
    dial: listeningDial(sim.phoneDial, {
      now: () => sim.clock.monotonicMs(),
      begins: () => waiting.end(),
      ended: (atMs) => waiting.begin(atMs),
    }),
    onSlot: (slot, _atMs, tags) => waiting.slot(slot.playedBytes > 0, tags.map(({ words }) => words).join("")),
  });
  await sim.clock.runUntil(() => sim.notices.some((notice) => notice.kind === "caller-text"));
  for (let noises = 0; noises < 2; noises++) {
    await sim.clock.run(700);
    sim.agent.sessions[0]!.falseStart();
  }
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /until six finished\.$/);
  assert.ok(waiting.longestMs <= CEILING_MS, `${waiting.longestMs} ms of silence`);
});

for (const cutMs of [600, 1400, 2400]) {
  test(`a caller whose agent hears nothing more, and is cut ${cutMs} ms after he fell silent, is not left in silence`, async () => {
    await using sim = await simHouse({ agent: { think: () => ({ say: "Yes, until six finished.", thinkMs: 1500 }) } });
    const waiting = new Waiting(() => sim.clock.monotonicMs());
    const agent = () => sim.agentDial.pairs.at(-1)!;
    const call = sim.ring({
      steps: [{ kind: "wait", ms: 1000 }, { kind: "say", text: "is there a table" }, { kind: "wait", ms: 8000 }],
      dial: listeningDial(sim.phoneDial, {
        now: () => sim.clock.monotonicMs(),
        begins: () => agent().client.stall(),
        ended(atMs) {
          waiting.begin(atMs);
          sim.clock.after(atMs + cutMs - sim.clock.monotonicMs(), () => agent().cut());
        },
      }),
      onSlot: (slot, _atMs, tags) => waiting.slot(slot.playedBytes > 0, tags.map(({ words }) => words).join("")),
    });
    const report = await sim.clock.runFor(call.report);
    assert.match(report.turns.at(-1)!.heard!, /until six finished\./);
    assert.ok(waiting.longestMs <= CEILING_MS, `${waiting.longestMs} ms of silence`);
  });
}

test("how long a call waits depends on what the caller did, and when", async () => {
  const clock = new VirtualClock();
  const waits = new Waits(clock, { "silence": 8000, "filler": 1500, "false-start": 700 } as CallDeadlines);
  assert.deepEqual([waits.ms("silence"), waits.ms("filler")], [8000, 1500]);
  waits.bePatient(20_000);
  assert.equal(waits.ms("silence"), 20_000);
  waits.interrupted();
  await clock.run(400);
  waits.callerHeard();
  await clock.run(100);
  assert.deepEqual([waits.ms("false-start"), waits.isInterruption], [600, true]);
  await clock.run(600);
  assert.deepEqual([waits.isInterruption, waits.ms("filler", true)], [false, 800]);
  waits.interrupted();
  await clock.run(10_000);
  waits.callerHeard();
  assert.equal(waits.isInterruption, false, "however much noise the caller makes");
  waits.keyPressed();
  await clock.run(1000);
  assert.deepEqual([waits.ms("filler"), waits.ms("silence")], [1300, 8000]);
  await clock.run(1300);
  assert.equal(waits.ms("filler"), 1500);
});
