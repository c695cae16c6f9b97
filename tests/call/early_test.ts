import assert from "node:assert/strict";
import { EarlyEngine } from "../../lib/call/early.ts";
import type { EngineEvent, EngineHost } from "../../lib/engine/engine.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { silentEngine } from "../sim/silent_engine.ts";

/** An engine that is opened while the phone rings: what it hears, and the host that it speaks to. */
function ringing() {
  const clock = new VirtualClock();
  const opened: EngineHost[] = [];
  let heardFrames = 0;
  let closed = 0;
  const engine = silentEngine({
    hear: (frame) => void (heardFrames += frame.every((byte) => byte === 0xFF) ? 1 : 1000),
    [Symbol.asyncDispose]: () => Promise.resolve(void closed++),
  });
  const early = new EarlyEngine((host) => (opened.push(host), engine), clock);
  return { clock, early, engine, inner: opened[0]!, heardFrames: () => heardFrames, closed: () => closed };
}

/** A call that takes it over. */
function taking() {
  const told: (EngineEvent["kind"] | number)[] = [];
  const host: EngineHost = {
    post: ({ kind }) => void told.push(kind),
    play: (_reply, audio) => void told.push(audio.length),
    newReply: () => 1,
    drained: () => true,
    audible: () => true,
    history: () => [],
  };
  return { host, told };
}

test("until it is taken over it hears silence in real time, and nothing from us afterwards", async () => {
  const { clock, early, engine, heardFrames, closed } = ringing();
  await clock.run(3000);
  assert.equal(heardFrames(), 150);
  assert.equal(early.adopt(taking().host), engine);
  await clock.run(3000);
  assert.deepEqual([heardFrames(), clock.pending], [150, 0]);
  await early[Symbol.asyncDispose]();
  assert.equal(closed(), 0, "it is the call's to close");
  const unclaimed = ringing();
  await unclaimed.early[Symbol.asyncDispose]();
  assert.deepEqual([unclaimed.closed(), unclaimed.clock.pending], [1, 0]);
});

test("its greeting is held, in order, and reaches the call after it was handed over; then all comes at once", async () => {
  const { clock, early, inner } = ringing();
  assert.deepEqual([inner.newReply(), inner.newReply(), inner.drained(), inner.audible(), inner.history()], [
    1,
    2,
    false,
    false,
    [],
  ]);
  inner.post({ kind: "ready" });
  inner.play(1, new Uint8Array(160));
  inner.post({ kind: "reply-finished", reply: 1 });
  const { host, told } = taking();
  early.adopt(host);
  assert.deepEqual(told, []);
  await clock.run(0);
  inner.play(1, new Uint8Array(320));
  inner.post({ kind: "caller-spoke" });
  assert.deepEqual(told, ["ready", 160, "reply-finished", 320, "caller-spoke"]);
  assert.deepEqual([inner.drained(), inner.audible()], [true, true]);
});

test("of an engine that talks on while nobody comes 10 s of audio and 200 events are held", async () => {
  const { clock, early, inner } = ringing();
  for (let n = 0; n < 600; n++) {
    inner.play(1, new Uint8Array(160));
    inner.post({ kind: "caller-spoke" });
  }
  const { host, told } = taking();
  early.adopt(host);
  await clock.run(0);
  assert.deepEqual([told.filter((one) => one === 160).length, told.filter((one) => one !== 160).length], [500, 200]);
});
