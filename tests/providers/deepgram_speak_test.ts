import assert from "node:assert/strict";
import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import { readTag, TagReader } from "../../lib/audio/tag.ts";
import { systemClock } from "../../lib/base/clock.ts";
import type { DialRequest } from "../../lib/base/dial.ts";
import { FaultError } from "../../lib/base/result.ts";
import { deepgramSpeak, type DeepgramSpeakOptions, speakUrl } from "../../lib/providers/deepgram_speak.ts";
import { parseSpeak } from "../../lib/providers/speak_line.ts";
import { socketKind, vendorDial } from "../../lib/providers/socket.ts";
import { deepgramSpeakStandIn, type SpeakStandInOptions } from "../../lib/rehearsal/deepgram_speak.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { cutIntoFrames, finished, hear, type Hearing } from "../contract/tts.ts";
import { countWires } from "../contract/wires.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const URL_ = "wss://api.deepgram.com/v1/speak";

function rig(standIn: Partial<SpeakStandInOptions> = {}, options: Partial<DeepgramSpeakOptions> = {}, delayMs = 0) {
  const clock = new VirtualClock();
  const { answer, sessions } = deepgramSpeakStandIn({ clock, random: seeded(1), voice: toneVoice(), ...standIn });
  const requests: DialRequest[] = [];
  const sim = simDial(clock, answer, { delayMs });
  const wires = countWires((request, signal) => {
    requests.push(request);
    return sim(request, signal);
  });
  const provider = { model: "aura-2-thalia-en" };
  const tts = deepgramSpeak({ dial: wires.dial, clock, url: URL_, key: "k", provider, ...options });
  return { clock, sessions, requests, wires, sim, tts };
}

async function dispose({ clock, tts, sessions, wires }: ReturnType<typeof rig>): Promise<void> {
  await clock.runFor(Promise.resolve(tts[Symbol.asyncDispose]()));
  await clock.run(100);
  assert.deepEqual([clock.pending, wires.open], [0, 0]);
  for (const { crashes } of sessions) assert.deepEqual(crashes, []);
}

/** The words in the frames' tags. */
function words(frames: Uint8Array[]): string {
  const reader = new TagReader();
  for (const frame of frames) reader.push(frame);
  return reader.text;
}

function kinds({ sessions }: ReturnType<typeof rig>, session = 0): string[] {
  return sessions[session]!.messages.map((text) => (JSON.parse(text) as { type: string }).type);
}

async function message(parts: ReturnType<typeof rig>, hearing: Hearing): Promise<string> {
  await parts.clock.runUntil(() => hearing.state !== "speaking", 60_000);
  assert.ok(hearing.error instanceof FaultError, String(hearing.error));
  return hearing.error.message;
}

test("speak asks for bare telephone audio, with the key in a header", async () => {
  assert.equal(
    speakUrl(URL_, { model: "aura-2-thalia-en", speed: 1.1 }),
    `${URL_}?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000&speed=1.1`,
  );
  const parts = rig();
  parts.tts.warm();
  assert.deepEqual(parts.requests[0]!.headers, { authorization: "Token k" });
  await dispose(parts);
});

test("speak reads what it needs and skips the rest", () => {
  assert.deepEqual(parseSpeak('{"type":"Flushed","sequence_id":0}'), { ok: true, value: { type: "Flushed" } });
  assert.deepEqual(parseSpeak('{"type":"Metadata","request_id":"r"}'), { ok: true, value: undefined });
  for (const text of ["", "null", "<html>", "{}"]) assert.equal(parseSpeak(text).ok, false);
});

test("a reply is one Flush on one socket, which serves the whole call", async () => {
  const parts = rig();
  parts.tts.warm();
  await parts.clock.run(100);
  assert.equal(parts.wires.opened, 1);
  for (const text of ["Good morning.", "How can I help you?"]) {
    const hearing = hear(parts, [text]);
    await finished(parts, hearing);
    assert.equal(words(hearing.frames), text);
    await parts.clock.run(10_000);
  }
  assert.equal(parts.wires.opened, 1);
  await dispose(parts);
  assert.deepEqual(kinds(parts), ["Speak", "Flush", "Speak", "Flush", "Close"]);
  assert.equal(parts.sessions[0]!.closed, 1000);
});

test("audio comes before the text has ended, from the end of the first sentence", async () => {
  const parts = rig();
  const hearing = hear(
    parts,
    (async function* () {
      yield "We are open. ";
      await new Promise<void>((resolve) => void parts.clock.after(800, resolve));
      yield "Until six.";
    })(),
  );
  await parts.clock.run(150);
  assert.ok(hearing.frames.length > 0);
  await finished(parts, hearing);
  assert.equal(words(hearing.frames), "We are open. Until six.");
  await dispose(parts);
});

test("an abort says Clear once; late chunks until Cleared are never heard", async () => {
  for (const lateChunks of [0, 1, 3]) {
    const parts = rig({ knobs: { lateChunks, clearMs: 80 } }, {}, 15);
    const cut = hear(parts, ["The first reply is rather long and will be interrupted. It has two sentences."]);
    await parts.clock.runUntil(() => cut.frames.length > 5);
    cut.abort();
    const next = hear(parts, ["Second."]);
    await finished(parts, next);
    assert.equal(words(next.frames), "Second.");
    assert.ok(next.frames.every((frame) => readTag(frame)), "no foreign byte in any frame");
    assert.deepEqual(kinds(parts).filter((kind) => kind === "Clear"), ["Clear"]);
    assert.equal(parts.wires.opened, 1);
    await dispose(parts);
  }
});

test("a reply aborted before it sent anything needs no Clear", async () => {
  const parts = rig();
  const waiting = hear(
    parts,
    (async function* () {
      yield "";
      await new Promise<void>((resolve) => void parts.clock.after(500, resolve));
      yield "never";
    })(),
  );
  await parts.clock.run(100);
  waiting.abort();
  await parts.clock.run(1000);
  assert.deepEqual(kinds(parts), []);
  await dispose(parts);
});

test("without Cleared the socket is given up after a second and the next reply takes a new one", async () => {
  const parts = rig({ faults: { neverCleared: true } });
  const cut = hear(parts, ["This one is interrupted, and the server forgets to say so."]);
  await parts.clock.runUntil(() => cut.frames.length > 3);
  cut.abort();
  const next = hear(parts, ["Again."]);
  await finished(parts, next);
  assert.equal(words(next.frames), "Again.");
  assert.equal(parts.wires.opened, 2);
  await dispose(parts);
});

test("500 seeded replies, many cut short: each frame belongs to its reply and no word is lost", async () => {
  const random = seeded(77);
  const parts = rig(
    {
      random,
      knobs: { firstByteMs: 40, clearMs: 30, lateChunks: 3, staleFlushedMs: 30, rateX: 8 },
    },
    {},
    10,
  );
  for (let i = 0; i < 500; i++) {
    const text = `Reply ${i} says the number ${i * 7}. And that is all of ${i}.`;
    const hearing = hear(parts, [text.slice(0, 9), text.slice(9)]);
    if (random() < 0.7) {
      await parts.clock.run(Math.floor(random() * 300));
      hearing.abort();
      await parts.clock.run(20);
      assert.equal(hearing.state, "ended");
      assert.ok(text.startsWith(words(hearing.frames)), `reply ${i}: ${words(hearing.frames)}`);
    } else {
      await finished(parts, hearing);
      assert.equal(words(hearing.frames), text);
    }
    assert.ok(hearing.frames.every((frame) => readTag(frame)));
  }
  await dispose(parts);
});

test("more than 20 replies in a minute go over a second socket, and none is refused", async () => {
  const parts = rig({ knobs: { firstByteMs: 10, rateX: 50 } });
  for (let i = 0; i < 30; i++) {
    const hearing = hear(parts, ["Ok."]);
    await finished(parts, hearing);
    assert.equal(words(hearing.frames), "Ok.");
  }
  assert.ok(parts.clock.monotonicMs() < 60_000);
  assert.equal(parts.wires.opened, 2);
  assert.equal(parts.wires.open, 1, "the first is closed");
  await dispose(parts);
});

test("whatever was said before, a reply longer than the characters of a minute comes whole, and its waits are not heard", async () => {
  const sentence = "This sentence has about fifty letters and a full stop. ";
  for (const before of [[], [700], [800, 400], [600, 600, 600], [1900], [2390]]) {
    for (const text of [Array.from({ length: 60 }, () => sentence), [sentence.repeat(60)]]) {
      const parts = rig({ knobs: { rateX: 20 } }, {}, 10);
      parts.tts.warm();
      await parts.clock.run(100);
      for (const characters of before) {
        const cut = hear(parts, [sentence.repeat(60).slice(0, characters)]);
        await parts.clock.run(500);
        cut.abort();
        await parts.clock.run(500);
      }
      const told = `${before} characters before, in ${text.length}`;
      assert.equal(parts.wires.open, 1, told);
      const openedBefore = parts.wires.opened;
      const hearing = hear(parts, text);
      await parts.clock.run(150);
      for (let heardMs = FRAME_MS; hearing.state === "speaking"; heardMs += FRAME_MS) {
        assert.ok(hearing.frames.length * FRAME_MS >= heardMs, `${told}: silence after ${heardMs} ms`);
        await parts.clock.run(FRAME_MS);
      }
      assert.equal(words(hearing.frames), sentence.repeat(60).trim(), told);
      assert.ok(parts.sessions[openedBefore - 1]!.text.endsWith(sentence.repeat(60)), told);
      await dispose(parts);
    }
  }
});

test("each way to fail ends in a fault with the remedy in its message, and the next reply takes a new socket", async () => {
  const first = (faults: Exclude<SpeakStandInOptions["faults"], undefined>) => ({
    faults: (socket: number) => socket === 0 ? faults as object : {},
  });
  const cases: [Partial<SpeakStandInOptions>, RegExp][] = [
    [first({ refuse: 401 }), /Cannot open Deepgram's voice: HTTP 401 .*Check DEEPGRAM_API_KEY/],
    [first({ refuse: 429, retryAfterSeconds: 2 }), /HTTP 429 .*lower MAX_CALLS/],
    [first({ dropAfterBytes: 3000 }), /Lost Deepgram's voice after \d+ ms: close code 1006/],
    [first({ dropAfterBytes: 3000, dropCode: 1011, dropReason: "NET-0002" }), /close code 1011 \(NET-0002\)/],
    [first({ dropAfterBytes: 3000, dropCode: 1008, dropReason: "DATA-0001" }), /DATA-0001: .*make replies shorter/],
    [first({ garbageAfterBytes: 3000 }), /Cannot understand Deepgram's voice: a message is not JSON/],
    [first({ stallAfterBytes: 3000 }), /Waited 1200 ms for the rest of the audio/],
    [first({ stallAfterBytes: 0 }), /Waited 1000 ms for the first audio/],
  ];
  for (const [standIn, expected] of cases) {
    const parts = rig(standIn);
    const hearing = hear(parts, ["This reply will not be heard to its end, alas. It is too long for that."]);
    assert.match(await message(parts, hearing), expected);
    const next = hear(parts, ["Better."]);
    await finished(parts, next);
    assert.equal(words(next.frames), "Better.");
    await dispose(parts);
  }
});

test("a slow first byte within the limit is no fault", async () => {
  const parts = rig({ knobs: { firstByteMs: 900 } });
  const hearing = hear(parts, ["At last."]);
  await finished(parts, hearing);
  assert.equal(words(hearing.frames), "At last.");
  await dispose(parts);
});

test("a voice that does not exist is refused in the vendor's words", async () => {
  const parts = rig({}, { provider: { model: "aura-2-nobody-en" } });
  const said = await message(parts, hear(parts, ["Hello."]));
  assert.match(said, /HTTP 400 .*No such model\/version combination found.*Check the configuration/);
  await dispose(parts);
});

test("a socket that dies between replies is no fault: the next reply opens another", async () => {
  const parts = rig();
  await finished(parts, hear(parts, ["One."]));
  parts.sim.pairs[0]!.cut();
  await parts.clock.run(100);
  const next = hear(parts, ["Two."]);
  await finished(parts, next);
  assert.equal(words(next.frames), "Two.");
  await dispose(parts);
});

test("speak over a real socket: whole frames, whole words, an orderly close", async () => {
  const voice = toneVoice();
  const { answer, sessions } = deepgramSpeakStandIn({
    clock: systemClock,
    random: seeded(3),
    voice,
    key: "k",
    knobs: { firstByteMs: 5, rateX: 100 },
  });
  await using server = serveStandIns([{ path: "/v1/speak", answer }]);
  const tts = deepgramSpeak({
    dial: vendorDial({ clock: systemClock, kind: socketKind("auto") }),
    clock: systemClock,
    url: `ws://${server.origin}/v1/speak`,
    key: "k",
    provider: { model: "aura-2-thalia-en" },
  });
  const frames: Uint8Array[] = [];
  async function* text() {
    yield "Hello over ";
    yield "a real socket.";
  }
  for await (const part of tts.speak(text(), new AbortController().signal)) {
    if (part.kind === "audio") frames.push(...cutIntoFrames(part.frames));
  }
  await tts[Symbol.asyncDispose]();
  assert.ok(frames.every(({ length }) => length === FRAME_BYTES));
  assert.equal(words(frames), "Hello over a real socket.");
  assert.equal(sessions[0]!.messages.at(-1), '{"type":"Close"}');
});
