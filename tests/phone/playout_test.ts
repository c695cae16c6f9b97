import assert from "node:assert/strict";
import fc from "fast-check";
import { BYTES_PER_MS, FRAME_BYTES, SILENCE } from "../../lib/audio/frame.ts";
import { Playout } from "../../lib/phone/playout.ts";
import { test } from "../case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

const LEAD_MS = 200;

/** Audio in which each place looks different. */
function speech(bytes: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (at * 7 + Math.floor(at / 251) + seed) % 251);
}

/** All that `playout` sends from `fromMs` to `toMs`, looked at every 20 ms. */
function sentBetween(playout: Playout, fromMs: number, toMs: number): number[] {
  const sent: number[] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 20) {
    for (const outgoing of playout.take(nowMs, LEAD_MS)) if (outgoing.kind === "audio") sent.push(...outgoing.bytes);
  }
  return sent;
}

function pushIn(playout: Playout, reply: number, audio: Uint8Array, sizes: readonly number[]): void {
  for (let at = 0, n = 0; at < audio.length; n++) {
    const chunk = audio.slice(at, at + sizes[n % sizes.length]!);
    playout.push(reply, chunk);
    at += chunk.length;
    chunk.fill(0); // what is queued is a copy
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 });
const length = fc.integer({ min: 1, max: 60_000 });

test("a reply is sent byte for byte however it came, and filled with silence to a whole frame", () => {
  fc.assert(fc.property(length, sizes, (bytes, sizes) => {
    const playout = new Playout();
    const audio = speech(bytes);
    pushIn(playout, 1, audio, sizes);
    playout.end(1);
    const whole = Math.ceil(bytes / FRAME_BYTES) * FRAME_BYTES;
    const expected = [...audio, ...new Array<number>(whole - bytes).fill(SILENCE)];
    assert.deepEqual(sentBetween(playout, 0, 10_000), expected);
  }));
});

test("a cut reply goes on from where it is told, with all that came before and after the cut", () => {
  const cutMs = fc.integer({ min: 0, max: 9000 });
  const backMs = fc.integer({ min: 0, max: 2000 });
  fc.assert(fc.property(length, length, sizes, cutMs, backMs, (before, after, sizes, cutMs, backMs) => {
    const playout = new Playout();
    const audio = speech(before + after);
    pushIn(playout, 1, audio.subarray(0, before), sizes);
    sentBetween(playout, 0, cutMs);
    const [cut] = playout.clear(cutMs);
    pushIn(playout, 1, audio.subarray(before), sizes);
    playout.end(1);
    const fromMs = Math.max(0, cut!.heardMs - backMs);
    assert.ok(playout.resume(2, fromMs));
    const rest = [...audio.subarray(Math.round(fromMs * BYTES_PER_MS))];
    assert.deepEqual(sentBetween(playout, cutMs, cutMs + 16_000).slice(0, rest.length), rest);
  }));
});

test("of a long reply that was cut 30 s are kept behind what was heard, without a hole, whenever they came", () => {
  for (const beforeMs of [5000, 20_000, 60_000]) {
    const playout = new Playout();
    const audio = speech(60_000 * BYTES_PER_MS);
    const before = beforeMs * BYTES_PER_MS;
    pushIn(playout, 1, audio.subarray(0, before), [8000]);
    sentBetween(playout, 0, 5000);
    const [{ heardMs } = { heardMs: 0 }] = playout.clear(5000);
    pushIn(playout, 1, audio.subarray(before), [20_000, 900, 1]);
    playout.end(1);
    assert.ok(playout.resume(2, heardMs));
    const rest = sentBetween(playout, 5000, 60_000);
    const from = heardMs * BYTES_PER_MS;
    assert.ok(rest.length >= 30_000 * BYTES_PER_MS && rest.length <= 32_000 * BYTES_PER_MS, `${rest.length} bytes`);
    assert.deepEqual(rest, [...audio.subarray(from, from + rest.length)]);
  }
});

test("replies that follow each other, heard, cut or taken up again, have each their own audio", () => {
  const turn = fc.record({
    bytes: fc.integer({ min: 1, max: 50_000 }),
    cutMs: fc.option(fc.integer({ min: 0, max: 6000 })),
    resumed: fc.boolean(),
    early: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(turn, { minLength: 2, maxLength: 6 }), sizes, (turns, sizes) => {
    const line = new EchoedLine();
    let number = 0;
    for (const [seed, { bytes, cutMs, resumed, early }] of turns.entries()) {
      const audio = speech(bytes, seed * 17);
      const reply = ++number;
      if (early) pushIn(line.playout, number + 100, speech(9000, 99), sizes); // of another reply, behind this one
      pushIn(line.playout, reply, audio, sizes);
      line.playout.end(reply);
      if (early) line.playout.end(number + 100);
      const sent = line.run(cutMs ?? 30_000);
      const expected = early ? [...padded(speech(9000, 99)), ...padded(audio)] : padded(audio);
      assert.deepEqual(sent, expected.slice(0, sent.length));
      if (cutMs === null) {
        assert.equal(sent.length, expected.length);
        continue;
      }
      const [cut] = line.playout.clear(line.nowMs);
      if (!cut || early || !resumed) continue;
      const rest = [...audio.subarray(Math.round(cut.heardMs * BYTES_PER_MS))];
      assert.equal(line.playout.resume(++number, cut.heardMs), rest.length > 0);
      assert.deepEqual(line.run(30_000).slice(0, rest.length), rest);
    }
  }));
});

function padded(audio: Uint8Array): number[] {
  const whole = Math.ceil(audio.length / FRAME_BYTES) * FRAME_BYTES;
  return [...audio, ...new Array<number>(whole - audio.length).fill(SILENCE)];
}

/** A line whose carrier gives each mark back when its audio was played. */
class EchoedLine {
  readonly playout = new Playout();
  nowMs = 0;
  #heardMs = 0;

  /** What is sent in `ms`, with the echoes of what was played by then; with 30 s all of it. */
  run(ms: number): number[] {
    const untilMs = this.nowMs + ms;
    const sent: number[] = [];
    const marks: { name: string; dueMs: number }[] = [];
    this.#heardMs = this.nowMs;
    for (; this.nowMs < untilMs; this.nowMs += 20) {
      for (const outgoing of this.playout.take(this.nowMs, LEAD_MS)) {
        if (outgoing.kind === "mark") marks.push({ name: outgoing.name, dueMs: this.#heardMs });
        else {
          sent.push(...outgoing.bytes);
          this.#heardMs = Math.max(this.#heardMs, this.nowMs) + outgoing.bytes.length / BYTES_PER_MS;
        }
      }
      while (marks[0] && marks[0].dueMs <= this.nowMs) this.playout.echo(marks.shift()!.name, this.nowMs);
    }
    return sent;
  }
}

test("audio of a reply that has ended is ignored while the reply is still being heard", () => {
  const playout = new Playout();
  playout.push(1, new Uint8Array(160).fill(1));
  playout.end(1);
  playout.take(0, 200);
  playout.push(1, new Uint8Array(160).fill(9));
  playout.push(2, new Uint8Array(160).fill(2));
  playout.end(2);
  const sent = playout.take(40, 200).flatMap((out) => out.kind === "audio" ? [out.bytes[0]] : []);
  assert.deepEqual(sent, [2]);
});

test("a reply that is ended twice is heard once", () => {
  const playout = new Playout();
  playout.push(1, new Uint8Array(160).fill(1));
  assert.equal(playout.end(1), false);
  playout.take(0, 200);
  assert.equal(playout.end(1), false, "it is being heard, not over");
});

test("audio of a reply that ended and waits for its turn is no loss, and not played", () => {
  const playout = new Playout();
  for (const reply of [1, 2]) playout.push(reply, new Uint8Array(160).fill(reply));
  playout.end(2);
  assert.ok(playout.push(2, new Uint8Array(160).fill(9)));
  playout.end(1);
  const sent = playout.take(0, 200).flatMap((out) => out.kind === "audio" ? [...out.bytes] : []);
  assert.deepEqual(sent, [...new Uint8Array(160).fill(1), ...new Uint8Array(160).fill(2)]);
});

test("of more than 3 minutes that wait what comes last is dropped, until some was sent or let go", () => {
  const playout = new Playout();
  const minute = new Uint8Array(60_000 * BYTES_PER_MS);
  const frame = new Uint8Array(FRAME_BYTES);
  assert.deepEqual([1, 2, 3].map((reply) => playout.push(reply, minute)), [true, true, true]);
  assert.equal(playout.push(3, frame), false);
  playout.take(0, 0);
  assert.deepEqual([playout.push(3, frame), playout.push(3, frame)], [true, false]);
  playout.clear(0);
  assert.ok(playout.push(4, minute));
});

test("a reply that is taken up before all of it has come goes on with what comes", () => {
  const playout = new Playout();
  playout.push(1, new Uint8Array(160).fill(1));
  playout.clear(0);
  assert.ok(playout.resume(2, 0));
  playout.push(2, new Uint8Array(160).fill(2));
  assert.deepEqual([...new Set(sentBetween(playout, 0, 100))], [1, 2]);
  assert.ok(!playout.take(100, 200).length, "its last mark waits for its end");
  playout.end(2);
  assert.deepEqual(playout.take(120, 200).map(({ kind }) => kind), ["mark"]);
});

test("what was heard counts from the last mark that came back, and on from there", () => {
  const playout = new Playout();
  playout.push(1, new Uint8Array(1000 * BYTES_PER_MS));
  const marks: string[] = [];
  for (let nowMs = 0; nowMs < 500; nowMs += 20) {
    for (const outgoing of playout.take(nowMs, LEAD_MS)) if (outgoing.kind === "mark") marks.push(outgoing.name);
  }
  const { roundTripMs } = playout.echo(marks[0]!, 500)!; // behind 200 ms of audio or a little more
  const firstMs = 500 - roundTripMs;
  assert.ok(firstMs >= 200 && firstMs <= 220, `${firstMs} ms`);
  assert.deepEqual(playout.clear(540), [{ reply: 1, heardMs: firstMs + 40 }]);
});

test("less than a frame waits for more, or for the reply's end", () => {
  const playout = new Playout();
  playout.push(1, new Uint8Array(FRAME_BYTES - 1));
  assert.equal(playout.nextSendMs(LEAD_MS), Infinity);
  playout.end(1);
  assert.equal(playout.nextSendMs(LEAD_MS), -LEAD_MS);
});
