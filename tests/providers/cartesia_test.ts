import assert from "node:assert/strict";
import { TagReader } from "../../lib/audio/tag.ts";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { describeFault, type Fault, FaultError, ok } from "../../lib/base/result.ts";
import { type CartesiaOptions, cartesiaTts, renderCartesia } from "../../lib/providers/cartesia.ts";
import type { CartesiaLine, ContextEvents } from "../../lib/providers/cartesia_line.ts";
import { CartesiaReply } from "../../lib/providers/cartesia_reply.ts";
import { parseCartesia, serialiseText, settingsOf } from "../../lib/providers/cartesia_messages.ts";
import { type CartesiaFaults, cartesiaStandIn, type CartesiaStandInOptions } from "../../lib/rehearsal/cartesia.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { vendorDial } from "../../lib/providers/socket.ts";
import type { CartesiaError } from "../../lib/rehearsal/cartesia_request.ts";
import { seeded, test } from "../case.ts";
import { cutIntoFrames, finished, hear, type Hearing } from "../contract/tts.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { wirePair } from "../sim/wire.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const KEY = "sk_car_secret";
const PROVIDER = { model_id: "sonic-3.5", voice: "f786b574-daa5-4673-aa0c-cbe3e8534c02", language: "en" };
const LONG = "We open at nine in the morning and close at six in the evening. On Saturdays we close at noon.";

function rig(
  faults: Partial<CartesiaFaults> = {},
  { standIn: more = {}, options = {} }: {
    standIn?: Partial<CartesiaStandInOptions>;
    options?: Partial<CartesiaOptions>;
  } = {},
) {
  const clock = new VirtualClock();
  const standIn = cartesiaStandIn({ clock, random: seeded(2), voice: toneVoice(), key: KEY, faults, ...more });
  const dial = simDial(clock, standIn.answer, { delayMs: 10 });
  const base = { clock, url: "wss://cartesia.test", key: KEY };
  const tts = cartesiaTts({ ...base, dial, provider: PROVIDER, ...options });
  const fetchHere = { ...base, fetch: standIn.fetch, model: PROVIDER.model_id, voice: PROVIDER.voice };
  return { clock, standIn, dial, tts, fetchHere };
}

/** Text that comes at the given moments, ms after it is first asked for. */
async function* timed(clock: VirtualClock, pieces: [atMs: number, text: string][]): AsyncGenerator<string> {
  const startMs = clock.monotonicMs();
  for (const [atMs, text] of pieces) {
    await sleep(clock, startMs + atMs - clock.monotonicMs());
    yield text;
  }
}

/** The words that the audio itself carries, and whether any frame is missing, doubled, late or altered. */
function tagsOf({ frames }: Hearing) {
  const reader = new TagReader();
  for (const frame of frames) reader.push(frame);
  return reader;
}

async function failing(make: ReturnType<typeof rig>, text = [LONG]): Promise<{ fault: Fault; hearing: Hearing }> {
  const hearing = hear(make, text);
  await make.clock.runUntil(() => hearing.state !== "speaking", 60_000);
  assert.ok(hearing.error instanceof FaultError, `${hearing.state} ${hearing.error}`);
  assert.ok(!hearing.error.message.includes(KEY));
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
  await make.clock.run(100);
  assert.equal(make.clock.pending, 0);
  return { fault: hearing.error.fault, hearing };
}

test("every message repeats the settings, the format is the phone's, and the finish is one empty message", async () => {
  const { clock, standIn, tts } = rig({}, {
    options: { provider: { ...PROVIDER, type: "cartesia", speed: 1.1, normalization: "off" } },
  });
  const message = JSON.parse(serialiseText(settingsOf({ ...PROVIDER, type: "cartesia", speed: 1.1 }), "c1", "Hello. "));
  assert.deepEqual(message, {
    model_id: "sonic-3.5",
    language: "en",
    voice: { mode: "id", id: PROVIDER.voice },
    generation_config: { speed: 1.1 },
    output_format: { container: "raw", encoding: "pcm_mulaw", sample_rate: 8000 },
    max_buffer_delay_ms: 0,
    add_timestamps: true,
    use_normalized_timestamps: false,
    context_id: "c1",
    transcript: "Hello. ",
    continue: true,
  });
  await finished({ clock }, hear({ clock, tts }, ["Hello there. ", "How are you?"]));
  assert.deepEqual(standIn.problems, []);
  assert.deepEqual(standIn.contexts.map(({ texts, state }) => ({ texts, state })), [
    { texts: ["Hello there. ", "How are you?"], state: "closed" },
  ]);
  await clock.runFor(Promise.resolve(tts[Symbol.asyncDispose]()));
});

test("the audio arrives whole and in order, and says what was asked", async () => {
  const make = rig();
  const hearing = hear(make, ["Good morning. ", "We are open ", "until six today."]);
  await finished(make, hearing);
  const tags = tagsOf(hearing);
  assert.equal(tags.text.trim(), "Good morning. We are open until six today.");
  assert.equal(tags.altered, 0);
  assert.deepEqual(hearing.words.map(({ text }) => text).join(" "), "Good morning. We are open until six today.");
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("one socket carries all replies of a call, a new context each", async () => {
  const make = rig();
  for (const text of ["One.", "Two.", "Three."]) await finished(make, hear(make, [text]));
  assert.equal(make.standIn.sockets, 1);
  assert.equal(new Set(make.standIn.contexts.map(({ id }) => id)).size, 3);
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("warming opens the socket early, so that the first audio comes sooner", async () => {
  const firstMs = async (warm: boolean) => {
    const clock = new VirtualClock();
    const standIn = cartesiaStandIn({ clock, random: seeded(1), voice: toneVoice() });
    const dial = simDial(clock, standIn.answer, { delayMs: 10, openMs: 150 });
    const tts = cartesiaTts({
      dial,
      clock,
      url: "ws://c.test",
      key: KEY,
      provider: PROVIDER,
    });
    if (warm) assert.ok((await clock.runFor(tts.warm(new AbortController().signal))).ok);
    const startMs = clock.monotonicMs();
    const hearing = hear({ clock, tts }, ["Hello."]);
    await clock.runUntil(() => hearing.frames.length > 0, 5000, 1);
    const tookMs = clock.monotonicMs() - startMs;
    await finished({ clock }, hearing);
    await clock.runFor(Promise.resolve(tts[Symbol.asyncDispose]()));
    return tookMs;
  };
  assert.deepEqual([await firstMs(true), await firstMs(false)], [110, 260]);
});

test("a socket idle for four minutes is replaced, one that the server closed is reopened", async () => {
  const make = rig();
  await finished(make, hear(make, ["One."]));
  await make.clock.run(230_000);
  await finished(make, hear(make, ["Two."]));
  assert.equal(make.standIn.sockets, 1);
  await make.clock.run(250_000);
  await finished(make, hear(make, ["Three."]));
  assert.equal(make.standIn.sockets, 2);
  await make.clock.run(301_000); // the server's five minutes
  await finished(make, hear(make, ["Four."]));
  assert.equal(make.standIn.sockets, 3);
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("two contexts speak at once on one socket without mixing", async () => {
  const make = rig();
  const filler = hear(make, ["One moment please."]);
  const reply = hear(make, [LONG]);
  await finished(make, filler);
  await finished(make, reply);
  assert.equal(make.standIn.sockets, 1);
  assert.equal(tagsOf(filler).text.trim(), "One moment please.");
  assert.equal(tagsOf(reply).text.trim(), LONG);
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("abort cancels at once, and late chunks of the old context never reach the next reply", async () => {
  const make = rig({ leakChunks: 3, leakDone: true });
  const cut = hear(make, [LONG]);
  await make.clock.runUntil(() => cut.frames.length > 8, 5000);
  const cutMs = make.clock.monotonicMs();
  cut.abort();
  const next = hear(make, ["Yes, of course."]);
  await finished(make, next);
  const [first] = make.standIn.contexts;
  assert.equal(first!.state, "cancelled");
  assert.equal(first!.cancelledAtMs! - cutMs, 10, "the cancel leaves with the abort");
  assert.equal(tagsOf(next).text.trim(), "Yes, of course.");
  assert.deepEqual(make.standIn.problems, []);
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("after a pause in the text the rest goes to a new context, heard in order, its words in the reply's time", async () => {
  for (const pauseMs of [300, 900, 1500, 6000]) {
    const make = rig();
    const hearing = hear(
      make,
      timed(make.clock, [[0, "Let me look. "], [400 + pauseMs, "There is "], [450 + pauseMs, "a table at six."]]),
    );
    await finished(make, hearing);
    const tags = tagsOf(hearing);
    assert.equal(tags.text.trim(), "Let me look. There is a table at six.", `after ${pauseMs} ms`);
    assert.deepEqual(make.standIn.problems, []);
    const { startMs } = hearing.words.find(({ text }) => text === "There")!;
    assert.equal(startMs, 3 * 60 + 2 * 60 + 5 * 60 + 2 * 60, `word times after ${pauseMs} ms`);
    await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
  }
});

test("a `done` that comes early or twice ends nothing early", async () => {
  for (const faults of [{ earlyDone: true }, { doubleDone: true }, { unknownEvents: true }]) {
    const make = rig(faults);
    const text = timed(make.clock, [[0, "One moment. "], [30, "I am looking. "], [300, "Here it is."]]);
    const hearing = hear(make, text);
    await finished(make, hearing);
    assert.equal(tagsOf(hearing).text.trim(), "One moment. I am looking. Here it is.", JSON.stringify(faults));
    await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
  }
});

test("a pause with nothing to speak is no missing audio, however long", async () => {
  const make = rig();
  const hearing = hear(make, timed(make.clock, [[0, "One moment. "], [60_000, "Here it is."]]));
  await finished(make, hearing);
  assert.equal(tagsOf(hearing).text.trim(), "One moment. Here it is.");
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("while nothing was heard, a dead socket costs one more try with all the text", async () => {
  const cases: Partial<CartesiaFaults>[] = [
    { stall: 1 },
    { garbage: 1 },
    { errors: [{ status: 429, code: "concurrency_limited", title: "Too many", message: "limit" }] },
    { errors: [{ status: 503, code: null, title: "Oops", message: "try again" }], anonymous: true },
  ];
  for (const faults of cases) {
    const make = rig(faults);
    const hearing = hear(make, timed(make.clock, [[0, "Good morning. "], [50, "How can I help?"]]));
    await finished(make, hearing);
    assert.equal(tagsOf(hearing).text.trim(), "Good morning. How can I help?", JSON.stringify(faults));
    await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
    await make.clock.run(100);
    assert.equal(make.clock.pending, 0);
  }
});

test("a socket that dies while it is idle is not noticed by the next reply", async () => {
  const make = rig();
  await finished(make, hear(make, ["One."]));
  make.dial.pairs[0]!.cut();
  const hearing = hear(make, ["Two."]);
  await finished(make, hearing);
  assert.equal(tagsOf(hearing).text.trim(), "Two.");
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("the second dead socket is the fault: no audio in time, on either", async () => {
  const make = rig({ stall: 2 });
  const { fault } = await failing(make);
  assert.deepEqual(fault, { kind: "deadline", peer: "cartesia", what: "the first audio", limitMs: 1000 });
  assert.equal(make.standIn.sockets, 2);
});

test("a first chunk that comes too slowly is a deadline too", async () => {
  const { fault } = await failing(rig({ slowMs: 20_000 }));
  assert.equal(fault.kind, "deadline");
});

test("silence in the middle, and a socket that closes there, are told after what was heard", async () => {
  const cases: [Partial<CartesiaFaults>, Fault["kind"]][] = [
    [{ stallMidway: 1 }, "deadline"],
    [{ closeMidway: 1, closeCode: 1011 }, "lost"],
    [{ closeMidway: 1, closeCode: 1006 }, "lost"],
  ];
  for (const [faults, kind] of cases) {
    const { fault, hearing } = await failing(rig(faults));
    assert.equal(fault.kind, kind);
    assert.ok(hearing.frames.length > 10);
    assert.ok(LONG.startsWith(tagsOf(hearing).text.trim().slice(0, 20)));
  }
});

const ERRORS: [CartesiaError, Fault["kind"], RegExp][] = [
  [{ status: 401, code: "unauthorized", title: "Unauthorized", message: "bad key" }, "refused", /CARTESIA_API_KEY/],
  [{ status: 402, code: "quota_exceeded", title: "Quota", message: "no credits" }, "refused", /out of credit/],
  [{ status: 403, code: "plan_upgrade_required", title: "Plan", message: "no" }, "refused", /CARTESIA_API_KEY/],
  [{ status: 404, code: "voice_not_found", title: "Voice", message: "none" }, "rejected", /CARTESIA_VOICE_ID/],
  [{ status: 404, code: "model_not_found", title: "Model", message: "none" }, "rejected", /Check model_id/],
  [{ status: 400, code: "model_sunsetted", title: "Model", message: "gone" }, "rejected", /current one/],
  [{ status: 422, code: "language_not_supported", title: "Language", message: "no" }, "rejected", /Check the language/],
];

for (const [error, kind, advice] of ERRORS) {
  test(`the error ${error.code} is ${kind} and says what to do, in both shapes`, async () => {
    const now = await failing(rig({ errors: [error] }));
    assert.equal(now.fault.kind, kind);
    assert.match(describeFault(now.fault), advice);
    const before = await failing(rig({ errors: [error], oldShape: true }));
    assert.equal(before.fault.kind, kind);
    assert.match(describeFault(before.fault), new RegExp(error.message));
  });
}

/** A server that speaks what is the "First. " text alone, and takes a finish for an error: the context is gone. */
function finishedAlready() {
  const clock = new VirtualClock();
  const { client, server } = wirePair(clock);
  server.listen({
    text(text) {
      const { context_id, transcript, continue: goesOn } = JSON.parse(text);
      const tell = (message: object) => server.send(JSON.stringify({ context_id, status_code: 206, ...message }));
      if (transcript === "First. ") {
        tell({ type: "chunk", done: false, data: new Uint8Array(1600).toBase64() });
        tell({ type: "flush_done", done: false, flush_id: 1, flush_done: true });
      }
      if (goesOn !== false) return;
      tell({ type: "error", done: true, status_code: 400, error_code: "invalid_request", title: "Bad", message: "no" });
    },
    binary: () => {},
    close: () => {},
    crashed: assert.fail,
  });
  const make = { ...rig({}, { options: { clock, dial: () => Promise.resolve(ok(client)) } }), clock };
  return make;
}

test("an error where our finish was due is no end while a sentence is unspoken", async () => {
  const { hearing } = await failing(finishedAlready(), ["First. ", "Take the second pill at noon."]);
  assert.equal(hearing.frames.length, 10, "what was spoken is heard");
});

test("an error where our finish was due is the end where all was spoken", async () => {
  const make = finishedAlready();
  const hearing = hear(make, timed(make.clock, [[0, "First. "], [100, ""]]));
  await finished(make, hearing);
  assert.equal(hearing.frames.length, 10);
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("busy twice is refused with the status", async () => {
  const busy: CartesiaError = { status: 429, code: "concurrency_limited", title: "Too many", message: "limit" };
  const { fault } = await failing(rig({ errors: [busy, busy] }));
  assert.ok(fault.kind === "refused" && fault.status === 429);
});

test("a socket that does not open is a deadline after a second and a half: a caller may be waiting", async () => {
  const never = rig({}, { options: { dial: () => new Promise(() => {}) } });
  const startMs = never.clock.monotonicMs();
  const hearing = hear(never, ["Hello."]);
  await never.clock.runUntil(() => hearing.state !== "speaking", 5000);
  assert.equal(never.clock.monotonicMs() - startMs, 1500);
  assert.match(String(hearing.error), /Waited 1500 ms for an open socket from Cartesia/);
  await never.clock.runFor(Promise.resolve(never.tts[Symbol.asyncDispose]()));
  assert.equal(never.clock.pending, 0);
});

test("a refused handshake is told with the server's words; a later one may succeed", async () => {
  const make = rig({ refuseStatus: 401 });
  const hearing = hear(make, ["Hello."]);
  await make.clock.runUntil(() => hearing.state !== "speaking");
  assert.ok(hearing.error instanceof FaultError && hearing.error.fault.kind === "refused");
  const warmed = await make.clock.runFor(make.tts.warm(new AbortController().signal));
  assert.ok(!warmed.ok && warmed.fault.kind === "refused");
  make.standIn.faults.refuseStatus = 0;
  await finished(make, hear(make, ["Hello."]));
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
});

test("a peer that does not take our text is clogged", async () => {
  const make = rig();
  await make.clock.runFor(make.tts.warm(new AbortController().signal));
  Object.defineProperty(make.dial.pairs[0]!.client, "bufferedBytes", { value: 300_000, writable: true });
  const { fault } = await failing(make);
  assert.deepEqual(fault, { kind: "clogged", peer: "cartesia", bytes: 300_000 });
});

test("reading never throws, and knows the documented messages", () => {
  const odd = [
    "",
    "{",
    "null",
    "[]",
    "3",
    '{"type":3}',
    '{"type":"chunk"}',
    '{"type":"chunk","context_id":"a","data":"*"}',
  ];
  for (const text of odd) assert.equal(parseCartesia(text).ok, false, text);
  assert.deepEqual(parseCartesia('{"type":"weather"}'), { ok: true, value: { kind: "other" } });
  const timestamps = {
    type: "timestamps",
    context_id: "a",
    word_timestamps: { words: ["Hi", "there"], start: [0, 0.25], end: [0.2, 0.5004] },
  };
  assert.deepEqual(parseCartesia(JSON.stringify(timestamps)), {
    ok: true,
    value: {
      kind: "words",
      context: "a",
      words: [{ text: "Hi", startMs: 0, endMs: 200 }, { text: "there", startMs: 250, endMs: 500 }],
    },
  });
});

test("300 seeded replies, cut or not, in any weather: no stale frame, no altered frame, every whole reply whole", async () => {
  const random = seeded(99);
  const sentences = [
    "Yes.",
    "One moment, please. ",
    "We close at six. ",
    "Is there anything else that I can do for you?",
  ];
  const make = rig({ leakChunks: 2, leakDone: true });
  let replies = 0;
  while (replies < 300) {
    const count = 1 + Math.floor(random() * 3);
    const pieces = Array.from(
      { length: count },
      () => sentences[Math.floor(random() * sentences.length)]!.trimEnd() + " ",
    );
    const timing = pieces.map((text, at): [number, string] => [at * Math.floor(random() * 1200), text]);
    const hearing = hear(make, timed(make.clock, timing));
    replies++;
    if (random() < 0.5) {
      await make.clock.run(Math.floor(random() * 1500));
      hearing.abort();
      await make.clock.run(0);
    } else {
      await finished(make, hearing);
      assert.equal(tagsOf(hearing).text.trim(), pieces.join("").trim());
    }
    const tags = tagsOf(hearing);
    assert.equal(tags.altered, 0);
    assert.ok(pieces.join("").startsWith(tags.text.trim()), `${tags.text} in ${pieces.join("")}`);
  }
  assert.deepEqual(make.standIn.problems, []);
  await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
  await make.clock.run(2000);
  assert.equal(make.clock.pending, 0);
});

test("a prompt is rendered whole as mu-law", async () => {
  const { clock, fetchHere } = rig();
  const rendered = await clock.runFor(renderCartesia(fetchHere, "Good morning.", new AbortController().signal));
  assert.ok(rendered.ok);
  assert.deepEqual(rendered.value, (await toneVoice().speak("Good morning.")).audio);
  assert.equal(clock.pending, 0);
});

test("rendering fails with faults as values, and throws only the reason of an abort", async () => {
  const { signal } = new AbortController();
  const gone: CartesiaError = { status: 400, code: "model_sunsetted", title: "Gone", message: "retired" };
  for (const oldShape of [false, true]) {
    const { clock, fetchHere } = rig({ errors: [gone], oldShape });
    const refused = await clock.runFor(renderCartesia(fetchHere, "Hi", signal));
    assert.ok(!refused.ok && refused.fault.kind === "refused" && /retired/.test(refused.fault.detail));
  }
  const slow = rig({ slowMs: 60_000 });
  const late = await slow.clock.runFor(renderCartesia(slow.fetchHere, "Hi", signal));
  assert.ok(!late.ok && late.fault.kind === "deadline");
  const reason = new Error("shutting down");
  await assert.rejects(renderCartesia(slow.fetchHere, "Hi", AbortSignal.abort(reason)), reason);
  const away = { ...slow.fetchHere, fetch: () => Promise.reject(new TypeError("dns error")) };
  const unreachable = await slow.clock.runFor(renderCartesia(away, "Hi", signal));
  assert.ok(!unreachable.ok && unreachable.fault.kind === "unreachable");
  await slow.clock.run(60_000);
});

test("whoever leaves, or fails, lets go of the text", async () => {
  for (const faults of [{}, { closeMidway: 1 }]) {
    const make = rig(faults);
    let released = false;
    const endless = async function* () {
      try {
        while (true) {
          yield "And one more sentence. ";
          await sleep(make.clock, 100);
        }
      } finally {
        released = true;
      }
    };
    const left = (async () => {
      for await (const spoken of make.tts.speak(endless(), new AbortController().signal)) {
        if (spoken.kind === "audio" && make.clock.monotonicMs() > 500 && !("closeMidway" in faults)) return;
      }
    })().catch(() => undefined);
    await make.clock.runFor(left, 30_000);
    await make.clock.run(200);
    assert.ok(released);
    assert.equal(make.standIn.openContexts(), 0);
    await make.clock.runFor(Promise.resolve(make.tts[Symbol.asyncDispose]()));
  }
});

test("it speaks over real sockets, native and ws, and is refused over them with the server's words", async () => {
  const standIn = cartesiaStandIn({
    clock: systemClock,
    random: seeded(2),
    voice: toneVoice(),
    key: KEY,
    firstChunkMs: 1,
    speed: 200,
  });
  await using server = serveStandIns([{ path: "/tts", answer: standIn.answer, fetch: standIn.fetch }]);
  for (const kind of ["native", "ws"] as const) {
    const dial = vendorDial({ clock: systemClock, kind });
    const base = {
      dial,
      clock: systemClock,
      url: `http://${server.origin}`,
      provider: PROVIDER,
    };
    await using tts = cartesiaTts({ ...base, key: KEY });
    const reader = new TagReader();
    const text = async function* () {
      yield await Promise.resolve("Good morning. ");
      yield "How can I help?";
    };
    for await (const spoken of tts.speak(text(), new AbortController().signal)) {
      if (spoken.kind === "audio") cutIntoFrames(spoken.frames).forEach((frame) => reader.push(frame));
    }
    assert.equal(reader.text.trim(), "Good morning. How can I help?", kind);
    await using stranger = cartesiaTts({ ...base, key: "sk_car_wrong" });
    const warmed = await stranger.warm(new AbortController().signal);
    assert.ok(!warmed.ok && warmed.fault.kind === "refused" && warmed.fault.status === 401, JSON.stringify(warmed));
  }
  assert.deepEqual(standIn.problems, []);
});

test("what nobody hears has a bound, also where a message holds nothing", async () => {
  const message: Record<string, Parameters<ContextEvents["message"]>[0]> = {
    audio: { kind: "audio", context: "c", bytes: new Uint8Array(1600) },
    words: { kind: "words", context: "c", words: [{ text: "a", startMs: 0, endMs: 1 }] },
    "no words": { kind: "words", context: "c", words: [] },
  };
  const text = async function* () {
    yield await Promise.resolve("Good morning.");
  };
  for (const [what, each] of Object.entries(message)) {
    let events: ContextEvents | undefined;
    const line = { open: (_: string, of: ContextEvents) => events = of, send: () => undefined, drop() {} };
    const reply = new CartesiaReply({
      clock: new VirtualClock(),
      settings: {},
      firstAudioMs: 1500,
      gapMs: 3000,
      line: () => Promise.resolve(ok(line as unknown as CartesiaLine)),
      newContext: () => "c",
      signal: new AbortController().signal,
    });
    await reply.feed(text());
    for (let count = 0; count < 40_000 && !reply.error; count++) events!.message(each);
    assert.ok(reply.error instanceof FaultError && reply.error.fault.kind === "clogged", what);
  }
});
