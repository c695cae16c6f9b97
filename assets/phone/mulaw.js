// @ts-check
/** G.711 mu-law, bit-exact: 8-bit codes to samples in -1..1 and back. Written apart from the server's, and tested against it. */

export const FRAME_BYTES = 160;
export const SILENCE = 0xFF;

/** The linear 16-bit value of every code. */
const LINEAR = new Int16Array(256);
/** The code of every 14-bit value, by its two's complement. */
const CODES = new Uint8Array(16384);

for (let code = 0; code < 256; code++) {
  const inverted = code ^ 0xFF;
  const segment = (inverted >> 4) & 7;
  const step = inverted & 15;
  const magnitude = ((33 + 2 * step) << segment) - 33;
  LINEAR[code] = 4 * (inverted & 0x80 ? -magnitude : magnitude);
}
for (let value = -8192; value < 8192; value++) {
  const negative = value < 0;
  const biased = Math.min((negative ? -value - 1 : value) + 33, 8191);
  const segment = 31 - Math.clz32(biased) - 5;
  const step = (biased >> (segment + 1)) & 15;
  CODES[value & 0x3FFF] = ((negative ? 0x80 : 0) | (segment << 4) | step) ^ 0xFF;
}

/**
 * @param {number} code
 * @returns {number} -1..1
 */
export function decodeSample(code) {
  return /** @type {number} */ (LINEAR[code & 0xFF]) / 32768;
}

/**
 * @param {number} sample -1..1; louder is clipped
 * @returns {number} its code
 */
export function encodeSample(sample) {
  const linear16 = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
  return /** @type {number} */ (CODES[(linear16 >> 2) & 0x3FFF]);
}

/**
 * @param {Uint8Array} mulaw
 * @returns {number} RMS in dB of full scale, -100 at least
 */
export function levelDb(mulaw) {
  let energy = 0;
  for (const code of mulaw) energy += decodeSample(code) ** 2;
  return Math.max(-100, 10 * Math.log10(energy / Math.max(1, mulaw.length) + 1e-10));
}
