import assert from "node:assert/strict";
import type { Fault } from "../../lib/base/result.ts";
import { AgentEngine } from "../../lib/engine/agent.ts";
import type { EngineEvent } from "../../lib/engine/engine.ts";
import type { VoiceAgentEvent, VoiceAgentHost } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const LOST: Fault = { kind: "lost", peer: "deepgram-agent", closeCode: 1006, reason: "", openMs: 10 };

type History = { role: "user" | "assistant"; content: string }[];

/** An engine whose agents do what the test says; `sessions` in the order of their opening. `routed`: these words have a route. */
function rig(routed = "") {
  const clock = new VirtualClock();
  const events: EngineEvent[] = [];
  const history: History = [];
  const sessions: { host: VoiceAgentHost; resumed: History | undefined; told: string[]; closed: boolean }[] = [];
  let replies = 0;
  const engine: AgentEngine = new AgentEngine({
    clock,
    retryMs: () => 0,
    host: {
      post(event) {
        events.push(event);
        if (event.kind === "caller-text" && event.text === routed) engine.answered(9, "Ninety dollars.");
      },
      play: () => {},
      newReply: () => ++replies,
      drained: () => true,
      history: () => history,
    },
    openAgent: (host, resumed) => {
      const session = { host, resumed: resumed && [...resumed], told: [] as string[], closed: false };
      sessions.push(session);
      return {
        hear: (audio) => void session.told.push(`hear ${audio.length}`),
        inject: (text) => void session.told.push(`inject ${text}`),
        injectCaller: (text) => void session.told.push(`caller ${text}`),
        functionResult: (id, _name, content) => void session.told.push(`result ${id} ${content}`),
        [Symbol.asyncDispose]: () => Promise.resolve(void (session.closed = true)),
      };
    },
  });
  const tell = (...told: VoiceAgentEvent[]) => told.forEach((event) => sessions.at(-1)!.host.event(event));
  const kinds = () => events.map(({ kind }) => kind);
  return { clock, engine, events, kinds, sessions, history, tell };
}

const READY: VoiceAgentEvent = { kind: "ready", requestId: "r" };
const said = (content: string): VoiceAgentEvent => ({ kind: "text", role: "user", content });
const call = (id: string): VoiceAgentEvent => ({
  kind: "function-calls",
  calls: [{ id, name: "look", arguments: "{}" }],
});

test("the result of a call that the agent has taken back is not sent, and another's is", async () => {
  const { engine, kinds, sessions, tell } = rig();
  tell(READY, { kind: "caller-started" }, said("two things"), call("a"), call("b"));
  tell({ kind: "functions-cancelled", ids: ["a"] });
  engine.toolResult("a", "look", "one");
  engine.toolResult("b", "look", "two");
  assert.deepEqual(sessions[0]!.told, ["result b two"]);
  assert.deepEqual(kinds().slice(-3), ["tool-call", "tool-call", "tool-cancelled"]);
  await engine[Symbol.asyncDispose]();
});

test("what the agent wants to do for a turn that a route has answered is not done, and it is told so", async () => {
  const { engine, kinds, sessions, tell } = rig("how much is it");
  tell(READY, { kind: "caller-started" }, said("how much is it"), call("a"));
  const [injected, refused, ...others] = sessions[0]!.told;
  assert.equal(injected, "inject Ninety dollars.");
  assert.match(refused!, /^result a .*Already handled/);
  assert.deepEqual([others, kinds().includes("tool-call")], [[], false]);
  tell({ kind: "caller-started" }, said("book it"), call("b"));
  assert.equal(kinds().at(-1), "tool-call", "the next turn is its own");
  await engine[Symbol.asyncDispose]();
});

test("an agent is replaced three times, and the fourth loss is the end; what an old one still says reaches nobody", async () => {
  const { clock, engine, events, sessions, tell } = rig();
  for (let n = 0; n < 4; n++) {
    tell(READY);
    tell({ kind: "ended", fault: LOST });
    await clock.run(10);
  }
  const faults = events.flatMap((event) => event.kind === "fault" ? [event.fatal] : []);
  assert.deepEqual([faults, sessions.length], [[false, false, false, true], 4]);
  const before = events.length;
  sessions[0]!.host.event(said("too late"));
  sessions[0]!.host.audio(new Uint8Array(160));
  assert.equal(events.length, before);
  assert.ok(sessions.slice(0, 3).every(({ closed }) => closed));
  await engine[Symbol.asyncDispose]();
});

test("a turn that nobody has answered is asked again of the next agent, and is not in its history twice", async () => {
  const { clock, engine, events, sessions, history, tell } = rig();
  tell(READY, { kind: "caller-started" });
  history.push({ role: "assistant", content: "Welcome." }, { role: "user", content: "when are you open" });
  tell(said("when are you open"), { kind: "ended", fault: LOST });
  await clock.run(10);
  assert.deepEqual(sessions[1]!.resumed, [{ role: "assistant", content: "Welcome." }]);
  tell(READY);
  assert.deepEqual(sessions[1]!.told.filter((one) => !one.startsWith("hear")), ["caller when are you open"]);
  tell(said("when are you open"));
  assert.equal(events.filter(({ kind }) => kind === "caller-text").length, 1, "told once");
  await engine[Symbol.asyncDispose]();
});

test("a caller who is never confirmed leaves nobody deaf: after 10 s the fence comes down, and that is told", async () => {
  const { clock, engine, kinds, sessions, tell } = rig();
  tell(READY, { kind: "caller-started" });
  sessions[0]!.host.audio(new Uint8Array(160));
  await clock.run(9900);
  assert.deepEqual(kinds(), ["ready", "caller-spoke"]);
  await clock.run(200);
  assert.equal(kinds().at(-1), "fence-timed-out");
  sessions[0]!.host.audio(new Uint8Array(160));
  assert.equal(kinds().at(-1), "reply-started");
  await engine[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});
