import assert from "node:assert/strict";
import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { DOWN, FrameStamp, UP } from "../bench/frames.ts";
import { Histogram } from "../bench/histogram.ts";
import { isOwnLine, ownLine } from "../bench/own_voice.ts";
import { type Heard, PhoneLine } from "../bench/phone_line.ts";
import { Uplink } from "../bench/uplink.ts";
import { test } from "../case.ts";

const stamp = new FrameStamp();

function noneHeard(): Heard {
  const durations = { firstFrame: new Histogram(), jitter: new Histogram(), late: new Histogram() };
  const counts = { frames: 0, measuredFrames: 0, messages: 0, marks: 0, altered: 0, own: 0, stale: 0, odd: 0 };
  const gaps = { underruns: 0, uncertain: 0, underrunMs: 0, emptyHanded: 0, starved: 0 };
  return { ...durations, ...counts, ...gaps, alteredAt: [], underrunsAt: [] };
}

function replyFrame(index: number, sentMs: number): Uint8Array {
  stamp.write(DOWN, { call: 7, reply: 1, index, count: 50, sentMs });
  return stamp.bytes.slice();
}

function phone() {
  const heard = noneHeard();
  const line = new PhoneLine(7, heard);
  const play = (frames: Uint8Array[], ms: number) => {
    const payload = new Uint8Array(frames.flatMap((frame) => [...frame])).toBase64();
    line.message(`{"event":"media","media":{"payload":"${payload}"}}`, { ms, sinceMs: ms, measured: true });
  };
  return { heard, play };
}

test("a line that the server says of itself is told from an altered frame, its lowest bits being free", () => {
  const { heard, play } = phone();
  const tagged = ownLine(0, FRAME_BYTES).map((byte, i) => byte ^ (i & 1));
  play([ownLine(0, FRAME_BYTES)], 0);
  play([tagged, tagged], 20);
  assert.deepEqual([heard.own, heard.altered], [3, 0]);
  play([tagged.map((byte, i) => i === 80 ? byte ^ 2 : byte)], 60);
  assert.deepEqual([heard.own, heard.altered, heard.alteredAt], [3, 1, [{ call: 7, reply: 0, ms: 60 }]]);
});

test("audio of an own line is the same however it is cut", () => {
  const whole = ownLine(0, 1000);
  for (const cut of [1, 159, 160, 161, 999]) {
    assert.deepEqual([...ownLine(0, cut), ...ownLine(cut, 1000 - cut)], [...whole]);
  }
  assert.ok(isOwnLine(whole, 160) && !isOwnLine(whole, 100) && !isOwnLine(replyFrame(0, 0), 0));
});

test("the carrier plays own lines too: a reply behind one finds its buffer full", () => {
  const { heard, play } = phone();
  play(Array.from({ length: 10 }, () => ownLine(0, FRAME_BYTES)), 0);
  play([replyFrame(0, 1)], 1);
  play([replyFrame(1, 1)], 150); // 200 ms of the line before it are still being played
  assert.equal(heard.underruns + heard.starved, 0);
});

test("an under-run is held against the server; one with nothing left to send is counted apart", () => {
  const { heard, play } = phone();
  play([replyFrame(0, 0)], 1);
  play([replyFrame(1, 15)], 150); // handed over after the server's last words
  assert.deepEqual([heard.underruns, heard.emptyHanded], [1, 1]);
  play([replyFrame(2, 100)], 300); // the server had it when it spoke last
  assert.deepEqual([heard.underruns, heard.emptyHanded], [2, 1]);
  play([replyFrame(3, 390)], 400); // given too late
  assert.deepEqual([heard.underruns, heard.starved], [2, 1]);
});

test("a vendor hears frames in pieces of any size, and silence apart", () => {
  const uplink = new Histogram();
  const ear = new Uplink({ nowMs: () => 30, uplink, measured: () => true });
  const frames = [0, 1, 3].flatMap((index) => {
    stamp.write(UP, { call: 4, reply: 0, index, count: 0, sentMs: 10 });
    return [...stamp.bytes];
  });
  const audio = Uint8Array.from([...frames, ...new Uint8Array(FRAME_BYTES).fill(0xFF)]);
  for (let at = 0; at < audio.length; at += 100) ear.hear(audio.subarray(at, at + 100));
  const { call, lost, altered, silent } = ear.result;
  assert.deepEqual({ call, lost, altered, silent }, { call: 4, lost: 1, altered: 0, silent: 1 });
  assert.equal(uplink.n, 3);
});
