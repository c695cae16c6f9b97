/** How a stand-in tells that somebody speaks, where no tag says so. */

import { openVad, VoiceDetector } from "../audio/vad.ts";
import type { SpeechSense } from "./ear.ts";

/** Short, as the ear adds its own endpointing, and long enough to bridge the gaps within a word. */
const STOP_MS = 200;

/** The voice detector of the telephone line, for one stream. */
export async function openSpeechSense(): Promise<SpeechSense> {
  const detector = new VoiceDetector(await openVad(2), { stopMs: STOP_MS });
  return {
    speech(frame) {
      detector.push(frame);
      return detector.speaking;
    },
    [Symbol.dispose]: () => detector[Symbol.dispose](),
  };
}
