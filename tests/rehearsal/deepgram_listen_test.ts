import assert from "node:assert/strict";
import { encode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { readWav } from "../../lib/audio/wav.ts";
import { deepgramListenStandIn, type ListenStandInOptions } from "../../lib/rehearsal/deepgram_listen.ts";
import { say as sayTo, senseLoudness, silence as silenceTo } from "../contract/stt.ts";
import { openSpeechSense } from "../../lib/rehearsal/sense.ts";
import { shared, test, testWith } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { connect, type RawClient, refusedBy, TOKEN, typed } from "./raw_client.ts";

const PHONE = "model=nova-3&language=en&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true" +
  "&endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true";
const at = (query: string) => `wss://api.deepgram.com/v1/listen?${query}`;

function open(options: Partial<ListenStandInOptions> = {}, query = PHONE) {
  const clock = new VirtualClock();
  const { answer, sessions } = deepgramListenStandIn({ clock, openSense: senseLoudness, ...options });
  const raw = connect(clock, answer, at(query));
  const stt = { hear: (frame: Uint8Array) => raw.wire.send(frame) } as Parameters<typeof sayTo>[0]["stt"];
  const say = (text: string) => sayTo({ clock, stt }, text);
  const silence = (ms: number) => silenceTo({ clock, stt }, ms);
  return { clock, raw, say, silence, session: sessions[0]! };
}

interface Results {
  start: number;
  duration: number;
  is_final: boolean;
  speech_final: boolean;
  from_finalize: boolean;
  channel: { alternatives: { transcript: string; words: { word: string; start: number; end: number }[] }[] };
}

function results(raw: RawClient): Results[] {
  return typed(raw, "Results") as unknown as Results[];
}

const transcript = (message: Results) => message.channel.alternatives[0]!.transcript;

test("listen stand-in: keys, as the vendor takes them", async () => {
  const { answer } = deepgramListenStandIn({ clock: new VirtualClock(), key: "k" });
  const status = (headers: HeadersInit) => refusedBy(answer, at(PHONE), headers)?.status;
  assert.equal(status(TOKEN), undefined);
  assert.equal(status({ authorization: "Bearer k" }), undefined);
  assert.equal(status({ "sec-websocket-protocol": "token, k" }), undefined);
  for (const headers of [{}, { authorization: "k" }, { authorization: "Token x" }, { authorization: "Basic k" }]) {
    assert.equal(status(headers as HeadersInit), 401, JSON.stringify(headers));
  }
  const refused = refusedBy(answer, at(PHONE), {})!;
  assert.ok(refused.headers.get("dg-request-id") && refused.headers.get("dg-error"));
  const { err_code, err_msg } = await refused.json();
  assert.deepEqual([err_code, err_msg], ["INVALID_AUTH", "Invalid credentials."]);
  const taken = answer({ url: new URL(at(PHONE)), headers: new Headers({ "sec-websocket-protocol": "token, k" }) });
  assert.equal("accept" in taken && taken.protocol, "token");
});

test("listen stand-in: parameters, good and bad", async () => {
  const { answer } = deepgramListenStandIn({ clock: new VirtualClock() });
  const base = "model=nova-3&encoding=mulaw&sample_rate=8000";
  const good = [
    PHONE,
    base,
    "model=nova-3",
    `${base}&keyterm=Green%20Street&keyterm=Bell`,
    `${base}&endpointing=false`,
    "model=nova-2-phonecall&keywords=bell:2",
    `${base}&redact=pci&redact=ssn&tag=a&mip_opt_out=true`,
  ];
  for (const query of good) assert.equal(refusedBy(answer, at(query)), undefined, query);
  const bad = [
    "encoding=mulaw&sample_rate=8000",
    "model=nova-9",
    "model=flux-general-en&encoding=mulaw&sample_rate=8000",
    "model=nova-3&encoding=mulaw",
    "model=nova-3&encoding=ulaw&sample_rate=8000",
    `${base}&keywords=bell`,
    `${base}&model=nova-3`,
    `${base}&interim_results=yes`,
    `${base}&endpointing=soon`,
    `${base}&utterance_end_ms=1000`,
    `${base}&interim_results=true&utterance_end_ms=500`,
    `${base}&eot_threshold=0.7`,
    `${base}&smartformat=true`,
    `${base}&keyterm=${"a+".repeat(501)}b`,
    "model=nova-2&keyterm=bell",
  ];
  for (const query of bad) {
    const refused = refusedBy(answer, at(query));
    assert.equal(refused?.status, 400, query);
    assert.equal((await refused!.json()).err_code, "INVALID_QUERY_PARAMETER");
  }
});

test("listen stand-in: words become interims, a final with speech_final, UtteranceEnd, all in audio time", async () => {
  const { raw, say, silence } = open();
  await silence(200);
  await say("Table for four, please.");
  await silence(1500);
  const order = raw.messages.map(({ type, speech_final }) => `${type}${speech_final ? "!" : ""}`);
  assert.equal(order[0], "SpeechStarted");
  assert.deepEqual(order.slice(-2), ["Results!", "UtteranceEnd"]);
  const all = results(raw);
  assert.ok(all.length >= 4, `${all.length} results`);
  assert.ok(all.slice(0, -1).every(({ is_final, start }) => !is_final && start === 0));
  const final = all.at(-1)!;
  assert.deepEqual([final.is_final, transcript(final)], [true, "Table for four, please."]);
  const { words } = final.channel.alternatives[0]!;
  assert.deepEqual(words.map(({ word }) => word), ["table", "for", "four", "please"]);
  assert.ok(Math.abs(words[0]!.start - 0.2) < 0.03 && Math.abs(words[1]!.start - 0.56) < 0.03);
  const lastEnd = typed(raw, "UtteranceEnd")[0]!.last_word_end as number;
  assert.ok(Math.abs(lastEnd - words.at(-1)!.end) < 0.001);
});

test("listen stand-in: windows of a long utterance join without gap or repetition", async () => {
  const { raw, say, silence } = open({ knobs: { windowMs: 2000 } });
  const text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen";
  await say(text);
  await silence(1000);
  const finals = results(raw).filter(({ is_final }) => is_final);
  assert.ok(finals.length >= 3);
  assert.equal(finals.map(transcript).filter(Boolean).join(" "), text);
  finals.slice(1).forEach(({ start }, i) => {
    assert.ok(Math.abs(start - (finals[i]!.start + finals[i]!.duration)) < 0.0015);
  });
  assert.deepEqual(finals.map(({ speech_final }) => speech_final).filter(Boolean), [true]);
});

test("listen stand-in: plain text without punctuate, no interims and no events unless asked for", async () => {
  const { raw, say, silence } = open({}, "model=nova-3&encoding=mulaw&sample_rate=8000&endpointing=300");
  await say("Hello there, Anna!");
  await silence(1500);
  assert.deepEqual(raw.messages.map(({ type }) => type), ["Results"]);
  assert.equal(transcript(results(raw)[0]!), "hello there anna");
});

test("listen stand-in: Finalize, in its three habits", async () => {
  const finals: Record<string, string[]> = {};
  for (const finalize of ["text", "empty", "none"] as const) {
    const { raw, say, clock } = open({ knobs: { finalize } });
    await say("Half of");
    raw.send({ type: "Finalize" });
    await clock.run(10);
    finals[finalize] = results(raw).filter(({ is_final }) => is_final).map((message) =>
      `${message.from_finalize ? "F" : "-"} ${transcript(message)}`
    );
  }
  assert.deepEqual(finals, { text: ["F Half of"], empty: ["- Half of", "F "], none: [] });
});

test("listen stand-in: CloseStream brings the rest, the summary, and a normal close", async () => {
  const { raw, say, clock } = open();
  await say("So long");
  raw.send({ type: "CloseStream" });
  await clock.run(10);
  assert.deepEqual(raw.messages.slice(-2).map(({ type }) => type), ["Results", "Metadata"]);
  assert.equal(transcript(results(raw).at(-1)!), "So long");
  assert.ok(Math.abs((raw.messages.at(-1)!.duration as number) - 0.43) < 0.03);
  assert.equal(raw.closed?.[0], 1000);
  assert.equal(clock.pending, 0);
});

test("listen stand-in: ten seconds without a message end it; KeepAlive helps only after the first audio", async () => {
  const { raw, clock } = open();
  for (let i = 0; i < 3; i++) {
    await clock.run(4000);
    raw.send({ type: "KeepAlive" });
  }
  assert.equal(raw.closed?.[0], 1011);
  assert.match(raw.closed![1], /did not receive audio data .*net0001/);

  const fed = open();
  await fed.silence(100);
  for (let i = 0; i < 10; i++) {
    await fed.clock.run(5000);
    fed.raw.send({ type: "KeepAlive" });
  }
  assert.equal(fed.raw.closed, undefined);
  await fed.clock.run(10_100);
  assert.equal(fed.raw.closed![0], 1011);
});

test("listen stand-in: what the vendor does not take closes the stream", async () => {
  const cases: [send: (raw: RawClient) => void, code: number][] = [
    [({ send }) => send({ type: "Reset" }), 1008],
    [({ wire }) => wire.send("not json"), 1008],
    [({ wire }) => wire.send(new TextEncoder().encode('{"type":"KeepAlive"}')), 1008],
    [({ wire }) => wire.send(new Uint8Array(0)), 1000],
  ];
  for (const [send, code] of cases) {
    const { raw, clock } = open();
    send(raw);
    await clock.run(10);
    assert.equal(raw.closed?.[0], code);
    assert.equal(clock.pending, 0);
  }
});

test("listen stand-in: untagged speech is heard as speech, without a word", async () => {
  const { raw, silence, clock } = open();
  const { audio } = await toneVoice().speak("somebody says something");
  for (let i = 0; i + 160 <= audio.length; i += 160) {
    raw.wire.send(audio.subarray(i, i + 160));
    await clock.run(20);
  }
  await silence(1500);
  assert.equal(typed(raw, "SpeechStarted").length, 1);
  assert.deepEqual(results(raw).map(transcript), [""]);
  assert.equal(results(raw)[0]!.speech_final, true);
  assert.equal(typed(raw, "UtteranceEnd").length, 0);
});

test("listen stand-in: with a recogniser, untagged speech becomes its words", async () => {
  const asked: number[] = [];
  const { raw, silence, clock } = open({
    recognise: async (pcm8k) => {
      asked.push(pcm8k.length);
      await Promise.resolve();
      return "nine one one";
    },
  });
  const { audio } = await toneVoice().speak("nineoneone");
  for (let i = 0; i + 160 <= audio.length; i += 160) raw.wire.send(audio.subarray(i, i + 160));
  await silence(2000);
  assert.equal(asked.length, 1);
  const aroundMs = asked[0]! / 16 - audio.length / 8;
  assert.ok(aroundMs >= 0 && aroundMs <= 600, `${aroundMs} ms of silence around it`);
  assert.deepEqual(results(raw).filter(({ is_final }) => is_final).map(transcript), ["nine one one"]);
  await clock.run(0);
});

test("listen stand-in: a recogniser that hangs or fails costs the words, not the stream", async () => {
  for (const recognise of [() => new Promise<string>(() => {}), () => Promise.reject(new Error("no grammar"))]) {
    const { raw, silence, session } = open({ recognise });
    const { audio } = await toneVoice().speak("nineoneone");
    for (let i = 0; i + 160 <= audio.length; i += 160) raw.wire.send(audio.subarray(i, i + 160));
    await silence(12_000);
    const finals = results(raw).filter(({ is_final }) => is_final);
    assert.deepEqual(new Set(finals.map(transcript)), new Set([""]));
    assert.ok(finals.some(({ speech_final }) => speech_final));
    assert.ok(session.crashes.length <= 1 && raw.closed === undefined);
  }
});

const recording = shared("data/speech-en/arctic_aew_a0001.wav");

testWith(
  recording,
  "listen stand-in: a recording of a person is heard as speech, its onset kept for a recogniser",
  async () => {
    const wav = readWav(Deno.readFileSync(recording.url));
    assert.ok(wav.ok);
    const samples = resample(wav.value.channels[0]!, wav.value.rateHz, 8000);
    const audio = encode(Int16Array.from(samples, (sample) => Math.round(sample * 32767)));
    (await openSpeechSense())[Symbol.dispose](); // loaded now, as virtual time does not wait for it
    const segments: number[] = [];
    const { raw, silence, clock } = open({
      openSense: openSpeechSense,
      recognise: (pcm8k) => {
        segments.push(pcm8k.length / 16);
        return Promise.resolve("author of the danger trail");
      },
    });
    for (let i = 0; i + 160 <= audio.length; i += 160) {
      raw.wire.send(audio.subarray(i, i + 160));
      await clock.run(20);
    }
    await silence(2000);
    assert.ok(typed(raw, "SpeechStarted").length >= 1);
    const spokenMs = segments.reduce((sum, ms) => sum + ms, 0);
    assert.ok(
      spokenMs > 0.6 * audio.length / 8 && spokenMs < 1.3 * audio.length / 8,
      `${segments} of ${audio.length / 8} ms`,
    );
    const finals = results(raw).filter(({ is_final }) => is_final).map(transcript).filter(Boolean);
    assert.equal(finals.length, segments.length);
    assert.equal(finals[0], "author of the danger trail");
  },
);
