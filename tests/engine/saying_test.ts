import assert from "node:assert/strict";
import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import { sleep } from "../../lib/base/clock.ts";
import { FaultError } from "../../lib/base/result.ts";
import { Gate, Spares } from "../../lib/engine/flow.ts";
import { Memory } from "../../lib/engine/memory.ts";
import { Saying } from "../../lib/engine/saying.ts";
import type { Spoken, Tts } from "../../lib/providers/ports.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const TEXT = "Unbelievable opportunities are waiting for everybody on Thursday.";

/** What a voice gives, and when: ms after the text. */
interface Delivery {
  atMs: number;
  spoken: Spoken;
}

/** Fails after its last delivery. */
function failingVoice(clock: VirtualClock, deliveries: readonly Delivery[]): Tts {
  return {
    name: "failing",
    async *speak() {
      for (const { atMs, spoken } of deliveries) {
        await sleep(clock, atMs - clock.monotonicMs());
        yield spoken;
      }
      throw new FaultError({ kind: "lost", peer: "cartesia", closeCode: 1006, reason: "", openMs: 0 });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** @returns what was played, as "ms: bytes by then", and how long it was when the voice had failed. */
async function played(deliveries: readonly Delivery[]): Promise<{ steps: string[]; endMs: number }> {
  const clock = new VirtualClock();
  const totals = new Map<number, number>();
  let bytes = 0;
  const saying = new Saying({
    voices: new Spares([failingVoice(clock, deliveries)]),
    host: {
      newReply: () => 1,
      post: () => {},
      play(_reply, audio) {
        assert.equal(audio.length % FRAME_BYTES, 0);
        totals.set(clock.monotonicMs(), bytes += audio.length);
      },
    },
    clock,
    memory: new Memory({ maxTurns: 10 }),
    gate: new Gate("open"),
    reached: () => {},
    failed: () => saying.abort(),
  });
  saying.add(TEXT);
  saying.end();
  await clock.runFor(saying.done, 60_000);
  return { steps: [...totals].map(([ms, total]) => `${ms}: ${total}`), endMs: bytes / 8 };
}

test("what is played of a voice does not depend on how its audio is cut, nor does where it ends when the voice fails", async () => {
  const { audio, words } = await toneVoice().speak(TEXT);
  for (let seed = 0; seed < 200; seed++) {
    const random = seeded(seed);
    const pieces: Delivery[] = [];
    const frames: Delivery[] = [];
    let atMs = 0;
    if (seed % 2) { for (const all of [pieces, frames]) all.push({ atMs, spoken: { kind: "words", words } }); }
    const failsAt = Math.floor(random() * audio.length / FRAME_BYTES) * FRAME_BYTES;
    for (let from = 0; from < failsAt;) {
      const to = Math.min(failsAt, from + Math.ceil(random() * 60) * FRAME_BYTES);
      pieces.push({ atMs, spoken: { kind: "audio", frames: audio.subarray(from, to) } });
      for (; from < to; from += FRAME_BYTES) {
        frames.push({ atMs, spoken: { kind: "audio", frames: audio.subarray(from, from + FRAME_BYTES) } });
      }
      atMs += Math.floor(random() * 700);
    }
    assert.deepEqual(await played(pieces), await played(frames), `seed ${seed}`);
  }
});

test("a long piece at once: as much as the caller's line needs, and beyond it whole words", async () => {
  const { audio, words } = await toneVoice().speak(TEXT);
  const [first, second] = words; // "Unbelievable" ends after 720 ms, "opportunities" after 1560
  const piece = (ms: number): Delivery => ({ atMs: 0, spoken: { kind: "audio", frames: audio.subarray(0, ms * 8) } });
  const told: Delivery = { atMs: 0, spoken: { kind: "words", words } };
  assert.equal((await played([told, piece(1200)])).endMs, Math.floor(second!.startMs / FRAME_MS) * FRAME_MS);
  assert.equal((await played([told, piece(700)])).endMs, 240, "of a word that is not whole, 240 ms");
  assert.equal((await played([piece(700)])).endMs, 240, "and so without times, where no pause has come");
  assert.ok(first!.endMs > 700);
});

test("all that has come is played before the line runs dry, though the voice gives no more for a while", async () => {
  // Five seconds of pause; no silence tells where a word ends.
  const drone = new Uint8Array(1200 * 8).map((_, i) => i % 2 ? 0x90 : 0x10);
  const audio = (atMs: number, fromMs: number, toMs: number): Delivery => (
    { atMs, spoken: { kind: "audio", frames: drone.subarray(fromMs * 8, toMs * 8) } }
  );
  const told = (atMs: number, ...starts: number[]): Delivery => {
    const words = starts.map((startMs) => ({ text: "word", startMs, endMs: startMs + 300 }));
    return { atMs, spoken: { kind: "words", words } };
  };
  for (
    const given of [
      [audio(0, 0, 1200)],
      [audio(0, 0, 400), audio(60, 400, 800), audio(120, 800, 1200)],
      [audio(0, 0, 1200), told(20, 0, 300, 600, 900)],
      [audio(0, 0, 600), told(20, 0, 300), audio(60, 600, 1200), told(80, 600, 900)],
    ]
  ) {
    const { steps, endMs } = await played([...given, told(5000)]);
    assert.equal(endMs, 1200);
    const times = steps.map((step) => step.split(": ").map(Number) as [number, number]);
    for (const [index, [atMs]] of times.slice(1).entries()) {
      assert.ok(atMs < times[index]![1] / 8, `the line ran dry before ${atMs} ms: ${steps}`);
    }
  }
});

test("a word that is known to lack its end is not begun while the voice gives no more, and one that has begun goes on", async () => {
  const { audio, words } = await toneVoice().speak(TEXT);
  const told: Delivery = { atMs: 0, spoken: { kind: "words", words } };
  const piece = (ms: number): Delivery => ({ atMs: 0, spoken: { kind: "audio", frames: audio.subarray(0, ms * 8) } });
  const pause: Delivery = { atMs: 5000, spoken: { kind: "words", words: [] } };
  assert.equal((await played([told, piece(1200), pause])).endMs, words[1]!.startMs);
  assert.equal((await played([told, piece(700), pause])).endMs, 700);
});
