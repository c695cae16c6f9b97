/** Which key goes to which vendor, and which are missing. A key is never sent to another vendor's host. Pure. */

import type { LlmType } from "./providers.ts";
import type { PipelineThink } from "./shape.ts";
import type { CallConfig, Config, Keys, Urls } from "./types.ts";

type Reachable = { keys: Keys; urls: Urls };

interface LlmHome extends Pick<VendorKey, "vendor" | "variable"> {
  url: string;
  key: "groq" | "openai";
}
const LLM_HOMES: Record<Exclude<LlmType, "llm">, LlmHome> = {
  groq: { url: "https://api.groq.com/openai/v1", key: "groq", vendor: "Groq", variable: "GROQ_API_KEY" },
  open_ai: { url: "https://api.openai.com/v1", key: "openai", vendor: "OpenAI", variable: "OPENAI_API_KEY" },
};

/**
 * The base address of a language model, without a slash at its end: its own endpoint, else LLM_BASE_URL, else its vendor's.
 * Deepgram wants the whole address of chat completions for an endpoint: here it may stand so too.
 */
export function llmUrlFor({ urls }: Pick<Reachable, "urls">, think: PipelineThink): string | undefined {
  const { type } = think.provider;
  const own = think.endpoint?.url ?? urls.llm ?? (type === "llm" ? undefined : LLM_HOMES[type].url);
  return own?.replace(/(\/chat\/completions)?\/*$/, "");
}

/** The key for where `think` is reached: a vendor's only at that vendor's host, elsewhere LLM_API_KEY. */
export function llmKeyFor(config: Reachable, think: PipelineThink): string | undefined {
  const url = llmUrlFor(config, think);
  return url === undefined ? undefined : config.keys[homeOf(url)?.key ?? "llm"];
}

function homeOf(url: string): LlmHome | undefined {
  const { protocol, hostname } = new URL(url);
  return Object.values(LLM_HOMES).find((home) => protocol === "https:" && new URL(home.url).hostname === hostname);
}

/** A vendor that the chosen engine needs, and the variable that holds its key. */
export interface VendorKey {
  /** Dotted path below the call's configuration, for example `pipeline.think[0]`. */
  path: string;
  vendor: "Deepgram" | "Cartesia" | "Groq" | "OpenAI" | "your own model";
  variable: string;
  /** Whether another entry of the same list comes before it. */
  spare: boolean;
  /** Not set: in rehearsal the vendor is a stand-in. */
  missing: boolean;
}

/** What `call`'s engine needs. A model at an address of your own needs no key. */
export function vendorKeys(config: Pick<Config, "keys" | "urls">, call: CallConfig): VendorKey[] {
  const { keys } = config;
  const keyOf = (
    key: keyof Keys,
    names: Pick<VendorKey, "vendor" | "variable">,
    path: string,
    i = 0,
  ): VendorKey => ({ path, ...names, spare: i > 0, missing: keys[key] === undefined });
  const deepgram = { vendor: "Deepgram", variable: "DEEPGRAM_API_KEY" } as const;
  const cartesia = { vendor: "Cartesia", variable: "CARTESIA_API_KEY" } as const;
  if (call.engine === "agent") return [keyOf("deepgram", deepgram, "agent")];
  return [
    keyOf("deepgram", deepgram, "pipeline.listen"),
    ...call.pipeline.think.map((think, i): VendorKey => {
      const path = `pipeline.think[${i}]`;
      const url = llmUrlFor(config, think);
      const home = url === undefined ? undefined : homeOf(url);
      if (home) return keyOf(home.key, { vendor: home.vendor, variable: home.variable }, path, i);
      return { path, vendor: "your own model", variable: "LLM_BASE_URL", spare: i > 0, missing: url === undefined };
    }),
    ...call.pipeline.speak.map(({ provider }, i) =>
      provider.type === "deepgram"
        ? keyOf("deepgram", deepgram, `pipeline.speak[${i}]`, i)
        : keyOf("cartesia", cartesia, `pipeline.speak[${i}]`, i)
    ),
  ];
}

/** The keys that `call`'s engine lacks. */
export function missingKeys(config: Pick<Config, "keys" | "urls">, call: CallConfig): VendorKey[] {
  return vendorKeys(config, call).filter(({ missing }) => missing);
}
