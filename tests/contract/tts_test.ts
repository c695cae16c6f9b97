/** Deepgram's voice, through its stand-in, and the local one keep the promises of `Tts`. */

import type { Voice } from "../../lib/audio/voice.ts";
import { deepgramSpeak } from "../../lib/providers/deepgram_speak.ts";
import { localTts } from "../../lib/providers/local_speak.ts";
import { deepgramSpeakStandIn } from "../../lib/rehearsal/deepgram_speak.ts";
import { seeded } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { muteVoice, toneVoice } from "../sim/tone_voice.ts";
import { ttsContract } from "./tts.ts";
import { countWires } from "./wires.ts";

const TROUBLES = {
  refuse: { refuse: 503 },
  drop: { dropAfterBytes: 8000 },
  stall: { stallAfterBytes: 8000 },
  mute: {},
};

for (const staleFlushedMs of [Infinity, 0, 40]) {
  ttsContract(
    `deepgram speak${staleFlushedMs < Infinity ? `, Flushed ${staleFlushedMs} ms after Cleared` : ""}`,
    (trouble) => {
      const clock = new VirtualClock();
      const faults = trouble ? TROUBLES[trouble] : {};
      const { answer, sessions } = deepgramSpeakStandIn({
        clock,
        random: seeded(4),
        voice: trouble === "mute" ? muteVoice() : toneVoice(),
        key: "k",
        knobs: { staleFlushedMs },
        faults,
      });
      const wires = countWires(simDial(clock, answer, { delayMs: 15 }));
      const tts = deepgramSpeak({
        dial: wires.dial,
        clock,
        url: "wss://api.deepgram.com/v1/speak",
        key: "k",
        provider: { model: "aura-2-thalia-en" },
      });
      return {
        clock,
        tts,
        asked: () => sessions.map(({ text }) => text).join(""),
        openWires: () => wires.open,
      };
    },
  );
}

ttsContract("local voice", (trouble) => {
  const clock = new VirtualClock();
  const tones = toneVoice();
  const asked: string[] = [];
  const voice: Voice = {
    speak(text, signal) {
      asked.push(text);
      if (trouble === "drop" && asked.length > 1) return Promise.reject(new Error("the worker is gone"));
      return tones.speak(text, signal);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { clock, tts: localTts({ voice }), asked: () => asked.join(" "), openWires: () => 0 };
}, { words: true, firstFrameMs: 20, faults: { drop: "rejected" } });
