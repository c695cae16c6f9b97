/** Seeded runs: one kind of fault at many moments, and many faults at once. */

import { seeded } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { noticesOf, type SimPipeline, simPipeline, WITH_WORDS, WITHOUT_WORDS } from "../sim/pipeline.ts";
import { chatBrain, listeningDial } from "./lab.ts";

const WORDS =
  "I would like to book the large corner table for seven people on Thursday evening around half past eight because my brother comes home"
    .split(" ");
const STORY =
  "Our kitchen serves dinner every evening from six until eleven and the terrace stays open while the weather keeps warm enough for everybody to enjoy it finished.";
const QUIET = { silence: { promptAfterMs: 60_000 } };

const bare = (text: string) => text.toLowerCase().replace(/[^a-z' ]/g, "").split(" ").filter(Boolean);

/** The recogniser's socket is cut while the caller speaks. */
export async function sttKills(count: number) {
  let words = 0;
  let wrongWords = 0;
  let longestSwitchMs = 0;
  let unanswered = 0;
  for (let seed = 1; seed <= count; seed++) {
    const random = seeded(seed);
    const isFlux = seed % 2 === 0;
    const from = Math.floor(random() * 6);
    const said = WORDS.slice(from, from + 5 + Math.floor(random() * 12));
    const atMs = 100 + random() * said.join(" ").length * 60;
    await using sim = await simPipeline({
      seed,
      brain: chatBrain,
      config: QUIET,
      pipeline: isFlux ? { listen: { provider: { type: "deepgram", model: "flux-general-en" } } } : {},
    });
    const dial = sim.dials[isFlux ? "deepgram-flux" : "deepgram-listen"];
    let cutMs = Infinity;
    let armed = false;
    const call = sim.ring({
      steps: [{ kind: "wait", ms: 300 }, { kind: "say", text: said.join(" ") }, { kind: "wait", ms: 2000 }],
      dial: listeningDial(sim.phoneDial, {
        now: () => sim.clock.monotonicMs(),
        begins() {
          if (armed) return;
          armed = true;
          sim.clock.after(atMs, () => {
            cutMs = sim.clock.monotonicMs();
            const sockets = dial.pairs.length;
            dial.pairs.at(-1)!.cut();
            const look = () => {
              const others = sim.dials["deepgram-flux"].pairs.length + sim.dials["deepgram-listen"].pairs.length;
              if (others > sockets) longestSwitchMs = Math.max(longestSwitchMs, sim.clock.monotonicMs() - cutMs);
              else sim.clock.after(20, look);
            };
            sim.clock.after(1, look);
          });
        },
        ended() {},
      }),
    });
    await sim.clock.runFor(call.report, 120_000);
    await sim.clock.run(20_000);
    const heard = bare(
      noticesOf(sim.notices, "caller-text").filter(({ final }) => final).map(({ text }) => text).join(" "),
    );
    const meant = bare(said.join(" "));
    words += meant.length;
    wrongWords += difference(meant, heard);
    if (heard.length === 0) unanswered++;
  }
  return { words, wrongWords, percent: 100 * wrongWords / words, longestSwitchMs, unanswered };
}

/** The voice's socket is cut, or stalls, in mid-sentence. */
export async function ttsKills(count: number, kind: "cartesia" | "deepgram", from = 1) {
  const bad: string[] = [];
  let exact = 0;
  let off = 0;
  let words = 0;
  let killed = 0;
  for (let seed = from; seed < from + count; seed++) {
    const random = seeded(seed);
    await using sim = await simPipeline({
      seed,
      brain: () => ({ text: STORY }),
      config: QUIET,
      pipeline: kind === "cartesia" ? WITH_WORDS : WITHOUT_WORDS,
      voiceRateX: 1.2 + random() * 6,
    });
    const afterMs = 300 + random() * 4000;
    const stalls = random() < 0.3;
    let turn = 0;
    let playedMs = 0;
    let heard = "";
    let done = false;
    const call = sim.ring({
      steps: [{ kind: "wait", ms: 300 }, { kind: "say", text: "tell me about dinner" }, { kind: "wait", ms: 3000 }],
      onEvent: (event) => void (turn += event.kind === "said" ? 1 : 0),
      onSlot(slot, _atMs, tags) {
        if (turn === 0) return;
        heard += tags.map(({ words }) => words).join("");
        playedMs += slot.playedBytes / 8;
        if (done || playedMs < afterMs) return;
        done = true;
        const pair = sim.dials[kind === "cartesia" ? "cartesia" : "deepgram-speak"].pairs.at(-1);
        if (noticesOf(sim.notices, "reply-finished").length < 2) killed++;
        stalls ? pair?.client.stall() : pair?.cut();
      },
    });
    await sim.clock.runFor(call.report, 120_000);
    await sim.clock.run(20_000);
    const meant = bare(STORY);
    const wrong = difference(meant, bare(heard));
    words += meant.length;
    off += wrong;
    if (wrong === 0) exact++;
    else bad.push(`seed ${seed}${stalls ? ", stalled" : ""}: ${heard}`);
  }
  return { runs: count, killed, exact, words, off, bad: bad.slice(0, 5) };
}

/** Any vendor, any socket, any time: cut, stalled, refused. */
export async function schedules(count: number, from = 1) {
  const bad: string[] = [];
  const ends = new Map<string, number>();
  for (let seed = from; seed < from + count; seed++) {
    const random = seeded(seed * 7919);
    const isAgent = seed % 2 === 0;
    const refusing = () => random() < 0.15 ? { refuse: [401, 402, 429, 500, 503][Math.floor(random() * 5)]! } : {};
    await using sim = isAgent
      ? await simHouse({
        seed,
        config: QUIET,
        agent: { faults: () => refusing(), think: ({ said }) => ({ say: `About ${said} ${STORY}` }) },
      })
      : await simPipeline({
        seed,
        config: QUIET,
        brain: () => ({ text: STORY }),
        listen: { faults: refusing },
        flux: { faults: refusing },
        speak: { faults: refusing },
        cartesia: {
          closeMidway: Math.floor(random() * 3),
          stallMidway: Math.floor(random() * 2),
          stall: Math.floor(random() * 2),
        },
        pipeline: {
          think: ["e503", "reset", "openai/gpt-oss-20b"].filter(() => random() < 0.7).concat("openai/gpt-oss-20b").map((
            model,
          ) => ({ provider: { type: "groq", model } })),
        },
      });
    const pairs = () => {
      const { dials: vendors } = sim as Partial<Pick<SimPipeline, "dials">>;
      const dials = vendors ? Object.values(vendors) : [sim.agentDial];
      return [...dials, sim.phoneDial].flatMap((dial) => dial.pairs);
    };
    for (let faults = 1 + Math.floor(random() * 5); faults > 0; faults--) {
      sim.clock.after(random() * 20_000, () => {
        const all = pairs();
        const pair = all[Math.floor(random() * all.length)];
        if (!pair) return;
        if (random() < 0.6) pair.cut();
        else {
          pair.client.stall();
          // A vendor may fall silent for good; a carrier's socket that takes nothing more is closed by its system.
          const isLine = sim.phoneDial.pairs.includes(pair);
          if (isLine || random() < 0.5) sim.clock.after(random() * 4000, () => pair.client.flow());
        }
      });
    }
    const call = sim.ring({
      steps: [{ kind: "say", text: "and another thing" }, { kind: "say", text: "hello there" }, {
        kind: "wait",
        ms: 500,
      }],
    });
    const name = `seed ${seed} ${isAgent ? "agent" : "pipeline"}`;
    try {
      await sim.clock.runFor(call.report, 180_000);
      await sim.clock.run(210_000);
      const open = sim.records().filter(({ endReason }) => endReason === undefined);
      if (sim.records().length === 0 || open.length > 0) {
        bad.push(`${name}: ${open.length} open records of ${sim.records().length}`);
      }
      if (sim.clock.pending > 0) bad.push(`${name}: ${sim.clock.pending} timers are left`);
      if (sim.house.reception.active > 0) bad.push(`${name}: a call is still live`);
      for (const { endReason } of sim.records()) ends.set(String(endReason), (ends.get(String(endReason)) ?? 0) + 1);
    } catch (error) {
      bad.push(`${name}: ${error}`);
    }
  }
  return { runs: count, ends: Object.fromEntries(ends), bad };
}

/** Words that are missing, doubled, or in another place: the edit distance. */
function difference(meant: readonly string[], heard: readonly string[]): number {
  let row = Array.from({ length: heard.length + 1 }, (_, n) => n);
  for (const [i, word] of meant.entries()) {
    const next = [i + 1];
    for (const [j, other] of heard.entries()) {
      next.push(Math.min(row[j]! + (word === other ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
