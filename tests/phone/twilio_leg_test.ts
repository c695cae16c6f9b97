import assert from "node:assert/strict";
import { FRAME_BYTES, FRAME_MS, SILENCE, SILENT_FRAME } from "../../lib/audio/frame.ts";
import type { LegEvent } from "../../lib/phone/leg.ts";
import { Pacer } from "../../lib/phone/pacer.ts";
import { ASK_LIFE_MS, LIFELESS_MS, TwilioLeg } from "../../lib/phone/twilio_leg.ts";
import { Aligner } from "../../lib/store/recording.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { wirePair } from "../sim/wire.ts";

const streamSid = `MZ${"1".repeat(32)}`;

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
  const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
  client.send(JSON.stringify({ event: "start", streamSid, start: { callSid: "CA1", mediaFormat } }));
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
