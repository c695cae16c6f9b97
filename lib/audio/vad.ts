/** Voice activity: does somebody speak? WebRTC's detector for the sound of speech, and an ear for what stands out of the noise. */

import { FRAME_BYTES, FRAME_MS, RATE_HZ } from "./frame.ts";
import { decode } from "./mulaw.ts";

/** How sure the detector must be: 0 takes much for speech, 3 little. */
export type VadMode = 0 | 1 | 2 | 3;

/** One stream's detector: it adapts, so each stream needs its own. */
export interface Vad extends Disposable {
  /** Whether 16-bit samples sound like speech: 80, 160 or 240 of them (10, 20 or 30 ms). @throws {RangeError} for another length. */
  speechIn(pcm: Int16Array): boolean;
}

/** What libfvad's WASM build offers (it comes without types). */
interface Fvad {
  HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _fvad_new(): number;
  _fvad_free(handle: number): void;
  _fvad_set_mode(handle: number, mode: number): number;
  _fvad_set_sample_rate(handle: number, rateHz: number): number;
  /** @returns 1 for speech, 0 for none, -1 for a length that is not allowed. */
  _fvad_process(handle: number, pcm: number, samples: number): number;
}

const LONGEST_FRAME_SAMPLES = 240;

let library: Promise<Fvad> | undefined;

/** Loaded at first use; one instance of some 100 kB serves all streams. */
function loadFvad(): Promise<Fvad> {
  return library ??= import("@echogarden/fvad-wasm").then(({ default: fvad }) => fvad() as Promise<Fvad>);
}

/** A detector for one stream; 1.7 us per frame. Dispose it to give back its memory. */
export async function openVad(mode: VadMode): Promise<Vad> {
  const fvad = await loadFvad();
  const handle = fvad._fvad_new();
  const pointer = fvad._malloc(LONGEST_FRAME_SAMPLES * Int16Array.BYTES_PER_ELEMENT);
  fvad._fvad_set_mode(handle, mode);
  fvad._fvad_set_sample_rate(handle, RATE_HZ);
  let open = true;
  return {
    speechIn(samples) {
      if (!open) return false;
      if (samples.length > LONGEST_FRAME_SAMPLES) throw new RangeError(`${samples.length} samples are not one frame`);
      fvad.HEAP16.set(samples, pointer / Int16Array.BYTES_PER_ELEMENT);
      const verdict = fvad._fvad_process(handle, pointer, samples.length);
      if (verdict < 0) throw new RangeError(`${samples.length} samples are not a frame of 10, 20 or 30 ms`);
      return verdict === 1;
    },
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      fvad._free(pointer);
      fvad._fvad_free(handle);
    },
  };
}

/** So many frames of speech among so many, 60 of 100 ms, are needed to hold that someone speaks. */
const START_FRAMES = 3;
const START_WINDOW_FRAMES = 5;

/** Turns frame by frame decisions into the start and the stop of speech, with hysteresis. Pure. */
export class SpeechGate {
  speaking = false;
  readonly #stopFrames: number;
  /** The last decisions, one bit each, the newest lowest. */
  #recent = 0;
  #silentFrames = 0;

  /** `stopMs`: unbroken silence needed to hold that he stopped. */
  constructor({ stopMs = 300 } = {}) {
    this.#stopFrames = Math.ceil(stopMs / FRAME_MS);
  }

  /** One decision per 20 ms frame; a start waits for `mayStart`. @returns what changed with it. */
  push(isSpeech: boolean, mayStart = true): "started" | "stopped" | undefined {
    this.#recent = ((this.#recent << 1) | Number(isSpeech)) & (2 ** START_WINDOW_FRAMES - 1);
    this.#silentFrames = isSpeech ? 0 : this.#silentFrames + 1;
    if (!this.speaking && mayStart && countBits(this.#recent) >= START_FRAMES) {
      this.speaking = true;
      return "started";
    }
    if (this.speaking && this.#silentFrames >= this.#stopFrames) {
      this.speaking = false;
      this.#recent = 0;
      return "stopped";
    }
    return undefined;
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (; bits !== 0; bits &= bits - 1) count++;
  return count;
}

/** No frame below this counts as speech, however quiet the line. */
const LEAST_SPEECH_DBFS = -50;
/** Speech stands out of the background by this much to start, and by 3 dB less to go on. */
const START_ABOVE_NOISE_DB = 9;
const GO_ON_ABOVE_NOISE_DB = 6;
/** Only sound below this counts, where voices have their power and dishes, keys and hiss have little. */
const VOICE_BAND_HZ = 700;

/** The pitch is sought in every fourth sample, at 2 kHz, over 50 ms, between 71 and 400 Hz. */
const PITCH_STEP = 4;
const PITCH_SAMPLES = 100;
const SHORTEST_PERIOD = 5;
const LONGEST_PERIOD = 28;
/** A correlation above this is a pitch; it holds for this many frames. */
const PITCH_STRENGTH = 0.75;
const PITCH_FRAMES = 5;

/**
 * The level of the background in dBFS: the lower quartile of the last 1.6 s, which neither a short noise nor speech with its
 * gaps lifts. Measured anew every 100 ms, and with every frame at first.
 */
class Background {
  levelDbfs = -Infinity;
  readonly #recent = new Float64Array(1600 / FRAME_MS);
  #frames = 0;

  push(levelDbfs: number): void {
    this.#recent[this.#frames++ % this.#recent.length] = levelDbfs;
    if (this.#frames > 10 && this.#frames % 5 !== 0) return;
    const known = this.#recent.slice(0, this.#frames).sort();
    this.levelDbfs = known[known.length >> 2]!;
  }
}

/** The voice band: its level, and whether it has a pitch. Two first-order low-passes, kept at 2 kHz for the pitch. */
class VoiceBand {
  readonly #share = 1 - Math.exp(-2 * Math.PI * VOICE_BAND_HZ / RATE_HZ);
  readonly #recent = new Float64Array(PITCH_SAMPLES);
  #first = 0;
  #second = 0;

  /** Take the next frame. @returns its level in dBFS, at least -100. */
  push(pcm: Int16Array): number {
    this.#recent.copyWithin(0, FRAME_BYTES / PITCH_STEP);
    let next = PITCH_SAMPLES - FRAME_BYTES / PITCH_STEP;
    let energy = 0;
    for (let i = 0; i < pcm.length; i++) {
      this.#first += this.#share * (pcm[i]! - this.#first);
      this.#second += this.#share * (this.#first - this.#second);
      energy += this.#second * this.#second;
      if (i % PITCH_STEP === PITCH_STEP - 1) this.#recent[next++] = this.#second;
    }
    return 10 * Math.log10(energy / pcm.length / 32768 ** 2 + 1e-10);
  }

  /** How alike the last 50 ms are to themselves one period of a voice earlier: the highest correlation, at most 1. */
  pitchStrength(): number {
    const mean = this.#recent.reduce((sum, sample) => sum + sample, 0) / PITCH_SAMPLES;
    const centred = this.#recent.map((sample) => sample - mean);
    let highest = 0;
    for (let lag = SHORTEST_PERIOD; lag <= LONGEST_PERIOD; lag++) {
      highest = Math.max(highest, correlation(centred, lag));
    }
    return highest;
  }
}

function correlation(samples: Float64Array, lag: number): number {
  let product = 0;
  let early = 0;
  let late = 0;
  for (let i = lag; i < samples.length; i++) {
    const before = samples[i - lag]!;
    const now = samples[i]!;
    product += before * now;
    early += before * before;
    late += now * now;
  }
  return product / Math.sqrt(early * late + 1e-9);
}

/**
 * Tells when somebody starts and stops to speak on a line with noise: a frame counts if the detector takes it for speech
 * and its voice band stands out of the background, and a start needs a pitch besides, which clinking dishes lack. Owns
 * `vad`, one per stream; mode 2 is what it was measured with.
 */
export class VoiceDetector implements Disposable {
  readonly #vad: Vad;
  readonly #gate: SpeechGate;
  readonly #band = new VoiceBand();
  readonly #background = new Background();
  readonly #pcm = new Int16Array(FRAME_BYTES);
  #framesSincePitch = Infinity;

  constructor(vad: Vad, times: { stopMs?: number } = {}) {
    this.#vad = vad;
    this.#gate = new SpeechGate(times);
  }

  get speaking(): boolean {
    return this.#gate.speaking;
  }

  /** One frame of 20 ms (160 bytes of mu-law). @returns what changed with it. */
  push(frame: Uint8Array): "started" | "stopped" | undefined {
    const pcm = decode(frame, this.#pcm);
    const soundsLikeSpeech = this.#vad.speechIn(pcm); // always asked: it adapts to what it hears
    const levelDbfs = this.#band.push(pcm);
    this.#background.push(levelDbfs);
    const aboveNoiseDb = this.speaking ? GO_ON_ABOVE_NOISE_DB : START_ABOVE_NOISE_DB;
    const leastDbfs = Math.max(LEAST_SPEECH_DBFS, this.#background.levelDbfs + aboveNoiseDb);
    const isSpeech = soundsLikeSpeech && levelDbfs > leastDbfs;
    const hasPitch = isSpeech && !this.speaking && this.#band.pitchStrength() > PITCH_STRENGTH;
    this.#framesSincePitch = hasPitch ? 0 : this.#framesSincePitch + 1;
    return this.#gate.push(isSpeech, this.#framesSincePitch < PITCH_FRAMES);
  }

  [Symbol.dispose](): void {
    this.#vad[Symbol.dispose]();
  }
}
