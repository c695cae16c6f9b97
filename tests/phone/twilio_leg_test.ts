import assert from "node:assert/strict";
import type { Wire, WireEvents } from "../../lib/base/wire.ts";
import { FRAME_BYTES, FRAME_MS, SILENCE, SILENT_FRAME } from "../../lib/audio/frame.ts";
import type { LegEvent } from "../../lib/phone/leg.ts";
import { Pacer } from "../../lib/phone/pacer.ts";
import { ASK_LIFE_MS, LIFELESS_MS, TwilioLeg } from "../../lib/phone/twilio_leg.ts";
import { Aligner } from "../../lib/store/recording.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { wirePair } from "../sim/wire.ts";

const streamSid = `MZ${"1".repeat(32)}`;

const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
const START = JSON.stringify({ event: "start", streamSid, start: { callSid: "CA1", mediaFormat } });

/** A started line, and the carrier's end of it. `echo`: marks come back. */
function startedLine({ echo = false } = {}) {
  const clock = new VirtualClock();
  const { client, server } = wirePair(clock);
  const leg = new TwilioLeg({ wire: server, clock, pacer: new Pacer(clock), leadMs: 200 });
  const events: LegEvent[] = [];
  leg.listen((event) => events.push(event));
  const marks: string[] = [];
  /** Frames in each message of audio. */
  const sent: number[] = [];
  let closed: [code: number, reason: string] | undefined;
  client.listen({
    text(text) {
      const { event, mark, media } = JSON.parse(text);
      if (event === "media") sent.push(Uint8Array.fromBase64(media.payload).length / FRAME_BYTES);
      if (event !== "mark") return;
      marks.push(mark.name);
      if (echo) client.send(JSON.stringify({ event: "mark", streamSid, mark }));
    },
    binary: () => assert.fail("Twilio takes text only"),
    close: (code, reason) => closed = [code, reason],
    crashed: assert.fail,
  });
  client.send(START);
  const payload = SILENT_FRAME.toBase64();
  /** The caller's silence. */
  const silence = (timestampMs: number) => sound(timestampMs, payload);
  const sound = (timestampMs: number, payload: string) => {
    const media = { track: "inbound", chunk: "1", timestamp: String(timestampMs), payload };
    client.send(JSON.stringify({ event: "media", streamSid, media }));
  };
  return { clock, leg, events, marks, sent, silence, sound, closed: () => closed };
}

test("a carrier that says nothing is asked for a sign of life, and given up without one", async () => {
  const { clock, events, marks, closed } = startedLine();
  await clock.run(ASK_LIFE_MS - 500);
  assert.deepEqual(marks, []);
  await clock.run(LIFELESS_MS - ASK_LIFE_MS);
  assert.deepEqual(marks, ["alive"]);
  assert.equal(closed(), undefined);
  await clock.run(1000);
  assert.deepEqual(events.at(-1), { kind: "leg-ended", how: "socket-closed" });
  assert.deepEqual(closed(), [1001, "no sign of life"]);
});

test("a carrier that is silent but there is kept", async () => {
  const { clock, leg, events, marks, closed } = startedLine({ echo: true });
  await clock.run(4 * ASK_LIFE_MS + 2000);
  assert.deepEqual(marks, ["alive", "alive", "alive", "alive"]);
  assert.deepEqual(events.map(({ kind }) => kind), ["leg-started"]);
  assert.equal(closed(), undefined);
  leg.hangUp();
});

test("one frame with a strange timestamp does not end a recorded call, nor take gigabytes", async () => {
  const { clock, leg, events, silence } = startedLine();
  leg.tap(new Aligner());
  silence(99_999_999_999);
  let crashed: unknown;
  try {
    await clock.run(100);
  } catch (error) {
    crashed = error;
  }
  assert.deepEqual([crashed, events.filter(({ kind }) => kind === "leg-ended")], [undefined, []]);
  leg.hangUp();
});

test("the traffic of a line is what came and what left: no made-up silence, nothing that was cut off, but what was resumed", async () => {
  const { clock, leg, sent, silence } = startedLine({ echo: true });
  silence(0);
  leg.play(1, new Uint8Array(50 * FRAME_BYTES).fill(7));
  await clock.run(600);
  leg.clear();
  leg.resume(2, 400);
  await clock.run(2000);
  silence(2600);
  await clock.run(20);
  const frames = sent.reduce((sum, count) => sum + count, 0);
  assert.ok(frames > 50 && frames < 75, `${frames} frames were sent`);
  assert.deepEqual(leg.traffic, { inBytes: 2 * FRAME_BYTES, outBytes: frames * FRAME_BYTES });
  leg.hangUp();
});

test("while it speaks one frame goes with each of the caller's, however these waver around the due time and the voice's chunks come", async () => {
  for (let phase = 0; phase < FRAME_MS; phase++) {
    const random = seeded(phase);
    const { clock, leg, sent, silence } = startedLine();
    for (let frame = 0; frame < 100; frame++) {
      const waver = 8 * (random() - 0.5);
      clock.after(10 + frame * FRAME_MS + waver, () => silence(frame * FRAME_MS));
    }
    for (let chunk = 0; chunk < 16; chunk++) {
      clock.after(100 + phase + 25 * chunk, () => leg.play(1, new Uint8Array(chunk === 0 ? 2000 : 1000)));
    }
    await clock.run(100 + phase);
    assert.deepEqual(sent, [11], "200 ms ahead, and the frame that plays");
    await clock.run(1500);
    assert.deepEqual(new Set(sent.slice(1)), new Set([1]), `phase ${phase}: ${sent}`);
    leg.hangUp();
  }
});

test("the caller's audio stays in order, however much of it is in a message", async () => {
  const { clock, leg, sound } = startedLine();
  const heard: number[] = [];
  leg.connect((frame) => heard.push(...frame));
  const lengths = [240, 160, 160, 80, 40, 160, 120];
  let atMs = 100;
  for (const [n, length] of lengths.entries()) {
    sound(atMs, new Uint8Array(length).fill(n).toBase64());
    atMs += length / 8;
  }
  sound(atMs, new Uint8Array(80).fill(8).toBase64());
  sound(atMs + 30, new Uint8Array(80).fill(9).toBase64()); // the carrier left a frame out
  await clock.run(10);
  const gap = [[80, 8], [FRAME_BYTES, SILENCE], [80, 9]] as const;
  const runs = [...lengths.map((length, n) => [length, n] as const), ...gap];
  assert.deepEqual(heard, runs.flatMap(([length, byte]) => Array(length).fill(byte)));
  leg.hangUp();
});

/** A line over a socket of which the test says what comes, and how much of what was sent is stuck. */
function heldLine({ started = true } = {}) {
  const clock = new VirtualClock();
  const done: string[] = [];
  let events: WireEvents | undefined;
  const wire = {
    bufferedBytes: 0,
    send: () => {},
    close: (code: number) => void done.push(`close ${code}`),
    terminate: () => void done.push("terminate"),
    listen: (to: WireEvents) => void (events = to),
  } satisfies Wire;
  const leg = new TwilioLeg({ wire, clock, pacer: new Pacer(clock), leadMs: 200 });
  if (started) events!.text(START);
  return { clock, leg, wire, done, events: events! };
}

test("a carrier that takes nothing any more is given up, without a farewell", async () => {
  const { clock, leg, wire, done } = heldLine();
  const told: LegEvent[] = [];
  leg.listen((event) => told.push(event));
  wire.bufferedBytes = 256 * 1024;
  leg.play(1, new Uint8Array(50 * FRAME_BYTES));
  await clock.run(100);
  assert.deepEqual(done, []);
  wire.bufferedBytes++;
  await clock.run(100);
  assert.deepEqual([done, told.at(-1)], [["terminate"], { kind: "leg-ended", how: "clogged" }]);
  assert.ok(leg.play(1, new Uint8Array(FRAME_BYTES)), "what comes then is no loss");
  assert.equal(clock.pending, 0);
});

test("what came before anybody listened is told then, the caller's last two seconds too", async () => {
  const { clock, leg, events } = heldLine();
  events.text(JSON.stringify({ event: "dtmf", streamSid, dtmf: { digit: "5" } }));
  for (let frame = 0; frame < 110; frame++) {
    const media = {
      track: "inbound",
      chunk: "1",
      timestamp: `${frame * 20}`,
      payload: new Uint8Array(160).fill(frame).toBase64(),
    };
    events.text(JSON.stringify({ event: "media", streamSid, media }));
  }
  const told: string[] = [];
  leg.listen(({ kind }) => told.push(kind));
  const heard: number[] = [];
  leg.connect((frame) => heard.push(frame[0]!));
  assert.deepEqual(told, ["leg-started", "digit"]);
  assert.deepEqual(heard, Array.from({ length: 100 }, (_, n) => n + 10));
  leg.hangUp();
  await clock.run(0);
  assert.equal(clock.pending, 0);
});

test("a mistake of ours with a message ends the line, and is reported", () => {
  const { leg, done, events } = heldLine();
  const told: LegEvent[] = [];
  leg.listen((event) => told.push(event));
  const mistake = new Error("a mistake");
  assert.throws(() => events.crashed(mistake), mistake);
  assert.deepEqual([done, told.at(-1)], [["close 1000"], { kind: "leg-ended", how: "garbage" }]);
});

test("a socket without a start is closed after 10 s, and a second start changes nothing", async () => {
  for (const started of [false, true]) {
    const { clock, leg, done, events } = heldLine({ started });
    const told: LegEvent[] = [];
    leg.listen((event) => told.push(event));
    if (started) events.text(START.replace("CA1", "CA2"));
    await clock.run(9900);
    assert.deepEqual(done, []);
    await clock.run(200);
    assert.deepEqual(done, started ? [] : ["close 1008"]);
    const last: LegEvent = started
      ? { kind: "carrier-odd", what: "second start" }
      : { kind: "leg-ended", how: "no-start" };
    assert.deepEqual(told.at(-1), last);
    assert.deepEqual(told.filter(({ kind }) => kind === "leg-started").length, started ? 1 : 0);
    leg.hangUp();
  }
});

test("how long a mark took to come back is told, and that its reply was heard", async () => {
  const { clock, leg, events } = startedLine({ echo: true });
  leg.play(1, new Uint8Array(FRAME_BYTES));
  leg.end(1);
  await clock.run(300);
  const [, , trip, heard] = events;
  assert.deepEqual([trip?.kind, heard], ["mark-round-trip", { kind: "reply-heard", reply: 1, heardMs: FRAME_MS }]);
  leg.hangUp();
});

test("on a line that has skipped silence before, silence is made up as it passes", async () => {
  const { clock, leg, silence } = startedLine();
  let heardMs = 0;
  leg.connect((frame) => heardMs += frame.length / 8);
  silence(100);
  await clock.run(500);
  assert.equal(heardMs, 20 + 240, "the network may only be late");
  await clock.run(500);
  silence(1100);
  await clock.run(1);
  assert.equal(heardMs, 1020);
  await clock.run(500);
  assert.equal(heardMs, 1020 + 500);
  await clock.run(10_000);
  assert.equal(heardMs, 1020 + 10_500, "and none is lost with time");
  leg.hangUp();
});
