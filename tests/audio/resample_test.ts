import assert from "node:assert/strict";
import { decode, encode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { readWav, writeWav } from "../../lib/audio/wav.ts";
import { seeded, test, testWith } from "../case.ts";

function tone(hz: number, rateHz: number, length = rateHz / 4): Float32Array {
  return Float32Array.from({ length }, (_, n) => 0.5 * Math.sin(2 * Math.PI * hz * n / rateHz));
}

/** RMS relative to the tone's own, in dB, without the ends. */
function gainDb(samples: Float32Array): number {
  const inner = samples.subarray(samples.length >> 2, -(samples.length >> 2));
  return 10 * Math.log10(inner.reduce((sum, sample) => sum + sample * sample, 0) / inner.length / 0.125);
}

const RATES = [44100, 48000, 16000, 22050, 24000, 11025, 96000, 12345];

test("to 8 kHz the telephone band stays flat within 0.1 dB", () => {
  for (const rateHz of RATES) {
    for (const hz of [300, 1000, 2000, 3000, 3400]) {
      const gain = gainDb(resample(tone(hz, rateHz), rateHz, 8000));
      assert.ok(Math.abs(gain) < 0.1, `${hz} Hz from ${rateHz}: ${gain} dB`);
    }
  }
});

test("to 8 kHz what lies above 4 kHz is 70 dB down or more, at every frequency", () => {
  for (const rateHz of RATES) {
    for (let hz = 4010; hz < rateHz / 2; hz += (rateHz - 8000) / 60) {
      const gain = gainDb(resample(tone(hz, rateHz, Math.ceil(rateHz / 10)), rateHz, 8000));
      assert.ok(gain < -70, `${hz} Hz from ${rateHz}: ${gain} dB`);
    }
  }
});

test("from 8 kHz upwards the tone stays itself and no image appears", () => {
  for (const toHz of [16000, 44100, 48000, 24000]) {
    const found = resample(tone(3000, 8000), 8000, toHz);
    const wanted = tone(3000, toHz);
    const error = found.map((sample, n) => sample - wanted[n]!);
    assert.ok(gainDb(error) < -65, `${toHz}: ${gainDb(error)} dB`);
  }
});

test("there is no delay: a resampled tone lies on the tone itself", () => {
  for (const rateHz of RATES) {
    const found = resample(tone(1000, rateHz), rateHz, 8000);
    const error = gainDb(found.map((sample, n) => sample - 0.5 * Math.sin(2 * Math.PI * 1000 * n / 8000)));
    assert.ok(error < -60, `${rateHz}: ${error} dB`);
  }
});

test("a constant stays what it is, and the length is in proportion", () => {
  for (const rateHz of RATES) {
    const found = resample(new Float32Array(rateHz).fill(0.25), rateHz, 8000);
    assert.equal(found.length, 8000);
    for (let n = 400; n < 7600; n++) assert.ok(Math.abs(found[n]! - 0.25) < 1e-6);
  }
  assert.equal(resample(new Float32Array(0), 44100, 8000).length, 0);
  assert.equal(resample(new Float32Array(1), 8000, 16000).length, 2);
});

test("the same rate gives a copy", () => {
  const samples = tone(440, 8000, 100);
  const found = resample(samples, 8000, 8000);
  assert.deepEqual(found, samples);
  assert.notEqual(found, samples);
});

const SOX = "/usr/bin/sox";
let hasSox = true;
try {
  Deno.statSync(SOX);
} catch {
  hasSox = false;
}

testWith(
  { present: hasSox, missing: "sox is not installed" },
  "WAV to mu-law and back agrees with sox within 1 dB",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const random = seeded(6);
      const source = Int16Array.from({ length: 44100 }, () => (random() - 0.5) * 20000);
      await Deno.writeFile(`${folder}/in.wav`, writeWav({ rateHz: 44100, channels: [source] }));
      const args = ["-D", `${folder}/in.wav`, "-r", "8000", "-e", "mu-law", `${folder}/out.wav`];
      assert.ok((await new Deno.Command(SOX, { args }).output()).success);
      const theirs = readWav(await Deno.readFile(`${folder}/out.wav`));
      assert.ok(theirs.ok);
      const floats = resample(Float32Array.from(source, (sample) => sample / 32768), 44100, 8000);
      const ours = Float32Array.from(
        decode(encode(Int16Array.from(floats, (sample) => Math.round(sample * 32768)))),
        (sample) => sample / 32768,
      );
      for (let hz = 300; hz <= 3300; hz += 100) {
        const difference: number = bandDb(ours, hz) - bandDb(theirs.value.channels[0]!, hz);
        assert.ok(Math.abs(difference) < 1, `${hz} Hz: ${difference} dB`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** The power from `hz` to 100 Hz above, in dB: ten single frequencies of a whole second. */
function bandDb(samples: Float32Array, hz: number): number {
  let power = 0;
  for (let f = hz; f < hz + 100; f += 10) {
    let re = 0;
    let im = 0;
    for (let n = 0; n < 8000; n++) {
      re += samples[n]! * Math.cos(2 * Math.PI * f * n / 8000);
      im += samples[n]! * Math.sin(2 * Math.PI * f * n / 8000);
    }
    power += re * re + im * im;
  }
  return 10 * Math.log10(power);
}
