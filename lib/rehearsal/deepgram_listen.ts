/** The stand-in for Deepgram's live recogniser, `/v1/listen`. Deepgram reference, sections 3 and 8.4. */

import {
  anything,
  type DoorFaults,
  type Drop,
  flag,
  intIn,
  numberIn,
  oneOf,
  type QueryRule,
  words,
} from "./deepgram_door.ts";
import { ListenSession } from "./listen_session.ts";
import { type Recogniser, recogniser, type RecogniserOptions } from "./recogniser.ts";

/** Latencies and habits where the vendor leaves them open. */
export interface ListenKnobs {
  /** End of speech to the final, ms: never sooner, even if `endpointing` is. */
  finalMs: number;
  /** Interim results come this often, ms of audio. */
  interimMs: number;
  /** A window of an unbroken utterance is fixed after so long, ms of audio. */
  windowMs: number;
  /** `Finalize` is answered with the rest, with an empty text although words were pending (their final came before it), or not. */
  finalize: "text" | "empty" | "none";
  /** Noise keeps the voice detector from seeing silence: never `speech_final`. */
  noise: boolean;
}

const LISTEN_KNOBS: ListenKnobs = {
  finalMs: 250,
  interimMs: 200,
  windowMs: 4000,
  finalize: "text",
  noise: false,
};

/** What goes wrong, all off by default. Times in ms of audio. */
export interface ListenFaults extends DoorFaults {
  /** Stay open and say nothing more. */
  stallAfterMs: number;
  /** Send what is no JSON. */
  garbageAfterMs: number;
  dropAfterMs: number;
  /** Default: "cut". */
  dropCode: Drop;
  dropReason: string;
}

export type ListenStandInOptions = RecogniserOptions<ListenKnobs, ListenFaults>;

export function deepgramListenStandIn(options: ListenStandInOptions): Recogniser<ListenSession> {
  return recogniser(options, {
    rules: RULES,
    check: checkTogether,
    knobs: LISTEN_KNOBS,
    settingsOf: listenSettings,
    open: (given) => new ListenSession(given),
  });
}

/** What a stream was asked for. */
export interface ListenSettings {
  model: string;
  interimResults: boolean;
  /** Ms; undefined: never by silence. */
  endpointingMs: number | undefined;
  utteranceEndMs: number | undefined;
  vadEvents: boolean;
  /** Capitals and punctuation. */
  punctuate: boolean;
  /** Of raw audio; undefined where a container tells the format. */
  bytesPerSecond: number | undefined;
  /** The only audio whose words this stand-in hears. */
  isTelephone: boolean;
}

function listenSettings(query: URLSearchParams): ListenSettings {
  const endpointing = query.get("endpointing") ?? "10";
  const utteranceEnd = query.get("utterance_end_ms");
  const encoding = query.get("encoding");
  const rateHz = Number(query.get("sample_rate"));
  return {
    model: query.get("model") ?? "base",
    interimResults: query.get("interim_results") === "true",
    endpointingMs: endpointing === "false" ? undefined : endpointing === "true" ? 10 : Number(endpointing),
    utteranceEndMs: utteranceEnd === null || utteranceEnd === "false" ? undefined : Number(utteranceEnd),
    vadEvents: query.get("vad_events") === "true",
    punctuate: query.get("punctuate") === "true" || query.get("smart_format") === "true",
    bytesPerSecond: encoding ? rateHz * ({ linear16: 2, linear32: 4 }[encoding] ?? 1) : undefined,
    isTelephone: encoding === "mulaw" && rateHz === 8000 && (query.get("channels") ?? "1") === "1",
  };
}

const ENCODINGS = oneOf(
  ...["linear16", "linear32", "flac", "alaw", "mulaw", "amr-nb", "amr-wb", "opus", "ogg-opus", "speex", "g729"],
);
const MODELS = /^(nova-3(-general|-medical)?|nova-2(-[a-z]+)?|nova(-[a-z]+)?|enhanced(-[a-z]+)?|base(-[a-z]+)?)$/;

const RULES: Readonly<Record<string, QueryRule>> = {
  model: { test: (value) => MODELS.test(value) },
  language: { test: (value) => /^(multi|[a-z]{2,3}(-[A-Za-z0-9]{2,4})*)$/.test(value) },
  encoding: ENCODINGS,
  sample_rate: intIn(8000, 48_000),
  channels: intIn(1, 16),
  multichannel: flag,
  interim_results: flag,
  endpointing: { test: (value) => /^(\d+|true|false)$/.test(value) },
  utterance_end_ms: { test: (value) => value === "false" || numberIn(1000, 60_000).test(value) },
  vad_events: flag,
  punctuate: flag,
  smart_format: flag,
  numerals: flag,
  profanity_filter: flag,
  dictation: flag,
  keyterm: words,
  keywords: words,
  redact: { ...oneOf("pci", "numbers", "aggressive_numbers", "ssn", "true", "false"), many: true },
  replace: words,
  search: words,
  diarize: flag,
  diarize_model: oneOf("latest", "v1"),
  detect_entities: flag,
  tag: words,
  extra: words,
  mip_opt_out: flag,
  callback: anything,
  callback_method: oneOf("POST", "PUT"),
  version: anything,
};

const KEYTERM_TOKENS = 500;

/** The rules between parameters. Deepgram reference, section 3.1. */
function checkTogether(query: URLSearchParams): string | undefined {
  const isNova3 = query.get("model")?.startsWith("nova-3") ?? false;
  if (!query.has("model")) return "A model is required.";
  if (query.has("encoding") !== query.has("sample_rate")) return "encoding and sample_rate are required together.";
  if (isNova3 && query.has("keywords")) return "Keywords are not supported for Nova-3. Use keyterm instead.";
  if (!isNova3 && query.has("keyterm")) return "keyterm is supported for Nova-3 only.";
  if (query.getAll("keyterm").join(" ").split(/\s+/).length > KEYTERM_TOKENS) return "Keyterm limit exceeded.";
  if (query.has("utterance_end_ms") && query.get("interim_results") !== "true") {
    return "utterance_end_ms requires interim_results=true.";
  }
  return undefined;
}
