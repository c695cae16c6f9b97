import assert from "node:assert/strict";
import { decode, encode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { readWav, writeWav } from "../../lib/audio/wav.ts";
import type { ChatBrain } from "../../lib/rehearsal/chat.ts";
import type { SpeechSense } from "../../lib/rehearsal/ear.ts";
import { openSpeechSense } from "../../lib/rehearsal/sense.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { shared, testWith } from "../case.ts";
import { noticesOf, questions, type SimPipeline, simPipeline } from "../sim/pipeline.ts";

const PROGRAM = "/usr/bin/pocketsphinx_continuous";
const MODEL = "/usr/share/pocketsphinx/model/en-us";
const prompts = shared("data/telephone-prompts");

/** What this test needs: the recogniser, its English model and the recordings. */
function needs(): { present: boolean; missing: string } {
  if (!prompts.present) return prompts;
  try {
    Deno.statSync(PROGRAM);
    Deno.statSync(MODEL);
    return { present: true, missing: "" };
  } catch {
    return { present: false, missing: "the Debian packages pocketsphinx and pocketsphinx-en-us are not installed" };
  }
}

/** Recordings without pauses long enough to part them. */
const SPOKEN = ["conf-full", "conf-lockednow", "queue-thankyou", "conf-unlockednow", "from-unknown-caller"];

const plain = (text: string) => text.toLowerCase().replace(/[^a-z' ]/g, " ").replace(/\s+/g, " ").trim();

/** The words of each recording, by its name. */
function transcripts(): Map<string, string> {
  const table = Deno.readTextFileSync(new URL("transcripts.tsv", `${prompts.url}/`));
  const rows = table.trim().split("\n").slice(1).map((line) => line.split("\t"));
  return new Map(rows.map(([file = "", text = ""]) => [file.replace(/\.wav$/, ""), plain(text)]));
}

/** A recording as the telephone carries it. */
function recording(name: string): Uint8Array {
  const wav = readWav(Deno.readFileSync(new URL(`${name}.wav`, `${prompts.url}/`)));
  assert.ok(wav.ok && wav.value.rateHz === 8000);
  return encode(Int16Array.from(wav.value.channels[0]!, (sample) => Math.round(sample * 32767)));
}

/** Any of these sentences, and nothing else, in the Java Speech Grammar Format. */
function grammarOf(sentences: Iterable<string>): string {
  return `#JSGF V1.0;\ngrammar known;\npublic <sentence> = ${[...sentences].join(" | ")};\n`;
}

/** The beginning of a sentence, or all of it: "a [b [c]]". */
function begun(sentence: string): string {
  const words = sentence.split(" ");
  return `${words.join(" [")}${"]".repeat(words.length - 1)}`;
}

/** PocketSphinx with a grammar of `sentences`. */
class PocketSphinx implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #busy = new Set<Promise<string>>();
  #runs = 0;

  constructor(sentences: readonly string[]) {
    Deno.writeTextFileSync(`${this.#folder}/whole.jsgf`, grammarOf(sentences));
    Deno.writeTextFileSync(`${this.#folder}/begun.jsgf`, grammarOf(sentences.map(begun)));
  }

  /** The words of 16-bit samples at 8 kHz. It takes real time. */
  recognise(pcm8k: Uint8Array, grammar: "whole" | "begun"): Promise<string> {
    const work = this.#run(pcm8k, grammar);
    this.#busy.add(work);
    work.finally(() => this.#busy.delete(work)).catch(() => {}); // whoever asked is told
    return work;
  }

  /** Settles when it has nothing to do. */
  async idle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
  }

  async #run(pcm8k: Uint8Array, grammar: "whole" | "begun"): Promise<string> {
    const file = `${this.#folder}/${++this.#runs}.wav`;
    const view = new DataView(pcm8k.buffer, pcm8k.byteOffset, pcm8k.byteLength);
    const samples = Float32Array.from({ length: pcm8k.length / 2 }, (_, n) => view.getInt16(2 * n, true) / 32768);
    const up = resample(samples, 8000, 16_000);
    const pcm16k = Int16Array.from(up, (sample) => Math.max(-1, Math.min(1, sample)) * 32767);
    await Deno.writeFile(file, writeWav({ rateHz: 16_000, channels: [pcm16k] }));
    const { success, stdout } = await new Deno.Command(PROGRAM, {
      args: [
        ...["-infile", file, "-jsgf", `${this.#folder}/${grammar}.jsgf`],
        ...["-hmm", `${MODEL}/en-us`, "-dict", `${MODEL}/cmudict-en-us.dict`, "-logfn", "/dev/null"],
      ],
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(20_000),
    }).output();
    assert.ok(success, "PocketSphinx failed");
    return new TextDecoder().decode(stdout).replace(/\s+/g, " ").trim();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Tells speech, and of speech that goes on what was said so far: a recogniser that says nothing for 1.4 s is held to be deaf. */
class ListeningSense implements SpeechSense {
  readonly #sense: SpeechSense;
  readonly #partial: (pcm8k: Uint8Array) => void;
  #spoken: number[] = [];

  constructor(sense: SpeechSense, partial: (pcm8k: Uint8Array) => void) {
    this.#sense = sense;
    this.#partial = partial;
  }

  speech(frame: Uint8Array): boolean {
    const isSpeech = this.#sense.speech(frame);
    if (!isSpeech) this.#spoken = [];
    else this.#spoken.push(...decode(frame));
    if (isSpeech && this.#spoken.length % PARTIAL_SAMPLES === 0) {
      this.#partial(new Uint8Array(Int16Array.from(this.#spoken).buffer));
    }
    return isSpeech;
  }

  [Symbol.dispose](): void {
    this.#sense[Symbol.dispose]();
  }
}

/** 400 ms. */
const PARTIAL_SAMPLES = 3200;

/** An interim result. Deepgram reference, section 3.4. */
function interim(transcript: string): string {
  const channel = { alternatives: [{ transcript, confidence: 0.5 }] };
  return JSON.stringify({ type: "Results", start: 0, duration: 1, is_final: false, channel });
}

/** Let virtual time pass until `promise` settles; it stands still while the recogniser works. */
async function runBeside<T>({ clock }: SimPipeline, promise: Promise<T>, sphinx: PocketSphinx): Promise<T> {
  let over = false;
  const ending = () => void (over = true);
  promise.then(ending, ending);
  for (let steps = 0; !over; steps++) {
    assert.ok(steps < 10_000, "the call does not end");
    await clock.run(20);
    await sphinx.idle();
  }
  return promise;
}

testWith(needs(), "recorded sentences of a person are recognised, asked and answered, over the telephone", async () => {
  const known = transcripts();
  const spoken = SPOKEN.map((name) => known.get(name)!);
  using sphinx = new PocketSphinx(spoken);
  (await openSpeechSense())[Symbol.dispose](); // loaded now: virtual time does not wait for WebAssembly
  const partial = (pcm8k: Uint8Array) => {
    const wire = sim.dials["deepgram-listen"].pairs.at(-1)!.server;
    sphinx.recognise(pcm8k, "begun").then((text) => text && wire.send(interim(text)), () => {}); // its end tells
  };
  const brain: ChatBrain = (messages) => ({ text: `You told me: ${messages.at(-1)!.content}.` });
  await using sim = await simPipeline({
    brain,
    pipeline: { listen: { provider: { type: "deepgram", model: "nova-3", endpointing: 250 } } },
    listen: {
      recognise: (pcm8k) => sphinx.recognise(pcm8k, "whole"),
      openSense: async () => new ListeningSense(await openSpeechSense(), partial),
    },
  });
  const steps: Step[] = SPOKEN.map((name) => ({ kind: "wav", name, audio: recording(name) }));
  const call = sim.ring({ steps: [...steps, { kind: "wait", ms: 5000 }] });
  const report = await runBeside(sim, call.report, sphinx);
  await sim.clock.run(3000);

  assert.deepEqual(sim.listen.sessions.flatMap(({ crashes }) => crashes), []);
  assert.deepEqual(report.offences, []);
  assert.deepEqual(noticesOf(sim.notices, "fault"), []);
  const heard = noticesOf(sim.notices, "caller-text").filter(({ final }) => final).map(({ text }) => plain(text));
  assert.deepEqual(heard, spoken);
  const asked = questions(sim).map((messages) => plain(messages.at(-1)!.content ?? ""));
  assert.deepEqual(asked, spoken, "the model was asked something else");
  const answers = report.turns.map((turn) => plain(turn.heard ?? "")).join(" ");
  for (const sentence of spoken) assert.ok(answers.includes(`you told me ${sentence}`), `${sentence}: ${answers}`);
});
