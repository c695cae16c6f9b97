/** The models and voices that the Voice Agent stand-in knows (Deepgram reference, sections 2.3-2.5 and 5.3). */

import type { ModelParts, Rejection, SpeakSettings, ThinkSettings } from "./agent_settings.ts";
import { isVoice } from "./deepgram_voices.ts";

const NOVA =
  /^nova-(3|3-general|3-medical|2|2-(general|meeting|phonecall|voicemail|finance|conversationalai|medical))$/;
const FLUX = ["flux-general-en", "flux-general-multi"];

/** Whether a listen provider is Flux (`v2`): by its version, else by its model, as the vendor's own examples rely on. */
export function isFlux(provider: unknown): boolean {
  const { version, model } = Object(provider) as { version?: unknown; model?: unknown };
  return version === undefined ? typeof model === "string" && model.startsWith("flux-") : version === "v2";
}

/** Models that the vendor runs itself; another name needs an `endpoint` of its own. */
const MANAGED: Record<string, readonly string[]> = {
  open_ai: [
    ...["gpt-5.5", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.3", "gpt-5.2", "gpt-5.1"],
    ...["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini"],
  ],
  anthropic: [
    "claude-sonnet-5",
    "claude-sonnet-4-6",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
    "claude-3-5-haiku-latest",
  ],
  google: ["gemini-3.5-flash", "gemini-3.1-flash-lite", "gemini-2.5-flash", "gemini-2.0-flash-lite"],
  nvidia: ["nemotron-3-nano-30B-A3B"],
};
/** Providers that the vendor never runs itself. */
const NEEDS_ENDPOINT = ["groq", "aws_bedrock"];

/**
 * What is wrong with the values of a message that parsed: undefined if nothing. The stand-in itself hears and speaks
 * only mu-law at 8 kHz without a container, and says so.
 */
export function checkModels({ audio, listen, partialListen, think, speak }: ModelParts): Rejection | undefined {
  return (audio && checkAudio(audio)) ?? (listen && checkListen(listen, partialListen ?? false)) ??
    think.map(checkThink).find(Boolean) ?? speak.map(checkSpeak).find(Boolean);
}

function checkAudio({ input, output }: NonNullable<ModelParts["audio"]>): Rejection | undefined {
  const { encoding, sample_rate: rateHz, container = "none" } = output ?? {};
  if ((encoding === "mulaw" || encoding === "alaw") && rateHz !== undefined && rateHz !== 8000 && rateHz !== 16000) {
    return invalid(`Unsupported sample rate ${rateHz} for ${encoding} output`);
  }
  const phoneInput = input?.encoding === "mulaw" && input.sample_rate === 8000;
  const phoneOutput = encoding === "mulaw" && rateHz === 8000 && container === "none";
  if (phoneInput && phoneOutput) return undefined;
  return invalid("This stand-in takes only mulaw audio at 8000 Hz without a container");
}

function checkListen(listen: NonNullable<ModelParts["listen"]>, partial: boolean): Rejection | undefined {
  const { model } = listen;
  const flux = isFlux(listen);
  if (model === undefined) {
    if (!flux || partial) return undefined;
    return missing("agent.listen.provider.model");
  }
  if (flux ? !FLUX.includes(model) : !NOVA.test(model)) return invalid(`Listen model ${quoted(model)} not available`);
  const { eot_threshold: end = 0.7, eager_eot_threshold: eager, language_hints: hints } = listen as {
    eot_threshold?: number;
    eager_eot_threshold?: number;
    language_hints?: string[];
  }; // only Flux has these
  if (eager !== undefined && eager > end) return invalid("eager_eot_threshold must not exceed eot_threshold");
  if (hints && model !== "flux-general-multi") return invalid("language_hints need the model flux-general-multi");
  return undefined;
}

function checkThink({ provider, endpoint, context_length }: ThinkSettings): Rejection | undefined {
  if (context_length !== undefined && !endpoint) return invalid("context_length needs a custom endpoint");
  if (endpoint) return undefined;
  if (NEEDS_ENDPOINT.includes(provider.type)) return invalid(`Think provider ${provider.type} needs an endpoint`);
  const { model } = provider;
  if (model !== undefined && isManaged(provider.type, model)) return undefined;
  return invalid(`Think model ${quoted(model ?? "")} not available`);
}

function isManaged(type: string, model: string): boolean {
  return MANAGED[type]?.includes(model) || (type === "google" && /^gemini-3-[a-z-]+-preview$/.test(model));
}

function checkSpeak({ provider, endpoint }: SpeakSettings): Rejection | undefined {
  if (provider.type !== "deepgram") {
    if (!endpoint) return invalid(`Speak provider ${provider.type} needs an endpoint`);
    const { url } = endpoint as { url: string }; // the schema saw to it
    const schemes = provider.type === "eleven_labs" ? ["https:", "wss:"] : ["https:"];
    return schemes.includes(new URL(url).protocol) ? undefined : invalid("The speak endpoint must use https");
  }
  const { model, version, speed, expressivity } = provider;
  const family = voiceFamily(model);
  if (!family || (version && version !== family)) {
    return invalid(`No such model/version combination found: ${quoted(model)}`);
  }
  if (expressivity !== undefined && family === "v1") return invalid("expressivity needs a flux voice");
  return speed === undefined || acceptsSpeed(family, speed) ? undefined : {
    code: "FAILED_TO_SPEAK",
    description: `Speed ${speed} is not accepted by ${quoted(model)}`,
  };
}

function voiceFamily(model: string): "v1" | "v2" | undefined {
  if (/^flux-[a-z]+-en$/.test(model)) return "v2";
  return isVoice(model) ? "v1" : undefined;
}

function acceptsSpeed(family: "v1" | "v2", speed: number): boolean {
  if (family === "v1") return speed >= 0.7 && speed <= 1.5;
  const steps = speed / 0.05;
  return speed >= 0.5 && speed <= 1.5 && Math.abs(steps - Math.round(steps)) < 1e-9;
}

function invalid(description: string): Rejection {
  return { code: "INVALID_SETTINGS", description };
}

function missing(path: string): Rejection {
  return {
    code: "UNPARSABLE_CLIENT_MESSAGE",
    description: `Error parsing client message. Check the ${path} field against the API spec.`,
  };
}

function quoted(name: string): string {
  return `"${name.slice(0, 64)}"`;
}
