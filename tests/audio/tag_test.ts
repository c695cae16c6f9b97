import assert from "node:assert/strict";
import { FRAME_BYTES, FRAME_MS, SILENT_FRAME } from "../../lib/audio/frame.ts";
import { decode } from "../../lib/audio/mulaw.ts";
import { readTag, type Tag, TAG_TEXT_BYTES, TagReader, tagUtterance, writeTag } from "../../lib/audio/tag.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";

function noise(bytes: number, random: () => number): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => random() * 256);
}

function tagged(tag: Partial<Tag>, frame = SILENT_FRAME.slice()): Uint8Array {
  writeTag(frame, { source: 7, frame: 0, words: "", last: false, ...tag });
  return frame;
}

function framesOf(audio: Uint8Array): Uint8Array[] {
  return Array.from(
    { length: audio.length / FRAME_BYTES },
    (_, i) => audio.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES),
  );
}

test("a tag is read back as it was written, and only the lowest bits change", () => {
  const random = seeded(1);
  const texts = ["", "a", "hello ", "0123456789", "äöü €", "日本語 "];
  for (let i = 0; i < 500; i++) {
    const before = noise(FRAME_BYTES, random);
    const tag: Tag = {
      source: Math.floor(random() * 0x10000),
      frame: Math.floor(random() * 0x1000000),
      words: texts[i % texts.length]!,
      last: random() < 0.5,
    };
    const frame = before.slice();
    writeTag(frame, tag);
    assert.deepEqual(readTag(frame), tag);
    assert.ok(frame.every((byte, n) => (byte & 0xFE) === (before[n]! & 0xFE)));
  }
});

test("the layout is the one the table in tag.ts tells", () => {
  const frame = tagged({ source: 0x0102, frame: 0x030405, words: "Hi ", last: true }, new Uint8Array(FRAME_BYTES));
  const bits = [...frame].join("");
  const hex = bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2).toString(16).padStart(2, "0")).join("");
  assert.equal(hex, "a6d3" + "0102" + "030405" + "83" + "486920" + "00".repeat(7) + hex.slice(-4));
  const crc = [...hex.slice(0, 36).match(/../g)!].reduce((crc, byte) => {
    crc ^= parseInt(byte, 16) << 8;
    for (let i = 0; i < 8; i++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xFFFF;
    return crc;
  }, 0xFFFF);
  assert.equal(parseInt(hex.slice(-4), 16), crc);
});

test("silence, noise, constant bytes and frames of another size carry no tag", () => {
  const random = seeded(2);
  assert.equal(readTag(SILENT_FRAME), undefined);
  for (let byte = 0; byte < 256; byte++) assert.equal(readTag(new Uint8Array(FRAME_BYTES).fill(byte)), undefined);
  for (let i = 0; i < 20_000; i++) assert.equal(readTag(noise(FRAME_BYTES, random)), undefined);
  assert.equal(readTag(tagged({}).subarray(1)), undefined);
});

test("any one, two or three flipped bits make a tag unreadable", () => {
  const random = seeded(3);
  const frame = tagged({ words: "word " });
  for (let i = 0; i < FRAME_BYTES; i++) {
    const bad = frame.slice();
    bad[i]! ^= 1;
    assert.equal(readTag(bad), undefined);
  }
  for (let run = 0; run < 5000; run++) {
    const bad = frame.slice();
    const places = new Set(Array.from({ length: 2 + run % 2 }, () => Math.floor(random() * FRAME_BYTES)));
    for (const place of places) bad[place]! ^= 1;
    assert.equal(readTag(bad), undefined);
  }
});

test("a text too long for one frame, or a wrong frame, is our mistake", () => {
  assert.throws(() => tagged({ words: "x".repeat(TAG_TEXT_BYTES + 1) }), RangeError);
  assert.throws(() => writeTag(new Uint8Array(159), { source: 1, frame: 1, words: "", last: false }), RangeError);
});

test("an utterance carries each word from the frame in which it begins", async () => {
  const { audio, words } = await toneVoice().speak("Good morning everybody");
  const frames = framesOf(tagUtterance(audio, words, 9, 100));
  const tags = frames.map((frame) => readTag(frame)!);
  assert.deepEqual(tags.map(({ frame }) => frame), frames.map((_, i) => 100 + i));
  assert.deepEqual(tags.map(({ last }) => last), frames.map((_, i) => i === frames.length - 1));
  for (const { text, startMs } of words) {
    const first = tags[Math.floor(startMs / FRAME_MS)]!.words;
    assert.equal(first, `${text} `.slice(0, TAG_TEXT_BYTES));
  }
  assert.equal(frames.length, Math.ceil(audio.length / FRAME_BYTES));
});

test("a tag is 28 dB or more below the speech it is written into", async () => {
  const { audio, words } = await toneVoice().speak("Good morning everybody");
  const before = decode(audio);
  const after = decode(tagUtterance(audio, words, 9, 0));
  const energy = (difference: (n: number) => number) => before.reduce((sum, _, n) => sum + difference(n) ** 2, 0);
  const snrDb = 10 * Math.log10(energy((n) => before[n]!) / energy((n) => before[n]! - after[n]!));
  assert.ok(snrDb > 28, `${snrDb} dB`);
});

test("words longer than their audio spill over in order and are never lost", () => {
  const text = "extraordinarily überlange Wörter 日本語のとても長い言葉 end";
  const words = text.split(" ").map((word) => ({ text: word, startMs: 0, endMs: 10 }));
  for (const bytes of [0, 1, FRAME_BYTES, 10 * FRAME_BYTES]) {
    const reader = new TagReader();
    const heard = framesOf(tagUtterance(new Uint8Array(bytes).fill(0xFF), words, 1, 0)).flatMap((f) =>
      reader.push(f)!.words
    );
    assert.deepEqual(heard, text.split(" "));
    assert.equal(reader.text, text);
  }
  assert.equal(tagUtterance(new Uint8Array(0), [], 1, 0).length, 0);
});

test("any text survives any audio length", () => {
  const random = seeded(4);
  for (let run = 0; run < 200; run++) {
    const words = Array.from({ length: Math.floor(random() * 12) }, (_, i) => ({
      text: "wörd€".repeat(1 + Math.floor(random() * 6)).slice(0, 1 + Math.floor(random() * 25)),
      startMs: i * 90,
      endMs: i * 90 + 80,
    }));
    const audio = noise(Math.floor(random() * 8000), random);
    const reader = new TagReader();
    for (const frame of framesOf(tagUtterance(audio, words, 3, 0xFFFFF0))) reader.push(frame);
    assert.equal(reader.text, words.map(({ text }) => text).join(" "));
    assert.ok(reader.sources.every(({ lost, duplicated, reordered }) => lost + duplicated + reordered === 0));
  }
});

test("a reader tells lost, doubled, late and altered frames apart", () => {
  const reader = new TagReader();
  const send = (...numbers: number[]) => numbers.forEach((frame) => reader.push(tagged({ frame })));
  send(10, 11, 11, 12, 15, 14, 16, 14);
  assert.deepEqual(reader.sources, [{ source: 7, frames: 6, lost: 1, duplicated: 2, reordered: 1, altered: 0 }]);
  const bad = tagged({ frame: 17 });
  bad[100]! ^= 1;
  assert.equal(reader.push(bad), undefined);
  send(18);
  assert.deepEqual(reader.sources, [{ source: 7, frames: 7, lost: 2, duplicated: 2, reordered: 1, altered: 1 }]);
  assert.equal(reader.altered, 1);
});

test("a doubled frame does not say its words twice, and a lost one does not glue its neighbours", () => {
  const reader = new TagReader();
  reader.push(tagged({ frame: 1, words: "one " }));
  assert.deepEqual(reader.push(tagged({ frame: 1, words: "one " }))!.words, []);
  reader.push(tagged({ frame: 2, words: "begun" }));
  assert.equal(reader.text, "one begun");
  assert.deepEqual(reader.push(tagged({ frame: 4, words: "three " }))!.words, ["three"]);
  assert.equal(reader.text, "one begun three");
});

test("sources are followed apart, and their numbers wrap", () => {
  const reader = new TagReader();
  for (let i = 0; i < 4; i++) {
    reader.push(tagged({ source: 1, frame: (0xFFFFFE + i) % 0x1000000 }));
    reader.push(tagged({ source: 2, frame: i * 2 }));
    reader.push(SILENT_FRAME);
  }
  assert.deepEqual(reader.sources.map(({ source, frames, lost }) => [source, frames, lost]), [[1, 4, 0], [2, 4, 3]]);
});
