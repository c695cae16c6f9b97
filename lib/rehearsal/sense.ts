/** How a stand-in tells that somebody speaks, where no tag says so: the voice detector and its gate. */

import { openVad, SpeechGate } from "../audio/vad.ts";
import type { SpeechSense } from "./ear.ts";

/** The detector's strictest mode, and speech for 120 of 200 ms before anyone is held to speak: kitchen noise never is. */
export async function openSpeechSense(): Promise<SpeechSense> {
  const vad = await openVad(3);
  const gate = new SpeechGate({ startMs: 120, withinMs: 200 });
  return {
    speech(frame) {
      const isSpeech = vad.speech(frame);
      gate.push(isSpeech);
      return isSpeech && gate.speaking;
    },
    [Symbol.dispose]: () => vad[Symbol.dispose](),
  };
}
