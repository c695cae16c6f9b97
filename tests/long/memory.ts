/**
 * 2,000 seeded interruptions: how exactly the history holds what the caller's speaker played. Not part of the test suite:
 * `deno run --allow-all tests/long/memory.ts [SEEDS]`. Exit 1 if the figures at 0 ms are missed.
 */

import { heardExactly } from "../sim/heard.ts";

const SEEDS = Number(Deno.args[0] ?? 2000) / 4;
/** Words it may be off by, in which share of the calls; promised at 0 ms. */
const VOICES = [["cartesia", 1, 0.99], ["deepgram", 2, 0.95]] as const;

let missed = false;
for (const delayMs of [0, 40]) {
  for (const [voice, words, share] of VOICES) {
    const off: number[] = [];
    const wrong: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { interrupted, wordsOff, staleFrames, offences, playedAfter } = await heardExactly({
        seed,
        voice,
        delayMs,
      });
      if (interrupted) off.push(wordsOff);
      if (staleFrames + offences.length > 0 || (delayMs === 0 && playedAfter > 0)) wrong.push(`seed ${seed}`);
    }
    const within = (count: number) => off.filter((one) => one <= count).length / off.length;
    const shares = [0, 1, 2].map((count) => `${count}: ${(100 * within(count)).toFixed(1)} %`).join(", ");
    console.log(
      `${voice}, ${delayMs} ms: ${off.length} interruptions, words off at most ${shares}, worst ${Math.max(...off)}; ` +
        `stale or offending: ${wrong.length === 0 ? "none" : wrong.join(", ")}`,
    );
    missed ||= wrong.length > 0 || (delayMs === 0 && within(words) < share);
  }
}
Deno.exit(missed ? 1 : 0);
