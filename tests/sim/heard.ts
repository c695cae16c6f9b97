/** How exactly the history of an interrupted call holds what the caller's speaker played. */

import { BROKEN_OFF } from "../../lib/engine/memory.ts";
import { seeded } from "../case.ts";
import { STORY } from "./house.ts";
import { noticesOf, questions, simPipeline, WITH_WORDS, WITHOUT_WORDS } from "./pipeline.ts";

export interface HeardOptions {
  seed: number;
  /** `cartesia` tells word times, `deepgram` does not. */
  voice: "cartesia" | "deepgram";
  /** One way, between the phone and us. */
  delayMs: number;
}

export interface HeardResult {
  interrupted: boolean;
  /** Words by which the history that the model was told next and the speaker differ. */
  wordsOff: number;
  /** Frames of a cleared reply that came after the clear. */
  staleFrames: number;
  offences: string[];
  /** Words of the cut reply that were played after the clear. */
  playedAfter: number;
}

/** One call whose long answer is interrupted at a seeded moment, and the question that follows. */
export async function heardExactly({ seed, voice, delayMs }: HeardOptions): Promise<HeardResult> {
  const random = seeded(seed);
  const afterMs = 60 + Math.floor(random() * 9000);
  await using sim = await simPipeline({
    seed,
    brain: (messages) => ({ text: messages.length <= 3 ? STORY : "All right." }),
    pipeline: voice === "cartesia" ? WITH_WORDS : WITHOUT_WORDS,
    voiceRateX: 1.5 + random() * 20,
    chat: { tokensPerSecond: 30 + random() * 500 },
    cartesia: { leakChunks: seed % 4 },
    lineWeather: { delayMs },
  });
  let played = "";
  let after = "";
  let cleared = false;
  const call = sim.ring({
    steps: [{ kind: "say", text: "tell me something" }, { kind: "interrupt", text: "never mind then", afterMs }, {
      kind: "wait",
      ms: 300,
    }],
    onEvent: (event) => void (cleared ||= event.kind === "cleared"),
    onSlot(_slot, _atMs, tags) {
      for (const { words } of tags) cleared ? after += words : played += words;
    },
  });
  const report = await sim.clock.runFor(call.report);
  await sim.clock.run(2000);
  const told = questions(sim).at(-1)!.findLast(({ role }) => role === "assistant")?.content ?? "";
  return {
    interrupted: cleared && noticesOf(sim.notices, "reply-interrupted").length === 1,
    wordsOff: Math.abs(count(storyOf(played)) - count(storyOf(told.replace(BROKEN_OFF, "")))),
    staleFrames: report.staleFrames ?? 0,
    offences: report.offences.map(({ code }) => code),
    playedAfter: after.split(/\s+/).filter((word) => word.length > 4 && STORY.split(" ").includes(word)).length,
  };
}

function storyOf(text: string): string {
  const at = text.indexOf("Once");
  return at < 0 ? "" : text.slice(at);
}

function count(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}
