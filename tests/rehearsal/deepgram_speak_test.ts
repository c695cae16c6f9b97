import assert from "node:assert/strict";
import { TagReader } from "../../lib/audio/tag.ts";
import { deepgramSpeakStandIn, type SpeakStandInOptions } from "../../lib/rehearsal/deepgram_speak.ts";
import { joined } from "../contract/stt.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { connect, type RawClient, refusedBy, TOKEN, typed } from "./raw_client.ts";

const PHONE = "model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000";
const at = (query: string) => `wss://api.deepgram.com/v1/speak?${query}`;

function standIn(options: Partial<SpeakStandInOptions> = {}) {
  const clock = new VirtualClock();
  return { clock, ...deepgramSpeakStandIn({ clock, random: seeded(9), voice: toneVoice(), ...options }) };
}

function open(options: Partial<SpeakStandInOptions> = {}) {
  const { clock, answer, sessions } = standIn(options);
  const raw = connect(clock, answer, at(PHONE));
  const speak = (text: string) => raw.send({ type: "Speak", text });
  return { clock, raw, speak, session: sessions[0]! };
}

function words(raw: RawClient): string {
  const audio = joined(raw.audio);
  const reader = new TagReader();
  for (let i = 0; i + 160 <= audio.length; i += 160) reader.push(audio.subarray(i, i + 160));
  return reader.text;
}

test("speak stand-in: parameters, good and bad", async () => {
  const { answer } = standIn();
  const good = [PHONE, `${PHONE}&container=none&speed=1.2`, PHONE.replace("aura-2-thalia-en", "aura-asteria-en")];
  for (const query of good) assert.equal(refusedBy(answer, at(query)), undefined, query);
  const bad = [
    PHONE.replace("thalia", "nobody"),
    PHONE.replace("aura-2-thalia-en", "flux-kit-en"),
    `${PHONE}&speed=2`,
    `${PHONE}&container=wav`,
    `${PHONE}&voice=thalia`,
    "model=aura-2-thalia-en&encoding=mulaw",
    "model=aura-2-thalia-en&encoding=mp3&sample_rate=22050",
  ];
  for (const query of bad) assert.equal(refusedBy(answer, at(query))?.status, 400, query);
  const refused = refusedBy(answer, at(PHONE.replace("thalia", "nobody")))!;
  assert.equal((await refused.json()).err_msg, "No such model/version combination found.");
});

test("speak stand-in: Metadata at open, audio at the end of a sentence, Flushed after the last of it", async () => {
  const { clock, raw, speak } = open();
  await clock.run(5);
  assert.equal(raw.messages[0]!.type, "Metadata");
  speak("Hello there. And");
  await clock.run(80);
  assert.equal(raw.audio.length, 0, "not before 90 ms");
  await clock.run(20);
  assert.ok(raw.audio.length > 0);
  await clock.run(2000);
  assert.equal(words(raw), "Hello there.");
  speak(" goodbye.");
  raw.send({ type: "Flush" });
  await clock.run(2000);
  assert.equal(words(raw), "Hello there. And goodbye.");
  assert.deepEqual(typed(raw, "Flushed"), [{ type: "Flushed", sequence_id: 0 }]);
  const sizes = new Set(raw.audio.map(({ length }) => length % 160));
  assert.ok(sizes.size > 1, "the chunks are uneven");
});

test("speak stand-in: Clear drops text and audio; late chunks may come before Cleared", async () => {
  const { clock, raw, speak } = open({ knobs: { lateChunks: 3 } });
  speak("A sentence that is cleared before its end. Another one.");
  raw.send({ type: "Flush" });
  await clock.run(200);
  const before = raw.audio.length;
  raw.send({ type: "Clear" });
  await clock.run(10);
  assert.equal(raw.audio.length, before + 3);
  await clock.run(3000);
  assert.equal(raw.audio.length, before + 3);
  assert.deepEqual(raw.messages.slice(1).map(({ type, sequence_id }) => [type, sequence_id]), [["Cleared", 0]]);
  speak("New.");
  raw.send({ type: "Flush" });
  await clock.run(1000);
  assert.deepEqual(raw.messages.at(-1), { type: "Flushed", sequence_id: 1 });
});

test("speak stand-in: the vendor's limits close the socket or are warned of", async () => {
  const cases: [send: (raw: RawClient) => void, closed: [number, string]][] = [
    [({ send }) => send({ type: "Speak", text: "x".repeat(2001) }), [1009, "BIG-0001"]],
    [({ send }) => {
      send({ type: "Speak", text: "x".repeat(1500) });
      send({ type: "Speak", text: "x".repeat(901) });
    }, [1008, "DATA-0001"]],
    [({ send }) => send({ type: "Reset" }), [1008, "DATA-0000"]],
    [({ send }) => send({ type: "KeepAlive" }), [1008, "DATA-0000"]],
    [({ send }) => send({ type: "Speak" }), [1008, "DATA-0000"]],
    [({ wire }) => wire.send("nonsense"), [1008, "DATA-0000"]],
    [({ wire }) => wire.send(new Uint8Array(10)), [1003, "MESSAGE-0000"]],
    [({ send }) => send({ type: "Close" }), [1000, ""]],
  ];
  for (const [send, closed] of cases) {
    const { raw, clock } = open();
    send(raw);
    await clock.run(10);
    assert.deepEqual(raw.closed, closed);
    await clock.run(1000);
    assert.equal(clock.pending, 0);
  }
  const { raw, clock } = open();
  for (let i = 0; i < 21; i++) raw.send({ type: "Flush" });
  await clock.run(1000);
  assert.equal(typed(raw, "Flushed").length, 20);
  assert.equal(typed(raw, "Warning").length, 1);
  await clock.run(60 * 60_000);
  assert.deepEqual(raw.closed, [1011, "NET-0003"]);
});

test("speak stand-in: a minute later the limits are free again", async () => {
  const { raw, clock, speak } = open();
  speak("x".repeat(2000));
  await clock.run(60_001);
  speak("x".repeat(2000));
  await clock.run(10);
  assert.equal(raw.closed, undefined);
});

test("speak stand-in: plain requests, good and bad", async () => {
  const { fetch } = standIn({ key: "k" });
  const post = (query: string, body: unknown, headers: HeadersInit = TOKEN) =>
    fetch(
      new Request(`https://api.deepgram.com/v1/speak?${query}`, {
        method: "POST",
        headers,
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    );
  const good = await post(`${PHONE}&container=none`, { text: "Good morning." });
  assert.equal(good.status, 200);
  assert.equal(good.headers.get("content-type"), "audio/mulaw;rate=8000");
  assert.equal(good.headers.get("dg-char-count"), "13");
  assert.equal((await good.bytes()).length, 13 * 60 * 8);
  const wav = await (await post(PHONE, { text: "Good morning." })).bytes();
  assert.equal(new TextDecoder().decode(wav.subarray(0, 4)), "RIFF");
  const bad: [Promise<Response>, number][] = [
    [post(PHONE, { text: "Hi" }, {}), 401],
    [post(PHONE, { text: "Hi" }, { authorization: "Token x" }), 401],
    [post(`${PHONE}&colour=red`, { text: "Hi" }), 400],
    [post(PHONE, { text: "" }), 400],
    [post(PHONE, { text: "Hi", voice: "x" }), 400],
    [post(PHONE, "Hi"), 400],
    [post(PHONE, { text: "x".repeat(2001) }), 413],
    [fetch(new Request(`https://api.deepgram.com/v1/speak?${PHONE}`, { headers: TOKEN })), 405],
  ];
  for (const [response, status] of bad) assert.equal((await response).status, status);
});
