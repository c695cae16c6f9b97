import assert from "node:assert/strict";
import { Fence } from "../../lib/engine/fence.ts";
import { test } from "../case.ts";

const audio = (value: number) => new Uint8Array(160).fill(value);

test("a second burst of noise does not take away what came of the cut reply after the first", () => {
  let number = 0;
  const fence = new Fence(() => ++number);
  fence.audio(new Uint8Array(160).fill(1));
  fence.callerStarted();
  fence.audio(new Uint8Array(160).fill(2));
  fence.callerStarted();
  fence.audio(new Uint8Array(160).fill(3));
  assert.deepEqual(fence.takeKept().map(([byte]) => byte), [2, 3]);
});

test("a reply that was not cut goes on with what came meanwhile and what comes late, and ends with the next sign", () => {
  let number = 0;
  const fence = new Fence(() => ++number);
  const told = (actions: ReturnType<Fence["audio"]>) =>
    actions.map((action) =>
      action.kind === "play" ? `play ${action.reply} ${action.audio[0]}` : `${action.kind} ${action.reply}`
    );
  fence.audio(audio(1));
  fence.callerStarted();
  assert.deepEqual(told(fence.audio(audio(2))), []);
  assert.deepEqual(told(fence.goesOn()), ["play 1 2"]);
  assert.deepEqual(told(fence.audio(audio(3))), ["play 1 3"]);
  assert.equal(fence.reply, 1);
  assert.deepEqual(told(fence.callerText()), ["finished 1"]);
  assert.deepEqual(told(fence.audio(audio(4))), ["started 2", "play 2 4"]);
});

test("a reply that was not cut may be cut later, and what comes then is kept", () => {
  let number = 0;
  const fence = new Fence(() => ++number);
  fence.audio(audio(1));
  fence.callerStarted();
  fence.goesOn();
  fence.callerStarted();
  assert.deepEqual(fence.audio(audio(2)), []);
  assert.deepEqual(fence.takeKept().map(([byte]) => byte), [2]);
});

test("of what comes late 2 s are kept, and of what comes while we answer ourselves nothing", () => {
  let number = 0;
  const fence = new Fence(() => ++number);
  fence.audio(audio(1));
  fence.callerStarted();
  for (let n = 0; n < 300; n++) fence.audio(audio(2));
  assert.equal(fence.takeKept().reduce((sum, { length }) => sum + length, 0), 16_000);
  fence.callerText();
  fence.hold();
  assert.deepEqual([fence.audio(audio(3)), fence.assistantText("Mine."), fence.answering()], [[], [], []]);
  assert.ok(fence.up);
  fence.callerStarted();
  assert.deepEqual(fence.takeKept(), []);
  fence.callerText();
  assert.deepEqual(fence.audio(audio(4)).map(({ kind }) => kind), ["started", "play"]);
});

test("a sign that never comes: the fence can be taken down once, and only where it is up", () => {
  let number = 0;
  const fence = new Fence(() => ++number);
  assert.equal(fence.failSafe(), undefined);
  fence.callerStarted();
  assert.deepEqual(fence.audio(audio(1)), []);
  assert.deepEqual(fence.failSafe(), []);
  assert.equal(fence.failSafe(), undefined);
  assert.equal(fence.audio(audio(2)).length, 2);
});

test("what is kept has no hole, and what is missing behind it is asked for", () => {
  const fence = new Fence(() => 1);
  fence.audio(audio(1));
  fence.callerStarted();
  for (const [byte, length] of [[2, 15_000], [3, 8000], [4, 800]] as const) {
    fence.audio(new Uint8Array(length).fill(byte));
  }
  fence.audioDone();
  assert.deepEqual([fence.takeKept().map(([byte]) => byte), fence.brokeOff], [[2], true]);
});

test("the end of the audio ends a reply that had some, also one that was not cut; else it is that of an earlier one", () => {
  let number = 0;
  const fence = new Fence(() => ++number);
  fence.assistantText("Soon.");
  assert.deepEqual(fence.audioDone(), []);
  fence.audio(audio(1));
  assert.deepEqual(fence.audioDone(), [{ kind: "finished", reply: 1 }]);
  fence.audio(audio(2));
  fence.callerStarted();
  fence.goesOn();
  assert.deepEqual(fence.audioDone(), [{ kind: "finished", reply: 2 }]);
});
