/** The stand-ins of the vendors that have no key, in this process, reached over their real protocols on loopback. */

import type { Voice } from "./audio/voice.ts";
import type { Clock } from "./base/clock.ts";
import { type CallConfig, type Config, heldByVendor, llmKeyFor } from "./config.ts";
import { INTERRUPTING } from "./engine/memory.ts";
import { type Brain, type BrainLine, frontDeskBrain } from "./rehearsal/brain.ts";
import { cartesiaStandIn } from "./rehearsal/cartesia.ts";
import { type ChatBrain, chatStandIn } from "./rehearsal/chat.ts";
import { agentStandIn } from "./rehearsal/deepgram_agent.ts";
import { deepgramFluxStandIn } from "./rehearsal/deepgram_flux.ts";
import { deepgramListenStandIn } from "./rehearsal/deepgram_listen.ts";
import { deepgramSpeakStandIn } from "./rehearsal/deepgram_speak.ts";
import { asksForFacts, factBrain } from "./rehearsal/fact_brain.ts";
import { serveStandIns } from "./rehearsal/serve.ts";

export interface Rehearsal extends AsyncDisposable {
  /** The configuration with the stand-ins' addresses in it; from now on they play what it says. */
  point: (config: Config) => Config;
}

/** Start all stand-ins; `point` leads only those vendors to them whose key is not set. */
export function rehearse({ clock, voice }: { clock: Clock; voice: Voice }): Rehearsal {
  const random = Math.random;
  let brain: Brain;
  const think: Brain = (turn) => brain(turn);
  /** Those of earlier configurations too: live calls keep theirs. */
  const models = new Set<string>();
  const chat = chatStandIn({ clock, random, answer: chatBrain(think), models });
  const speak = deepgramSpeakStandIn({ clock, random, voice });
  const cartesia = cartesiaStandIn({ clock, random, voice });
  const server = serveStandIns([
    agentStandIn({ clock, random, voice, think }),
    { path: "/v1/listen", answer: deepgramListenStandIn({ clock }).answer },
    { path: "/v2/listen", answer: deepgramFluxStandIn({ clock }).answer },
    { path: "/v1/speak", answer: speak.answer, fetch: speak.fetch },
    { path: "/tts", answer: cartesia.answer, fetch: cartesia.fetch },
    { path: "/v1", fetch: chat.fetch },
    { path: "/openai/v1", fetch: chat.fetch },
  ]);
  const ws = `ws://${server.origin}`;

  const point = (config: Config): Config => {
    const { keys, urls, base, numbers } = config;
    brain = brainOf(base);
    const calls = [base, ...Object.values(numbers)];
    for (const { pipeline } of calls) for (const { provider } of pipeline.think) models.add(provider.model);
    const deepgram = keys.deepgram ? {} : {
      agent: `${ws}/v1/agent/converse`,
      listen: `${ws}/v1/listen`,
      flux: `${ws}/v2/listen`,
      speak: `${ws}/v1/speak`,
    };
    const own = keys.cartesia ? {} : { cartesia: ws };
    const model = hasModel(config, calls) || heldByVendor(config, calls)
      ? {}
      : { llm: `http://${server.origin}/openai/v1` };
    return { ...config, urls: { ...urls, ...deepgram, ...own, ...model } };
  };
  return { point, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function brainOf({ name, lines, routes }: CallConfig): Brain {
  return frontDeskBrain({
    name,
    goodbye: lines.goodbye.text,
    routes: routes.map(({ name, utterances, text }) => ({ name, utterances, ...(text ? { text } : {}) })),
  });
}

/** Whether a language model of somebody's can be reached: a key for it, or an address of one's own. */
function hasModel(config: Config, calls: readonly CallConfig[]): boolean {
  if (config.urls.llm !== undefined) return true;
  return calls.every(({ pipeline }) =>
    pipeline.think.some((think) => think.endpoint !== undefined || llmKeyFor(config, think) !== undefined)
  );
}

/** The scripted brain as a language model: the same answers in both engines. */
function chatBrain(think: Brain): ChatBrain {
  return (messages, tools, schema) => {
    if (asksForFacts(messages)) return factBrain(messages, schema ?? {});
    const history: BrainLine[] = messages.flatMap(({ role, content }): BrainLine[] => {
      if (typeof content !== "string" || role === "system" || role === "developer") return [];
      return [{ role: role === "tool" ? "function" : role as "user" | "assistant", content }];
    });
    const told = history.findLast(({ role }) => role === "user")?.content ?? "";
    const said = told.startsWith(INTERRUPTING) ? told.slice(INTERRUPTING.length).trim() : told;
    const prompt = messages.find(({ role }) => role === "system")?.content;
    const step = think({
      prompt: typeof prompt === "string" ? prompt : "",
      history,
      said,
      spokeMs: 0,
      functions: [...tools],
    });
    return {
      ...(step.say ? { text: step.say } : {}),
      ...(step.call ? { calls: [step.call] } : {}),
    };
  };
}
