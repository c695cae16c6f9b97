/** A call's language, for each vendor that wants to know it. Pure. */

import type { AgentSpeak } from "./shape.ts";
import type { CallConfig } from "./types.ts";

/** What Flux understands. Deepgram reference, section 4.1. */
const FLUX_LANGUAGES = ["en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl"];

/** They write "3." for third. */
const ORDINAL_LANGUAGES = "de da no nb nn fi is et lv cs sk sl hr sr bs hu tr".split(" ");

/** Whether a number with a full stop may be an ordinal in `language`. */
export function writesOrdinals(language: string): boolean {
  return ORDINAL_LANGUAGES.includes(withoutRegion(language) ?? "");
}

/** The Flux recogniser for a language; undefined where Flux does not know it. */
export function fluxFor(language: string): { model: string; language_hints?: string[] } | undefined {
  const bare = withoutRegion(language);
  if (bare === undefined) return { model: "flux-general-multi" };
  if (bare === "en") return { model: "flux-general-en" };
  return FLUX_LANGUAGES.includes(bare) ? { model: "flux-general-multi", language_hints: [bare] } : undefined;
}

/** `call` with its language in the settings of the vendors that have none of their own, and the version that Deepgram wants. */
export function inItsLanguage(call: CallConfig): CallConfig {
  const { agent, pipeline, language } = call;
  const bare = withoutRegion(language);
  const spoken = <C extends CallConfig["agent"]["speak"][number] | CallConfig["pipeline"]["speak"][number]>(
    choice: C,
  ): C =>
    choice.provider.type !== "cartesia" || bare === undefined
      ? choice
      : { ...choice, provider: { language: bare, ...choice.provider } };
  const heard = <P extends { model: string }>(provider: P): P =>
    isFlux(provider) ? provider : { language, ...provider };
  const { provider } = agent.listen;
  // Without a version the vendor would have to guess which of its two schemas holds (section 2.3), or take the older (2.5).
  const version = isFlux(provider) ? "v2" : "v1";
  const versioned = (choice: AgentSpeak): AgentSpeak =>
    choice.provider.type === "deepgram" && isFlux(choice.provider)
      ? { ...choice, provider: { version: "v2", ...choice.provider } }
      : choice;
  return {
    ...call,
    agent: {
      ...agent,
      listen: { ...agent.listen, provider: { ...heard(provider), version } },
      speak: agent.speak.map(spoken).map(versioned),
    },
    pipeline: {
      ...pipeline,
      listen: { ...pipeline.listen, provider: heard(pipeline.listen.provider) },
      speak: pipeline.speak.map(spoken),
    },
  };
}

export function isFlux({ model }: { model: string }): boolean {
  return model.startsWith("flux");
}

/** `de` of `de-AT`: Cartesia's and Flux's languages have no region. Undefined for `multi`, which is none. */
function withoutRegion(language: string): string | undefined {
  return language === "multi" ? undefined : language.split("-")[0];
}
