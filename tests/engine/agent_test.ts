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

/** An engine whose agents do what the test says: what the newest one was told, and what the engine told its call. */
function rig(history: readonly { role: "user" | "assistant"; content: string }[] = []) {
  const clock = new VirtualClock();
  const agents: { host: VoiceAgentHost; told: string[] }[] = [];
  const events: EngineEvent[] = [];
  let reply = 0;
  const engine = new AgentEngine({
    clock,
    retryMs: agentRetryMs,
    openAgent(host) {
      const told: string[] = [];
      agents.push({ host, told });
      return {
        hear: () => {},
        inject: (text) => void told.push(`say: ${text}`),
        injectCaller: (text) => void told.push(`caller: ${text}`),
        functionResult: (id) => void told.push(`result: ${id}`),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    host: {
      newReply: () => ++reply,
      post: (event) => void events.push(event),
      play: () => {},
      drained: () => true,
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
