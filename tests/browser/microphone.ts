/** What the browser's microphone hears. */

import { decode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { writeWav } from "../../lib/audio/wav.ts";

const LINE = "excuse me, hold on a moment please, I would like to ask something else right now";

/** A caller who never stops talking: a WAV of 16 kHz, spoken by the server's voice, which the browser repeats. @returns its path. */
export async function talkingWav(origin: string): Promise<string> {
  const response = await fetch(`${origin}/phone/say`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text: LINE }),
  });
  if (!response.ok) throw new Error(`The server's voice: ${response.status} ${await response.text()}`);
  const audio = new Uint8Array(await response.arrayBuffer());
  const samples = resample(Float32Array.from(decode(audio), (sample) => sample / 32768), 8000, 16_000);
  const channel = Int16Array.from(samples, (sample) => Math.max(-32768, Math.min(32767, sample * 32768)));
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  await Deno.writeFile(path, writeWav({ rateHz: 16_000, channels: [channel] }));
  return path;
}
