/** The stand-in for Deepgram Flux, `/v2/listen`. Deepgram reference, sections 4 and 8.5. */

import { type DoorFaults, type Drop, flag, intIn, numberIn, oneOf, type QueryRule, words } from "./deepgram_door.ts";
import { FluxSession } from "./flux_session.ts";
import { type Recogniser, recogniser, type RecogniserOptions } from "./recogniser.ts";

/** How sure it is of the end of a turn, by the silence since the last word. */
export interface FluxKnobs {
  /** Silence at which the confidence is 0.5, ms of audio. */
  eagerMs: number;
  /** Silence at which it is 0.7, the vendor's default threshold, ms of audio. */
  endMs: number;
}

const FLUX_KNOBS: FluxKnobs = { eagerMs: 200, endMs: 400 };

/** What goes wrong, all off by default. Times in ms of audio. */
export interface FluxFaults extends DoorFaults {
  /** Stay open, take audio, and say nothing more. */
  stallAfterMs: number;
  /** Send what is no JSON. */
  garbageAfterMs: number;
  /** Send `Error` with this code, then close. */
  errorAfterMs: number;
  errorCode: string;
  dropAfterMs: number;
  /** Default: 1005, a close without a code. */
  dropCode: Drop;
}

export type FluxStandInOptions = RecogniserOptions<FluxKnobs, FluxFaults>;

export function deepgramFluxStandIn(options: FluxStandInOptions): Recogniser<FluxSession> {
  return recogniser(options, {
    rules: RULES,
    check: checkTogether,
    knobs: FLUX_KNOBS,
    settingsOf: fluxSettings,
    open: (given) => new FluxSession(given),
  });
}

/** What a stream was asked for. */
export interface FluxSettings {
  eot: number;
  /** Undefined: no eager events. */
  eager: number | undefined;
  timeoutMs: number;
  /** The only audio whose words this stand-in hears. */
  isTelephone: boolean;
}

function fluxSettings(query: URLSearchParams): FluxSettings {
  const number = (name: string) => query.has(name) ? Number(query.get(name)) : undefined;
  return {
    eot: number("eot_threshold") ?? 0.7,
    eager: number("eager_eot_threshold"),
    timeoutMs: number("eot_timeout_ms") ?? 5000,
    isTelephone: query.get("encoding") === "mulaw" && query.get("sample_rate") === "8000",
  };
}

export const FLUX_LIMITS = {
  eot: numberIn(0.5, 1),
  eager: numberIn(0.3, 0.9),
  timeoutMs: intIn(500, 60_000),
  keyterms: 100,
};

const RULES: Readonly<Record<string, QueryRule>> = {
  model: oneOf("flux-general-en", "flux-general-multi"),
  encoding: oneOf("linear16", "linear32", "mulaw", "alaw", "opus", "ogg-opus"),
  sample_rate: oneOf("8000", "16000", "24000", "44100", "48000"),
  eot_threshold: FLUX_LIMITS.eot,
  eager_eot_threshold: FLUX_LIMITS.eager,
  eot_timeout_ms: FLUX_LIMITS.timeoutMs,
  keyterm: words,
  language_hint: { ...oneOf("en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl"), many: true },
  numerals: flag,
  profanity_filter: flag,
  redact: { ...oneOf("numbers", "aggressive_numbers"), many: true },
  tag: words,
  mip_opt_out: flag,
};

/** The rules between parameters. Deepgram reference, section 4.1. */
function checkTogether(query: URLSearchParams): string | undefined {
  if (!query.has("model")) return "A model is required.";
  if (query.has("encoding") !== query.has("sample_rate")) return "encoding and sample_rate are required together.";
  if (query.has("language_hint") && query.get("model") !== "flux-general-multi") {
    return "language_hint is supported for flux-general-multi only.";
  }
  if (query.getAll("keyterm").length > FLUX_LIMITS.keyterms) return "Keyterm limit exceeded.";
  const { eot, eager } = fluxSettings(query);
  if (eager !== undefined && eager > eot) return "eager_eot_threshold must not be above eot_threshold.";
  return undefined;
}
