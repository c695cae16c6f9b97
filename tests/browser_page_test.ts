import assert from "node:assert/strict";
import { decodeSample as decodeOurs, encode, loudnessDbfs } from "../lib/audio/mulaw.ts";
import { tagUtterance } from "../lib/audio/tag.ts";
import { Speaker as Model } from "../lib/softphone/speaker.ts";
import { splitHeard } from "../assets/phone/heard.js";
import { readMessage, StreamWriter } from "../assets/phone/media_stream.js";
import { decodeSample, encodeSample, levelDb } from "../assets/phone/mulaw.js";
import { Resampler } from "../assets/phone/resampler.js";
import { Speaker } from "../assets/phone/speaker.js";
import { TagEar } from "../assets/phone/tags.js";
import { formatMs, waterfall } from "../assets/phone/waterfall.js";
import { seeded, test } from "./case.ts";
import { toneVoice } from "./sim/tone_voice.ts";

const PHONE = new URL("../assets/phone/", import.meta.url);

test("the page is type-checked as strictly as the rest", async () => {
  const files = [...Deno.readDirSync(PHONE)].map(({ name }) => name).filter((name) => name.endsWith(".js"));
  assert.ok(files.length >= 10);
  for (const name of files) assert.match(Deno.readTextFileSync(new URL(name, PHONE)), /^\/\/ @ts-check\n/, name);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--config", "check.json", ...files],
    cwd: PHONE,
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});

test("the page names nothing outside itself", () => {
  for (const { name, isFile } of Deno.readDirSync(PHONE)) {
    if (!isFile || name.endsWith(".png")) continue;
    const text = Deno.readTextFileSync(new URL(name, PHONE)).replaceAll("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(text, /https?:\/\/|url\(|@import|style="|\son[a-z]+="/, name);
  }
});

test("mu-law of the page is the server's, for every sample and every code", () => {
  for (let code = 0; code < 256; code++) assert.equal(decodeSample(code) * 32768, decodeOurs(code));
  const ours = encode(Int16Array.from({ length: 65_536 }, (_, n) => n - 32_768));
  ours.forEach((code, n) => assert.equal(encodeSample((n - 32_768) / 32_768), code, String(n - 32_768)));
  assert.equal(encodeSample(7), ours.at(-1));
  const frame = Uint8Array.from({ length: 160 }, (_, i) => i);
  assert.ok(Math.abs(levelDb(frame) - loudnessDbfs(frame)) < 0.01);
});

test("a tone comes through the resampler as it was, and one above the telephone's band does not", () => {
  for (const [from, to] of [[48_000, 8000], [44_100, 8000], [8000, 48_000], [8000, 44_100], [8000, 8000]] as const) {
    assert.ok(Math.abs(throughDb(from, to, 1000)) < 0.1, `${from} to ${to}`);
    if (from > to) {
      assert.ok(throughDb(from, to, 5000) < -50, `${from} to ${to}: ${throughDb(from, to, 5000)} dB alias`);
    }
  }
});

/** What becomes of a tone's level, fed in blocks of 128 as a worklet is. Nor is a sample lost or doubled. */
function throughDb(fromHz: number, toHz: number, hz: number): number {
  const resampler = new Resampler(fromHz, toHz);
  const out: number[] = [];
  const blocks = Math.floor(fromHz / 128);
  for (let block = 0; block < blocks; block++) {
    const input = Float32Array.from({ length: 128 }, (_, i) => Math.sin(2 * Math.PI * hz * (block * 128 + i) / fromHz));
    resampler.push(input, (sample) => void out.push(sample));
  }
  const expected = blocks * 128 * toHz / fromHz;
  assert.ok(expected - out.length >= 0 && expected - out.length < 0.004 * toHz, `${out.length} of ${expected}`);
  const steady = out.slice(Math.floor(out.length / 4), Math.floor(3 * out.length / 4));
  return 10 * Math.log10(2 * steady.reduce((sum, x) => sum + x * x, 0) / steady.length);
}

test("the page's buffer plays, echoes and clears as the carrier's model does", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seeded(seed);
    const [page, model] = [new Speaker(), new Model()];
    const seen: { page: unknown[]; model: unknown[] } = { page: [], model: [] };
    for (let n = 0; n < 300; n++) {
      const dice = random();
      if (dice < 0.3) {
        const audio = new Uint8Array(Math.floor(1 + random() * 4) * 160 + (random() < 0.2 ? 37 : 0)).fill(n);
        page.media(audio);
        model.media(audio);
      } else if (dice < 0.5) {
        seen.page.push(page.mark(`m${n}`));
        seen.model.push(model.mark(`m${n}`));
      } else if (dice < 0.53) {
        const [ours, theirs] = [page.clear(), model.clear()];
        seen.page.push(ours.echoes, ours.droppedBytes / 8);
        seen.model.push(theirs.echoes, theirs.droppedMs);
      } else {
        const [ours, theirs] = [page.tick(), model.tick()];
        seen.page.push([...ours.audio], ours.playedBytes, ours.echoes);
        seen.model.push([...theirs.audio], theirs.playedBytes, theirs.echoes);
      }
      assert.equal(page.queuedBytes, model.queuedBytes);
    }
    assert.deepEqual(seen.page, seen.model, `seed ${seed}`);
  }
});

test("the ear reads the words of tagged audio, up to where it was cut", async () => {
  await using voice = toneVoice();
  const text = "The doctor will see you on Thursday";
  const { audio, words } = await voice.speak(text);
  const tagged = tagUtterance(audio, words, 77, 0);
  const ear = new TagEar();
  for (let at = 0; at < tagged.length; at += 160) assert.ok(ear.heard(tagged.subarray(at, at + 160)));
  assert.equal(ear.words.join(" "), text);
  assert.equal(ear.heard(audio.subarray(0, 160)), false, "untagged audio says nothing");
  assert.equal(ear.heard(new Uint8Array(160).fill(0xFF)), false);

  const cut = new TagEar();
  const untilMs = words[3]!.startMs + 25;
  for (let at = 0; at < untilMs * 8; at += 160) cut.heard(tagged.subarray(at, at + 160));
  cut.cut();
  assert.equal(cut.words.join(" "), "The doctor will see");
});

test("what was heard of an interrupted reply: by timings, by ear, else by the time", () => {
  const text = "One two three, four five six.";
  assert.deepEqual(splitHeard({ text, heardMs: 900, heardText: "One two" }), {
    heard: "One two",
    unheard: "three, four five six.",
    exact: true,
  });
  assert.deepEqual(
    splitHeard({ text: "今日は、元気です。", heardMs: 900, heardText: "今日は、" }).unheard,
    "元気です。",
  );
  const played = ["before", "one", "two", "three", "four"];
  assert.deepEqual(splitHeard({ text, heardMs: 900, played }).unheard, "five six.");
  assert.deepEqual(splitHeard({ text, heardMs: 0, played }), { heard: "", unheard: text, exact: true });
  const guess = splitHeard({ text, heardMs: 1000, played: ["else"] });
  assert.equal(guess.exact, false);
  assert.equal(`${guess.heard} ${guess.unheard}`, text);
  assert.equal(splitHeard({ text, heardMs: 60_000 }).unheard, "");
});

test("a waterfall adds up to what the caller waited", () => {
  const fall = waterfall({ stt: 100, voice: 100, total: 500 }, 900)!;
  assert.deepEqual(fall.bars.map(({ name, ms }) => [name, ms]), [["stt", 100], ["model", 300], ["voice", 100], [
    "rest",
    400,
  ]]);
  assert.equal(fall.totalMs, 900);
  assert.equal(waterfall(undefined, undefined), undefined);
  assert.equal(waterfall({ model: 700 }, 300)!.totalMs, 700, "never less than its parts");
  assert.deepEqual([formatMs(412.4), formatMs(1234)], ["412 ms", "1.23 s"]);
});

test("messages are numbered and stamped as the carrier's, and odd ones of the server are named", () => {
  const writer = new StreamWriter({ callSid: "CA1", streamSid: "MZ1" });
  assert.deepEqual(JSON.parse(writer.connected()), { event: "connected", protocol: "Call", version: "1.0.0" });
  const start = JSON.parse(writer.start({ token: "t" }));
  assert.deepEqual([start.sequenceNumber, start.streamSid, start.start.callSid], ["1", "MZ1", "CA1"]);
  const frame = Uint8Array.from({ length: 160 }, (_, i) => i);
  const media = JSON.parse(writer.media(frame));
  assert.deepEqual([media.sequenceNumber, media.media.chunk, media.media.timestamp], ["2", "1", "100"]);
  assert.deepEqual(Uint8Array.from(atob(media.media.payload), (character) => character.charCodeAt(0)), frame);
  assert.equal(JSON.parse(writer.dtmf("#")).dtmf.track, "inbound_track");
  assert.equal(JSON.parse(writer.media(frame)).media.timestamp, "120");
  assert.equal(JSON.parse(writer.stop()).sequenceNumber, "5");

  assert.deepEqual(readMessage('{"event":"clear","streamSid":"MZ1"}', "MZ1"), { event: "clear" });
  const odd = [
    "{",
    "null",
    '{"event":"clear"}',
    '{"event":"x","streamSid":"MZ1"}',
    '{"event":"mark","streamSid":"MZ1"}',
  ];
  for (const text of [...odd, new ArrayBuffer(1)]) assert.equal(readMessage(text, "MZ1").event, "odd");
});
