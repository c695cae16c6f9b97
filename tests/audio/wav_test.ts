import assert from "node:assert/strict";
import { readWav, writeWav } from "../../lib/audio/wav.ts";
import { seeded, shared, test, testWith } from "../case.ts";

interface Parts {
  tag?: number;
  channels?: number;
  rateHz?: number;
  bits?: number;
  data?: Uint8Array;
  dataBytes?: number;
  before?: Uint8Array;
  extensible?: boolean;
}

function text(letters: string): number[] {
  return [...letters].map((letter) => letter.charCodeAt(0));
}

function little(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) & 0xFF);
}

function chunk(name: string, body: ArrayLike<number>): number[] {
  return [...text(name), ...little(body.length, 4), ...Array.from(body), ...(body.length % 2 ? [0] : [])];
}

function wav({ tag = 1, channels = 1, rateHz = 8000, bits = 16, extensible = false, ...rest }: Parts): Uint8Array {
  const data = rest.data ?? new Uint8Array(0);
  const fmt = [...little(extensible ? 0xFFFE : tag, 2), ...little(channels, 2), ...little(rateHz, 4)];
  fmt.push(...little(rateHz * channels * bits / 8, 4), ...little(channels * bits / 8, 2), ...little(bits, 2));
  if (extensible) {
    fmt.push(...little(22, 2), ...little(bits, 2), ...little(0, 4), ...little(tag, 2), ...new Array(14).fill(9));
  }
  const body = [...text("WAVE"), ...(rest.before ?? []), ...chunk("fmt ", fmt), ...chunk("data", data)];
  if (rest.dataBytes !== undefined) {
    body.splice(body.length - data.length - (data.length % 2) - 4, 4, ...little(rest.dataBytes, 4));
  }
  return Uint8Array.from([...text("RIFF"), ...little(body.length, 4), ...body]);
}

function samples(parts: Parts): number[][] {
  const read = readWav(wav(parts));
  assert.ok(read.ok, read.ok ? "" : read.fault);
  return read.value.channels.map((channel) => [...channel]);
}

test("every sample format is read at its full scale", () => {
  const float = (values: number[], bytes: 4 | 8) => {
    const view = new DataView(new ArrayBuffer(values.length * bytes));
    values.forEach((value, i) =>
      bytes === 4 ? view.setFloat32(4 * i, value, true) : view.setFloat64(8 * i, value, true)
    );
    return new Uint8Array(view.buffer);
  };
  const bytes = (...values: number[]) => Uint8Array.from(values);
  const cases: [tag: number, bits: number, data: Uint8Array, expected: number[]][] = [
    [1, 8, bytes(0, 128, 192), [-1, 0, 0.5]],
    [1, 16, bytes(0, 0x80, 0, 0, 0, 0x40), [-1, 0, 0.5]],
    [1, 24, bytes(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40, 0xFF, 0xFF, 0xFF), [-1, 0, 0.5, -1 / 8388608]],
    [1, 32, bytes(0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x40), [-1, 0, 0.5]],
    [3, 32, float([-1, 0, 0.5], 4), [-1, 0, 0.5]],
    [3, 64, float([-1, 0, 0.5], 8), [-1, 0, 0.5]],
    [7, 8, bytes(0x00, 0xFF, 0x80), [-32124 / 32768, 0, 32124 / 32768]],
    [6, 8, bytes(0x2A, 0xD5, 0xAA), [-32256 / 32768, 8 / 32768, 32256 / 32768]],
  ];
  for (const [tag, bits, data, expected] of cases) {
    for (const extensible of [false, true]) {
      assert.deepEqual(samples({ tag, bits, data, extensible }), [expected], `format ${tag}, ${bits} bits`);
    }
  }
});

const vectors = shared("data/g711/sweep-r.a");
testWith(vectors, "A-law is read as the ITU vectors decode it", () => {
  const words = (name: string) => new Int16Array(Deno.readFileSync(new URL(name, vectors.url)).buffer);
  const read = samples({ tag: 6, bits: 8, data: Uint8Array.from(words("sweep-r.a")) })[0]!;
  assert.deepEqual(Int16Array.from(read, (sample) => sample * 32768), words("sweep-r.a-a"));
});

test("channels come apart, and what follows a broken last block is left out", () => {
  const data = Uint8Array.from([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0]);
  const unit = 1 / 32768;
  assert.deepEqual(samples({ channels: 3, data }), [[unit, 4 * unit], [2 * unit, 5 * unit], [3 * unit, 6 * unit]]);
});

test("unknown chunks, odd ones too, and wrong data sizes are put up with", () => {
  const data = Uint8Array.from([0, 0x40, 0, 0x40]);
  const before = Uint8Array.from([...chunk("LIST", [1, 2, 3]), ...chunk("fact", [1, 2, 3, 4])]);
  assert.deepEqual(samples({ data, before }), [[0.5, 0.5]]);
  for (const dataBytes of [0xFFFFFFFF, 5000]) assert.deepEqual(samples({ data, dataBytes }), [[0.5, 0.5]]);
  const inMiddle = new Uint8Array(100);
  inMiddle.set(wav({ data }), 7);
  assert.ok(readWav(inMiddle.subarray(7, 7 + 48)).ok, "a view into a larger buffer");
});

test("a fault says what is wrong and what to do", () => {
  const faults: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /not a WAV file/],
    [Uint8Array.from(text("ID3 mp3 is no wave")), /not a WAV file.*Convert/],
    [Uint8Array.from([...text("RIFX"), 0, 0, 0, 0, ...text("WAVE")]), /RIFX/],
    [Uint8Array.from([...text("RIFF"), 4, 0, 0, 0, ...text("WAVE")]), /no format chunk/],
    [Uint8Array.from([...text("RIFF"), 4, 0, 0, 0, ...text("WAVE"), ...chunk("fmt ", [1, 0])]), /2 bytes/],
    [Uint8Array.from([...text("RIFF"), 4, 0, 0, 0, ...text("WAVE"), ...chunk("data", [1, 0])]), /before its format/],
    [wav({}).subarray(0, 36), /no audio/],
    [wav({ tag: 2, bits: 4 }), /format 2 with 4 bits.*16-bit PCM/],
    [wav({ channels: 0 }), /0 channels/],
    [wav({ rateHz: 0 }), /0 Hz/],
  ];
  for (const [bytes, expected] of faults) {
    const read = readWav(bytes);
    assert.ok(!read.ok && expected.test(read.fault), `${expected}: ${JSON.stringify(read)}`);
  }
});

test("reading never throws, whatever the bytes", () => {
  const random = seeded(5);
  const good = wav({ channels: 2, data: new Uint8Array(40), extensible: true });
  for (let run = 0; run < 3000; run++) {
    const bad = good.slice(0, Math.floor(random() * (good.length + 1)));
    for (let i = 0; i < 4 && bad.length > 0; i++) bad[Math.floor(random() * bad.length)] = random() * 256;
    readWav(bad);
  }
});

test("what is written is read back", () => {
  const channels = [Int16Array.of(0, 1, -32768, 32767), Int16Array.of(5, 6, 7, 8)];
  const read = readWav(writeWav({ rateHz: 44100, channels }));
  assert.ok(read.ok);
  assert.equal(read.value.rateHz, 44100);
  assert.deepEqual(read.value.channels.map((channel) => Int16Array.from(channel, (x) => x * 32768)), channels);
  assert.deepEqual(
    writeWav({ rateHz: 8000, channels: [Int16Array.of(0x4000)] }),
    wav({ data: Uint8Array.of(0, 0x40) }),
  );
});
