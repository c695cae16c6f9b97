/** The stand-ins of the vendors that have no key, in this process, reached over their real protocols on loopback. */

import type { Voice } from "./audio/voice.ts";
import type { Clock } from "./base/clock.ts";
import type { Config } from "./config.ts";
import { frontDeskBrain } from "./rehearsal/brain.ts";
import { agentStandIn } from "./rehearsal/deepgram_agent.ts";
import { serveStandIns } from "./rehearsal/serve.ts";

export interface Rehearsal extends AsyncDisposable {
  /** The configuration with the stand-ins' addresses in it. */
  point: (config: Config) => Config;
}

/** Start what `config` needs. Nothing is started for a vendor whose key is set. */
export function rehearse(config: Config, { clock, voice }: { clock: Clock; voice: Voice }): Rehearsal {
  const { base, keys } = config;
  const think = frontDeskBrain({
    name: base.name,
    goodbye: base.lines.goodbye.text,
    routes: base.routes.map(({ name, utterances, text }) => ({ name, utterances, ...(text ? { text } : {}) })),
  });
  const server = serveStandIns([agentStandIn({ clock, random: Math.random, voice, think })]);
  return {
    point: (config) => ({
      ...config,
      urls: keys.deepgram ? config.urls : { ...config.urls, agent: `ws://${server.origin}/v1/agent/converse` },
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
