/** Change of sampling rate by a windowed-sinc (Kaiser) low-pass, evaluated only where an output sample falls (polyphase). */

/** Where the pass band ends, as a share of the lower Nyquist frequency: 3500 Hz for telephone audio. The stop band begins at 1. */
const PASS_BAND = 0.875;
/** Attenuation of the stop band in dB. */
const STOP_DB = 80;
/** More phases than this are rounded to it: the error of odd rates stays below -68 dB. */
const PHASES_LIMIT = 4096;

/**
 * `samples` at `fromHz` as samples at `toHz` (positive integers), in step with the input: no delay. Flat within 0.1 dB up to 7/8 of
 * the lower Nyquist frequency, aliases and images at least 70 dB down. Beyond both ends the signal counts as 0.
 * The length is `samples.length * toHz / fromHz`, rounded.
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  if (fromHz === toHz) return samples.slice();
  const output = new Float32Array(Math.round(samples.length * toHz / fromHz));
  const { phases, halfTaps, coefficients } = filterFor(fromHz, toHz);
  for (let n = 0; n < output.length; n++) {
    const position = n * fromHz / toHz; // exact: both products stay far below 2^53
    const slot = Math.round((position - Math.floor(position)) * phases);
    const center = Math.floor(position) + (slot === phases ? 1 : 0);
    output[n] = dot(samples, center - halfTaps + 1, coefficients(slot % phases));
  }
  return output;
}

/** Sum of products of `taps` with the samples from `start` on, those beyond the ends left out. */
function dot(samples: Float32Array, start: number, taps: Float32Array): number {
  const from = Math.max(0, -start);
  const to = Math.min(taps.length, samples.length - start);
  let sum = 0;
  for (let i = from; i < to; i++) sum += samples[start + i]! * taps[i]!;
  return sum;
}

interface Filter {
  phases: number;
  /** Half the input samples that one output sample depends on. */
  halfTaps: number;
  /** The taps for an output sample that falls `phase / phases` after an input sample. */
  coefficients(phase: number): Float32Array;
}

const filters = new Map<string, Filter>();
const FILTERS_LIMIT = 8;

/** The last few conversions are kept: a program uses one or two, over and over. */
function filterFor(fromHz: number, toHz: number): Filter {
  const key = `${fromHz}/${toHz}`;
  const known = filters.get(key) ?? designFilter(fromHz, toHz);
  filters.delete(key);
  filters.set(key, known);
  if (filters.size > FILTERS_LIMIT) filters.delete(filters.keys().next().value!);
  return known;
}

/** Kaiser's formulas: beta from the attenuation, length from attenuation and transition width. */
function designFilter(fromHz: number, toHz: number): Filter {
  const phases = Math.min(PHASES_LIMIT, toHz / greatestCommonDivisor(fromHz, toHz));
  const nyquist = Math.min(1, toHz / fromHz); // both as shares of the input's Nyquist frequency
  const cutoff = nyquist * (1 + PASS_BAND) / 2;
  const transition = Math.PI * nyquist * (1 - PASS_BAND);
  const halfTaps = Math.ceil((STOP_DB - 7.95) / (2.285 * transition) / 2);
  const beta = 0.1102 * (STOP_DB - 8.7);
  const table: Float32Array[] = [];

  const design = (phase: number): Float32Array => {
    const taps = Float64Array.from({ length: 2 * halfTaps }, (_, i) => {
      const distance = i - halfTaps + 1 - phase / phases;
      return sinc(cutoff * distance) * kaiser(distance / halfTaps, beta);
    });
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return Float32Array.from(taps, (tap) => tap / sum); // every phase passes a constant unchanged
  };
  return { phases, halfTaps, coefficients: (phase) => table[phase] ??= design(phase) };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number, beta: number): number {
  return Math.abs(x) >= 1 ? 0 : besselI0(beta * Math.sqrt(1 - x * x)) / besselI0(beta);
}

/** The modified Bessel function of the first kind and order zero, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
