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
    const recorder = new CallRecorder({
      folder: dir.path,
      file: "call.wav",
      clock: sim.clock,
      failed: (error) => assert.fail(String(error)),
    });
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

test("a caller whose line was silent for more than a minute is recorded again from his second frame on", () => {
  const aligner = new Aligner();
  const frame = (value: number) => new Uint8Array(160).fill(value);
  aligner.caller(0, frame(1));
  for (let ms = 90_000; ms < 91_000; ms += 20) aligner.caller(ms, frame(2));
  const { caller } = aligner.end()!;
  assert.equal(caller.length, 91_000 * PER_MS);
  assert.equal(caller.subarray(20 * PER_MS).indexOf(2), 90_000 * PER_MS);
  assert.ok(caller.subarray(90_020 * PER_MS).every((byte) => byte === 2));
});

test("stamps that no other follows, and those of no call, are passed over, and the frames around them are recorded", () => {
  const aligner = new Aligner();
  const frame = new Uint8Array(160).fill(7);
  for (let ms = 0; ms < 2000; ms += 20) {
    aligner.caller(ms, frame);
    if (ms % 500 === 0) aligner.caller(400_000 + ms, frame); // each follows the one before, but for the right ones between
    if (ms === 1000) { for (let n = 0; n < 3; n++) aligner.caller(99_999_999_999 + n * 20, frame); }
    if (ms === 1200) { for (let n = 0; n < 3; n++) aligner.caller(600_000, frame); }
    if (ms === 1400) { for (let n = 0; n < 3; n++) aligner.caller(700_000 - n * 20, frame); }
  }
  const { caller } = aligner.end()!;
  assert.equal(caller.length, 2000 * PER_MS);
  assert.ok(caller.every((byte) => byte === 7));
});

for (
  const [then, resumesAtMs, frames] of [["his stamps went on", 4000, 200], ["they stood still", 1000, 200], [
    "the call ends",
    0,
    0,
  ]] as const
) {
  test(`what the agent says while the carrier sends none of the caller's audio is recorded whole: ${then}`, () => {
    const aligner = new Aligner();
    const frame = (ms: number) => aligner.caller(ms, new Uint8Array(160).fill(1));
    for (let ms = 0; ms < 1000; ms += 20) frame(ms);
    for (let n = 0; n < 15; n++) {
      aligner.sent(new Uint8Array(1600).fill(n + 2));
      aligner.marked(`r1.${n}`);
    }
    for (let n = 0; n < 15; n++) aligner.echoed(`r1.${n}`);
    for (let n = 0; n < frames; n++) frame(resumesAtMs + n * 20);
    const { agent } = aligner.end()!;
    const heard = [...agent].filter((byte) => byte !== 0xFF);
    const changes = heard.flatMap((byte, at) => byte === heard[at - 1] ? [] : [`${byte} at ${at}`]);
    assert.deepEqual(changes, Array.from({ length: 15 }, (_, n) => `${n + 2} at ${n * 1600}`));
    assert.equal(heard.length, 15 * 1600);
  });
}

for (
  const [how, cutAtMs, expected] of [
    ["heard out", 1500, ["1 at 1020", "silence at 1120", "2 at 1260", "3 at 1360", "silence at 1460"]],
    ["cut behind its mark", 1400, ["1 at 1020", "silence at 1120", "2 at 1260", "3 at 1360", "silence at 1400"]],
    ["cut before its mark", 1300, ["1 at 1020", "silence at 1120", "2 at 1260", "silence at 1300"]],
  ] as const
) {
  test(`where the carrier ran dry between two marks, what was before and what came then are in their places: ${how}`, () => {
    const aligner = new Aligner();
    const send = (value: number) => aligner.sent(new Uint8Array(800).fill(value));
    for (let nowMs = 20; nowMs <= 2000; nowMs += 20) {
      aligner.caller(nowMs - 20, new Uint8Array(160).fill(0xFF));
      if (nowMs === 1020) send(1);
      if (nowMs === 1260) {
        send(2);
        aligner.marked("a");
        send(3);
        aligner.marked("b");
      }
      if (nowMs === cutAtMs) aligner.cleared();
      if (nowMs === Math.min(cutAtMs, 1360)) aligner.echoed("a");
      if (nowMs === Math.min(cutAtMs, 1460)) aligner.echoed("b");
    }
    const { agent } = aligner.end()!;
    const changes = [...agent].flatMap((byte, at) =>
      byte === (agent[at - 1] ?? 0xFF) ? [] : [`${byte === 0xFF ? "silence" : byte} at ${at / PER_MS}`]
    );
    assert.deepEqual(changes, expected);
  });
}

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
  const recorder = new CallRecorder({
    folder: "/nowhere",
    file: "at/all.wav",
    clock,
    failed: (error) => errors.push(error),
  });
  recorder.tap.caller(0, new Uint8Array(160));
  recorder.tap.caller(60_000, new Uint8Array(160));
  await clock.run(10_000);
  recorder[Symbol.dispose]();
  assert.deepEqual([errors.length, recorder.durationMs, clock.pending], [1, 0, 0]);
});

test("what holds no audio is not left behind: that of a full disk, nor that of a call without a frame", () => {
  using dir = folder();
  const open = (failed: (error: unknown) => void) =>
    new CallRecorder({ folder: dir.path, file: "call.wav", clock: new VirtualClock(), failed });
  const errors: unknown[] = [];
  const { writeSync } = Deno.FsFile.prototype;
  try {
    Deno.FsFile.prototype.writeSync = () => {
      throw new Error("No space left on device");
    };
    open((error) => errors.push(error))[Symbol.dispose]();
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
  assert.deepEqual([errors.length, [...Deno.readDirSync(dir.path)]], [1, []]);
  open((error) => assert.fail(String(error)))[Symbol.dispose]();
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
});

test("a recording that is cut off can be played up to some seconds before, and goes on after what is whole of it", async () => {
  using dir = folder();
  const path = `${dir.path}/call.wav`;
  const clock = new VirtualClock();
  const failed = (error: unknown) => assert.fail(String(error));
  const open = () => new CallRecorder({ folder: dir.path, file: "call.wav", clock, failed });
  const talk = async (recorder: CallRecorder, ms: number) => {
    for (let atMs = 0; atMs < ms; atMs += 20) {
      recorder.tap.caller(atMs, new Uint8Array(160).fill(7));
      await clock.run(20);
    }
  };
  const killed = open();
  await talk(killed, 60_000);
  const cut = readWav(Deno.readFileSync(path));
  assert.ok(cut.ok);
  const seconds = cut.value.channels[0]!.length / 8000;
  assert.ok(seconds >= 45 && seconds < 60, `${seconds} s`);
  killed[Symbol.dispose]();
  Deno.writeFileSync(path, new Uint8Array([1]), { append: true }); // half a sample of a write that was cut off
  const next = open();
  await talk(next, 5000);
  next[Symbol.dispose]();
  const whole = readWav(Deno.readFileSync(path));
  assert.ok(whole.ok);
  assert.deepEqual(whole.value.channels.map(({ length }) => length), [65 * 8000, 65 * 8000]);
  assert.equal(new Set(whole.value.channels[0]).size, 1, "the sides have not changed places");
});

/** A carrier that plays what it gets, tells its marks and stamps the caller's frames; the caller's way to us may stall. */
function recordedLine({ stallFrom, stallUntil, untilMs }: {
  stallFrom: number;
  stallUntil: number;
  untilMs: number;
}) {
  const aligner = new Aligner();
  const frame = (n: number) => new Uint8Array(160).fill(n % 250);
  const held: (() => void)[] = [];
  const truth: number[] = [];
  const parts: Uint8Array[] = [];
  let sent = 0;
  for (let ms = 0; ms < untilMs; ms += 20) {
    // We send frame n at n x 20 ms less a lead of 200 ms, from 1 s on; the carrier plays it at 1000 + n x 20 ms.
    while (ms >= 1000 && sent * 20 + 1000 <= ms + 200) {
      aligner.sent(frame(sent));
      if (++sent % 10 === 0) aligner.marked(`m${sent}`);
    }
    const playing = ms >= 1000 ? (ms - 1000) / 20 : -1;
    truth.push(playing >= 0 ? playing % 250 : 0xFF);
    const arrive = () => {
      if (playing > 0 && playing % 10 === 0) aligner.echoed(`m${playing}`);
      aligner.caller(ms, frame(ms / 20));
    };
    if (ms >= stallFrom && ms < stallUntil) held.push(arrive);
    else {
      for (const late of held.splice(0)) late();
      arrive();
    }
    if (ms % 2000 === 0) parts.push(aligner.take()?.agent ?? new Uint8Array(0));
  }
  parts.push(aligner.end()?.agent ?? new Uint8Array(0));
  const agent = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    agent.set(part, at);
    at += part.length;
  }
  /** Frames of which most stands within 20 ms of where the carrier played it. */
  let right = 0, wanted = 0;
  for (let slot = 0; slot < truth.length; slot++) {
    if (truth[slot] === 0xFF) continue;
    wanted++;
    const near = agent.subarray(Math.max(0, slot - 1) * 160, (slot + 2) * 160);
    if (near.filter((byte) => byte === truth[slot]).length >= 120) right++;
  }
  return { right, wanted };
}

test("without a stall the recording holds what the carrier played", () => {
  const { right, wanted } = recordedLine({ stallFrom: 0, stallUntil: 0, untilMs: 20_000 });
  assert.ok(right >= wanted - 12, `${right} of ${wanted} frames`);
});

test("after 4 s in which the caller's way to us stalled the recording holds what the carrier played", () => {
  const { right, wanted } = recordedLine({ stallFrom: 3000, stallUntil: 7000, untilMs: 20_000 });
  assert.ok(right >= wanted - 12, `${right} of ${wanted} frames`);
});

test("after 6 s in which the caller's way to us stalled the recording holds what the carrier played", () => {
  const { right, wanted } = recordedLine({ stallFrom: 3000, stallUntil: 9000, untilMs: 20_000 });
  assert.ok(right >= wanted - 12, `${right} of ${wanted} frames`);
});

test("without echoes no frame that was sent is missing from the recording, but for the lead at the end", () => {
  const aligner = new Aligner();
  let sent = 0;
  const parts: Uint8Array[] = [];
  for (let ms = 0; ms < 22_000; ms += 20) {
    while (ms >= 1000 && ms < 21_000 && sent * 20 + 1000 <= ms + 200) {
      aligner.sent(new Uint8Array(160).fill(sent % 250));
      if (++sent % 10 === 0) aligner.marked(`m${sent}`);
    }
    aligner.caller(ms, new Uint8Array(160).fill(0xFF));
    if (ms % 2000 === 0) parts.push(aligner.take()?.agent ?? new Uint8Array(0));
  }
  parts.push(aligner.end()?.agent ?? new Uint8Array(0));
  const slots = parts.flatMap((part) => Array.from({ length: part.length / 160 }, (_, n) => part[n * 160]!));
  let at = 0;
  const missing: number[] = [];
  for (let n = 0; n < sent; n++) {
    const found = slots.indexOf(n % 250, at);
    if (found < 0 || found > at + 100) missing.push(n);
    else at = found + 1;
  }
  assert.deepEqual(missing, []);
});
