import assert from "node:assert/strict";
import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { type Tag, tagUtterance, writeTag } from "../../lib/audio/tag.ts";
import { ArrivalEar, PlayedEar } from "../../lib/softphone/ear.ts";
import { GapWatch } from "../../lib/softphone/gaps.ts";
import { Monitor } from "../../lib/softphone/monitor.ts";
import { TagStream } from "../../lib/softphone/tag_stream.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";

async function speech(text: string, source = 1, firstFrame = 0): Promise<Uint8Array> {
  const { audio, words } = await toneVoice().speak(text);
  return tagUtterance(audio, words, source, firstFrame);
}

function frame(source: number, number: number, last = false): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES).fill(0x20);
  writeTag(bytes, { source, frame: number, words: "", last });
  return bytes;
}

test("tags are found whatever the chunks, and after untagged bytes of any length", async () => {
  const random = seeded(4);
  const audio = await speech("one two three four");
  for (let round = 0; round < 50; round++) {
    const ahead = new Uint8Array(Math.floor(random() * 500)).fill(0x55);
    const bytes = new Uint8Array([...ahead, ...audio, ...new Uint8Array(2 * FRAME_BYTES)]);
    const stream = new TagStream();
    const tags: Tag[] = [];
    for (let at = 0; at < bytes.length;) {
      const to = at + 1 + Math.floor(random() * 400);
      stream.push(bytes.subarray(at, to), (tag) => tag && tags.push(tag));
      at = to;
    }
    assert.deepEqual(tags.map(({ frame }) => frame), Array.from({ length: audio.length / FRAME_BYTES }, (_, n) => n));
    assert.equal(tags.map(({ words }) => words).join("").trim(), "one two three four");
  }
});

test("what was played is read, not what was sent", async () => {
  const ear = new PlayedEar();
  const audio = await speech("one two three four");
  const heard = (bytes: Uint8Array) => ear.played(bytes).map(({ words }) => words).join("");
  assert.equal(heard(audio.subarray(0, 20 * FRAME_BYTES + 80)), "one two ");
  ear.cleared(); // the half frame is gone
  assert.equal(heard(await speech("five", 2)), "five ");
});

test("24-bit frame numbers wrap without a loss", () => {
  const ear = new ArrivalEar();
  for (const number of [0xFFFFFE, 0xFFFFFF, 0, 1]) ear.arrived(frame(1, number), 0);
  assert.deepEqual([ear.counts.lost, ear.counts.duplicated], [0, 0]);
});

test("a late frame of a cleared utterance is stale for 500 ms; one of another source is not", () => {
  const stale = (source: number, number: number, atMs: number) => {
    const ear = new ArrivalEar();
    for (let n = 10; n < 20; n++) ear.arrived(frame(1, n), 0);
    ear.cleared(1000);
    return ear.arrived(frame(source, number), atMs);
  };
  assert.equal(stale(1, 20, 1001), 1);
  assert.equal(stale(1, 25, 1400), 1);
  assert.equal(stale(1, 20, 1501), 0);
  assert.equal(stale(1, 15, 1100), 0);
  assert.equal(stale(2, 20, 1100), 0);
});

test("nothing is stale after an utterance that had arrived to its end", () => {
  const ear = new ArrivalEar();
  ear.arrived(frame(1, 0, true), 0);
  ear.cleared(10);
  assert.equal(ear.arrived(frame(1, 1), 20), 0);
});

test("silence counts as an under-run only once the same utterance goes on", () => {
  const tag = (source: number, number: number, last = false): Tag => ({ source, frame: number, words: "", last });
  const slot = (playedBytes: number) => ({ audio: new Uint8Array(160), playedBytes, echoes: [], marked: false });
  const gaps = (next: Tag, before = tag(1, 5), clear = false) => {
    const watch = new GapWatch();
    watch.slot(slot(160), [before]);
    for (let n = 0; n < 3; n++) watch.slot(slot(0), []);
    if (clear) watch.cleared();
    watch.slot(slot(160), [next]);
    return [watch.underruns, watch.underrunMs];
  };
  assert.deepEqual(gaps(tag(1, 6)), [1, 60]);
  assert.deepEqual(gaps(tag(2, 0)), [0, 0]);
  assert.deepEqual(gaps(tag(1, 6), tag(1, 5, true)), [0, 0]);
  assert.deepEqual(gaps(tag(1, 6), tag(1, 5), true), [0, 0]);
});

test("a mark that comes when all was played ends what was said: the next audio is no under-run's end", () => {
  for (const marked of [false, true]) {
    const monitor = new Monitor({ tell: () => {}, recorder: undefined, onSlot: undefined });
    const audio = new Uint8Array(160).fill(0x80);
    const hear = (playedBytes: number, atMs: number) =>
      monitor.played({ audio, playedBytes, echoes: [], marked: false }, atMs);
    hear(160, 0);
    if (marked) monitor.markedEmpty();
    for (let atMs = 20; atMs <= 200; atMs += 20) hear(0, atMs);
    hear(160, 220);
    assert.deepEqual([monitor.gaps.underruns, monitor.gaps.underrunMs], marked ? [0, 0] : [1, 200]);
  }
});
