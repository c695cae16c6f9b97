import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { CallWebhook, type CallWebhookParts, WAITING_LIMIT } from "../lib/call_webhook.ts";
import { test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";
import { conversation } from "./store/make.ts";

type Reply = number | "refused" | "hangs";

function hook(answers: (attempt: number) => Reply, more: Partial<CallWebhookParts> = {}) {
  const clock = new VirtualClock();
  const requests: { atMs: number; headers: Headers; body: string }[] = [];
  const undelivered: string[] = [];
  const webhook = new CallWebhook({
    url: "https://crm.test/calls",
    secret: "pepper",
    clock,
    fetch: async (request) => {
      requests.push({ atMs: clock.monotonicMs(), headers: request.headers, body: await request.text() });
      const answer = answers(requests.length);
      if (answer === "refused") throw new TypeError("connection refused");
      if (answer === "hangs") return await new Promise(() => {});
      return new Response(null, { status: answer });
    },
    settled: () => Promise.resolve(),
    keep: () => (notice) => notice,
    kept: () => true,
    body: (record) => record,
    undelivered: (call, why) => undelivered.push(`${call}: ${why}`),
    ...more,
  });
  return { clock, requests, undelivered, webhook };
}

test("a finished call is posted once, signed, with what was found after its end", async () => {
  const facts = Promise.withResolvers<void>();
  const { clock, requests, undelivered, webhook } = hook(() => 200, { settled: () => facts.promise });
  conversation({ id: "call-a" }).forEach(webhook.observe);
  await clock.run(3000);
  assert.equal(requests.length, 0);
  webhook.observe({ call: "call-a", atMs: 45_000, kind: "summary", text: "All is well." });
  facts.resolve();
  await clock.run(1000);
  const [request] = requests;
  assert.ok(request);
  const { event, call } = JSON.parse(request.body);
  assert.deepEqual([event, call.id, call.endReason, call.summary], [
    "call-ended",
    "call-a",
    "caller-hung-up",
    "All is well.",
  ]);
  const [, seconds, signature] = request.headers.get("x-offhook-signature")!.match(/^t=(\d+),v1=([0-9a-f]{64})$/)!;
  assert.equal(signature, createHmac("sha256", "pepper").update(`${seconds}.${request.body}`).digest("hex"));
  await webhook[Symbol.asyncDispose]();
  assert.deepEqual([requests.length, undelivered.length, clock.pending], [1, 0, 0]);
});

test("an address in trouble is tried five times more within ten minutes, then the call is marked undelivered", async () => {
  const troubles: Reply[] = [500, "refused", "hangs", 429, 408, 503];
  const { clock, requests, undelivered, webhook } = hook((attempt) => troubles[attempt - 1]!);
  conversation({ id: "call-a" }).forEach(webhook.observe);
  await clock.run(600_000);
  assert.equal(requests.length, 6);
  assert.deepEqual(undelivered, ["call-a: HTTP 503"]);
  assert.equal(new Set(requests.map(({ body }) => body)).size, 1);
  await webhook[Symbol.asyncDispose]();
});

test("what is told of an address that is not reached says why, and not which: it may hold a secret", async () => {
  const why = "error sending request for url (https://crm.test/calls?token=pepper): client error (Connect): dns error";
  for (const thrown of [new TypeError(why), new TypeError("fetch failed", { cause: new Error(why) })]) {
    const { clock, undelivered, webhook } = hook(() => 200, { fetch: () => Promise.reject(thrown) });
    conversation({ id: "call-a" }).forEach(webhook.observe);
    await clock.run(600_000);
    assert.deepEqual(undelivered, ["call-a: client error (Connect): dns error"]);
    await webhook[Symbol.asyncDispose]();
  }
});

test("trouble that passes costs nothing", async () => {
  const { clock, requests, undelivered, webhook } = hook((attempt) => attempt < 3 ? 502 : 204);
  conversation({ id: "call-a" }).forEach(webhook.observe);
  await clock.run(600_000);
  assert.deepEqual([requests.length, undelivered], [3, []]);
  await webhook[Symbol.asyncDispose]();
});

test("a refusal is final, and a redirect is one: the record goes nowhere else", async () => {
  for (const status of [400, 401, 404, 302]) {
    const { clock, requests, undelivered, webhook } = hook(() => status);
    conversation({ id: "call-a" }).forEach(webhook.observe);
    await clock.run(600_000);
    assert.deepEqual([requests.length, undelivered], [1, [`call-a: HTTP ${status}`]]);
    await webhook[Symbol.asyncDispose]();
  }
});

test("a bounded number of calls waits; one more is undelivered at once, and all are when the program stops", async () => {
  const { clock, undelivered, webhook } = hook(() => 500);
  for (let n = 0; n < WAITING_LIMIT + 1; n++) conversation({ id: `call-${n}` }).forEach(webhook.observe);
  assert.deepEqual(undelivered, [`call-${WAITING_LIMIT}: ${WAITING_LIMIT} calls wait already`]);
  await clock.run(1000);
  await clock.runFor(webhook[Symbol.asyncDispose]());
  assert.equal(undelivered.length, WAITING_LIMIT + 1);
  assert.match(undelivered.at(-1)!, /the program stops; before that: HTTP 500/);
  assert.equal(clock.pending, 0);
});

test("what is not to be kept is not told either", async () => {
  const { clock, requests, webhook } = hook(() => 200, {
    keep: () => (notice) => notice.kind === "caller-text" ? undefined : notice,
  });
  conversation({ id: "call-a", said: "pineapple" }).forEach(webhook.observe);
  await clock.run(10);
  assert.equal(requests[0]?.body.includes("pineapple"), false);
  await webhook[Symbol.asyncDispose]();
});
