/**
 * G.711 mu-law, bit-exact with the test vectors of ITU-T G.191 for all 65,536 inputs. The widespread "clip at 32635, add
 * 132" rule is not: it breaks 127 ties on the negative side the other way.
 */

/** Added to the 14-bit magnitude so that every segment starts at a power of two. ITU-T G.711, table 2a. */
const BIAS = 33;
const MAGNITUDE_LIMIT = 0x1FFF;

const DECODED: Int16Array = Int16Array.from({ length: 256 }, (_, code) => expand(code));
/** The power of each code, full scale 1. */
export const POWER: Float32Array = Float32Array.from(DECODED, (sample) => (sample / 32768) ** 2);
let encoded: Uint8Array | undefined;

/** All codes by the sample's 16 bits. Built at first use (about 1 ms): a program that only decodes needs none. */
function encodeTable(): Uint8Array {
  return encoded ??= Uint8Array.from({ length: 65536 }, (_, bits) => compress(bits << 16 >> 16));
}

/** The 14-bit magnitude of a negative value is its one's complement, so -1 and 0 are the two zeros. */
function compress(linear16: number): number {
  const linear14 = linear16 >> 2;
  const magnitude = Math.min((linear14 < 0 ? ~linear14 : linear14) + BIAS, MAGNITUDE_LIMIT);
  const segment = 31 - Math.clz32(magnitude >> 5);
  const step = (magnitude >> (segment + 1)) & 0x0F;
  return ~((linear16 < 0 ? 0x80 : 0) | (segment << 4) | step) & 0xFF;
}

function expand(code: number): number {
  const bits = ~code & 0xFF;
  const magnitude = (((bits & 0x0F) * 2 + BIAS) << ((bits >> 4) & 7)) - BIAS;
  return (bits & 0x80 ? -magnitude : magnitude) * 4;
}

/** The 16-bit linear value of a mu-law code, -32124..32124. Both zeros (0xFF and 0x7F) give 0. */
export function decodeSample(code: number): number {
  return DECODED[code & 0xFF]!;
}

/** Encode 16-bit linear samples, one byte each. */
export function encode(pcm: Int16Array): Uint8Array {
  const table = encodeTable();
  const mulaw = new Uint8Array(pcm.length);
  for (let i = 0; i < pcm.length; i++) mulaw[i] = table[pcm[i]! & 0xFFFF]!;
  return mulaw;
}

/** Decode to 16-bit linear samples. `into` saves an allocation per frame; it must be at least as long as `mulaw`. */
export function decode(mulaw: Uint8Array, into: Int16Array = new Int16Array(mulaw.length)): Int16Array {
  for (let i = 0; i < mulaw.length; i++) into[i] = DECODED[mulaw[i]!]!;
  return into;
}

/**
 * The RMS level in dB relative to 32768, the greatest 16-bit amplitude (a full-scale sine has -3 dBFS), DC included.
 * `-Infinity` for digital silence and for no audio at all.
 */
export function loudnessDbfs(mulaw: Uint8Array): number {
  let energy = 0;
  for (let i = 0; i < mulaw.length; i++) {
    const sample = DECODED[mulaw[i]!]!;
    energy += sample * sample;
  }
  return energy === 0 ? -Infinity : 10 * Math.log10(energy / mulaw.length) - 20 * Math.log10(32768);
}
