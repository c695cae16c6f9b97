/** What the browser's microphone hears. */

import { decode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { localVoice } from "../../lib/audio/voice.ts";
import { writeWav } from "../../lib/audio/wav.ts";
import { systemClock } from "../../lib/base/clock.ts";

/** A caller who never stops talking: a WAV of 16 kHz, which the browser repeats. @returns its path. */
export async function talkingWav(): Promise<string> {
  await using voice = localVoice({ clock: systemClock, voice: "slt" });
  const { audio } = await voice.speak(
    "excuse me, hold on a moment please, I would like to ask something else right now",
  );
  const samples = resample(Float32Array.from(decode(audio), (sample) => sample / 32768), 8000, 16_000);
  const channel = Int16Array.from(samples, (sample) => Math.max(-32768, Math.min(32767, sample * 32768)));
  const path = await Deno.makeTempFile({ suffix: ".wav" });
  await Deno.writeFile(path, writeWav({ rateHz: 16_000, channels: [channel] }));
  return path;
}
