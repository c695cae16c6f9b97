import assert from "node:assert/strict";
import { hashOf, LOCAL_VOICE, OWN_RECORDING } from "../../lib/audio/prompt_index.ts";
import { EARLIER_LIMIT, PromptBook, type PromptParts, type PromptVoice } from "../../lib/audio/prompts.ts";
import { encode } from "../../lib/audio/mulaw.ts";
import { promptLevelDbfs } from "../../lib/audio/recording.ts";
import { writeWav } from "../../lib/audio/wav.ts";
import { failed, ok } from "../../lib/base/result.ts";
import { diskCache } from "../../lib/prompt_voice.ts";
import { test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { folder } from "../store/make.ts";

const { signal } = new AbortController();

function tone(seconds: number, peak = 6000, rateHz = 8000): Int16Array {
  return Int16Array.from({ length: seconds * rateHz }, (_, n) => peak * Math.sin(2 * Math.PI * 440 * n / rateHz));
}

const GOOD = encode(tone(1.01));

function book(files: Record<string, Uint8Array>, parts: Partial<PromptParts> = {}) {
  return new PromptBook({ read: (name) => files[name], voice: toneVoice(), ...parts });
}

/** A vendor's voice that says 0.5 s of tone, and what it was asked for. */
function vendor(name = "vendor one"): PromptVoice & { asked: string[] } {
  const asked: string[] = [];
  return {
    name,
    asked,
    render: (text) => {
      asked.push(text);
      return Promise.resolve(ok(encode(tone(0.5))));
    },
  };
}

test("a recording is shared, and padded with silence to whole frames", async () => {
  const prompts = book({ hello: GOOD });
  const line = { text: "Hello.", audio: "hello" };
  assert.equal(prompts.get(line), undefined);
  assert.deepEqual(await prompts.load([line], signal), []);
  const audio = prompts.get(line)!;
  assert.equal(audio.length, 8160);
  assert.deepEqual(audio.subarray(0, 8080), GOOD);
  assert.ok(audio.subarray(8080).every((byte) => byte === 0xFF));
  assert.equal(prompts.get({ ...line }), audio);
  assert.equal(prompts.voiceOf(line), OWN_RECORDING);
});

test("what a disk refuses to keep leaves nothing on it", async () => {
  using dir = folder();
  const cache = diskCache(dir.path);
  Deno.mkdirSync(`${dir.path}/abc.mulaw/in-the-way`, { recursive: true });
  await assert.rejects(cache.write("abc", GOOD));
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["abc.mulaw"]);
});

test("of more renderings than are kept the oldest go, and what a killed process left of one", async () => {
  using dir = folder();
  const cache = diskCache(dir.path, 3);
  const names = ["aa.mulaw", "bb.mulaw", "cc.mulaw", "dd.mulaw.unfinished"];
  for (const [n, name] of names.entries()) {
    Deno.writeFileSync(`${dir.path}/${name}`, GOOD);
    Deno.utimeSync(`${dir.path}/${name}`, 1000 - n, 1000 - n);
  }
  await cache.write("ee", GOOD);
  const left = [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
  assert.deepEqual(left, ["aa.mulaw", "bb.mulaw", "ee.mulaw"]);
});

test("a configuration that is edited every day: lines of earlier ones are held in bounded number, its own all", async () => {
  const prompts = book({});
  const day = (n: number) => [{ text: "Goodbye." }, { text: `Today is day ${n}.` }];
  for (let n = 0; n < 3 * EARLIER_LIMIT; n++) await prompts.load(day(n), signal);
  assert.equal(prompts.size, EARLIER_LIMIT + 2);
  for (const line of day(3 * EARLIER_LIMIT - 1)) assert.ok(prompts.get(line));
  assert.ok(prompts.get(day(3 * EARLIER_LIMIT - 2)[1]!), "for calls that began before the last edit");
});

test("a broken recording is named with its remedy, its text is spoken, and the others are played", async () => {
  const wav = (seconds: number) => writeWav({ rateHz: 8000, channels: [tone(seconds)] });
  const broken: Record<string, [Uint8Array, RegExp]> = {
    nothing: [new Uint8Array(0), /assets\/audio\/nothing\.mulaw is empty\. .*audio build nothing/],
    endless: [new Uint8Array(600 * 8000).fill(0x80), /assets\/audio\/endless\.mulaw is 600 s long.*Shorten/],
    endless_wav: [wav(130), /assets\/audio\/endless_wav\.mulaw is a WAV file.*130 s long/],
    odd: [wav(1).subarray(0, 30), /assets\/audio\/odd\.mulaw is a WAV file.*no audio|format/],
    silent_wav: [wav(1).map((byte, at) => at < 44 ? byte : 0), /silent_wav\.mulaw is a WAV.*silence only/],
    song: [new TextEncoder().encode("ID3 a song"), /assets\/audio\/song\.mulaw is an MP3 file.*Convert/],
  };
  const files = Object.fromEntries(Object.entries(broken).map(([name, [bytes]]) => [name, bytes]));
  const prompts = book({ ...files, good: GOOD });
  const lines = [...Object.keys(broken), "good"].map((name) => ({ text: `The ${name} line.`, audio: name }));
  const notes = await prompts.load(lines, signal);
  assert.equal(notes.length, Object.keys(broken).length);
  for (const [name, [, message]] of Object.entries(broken)) {
    assert.ok(notes.some((note) => message.test(note)), `${name}: ${notes.join("\n")}`);
  }
  for (const line of lines) assert.ok(prompts.get(line)!.length > 0, line.audio);
  assert.equal(prompts.voiceOf(lines[0]!), LOCAL_VOICE);
  assert.equal(prompts.voiceOf(lines.at(-1)!), OWN_RECORDING);
});

test("a missing recording is no fault if there is a text; without one it is", async () => {
  const prompts = book({});
  assert.deepEqual(await prompts.load([{ text: "Hello.", audio: "hello" }], signal), []);
  const [note] = await prompts.load([{ text: "", audio: "wordless" }], signal);
  assert.match(note!, /assets\/audio\/wordless\.mulaw is missing.*audio build/);
});

test("a WAV under the wrong name is converted, and levels and lengths that make no sense are warned of", async () => {
  const wav = writeWav({ rateHz: 16000, channels: [tone(1, 900, 16000)] });
  const files = {
    wav,
    quiet: encode(tone(1, 100)),
    loud: new Uint8Array(8000).fill(0x80),
    silent: new Uint8Array(8000).fill(0xFF),
    long: encode(tone(31)),
  };
  const prompts = book(files);
  const lines = Object.keys(files).map((name) => ({ text: "Hello.", audio: name }));
  const notes = (await prompts.load(lines, signal)).join("\n");
  for (const message of [/wav\.mulaw is a WAV file; it was converted/, /quiet\.mulaw is very quiet \(-5\d dBFS\)/]) {
    assert.match(notes, message);
  }
  for (const message of [/loud\.mulaw is far too loud/, /silent\.mulaw is silent/, /long\.mulaw is 31 s long/]) {
    assert.match(notes, message);
  }
  assert.equal(notes.split("\n").length, 5);
  for (const line of lines) assert.equal(prompts.voiceOf(line), OWN_RECORDING);
  assert.equal(prompts.get(lines[0]!)!.length, 8000);
  assert.ok(Math.abs(promptLevelDbfs(prompts.get(lines[0]!)!) + 20) < 0.5);
});

test("a recording that breaks later stays as it was; one that is mended is taken", async () => {
  const files: Record<string, Uint8Array> = { hello: GOOD };
  const prompts = book(files);
  const line = { text: "Hello.", audio: "hello" };
  await prompts.load([line], signal);
  files.hello = new Uint8Array(0);
  assert.equal((await prompts.load([line], signal)).length, 1);
  assert.equal(prompts.get(line)!.length, 8160);
  files.hello = encode(tone(2));
  assert.deepEqual(await prompts.load([line], signal), []);
  assert.equal(prompts.get(line)!.length, 16000);
});

test("a recording spoken from an older text is not played; a person's own is, and both are told", async () => {
  const entry = { text: "Ninety dollars.", hash: hashOf(GOOD) };
  const line = { text: "A hundred dollars.", audio: "price" };
  for (const [voice, message] of [[LOCAL_VOICE, /audio build price/], [OWN_RECORDING, /Record it again/]] as const) {
    const prompts = book({ price: GOOD }, { index: () => ({ price: { ...entry, voice } }) });
    const notes = await prompts.load([line], signal);
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, message);
    assert.equal(prompts.get(line)!.length === 8160, voice === OWN_RECORDING);
  }
  // Of another file of that name the index says nothing.
  const other = book({ price: GOOD }, { index: () => ({ price: { ...entry, hash: "other", voice: LOCAL_VOICE } }) });
  assert.deepEqual(await other.load([line], signal), []);
  assert.equal(other.get(line)!.length, 8160);
});

test("a route without text says what its recording is known to say, in the voice that spoke it", async () => {
  const index = { who: { text: "I am an AI.", voice: "deepgram aura-2-thalia-en", hash: hashOf(GOOD) } };
  const prompts = book({ who: GOOD }, { index: () => index });
  const line = { text: "", audio: "who" };
  await prompts.load([line], signal);
  assert.equal(prompts.textOf(line), "I am an AI.");
  assert.equal(prompts.voiceOf(line), "deepgram aura-2-thalia-en");
});

test("a damaged index is told, and the recordings are played", async () => {
  const prompts = book({ hello: GOOD }, { index: () => undefined });
  const line = { text: "Hello.", audio: "hello" };
  assert.match((await prompts.load([line], signal)).join(), /index\.json is damaged/);
  assert.equal(prompts.get(line)!.length, 8160);
});

test("lines without a recording are rendered once by their own voice: a second start renders nothing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const cache = diskCache(`${folder}/data/voice`);
    const one = vendor();
    const lines = [{ text: "Hello.", voice: one }, { text: "Goodbye.", voice: one }, { text: "Hello.", voice: one }];
    const first = book({}, { cache });
    assert.deepEqual(await first.load(lines, signal), []);
    assert.deepEqual(one.asked, ["Hello.", "Goodbye."]);
    assert.equal(first.voiceOf(lines[0]!), "vendor one");
    assert.equal([...Deno.readDirSync(`${folder}/data/voice`)].length, 2);

    const second = book({}, { cache });
    assert.deepEqual(await second.load(lines, signal), []);
    assert.equal(one.asked.length, 2);
    assert.deepEqual(second.get(lines[1]!), first.get(lines[1]!));

    // Another voice, or another text, is rendered anew; a spoilt file too.
    const two = vendor("vendor two");
    await second.load([{ text: "Hello.", voice: two }, { text: "Hello there.", voice: one }], signal);
    assert.deepEqual([two.asked, one.asked.slice(2)], [["Hello."], ["Hello there."]]);
    for (const { name } of Deno.readDirSync(`${folder}/data/voice`)) {
      Deno.writeFileSync(`${folder}/data/voice/${name}`, new Uint8Array(0));
    }
    const third = book({}, { cache });
    assert.deepEqual(await third.load([lines[0]!], signal), []);
    assert.equal(one.asked.length, 4);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("when a vendor's voice fails, the local voice speaks, and after two failures the vendor is left alone", async () => {
  let asked = 0;
  const broken: PromptVoice = {
    name: "vendor",
    render: () => {
      asked++;
      return Promise.resolve(failed({ kind: "refused", peer: "deepgram-speak", status: 401, detail: "no" }));
    },
  };
  const prompts = book({});
  const lines = ["One.", "Two.", "Three.", "Four."].map((text) => ({ text, voice: broken }));
  const notes = await prompts.load(lines, signal);
  assert.equal(asked, 2);
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /HTTP 401 .*DEEPGRAM_API_KEY.* The local voice speaks instead/);
  for (const line of lines) assert.equal(prompts.voiceOf(line), LOCAL_VOICE);
});

test("a line that the local voice had to speak is asked of its own voice again when lines are loaded again", async () => {
  const works = vendor("vendor");
  let isDown = true;
  const voice: PromptVoice = {
    name: "vendor",
    render: (text, signal) => isDown ? Promise.reject(new Error("no network")) : works.render(text, signal),
  };
  let spokenLocally = 0;
  const tones = toneVoice();
  const local = { ...tones, speak: (text: string) => (spokenLocally++, tones.speak(text)) };
  const prompts = book({ hello: GOOD }, { voice: local });
  const line = { text: "Goodbye.", voice };
  const recorded = { text: "Hello.", audio: "hello", voice };
  for (let start = 0; start < 2; start++) {
    assert.match((await prompts.load([line, recorded], signal)).join(), /no network\. The local voice speaks instead/);
    assert.equal(prompts.voiceOf(line), LOCAL_VOICE);
  }
  assert.equal(spokenLocally, 1, "what is there stays meanwhile");
  isDown = false;
  for (let start = 0; start < 2; start++) assert.deepEqual(await prompts.load([line, recorded], signal), []);
  assert.equal(prompts.voiceOf(line), "vendor");
  assert.deepEqual(works.asked, ["Goodbye."]);
  assert.equal(prompts.get(recorded)!.length, 8160);
});

test("what the local voice has spoken is kept too: a second start does not load it", async () => {
  const kept = new Map<string, Uint8Array>();
  const cache = {
    read: (hash: string) => Promise.resolve(kept.get(hash)),
    write: (hash: string, audio: Uint8Array) => Promise.resolve(void kept.set(hash, audio)),
  };
  const line = { text: "Hello there." };
  const first = book({}, { cache });
  assert.deepEqual(await first.load([line], signal), []);
  const mute = { ...toneVoice(), speak: () => Promise.reject(new Error("the voice was asked")) };
  const second = book({}, { cache, voice: mute });
  assert.deepEqual(await second.load([line], signal), []);
  assert.deepEqual(second.get(line), first.get(line));
  assert.equal(second.voiceOf(line), LOCAL_VOICE);
});

test("a line without a recording is played from one that says the same in the local voice", async () => {
  const index = { hello: { text: "Hello there.", voice: LOCAL_VOICE, hash: hashOf(GOOD) } };
  const mute = { ...toneVoice(), speak: () => Promise.reject(new Error("the voice was asked")) };
  const prompts = book({ hello: GOOD }, { index: () => index, voice: mute });
  assert.deepEqual(await prompts.load([{ text: "Hello there." }], signal), []);
  assert.equal(prompts.get({ text: "Hello there." })!.length, 8160);
  // Not from one that another voice speaks, nor from a file that took its place.
  for (const changed of [{ ...index.hello, voice: "vendor one" }, { ...index.hello, hash: "0" }]) {
    const other = book({ hello: GOOD }, { index: () => ({ hello: changed }), voice: mute });
    assert.match((await other.load([{ text: "Hello there." }], signal)).join(), /the voice was asked/);
  }
});

test("what a vendor renders is checked too, and a disk that cannot be written costs only the cache", async () => {
  const empty: PromptVoice = { name: "vendor", render: () => Promise.resolve(ok(new Uint8Array(0))) };
  const first = book({});
  assert.match((await first.load([{ text: "Hello.", voice: empty }], signal)).join(), /What vendor spoke is empty/);
  assert.equal(first.voiceOf({ text: "Hello.", voice: empty }), LOCAL_VOICE);

  const full = { read: () => Promise.resolve(undefined), write: () => Promise.reject(new Error("disk full")) };
  const second = book({}, { cache: full });
  const line = { text: "Hello.", voice: vendor() };
  assert.match((await second.load([line], signal)).join(), /Cannot keep .*disk full/);
  assert.equal(second.voiceOf(line), "vendor one");
});

test("what differs from call to call is left out of a recording, and of what it is known to say", async () => {
  const prompts = book({});
  const one = vendor();
  const line = { text: "Goodbye, {{caller}}.", voice: one };
  assert.deepEqual(await prompts.load([line], signal), []);
  assert.deepEqual([one.asked, prompts.textOf(line)], [["Goodbye, ."], "Goodbye, ."]);
  assert.ok(prompts.get(line));
});

test("preparing stops when it is aborted, without a complaint", async () => {
  const scope = new AbortController();
  const slow: PromptVoice = {
    name: "vendor",
    render: (_, signal) => {
      scope.abort(new Error("stopped"));
      return Promise.reject(signal.reason);
    },
  };
  const prompts = book({});
  const lines = [{ text: "One.", voice: slow }, { text: "Two.", voice: slow }];
  assert.deepEqual(await prompts.load(lines, scope.signal), []);
  assert.equal(prompts.get(lines[0]!), undefined);
});
