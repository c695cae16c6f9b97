/** How loud speech is, and bringing it to the level of a telephone: pure arithmetic on samples at 8 kHz, full scale -1..1. */

import { BYTES_PER_MS } from "./frame.ts";

/** Where prompts lie: RMS of speech in dBFS. */
export const TELEPHONE_DBFS = -20;
/** What stays of silence before and after the sound, ms. */
export const EDGE_MS = 60;
/** Levels are judged in stretches of this length: 10 ms. */
const STRETCH_SAMPLES = 10 * BYTES_PER_MS;
/** Speech is what lies at most this far below the loudest stretch. */
const SPEECH_RANGE_DB = 30;
/** Below this there is no sound at all. */
const FLOOR_DBFS = -60;
/** A stretch counts as sound this far above the noise of the room... */
const ABOVE_NOISE_DB = 8;
/** ...but always at 25 dB below the loudest, and never beyond 45 dB below it. */
const SOUND_RANGE_DB = [25, 45] as const;
/** Peaks above this bend towards full scale. */
const KNEE = 0.7;

/** RMS level of the speech in `samples`, pauses left out, in dBFS; `-Infinity` where there is no sound. */
export function speechLevelDbfs(samples: Float32Array): number {
  const levels = stretchLevels(samples);
  const least = Math.max(FLOOR_DBFS, highest(levels) - SPEECH_RANGE_DB);
  const speech = levels.filter((level) => level >= least);
  if (speech.length === 0) return -Infinity;
  return decibels(speech.reduce((sum, level) => sum + 10 ** (level / 10), 0) / speech.length);
}

/** Where the sound is in `samples`, with up to `EDGE_MS` of what surrounds it; undefined where there is none. */
export function soundSpan(samples: Float32Array): { from: number; to: number } | undefined {
  const levels = stretchLevels(samples);
  const loudest = highest(levels);
  if (loudest < FLOOR_DBFS) return undefined;
  const noise = levels.toSorted((a, b) => a - b)[Math.floor(levels.length / 10)]!;
  const [near, far] = SOUND_RANGE_DB;
  const least = Math.max(FLOOR_DBFS, Math.min(loudest - near, Math.max(loudest - far, noise + ABOVE_NOISE_DB)));
  const edge = EDGE_MS * BYTES_PER_MS;
  return {
    from: Math.max(0, levels.findIndex((level) => level >= least) * STRETCH_SAMPLES - edge),
    to: Math.min(samples.length, (levels.findLastIndex((level) => level >= least) + 1) * STRETCH_SAMPLES + edge),
  };
}

/** `samples` with their speech at `TELEPHONE_DBFS`: one gain for all, peaks near full scale rounded off. */
export function levelled(samples: Float32Array): Float32Array {
  const level = speechLevelDbfs(samples);
  if (level === -Infinity) return samples.slice();
  const gain = 10 ** ((TELEPHONE_DBFS - level) / 20);
  return samples.map((sample) => bend(sample * gain));
}

/** A sample whose peaks are rounded off instead of clipped. */
export function bend(sample: number): number {
  const size = Math.abs(sample);
  if (size <= KNEE) return sample;
  return Math.sign(sample) * (KNEE + (1 - KNEE) * Math.tanh((size - KNEE) / (1 - KNEE)));
}

/** Mean power of each stretch in dBFS; the last one may be shorter. */
function stretchLevels(samples: Float32Array): number[] {
  return Array.from({ length: Math.ceil(samples.length / STRETCH_SAMPLES) }, (_, k) => {
    const from = k * STRETCH_SAMPLES;
    const to = Math.min(samples.length, from + STRETCH_SAMPLES);
    let energy = 0;
    for (let n = from; n < to; n++) energy += samples[n]! * samples[n]!;
    return decibels(energy / (to - from));
  });
}

function highest(levels: readonly number[]): number {
  return levels.reduce((most, level) => Math.max(most, level), -Infinity);
}

function decibels(power: number): number {
  return 10 * Math.log10(power);
}
