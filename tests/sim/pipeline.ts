/** A house in virtual time whose calls run on the pipeline engine, with the stand-ins of all its vendors behind it. */

import type { Dial } from "../../lib/base/dial.ts";
import type { CallNotice } from "../../lib/call/notice.ts";
import type { ChatMessage } from "../../lib/providers/ports.ts";
import { type CartesiaFaults, cartesiaStandIn } from "../../lib/rehearsal/cartesia.ts";
import { type ChatBrain, chatStandIn, type ChatStandInOptions } from "../../lib/rehearsal/chat.ts";
import { deepgramFluxStandIn, type FluxStandInOptions } from "../../lib/rehearsal/deepgram_flux.ts";
import { deepgramListenStandIn, type ListenStandInOptions } from "../../lib/rehearsal/deepgram_listen.ts";
import { deepgramSpeakStandIn, type SpeakStandInOptions } from "../../lib/rehearsal/deepgram_speak.ts";
import type { VirtualClock } from "./clock.ts";
import { simDial } from "./dial.ts";
import { simHouse, type SimOptions } from "./house.ts";
import { toneVoice } from "./tone_voice.ts";
import type { Weather } from "./wire.ts";

export interface SimPipelineOptions
  extends Pick<SimOptions, "seed" | "config" | "env" | "lineWeather" | "takeMessage" | "record"> {
  /** The pipeline's part of config.json. */
  pipeline?: Record<string, unknown>;
  brain?: ChatBrain;
  chat?: Partial<ChatStandInOptions>;
  listen?: Partial<ListenStandInOptions>;
  flux?: Partial<FluxStandInOptions>;
  speak?: Partial<SpeakStandInOptions>;
  cartesia?: Partial<CartesiaFaults>;
  /** How many times faster than real time the voices speak. */
  voiceRateX?: number;
  /** The web server of the tools, at https://tools.test. */
  tool?: (url: URL, clock: VirtualClock) => Promise<string>;
  /** Sees every HTTP request of the house first, and answers those it knows. */
  intercept?: (request: Request) => Promise<Response> | undefined;
  /** Addresses of a host name. Default: a public one. */
  resolve?: (host: string) => Promise<string[]>;
  vendorWeather?: Weather;
}

/** Cartesia, which tells word times, for a voice; and Deepgram, which does not. */
export const WITH_WORDS = { speak: [{ provider: { type: "cartesia" } }] };
export const WITHOUT_WORDS = { speak: [{ provider: { type: "deepgram", model: "aura-2-thalia-en" } }] };

export type SimPipeline = Awaited<ReturnType<typeof simPipeline>>;
type StandIns = ReturnType<typeof openStandIns>;

export async function simPipeline(options: SimPipelineOptions = {}) {
  let standIns: StandIns | undefined;
  const { seed, config, env, lineWeather, takeMessage, record, tool = () => Promise.resolve("nothing") } = options;
  const sim = await simHouse({
    ...(seed === undefined ? {} : { seed }),
    ...(env === undefined ? {} : { env }),
    ...(lineWeather === undefined ? {} : { lineWeather }),
    ...(takeMessage === undefined ? {} : { takeMessage }),
    ...(record === undefined ? {} : { record }),
    config: {
      greeting: "Welcome to the clinic.",
      engine: "pipeline",
      pipeline: { ...WITH_WORDS, ...options.pipeline },
      ...config,
    },
    dial: (clock, random) => (standIns = openStandIns(options, clock, random)).dial,
    toolFetch: async (request) => {
      const answer = options.intercept?.(request);
      if (answer) return await answer;
      const url = new URL(request.url);
      if (url.hostname !== "tools.test") return await standIns!.chat.fetch(request);
      return new Response(await tool(url, sim.clock));
    },
    resolve: options.resolve ?? (() => Promise.resolve(["93.184.216.34"])),
  });
  return { ...sim, ...standIns!, [Symbol.asyncDispose]: () => sim[Symbol.asyncDispose]() };
}

function openStandIns(options: SimPipelineOptions, clock: VirtualClock, random: () => number) {
  const { voiceRateX = 5, vendorWeather = {} } = options;
  const voice = toneVoice();
  const chat = chatStandIn({
    clock,
    random,
    answer: options.brain ?? (() => ({ text: "Yes, we are open until six today." })),
    ...options.chat,
  });
  const listen = deepgramListenStandIn({ clock, ...options.listen });
  const flux = deepgramFluxStandIn({ clock, ...options.flux });
  const knobs = { rateX: voiceRateX, ...options.speak?.knobs };
  const speak = deepgramSpeakStandIn({ clock, random, voice, ...options.speak, knobs });
  const faults = options.cartesia ?? {};
  const cartesia = cartesiaStandIn({ clock, random, voice, speed: voiceRateX, faults });
  const dials = {
    "deepgram-listen": simDial(clock, listen.answer, vendorWeather),
    "deepgram-flux": simDial(clock, flux.answer, vendorWeather),
    "deepgram-speak": simDial(clock, speak.answer, vendorWeather),
    "cartesia": simDial(clock, cartesia.answer, vendorWeather),
  };
  const dial: Dial = (request, signal) => dials[request.peer as keyof typeof dials](request, signal);
  return { chat, listen, flux, speak, cartesia, dials, dial };
}

/** What the model was asked, question by question. */
export function questions({ chat }: Pick<SimPipeline, "chat">): ChatMessage[][] {
  return chat.requests.filter(({ path }) => path.endsWith("chat/completions"))
    .map(({ body }) => (body as { messages: ChatMessage[] }).messages);
}

export function noticesOf<K extends CallNotice["kind"]>(
  notices: readonly CallNotice[],
  kind: K,
): Extract<CallNotice, { kind: K }>[] {
  return notices.filter((notice): notice is Extract<CallNotice, { kind: K }> => notice.kind === kind);
}
