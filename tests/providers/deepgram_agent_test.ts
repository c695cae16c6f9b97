import assert from "node:assert/strict";
import { SILENT_FRAME } from "../../lib/audio/frame.ts";
import type { Fault } from "../../lib/base/result.ts";
import { agentRetryMs, deepgramAgent } from "../../lib/providers/deepgram_agent.ts";
import type { VoiceAgentEvent } from "../../lib/providers/ports.ts";
import { agentStandIn } from "../../lib/rehearsal/deepgram_agent.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const refused = (status: number, retryAfterMs?: number): Fault => ({
  kind: "refused",
  peer: "deepgram-agent",
  status,
  detail: "",
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const lost: Fault = { kind: "lost", peer: "deepgram-agent", closeCode: 1006, reason: "", openMs: 5000 };

test("too many sessions: one more attempt, after the time that was asked for; none if that is long", () => {
  assert.equal(agentRetryMs(refused(429, 1000), 0), 1000);
  assert.equal(agentRetryMs(refused(429), 0), 500);
  assert.equal(agentRetryMs(refused(429, 1000), 1), undefined);
  assert.equal(agentRetryMs(refused(429, 30_000), 0), undefined);
});

test("a vendor that is down is asked again at once, then twice more, later each time", () => {
  assert.deepEqual([0, 1, 2, 3].map((refusals) => agentRetryMs(refused(503), refusals)), [0, 400, 1200, undefined]);
  assert.equal(agentRetryMs(refused(500), 0), 0);
  const away: Fault = { kind: "unreachable", peer: "deepgram-agent", detail: "connection refused" };
  assert.deepEqual([0, 1, 2, 3].map((refusals) => agentRetryMs(away, refusals)), [0, 400, 1200, undefined]);
});

test("an error of the agent is no end, known or not, unless it tells of a mistake of ours", () => {
  const retryMs = (code: string) => agentRetryMs({ kind: "rejected", peer: "deepgram-agent", code, detail: "" }, 0);
  for (const code of ["ASR_DRIVER_TIMEOUT", "FAILED_TO_THINK", "NON_EXISTENT_FUNCTION_CALLED", "SESSION_TOO_LONG"]) {
    assert.equal(retryMs(code), 0, code);
  }
  for (const code of ["INVALID_SETTINGS", "UNPARSABLE_CLIENT_MESSAGE"]) assert.equal(retryMs(code), undefined, code);
});

test("a key, an account or a permission that is not good is not tried again; a lost socket is, at once", () => {
  for (const status of [400, 401, 402, 403, 404]) assert.equal(agentRetryMs(refused(status), 0), undefined);
  assert.equal(agentRetryMs(lost, 0), 0);
  assert.equal(agentRetryMs({ ...lost, kind: "clogged", bytes: 1e6 }, 0), 0);
});

const PLAN = {
  prompt: "You answer the phone.",
  listen: { provider: { type: "deepgram", model: "nova-3" } },
  think: [{ provider: { type: "open_ai", model: "gpt-4o-mini" } }],
  speak: [{ provider: { type: "deepgram", model: "aura-2-thalia-en" } }],
  functions: [],
  history: [],
  vendorTraining: false,
  tags: [],
};

test("an agent that takes no audio is given up after 16 s of it: what waits is bounded", async () => {
  const clock = new VirtualClock();
  const voice = toneVoice();
  const agent = agentStandIn({ clock, random: seeded(1), voice, think: () => ({ say: "Yes." }) });
  const dial = simDial(clock, agent.answer);
  const events: VoiceAgentEvent[] = [];
  const session = deepgramAgent({ dial, clock, url: "wss://agent.test/v1/agent/converse", key: "k", plan: PLAN })({
    event: (event) => void events.push(event),
    audio: () => {},
  });
  await clock.runUntil(() => events.some(({ kind }) => kind === "ready"));
  const [pair] = dial.pairs;
  pair!.server.stall();
  let mostBytes = 0;
  for (let frame = 0; frame < 2000; frame++) {
    session.hear(SILENT_FRAME);
    mostBytes = Math.max(mostBytes, pair!.client.bufferedBytes);
  }
  assert.ok(mostBytes <= 128 * 1024 + 2 * SILENT_FRAME.length, `${mostBytes} bytes wait`);
  const last = events.at(-1);
  assert.equal(last?.kind === "ended" && last.fault?.kind, "clogged");
  await session[Symbol.asyncDispose]();
  pair!.server.flow();
  await clock.run(2000);
  assert.equal(clock.pending, 0);
  await voice[Symbol.asyncDispose]();
});

test("what we say ourselves, what the caller types and what a tool brings are told to the agent in its own words", async () => {
  const clock = new VirtualClock();
  const voice = toneVoice();
  const agent = agentStandIn({ clock, random: seeded(1), voice, think: () => ({}) });
  const options = { dial: simDial(clock, agent.answer), clock, url: "wss://agent.test/v1/agent/converse", key: "k" };
  const events: VoiceAgentEvent[] = [];
  const session = deepgramAgent({ ...options, plan: PLAN })({
    event: (event) => void events.push(event),
    audio: () => {},
  });
  session.inject("Too early.");
  await clock.runUntil(() => events.some(({ kind }) => kind === "ready"));
  session.inject("We open at nine.");
  session.injectCaller("are you open");
  session.functionResult("f1", "find_slots", "none");
  await clock.run(100);
  assert.deepEqual(agent.sessions[0]!.record.received.slice(1).map(({ message }) => message), [
    { type: "InjectAgentMessage", message: "We open at nine.", behavior: "interrupt" },
    { type: "InjectUserMessage", content: "are you open" },
    { type: "FunctionCallResponse", id: "f1", name: "find_slots", content: "none" },
  ]);
  await session[Symbol.asyncDispose]();
  await clock.run(2000);
  await voice[Symbol.asyncDispose]();
});
