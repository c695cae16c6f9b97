import assert from "node:assert/strict";
import { type CallRecord, emptyRecord } from "../../lib/call/notice.ts";
import { estimateCost } from "../../lib/store/prices.ts";
import { test } from "../case.ts";

/** A call of two minutes and a bit: three for the carrier. */
function cost(more: Partial<CallRecord>) {
  return estimateCost({ ...emptyRecord("call-a"), engine: "pipeline", durationMs: 130_000, ...more });
}

test("the carrier bills whole minutes, an agent those that were", () => {
  assert.deepEqual(cost({}).parts, { carrier: 3 * 0.0125 });
  const { parts, usd } = cost({ engine: "agent" });
  assert.deepEqual(parts, { carrier: 3 * 0.0125, agent: 130 / 60 * 0.075 });
  assert.equal(usd, 0.2);
  assert.equal(estimateCost(emptyRecord("call-a")).usd, 0, "a live one, so far");
});

test("a pipeline pays what it heard, asked and said, each at its model's list price", () => {
  const models = { listen: "nova-3", think: "openai/gpt-oss-20b", speak: "aura-2-thalia-en" };
  const usage = { sttSeconds: 120, voiceCharacters: 2000, promptTokens: 2_000_000, completionTokens: 1_000_000 };
  const { parts, unknown } = cost({ models, usage });
  assert.deepEqual([parts.listen, parts.speak, parts.think, unknown], [0.0154, 0.06, 0.45, []]);
  const spoken = (speak: string) => cost({ models: { speak }, usage: { voiceCharacters: 1000 } }).parts.speak;
  assert.deepEqual(["aura-asteria-en", "aura-2-luna-en", "sonic-3.5"].map(spoken), [0.015, 0.03, 0.065]);
  const asked = (think: string) =>
    cost({ models: { think }, usage: { promptTokens: 1e6, completionTokens: 1e6 } }).parts.think;
  assert.deepEqual(["gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1-nano", "openai/gpt-oss-120b"].map(asked), [
    0.75,
    2,
    0.5,
    0.75,
  ]);
});

test("what has no price in the table is named, and counts nothing", () => {
  const { parts, unknown } = cost({
    models: { think: "gpt-9", listen: "nova-3" },
    usage: { promptTokens: 1e6, completionTokens: 0, voiceCharacters: 10 },
  });
  assert.deepEqual([unknown, parts.think, parts.speak], [["a model that is not recorded", "gpt-9"], 0, 0]);
});
