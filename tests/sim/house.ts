/** A whole house in virtual time: our program, the Voice Agent stand-in behind it and softphones before it. */

import { createApp } from "../../lib/app.ts";
import type { Voice } from "../../lib/audio/voice.ts";
import { type CallNotice, type CallRecord, RecordFold } from "../../lib/call/notice.ts";
import { type Config, describeNotes, parseConfig } from "../../lib/config.ts";
import type { Dial } from "../../lib/base/dial.ts";
import { buildHouse, type House, type HouseParts } from "../../lib/house.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import { frontDeskBrain } from "../../lib/rehearsal/brain.ts";
import { type AgentOptions, type AgentStandIn, agentStandIn } from "../../lib/rehearsal/deepgram_agent.ts";
import { type PhoneOptions, ringUp } from "../../lib/softphone/phone.ts";
import { seeded } from "../case.ts";
import { VirtualClock } from "./clock.ts";
import { simDial } from "./dial.ts";
import { toneVoice } from "./tone_voice.ts";
import type { Weather } from "./wire.ts";

/** Every word lasts at least 240 ms in the voice of tones: longer than what a resumed reply repeats. */
export const STORY =
  "Once upon some time there stood another telephone that nobody answered quickly enough until someone finally " +
  "taught every visitor around there about patience while counting slowly towards seventeen without stopping anywhere";

/** Answers everything with one long story of words that take at least a quarter of a second each. */
export const storyBrain: Brain = () => ({ say: STORY, thinkMs: 200 });

export interface SimOptions {
  seed?: number;
  /** What config.json holds. */
  config?: Record<string, unknown>;
  env?: Record<string, string>;
  agent?: Partial<AgentOptions>;
  /** Between phone and us, and between us and the agent. */
  lineWeather?: Weather;
  agentWeather?: Weather & { openMs?: number };
  recordings?: Record<string, Uint8Array>;
  /** Speaks our prepared lines, instead of the voice of tones. */
  lineVoice?: Voice;
  /** Other vendors besides the agent. */
  dial?: (clock: VirtualClock, random: () => number, agentDial: Dial) => Dial;
  toolFetch?: (request: Request) => Promise<Response>;
  resolve?: (host: string) => Promise<string[]>;
  takeMessage?: HouseParts["takeMessage"];
  record?: (clock: VirtualClock) => NonNullable<HouseParts["record"]>;
  /** Looks whether a call that we ended is over at the carrier. */
  confirmEnded?: NonNullable<HouseParts["confirmEnded"]>;
  /** What the carrier says of a call, asked over REST. */
  carrierStatus?: (clock: VirtualClock) => NonNullable<HouseParts["carrierStatus"]>;
}

export interface SimHouse extends AsyncDisposable {
  clock: VirtualClock;
  house: House;
  config: Config;
  agent: AgentStandIn;
  agentDial: ReturnType<typeof simDial>;
  phoneDial: ReturnType<typeof simDial>;
  fetch: (request: Request) => Promise<Response>;
  notices: CallNotice[];
  refusals: string[];
  random: () => number;
  /** The records of all calls so far, by our id. */
  records: () => CallRecord[];
  /** Another config.json, for the calls that come from now on. */
  edit: (file: Record<string, unknown>) => Promise<void>;
  /** Ring us. Time passes only when the clock is run. */
  ring: (options: Partial<PhoneOptions>) => ReturnType<typeof ringUp>;
}

export async function simHouse(options: SimOptions = {}): Promise<SimHouse> {
  const { seed = 1, config: file = {}, env = {}, agent: agentOptions = {}, recordings = {} } = options;
  const clock = new VirtualClock();
  const random = seeded(seed);
  const voice = toneVoice();
  const read = (file: Record<string, unknown>): Config => {
    const parsed = parseConfig({
      text: JSON.stringify({ prompt: "You answer the phone.", greeting: "Welcome to the clinic today.", ...file }),
      file: "config.json",
      env,
      readAsset: () => undefined,
    });
    if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
    return parsed.value.config;
  };
  const config = read(file);
  let current = config;
  const agent = agentStandIn({
    clock,
    random,
    voice,
    think: frontDeskBrain({ name: "the clinic", routes: [] }),
    ...agentOptions,
  });
  const agentDial = simDial(clock, agent.answer, options.agentWeather);
  const notices: CallNotice[] = [];
  const refusals: string[] = [];
  const randomHex = (bytes: number) =>
    Array.from({ length: bytes }, () => Math.floor(random() * 256).toString(16).padStart(2, "0")).join("");
  const house = buildHouse({
    clock,
    version: "0.0.0",
    dial: options.dial?.(clock, random, agentDial) ?? agentDial,
    fetch: options.toolFetch ?? (() => Promise.reject(new TypeError("no network here"))),
    resolve: options.resolve ?? (() => Promise.resolve([])),
    takeMessage: options.takeMessage ?? (() => Promise.resolve({ ok: true, value: undefined })),
    ...(options.confirmEnded ? { confirmEnded: options.confirmEnded } : {}),
    ...(options.carrierStatus ? { carrierStatus: options.carrierStatus(clock) } : {}),
    ...(options.record ? { record: options.record(clock) } : {}),
    config: () => current,
    voice: options.lineVoice ?? voice,
    randomHex,
    readRecording: (name) => recordings[name],
    observe: (notice) => notices.push(notice),
    refused: (reason) => refusals.push(reason),
    unclaimed: (callSid) => refusals.push(`unclaimed ${callSid}`),
  });
  const prepare = async () => {
    await house.loadPrompts(new AbortController().signal);
    await house.trainRouters();
  };
  await prepare();
  const { reception } = house;
  const app = createApp({
    reception,
    publicHost: config.server.publicHost,
    trustProxy: false,
    authToken: config.keys.twilioAuthToken,
    adminToken: config.server.adminToken,
    busyLine: house.busyLine,
    mintToken: house.mintToken,
    health: () => ({
      status: reception.draining ? "draining" : "healthy",
      version: "0.0.0",
      activeCalls: reception.active,
      maxCalls: config.server.maxCalls,
      engine: "agent",
      rehearsal: config.rehearsal,
      uptimeSeconds: 0,
      providers: [],
    }),
    metrics: { text: () => "", json: () => ({}) },
    streamStatus: () => {},
    refused: (reason) => refusals.push(reason),
    strangerRang: () => {}, // a request here has no peer
    peerAddress: () => "127.0.0.1",
  });
  const phoneDial = simDial(clock, () => {
    const refusal = reception.admitsSocket();
    return refusal ? { refuse: new Response(refusal, { status: 503 }) } : { accept: (wire) => reception.stream(wire) };
  }, options.lineWeather);
  const fetch = async (request: Request) => await app.fetch(request);
  return {
    clock,
    house,
    config,
    agent,
    agentDial,
    phoneDial,
    fetch,
    notices,
    refusals,
    random,
    edit(file) {
      current = read(file);
      return prepare();
    },
    records() {
      const folds = new Map<string, RecordFold>();
      for (const notice of notices) {
        const fold = folds.get(notice.call) ?? new RecordFold(notice.call);
        folds.set(notice.call, fold);
        fold.add(notice);
      }
      return [...folds.values()].map(({ record }) => record);
    },
    ring: (phone) =>
      ringUp({
        url: "http://localhost:5000/incoming-call",
        clock,
        dial: phoneDial,
        fetch: (request) => fetch(request as Request),
        voice,
        random,
        openDelayMs: 20,
        ...phone,
      }),
    async [Symbol.asyncDispose]() {
      house[Symbol.dispose]();
      await voice[Symbol.asyncDispose]();
    },
  };
}
