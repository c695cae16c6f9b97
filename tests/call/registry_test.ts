import assert from "node:assert/strict";
import type { LiveCall } from "../../lib/call/live_call.ts";
import type { EndReason } from "../../lib/call/machine.ts";
import { Registry } from "../../lib/call/registry.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

function liveCall(): { call: LiveCall; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<EndReason>();
  const call: LiveCall = { done: promise, end() {}, lose() {}, bury() {}, reason: undefined };
  return { call, end: () => resolve("line-lost") };
}

test("a call that is back while its broken line still closes keeps its place when that is done", async () => {
  const clock = new VirtualClock();
  const registry = new Registry<AsyncDisposable>({ clock, maxCalls: () => 1, unclaimed: () => {} });
  const broken = liveCall();
  const back = liveCall();
  registry.add("CA1", broken.call);
  registry.leave("CA1");
  registry.add("CA1", back.call);
  broken.end();
  await clock.run(10);
  assert.ok(registry.isLive("CA1"));
  assert.equal(registry.admits("CA2"), "full");
  back.end();
  await clock.run(10);
  assert.equal(registry.admits("CA2"), "yes");
});
