/** Recordings as they come: a WAV of any kind made into a prompt, and a prompt looked at before it is played. Pure. */

import { failed, ok, type Result } from "../base/result.ts";
import { RATE_HZ, wholeFrames } from "./frame.ts";
import { levelled, soundSpan, speechLevelDbfs } from "./level.ts";
import { decode, encode } from "./mulaw.ts";
import { resample } from "./resample.ts";
import { readWav, type WavAudio } from "./wav.ts";

/** Longer recordings are a mistake. */
const LIMIT_SECONDS = 120;
/** Callers do not listen for longer. */
const LONG_SECONDS = 30;
/** Two minutes of stereo at 48 kHz in 64-bit floats, and a little. */
const WAV_LIMIT_BYTES = 100_000_000;
/** Outside of these, speech cannot be heard well. */
const QUIET_DBFS = -40;
const LOUD_DBFS = -6;

/** What begins a file of sound that is neither raw mu-law nor a WAV. */
const FOREIGN = [["ID3", "an MP3"], ["OggS", "an Ogg"], ["fLaC", "a FLAC"], ["FORM", "an AIFF"], ["caff", "a CAF"]];

export interface Recording {
  /** Raw mu-law, 8 kHz, whole frames. */
  audio: Uint8Array;
  /** Whole sentences, each with its remedy. */
  warnings: string[];
}

/**
 * Make a prompt of a WAV file: channels mixed, resampled to 8 kHz, brought to `TELEPHONE_DBFS`, silence at both ends cut
 * to 60 ms, mu-law. The fault is a sentence that says what is wrong and what to do.
 */
export function buildFromWav(bytes: Uint8Array): Result<Uint8Array, string> {
  const samples = telephoneSamples(bytes);
  if (!samples.ok) return samples;
  const span = soundSpan(samples.value);
  if (!span) return failed("It holds silence only. Record it again, and louder.");
  return ok(toMulaw(levelled(samples.value.subarray(span.from, span.to))));
}

/** Speech of a voice without the silence around it but for 60 ms; its level stays, as the voice speaks on calls with it too. */
export function trimSpeech(audio: Uint8Array): Uint8Array {
  const span = soundSpan(toSamples(audio));
  return span ? audio.slice(span.from, span.to) : audio;
}

/**
 * Look at the bytes of `path`, which should be raw mu-law: empty, of another kind or beyond 2 minutes is a fault; a WAV is
 * converted. Level and length that make no sense are warned of. Every sentence names the file and what to do.
 */
export function readRecording(bytes: Uint8Array, path: string): Result<Recording, string> {
  if (bytes.length === 0) return failed(`${path} is empty. ${rebuild(path)}`);
  const kind = FOREIGN.find(([magic]) => magicOf(bytes).startsWith(magic!))?.[1];
  if (kind) return failed(`${path} is ${kind} file, not raw mu-law. Convert it to WAV, then: ${buildCommand(path)}`);
  const isWav = magicOf(bytes).startsWith("RIFF");
  const read = isWav ? buildFromWav(bytes) : ok(bytes);
  if (!read.ok) return failed(`${path} is a WAV file, not raw mu-law. ${read.fault}`);
  const audio = read.value;
  const seconds = audio.length / RATE_HZ;
  if (seconds > LIMIT_SECONDS) {
    return failed(`${path} is ${seconds.toFixed(0)} s long, at most ${LIMIT_SECONDS} s are played. Shorten it.`);
  }
  const level = promptLevelDbfs(audio);
  const warnings = [
    isWav && `${path} is a WAV file; it was converted for now. To convert it for good: ${buildCommand(path)}`,
    seconds > LONG_SECONDS && `${path} is ${seconds.toFixed(0)} s long; callers hang up. Shorten it.`,
    level === -Infinity && `${path} is silent. ${rebuild(path)}`,
    level > -Infinity && level < QUIET_DBFS && `${path} is very quiet (${level.toFixed(0)} dBFS). ${rebuild(path)}`,
    level > LOUD_DBFS &&
    `${path} is far too loud (${level.toFixed(0)} dBFS), or not raw mu-law at all. ${rebuild(path)}`,
  ].filter((warning) => warning !== false);
  return ok({ audio: wholeFrames(audio), warnings });
}

/** RMS level of the speech in raw mu-law, pauses left out, in dBFS. */
export function promptLevelDbfs(audio: Uint8Array): number {
  return speechLevelDbfs(toSamples(audio));
}

function telephoneSamples(bytes: Uint8Array): Result<Float32Array, string> {
  const tooLong = (seconds: string) => `It is ${seconds} s long, at most ${LIMIT_SECONDS} s are played. Shorten it.`;
  if (bytes.length > WAV_LIMIT_BYTES) return failed(tooLong("far more than 120"));
  const wav = readWav(bytes);
  if (!wav.ok) return wav;
  const { rateHz, channels } = wav.value;
  const seconds = (channels[0]?.length ?? 0) / rateHz;
  if (seconds === 0) return failed("It holds no audio. Record it again.");
  if (seconds > LIMIT_SECONDS) return failed(tooLong(seconds.toFixed(0)));
  if (rateHz < RATE_HZ / 2) return failed(`It has ${rateHz} samples a second. Record it with 8000 or more.`);
  return ok(withoutOffset(resample(mixed(wav.value), rateHz, RATE_HZ)));
}

/** The mean of all channels; a sample that is not a number counts as 0. */
function mixed({ channels }: WavAudio): Float32Array {
  return channels[0]!.map((_, n) => {
    const sum = channels.reduce((sum, channel) => sum + channel[n]!, 0);
    return Number.isFinite(sum) ? sum / channels.length : 0;
  });
}

function withoutOffset(samples: Float32Array): Float32Array {
  const offset = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  return samples.map((sample) => sample - offset);
}

function toMulaw(samples: Float32Array): Uint8Array {
  return encode(Int16Array.from(samples, (sample) => Math.round(32767 * sample)));
}

function toSamples(audio: Uint8Array): Float32Array {
  const samples = new Float32Array(decode(audio)); // not `from`: all recordings are looked at while calls are live
  for (let n = 0; n < samples.length; n++) samples[n]! /= 32768;
  return samples;
}

function magicOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 4));
}

function buildCommand(path: string): string {
  return `offhook audio build ${path.replace(/^.*\//, "").replace(/\.mulaw$/, "")}.wav`;
}

function rebuild(path: string): string {
  return `Build it again: ${buildCommand(path).replace(/\.wav$/, "")}`;
}
