import assert from "node:assert/strict";
import { decode, loudnessDbfs } from "../../lib/audio/mulaw.ts";
import { splitText, type VoiceThread } from "../../lib/audio/local_voice.ts";
import { timeWords } from "../../lib/audio/flite.ts";
import { localVoice } from "../../lib/audio/voice.ts";
import type { VoiceAnswer, VoiceRequest } from "../../lib/audio/voice_worker.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { type Fault, FaultError } from "../../lib/base/result.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";

/** A thread that answers when it is told to. */
class FakeThread implements VoiceThread {
  onmessage: VoiceThread["onmessage"] = null;
  onerror: VoiceThread["onerror"] = null;
  requests: VoiceRequest[] = [];
  ended = false;

  postMessage(request: VoiceRequest): void {
    this.requests.push(request);
  }

  terminate(): void {
    this.ended = true;
  }

  answer(): void {
    const { id, text } = this.requests.at(-1)!;
    const words = [{ text, startMs: 0, endMs: 10 * text.length }];
    this.#tell({ id, utterance: { audio: new Uint8Array(80 * text.length).fill(text.length), words } });
  }

  fail(error: string): void {
    this.#tell({ id: this.requests.at(-1)!.id, error });
  }

  #tell(data: VoiceAnswer): void {
    this.onmessage!(new MessageEvent("message", { data }));
  }
}

function fakeVoice() {
  const clock = new VirtualClock();
  const threads: FakeThread[] = [];
  const openThread = () => {
    threads.push(new FakeThread());
    return threads.at(-1)!;
  };
  return { clock, threads, voice: localVoice({ clock, openThread }) };
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error = await promise.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof FaultError, `${error}`);
  return error.fault;
}

test("the tone voice speaks each word for 60 ms per character at telephone level", async () => {
  const { audio, words } = await toneVoice().speak("  Hi there,\nyou ");
  assert.deepEqual(words, [
    { text: "Hi", startMs: 0, endMs: 120 },
    { text: "there,", startMs: 180, endMs: 540 },
    { text: "you", startMs: 600, endMs: 780 },
  ]);
  assert.equal(audio.length, 780 * 8);
  for (const { startMs, endMs } of words) {
    assert.ok(Math.abs(loudnessDbfs(audio.subarray(startMs * 8, endMs * 8)) + 18) < 1);
  }
  assert.ok(audio.subarray(120 * 8, 180 * 8).every((byte) => byte === 0xFF));
});

test("the tone voice is the same each time, empty for no text, and stops for an abort", async () => {
  const voice = toneVoice();
  assert.deepEqual(await voice.speak("again"), await voice.speak("again"));
  assert.deepEqual(await voice.speak("  "), { audio: new Uint8Array(0), words: [] });
  await assert.rejects(voice.speak("x", AbortSignal.abort(new Error("gone"))), /gone/);
});

test("the local voice speaks clear telephone audio, with every word in its place", async () => {
  await using voice = localVoice({ clock: systemClock });
  const text = "- Good morning, this costs $4.50. Don\u2019t wait!";
  const { audio, words } = await voice.speak(text);
  assert.equal(words.map(({ text }) => text).join(" "), text);
  const lengthMs = audio.length / 8;
  assert.ok(lengthMs > 2500 && lengthMs < 5500, `${lengthMs} ms`);
  const loudness = loudnessDbfs(audio);
  assert.ok(loudness > -22 && loudness < -16, `${loudness} dBFS`);
  assert.ok(decode(audio).every((sample) => Math.abs(sample) < 32000));
  for (const [i, { startMs, endMs }] of words.entries()) {
    assert.ok(startMs <= endMs && endMs <= lengthMs && startMs >= (words[i - 1]?.endMs ?? 0));
    if (i === 0) continue; // the dash takes no time
    assert.ok(loudnessDbfs(audio.subarray(startMs * 8, endMs * 8)) > -28, `word ${i} is heard where it is said to be`);
  }
  const pause = words[5]!.endMs + 60; // after the first sentence
  assert.ok(loudnessDbfs(audio.subarray(pause * 8, (pause + 40) * 8)) < -35);
  assert.ok(words[1]!.startMs <= 60);
});

test("the local voice takes text as text, whatever it looks like", async () => {
  await using voice = localVoice({ clock: systemClock });
  for (const text of ["-o none --help", "-voice slt", "caf\u00e9 \u201cna\u00efve\u201d \u2013 \u65e5\u672c"]) {
    const { audio, words } = await voice.speak(text);
    assert.ok(audio.length > 4000, text);
    assert.equal(words.map((word) => word.text).join(" "), text);
  }
  for (const text of ["", "  ", "...", "\u65e5\u672c"]) assert.equal((await voice.speak(text)).audio.length, 0);
});

test("repeated text comes from the cache, and its audio may be written to", async () => {
  const { threads, voice } = fakeVoice();
  const first = voice.speak("hello");
  threads[0]!.answer();
  (await first).audio.fill(0);
  const again = await voice.speak("hello");
  assert.equal(again.audio[0], 5);
  assert.equal(threads[0]!.requests.length, 1);
  await voice[Symbol.asyncDispose]();
});

test("long text is spoken in pieces cut at sentence ends, joined with its times", async () => {
  const { threads, voice, clock } = fakeVoice();
  const sentence = "This is a sentence of some length, number. ";
  const spoken = voice.speak(sentence.repeat(12));
  for (let i = 0; i < 2; i++) {
    threads[0]!.answer();
    await clock.run(0);
  }
  const pieces = threads[0]!.requests.map(({ text }) => text);
  assert.deepEqual(pieces.map((piece) => piece.at(-1)), [".", "."]);
  assert.equal(pieces.join(" "), sentence.repeat(12).trim());
  const { audio, words } = await spoken;
  assert.equal(audio.length, 80 * (pieces[0]!.length + pieces[1]!.length));
  assert.equal(words[1]!.startMs, 10 * pieces[0]!.length);
  assert.equal((await faultOf(voice.speak("x".repeat(10_001)))).kind, "rejected");
  await voice[Symbol.asyncDispose]();
});

test("text without sentence ends or spaces is cut all the same, and nothing is lost", () => {
  for (const text of ["a".repeat(1000), "word ".repeat(200), `${"b".repeat(500)}. End.`, "Mr. X. ".repeat(100)]) {
    const pieces = splitText(text, 400);
    assert.ok(pieces.every((piece) => piece.length > 0 && piece.length <= 400));
    assert.equal(pieces.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
  }
});

test("a full queue refuses, a late worker is replaced, and those behind it are served", async () => {
  const { clock, threads, voice } = fakeVoice();
  const stuck = faultOf(voice.speak("stuck"));
  await clock.run(5000);
  const waiting = Array.from({ length: 16 }, (_, i) => voice.speak(`waiting ${i}`));
  assert.equal((await faultOf(voice.speak("one more"))).kind, "clogged");
  await clock.run(5000);
  assert.deepEqual(await stuck, { kind: "deadline", peer: "local-voice", what: "the audio", limitMs: 10_000 });
  assert.deepEqual(threads.map(({ ended }) => ended), [true, false]);
  for (const speech of waiting) {
    threads[1]!.answer();
    assert.equal((await speech).words.length, 1);
  }
  assert.equal(clock.pending, 1, "only the idle timer waits");
  await voice[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

test("a worker that has more to say than it can is not taken for stuck: it goes on, and most are served", async () => {
  const clock = new VirtualClock();
  let started = 0;
  const openThread = (): VoiceThread => {
    let freeMs = clock.monotonicMs() + 500; // it has to load first
    started++;
    const thread: VoiceThread = {
      onmessage: null,
      onerror: null,
      terminate: () => thread.onmessage = null,
      postMessage: ({ id }) => {
        freeMs = Math.max(freeMs, clock.monotonicMs()) + 600;
        const utterance = { audio: new Uint8Array(160), words: [] };
        clock.after(
          freeMs - clock.monotonicMs(),
          () => thread.onmessage?.({ data: { id, utterance } } as MessageEvent),
        );
      },
    };
    return thread;
  };
  const voice = localVoice({ clock, openThread });
  let spoken = 0;
  const asked: Promise<void>[] = [];
  for (let n = 0; n < 200; n++) {
    asked.push(voice.speak(`number ${n}`).then(() => void spoken++, () => {}));
    await clock.run(300);
  }
  await clock.runFor(Promise.all(asked));
  assert.equal(started, 1);
  assert.ok(spoken > 90, `${spoken} of 200 at half the speed that was asked for`);
  await voice[Symbol.asyncDispose]();
});

test("a worker stuck with text that nobody waits for is replaced all the same", async () => {
  const { clock, threads, voice } = fakeVoice();
  const scope = new AbortController();
  const aborted = voice.speak("stuck", scope.signal);
  scope.abort(new Error("hung up"));
  await assert.rejects(aborted, /hung up/);
  await clock.run(5000);
  const next = voice.speak("next");
  await clock.run(5000);
  threads[1]!.answer();
  assert.equal((await next).words[0]!.text, "next");
  await voice[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

test("the worker ends after 60 s without work and starts again on demand", async () => {
  const { clock, threads, voice } = fakeVoice();
  for (let run = 0; run < 2; run++) {
    const speech = voice.speak(`text ${run}`);
    threads[run]!.answer();
    await speech;
    await clock.run(59_000);
    assert.equal(threads[run]!.ended, false);
    await clock.run(1000);
    assert.equal(threads[run]!.ended, true);
  }
  assert.equal(clock.pending, 0);
});

test("a failing worker rejects what waits, and the next call starts a new one", async () => {
  const { clock, threads, voice } = fakeVoice();
  const faults = ["one", "two"].map((text) => faultOf(voice.speak(text)));
  threads[0]!.onerror!(new ErrorEvent("error", { message: "out of memory" }));
  assert.deepEqual((await Promise.all(faults)).map(({ kind }) => kind), ["lost", "lost"]);
  assert.equal(threads[0]!.ended, true);
  const refused = faultOf(voice.speak("three"));
  threads[1]!.fail("no audio");
  assert.deepEqual(await refused, {
    kind: "rejected",
    peer: "local-voice",
    code: "synthesis-failed",
    detail: "no audio",
  });
  await voice[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

test("an abort frees its place in the queue, and a closed voice speaks no more", async () => {
  const { clock, threads, voice } = fakeVoice();
  const speech = voice.speak("first");
  const scope = new AbortController();
  const aborted = voice.speak("second", scope.signal);
  scope.abort(new Error("hung up"));
  await assert.rejects(aborted, /hung up/);
  threads[0]!.answer();
  await speech;
  assert.equal(threads[0]!.requests.length, 1);
  const open = faultOf(voice.speak("third"));
  await voice[Symbol.asyncDispose]();
  assert.equal((await open).kind, "rejected");
  assert.equal((await faultOf(voice.speak("fourth"))).kind, "rejected");
  assert.deepEqual([clock.pending, threads[0]!.ended], [0, true]);
});

test("sounds are dealt out to words by their weights, in order and within the audio", () => {
  const phones = Array.from({ length: 6 }, (_, i) => ({ startMs: 100 + 50 * i, endMs: 150 + 50 * i }));
  assert.deepEqual(timeWords(phones, [1, 2, 3], { offsetMs: 100, audioMs: 280 }), [
    { startMs: 0, endMs: 50 },
    { startMs: 50, endMs: 150 },
    { startMs: 150, endMs: 280 },
  ]);
  assert.deepEqual(timeWords([], [1, 1], { offsetMs: 0, audioMs: 400 }), [
    { startMs: 0, endMs: 400 },
    { startMs: 0, endMs: 400 },
  ]);
});
