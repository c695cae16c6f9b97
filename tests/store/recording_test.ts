import assert from "node:assert/strict";
import { readWav } from "../../lib/audio/wav.ts";
import { CallRecorder } from "../../lib/store/recorder.ts";
import { Aligner } from "../../lib/store/recording.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { seedCount, seeded, test } from "../case.ts";
import { simHouse, storyBrain } from "../sim/house.ts";
import { VirtualClock } from "../sim/clock.ts";
import type { Weather } from "../sim/wire.ts";
import { folder } from "./make.ts";
import { tapWire } from "./tap_wire.ts";

const PER_MS = 8;

/** Minutes (ten with `deno task seeds`) of a caller who asks, cuts in, and asks again. */
function* talkative(minutes: number): Generator<Step> {
  for (let n = 0; n < minutes * 7; n++) {
    yield { kind: "say", text: "tell me something else about it please" } as Step;
    yield { kind: "interrupt", text: "no wait a moment please", afterMs: 900 + (n * 370) % 2900 } as Step;
  }
}

/** Ms by which each audible piece of `ours` is later than the same samples in `theirs`. */
function shifts(ours: Float32Array, theirs: Float32Array): { atMs: number; shiftMs: number }[] {
  const found: { atMs: number; shiftMs: number }[] = [];
  const size = 40 * PER_MS;
  for (let at = 3000 * PER_MS; at + size < ours.length; at += 250 * PER_MS) {
    const piece = ours.subarray(at, at + size);
    if (piece.every((sample) => Math.abs(sample) < 0.02)) continue;
    for (let shift = 0; shift < 1500 * PER_MS; shift++) {
      const before = matches(piece, theirs, at - shift);
      if (!before && !matches(piece, theirs, at + shift)) continue;
      found.push({ atMs: at / PER_MS, shiftMs: (before ? shift : -shift) / PER_MS });
      break;
    }
  }
  return found;
}

/** Whether half of the piece stands in its place. */
function isBesideCut(
  ours: Float32Array,
  theirs: Float32Array,
  { atMs, base }: { atMs: number; base: number },
): boolean {
  for (const from of [atMs * PER_MS, (atMs + 20) * PER_MS]) {
    const half = ours.subarray(from, from + 20 * PER_MS);
    for (let shift = -20 * PER_MS; shift <= 20 * PER_MS; shift++) {
      if (matches(half, theirs, from - base * PER_MS + shift)) return true;
    }
  }
  return false;
}

function matches(piece: Float32Array, whole: Float32Array, at: number): boolean {
  for (let n = 0; n < piece.length; n++) if (piece[n] !== whole[at + n]) return false;
  return true;
}

const WEATHERS: Record<string, { weather: Weather; minutes: number }> = {
  "no delay": { weather: {}, minutes: seedCount(10) },
  "80 ms either way, 30 ms of jitter": {
    weather: { delayMs: 80, jitterMs: 30, random: seeded(7) },
    minutes: seedCount(5),
  },
};

for (const [name, { weather, minutes }] of Object.entries(WEATHERS)) {
  test(`${minutes} minutes with interruptions are recorded as the telephone heard them, within 20 ms: ${name}`, async () => {
    using dir = folder();
    await using sim = await simHouse({
      agent: { think: storyBrain },
      lineWeather: weather,
      config: { limits: { callMinutes: 15 } },
    });
    const { reception } = sim.house;
    const stream = reception.stream.bind(reception);
    const path = `${dir.path}/call.wav`;
    const recorder = new CallRecorder({ path, clock: sim.clock, failed: (error) => assert.fail(String(error)) });
    reception.stream = (wire) => stream(tapWire(wire, recorder.tap));
    const phone = sim.ring({ record: true, steps: talkative(minutes), limitMs: minutes * 60_000 });
    await sim.clock.runFor(phone.report, (minutes + 2) * 60_000);
    recorder[Symbol.dispose]();
    const ours = readWav(Deno.readFileSync(path));
    const theirs = readWav(phone.wav()!);
    assert.ok(ours.ok && theirs.ok);
    assert.ok(Math.abs(ours.value.channels[0]!.length / PER_MS / 60_000 - minutes) < 0.1);
    const [caller, agent] = [0, 1].map((n) => shifts(ours.value.channels[n]!, theirs.value.channels[n]!));
    const audible = ours.value.channels[1]!.filter((sample) => Math.abs(sample) > 0.02).length;
    assert.ok(
      caller!.length > minutes * 5 && agent!.length > minutes * 40,
      `${caller!.length} and ${agent!.length} pieces`,
    );
    const base = caller![0]!.shiftMs;
    for (const { atMs, shiftMs } of caller!) {
      assert.ok(Math.abs(shiftMs - base) <= 1, `caller at ${atMs}: ${shiftMs - base}`);
    }
    // Where a reply was cut, a piece may reach over the cut by less than 20 ms and be found whole where the reply went on.
    const [left, right] = [ours.value.channels[1]!, theirs.value.channels[1]!];
    const isCut = ({ atMs, shiftMs }: { atMs: number; shiftMs: number }) =>
      Math.abs(shiftMs - base) > 20 && isBesideCut(left, right, { atMs, base });
    const placed = agent!.filter((piece) => !isCut(piece));
    assert.ok(agent!.length - placed.length <= minutes, `${agent!.length - placed.length} pieces beside a cut`);
    for (const { atMs, shiftMs } of placed) {
      assert.ok(Math.abs(shiftMs - base) <= 20, `agent at ${atMs}: ${shiftMs - base}`);
    }
    // Nothing that was heard is missing, nothing that was not is there.
    const heard = theirs.value.channels[1]!.filter((sample) => Math.abs(sample) > 0.02).length;
    assert.ok(Math.abs(audible - heard) / heard < 0.02, `${audible} of ${heard} audible samples`);
  });
}

test("a frame that the carrier never delivered is silence in its place", () => {
  const aligner = new Aligner();
  const frame = (value: number) => new Uint8Array(160).fill(value);
  aligner.caller(0, frame(1));
  aligner.caller(5000, frame(2));
  aligner.caller(20_000, frame(3));
  const taken = aligner.take();
  assert.equal(taken?.caller.length, (20_020 - 10_000 - 20 + 20) * PER_MS);
  assert.equal(taken.caller[0], 1);
  assert.equal(taken.caller[4999 * PER_MS], 0xFF);
  assert.equal(taken.caller[5000 * PER_MS], 2);
  assert.equal(aligner.end()?.caller.at(-1), 3);
});

test("what is handed over may be used again, and what a carrier without echoes was sent is recorded as it left", () => {
  const aligner = new Aligner();
  const frame = new Uint8Array(160);
  const recorded: number[] = [];
  const minutes = 5;
  for (let n = 0; n < minutes * 3000; n++) {
    aligner.caller(n * 20, frame.fill(0xFF));
    aligner.sent(frame.fill(n % 251));
    if (n % 10 === 9) aligner.marked(`m${n}`);
    if (n % 100 === 0) recorded.push(...aligner.take()?.agent ?? []);
  }
  recorded.push(...aligner.end()!.agent);
  const at = (n: number) => recorded[n * 160 + 80];
  const right = Array.from({ length: minutes * 3000 }, (_, n) => n).filter((n) => at(n + 1) === n % 251);
  assert.ok(right.length > minutes * 3000 * 0.99, `${right.length} frames in their place`);
});

test("a disk that refuses ends the recording, and nothing else", async () => {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const recorder = new CallRecorder({ path: "/nowhere/at/all.wav", clock, failed: (error) => errors.push(error) });
  recorder.tap.caller(0, new Uint8Array(160));
  recorder.tap.caller(60_000, new Uint8Array(160));
  await clock.run(10_000);
  recorder[Symbol.dispose]();
  assert.deepEqual([errors.length, recorder.durationMs, clock.pending], [1, 0, 0]);
});
