// @ts-check
/** Changes the sample rate of a stream: a windowed sinc for every phase between the two rates. */

/** Zero crossings of the sinc on either side. */
const CROSSINGS = 12;
/** Where the filter begins to fall, as part of the lower rate's half. */
const PASSBAND = 0.92;

export class Resampler {
  #up = 1;
  #down = 1;
  #taps = 0;
  /** @type {Float32Array} one row of taps for each phase */
  #kernel = new Float32Array();
  /** Input that later output still needs. */
  #held = new Float32Array();
  /** Position of the next output, in input samples from the start of `#held`, and the phase after it. */
  #at = 0;
  #phase = 0;

  /**
   * @param {number} fromHz whole
   * @param {number} toHz whole
   */
  constructor(fromHz, toHz) {
    const common = divisor(fromHz, toHz);
    this.#up = toHz / common;
    this.#down = fromHz / common;
    const scale = Math.min(1, toHz / fromHz) * PASSBAND;
    const reach = Math.ceil(CROSSINGS / scale);
    this.#taps = 2 * reach;
    this.#kernel = new Float32Array(this.#up * this.#taps);
    for (let phase = 0; phase < this.#up; phase++) {
      const row = this.#kernel.subarray(phase * this.#taps, (phase + 1) * this.#taps);
      let sum = 0;
      for (let tap = 0; tap < this.#taps; tap++) {
        const distance = tap - reach + 1 - phase / this.#up;
        sum += row[tap] = sinc(distance * scale) * window(distance / reach);
      }
      for (let tap = 0; tap < this.#taps; tap++) row[tap] = /** @type {number} */ (row[tap]) / sum;
    }
    this.#held = new Float32Array(reach - 1);
  }

  /**
   * @param {Float32Array} input any number of samples
   * @param {(sample: number) => void} put takes each sample of the output
   */
  push(input, put) {
    const held = new Float32Array(this.#held.length + input.length);
    held.set(this.#held);
    held.set(input, this.#held.length);
    while (this.#at + this.#taps <= held.length) {
      const row = this.#phase * this.#taps;
      let sum = 0;
      for (let tap = 0; tap < this.#taps; tap++) {
        sum += /** @type {number} */ (held[this.#at + tap]) * /** @type {number} */ (this.#kernel[row + tap]);
      }
      put(sum);
      this.#phase += this.#down;
      this.#at += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    const gone = Math.min(this.#at, held.length);
    this.#held = held.slice(gone);
    this.#at -= gone;
  }
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** @param {number} x -1..1 (Blackman) */
function window(x) {
  return Math.abs(x) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}
