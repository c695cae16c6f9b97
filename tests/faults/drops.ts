/** Streams that vanish without `stop`, at any moment of a call: while it talks, and while what cannot be undone is being done. */

import type { CallNotice } from "../../lib/call/notice.ts";
import { sleep } from "../../lib/base/clock.ts";
import { ok } from "../../lib/base/result.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import type { ChatBrain } from "../../lib/rehearsal/chat.ts";
import type { PhoneOptions } from "../../lib/softphone/phone.ts";
import { seeded } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { noticesOf, questions, simPipeline } from "../sim/pipeline.ts";

/** What the call is about when its line breaks. */
export type Doing = "talk" | "http" | "message" | "transfer";

const STORY =
  "Our kitchen serves dinner every evening and the terrace stays open while the weather keeps warm finished.";
const REQUEST = "please do it now";
const LAST = "hello there";
const CALLS: Record<Exclude<Doing, "talk">, { name: string; arguments: Record<string, unknown> }> = {
  http: { name: "book", arguments: { day: "monday" } },
  message: { name: "take_message", arguments: { message: "the boiler leaks", name: "Ann" } },
  transfer: { name: "transfer_call", arguments: { to: "desk" } },
};
const CONFIG = {
  silence: { promptAfterMs: 60_000 },
  tools: [
    {
      name: "book",
      description: "Book it.",
      parameters: { type: "object", properties: { day: { type: "string" } }, required: ["day"] },
      http: { url: "https://tools.test/book", method: "POST", timeoutMs: 8000 },
    },
    { name: "take_message" },
    { name: "transfer_call", to: { desk: { number: "+15550199" } } },
  ],
};
const bare = (text: string) => text.replace(/[^a-zA-Z0-9 ]/g, " ");

/** Asks for the tool once it is told to; tells what came of it. */
function brains(doing: Doing): { agent: Brain; chat: ChatBrain } {
  const wants = (said: string) => doing !== "talk" && said.includes(REQUEST) ? CALLS[doing] : undefined;
  return {
    agent({ said, history }) {
      const last = history.at(-1);
      if (last?.role === "function") return { say: `Result ${bare(last.content)} finished.` };
      const call = wants(said);
      return call ? { say: "I see to it.", call } : { say: `About ${said} ${STORY}` };
    },
    chat(messages) {
      const last = messages.at(-1);
      if (last?.role === "tool") return { text: `Result ${bare(String(last.content))} finished.` };
      const call = wants(typeof last?.content === "string" ? last.content : "");
      return call ? { text: "I see to it.", calls: [call] } : { text: STORY };
    },
  };
}

export interface Dropped {
  /** The line broke while the call was there to be broken. */
  due: boolean;
  /** From the break to the next sound, or to being put through, ms. */
  gapMs: number;
  /** How often that was done which is to be done once; undefined for a talk. */
  done: number | undefined;
  zombie: boolean;
  wrong: string[];
}

export interface DropOptions {
  seed: number;
  engine: "agent" | "pipeline";
  doing: Doing;
  /** Of a talk: from the ring on. Else from the moment the tool was asked for; it takes `takesMs`. */
  afterMs: number;
  takesMs: number;
}

/** One call whose line breaks once. */
export async function dropped({ seed, engine, doing, afterMs, takesMs }: DropOptions): Promise<Dropped> {
  let done = 0;
  let lostMs: number | undefined;
  let gapMs: number | undefined;
  let over = false;
  const brain = brains(doing);
  const work = async <T>(result: T): Promise<T> => {
    done++;
    await sleep(sim.clock, takesMs);
    return result;
  };
  const common = {
    seed,
    config: CONFIG,
    takeMessage: () => work(ok(undefined)),
    resolve: () => Promise.resolve(["93.184.216.34"]),
  };
  const world = engine === "agent" ? undefined : await simPipeline({
    ...common,
    brain: brain.chat,
    tool: () => work('{"status":"booked"}'),
  });
  await using sim = world ?? await simHouse({
    ...common,
    agent: { think: brain.agent },
    toolFetch: () => work(new Response('{"status":"booked"}')),
  });
  let sound = 0;
  const phone: Partial<PhoneOptions> = {
    steps: [
      { kind: "wait", ms: 200 },
      { kind: "say", text: REQUEST },
      { kind: "wait", ms: doing === "talk" ? 1000 : takesMs + 6000 },
      { kind: "say", text: LAST },
      { kind: "wait", ms: 1000 },
    ],
    onSlot(slot) {
      sound = slot.playedBytes > 0 ? sound + 1 : 0;
      if (lostMs !== undefined && sound >= 5) gapMs ??= sim.clock.monotonicMs() - lostMs;
    },
    onEvent(event) {
      if (event.kind === "ended") over = true;
      if (event.kind !== "verb" || !event.text.startsWith("<Dial>")) return;
      if (doing === "transfer") done++;
      if (lostMs !== undefined) gapMs ??= sim.clock.monotonicMs() - lostMs;
    },
  };
  const call = sim.ring(phone);
  const cut = () => {
    const pair = sim.phoneDial.pairs.at(-1);
    if (over || !pair || noticesOf(sim.notices, "call-ended").length > 0) return;
    lostMs = sim.clock.monotonicMs();
    sound = 0;
    pair.cut();
  };
  if (doing === "talk") sim.clock.after(afterMs, cut);
  else {
    const look = () => {
      if (noticesOf(sim.notices, "tool-call").length > 0) sim.clock.after(afterMs, cut);
      else if (!over) sim.clock.after(20, look);
    };
    look();
  }
  const report = await sim.clock.runFor(call.report, 180_000);
  const endedMs = sim.clock.monotonicMs();
  await sim.clock.run(60_000);

  const wrong: string[] = [];
  const expect = (holds: boolean, what: string) => holds || wrong.push(what);
  const [record] = sim.records();
  const heard = report.turns.map((turn) => turn.heard ?? "").join(" ");
  expect(sim.records().length === 1, `${sim.records().length} records`);
  if (lostMs !== undefined && doing !== "transfer") {
    const resumed = noticesOf(sim.notices, "call-resumed").length;
    expect(resumed === 1, `came back ${resumed} times`);
    expect(report.endedBy === "caller", `ended by ${report.endedBy}`);
    expect(endedMs > lostMs && /finished/.test(heard), "nothing was answered");
    if (told(sim.notices)) expect(remembers(), "it does not remember");
    if (doing === "http") expect(/booked/.test(heard), `the result was not told: ${heard}`);
    if (doing === "message") {
      expect(/handed over/.test(heard), `the result was not told: ${heard}`);
      const delivered = record?.messages.map((message) => message.delivered).join();
      expect(delivered === "true", `the record has messages [${delivered}]`);
    }
  }
  return {
    due: lostMs !== undefined,
    gapMs: gapMs ?? 0,
    done: doing === "talk" ? undefined : done,
    zombie: sim.house.reception.active > 0 || sim.clock.pending > 0,
    wrong,
  };

  /** Whether the engine that came last knows what the caller said first. */
  function remembers(): boolean {
    const known = world
      ? questions(world).at(-1)!.map(({ content }) => content).join(" ")
      : sim.agent.sessions.at(-1)!.mind.history.map(({ content }) => content).join(" ");
    return known.includes(REQUEST);
  }
}

/** Whether the caller's first words had been understood when the line broke. */
function told(notices: readonly CallNotice[]): boolean {
  const understood = noticesOf(notices, "caller-text").find(({ text, final }) => final && text.includes(REQUEST));
  const back = noticesOf(notices, "call-resumed")[0];
  return understood !== undefined && back !== undefined && understood.atMs < back.atMs;
}

const DOINGS: readonly Doing[] = ["talk", "talk", "http", "message", "transfer"];

/** `count` seeded breaks, three in five of them around something that must happen once. */
export async function drops(count: number, from = 1) {
  const figures = {
    runs: count,
    due: 0,
    back: 0,
    withTools: 0,
    onceExactly: 0,
    longestGapMs: 0,
    zombies: 0,
    bad: [] as string[],
  };
  for (let seed = from; seed < from + count; seed++) {
    const random = seeded(seed * 31);
    const doing = DOINGS[Math.floor(random() * DOINGS.length)]!;
    const takesMs = doing === "transfer" ? 0 : 100 + random() * 2500;
    const afterMs = doing === "talk" ? 200 + random() * 12_000 : random() * (takesMs + 1500);
    const engine = seed % 2 === 0 ? "agent" : "pipeline";
    const { due, gapMs, done, zombie, wrong } = await dropped({ seed, engine, doing, afterMs, takesMs });
    if (due) figures.due++;
    if (due && wrong.length === 0) figures.back++;
    if (done !== undefined) figures.withTools++;
    if (done === 1) figures.onceExactly++;
    if (done !== undefined && done !== 1) wrong.push(`done ${done} times`);
    if (zombie) figures.zombies++;
    figures.longestGapMs = Math.max(figures.longestGapMs, Math.round(gapMs));
    if (wrong.length > 0) {
      figures.bad.push(`seed ${seed} ${engine} ${doing} after ${Math.round(afterMs)}: ${wrong.join("; ")}`);
    }
  }
  return { ...figures, bad: figures.bad.slice(0, 20) };
}
