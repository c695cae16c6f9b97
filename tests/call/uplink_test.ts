import assert from "node:assert/strict";
import { test } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

const STEPS = [{ kind: "say" as const, text: "are you open on Sunday" }];
const NOVA = { listen: { provider: { type: "deepgram", model: "nova-3" } } };
const FLUX = { listen: { provider: { type: "deepgram", model: "flux-general-en" } } };

for (const uplinkMs of [undefined, 60]) {
  const env: Record<string, string> = uplinkMs === undefined ? {} : { UPLINK_MS: String(uplinkMs) };
  const bytes = (uplinkMs ?? 20) * 8;

  test(`the agent gets the caller's audio in messages of ${bytes} bytes`, async () => {
    await using sim = await simHouse({ env });
    await sim.clock.runFor(sim.ring({ steps: STEPS }).report);
    const { audio } = sim.agent.sessions[0]!.record;
    assert.ok(audio.messages > 20);
    assert.equal(audio.bytes / audio.messages, bytes);
  });

  test(`Nova gets the caller's audio in messages of ${bytes} bytes, and Flux of ${uplinkMs === undefined ? 640 : bytes}`, async () => {
    await using nova = await simPipeline({ pipeline: NOVA, env });
    await nova.clock.runFor(nova.ring({ steps: STEPS }).report);
    assert.deepEqual(sizes(nova.listen.sessions[0]!.audio), [bytes]);
    await using flux = await simPipeline({ pipeline: FLUX, env });
    await flux.clock.runFor(flux.ring({ steps: STEPS }).report);
    assert.deepEqual(sizes(flux.flux.sessions[0]!.audio), [uplinkMs === undefined ? 640 : bytes]);
  });
}

function sizes(messages: readonly Uint8Array[]): number[] {
  return [...new Set(messages.map(({ length }) => length))];
}
