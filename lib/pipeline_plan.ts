/** The pipeline engine of one call, built from its configuration: which recogniser, models and voices, and how they are reached. */

import { tagUtterance } from "./audio/tag.ts";
import type { Voice } from "./audio/voice.ts";
import type { Clock } from "./base/clock.ts";
import type { Dial } from "./base/dial.ts";
import {
  type CallConfig,
  type Config,
  fluxFor,
  isFlux,
  llmKeyFor,
  llmUrlFor,
  type PipelineListen,
  type PipelineSpeak,
  type PipelineThink,
  writesOrdinals,
} from "./config.ts";
import type { EngineHost } from "./engine/engine.ts";
import { type Filler, PipelineEngine } from "./engine/pipeline.ts";
import { symbolsIn } from "./engine/symbols.ts";
import { REST_MS } from "./engine/turn.ts";
import { cartesiaTts } from "./providers/cartesia.ts";
import { type ChatLlm, chatLlm } from "./providers/chat_llm.ts";
import type { ChatProvider } from "./providers/chat_quirks.ts";
import type { Breakers } from "./base/breaker.ts";
import { type FluxProvider, openFlux } from "./providers/deepgram_flux.ts";
import { type ListenProvider as NovaProvider, openListen } from "./providers/deepgram_listen.ts";
import { deepgramSpeak } from "./providers/deepgram_speak.ts";
import { localTts } from "./providers/local_speak.ts";
import type { OpenStt, ToolSchema, Tts } from "./providers/ports.ts";
import { type Ear, steadyStt } from "./providers/steady_stt.ts";
import { UsageMeter } from "./providers/usage.ts";

export interface PipelinePlanParts {
  config: Config;
  call: CallConfig;
  clock: Clock;
  dial: Dial;
  fetch: (request: Request) => Promise<Response>;
  /** Fills `{{ }}` of a text for this call. */
  fill: (text: string) => string;
  /** Settles when everything is known of the caller that will be: then texts can be filled. */
  known: Promise<void>;
  fillers: () => Filler | undefined;
  host: EngineHost;
  /** Speaks when no other voice can; whoever gave it disposes it. */
  localVoice: Voice;
  tools?: readonly ToolSchema[];
  /** The greeting, if the call plays a recording of it; else the voice speaks the configured one. */
  said?: string | undefined;
  /** What was said before, as heard. */
  history?: readonly { role: "user" | "assistant"; content: string }[];
  fillerAfterMs?: number;
  /** Counts what the call uses. */
  usage?: UsageMeter;
  /** What the calls of this process have learnt about their providers. */
  breakers?: Breakers;
}

/** What every model is told after the configured prompt. */
export const PHONE_MANNERS =
  "You are on the phone: everything you write is spoken aloud. Answer in one to three short sentences of plain words, " +
  "without lists, markup, emoji or web addresses, and ask one question at a time. Write numbers as they are said. " +
  'A "—" that ends an answer of yours marks where the caller interrupted: nothing after it was heard. ' +
  "Never write such a mark, nor anything in square brackets, yourself.";

/** Flux tells the end of a turn at most this long after its time-out, ms. */
const END_OF_TURN_MS = 1000;

/** Flux's own advice where the configuration has none. Deepgram reference, section 4.1. */
const EAGER_THRESHOLD = 0.5;

/** Opens at once; everything it connects to is closed with it. */
export function openPipeline(parts: PipelinePlanParts): PipelineEngine {
  const { config, call, clock, dial, fill, known, fillers, host, said, tools = [], history = [], fillerAfterMs } =
    parts;
  const { breakers, usage = new UsageMeter() } = parts;
  const greeting = said === undefined ? call.greeting : undefined;
  const { listen, think, speak, turn } = call.pipeline;
  const mip_opt_out = !call.privacy.vendorTraining;
  const llms = think.map((choice) => openLlm(parts, choice));
  const voices = speak.map((choice) => openVoice(parts, choice));
  return new PipelineEngine({
    openStt: usage.stt(openEar(listen.provider)),
    llms: llms.map((llm) => usage.llm(llm)),
    voices: [
      ...voices.map(({ tts }) => usage.tts(tts)),
      localTts({ voice: config.rehearsal ? taggedVoice(parts.localVoice) : parts.localVoice }),
    ],
    host,
    clock,
    turn: {
      minInterruptionWords: turn.minInterruptionWords,
      interruptionPhrases: turn.interruptionPhrases,
      acknowledgementPhrases: turn.acknowledgementPhrases,
      eager: turn.eager,
      firmInterims: isFlux(listen.provider),
      openEnds: /^en\b/.test(call.language),
      restMs: Math.max(REST_MS, (listen.provider.eot_timeout_ms ?? 0) + END_OF_TURN_MS),
    },
    maxHistoryTurns: turn.maxHistoryTurns,
    language: { ordinals: writesOrdinals(call.language), symbols: symbolsIn(call.language) },
    systemPrompt: known.then(() => `${fill(call.prompt)}\n\n${PHONE_MANNERS}`),
    ...(greeting ? { greeting: known.then(() => fill(greeting.text)) } : {}),
    history: [...history, ...(said === undefined ? [] : [{ role: "assistant" as const, content: said }])],
    // What else is known of a tool is not for the model's server: a strict one refuses unknown fields.
    tools: tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
    fillers,
    ...(fillerAfterMs === undefined ? {} : { fillerAfterMs }),
    ...(breakers ? { breakers } : {}),
    warm: (signal) => Promise.all([llms[0]?.warm(signal), voices[0]?.warm(signal)]),
  });

  /** The configured recogniser, and Deepgram's other one where it knows the language. */
  function openEar(provider: PipelineListen["provider"]): OpenStt {
    const ears: [Ear, ...Ear[]] = isFlux(provider) ? [flux(provider), nova(novaFor(provider))] : [nova(provider)];
    const other = isFlux(provider) ? undefined : fluxFor(provider.language ?? call.language);
    if (other) ears.push(flux({ ...other, ...takenOver(provider) }));
    return (listen) => steadyStt({ ears, clock, listen, ...(breakers ? { breakers } : {}) });
  }

  function nova(provider: NovaProvider): Ear {
    const { endpointing = 500, utterance_end_ms = 1000 } = provider;
    const settings = { ...common(config.urls.listen), provider: { ...provider, mip_opt_out } };
    return {
      name: `deepgram ${provider.model}`,
      peer: "deepgram-listen",
      endsWithinMs: Math.max(endpointing || 0, utterance_end_ms) + 700,
      open: (listen, opened) => openListen({ ...settings, listen, opened }),
    };
  }

  function flux(provider: FluxProvider): Ear {
    const eager_eot_threshold = turn.eager
      ? provider.eager_eot_threshold ?? Math.min(EAGER_THRESHOLD, provider.eot_threshold ?? 1)
      : undefined;
    const settings = { ...common(config.urls.flux), provider: { ...provider, eager_eot_threshold, mip_opt_out } };
    return {
      name: `deepgram ${provider.model}`,
      peer: "deepgram-flux",
      endsWithinMs: Infinity, // it may wait for the rest of a sentence, and tells its own stalls
      open: (listen, opened) => openFlux({ ...settings, listen, opened }),
    };
  }

  function common(url: string) {
    const { uplinkMs } = config.server;
    const key = config.keys.deepgram ?? REHEARSED;
    return { dial, clock, url, key, ...(uplinkMs === undefined ? {} : { chunkMs: uplinkMs }) };
  }
}

/** Nova in the place of Flux. */
function novaFor({ model, keyterms, numerals, profanity_filter, redact }: FluxProvider): NovaProvider {
  const language = model.endsWith("multi") ? "multi" : "en";
  return { model: "nova-3", language, keyterms, numerals, profanity_filter, redact };
}

/** Flux takes no more. Deepgram reference, section 4.1. */
const FLUX_KEYTERMS = 100;

/** Nova's settings for Flux in its place. Of the things to redact, Flux knows only numbers: it hides too many rather than too few. */
function takenOver({ keyterms = [], numerals, profanity_filter, redact = [] }: NovaProvider): Partial<FluxProvider> {
  const hidden = new Set(redact.map((kind) => kind === "aggressive_numbers" ? kind : "numbers"));
  return { keyterms: keyterms.slice(0, FLUX_KEYTERMS), numerals, profanity_filter, redact: [...hidden] };
}

/** In rehearsal our own voice tells its words too, so that the softphone can hear them. */
function taggedVoice(voice: Voice): Voice {
  return {
    async speak(text, signal) {
      const { audio, words } = await voice.speak(text, signal);
      localSource = LOCAL_SOURCES + (localSource + 1) % 0x1000;
      return { audio: tagUtterance(audio, words, localSource, 0), words };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(), // its giver's to dispose
  };
}

/** Source numbers of tagged audio, one for each utterance. */
const LOCAL_SOURCES = 0x5000;
let localSource = LOCAL_SOURCES;

/** Between two pieces of an answer, ms. */
const TOKEN_GAP_MS = 1200;

/** What a stand-in takes for a key. */
const REHEARSED = "rehearsal";

/** The first language model of a call's configuration, for work in the background; undefined if there is neither a key nor an address for it. */
export function callModel(parts: Pick<PipelinePlanParts, "config" | "call" | "clock" | "fetch">): ChatLlm | undefined {
  const { config, call } = parts;
  const think = call.pipeline.think.find((think) =>
    think.endpoint !== undefined || config.urls.llm !== undefined || llmKeyFor(config, think) !== undefined
  );
  return think && openLlm(parts, think);
}

function openLlm(
  { config, clock, fetch }: Pick<PipelinePlanParts, "config" | "clock" | "fetch">,
  think: PipelineThink,
): ChatLlm {
  const { max_completion_tokens: maxTokens, type, model, ...vendor } = think.provider;
  const provider: ChatProvider = {
    type,
    model,
    ...vendor,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(think.endpoint?.headers ? { headers: think.endpoint.headers } : {}),
  };
  const key = llmKeyFor(config, think) ?? (config.rehearsal ? REHEARSED : "");
  return chatLlm({
    fetch,
    clock,
    // Configuration has seen to it that a model has an address.
    baseUrl: llmUrlFor(config, think) ?? "",
    key,
    provider,
    firstTokenMs: think.firstTokenMs,
    gapMs: TOKEN_GAP_MS,
  });
}

interface WarmVoice {
  tts: Tts;
  warm: (signal: AbortSignal) => unknown;
}

function openVoice({ config, call, clock, dial }: PipelinePlanParts, { provider }: PipelineSpeak): WarmVoice {
  if (provider.type === "deepgram") {
    const { model, speed } = provider;
    const tts = deepgramSpeak({
      dial,
      clock,
      url: config.urls.speak,
      key: config.keys.deepgram ?? REHEARSED,
      provider: { model, speed, mip_opt_out: !call.privacy.vendorTraining },
    });
    return { tts, warm: () => tts.warm() };
  }
  const { model_id, voice, language } = provider;
  const tts = cartesiaTts({
    dial,
    clock,
    // Whoever reaches Cartesia adds the path.
    url: config.urls.cartesia.replace(/\/tts\/websocket\/?$/, ""),
    key: config.keys.cartesia ?? REHEARSED,
    provider: { model_id, voice, ...(language === undefined ? {} : { language }) },
  });
  return { tts, warm: (signal) => tts.warm(signal) };
}
