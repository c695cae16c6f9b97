import assert from "node:assert/strict";
import { Breakers, isLasting } from "../../lib/base/breaker.ts";
import type { Fault } from "../../lib/base/result.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const LOST: Fault = { kind: "lost", peer: "llm", closeCode: 1006, reason: "", openMs: 10 };
const refused = (status: number): Fault => ({ kind: "refused", peer: "llm", status, detail: "" });

test("three faults in a row open a breaker, one that works between them does not let it", () => {
  const breaker = new Breakers(new VirtualClock()).of("model");
  breaker.failed(LOST);
  breaker.failed(LOST);
  breaker.worked();
  breaker.failed(LOST);
  breaker.failed(LOST);
  assert.ok(breaker.admits());
  breaker.failed(LOST);
  assert.ok(!breaker.admits());
});

test("what a request was refused for lasts, unless it passes by itself", () => {
  for (const status of [400, 401, 402, 404, 422, 499]) assert.ok(isLasting(refused(status)), `${status}`);
  for (const status of [302, 408, 409, 425, 429, 500, 503]) assert.ok(!isLasting(refused(status)), `${status}`);
  assert.ok(!isLasting(LOST));
});

test("a provider that asks for a longer rest gets it, up to two minutes", async () => {
  for (const [askedMs, restMs] of [[5000, 10_000], [30_000, 30_000], [900_000, 120_000]] as const) {
    const clock = new VirtualClock();
    const breaker = new Breakers(clock).of("model");
    for (let n = 0; n < 3; n++) breaker.failed({ ...refused(429), retryAfterMs: askedMs } as Fault);
    await clock.run(restMs - 1);
    assert.ok(!breaker.admits());
    await clock.run(1);
    assert.ok(breaker.admits());
  }
});

test("a wrong key opens it at once", () => {
  const breaker = new Breakers(new VirtualClock()).of("model");
  breaker.failed(refused(401));
  assert.ok(!breaker.admits());
});

test("a request of one call that is refused takes the provider from no other, unless it happens again and again", () => {
  const breaker = new Breakers(new VirtualClock()).of("model");
  for (const status of [400, 413]) breaker.failed(refused(status));
  assert.ok(breaker.admits());
  breaker.failed(refused(422));
  assert.ok(!breaker.admits());
});

test("after its rest one call tries: in vain the rest is longer, else all are let in", async () => {
  const clock = new VirtualClock();
  const breakers = new Breakers(clock);
  const breaker = breakers.of("model");
  breaker.failed(refused(402));
  await clock.run(10_000);
  assert.ok(breaker.admits());
  assert.equal(breaker.health.state, "half-open");
  assert.ok(!breakers.of("model").admits(), "one at a time");
  breaker.failed(LOST);
  await clock.run(10_000);
  assert.ok(!breaker.admits());
  await clock.run(10_000);
  assert.ok(breaker.admits());
  breaker.worked();
  assert.deepEqual(breakers.health().map(({ name, state }) => `${name} ${state}`), ["model closed"]);
  assert.ok(breaker.admits() && breaker.admits());
});

test("who answers the one that tries, if only to refuse that request, is there again", async () => {
  const clock = new VirtualClock();
  const breaker = new Breakers(clock).of("model");
  breaker.failed(refused(402));
  await clock.run(10_000);
  assert.ok(breaker.admits());
  breaker.failed(refused(400));
  assert.ok(breaker.admits() && breaker.admits());
  for (const status of [413, 422]) breaker.failed(refused(status));
  assert.ok(!breaker.admits(), "unless it happens again and again");
});
