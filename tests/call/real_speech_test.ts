import assert from "node:assert/strict";
import { encode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { readWav } from "../../lib/audio/wav.ts";
import { openSpeechSense } from "../../lib/rehearsal/sense.ts";
import { shared, testWith } from "../case.ts";
import { simHouse, storyBrain } from "../sim/house.ts";

const speech = shared("data/speech-en");
const digits = shared("data/fsdd");
const kitchen = shared("data/noise/dishes_8k.wav");

/** A recording as samples at 8 kHz, brought to this level, dBFS. */
function recording(url: URL, levelDb: number): Float32Array {
  const wav = readWav(Deno.readFileSync(url));
  assert.ok(wav.ok);
  const samples = resample(wav.value.channels[0]!, wav.value.rateHz, 8000);
  const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
  return samples.map((sample) => sample * 10 ** (levelDb / 20) / rms);
}

const toMulaw = (samples: Float32Array) =>
  encode(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767));

/** Play untagged sound into a call while the agent tells its story. @returns how often the agent was interrupted. */
async function soundOverTheAgent(audio: Uint8Array): Promise<number> {
  const sense = await openSpeechSense(); // before: virtual time does not wait for WebAssembly
  await using sim = await simHouse({ agent: { think: storyBrain, openSense: () => Promise.resolve(sense) } });
  const call = sim.ring({
    steps: [
      { kind: "say", text: "tell me something" },
      { kind: "wav", name: "sound", audio: new Uint8Array(24_000).fill(0xFF), now: true },
      { kind: "wav", name: "sound", audio, now: true },
    ],
  });
  await sim.clock.runFor(call.report);
  return sim.notices.filter(({ kind }) => kind === "reply-interrupted").length;
}

const files = (folder: URL, every: number) =>
  [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".wav")).sort()
    .filter((_, index) => index % every === 0).map((name) => new URL(name, `${folder}/`));

testWith(speech, "real sentences, spoken over the agent, interrupt it", async () => {
  for (const url of files(speech.url, 1)) {
    const interrupted = await soundOverTheAgent(toMulaw(recording(url, -20)));
    assert.ok(interrupted >= 1, `${url.pathname.split("/").at(-1)} did not interrupt`);
  }
});

testWith(digits, "single spoken digits, said over the agent, interrupt it", async () => {
  for (const url of files(digits.url, 4)) {
    const interrupted = await soundOverTheAgent(toMulaw(recording(url, -20)));
    assert.ok(interrupted >= 1, `${url.pathname.split("/").at(-1)} did not interrupt`);
  }
});

testWith(kitchen, "kitchen noise 20 dB below speech does not interrupt the agent", async () => {
  const noise = recording(kitchen.url, -40);
  for (let part = 0; part < 4; part++) {
    assert.equal(
      await soundOverTheAgent(toMulaw(noise.subarray(part * 80_000, (part + 1) * 80_000))),
      0,
      `part ${part}`,
    );
  }
});
