/** Whether the vendors take our keys, and know the models and voices that the configuration names. */

import {
  type CallConfig,
  callsOf,
  type Config,
  isFlux,
  type Keys,
  llmKeyFor,
  llmUrlFor,
  missingKeys,
  nearest,
} from "../config.ts";
import type { Fault, Peer } from "../base/result.ts";
import { cartesiaHeaders } from "../providers/cartesia_messages.ts";
import { chatLlm } from "../providers/chat_llm.ts";
import { deepgramAgent } from "../providers/deepgram_agent.ts";
import { fluxUrl } from "../providers/deepgram_flux.ts";
import { listenUrl } from "../providers/deepgram_listen.ts";
import { speakUrl } from "../providers/deepgram_speak.ts";
import type { VoiceAgentEvent } from "../providers/ports.ts";
import { attempt, faultItem, isUnauthorised, type Reach } from "./attempt.ts";
import { type CheckItem, fine, standIn, warn, wrong } from "./item.ts";

const KEY = "DEEPGRAM_API_KEY";

/** Try what the engines of `config` and of its numbers use, each thing once, all at the same time. */
export async function checkVendors(
  reach: Reach,
  config: Config,
  { offline }: { offline: boolean },
): Promise<CheckItem[]> {
  const calls = callsOf(config);
  const tries = new Map<string, () => Promise<CheckItem[]>>();
  for (const [label, call] of calls) {
    for (const [key, run] of triesOf(reach, config, call, label)) if (!tries.has(key)) tries.set(key, run);
  }
  const missing = missingItems(config, calls.map(([, call]) => call));
  if (offline) return [...untried(config), ...missing];
  return [...mergeKeys((await Promise.all([...tries.values()].map((run) => run()))).flat()), ...missing];
}

const VARIABLES = {
  deepgram: KEY,
  cartesia: "CARTESIA_API_KEY",
  groq: "GROQ_API_KEY",
  openai: "OPENAI_API_KEY",
  llm: "LLM_API_KEY",
} as const;

function untried({ keys }: Config): CheckItem[] {
  const names = Object.keys(VARIABLES) as (keyof typeof VARIABLES)[]; // the keys of the literal above
  return names.filter((name) => keys[name] !== undefined).map((name) => fine(VARIABLES[name], "set, not tried"));
}

type Try = [key: string, run: () => Promise<CheckItem[]>];

function triesOf(reach: Reach, config: Config, call: CallConfig, label: string): Try[] {
  const { deepgram, cartesia } = config.keys;
  if (call.engine === "agent") {
    const { agent, prompt, privacy } = call;
    return deepgram
      ? [[JSON.stringify([agent, prompt, privacy]), () => tryAgent(reach, config, { call, name: `${label}agent` })]]
      : [];
  }
  const { listen, think, speak } = call.pipeline;
  const tries: Try[] = think.map((_, index) => {
    const name = `${label}pipeline.think[${index}]`;
    return [JSON.stringify(["think", think[index]]), () => tryModel(reach, config, { call, index, name })];
  });
  if (deepgram) {
    const { provider } = listen;
    const [peer, url] = isFlux(provider)
      ? ["deepgram-flux", fluxUrl(config.urls.flux, provider)] as const
      : ["deepgram-listen", listenUrl(config.urls.listen, provider)] as const;
    tries.push([url, () => tryDeepgram(reach, { peer, url, key: deepgram, name: `${label}pipeline.listen` })]);
  }
  speak.forEach(({ provider }, index) => {
    const name = `${label}pipeline.speak[${index}]`;
    if (provider.type === "cartesia" && cartesia) {
      tries.push(["cartesia", () => tryCartesia(reach, config.urls.cartesia, cartesia)]);
    } else if (provider.type === "deepgram" && deepgram) {
      const url = speakUrl(config.urls.speak, provider);
      tries.push([url, () => tryDeepgram(reach, { peer: "deepgram-speak", url, key: deepgram, name })]);
    }
  });
  return tries;
}

/** Open a session, send our settings, wait until they are applied, close. */
function tryAgent(
  reach: Reach,
  config: Config,
  { call, name }: { call: CallConfig; name: string },
): Promise<CheckItem[]> {
  return attempt(reach, name, async (signal) => {
    const ended = Promise.withResolvers<CheckItem[]>();
    const event = (event: VoiceAgentEvent) => {
      if (event.kind === "ready") {
        ended.resolve([fine(KEY, "Deepgram takes it"), fine(name, "its settings are applied")]);
      }
      if (event.kind !== "ended" || !event.fault) return;
      const { fault } = event;
      if (isUnauthorised(fault)) return ended.resolve([refusedKey(KEY, "Deepgram", fault)]);
      if (fault.kind !== "rejected") return ended.resolve([faultItem(name, fault)]);
      const finding = `the agent does not take these settings: ${fault.code}, ${fault.detail}`;
      ended.resolve([fine(KEY, "Deepgram takes it"), wrong(name, finding, `Correct that part of ${name}.`)]);
    };
    const { agent, prompt, privacy } = call;
    await using _session = deepgramAgent({
      dial: reach.dial,
      clock: reach.clock,
      url: config.urls.agent,
      key: config.keys.deepgram!, // without it this is not tried
      plan: {
        prompt,
        ...agent,
        functions: [],
        history: [],
        vendorTraining: privacy.vendorTraining,
        tags: ["offhook-check"],
      },
    })({ event, audio: () => {} });
    signal.addEventListener("abort", () => ended.resolve([]), { once: true });
    return await ended.promise;
  });
}

interface Handshake {
  peer: Peer;
  url: string;
  key: string;
  name: string;
}

/** The opening request of a Deepgram socket carries key, model and voice: it is enough to see whether it is accepted. */
function tryDeepgram(reach: Reach, { peer, url, key, name }: Handshake): Promise<CheckItem[]> {
  return attempt(reach, name, async (signal) => {
    const dialled = await reach.dial({ peer, url, headers: { authorization: `Token ${key}` } }, signal);
    if (dialled.ok) {
      dialled.value.close(1000);
      return [fine(KEY, "Deepgram takes it"), fine(name, "a socket with these settings opens")];
    }
    const { fault } = dialled;
    if (isUnauthorised(fault)) return [refusedKey(KEY, "Deepgram", fault)];
    if (fault.kind !== "refused" || fault.status !== 400) return [faultItem(name, fault)];
    const finding = `Deepgram does not take these settings${fault.detail && `: ${fault.detail}`}`;
    return [fine(KEY, "Deepgram takes it"), wrong(name, finding, `Correct the model and the options of ${name}.`)];
  });
}

function tryCartesia({ dial, ...reach }: Reach, base: string, key: string): Promise<CheckItem[]> {
  const name = "CARTESIA_API_KEY";
  return attempt(reach, name, async (signal) => {
    const url = /\/tts\/websocket$/.test(base) ? base : `${base}/tts/websocket`;
    const headers = cartesiaHeaders(key);
    const dialled = await dial({ peer: "cartesia", url, headers }, signal);
    if (!dialled.ok) {
      return [
        isUnauthorised(dialled.fault) ? refusedKey(name, "Cartesia", dialled.fault) : faultItem(name, dialled.fault),
      ];
    }
    dialled.value.close(1000);
    return [fine(name, "Cartesia takes it")];
  });
}

/** The list of models proves the key and the model's name. */
function tryModel(
  reach: Reach,
  config: Config,
  { call, index, name }: { call: CallConfig; index: number; name: string },
): Promise<CheckItem[]> {
  const think = call.pipeline.think[index]!;
  const url = llmUrlFor(config, think);
  const key = llmKeyFor(config, think);
  const variable = keyVariable(config, call, index);
  const wanted = think.provider.model;
  if (url === undefined || (key === undefined && variable !== "LLM_API_KEY")) return Promise.resolve([]);
  return attempt(reach, name, async (signal) => {
    const provider = { type: think.provider.type, model: wanted, headers: think.endpoint?.headers ?? {} };
    const listed = await chatLlm({ ...reach, baseUrl: url, key: key ?? "", provider }).models(signal);
    const keyItem = key === undefined ? [] : [fine(variable, `${new URL(url).host} takes it`)];
    if (listed.ok) {
      if (listed.value.includes(wanted)) return [...keyItem, fine(name, `the model ${wanted} is there`)];
      const near = nearest(wanted, listed.value);
      const remedy = `${
        near ? `Did you mean ${near}? ` : ""
      }Write the name of a model that is there: GET ${url}/models lists them.`;
      return [...keyItem, wrong(name, `the model ${wanted} is not there`, remedy)];
    }
    const { fault } = listed;
    if (isUnauthorised(fault)) return [refusedKey(variable, new URL(url).host, fault)];
    const isSilent = fault.kind === "protocol" || (fault.kind === "refused" && fault.status === 404);
    if (!isSilent) return [faultItem(name, fault)];
    return [
      warn(
        name,
        `${new URL(url).host} does not list its models, so ${wanted} could not be looked up`,
        "Place a call to try it.",
      ),
    ];
  });
}

/** Which variable holds the key of a model: that of its vendor's host, else LLM_API_KEY. */
function keyVariable({ urls }: Config, call: CallConfig, index: number): string {
  const none: Keys = {};
  const missing = missingKeys({ keys: none, urls }, call).find(({ path }) => path === `pipeline.think[${index}]`);
  return missing?.variable ?? "LLM_API_KEY";
}

function refusedKey(name: string, vendor: string, fault: Fault): CheckItem {
  return wrong(
    name,
    `${vendor} refuses it${fault.kind === "refused" ? ` (HTTP ${fault.status})` : ""}`,
    "Copy the key again from the vendor's console; look whether it was revoked.",
  );
}

/** A key that several tries use is told once: refused if any was refused. */
function mergeKeys(items: CheckItem[]): CheckItem[] {
  const isKey = ({ name }: CheckItem) => /_API_KEY$/.test(name);
  const keys = new Map<string, CheckItem>();
  for (const item of items.filter(isKey)) {
    if (!keys.has(item.name) || item.state === "WRONG") keys.set(item.name, item);
  }
  return [...keys.values(), ...items.filter((item) => !isKey(item))];
}

/** Keys that are not set: stand-ins in rehearsal. Elsewhere the configuration itself is at fault, and says so. */
function missingItems(config: Config, calls: readonly CallConfig[]): CheckItem[] {
  if (!config.rehearsal) return [];
  const missing = new Map(calls.flatMap((call) => missingKeys(config, call)).map((one) => [one.variable, one]));
  return [...missing.values()].map(({ variable, vendor }) =>
    standIn(variable, `not set: ${vendor} is a stand-in`, "Set it in .env to use the real one.")
  );
}
