/** The fault laboratory: one call in virtual time, one fault in one phase of it, and what the caller's phone makes of it. */

import { loudnessDbfs } from "../../lib/audio/mulaw.ts";
import type { CallRecord } from "../../lib/call/notice.ts";
import type { ChatBrain } from "../../lib/rehearsal/chat.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import type { PhoneOptions } from "../../lib/softphone/phone.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { type SimHouse, simHouse, type SimOptions } from "../sim/house.ts";
import { type SimPipeline, simPipeline, type SimPipelineOptions } from "../sim/pipeline.ts";
import type { WirePair } from "../sim/wire.ts";

/** Where the fault lies. */
export type Edge =
  | "agent"
  | "listen"
  | "flux"
  | "chat"
  | "speak"
  | "cartesia"
  | "line"
  | "webhook";

/** When in the call it shows. `opening`: from the first moment on. */
export type Phase =
  | "opening"
  | "greeting"
  | "listening"
  | "mid-utterance"
  | "thinking"
  | "first word"
  | "mid-reply"
  | "after the reply"
  | "closing";

/** How the call is to come out of it. `ended`: it was ending anyway, and did. */
export type Outcome = "goes on" | "apology" | "transferred" | "reconnected" | "ended";

/** A call that a fault happens to. */
export interface World {
  sim: SimHouse & Partial<Pick<SimPipeline, "dials" | "cartesia">>;
  callSid: () => string;
  line: () => WirePair;
}

export interface Fault {
  name: string;
  edge: Edge;
  phase: Phase;
  engine: "agent" | "pipeline";
  expected: Outcome;
  /** Scripted before the call. */
  agent?: SimOptions["agent"];
  agentWeather?: SimOptions["agentWeather"];
  pipeline?: Partial<SimPipelineOptions>;
  config?: Record<string, unknown>;
  phone?: Partial<PhoneOptions>;
  /** Done when the call has come to its phase. */
  act?: (world: World) => void;
  /** What the phone may blame on us in such a call. */
  tolerates?: readonly string[];
}

export interface Verdict {
  fault: Fault;
  outcome: Outcome | string;
  /** The longest time the caller waited, silent, for 100 ms of sound, ms. */
  silenceMs: number;
  /** What else is wrong; empty if nothing. */
  wrong: string[];
  record: CallRecord | undefined;
  heard: string;
}

export const CEILING_MS = 2500;
/** Ends of what we have to say: then it is the caller's turn. */
const OVER = /finished\.|clinic( today)?\.|Goodbye\.|on our side\.|go on\.|still there\?/;
const FILLERS = /One moment\.|Let me check\./g;
export const APOLOGY = /something went wrong on our side/;
const QUESTIONS = ["and another thing", "hello there"];

const answerTo = (said: string) => `Concerning ${said} there is plenty to tell everybody until finished.`;
const agentBrain: Brain = ({ said }) => ({ say: answerTo(said) });
export const chatBrain: ChatBrain = (messages) => {
  const said = messages.findLast(({ role }) => role === "user")?.content;
  return { text: answerTo(typeof said === "string" ? said.split(" ").slice(-3).join(" ") : "") };
};

/** Watches the phone: who is owed a sound, and since when. */
export class Waiting {
  longestMs = 0;
  heard = "";
  #owed = false;
  #sinceMs = 0;
  #run = 0;
  #text = "";
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(sinceMs = this.#now()): void {
    this.#owed = true;
    this.#sinceMs = sinceMs;
    this.#text = "";
    this.#run = 0;
  }

  end(): void {
    this.#owed = false;
  }

  slot(played: boolean, words: string): void {
    this.heard += words;
    this.#text += words;
    this.#run = played ? this.#run + 1 : 0;
    if (this.#run >= 5) this.#sinceMs = this.#now();
    if (!this.#owed) return;
    this.longestMs = Math.max(this.longestMs, this.#now() - this.#sinceMs);
    const said = this.#text.replace(FILLERS, "").trim();
    if (OVER.test(said)) this.#owed = false;
  }
}

/** Fires each phase once, as the phone shows that the call is in it. */
class Phases {
  readonly #world: World;
  readonly #fault: Fault;
  #over = false;
  #turn = 0;
  #played = 0;

  constructor(world: World, fault: Fault) {
    this.#world = world;
    this.#fault = fault;
  }

  slot(played: boolean): void {
    if (!played) return;
    this.#played++;
    const { phase } = this.#fault;
    if (this.#turn === 0 && this.#played === 15) this.#reach("greeting");
    if (this.#turn === 1 && this.#played === 5) this.#reach("first word");
    if (this.#turn === 1 && this.#played === 50) this.#reach("mid-reply");
    if (phase === "closing" && this.#turn === 9 && this.#played === 15) this.#reach("closing");
  }

  fellSilent(): void {
    const { sim } = this.#world;
    if (this.#turn === 0) this.#after(200, "listening");
    if (this.#turn !== 1) return;
    this.#after(300, "after the reply");
    if (this.#fault.phase !== "closing") return;
    this.#turn = 9;
    this.#played = 0;
    sim.house.reception.drain(0).catch(reportError);
  }

  speaks(): void {
    this.#after(500, "mid-utterance");
  }

  said(): void {
    this.#turn++;
    this.#played = 0;
  }

  fellSilentCaller(): void {
    if (this.#turn === 1) this.#after(600 - HUSH_MS, "thinking");
  }

  #after(ms: number, phase: Phase): void {
    if (phase === this.#fault.phase && !this.#over) this.#world.sim.clock.after(ms, () => this.#reach(phase));
  }

  #reach(phase: Phase): void {
    if (phase !== this.#fault.phase || this.#over) return;
    this.#over = true;
    this.#fault.act?.(this.#world);
  }
}

const STEPS: Step[] = [
  { kind: "wait", ms: 500 },
  { kind: "say", text: QUESTIONS[0]! },
  { kind: "wait", ms: 3500 },
  { kind: "say", text: QUESTIONS[1]! },
  { kind: "wait", ms: 1500 },
];

const TRANSFER = {
  fallback: { transferTo: "desk" },
  tools: [{ name: "transfer_call", to: { desk: { number: "+15550199" } } }],
};
export const WITH_TRANSFER: Record<string, unknown> = TRANSFER;

async function open(fault: Fault): Promise<World["sim"]> {
  const lines = { silence: { promptAfterMs: 60_000 }, ...fault.config };
  if (fault.engine === "pipeline") {
    return await simPipeline({ brain: chatBrain, ...fault.pipeline, config: { ...lines, ...fault.pipeline?.config } });
  }
  return await simHouse({
    config: lines,
    agent: { think: agentBrain, ...fault.agent },
    ...(fault.agentWeather ? { agentWeather: fault.agentWeather } : {}),
  });
}

/** One call with `fault`. */
export async function tryFault(fault: Fault): Promise<Verdict> {
  await using sim = await open(fault);
  const { clock } = sim;
  const waiting = new Waiting(() => clock.monotonicMs());
  const world: World = { sim, callSid: () => call.callSid, line: () => sim.phoneDial.pairs.at(-1)! };
  const phases = new Phases(world, fault);
  let streams = 0;
  let dialled = false;
  const call = sim.ring({
    steps: STEPS,
    dial: listeningDial(sim.phoneDial, {
      now: () => clock.monotonicMs(),
      begins() {
        waiting.end();
        phases.speaks();
      },
      ended(atMs) {
        waiting.begin(atMs);
        phases.fellSilentCaller();
      },
    }),
    ...fault.phone,
    onSlot(slot, _atMs, tags) {
      waiting.slot(slot.playedBytes > 0, tags.map(({ words }) => words).join(""));
      phases.slot(slot.playedBytes > 0);
    },
    onEvent(event) {
      if (event.kind === "verb") dialled ||= event.text.startsWith("<Dial>");
      if (event.kind === "connected" && ++streams >= 1) waiting.begin();
      if (event.kind === "agent") phases.fellSilent();
      if (event.kind === "said") phases.said();
    },
  });
  const report = await clock.runFor(call.report, 180_000);
  await clock.run(200_000);
  const records = sim.records();
  const wrong: string[] = [];
  const { reception } = sim.house;
  if (reception.active !== 0) wrong.push(`${reception.active} calls are live`);
  if (clock.pending !== 0) wrong.push(`${clock.pending} timers are left`);
  if (records.length !== 1) wrong.push(`${records.length} records`);
  for (const { code } of report.offences) if (!fault.tolerates?.includes(code)) wrong.push(`offence ${code}`);
  const answered = report.turns.filter(({ said, heard }) => QUESTIONS.includes(said) && /finished\./.test(heard ?? ""));
  const lastAnswered = answered.some(({ said }) => said === QUESTIONS[1]);
  const outcome: Outcome | string = dialled
    ? "transferred"
    : report.endedBy === "server" && APOLOGY.test(waiting.heard)
    ? "apology"
    : fault.phase === "closing" && report.endedBy === "server"
    ? "ended"
    : report.endedBy === "caller" && lastAnswered
    ? streams > 1 ? "reconnected" : "goes on"
    : `ended by ${report.endedBy}, ${answered.length} of 2 answered`;
  if (outcome !== fault.expected) wrong.push(`expected: ${fault.expected}`);
  if (waiting.longestMs > CEILING_MS) wrong.push(`silent for ${Math.round(waiting.longestMs)} ms`);
  return {
    fault,
    outcome,
    silenceMs: Math.round(waiting.longestMs),
    wrong,
    record: records[0],
    heard: waiting.heard,
  };
}

/** Silence that ends what the caller says, ms. */
const HUSH_MS = 300;

export interface CallerEar {
  now: () => number;
  begins: () => void;
  /** `atMs`: of the last sound. */
  ended: (atMs: number) => void;
}

/** `dial`, with an ear on what the caller sends. */
export function listeningDial(dial: PhoneOptions["dial"], ear: CallerEar): PhoneOptions["dial"] {
  let speaking = false;
  let soundMs = 0;
  return async (request, signal) => {
    const dialled = await dial(request, signal);
    if (!dialled.ok) return dialled;
    const wire = dialled.value;
    const send = wire.send.bind(wire);
    wire.send = (data) => {
      const payload = typeof data === "string" ? /"payload":"([^"]+)"/.exec(data)?.[1] : undefined;
      if (payload !== undefined) {
        const nowMs = ear.now();
        const isSilent = loudnessDbfs(Uint8Array.fromBase64(payload)) < -50;
        if (!isSilent) {
          soundMs = nowMs;
          if (!speaking) ear.begins();
          speaking = true;
        } else if (speaking && nowMs - soundMs >= HUSH_MS) {
          speaking = false;
          ear.ended(soundMs);
        }
      }
      send(data);
    };
    return dialled;
  };
}
