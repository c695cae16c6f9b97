import assert from "node:assert/strict";
import type { Fault } from "../../lib/base/result.ts";
import { AgentEngine } from "../../lib/engine/agent.ts";
import type { EngineEvent } from "../../lib/engine/engine.ts";
import { agentRetryMs } from "../../lib/providers/deepgram_agent.ts";
import type { VoiceAgentEvent, VoiceAgentHost } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const LOST: Fault = { kind: "lost", peer: "deepgram-agent", closeCode: 1006, reason: "", openMs: 5000 };
const call = (id: string) => ({ id, name: "find", arguments: "{}" });

/**
 * An engine whose agents do what the test says: what each was told, and what the engine told its call. `routed`: these words
 * have a route.
 */
function rig(given: readonly { role: "user" | "assistant"; content: string }[] = [], routed?: string) {
  const history = [...given];
  const clock = new VirtualClock();
  const agents: { host: VoiceAgentHost; resumed: unknown[] | undefined; told: string[]; closed: boolean }[] = [];
  const events: EngineEvent[] = [];
  const phone = { drained: true };
  const played: [reply: number, bytes: number][] = [];
  let reply = 0;
  const engine: AgentEngine = new AgentEngine({
    clock,
    retryMs: agentRetryMs,
    openAgent(host, resumed) {
      const agent = { host, resumed: resumed && [...resumed], told: [] as string[], closed: false };
      const { told } = agent;
      agents.push(agent);
      return {
        hear: () => {},
        inject: (text) => void told.push(`say: ${text}`),
        injectCaller: (text) => void told.push(`caller: ${text}`),
        functionResult: (id, _name, content) => void told.push(`result: ${id} ${content}`),
        [Symbol.asyncDispose]: () => Promise.resolve(void (agent.closed = true)),
      };
    },
    host: {
      newReply: () => ++reply,
      post(event) {
        events.push(event);
        if (event.kind === "caller-text" && event.text === routed) engine.answered(9, "Ninety dollars.");
      },
      play: (reply, audio) => void played.push([reply, audio.length]),
      drained: () => phone.drained,
      audible: () => false,
      history: () => history,
    },
  });
  const tell = (...events: VoiceAgentEvent[]) => events.forEach((event) => agents.at(-1)!.host.event(event));
  tell({ kind: "ready", requestId: "" });
  return {
    engine,
    clock,
    agents,
    events,
    history,
    phone,
    played,
    tell,
    audio: (bytes = 8000) => agents.at(-1)!.host.audio(new Uint8Array(bytes)),
  };
}

const said = (content: string): VoiceAgentEvent => ({ kind: "text", role: "user", content });

const WAITS: [what: string, events: VoiceAgentEvent[]][] = [
  ["is asked for before the words are confirmed", [{ kind: "function-calls", calls: [call("a")] }, said("any room")]],
  ["runs while the agent warns of something else", [
    said("any room"),
    { kind: "function-calls", calls: [call("a")] },
    { kind: "warning", code: "POOR_AUDIO_QUALITY", detail: "" },
  ]],
  ["runs beside a quick one", [said("any room"), { kind: "function-calls", calls: [call("b"), call("a")] }]],
];

for (const [what, events] of WAITS) {
  test(`an agent whose tool ${what} is not given up while it runs, and is when it then says nothing`, async () => {
    const { engine, clock, agents, tell } = rig();
    await using _engine = engine;
    tell(...events);
    engine.toolResult("b", "find", "quick");
    await clock.run(20_000);
    assert.equal(agents.length, 1);
    engine.toolResult("a", "find", "slow");
    await clock.run(5900);
    assert.equal(agents.length, 1);
    await clock.run(200);
    assert.equal(agents.length, 2);
  });
}

const TOLD = [{ role: "user", content: "any room" }, { role: "assistant", content: "Let me look." }] as const;

for (const before of ["its tool has run", "it tells what its tool brought"]) {
  test(`an agent that said it would look, and is lost before ${before}, is replaced by one that goes on`, async () => {
    const { engine, agents, tell, audio, clock } = rig(TOLD);
    await using _engine = engine;
    tell(said("any room"), { kind: "text", role: "assistant", content: "Let me look." });
    audio();
    tell({ kind: "audio-done" }, { kind: "function-calls", calls: [call("a")] });
    if (before !== "its tool has run") engine.toolResult("a", "find", "a room");
    tell({ kind: "ended", fault: LOST }, { kind: "ready", requestId: "" });
    engine.toolResult("a", "find", "a room");
    await clock.run(1000);
    assert.deepEqual(agents[1]!.told, ["caller: Please go on."]);
  });
}

test("an agent that is asked to go on and is lost, or silent, before it does is replaced by one that is asked again", async () => {
  const { engine, agents, tell, audio, clock } = rig(TOLD);
  await using _engine = engine;
  tell(said("any room"), { kind: "text", role: "assistant", content: "There is one with a view of the sea." });
  audio();
  for (const _ of [1, 2]) tell({ kind: "ended", fault: LOST }, { kind: "ready", requestId: "" });
  assert.deepEqual(agents[2]!.told, ["caller: Please go on."]);
  await clock.run(6100);
  tell({ kind: "ready", requestId: "" });
  assert.deepEqual(agents[3]!.told, ["caller: Please go on."]);
  audio();
  tell({ kind: "audio-done" });
  await clock.run(20_000);
  assert.equal(agents.length, 4);
});

test("an agent that is lost after it told its greeting, and before it sounded, is replaced by one that greets", async () => {
  const { engine, agents, tell } = rig();
  await using _engine = engine;
  tell({ kind: "text", role: "assistant", content: "Welcome." }, { kind: "ended", fault: LOST });
  assert.equal(agents[1]!.resumed, undefined);
  tell({ kind: "ready", requestId: "" });
  assert.deepEqual(agents[1]!.told, []);
});

test("noise that every agent takes for the beginning of speech ends no call", async () => {
  const { engine, clock, agents, events, tell } = rig();
  await using _engine = engine;
  for (let times = 0; times < 6; times++) {
    tell({ kind: "caller-started" });
    await clock.run(4000);
    engine.unanswered();
    tell({ kind: "ready", requestId: "" });
  }
  assert.equal(agents.length, 7, "each was given up");
  assert.ok(!events.some((event) => event.kind === "fault" && event.fatal));
});

test("an agent that drops its answer for some noise is asked once more, and replaced if it is silent again", async () => {
  const { engine, clock, agents, events, tell } = rig();
  await using _engine = engine;
  tell({ kind: "caller-started" }, said("any room"), { kind: "caller-started" });
  await clock.run(3000);
  engine.unanswered();
  assert.deepEqual([agents.length, agents[0]!.told], [1, ["caller: any room"]]);
  tell(said("any room"));
  assert.equal(events.filter(({ kind }) => kind === "caller-text").length, 1, "he said it once");
  await clock.run(3000);
  engine.unanswered();
  assert.equal(agents.length, 2);
});

test("an agent that takes back a call of a tool for some noise is asked to go on", async () => {
  const { engine, clock, agents, tell, audio } = rig(TOLD);
  await using _engine = engine;
  tell(said("any room"), { kind: "text", role: "assistant", content: "Let me look." });
  audio();
  tell({ kind: "audio-done" }, { kind: "function-calls", calls: [call("a")] });
  tell({ kind: "caller-started" }, { kind: "functions-cancelled", ids: ["a"] });
  await clock.run(6100);
  assert.deepEqual([agents.length, agents[0]!.told], [1, ["caller: Please go on."]]);
});

test("what the caller says is told, though it is what we would have said for him", async () => {
  const { engine, events, tell, audio } = rig(TOLD);
  await using _engine = engine;
  const texts = () => events.flatMap((event) => event.kind === "caller-text" ? [event.text] : []);
  tell(said("hello"), said("hello"));
  assert.deepEqual(texts(), ["hello", "hello"]);
  audio();
  tell({ kind: "ended", fault: LOST }, { kind: "ready", requestId: "" }, said("Please go on."));
  assert.deepEqual(texts(), ["hello", "hello"]);
  tell(said("Please go on."));
  assert.deepEqual(texts(), ["hello", "hello", "Please go on."]);
});

test("the caller waits for an agent that takes its time to go on", async () => {
  const { engine, clock, events, phone, tell, audio } = rig(TOLD);
  await using _engine = engine;
  phone.drained = false;
  audio();
  tell({ kind: "ended", fault: LOST }, { kind: "ready", requestId: "" }, said("Please go on."));
  await clock.run(1000);
  assert.ok(!events.some(({ kind }) => kind === "answer-due"));
  phone.drained = true;
  await clock.run(300);
  assert.ok(events.some(({ kind }) => kind === "answer-due"));
});

test("the recogniser's reports while a reply sounds are not of that reply", async () => {
  const { engine, events, tell, audio } = rig();
  await using _engine = engine;
  const report = (parts: Record<string, number>): VoiceAgentEvent => ({ kind: "latency", parts });
  tell(said("hello"), report({ stt: 80 }), report({ stt: 90 }));
  audio();
  tell(report({ stt: 140 }), report({ total: 900 }), report({ stt: 20 }));
  const told = events.flatMap((event) => event.kind === "latency" ? [event.parts] : []);
  assert.deepEqual(told, [{ stt: 90 }, { total: 900 }]);
});

test("keys that are pressed while an agent is replaced are told to the next one", async () => {
  const { engine, clock, agents, tell } = rig(TOLD);
  await using _engine = engine;
  engine.digit("4");
  tell({ kind: "ended", fault: LOST });
  engine.digit("#");
  await clock.run(1000);
  tell({ kind: "ready", requestId: "" });
  await clock.run(1000);
  assert.deepEqual(agents[1]!.told, ["caller: [The caller pressed 4# on the keypad.]"]);
});

for (const [afterMs, replaced] of [[30_000, 3], [90_000, 6]] as const) {
  test(`of six agents that are lost ${afterMs / 1000} s after the one before ${replaced} are replaced`, async () => {
    const { engine, clock, agents, tell } = rig(TOLD);
    await using _engine = engine;
    for (let times = 0; times < 6; times++) {
      await clock.run(afterMs);
      tell({ kind: "ended", fault: LOST }, { kind: "ready", requestId: "" });
    }
    assert.equal(agents.length - 1, replaced);
  });
}

test("the result of a call that the agent has taken back is not sent, and another's is", async () => {
  const { engine, events, agents, tell } = rig();
  await using _engine = engine;
  tell({ kind: "caller-started" }, said("two things"), { kind: "function-calls", calls: [call("a"), call("b")] });
  tell({ kind: "functions-cancelled", ids: ["a"] });
  engine.toolResult("a", "find", "one");
  engine.toolResult("b", "find", "two");
  assert.deepEqual(agents[0]!.told, ["result: b two"]);
  assert.deepEqual(events.slice(-3).map(({ kind }) => kind), ["tool-call", "tool-call", "tool-cancelled"]);
});

test("what a tool has brought is heard, though the agent has taken some noise for the caller meanwhile", async () => {
  const { engine, clock, events, tell, audio } = rig();
  await using _engine = engine;
  tell({ kind: "caller-started" }, said("any room"), { kind: "function-calls", calls: [call("a")] });
  tell({ kind: "caller-started" });
  await clock.run(1500);
  engine.toolResult("a", "find", "nine");
  tell({ kind: "text", role: "assistant", content: "There is, from nine." });
  audio();
  assert.deepEqual(events.slice(-2).map(({ kind }) => kind), ["reply-started", "reply-text"]);
});

test("who is told of a tool whose result is there before that sounds still waits for what it brought", async () => {
  const { engine, clock, agents, events, tell, audio } = rig(TOLD);
  await using _engine = engine;
  tell(said("any room"), { kind: "text", role: "assistant", content: "Let me look." });
  tell({ kind: "function-calls", calls: [call("a")] });
  engine.toolResult("a", "find", "nine");
  audio();
  audio();
  tell({ kind: "audio-done" });
  await clock.run(1000);
  assert.equal(events.at(-1)!.kind, "answer-due");
  tell({ kind: "ended", fault: LOST }, { kind: "ready", requestId: "" });
  await clock.run(1000);
  assert.deepEqual(agents[1]!.told, ["caller: Please go on."]);
});

test("who was told what a tool brought, in the reply that told of it, waits for nothing", async () => {
  const { engine, clock, events, phone, tell, audio } = rig(TOLD);
  await using _engine = engine;
  phone.drained = false;
  tell(said("any room"), { kind: "text", role: "assistant", content: "Let me look." });
  audio();
  tell({ kind: "function-calls", calls: [call("a")] });
  engine.toolResult("a", "find", "nine");
  tell({ kind: "text", role: "assistant", content: "There is, from nine." });
  audio(20_000);
  tell({ kind: "audio-done" });
  phone.drained = true;
  await clock.run(1000);
  assert.ok(!events.some(({ kind }) => kind === "answer-due"));
});

test("who hears words about a tool to their end after some noise waits for what it brought", async () => {
  const { engine, clock, agents, events, tell, audio } = rig(TOLD);
  await using _engine = engine;
  tell(said("any room"), { kind: "text", role: "assistant", content: "Let me look." });
  tell({ kind: "function-calls", calls: [call("a")] });
  engine.toolResult("a", "find", "nine");
  audio();
  tell({ kind: "caller-started" }, { kind: "audio-done" });
  engine.resumed(1, 5);
  await clock.run(3000);
  assert.equal(events.at(-1)!.kind, "answer-due");
  engine.unanswered();
  assert.deepEqual([agents.length, agents[0]!.told.at(-1)], [1, "caller: Please go on."]);
});

test("what the agent wants to do for a turn that a route has answered is not done, and it is told so", async () => {
  const { engine, events, agents, tell } = rig([], "how much is it");
  await using _engine = engine;
  tell({ kind: "caller-started" }, said("how much is it"), { kind: "function-calls", calls: [call("a")] });
  const [injected, refused, ...others] = agents[0]!.told;
  assert.equal(injected, "say: Ninety dollars.");
  assert.match(refused!, /^result: a .*Already handled/);
  assert.deepEqual([others, events.some(({ kind }) => kind === "tool-call")], [[], false]);
  tell({ kind: "caller-started" }, said("book it"), { kind: "function-calls", calls: [call("b")] });
  assert.equal(events.at(-1)!.kind, "tool-call", "the next turn is its own");
});

test("what the agent wants to do for pressed keys is done, though a route has answered the turn before", async () => {
  const { engine, clock, events, agents, tell } = rig([], "how much is it");
  await using _engine = engine;
  tell({ kind: "caller-started" }, said("how much is it"));
  await clock.run(3000);
  engine.digit("#");
  await clock.run(10);
  tell({ kind: "function-calls", calls: [call("a")] }, said("[The caller pressed # on the keypad.]"));
  assert.ok(events.some(({ kind }) => kind === "tool-call"));
  assert.deepEqual(agents[0]!.told.slice(2), []);
});

test("an agent is replaced three times, and the fourth loss is the end; what an old one still says reaches nobody", async () => {
  const { clock, engine, events, agents, tell } = rig();
  await using _engine = engine;
  for (let n = 0; n < 4; n++) {
    tell({ kind: "ready", requestId: "" }, { kind: "ended", fault: LOST });
    await clock.run(10);
  }
  const faults = events.flatMap((event) => event.kind === "fault" ? [event.fatal] : []);
  assert.deepEqual([faults, agents.length], [[false, false, false, true], 4]);
  const before = events.length;
  agents[0]!.host.event(said("too late"));
  agents[0]!.host.audio(new Uint8Array(160));
  assert.equal(events.length, before);
  assert.ok(agents.slice(0, 3).every(({ closed }) => closed));
});

test("a turn that nobody has answered is asked again of the next agent, and is not in its history twice", async () => {
  const { engine, events, agents, history, tell } = rig();
  await using _engine = engine;
  tell({ kind: "caller-started" });
  history.push({ role: "assistant", content: "Welcome." }, { role: "user", content: "when are you open" });
  tell(said("when are you open"), { kind: "ended", fault: LOST });
  assert.deepEqual(agents[1]!.resumed, [{ role: "assistant", content: "Welcome." }]);
  tell({ kind: "ready", requestId: "" });
  assert.deepEqual(agents[1]!.told, ["caller: when are you open"]);
  tell(said("when are you open"));
  assert.equal(events.filter(({ kind }) => kind === "caller-text").length, 1, "told once");
});

test("a caller who is never confirmed leaves nobody deaf: after 10 s the fence comes down, and that is told", async () => {
  const { clock, engine, events, tell, audio } = rig();
  await using _engine = engine;
  const kinds = () => events.map(({ kind }) => kind);
  tell({ kind: "caller-started" });
  audio(160);
  await clock.run(9900);
  assert.deepEqual(kinds(), ["ready", "caller-spoke"]);
  await clock.run(200);
  assert.equal(kinds().at(-1), "fence-timed-out");
  audio(160);
  assert.equal(kinds().at(-1), "reply-started");
});

test("what is written for the caller while an agent is being replaced reaches the next one", async () => {
  const { engine, clock, agents, tell } = rig([{ role: "user", content: "Hello." }]);
  tell({ kind: "ended", fault: LOST });
  await clock.run(1000);
  engine.text("Where is my order?");
  assert.equal(agents[1]!.told.length, 0, "it would drop what comes before its settings");
  tell({ kind: "ready", requestId: "" });
  assert.ok(agents[1]!.told.includes("caller: Where is my order?"), agents[1]!.told.join());
  tell({ kind: "ready", requestId: "" });
  assert.equal(agents[1]!.told.length, 1, "once");
});

const STORY =
  "There is a room with two beds on the first floor, and one with a view of the sea above it, which is free too.";

/** An agent that has fallen silent after one second of a longer answer; the caller has heard that. */
async function brokenOff() {
  const one = rig([{ role: "user", content: "any room" }, { role: "assistant", content: STORY }]);
  const { clock, tell, audio } = one;
  tell(said("any room"), { kind: "text", role: "assistant", content: STORY });
  audio();
  await clock.run(500);
  return one;
}

test("the caller waits for the rest of a reply in which the agent falls silent, and after a second for another agent", async () => {
  const { engine, clock, agents, events, tell } = await brokenOff();
  await using _engine = engine;
  const due = () => events.filter(({ kind }) => kind === "answer-due").length;
  assert.equal(due(), 0);
  await clock.run(300);
  assert.deepEqual([due(), events.some(({ kind }) => kind === "reply-finished")], [1, true]);
  await clock.run(700);
  assert.equal(agents.length, 1);
  await clock.run(200);
  assert.deepEqual(agents.map(({ closed }) => closed), [true, false]);
  const fault = events.findLast(({ kind }) => kind === "fault");
  assert.ok(fault?.kind === "fault" && fault.fault.kind === "deadline" && /rest of its reply/.test(fault.fault.what));
  const [, told] = agents[1]!.resumed as { content: string }[];
  assert.match(told!.content, /^There is a room \S* ?…$/, "it is told what was heard");
  tell({ kind: "ready", requestId: "" });
  await clock.run(500);
  assert.deepEqual(agents[1]!.told, ["caller: Please go on."]);
});

test("an agent that falls silent in a reply and goes on within a second is not replaced", async () => {
  const { engine, clock, agents, tell, audio } = await brokenOff();
  await using _engine = engine;
  await clock.run(800);
  for (let ms = 0; ms < 6000; ms += 1000) audio();
  tell({ kind: "audio-done" });
  await clock.run(10_000);
  assert.deepEqual([agents.length, agents[0]!.told], [1, []]);
});

test("a reply that was cut by a noise goes on with what came meanwhile, and what is missing of it is asked for", async () => {
  for (const isWhole of [true, false]) {
    const { engine, clock, agents, events, played, tell, audio } = rig();
    await using _engine = engine;
    tell(said("any room"), { kind: "text", role: "assistant", content: STORY });
    audio(8000);
    tell({ kind: "caller-started" });
    audio(1600);
    if (isWhole) tell({ kind: "audio-done" });
    engine.resumed(1, 2);
    assert.deepEqual(played, [[1, 8000], [2, 1600]]);
    assert.deepEqual(events.at(-1), { kind: "reply-finished", reply: 2 });
    await clock.run(1000);
    assert.deepEqual(agents[0]!.told, isWhole ? [] : ["caller: Please go on."]);
  }
});

test("a fence that the agent's answer has taken down is not told to be late", async () => {
  const { engine, clock, events, tell } = rig();
  await using _engine = engine;
  tell({ kind: "caller-started" }, { kind: "answering" });
  await clock.run(11_000);
  assert.ok(!events.some(({ kind }) => kind === "fence-timed-out"));
});

test("what a tool brings after a route has answered other words is told behind the route's answer", async () => {
  const { engine, clock, agents, events, phone, played, tell, audio } = rig([], "what does it cost");
  await using _engine = engine;
  tell(said("any room"), { kind: "function-calls", calls: [call("a")] });
  tell({ kind: "caller-started" }, said("what does it cost"));
  phone.drained = false;
  engine.toolResult("a", "find", "a room");
  tell({ kind: "text", role: "assistant", content: "Ninety dollars." });
  audio();
  await clock.run(3000);
  assert.deepEqual(
    [agents[0]!.told, played],
    [["say: Ninety dollars."], []],
    "what was put into its mouth is not heard",
  );
  phone.drained = true;
  await clock.run(400);
  assert.deepEqual(agents[0]!.told.slice(1), ["result: a a room"]);
  assert.equal(events.at(-1)!.kind, "answer-due");
  tell({ kind: "function-calls", calls: [call("b")] });
  assert.equal(events.at(-1)!.kind, "tool-call", "it may go on with what it was asked before");
  audio();
  assert.equal(played.length, 1);
});

test("what a tool brings that the agent called for the words that a route has answered is not heard", async () => {
  const { engine, clock, agents, played, tell, audio } = rig([], "what does it cost");
  await using _engine = engine;
  tell({ kind: "caller-started" }, { kind: "function-calls", calls: [call("a")] }, said("what does it cost"));
  engine.toolResult("a", "find", "ninety");
  await clock.run(1000);
  assert.deepEqual(agents[0]!.told, ["say: Ninety dollars.", "result: a ninety"]);
  audio();
  assert.deepEqual(played, []);
});
