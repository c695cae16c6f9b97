/** Whether the language models that are to answer calls exist: asked once, at the start. */

import type { Clock } from "./base/clock.ts";
import { callsOf, type Config, llmKeyFor, llmUrlFor, nearest, type PipelineThink } from "./config.ts";
import { chatLlm } from "./providers/chat_llm.ts";

export interface ModelsParts {
  config: Config;
  clock: Clock;
  fetch: (request: Request) => Promise<Response>;
}

/** How long a vendor may take to tell what it has. */
const LIST_MS = 3000;
/** At most this many names of a long list are shown. */
const NAMES = 40;

/**
 * What is wrong with the models of the pipelines, a sentence each with those that exist. A vendor that does not answer, or
 * refuses us, proves nothing; neither does a server of one's own, which may serve models under other names than it lists.
 * Never rejects.
 */
export async function unknownModels(parts: ModelsParts, signal: AbortSignal): Promise<string[]> {
  const { config } = parts;
  const asked = new Map<string, Promise<string | undefined>>();
  for (const [prefix, { engine, pipeline }] of callsOf(config)) {
    if (engine !== "pipeline") continue;
    for (const [i, think] of pipeline.think.entries()) {
      const url = llmUrlFor(config, think);
      const key = llmKeyFor(config, think);
      if (think.provider.type === "llm" || url === undefined || key === undefined) continue;
      const what = `${url} ${think.provider.model}`;
      const path = `${prefix}pipeline.think[${i}].provider.model`;
      if (!asked.has(what)) asked.set(what, problemOf(parts, { think, url, key, path }, signal));
    }
  }
  return (await Promise.all(asked.values())).filter((problem) => problem !== undefined);
}

async function problemOf(
  { clock, fetch }: ModelsParts,
  { think, url, key, path }: { think: PipelineThink; url: string; key: string; path: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { type, model } = think.provider;
  const provider = { type, model, headers: think.endpoint?.headers ?? {} };
  const llm = chatLlm({ baseUrl: url, key, provider, clock, fetch, totalMs: LIST_MS });
  const listed = await llm.models(signal).catch(() => undefined);
  if (!listed?.ok || listed.value.length === 0 || listed.value.includes(model)) return undefined;
  const near = nearest(model, listed.value);
  const names = listed.value.toSorted();
  const rest = names.length > NAMES ? ` and ${names.length - NAMES} more` : "";
  return `${path} is "${model}", which ${new URL(url).host} does not have.${near ? ` Did you mean "${near}"?` : ""} ` +
    `It has: ${names.slice(0, NAMES).join(", ")}${rest}.`;
}
