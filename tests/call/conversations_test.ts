/** Seeded conversations that mix what single tests keep apart, on both engines: what no caller may ever live through. */

import assert from "node:assert/strict";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import type { ChatBrain } from "../../lib/rehearsal/chat.ts";
import { plainText } from "../../lib/rehearsal/chat_request.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { seedCount, seeded, test } from "../case.ts";
import { listeningDial } from "../faults/lab.ts";
import { simHouse, STORY } from "../sim/house.ts";
import { noticesOf, simPipeline } from "../sim/pipeline.ts";

const LOOK = { name: "look", description: "Looks.", parameters: { type: "object", properties: {} } };
const ROUTES = [
  { name: "price", utterances: ["how much is it", "what is the price"], text: "Ninety dollars finished." },
  { name: "off", utterances: ["take me off your list"], text: "You are off the list finished.", then: "hangup" },
  {
    name: "pain",
    utterances: ["i have chest pain"],
    text: "Dial nine one one right now finished.",
    interruptible: false,
  },
];
/** The longest planned wait, and what a recogniser takes to tell the end of a turn. */
const SILENCE_MS = 2700;
/** A model that ends the call without a word is given this time to say some after all. */
const LAST_WORDS_MS = 1500;
const OVER = /finished\.|clinic\.|Goodbye\.|still there\?/;

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!;

/** What a model makes of the caller's words: each question has a name of its own, which its answer repeats. */
function thoughtOf(said: string, result: string | undefined): { say?: string; call?: string; fails?: true } {
  const about = said.match(/\bzeb\d+/g)?.join(" ") ?? "that";
  if (result !== undefined) return /ends/.test(result) ? {} : { say: `Concerning ${about} it is all finished.` };
  if (said.includes("story")) return { say: `Concerning ${about} ${STORY} finished.` };
  if (said.includes("look")) return { ...(said.includes("please") ? { say: "Let me see." } : {}), call: "look" };
  if (said.includes("bye")) {
    return { ...(said.includes("please") ? { say: "So long finished." } : {}), call: "end_call" };
  }
  if (said.includes("nothing")) return { fails: true };
  return { say: `Concerning ${about} it is all finished.` };
}

function agentBrain(random: Random): Brain {
  return ({ said, history }) => {
    const last = history.at(-1);
    const { say, call } = thoughtOf(said, last?.role === "function" ? last.content : undefined);
    const thinkMs = pick(random, [200, 400, 1200]);
    return { thinkMs, ...(say ? { say } : {}), ...(call ? { call: { name: call, arguments: {} } } : {}) };
  };
}

function chatBrain(): ChatBrain {
  const failed = new Set<string>();
  return (messages) => {
    const last = messages.at(-1)!;
    const said = plainText(messages.findLast(({ role }) => role === "user")?.content);
    const { say, call, fails } = thoughtOf(said, last.role === "tool" ? plainText(last.content) : undefined);
    if (fails && failed.has(said)) return { text: "Concerning that it is all finished." };
    failed.add(said);
    return { ...(say ? { text: say } : {}), ...(call ? { calls: [{ name: call, arguments: {} }] } : {}) };
  };
}

const hush = (ms: number): Step => ({ kind: "wav", name: "hush", audio: new Uint8Array(ms * 8).fill(0xFF), now: true });

function stepsOf(random: Random): Step[] {
  let questions = 0;
  const question = () => {
    const kind = pick(random, ["plain", "story", "story", "look", "look please", "nothing", "price", "pain", "rare"]);
    if (kind === "price") return "how much is it";
    if (kind === "pain") return "i have chest pain";
    if (kind === "rare") return pick(random, ["bye now", "bye please", "take me off your list"]);
    return `now ${kind} about zeb${++questions}`;
  };
  const steps = Array.from({ length: 4 + Math.floor(random() * 4) }, (): Step[] => {
    const pause = hush(pick(random, [100, 300, 900, 2000, 4500]));
    switch (
      pick(random, ["asks", "asks", "at any time", "at any time", "in two parts", "acknowledges", "stops", "keys"])
    ) {
      case "asks":
        return [{ kind: "say", text: question() }];
      case "at any time":
        return [pause, { kind: "say", text: question(), now: true }];
      case "in two parts":
        return [{ kind: "say", text: "well let me see" }, pause, { kind: "say", text: question(), now: true }];
      case "acknowledges":
        return [pause, { kind: "say", text: pick(random, ["mhm", "okay"]), now: true }];
      case "stops":
        return [pause, { kind: "say", text: "stop", now: true }];
      default:
        return [pause, { kind: "dtmf", keys: pick(random, ["1", "42", "12#"]), now: true }, hush(3500)];
    }
  });
  return [...steps.flat(), { kind: "say", text: `now plain about zeb${++questions}` }, hush(9000)];
}

async function converse(engine: "agent" | "pipeline", seed: number): Promise<string[]> {
  const random = seeded(seed);
  const toolMs = pick(random, [100, 900, 3900]);
  const config = {
    greeting: "Welcome to the clinic.",
    routes: ROUTES,
    tools: [{
      ...LOOK,
      http: { url: "https://tools.test/look" },
      ...(random() < 0.4 ? { whileWaiting: "One second please." } : {}),
    }, { name: "end_call" }],
  };
  const lineWeather = { delayMs: pick(random, [0, 40, 80]) };
  const looked = (resolve: (text: string) => void) => void sim.clock.after(toolMs, () => resolve("nine"));
  await using sim = engine === "agent"
    ? await simHouse({
      ...{ seed, config, lineWeather, resolve: () => Promise.resolve(["93.184.216.34"]) },
      agent: { think: agentBrain(random), rateX: pick(random, [2, 5, 20]), confirmMs: pick(random, [50, 200]) },
      toolFetch: () => new Promise<string>(looked).then((text) => new Response(text)),
    })
    : await simPipeline({
      ...{ seed, config, lineWeather, brain: chatBrain(), voiceRateX: pick(random, [1.3, 3, 8]) },
      chat: { firstTokenMs: pick(random, [200, 600, 1500]) },
      tool: () => new Promise<string>(looked),
    });
  const wrong: string[] = [];
  const now = () => sim.clock.monotonicMs();
  let next = "";
  let saying = "";
  let speaking = false;
  let awaited = "";
  let sinceMs = 0;
  let heard = "";
  const call = sim.ring({
    steps: (function* () {
      for (const step of stepsOf(random)) {
        if (step.kind === "say") next = step.text;
        yield step;
      }
    })(),
    dial: listeningDial(sim.phoneDial, {
      now,
      begins: () => void ([speaking, saying] = [true, next]),
      ended(atMs) {
        speaking = false;
        sinceMs = atMs;
        if (saying === "stop") awaited = "";
        else if (!/^(mhm|okay)$/.test(saying)) [awaited, heard] = [saying, ""];
      },
    }),
    onSlot(slot, _atMs, tags) {
      heard += tags.map(({ words }) => words).join("");
      if (slot.playedBytes > 0 || speaking) sinceMs = now();
      if (OVER.test(heard)) awaited = "";
      if (awaited === "" || now() - sinceMs <= (/^bye/.test(awaited) ? SILENCE_MS + LAST_WORDS_MS : SILENCE_MS)) return;
      wrong.push(`silence after "${awaited}"`);
      awaited = "";
    },
  });
  const report = await sim.clock.runFor(call.report, 200_000);
  await sim.clock.run(60_000);
  const [record, ...more] = sim.records();
  if (more.length > 0 || record?.endReason === undefined) wrong.push("no record, or more than one");
  if (sim.clock.pending > 0 || sim.house.reception.active > 0) wrong.push("something is left behind");
  if (report.offences.length > 0 || report.staleFrames) {
    wrong.push(JSON.stringify([report.offences, report.staleFrames]));
  }
  const said = record!.transcript.filter(({ who, source, heardMs = 0 }) =>
    who === "agent" && source === "engine" && heardMs > 400
  );
  for (const name of new Set(said.flatMap(({ text }) => text.match(/zeb\d+/g) ?? []))) {
    const answers = said.filter(({ text }) => text.split(" ").includes(name)).length;
    if (answers > 1) wrong.push(`${answers} answers to ${name}`);
  }
  const closing = sim.notices.findIndex((notice) => notice.kind === "state" && notice.to === "closing");
  const after = closing < 0 ? [] : noticesOf(sim.notices.slice(closing), "reply-text").map(({ text }) => text);
  if (after.some((text) => /Concerning|One second|Let me see/.test(text))) {
    wrong.push(`after the goodbye: ${after.join(" ")}`);
  }
  if (
    report.endedBy === "server" &&
    !/(finished|Goodbye|on our side)\.\s*$/.test(report.turns.map(({ heard }) => heard).join(" "))
  ) {
    wrong.push("no goodbye");
  }
  return wrong.map((what) => `${engine}, seed ${seed}: ${what}`);
}

for (const engine of ["agent", "pipeline"] as const) {
  test(`200 seeded conversations (a fifth of them here) on the ${engine}: no silence, one answer, nothing after the goodbye`, async () => {
    const wrong: string[] = [];
    for (let seed = 1; seed <= seedCount(200); seed++) wrong.push(...await converse(engine, seed));
    assert.deepEqual(wrong, []);
  });
}
