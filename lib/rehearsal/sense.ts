/** How a stand-in tells that somebody speaks, where no tag says so. */

import { loudnessDbfs } from "../audio/mulaw.ts";
import { openVad, SpeechGate, VoiceDetector } from "../audio/vad.ts";
import type { SpeechSense } from "./ear.ts";

/** Short, as the ear adds its own endpointing, and long enough to bridge the gaps within a word. */
const STOP_MS = 200;

/**
 * What the voice detector takes for speech must also be loud for a moment, or fairly loud for longer. Measured with speech
 * at -20 dBFS (its loudest half second): 59 of 60 single digits and all of 9 recordings are heard; 40 s of kitchen noise
 * at -40 dBFS never is, and 2 to 5 times without these gates. A voice below -34 dBFS goes unheard.
 */
const LOUD = { aboveDbfs: -28, startMs: 60, withinMs: 100 };
const LASTING = { aboveDbfs: -34, startMs: 160, withinMs: 240 };

/** One stream's sense of speech, 20 ms at a time. */
export async function openSpeechSense(): Promise<SpeechSense> {
  const detector = new VoiceDetector(await openVad(2), { startMs: 100, withinMs: 160, stopMs: STOP_MS });
  const gates = [LOUD, LASTING].map(({ aboveDbfs, ...config }) => ({
    aboveDbfs,
    gate: new SpeechGate({ ...config, stopMs: STOP_MS }),
  }));
  let speaking = false;
  return {
    speech(frame) {
      detector.push(frame);
      const levelDbfs = loudnessDbfs(frame);
      for (const { aboveDbfs, gate } of gates) gate.push(detector.speaking && levelDbfs > aboveDbfs);
      speaking = detector.speaking && (speaking || gates.some(({ gate }) => gate.speaking));
      return speaking;
    },
    [Symbol.dispose]: () => detector[Symbol.dispose](),
  };
}
