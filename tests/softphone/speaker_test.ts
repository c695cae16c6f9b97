import assert from "node:assert/strict";
import fc from "fast-check";
import { Speaker } from "../../lib/softphone/speaker.ts";
import { test } from "../case.ts";

const audio = (bytes: number, value = 1) => new Uint8Array(bytes).fill(value);

test("audio is played in order, 160 bytes a slot, the last one padded with silence", () => {
  const speaker = new Speaker();
  speaker.media(audio(100, 1));
  speaker.media(audio(100, 2));
  const first = speaker.tick();
  assert.deepEqual([first.playedBytes, first.audio[99], first.audio[100]], [160, 1, 2]);
  const second = speaker.tick();
  assert.deepEqual([second.playedBytes, second.audio[39], second.audio[40]], [40, 2, 0xFF]);
  assert.equal(speaker.tick().playedBytes, 0);
});

test("a mark is echoed at the end of the slot that plays its last byte, or as that slot begins", () => {
  for (const [when, atTick] of [["end-of-slot", 3], ["immediate", 2]] as const) {
    const speaker = new Speaker(when);
    speaker.media(audio(320));
    assert.deepEqual(speaker.mark("a"), []);
    const echoed = [1, 2, 3, 4].filter(() => speaker.tick().echoes.includes("a"));
    assert.equal(speaker.marksEchoed, 1);
    assert.deepEqual(echoed, [atTick]);
  }
});

test("a mark comes back at once when nothing is queued, but not while the last slot sounds", () => {
  const speaker = new Speaker();
  assert.deepEqual(speaker.mark("idle"), ["idle"]);
  speaker.media(audio(160));
  speaker.tick();
  assert.deepEqual(speaker.mark("sounding"), []);
  assert.deepEqual(speaker.tick().echoes, ["sounding"]);
  assert.deepEqual(speaker.mark("idle again"), ["idle again"]);
});

test("clear drops the audio and echoes every waiting mark in order", () => {
  const speaker = new Speaker();
  speaker.media(audio(160));
  speaker.mark("a");
  speaker.tick();
  speaker.media(audio(800));
  speaker.mark("b");
  speaker.mark("c");
  assert.deepEqual(speaker.clear(), { echoes: ["a", "b", "c"], droppedMs: 100 });
  assert.deepEqual(speaker.clear(), { echoes: [], droppedMs: 0 });
  assert.deepEqual(speaker.tick().echoes, []);
});

test("a full queue takes no more", () => {
  const speaker = new Speaker();
  while (speaker.media(audio(1_000_000)));
  assert.ok(speaker.queuedMs <= 15 * 60_000);
  assert.equal(speaker.receivedBytes, speaker.queuedBytes);
});

test("whatever comes: received = played + cleared + queued, and every mark is echoed once, in order", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("media" as const), bytes: fc.integer({ min: 1, max: 700 }) }),
    fc.constant({ kind: "mark" as const }),
    fc.constant({ kind: "clear" as const }),
    fc.constant({ kind: "tick" as const }),
  );
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 200 }),
      fc.constantFrom("end-of-slot" as const, "immediate" as const),
      (actions, when) => {
        const speaker = new Speaker(when);
        const echoed: string[] = [];
        let marks = 0;
        for (const act of actions) {
          if (act.kind === "media") speaker.media(audio(act.bytes));
          if (act.kind === "mark") echoed.push(...speaker.mark(String(marks++)));
          if (act.kind === "clear") echoed.push(...speaker.clear().echoes);
          if (act.kind === "tick") echoed.push(...speaker.tick().echoes);
          const { receivedBytes, playedBytes, clearedBytes, queuedBytes } = speaker;
          assert.equal(receivedBytes, playedBytes + clearedBytes + queuedBytes);
          assert.equal(speaker.marksEchoed, echoed.length);
        }
        while (!speaker.idle) echoed.push(...speaker.tick().echoes);
        echoed.push(...speaker.tick().echoes);
        assert.deepEqual(echoed, Array.from({ length: marks }, (_, n) => String(n)));
        assert.equal(speaker.queuedBytes, 0);
      },
    ),
    { numRuns: 300, seed: 2 },
  );
});
