import assert from "node:assert/strict";
import { EDGE_MS, TELEPHONE_DBFS } from "../../lib/audio/level.ts";
import { decode, encode } from "../../lib/audio/mulaw.ts";
import { buildFromWav, promptLevelDbfs, trimSpeech } from "../../lib/audio/recording.ts";
import { readWav, writeWav } from "../../lib/audio/wav.ts";
import { seeded, test, testWith } from "../case.ts";

function sine(hz: number, { rateHz, seconds = 1, peak = 8000 }: { rateHz: number; seconds?: number; peak?: number }) {
  return Int16Array.from({ length: rateHz * seconds }, (_, n) => peak * Math.sin(2 * Math.PI * hz * n / rateHz));
}

function built(bytes: Uint8Array): Uint8Array {
  const result = buildFromWav(bytes);
  assert.ok(result.ok, result.ok ? "" : result.fault);
  return result.value;
}

/** The same audio in a header of the extensible kind. */
function extensible(wav: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(wav.length + 24);
  bytes.set(wav.subarray(0, 36));
  bytes.set(wav.subarray(36), 60);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(16, 40, true);
  view.setUint16(20, 0xFFFE, true);
  view.setUint16(36, 22, true);
  view.setUint16(38, 16, true);
  view.setUint16(44, 1, true); // PCM, at the head of the subformat
  return bytes;
}

test("any rate, stereo and extensible headers give speech at the telephone level", () => {
  for (const rateHz of [8000, 11025, 16000, 22050, 44100, 48000]) {
    const left = sine(700, { rateHz, peak: 500 });
    for (const channels of [[left], [left, left.map(() => 0)], [left, left]]) {
      const wav = writeWav({ rateHz, channels });
      for (const bytes of [wav, extensible(wav)]) {
        const audio = built(bytes);
        assert.ok(Math.abs(audio.length - 8000) <= 160, `${rateHz}: ${audio.length}`);
        assert.ok(Math.abs(promptLevelDbfs(audio) - TELEPHONE_DBFS) < 0.3, `${rateHz}: ${promptLevelDbfs(audio)}`);
      }
    }
  }
});

test("silence and room noise around the speech go, but for 60 ms", () => {
  const random = seeded(3);
  const speech = sine(500, { rateHz: 16000 });
  for (const noise of [0, 20]) {
    const hush = () => Int16Array.from({ length: 16000 }, () => noise * (random() - 0.5));
    const samples = Int16Array.of(...hush(), ...speech, ...hush());
    const ms = built(writeWav({ rateHz: 16000, channels: [samples] })).length / 8;
    assert.ok(Math.abs(ms - 1000 - 2 * EDGE_MS) <= 20, `${noise}: ${ms} ms`);
  }
});

test("a constant offset goes, and peaks are rounded off instead of clipped", () => {
  const samples = sine(500, { rateHz: 8000, peak: 1000 }).map((sample) => sample + 3000);
  for (let n = 4000; n < 4016; n++) samples[n] = n % 2 === 0 ? 32000 : -26000; // around the offset
  const pcm = decode(built(writeWav({ rateHz: 8000, channels: [samples] })));
  const mean = pcm.reduce((sum, sample) => sum + sample, 0) / pcm.length;
  assert.ok(Math.abs(mean) < 60, `${mean}`);
  assert.ok(Math.max(...pcm) > 20000 && Math.max(...pcm) < 32124);
});

test("what cannot become a prompt is a sentence with its remedy", () => {
  const wav = (seconds: number) => writeWav({ rateHz: 8000, channels: [new Int16Array(8000 * seconds)] });
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /not a WAV/],
    [new TextEncoder().encode("RIFFxxxxWAVE"), /no format chunk/],
    [wav(0), /no audio/],
    [wav(2), /silence only/],
    [wav(600), /600 s long.*Shorten/],
    [writeWav({ rateHz: 2000, channels: [sine(200, { rateHz: 2000 })] }), /2000 samples a second/],
  ];
  for (const [bytes, message] of cases) {
    const result = buildFromWav(bytes);
    assert.match(result.ok ? "it was built" : result.fault, message);
  }
});

test("a voice's speech is cut, not changed", () => {
  const speech = encode(sine(500, { rateHz: 8000, peak: 3000 }));
  const hush = new Uint8Array(4000).fill(0xFF);
  const trimmed = trimSpeech(Uint8Array.of(...hush, ...speech, ...hush));
  assert.deepEqual(trimmed.subarray(480, 480 + speech.length), speech);
  assert.equal(trimmed.length, speech.length + 960);
});

test("a stereo source at 44.1 kHz leaves nothing above -50 dB of what lies beyond 4 kHz", () => {
  const rateHz = 44100;
  for (let hz = 4100; hz < 22000; hz += 550) {
    // The pilot tone sets the level; the one beyond the band is as loud.
    const pilot = sine(1000, { rateHz, seconds: 0.5 });
    const high = sine(hz, { rateHz, seconds: 0.5 });
    const both = pilot.map((sample, n) => sample + high[n]!);
    const pcm = decode(built(writeWav({ rateHz, channels: [both, both] })));
    const alias = Math.abs(((hz + 4000) % 8000) - 4000);
    // Mu-law's own noise lies some 38 dB below the tone in the whole band, some 70 dB below in one such narrow band.
    const difference = powerDb(pcm, alias) - powerDb(pcm, 1000);
    assert.ok(difference < -50, `${hz} Hz at ${alias} Hz: ${difference} dB`);
  }
});

/** Power at one frequency over 0.4 s from 0.05 s on, by a Hann window. */
function powerDb(pcm: Int16Array, hz: number): number {
  let re = 0;
  let im = 0;
  for (let n = 0; n < 3200; n++) {
    const sample = pcm[400 + n]! * (1 - Math.cos(2 * Math.PI * n / 3200));
    re += sample * Math.cos(2 * Math.PI * hz * n / 8000);
    im += sample * Math.sin(2 * Math.PI * hz * n / 8000);
  }
  return 10 * Math.log10(re * re + im * im + 1e-9);
}

const SOX = "/usr/bin/sox";
let hasSox = true;
try {
  Deno.statSync(SOX);
} catch {
  hasSox = false;
}

testWith(
  { present: hasSox, missing: "sox is not installed" },
  "a built prompt agrees with sox within 1 dB over the telephone band, level aside",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const random = seeded(9);
      const noise = () => Int16Array.from({ length: 44100 * 2 }, () => (random() - 0.5) * 12000);
      const source = writeWav({ rateHz: 44100, channels: [noise(), noise()] });
      await Deno.writeFile(`${folder}/in.wav`, source);
      const args = ["-D", `${folder}/in.wav`, "-r", "8000", "-c", "1", "-e", "mu-law", `${folder}/out.wav`];
      assert.ok((await new Deno.Command(SOX, { args }).output()).success);
      const theirs = readWav(await Deno.readFile(`${folder}/out.wav`));
      assert.ok(theirs.ok);
      const ours = decode(built(source));
      const differences = [];
      for (let hz = 300; hz <= 3300; hz += 100) {
        differences.push(bandDb(ours, hz) - bandDb(theirs.value.channels[0]!, hz));
      }
      const gain = differences.reduce((sum, one) => sum + one, 0) / differences.length;
      for (const one of differences) assert.ok(Math.abs(one - gain) < 1, `${one - gain} dB`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** The power from `hz` to 100 Hz above, in dB: ten single frequencies of a second. */
function bandDb(samples: ArrayLike<number>, hz: number): number {
  let power = 0;
  for (let f = hz; f < hz + 100; f += 10) {
    let re = 0;
    let im = 0;
    for (let n = 0; n < 8000; n++) {
      re += samples[4000 + n]! * Math.cos(2 * Math.PI * f * n / 8000);
      im += samples[4000 + n]! * Math.sin(2 * Math.PI * f * n / 8000);
    }
    power += re * re + im * im;
  }
  return 10 * Math.log10(power);
}
