import assert from "node:assert/strict";
import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { TagReader } from "../../lib/audio/tag.ts";
import { readWav } from "../../lib/audio/wav.ts";
import type { Wire } from "../../lib/base/wire.ts";
import { type CartesiaFaults, cartesiaStandIn, type CartesiaStandInOptions } from "../../lib/rehearsal/cartesia.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { wirePair } from "../sim/wire.ts";

interface Message {
  type: string;
  context_id?: string;
  [field: string]: unknown;
}

const HEADERS = { "authorization": "Bearer k", "cartesia-version": "2026-03-01" };
const URL_OF = "wss://cartesia.test/tts/websocket";
const ASK = {
  model_id: "sonic-3.5",
  voice: { mode: "id", id: "v" },
  output_format: { container: "raw", encoding: "pcm_mulaw", sample_rate: 8000 },
  context_id: "c1",
  transcript: "Hello there. ",
  continue: true,
  max_buffer_delay_ms: 0,
  add_timestamps: true,
};

function connect(
  faults: Partial<CartesiaFaults> = {},
  options: Partial<CartesiaStandInOptions> = {},
  headers = HEADERS,
) {
  const clock = new VirtualClock();
  const standIn = cartesiaStandIn({ clock, random: seeded(4), voice: toneVoice(), faults, ...options });
  const answered = standIn.answer({ url: new URL(URL_OF), headers: new Headers(headers) });
  assert.ok("accept" in answered);
  const pair = wirePair(clock);
  answered.accept(pair.server);
  const messages: Message[] = [];
  let closed: { code: number; reason: string } | undefined;
  const odd: string[] = [];
  const client: Wire = pair.client;
  client.listen({
    text: (text) => {
      try {
        messages.push(JSON.parse(text));
      } catch {
        odd.push(text);
      }
    },
    binary: () => assert.fail("binary"),
    close: (code, reason) => closed = { code, reason },
    crashed: (error) => {
      throw error;
    },
  });
  const ask = (more: Record<string, unknown> = {}) => client.send(JSON.stringify({ ...ASK, ...more }));
  const finish = (context_id = "c1") => ask({ context_id, transcript: "", continue: false });
  const types = (context = "c1") => messages.filter((one) => one.context_id === context).map(({ type }) => type);
  return { clock, standIn, client, messages, odd, ask, finish, types, closed: () => closed };
}

function audioOf(messages: Message[], context = "c1"): Uint8Array[] {
  return messages.flatMap((one) =>
    one.type === "chunk" && one.context_id === context ? [Uint8Array.fromBase64(one.data as string)] : []
  );
}

/** The words that chunks carry in their tags, framed anew. */
function wordsIn(chunks: Uint8Array[]): TagReader {
  const whole = new Uint8Array(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  const reader = new TagReader();
  for (let at = 0; at + FRAME_BYTES <= whole.length; at += FRAME_BYTES) {
    reader.push(whole.subarray(at, at + FRAME_BYTES));
  }
  return reader;
}

test("the handshake wants a key, a version and the right path", () => {
  const standIn = cartesiaStandIn({ clock: new VirtualClock(), random: seeded(1), voice: toneVoice(), key: "k" });
  const statusOf = (url: string, headers: Record<string, string>) => {
    const answered = standIn.answer({ url: new URL(url), headers: new Headers(headers) });
    return "refuse" in answered ? answered.refuse.status : 101;
  };
  assert.equal(statusOf(URL_OF, HEADERS), 101);
  assert.equal(statusOf(URL_OF, { ...HEADERS, authorization: "Bearer other" }), 401);
  assert.equal(statusOf(URL_OF, { "cartesia-version": "2026-03-01" }), 401);
  assert.equal(statusOf(URL_OF, { authorization: "Bearer k" }), 400);
  assert.equal(statusOf(`${URL_OF}?api_key=k&cartesia_version=2026-03-01`, {}), 101);
  assert.equal(statusOf(URL_OF, { "x-api-key": "k", "cartesia-version": "2026-03-01" }), 101);
  assert.equal(statusOf("wss://cartesia.test/elsewhere", HEADERS), 404);
});

test("text becomes odd-sized chunks faster than real time, words in seconds, a flush for each piece, one done", async () => {
  const { clock, standIn, messages, ask, finish, types } = connect();
  ask();
  ask({ transcript: "How are you?" });
  finish();
  await clock.run(5000);
  const chunks = audioOf(messages);
  assert.ok(chunks.some(({ length }) => length % FRAME_BYTES !== 0));
  const heard = wordsIn(chunks);
  assert.equal(heard.text.trim(), "Hello there. How are you?");
  assert.equal(heard.altered, 0);
  assert.deepEqual(types().filter((type) => type === "flush_done" || type === "done"), [
    "flush_done",
    "flush_done",
    "done",
  ]);
  const words = messages.filter(({ type }) => type === "timestamps").flatMap(({ word_timestamps: timed }) => {
    const { words, start, end } = timed as { words: string[]; start: number[]; end: number[] };
    return words.map((text, at) => ({ text, start: start[at]!, end: end[at]! }));
  });
  assert.deepEqual(words.map(({ text }) => text), ["Hello", "there.", "How", "are", "you?"]);
  assert.ok(words.every(({ start, end }, at) => start < end && start >= (words[at - 1]?.end ?? 0)));
  assert.equal(standIn.contexts[0]!.firstChunkAtMs, 90);
  assert.deepEqual(standIn.problems, []);
});

test("without timestamps asked for, none come; with buffering, a sentence or the delay starts the speech", async () => {
  const { clock, messages, ask, types } = connect();
  const buffered = { add_timestamps: false, max_buffer_delay_ms: 500 };
  ask({ ...buffered, transcript: "One moment" });
  await clock.run(300);
  assert.deepEqual(types(), []);
  await clock.run(400);
  assert.ok(types().includes("chunk"));
  ask({ ...buffered, context_id: "c2", transcript: "At once. " });
  await clock.run(91);
  assert.ok(types("c2").includes("chunk"));
  assert.ok(!messages.some(({ type }) => type === "timestamps"));
  await clock.run(3000);
});

const MISTAKES: Record<string, { send: (rig: ReturnType<typeof connect>) => void; says: RegExp; problem?: RegExp }> = {
  "an unknown field": { send: ({ ask }) => ask({ colour: 3 }), says: /colour/ },
  "no JSON": { send: ({ client }) => client.send("{half"), says: /Bad request|expected/ },
  "a WAV on the socket": {
    send: ({ ask }) => ask({ output_format: { ...ASK.output_format, container: "wav" } }),
    says: /container/,
  },
  "a rate that does not exist": {
    send: ({ ask }) => ask({ output_format: { ...ASK.output_format, sample_rate: 8001 } }),
    says: /sample_rate/,
  },
  "language and locale": { send: ({ ask }) => ask({ language: "en", locale: "en-GB" }), says: /exclude/ },
  "a finish without text": { send: ({ finish }) => finish(), says: /empty/, problem: /without text/ },
  "other settings in mid-context": {
    send: ({ ask }) => {
      ask();
      ask({ model_id: "sonic-3" });
    },
    says: /settings differ/,
    problem: /changed/,
  },
  "text after the finish": {
    send: ({ ask, finish }) => {
      ask();
      finish();
      ask();
    },
    says: /finished/,
    problem: /after the finish/,
  },
};

for (const [name, { send, says, problem = /refused/ }] of Object.entries(MISTAKES)) {
  test(`refused and noted: ${name}`, async () => {
    const rig = connect();
    send(rig);
    await rig.clock.run(50);
    const error = rig.messages.find(({ type }) => type === "error");
    assert.ok(
      error && error.status_code === 400 && error.error_code === "invalid_request",
      JSON.stringify(rig.messages),
    );
    assert.match(String(error.message), says);
    assert.match(rig.standIn.problems.join(), problem);
    await rig.clock.run(5000);
  });
}

test("a model that was retired, or never was, is refused as the vendor does; current ones are spoken", async () => {
  const codes = {
    "sonic-2": "model_sunsetted",
    "sonic-3-2025-10-27": "model_sunsetted",
    "sonc-3.5": "model_not_found",
    "sonic-3.5-2026-05-04": undefined,
    "sonic-latest": undefined,
  };
  for (const [model_id, code] of Object.entries(codes)) {
    const rig = connect();
    rig.ask({ model_id });
    await rig.clock.run(5000);
    assert.equal(rig.messages.find(({ type }) => type === "error")?.error_code, code, model_id);
    assert.equal(rig.types().includes("chunk"), code === undefined, model_id);
    assert.equal(rig.standIn.problems.length, code ? 1 : 0, model_id);
  }
});

test("a context id cannot be used again, and pieces without a space between them are noted", async () => {
  const { clock, standIn, ask, finish, messages } = connect();
  ask({ transcript: "One" });
  ask({ transcript: "two." });
  finish();
  await clock.run(3000);
  ask();
  await clock.run(50);
  assert.ok(messages.some(({ type, message }) => type === "error" && /does not take input/.test(String(message))));
  assert.match(standIn.problems.join("; "), /no space between pieces.*which is closed/);
});

test("a context without text for a second expires, with a done", async () => {
  const { clock, standIn, ask, types } = connect();
  ask();
  await clock.run(600);
  assert.equal(standIn.openContexts(), 1);
  await clock.run(1000);
  assert.equal(standIn.contexts[0]!.state, "expired");
  assert.equal(types().at(-1), "done");
  assert.equal(standIn.openContexts(), 0);
});

test("a cancel silences its context, but for the chunks that were to leak", async () => {
  for (const leakChunks of [0, 2]) {
    const { clock, standIn, client, ask, messages } = connect({ leakChunks, leakDone: true });
    ask({ transcript: "This is a rather long sentence, to be cut somewhere. " });
    await clock.run(200);
    client.send(JSON.stringify({ context_id: "c1", cancel: true }));
    await clock.run(0);
    const before = audioOf(messages).length;
    await clock.run(5000);
    assert.equal(audioOf(messages).length - before, leakChunks);
    assert.equal(standIn.contexts[0]!.state, "cancelled");
    assert.ok(standIn.contexts[0]!.cancelledAtMs! >= 200);
  }
});

test("contexts interleave, and the plan's limit refuses the next one", async () => {
  const { clock, ask, messages, types } = connect({}, { contextLimit: 2 });
  for (const context_id of ["c1", "c2", "c3"]) ask({ context_id });
  await clock.run(400);
  assert.deepEqual(types("c3"), ["error"]);
  assert.equal(messages.find(({ type }) => type === "error")!.error_code, "concurrency_limited");
  for (const context of ["c1", "c2"]) assert.equal(wordsIn(audioOf(messages, context)).text.trim(), "Hello there.");
  await clock.run(3000);
});

test("errors before 2026-03-01 are one sentence", async () => {
  const { clock, ask, messages } = connect({}, {}, { ...HEADERS, "cartesia-version": "2025-04-16" });
  ask({ colour: 3 });
  await clock.run(10);
  assert.match(String(messages[0]!.error), /^Bad request: /);
  assert.equal(messages[0]!.error_code, undefined);
});

test("a socket without messages is closed after its idle time", async () => {
  const { clock, closed } = connect({}, { idleMs: 5000 });
  await clock.run(4999);
  assert.equal(closed(), undefined);
  await clock.run(10);
  assert.deepEqual(closed(), { code: 1000, reason: "connection idle timeout" });
  assert.equal(clock.pending, 0);
});

test("each fault does what it is called", async () => {
  const play = async (faults: Partial<CartesiaFaults>) => {
    const rig = connect(faults);
    rig.ask();
    rig.finish();
    await rig.clock.run(8000);
    return rig;
  };
  assert.deepEqual((await play({ stall: 1 })).types(), []);
  assert.ok(!(await play({ stallMidway: 1 })).types().includes("done"));
  assert.equal((await play({ closeMidway: 1 })).closed()?.code, 1011);
  assert.equal((await play({ closeMidway: 1, closeCode: 1006 })).closed()?.code, 1006);
  assert.equal((await play({ garbage: 1 })).odd.length, 1);
  assert.ok((await play({ unknownEvents: true })).types().includes("weather"));
  assert.equal((await play({ doubleDone: true })).types().filter((type) => type === "done").length, 2);
  assert.equal((await play({ slowMs: 5000 })).standIn.contexts[0]!.firstChunkAtMs, 5090);
  const gone = { status: 400, code: "model_sunsetted", title: "Gone", message: "retired" };
  assert.equal((await play({ errors: [gone], anonymous: true })).messages[0]!.context_id, undefined);
});

test("whole utterances come raw or as WAV, and what is wrong is refused", async () => {
  const clock = new VirtualClock();
  const standIn = cartesiaStandIn({ clock, random: seeded(1), voice: toneVoice() });
  const { context_id: _, continue: _more, max_buffer_delay_ms: _delay, add_timestamps: _words, ...body } = ASK;
  const post = (more: Record<string, unknown>, headers = HEADERS) =>
    clock.runFor(standIn.fetch(
      new Request("https://cartesia.test/tts/bytes", {
        method: "POST",
        headers,
        body: JSON.stringify({ ...body, ...more }),
      }),
    ));
  const expected = await toneVoice().speak("Hello there. ");
  assert.deepEqual(await (await post({})).bytes(), expected.audio);
  const wav = await post({ output_format: { container: "wav", encoding: "pcm_s16le", sample_rate: 8000 } });
  const read = readWav(await wav.bytes());
  assert.ok(read.ok && read.value.rateHz === 8000 && read.value.channels[0]!.length === expected.audio.length);
  assert.equal((await post({ transcript: " " })).status, 400);
  assert.equal((await post({ colour: 1 })).status, 400);
  assert.equal((await post({ model_id: "sonic-2" })).status, 400);
  assert.equal(
    (await post({ output_format: { container: "mp3", encoding: "pcm_mulaw", sample_rate: 8000 } })).status,
    400,
  );
  assert.equal((await post({}, { "authorization": "", "cartesia-version": "2026-03-01" })).status, 401);
  const alive = await standIn.fetch(new Request("https://cartesia.test/", { headers: HEADERS }));
  assert.equal((await alive.json()).ok, true);
});
