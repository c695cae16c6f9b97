import { cartesiaTts } from "../../lib/providers/cartesia.ts";
import { cartesiaStandIn } from "../../lib/rehearsal/cartesia.ts";
import { seeded } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { muteVoice, toneVoice } from "../sim/tone_voice.ts";
import { ttsContract, type TtsRig, type TtsTrouble } from "./tts.ts";
import { countWires } from "./wires.ts";

function rig(trouble?: TtsTrouble): TtsRig {
  const clock = new VirtualClock();
  const standIn = cartesiaStandIn({
    clock,
    random: seeded(7),
    voice: trouble === "mute" ? muteVoice() : toneVoice(),
    faults: {
      refuseStatus: trouble === "refuse" ? 429 : 0,
      closeMidway: trouble === "drop" ? 1 : 0,
      stallMidway: trouble === "stall" ? 1 : 0,
    },
  });
  const wires = countWires(simDial(clock, standIn.answer, { delayMs: 10 }));
  const tts = cartesiaTts({
    dial: wires.dial,
    clock,
    url: "wss://cartesia.test",
    key: "sk_car_secret",
    provider: { model_id: "sonic-3.5", voice: "f786b574-daa5-4673-aa0c-cbe3e8534c02", language: "en" },
  });
  return {
    clock,
    tts,
    asked: () => standIn.contexts.flatMap(({ texts }) => texts).join(""),
    openWires: () => wires.open,
  };
}

ttsContract("Cartesia", rig, { words: true });
