import assert from "node:assert/strict";
import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { encode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { openVad, SpeechGate, type VadMode, VoiceDetector } from "../../lib/audio/vad.ts";
import { readWav } from "../../lib/audio/wav.ts";
import { shared, test, testWith } from "../case.ts";

const reference = shared("data/vad-webrtc/test-audio.raw");
const fsdd = shared("data/fsdd");
const speechEn = shared("data/speech-en");
const noise = shared("data/noise/dishes_8k.wav");

/** The first channel at 8 kHz. */
function load(url: URL): Float32Array {
  const wav = readWav(Deno.readFileSync(url));
  assert.ok(wav.ok);
  return resample(wav.value.channels[0]!, wav.value.rateHz, 8000);
}

function loadAll(folder: URL): Float32Array[] {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".wav")).sort();
  return names.map((name) => load(new URL(`${folder.href}/${name}`)));
}

function levelDbfs(samples: Float32Array): number {
  return 10 * Math.log10(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** The level of the 20 ms blocks within 25 dB of the loudest. */
function speechLevelDbfs(samples: Float32Array): number {
  const levels: number[] = [];
  for (let at = 0; at + 160 <= samples.length; at += 160) levels.push(levelDbfs(samples.subarray(at, at + 160)));
  const active = levels.filter((level) => level > Math.max(...levels) - 25);
  return 10 * Math.log10(active.reduce((sum, level) => sum + 10 ** (level / 10), 0) / active.length);
}

function amplify(samples: Float32Array, gainDb: number): Float32Array {
  return samples.map((sample) => sample * 10 ** (gainDb / 20));
}

/** ms of the first of three blocks in a row within 25 dB of the speech level. */
function onsetMs(samples: Float32Array, speechDbfs: number): number {
  let loud = 0;
  for (let at = 0; at + 160 <= samples.length; at += 160) {
    loud = levelDbfs(samples.subarray(at, at + 160)) > speechDbfs - 25 ? loud + 1 : 0;
    if (loud === 3) return (at - 320) / 8;
  }
  return 0;
}

/** When speech starts, in ms, through mu-law. */
async function starts(samples: Float32Array): Promise<number[]> {
  using detector = new VoiceDetector(await openVad(2));
  const audio = encode(Int16Array.from(samples, (sample) => Math.max(-32768, Math.min(32767, 32768 * sample))));
  const found: number[] = [];
  for (let at = 0; at + FRAME_BYTES <= audio.length; at += FRAME_BYTES) {
    if (detector.push(audio.subarray(at, at + FRAME_BYTES)) === "started") found.push(at / 8 + 20);
  }
  return found;
}

testWith(reference, "the detector decides as WebRTC's reference does, in every mode", async () => {
  const bytes = Deno.readFileSync(reference.url);
  const pcm = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
  const expected = ["011110111111111111111111111100", "011110111111111111111111111100"];
  expected.push("000000111111111111111111110000", "000000111111111111111100000000");
  for (const [mode, decisions] of expected.entries()) {
    using vad = await openVad(mode as VadMode);
    const found = Array.from({ length: 30 }, (_, i) => Number(vad.speechIn(pcm.subarray(240 * i, 240 * i + 240))));
    assert.equal(found.join(""), decisions, `mode ${mode}`);
  }
});

test("the detector hears no speech in silence, takes 10, 20 or 30 ms, and is quiet once disposed", async () => {
  const vad = await openVad(3);
  for (let i = 0; i < 50; i++) assert.equal(vad.speechIn(new Int16Array(FRAME_BYTES)), false);
  for (const samples of [0, 159, 241]) assert.throws(() => vad.speechIn(new Int16Array(samples)), RangeError);
  vad[Symbol.dispose]();
  vad[Symbol.dispose]();
  assert.equal(vad.speechIn(new Int16Array(FRAME_BYTES).fill(-32124)), false);
});

test("a gate opens after 60 ms of speech within 100 ms and closes after 300 ms without", () => {
  const run = (decisions: string) => {
    const gate = new SpeechGate();
    return [...decisions].flatMap((decision, i) => gate.push(decision === "1") ? [`${i}:${gate.speaking}`] : []);
  };
  assert.deepEqual(run("111"), ["2:true"]);
  assert.deepEqual(run("10101"), ["4:true"]);
  assert.deepEqual(run("1001001001"), []);
  assert.deepEqual(run("111" + "0".repeat(14) + "1" + "0".repeat(15)), ["2:true", "32:false"]);
  assert.deepEqual(run("111" + "0".repeat(15) + "110"), ["2:true", "17:false"], "starts count from anew");
});

test("a gate that may not start yet starts as soon as it may", () => {
  const gate = new SpeechGate();
  const changes = [false, false, false, true].map((mayStart) => gate.push(true, mayStart));
  assert.deepEqual(changes, [undefined, undefined, undefined, "started"]);
});

test("a gate closes after the silence that it is given", () => {
  const gate = new SpeechGate({ stopMs: 40 });
  const changes = [true, true, true, false, false].map((speech) => gate.push(speech));
  assert.deepEqual(changes, [undefined, undefined, "started", undefined, "stopped"]);
});

const recordings = { ...fsdd, present: fsdd.present && speechEn.present && noise.present };

testWith(
  recordings,
  "speech at telephone level is found within 200 ms, also over kitchen noise 20 dB below it",
  async () => {
    const kitchen = load(noise.url);
    const voices = [...loadAll(fsdd.url), ...loadAll(speechEn.url)];
    for (const [noiseDbfs, least] of [[-Infinity, 66], [-40, 62]] as const) {
      const background = amplify(kitchen, noiseDbfs - levelDbfs(kitchen));
      let found = 0;
      for (const [i, voice] of voices.entries()) {
        const speech = amplify(voice, -20 - speechLevelDbfs(voice));
        const line = Float32Array.from(
          { length: 8000 + speech.length },
          (_, n) => background[(n + i * 31337) % 320000]!,
        );
        speech.forEach((sample, n) => line[8000 + n]! += sample);
        const beganMs = 1000 + onsetMs(speech, -20);
        if ((await starts(line)).some((ms) => ms >= beganMs - 300 && ms <= beganMs + 200)) found++;
      }
      assert.ok(found >= least, `${found} of ${voices.length} with noise at ${noiseDbfs} dBFS`);
    }
  },
);

testWith(noise, "40 s of kitchen noise 20 dB below speech does not pass for speech", async () => {
  const kitchen = load(noise.url);
  const found = await starts(amplify(kitchen, -40 - levelDbfs(kitchen)));
  assert.deepEqual(found, []);
});
