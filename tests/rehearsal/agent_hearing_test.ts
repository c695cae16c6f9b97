import assert from "node:assert/strict";
import { BYTES_PER_MS, FRAME_BYTES, SILENCE } from "../../lib/audio/frame.ts";
import { encode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { readWav } from "../../lib/audio/wav.ts";
import { openSpeechSense } from "../../lib/rehearsal/sense.ts";
import { shared, testWith } from "../case.ts";
import { agentClient } from "./agent.ts";

const speech = shared("data/speech-en");
const digits = shared("data/fsdd");
const noise = shared("data/noise/dishes_8k.wav");
const needs = { present: speech.present && digits.present && noise.present, missing: "../shared/data is not whole" };

/** Samples in [-1, 1] at 8 kHz. */
function recording(url: URL): Float32Array {
  const wav = readWav(Deno.readFileSync(url));
  assert.ok(wav.ok);
  const samples = wav.value.channels[0]!;
  return wav.value.rateHz === 8000 ? samples : resample(samples, wav.value.rateHz, 8000);
}

const recordings = (folder: URL) =>
  [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".wav")).sort()
    .map((name) => ({ name, samples: recording(new URL(name, `${folder}/`)) }));

/** Root mean square of the loudest half second: the level of speech, not of its pauses. */
function levelOf(samples: Float32Array): number {
  let loudest = 0;
  for (let from = 0; from === 0 || from + 4000 <= samples.length; from += 800) {
    const part = samples.subarray(from, from + 4000);
    loudest = Math.max(loudest, Math.sqrt(part.reduce((sum, sample) => sum + sample * sample, 0) / part.length));
  }
  return loudest;
}

/** Telephone audio at a usual level (-20 dBFS), and noise so many dB below it. */
function line(
  voice: Float32Array | undefined,
  background?: { samples: Float32Array; snrDb: number; fromSample?: number },
) {
  const length = voice?.length ?? background!.samples.length;
  const voiceGain = voice ? 0.1 / levelOf(voice) : 0;
  const noiseGain = background ? 0.1 * 10 ** (-background.snrDb / 20) / meanLevel(background.samples) : 0;
  const frames = Math.ceil(length / FRAME_BYTES);
  const pcm = Int16Array.from({ length: frames * FRAME_BYTES }, (_, i) => {
    const { samples = new Float32Array(1), fromSample = 0 } = background ?? {};
    const mixed = (voice?.[i] ?? 0) * voiceGain + samples[(fromSample + i) % samples.length]! * noiseGain;
    return Math.max(-1, Math.min(1, mixed)) * 32767;
  });
  return encode(pcm);
}

function meanLevel(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

async function listener() {
  const sense = await openSpeechSense(); // opened before: virtual time does not wait for WASM
  const client = await agentClient({ openSense: () => Promise.resolve(sense), faults: { staleFrames: 0 } });
  await client.ready();
  return client;
}

testWith(
  needs,
  "real speech over the agent interrupts it; rehearsal says that it heard but cannot write it down",
  async () => {
    for (const { name, samples } of recordings(speech.url)) {
      const client = await listener();
      client.session.callerSays("tell me a long story");
      await client.until(() => client.audioBytes() > 60_000);
      client.types();
      const fromMs = client.clock.monotonicMs();
      await client.hear(line(samples));
      const interrupted = client.got.findLast(({ message }) => message?.type === "UserStartedSpeaking");
      assert.ok(interrupted && interrupted.atMs > fromMs, name);
      await client.until(() => client.find("ConversationText", 0) !== undefined && client.session.phase === "idle");
      const texts = client.got.filter(({ message }) => message?.type === "ConversationText").map(({ message }) =>
        message
      );
      assert.ok(texts.some(({ role, content }) => role === "user" && content === "(speech)"), name);
      assert.match(client.tags.text, /I heard you speak for (one second|\d+ seconds)\./, name);
      await client.close();
      assert.equal(client.clock.pending, 0);
    }
  },
);

testWith(needs, "a single spoken digit is heard", async () => {
  let heard = 0;
  const all = recordings(digits.url);
  for (const { samples } of all) {
    const client = await listener();
    await client.hear(200);
    await client.hear(line(samples));
    if (client.find("UserStartedSpeaking")) heard++;
    await client.close();
  }
  assert.ok(heard >= all.length - 1, `${heard} of ${all.length}`);
});

testWith(needs, "40 s of kitchen noise 20 dB below a voice do not interrupt, and a voice over it does", async () => {
  const dishes = recording(noise.url);
  const client = await listener();
  await client.hear(line(undefined, { samples: dishes, snrDb: 20 }));
  assert.equal(client.find("UserStartedSpeaking"), undefined);
  for (const [index, { name, samples }] of recordings(speech.url).entries()) {
    const before = client.got.length;
    const background = { samples: dishes, snrDb: 20, fromSample: index * 8000 };
    await client.hear(line(samples, background));
    assert.ok(client.got.slice(before).some(({ message }) => message?.type === "UserStartedSpeaking"), name);
    await client.until(() => client.session.phase === "idle");
  }
  await client.close();
});

testWith(needs, "a steady hiss, a beep and silence are nobody", async () => {
  const client = await listener();
  const second = new Uint8Array(1000 * BYTES_PER_MS);
  await client.hear(second.map(() => SILENCE));
  await client.hear(second.map(() => SILENCE ^ 0x80));
  await client.hear(second.map((_, i) => (i % 2 ? 0xF0 : 0x70)));
  assert.equal(client.find("UserStartedSpeaking"), undefined);
  await client.close();
});
