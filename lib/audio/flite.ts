/** The speech synthesiser Flite (Carnegie Mellon), run as the command it is: a piece of text in, an utterance out. */

import { BYTES_PER_MS, RATE_HZ } from "./frame.ts";
import { bend } from "./level.ts";
import { encode } from "./mulaw.ts";
import { resample } from "./resample.ts";
import type { TimedWord } from "./tag.ts";
import type { Utterance } from "./voice.ts";
import { runWasi } from "./wasi.ts";
import { readWav } from "./wav.ts";

/** The clearest of its voices after mu-law (9 % word errors of a recogniser; awb 13, kal16 22, slt 36). */
const VOICE = "rms";
/** The fastest. It shares the lexicon. */
const COUNTING_VOICE = "kal";

/** What stays of the silence that Flite puts before the first sound. */
const LEAD_MS = 40;
/** RMS of speech, -18 dBFS. */
const SPEECH_LEVEL = 10 ** (-18 / 20);

/** A sound with its end in seconds; `pau` is a pause. */
interface Phone {
  name: string;
  startMs: number;
  endMs: number;
}

/**
 * Speak `text`, at most a few sentences, at about -18 dBFS. Word times are those of the sounds that Flite reports. Characters
 * it cannot say (it knows English in ASCII) take no time; without a letter or digit the audio is empty.
 * @throws {Error} if the program fails.
 */
export function speakFlite(module: WebAssembly.Module, text: string): Utterance {
  const words = text.split(/\s+/).filter(Boolean);
  const spoken = words.map(speakable).filter(Boolean);
  if (spoken.length === 0) return { audio: new Uint8Array(0), words: untimed(words) };

  const run = flite(module, [
    "-voice",
    VOICE,
    "-psdur",
    "-t",
    spoken.join(" "),
    "-o",
    "a.wav",
  ]);
  const wav = readWav(run.files.get("a.wav") ?? new Uint8Array(0));
  if (!wav.ok) throw new Error(`Flite wrote no audio (exit code ${run.exitCode}): ${run.stderr.slice(0, 200)}`);
  const phones = parsePhones(run.stdout);
  const leadMs = Math.max(0, (phones[0]?.startMs ?? 0) - LEAD_MS);
  const samples = resample(wav.value.channels[0]!, wav.value.rateHz, RATE_HZ).subarray(leadMs * BYTES_PER_MS);
  const weights = soundsPerWord(module, spoken);
  const times = timeWords(phones, weights, { offsetMs: leadMs, audioMs: samples.length / BYTES_PER_MS });
  return { audio: encode(normalise(samples)), words: nameWords(words, times) };
}

function untimed(words: string[]): TimedWord[] {
  return words.map((text) => ({ text, startMs: 0, endMs: 0 }));
}

/** Give each spoken word its time; what cannot be spoken takes no time after the word before it. */
function nameWords(words: string[], times: Omit<TimedWord, "text">[]): TimedWord[] {
  let next = 0;
  let endMs = 0;
  return words.map((text) => {
    const time = speakable(text) ? times[next++]! : { startMs: endMs, endMs };
    endMs = time.endMs;
    return { text, ...time };
  });
}

function flite(module: WebAssembly.Module, args: string[]) {
  return runWasi(module, ["flite", ...args]);
}

/** The ASCII of `word` that Flite can say; "" if nothing of it can be said. */
function speakable(word: string): string {
  const ascii = word.normalize("NFKD")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u2010-\u2015]/g, "-")
    .replace(/[^\x21-\x7E]/g, "");
  return /[A-Za-z0-9]/.test(ascii) ? ascii : "";
}

/** Sounds without the pauses, from text such as `pau:0.174 g:0.273 uh:0.390`; the times of each sentence begin at 0. */
function parsePhones(stdout: string): Phone[] {
  let sentenceMs = 0;
  let startMs = 0;
  return [...stdout.matchAll(/(\w+):(\d+\.\d+)/g)].flatMap(([, name, end]) => {
    if (sentenceMs + Number(end) * 1000 < startMs) sentenceMs = startMs;
    const phone = { name: name!, startMs, endMs: sentenceMs + Number(end) * 1000 };
    startMs = phone.endMs;
    return phone.name === "pau" ? [] : [phone];
  });
}

/**
 * How many sounds each word has: the words spoken once more with a comma after each, which puts a pause between them. Where
 * that does not come out, their letters count instead.
 */
function soundsPerWord(module: WebAssembly.Module, words: string[]): number[] {
  const { stdout } = flite(module, [
    "-voice",
    COUNTING_VOICE,
    "-ps",
    "-t",
    words.map((word) => `${word},`).join(" "),
    "-o",
    "none",
  ]);
  const groups = stdout.trim().split(/\bpau\b/).map((group) => group.trim()).filter(Boolean);
  if (groups.length === words.length) return groups.map((group) => group.split(/\s+/).length);
  return words.map((word) => word.replace(/[^A-Za-z0-9]/g, "").length);
}

/** Deal the sounds out to the words by their weights, in order; a word begins and ends with its sounds. */
export function timeWords(
  phones: readonly { startMs: number; endMs: number }[],
  weights: readonly number[],
  { offsetMs, audioMs }: { offsetMs: number; audioMs: number },
): Omit<TimedWord, "text">[] {
  const whole: readonly { startMs: number; endMs: number }[] = phones.length > 0
    ? phones
    : [{ startMs: offsetMs, endMs: offsetMs + audioMs }];
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const within = (ms: number) => Math.round(Math.max(0, Math.min(audioMs, ms - offsetMs)));
  let before = 0;
  return weights.map((weight) => {
    const first = Math.min(whole.length - 1, Math.round(before * whole.length / sum));
    before += weight;
    const last = Math.max(first, Math.round(before * whole.length / sum) - 1);
    return { startMs: within(whole[first]!.startMs), endMs: within(whole[last]!.endMs) };
  });
}

/** To the level of telephone speech, measured where it is loud enough to be speech, as 16-bit samples. */
function normalise(samples: Float32Array): Int16Array {
  const gain = SPEECH_LEVEL / (activeLevel(samples) || 1);
  return Int16Array.from(samples, (sample) => 32767 * bend(sample * gain));
}

/** RMS over the 20 ms blocks that are within 25 dB of the loudest. */
function activeLevel(samples: Float32Array): number {
  const energies: number[] = [];
  for (let at = 0; at < samples.length; at += 160) {
    const block = samples.subarray(at, at + 160);
    energies.push(block.reduce((sum, sample) => sum + sample * sample, 0) / block.length);
  }
  const floor = Math.max(...energies) * 10 ** (-25 / 10);
  const active = energies.filter((energy) => energy >= floor);
  return Math.sqrt(active.reduce((sum, energy) => sum + energy, 0) / active.length);
}
