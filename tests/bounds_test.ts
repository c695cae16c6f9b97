import assert from "node:assert/strict";
import { RecentCounts } from "../lib/base/recent.ts";
import { CallWebhook } from "../lib/call_webhook.ts";
import { Chunker } from "../lib/engine/chunker.ts";
import { CallerWords } from "../lib/extraction/facts.ts";
import { deriveKey, mintToken, TokenGate } from "../lib/phone/signature.ts";
import { test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";
import { conversation } from "./store/make.ts";

const gc = (globalThis as { gc?: () => void }).gc;

/** How much larger the heap is after `work`, garbage collected, KB; undefined where that cannot be asked for. */
async function kept(work: () => Promise<void>): Promise<number | undefined> {
  if (!gc) return undefined;
  await work(); // what is compiled and loaded once
  gc();
  const before = Deno.memoryUsage().heapUsed;
  await work();
  await new Promise((resolve) => setTimeout(resolve, 0));
  gc();
  return (Deno.memoryUsage().heapUsed - before) / 1024;
}

test("a webhook that delivers calls for years keeps nothing of them", async () => {
  const clock = new VirtualClock();
  await using webhook = new CallWebhook({
    url: "https://crm.test/calls",
    clock,
    fetch: () => Promise.resolve(new Response(null, { status: 204 })),
    settled: () => Promise.resolve(),
    keep: () => (notice) => notice,
    kept: () => true,
    body: ({ id }) => id,
    undelivered: (call, why) => assert.fail(`${call}: ${why}`),
  });
  let rung = 0;
  const growthKb = await kept(async () => {
    for (let n = 0; n < 1000; n++) {
      conversation({ id: `call-${++rung}` }).forEach(webhook.observe);
      await clock.run(20_000);
    }
  });
  assert.ok(growthKb === undefined || growthKb < 500, `1000 calls left ${growthKb?.toFixed(0)} KB`);
});

test("a gate holds the nonces of tokens that could come again, and no others", () => {
  const key = deriveKey("secret");
  const gate = new TokenGate({ key, limit: 60 });
  for (let n = 0; n < 2000; n++) {
    const nowMs = 1_800_000_000_000 + n * 1000;
    const nonce = n.toString(16).padStart(32, "0");
    assert.equal(gate.admit(mintToken({ key, callSid: "CA1", nowMs, nonce }), "CA1", nowMs), "ok");
  }
});

test("counts of what was seen longest ago go when their time is over", async () => {
  const clock = new VirtualClock();
  const counts = new RecentCounts<string>({ clock, ttlMs: 1000, limit: 10_000 });
  assert.deepEqual([counts.count("a"), counts.count("a"), counts.count("b")], [1, 2, 1]);
  assert.equal(counts.size, 2);
  await clock.run(1000);
  assert.equal(counts.count("c"), 1);
  assert.equal(counts.size, 1);
});

// How long these hold the event loop: `deno bench -A tests/bench/endless_bench.ts`.
test("a model that is talked into endless marks loses no word of what stands around them", () => {
  for (const mark of ["*", "_", "~", "<", ">", "!", "#", "`", "|", "[", "("]) {
    const chunker = new Chunker();
    const said = [...chunker.push(`Well ${mark.repeat(200_000)} then.`), ...chunker.flush()].join(" ");
    assert.match(said, /^Well\b[^]*\bthen\.$/, mark);
  }
});

test("what a caller says who says nothing but digits is not taken for a number among them", () => {
  const words = new CallerWords();
  words.add("1 ".repeat(20_000));
  assert.equal(words.find("555-0142"), undefined);
  assert.notEqual(words.find("111-1111"), undefined);
});
