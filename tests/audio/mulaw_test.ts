import assert from "node:assert/strict";
import { decode, decodeSample, encode, loudnessDbfs } from "../../lib/audio/mulaw.ts";
import { shared, test, testWith } from "../case.ts";

const vectors = shared("data/g711/sweep.src");

/** The 65,536 little-endian 16-bit words of one ITU file. */
function sweep(name: string): Int16Array {
  const bytes = Deno.readFileSync(new URL(name, vectors.url));
  return new Int16Array(bytes.buffer, 0, 65536);
}

testWith(vectors, "every 16-bit sample gets the code of the ITU vectors", () => {
  const source = sweep("sweep.src");
  const codes = sweep("sweep-r.u");
  assert.deepEqual(encode(source), Uint8Array.from(codes));
});

testWith(vectors, "every code of the ITU vectors decodes to their value", () => {
  assert.deepEqual(decode(Uint8Array.from(sweep("sweep-r.u"))), sweep("sweep-r.u-u"));
});

test("ends, zeros and a tie on the negative side are those of G.711", () => {
  const known: [linear: number, code: number][] = [[0, 0xFF], [-1, 0x7F], [3, 0xFF], [32767, 0x80], [-32768, 0x00], [
    -31612,
    0x01,
  ]];
  for (const [linear, code] of known) assert.equal(encode(Int16Array.of(linear))[0], code, `${linear}`);
  assert.deepEqual([0xFF, 0x7F, 0x80, 0x00, 0xFE].map(decodeSample), [0, 0, 32124, -32124, 8]);
  assert.ok(Object.is(decodeSample(0x7F), 0), "the negative zero decodes to plain 0");
});

test("a decoded code encodes to itself, but for the negative zero", () => {
  for (let code = 0; code < 256; code++) {
    assert.equal(encode(Int16Array.of(decodeSample(code)))[0], code === 0x7F ? 0xFF : code);
  }
});

test("decode writes into the array it is given", () => {
  const into = new Int16Array(4);
  assert.equal(decode(Uint8Array.of(0x80, 0x00), into), into);
  assert.deepEqual([...into], [32124, -32124, 0, 0]);
});

test("loudness is RMS against 32768", () => {
  assert.equal(loudnessDbfs(new Uint8Array(160).fill(0xFF)), -Infinity);
  assert.equal(loudnessDbfs(new Uint8Array(0)), -Infinity);
  assert.ok(Math.abs(loudnessDbfs(new Uint8Array(160).fill(0x80)) - 20 * Math.log10(32124 / 32768)) < 1e-9);
  const sine = encode(Int16Array.from({ length: 8000 }, (_, n) => 16384 * Math.sin(2 * Math.PI * 440 * n / 8000)));
  assert.ok(Math.abs(loudnessDbfs(sine) + 9.03) < 0.05);
});
