/**
 * What may stand in a `listen`, `think` or `speak`: the vendors' own names, held to what the vendors take (Deepgram
 * reference, sections 2.3 to 2.6, 3.1, 4.1 and 5.1; Cartesia reference, section 4.1; LLM reference, section 2).
 */

import * as z from "zod";
import { addTo, closed, quote, says, textLike, WHILE_TYPED } from "./notes.ts";
import { headers, modelAddress, voiceAddress, webAddress } from "./values.ts";

const term = z.string().min(1).max(200);
const endpointAt = (url: z.ZodType<string, string>) =>
  closed({ url, headers: headers.exactOptional() }).exactOptional();

const FLUX_MODELS = ["flux-general-en", "flux-general-multi"];
const FLUX_ONLY = ["language_hints", "eot_threshold", "eager_eot_threshold", "eot_timeout_ms"];

/** What both of Deepgram's recognisers take, in both engines. */
const flux = {
  type: z.literal("deepgram"),
  version: z.enum(["v1", "v2"]).exactOptional(),
  model: z.string().min(1).default("nova-3"),
  language: z.string().min(2).exactOptional(),
  language_hints: z.array(z.string().min(2)).min(1).exactOptional(),
  keyterms: z.array(term).exactOptional(),
  eot_threshold: z.number().min(0.5).max(1).exactOptional(),
  eager_eot_threshold: z.number().min(0.3).max(0.9).exactOptional(),
  eot_timeout_ms: z.int().min(500).max(60_000).exactOptional(),
};

type ListenFields = Record<string, unknown> & { model: string };
type Refine = z.core.$RefinementCtx<ListenFields>;

/** The rules between the fields of a recogniser. `novaOnly`: fields that a Flux model refuses. */
function listenRules(novaOnly: readonly string[]) {
  return (listen: ListenFields, context: Refine) => {
    const add = addTo(context);
    const isFlux = listen.model.startsWith("flux");
    if (isFlux && !FLUX_MODELS.includes(listen.model)) {
      add("model", `is ${quote(listen.model)}`, `Flux models are ${FLUX_MODELS.join(" and ")}.`);
    }
    if (listen.version !== undefined && (listen.version === "v2") !== isFlux) {
      add(
        "version",
        `is ${quote(listen.version)} with the model ${quote(listen.model)}`,
        `Write "${isFlux ? "v2" : "v1"}", or leave it out.`,
      );
    }
    for (const key of isFlux ? novaOnly : FLUX_ONLY) {
      if (listen[key] === undefined) continue;
      add(
        key,
        `is not taken by the model ${quote(listen.model)}`,
        isFlux ? "Remove it, or use a nova model." : `Remove it, or use ${FLUX_MODELS.join(" or ")}.`,
      );
    }
    if (listen.language_hints !== undefined && listen.model === "flux-general-en") {
      add("language_hints", `is not taken by the model "flux-general-en"`, `Remove it, or use "flux-general-multi".`);
    }
    const { eot_threshold: end, eager_eot_threshold: eager } = listen;
    if (typeof eager === "number" && eager > (typeof end === "number" ? end : 0.7)) {
      add("eager_eot_threshold", `is ${eager}, above eot_threshold`, `Write ${end ?? 0.7} (eot_threshold) or less.`);
    }
    if (isFlux && Array.isArray(listen.keyterms) && listen.keyterms.length > 100) {
      add("keyterms", `has ${listen.keyterms.length} entries`, "Flux takes at most 100: keep the most important.");
    }
  };
}

/** Kinds of `redact` that Flux takes. Deepgram reference, section 4.1. */
const FLUX_REDACTS: readonly unknown[] = ["numbers", "aggressive_numbers"];

/** What the recognisers' own sockets refuse besides. */
function socketRules({ model, keyterms, redact }: ListenFields, context: Refine): void {
  const add = addTo(context);
  if (model.startsWith("flux")) {
    const unknown = Array.isArray(redact) ? redact.find((kind) => !FLUX_REDACTS.includes(kind)) : undefined;
    if (unknown === undefined) return;
    add(
      "redact",
      `has ${quote(unknown)}, which ${quote(model)} does not know`,
      `Write "numbers", or use a nova model.`,
    );
  } else if (Array.isArray(keyterms) && keyterms.length > 0 && !model.startsWith("nova-3")) {
    add("keyterms", `is not taken by the model ${quote(model)}`, `Remove it, or use "nova-3".`);
  }
}

export const agentListen = closed({
  provider: closed({ ...flux, smart_format: z.boolean().exactOptional() })
    .superRefine(listenRules(["language", "smart_format"]), WHILE_TYPED),
});

const NOVA_QUERY = {
  endpointing: z.union([z.int().min(10).max(10_000), z.literal(false)]).exactOptional(),
  utterance_end_ms: z.int().min(1000).max(10_000).exactOptional(),
  smart_format: z.boolean().exactOptional(),
  punctuate: z.boolean().exactOptional(),
};

export const pipelineListen = closed({
  provider: closed({
    ...flux,
    ...NOVA_QUERY,
    numerals: z.boolean().exactOptional(),
    profanity_filter: z.boolean().exactOptional(),
    redact: z.array(z.enum(["pci", "numbers", "aggressive_numbers", "ssn"])).exactOptional(),
  }).superRefine(listenRules(["language", ...Object.keys(NOVA_QUERY)]), WHILE_TYPED)
    .superRefine(socketRules, WHILE_TYPED),
});

const temperature = z.number().min(0).max(2).exactOptional();
const reasoning_mode = z.enum(["none", "minimal", "low", "medium", "high"]).exactOptional();
const RETIRED = ["gpt-4", "gpt-3.5-turbo", "claude-3-haiku-20240307"];
const model = z.string().min(1);
const managedModel = model.refine((name) => !RETIRED.includes(name), {
  error: (issue) =>
    says(
      `is ${quote(issue.input)}, which is retired`,
      `Write a current one, for example "gpt-4o-mini" or "claude-haiku-4-5".`,
    ),
});
const awsCredentials = closed({
  type: z.enum(["iam", "sts"]),
  region: z.string().min(1),
  access_key_id: z.string().min(1),
  secret_access_key: z.string().min(1),
  session_token: z.string().exactOptional(),
});

/** The settings of one `type` of provider. */
const typed = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
  closed({ type: z.literal(type), ...shape });
const version1 = z.literal("v1").exactOptional();
const GOOGLE_VERSIONS = ["ai-studio-v1beta", "gemini-enterprise-agent-v1", "v1beta"] as const;

const agentThinkProvider = z.discriminatedUnion("type", [
  typed("open_ai", { model: managedModel, temperature, version: version1, reasoning_mode }),
  typed("anthropic", { model: managedModel, temperature: z.number().min(0).max(1).exactOptional(), version: version1 }),
  typed("google", { model: model.exactOptional(), temperature, version: z.enum(GOOGLE_VERSIONS).exactOptional() }),
  typed("groq", { model, temperature, reasoning_mode }),
  typed("aws_bedrock", { model, temperature, credentials: awsCredentials.exactOptional() }),
  typed("nvidia", { model, temperature }),
  typed("deepgram", { model, temperature }),
]);

export const agentThink = closed({
  provider: agentThinkProvider,
  endpoint: endpointAt(webAddress),
  context_length: z.union([z.literal("max"), z.int().min(1)]).exactOptional(),
}).superRefine(({ provider, endpoint, context_length }, context) => {
  const add = addTo(context);
  if (endpoint === undefined && (provider.type === "groq" || provider.type === "aws_bedrock")) {
    add(
      "endpoint",
      "is missing",
      `A provider of type "${provider.type}" needs endpoint { url, headers } beside provider.`,
    );
  }
  if (endpoint === undefined && provider.type === "google" && provider.model === undefined) {
    add("provider.model", "is missing", "Name a model; only with an endpoint of your own is it left out.");
  }
  if (endpoint === undefined && context_length !== undefined) {
    add("context_length", "stands without endpoint", "Remove it: Deepgram takes it only with an endpoint of your own.");
  }
}, WHILE_TYPED);

const cartesiaVoice = closed({ mode: z.literal("id"), id: z.string().min(1) });
const speed = z.number().min(0.5).max(1.5).exactOptional();

const language = z.string().exactOptional();

const agentSpeakProvider = z.discriminatedUnion("type", [
  typed("deepgram", {
    model,
    version: z.enum(["v1", "v2"]).exactOptional(),
    speed,
    expressivity: z.int().min(-2).max(2).exactOptional(),
  }),
  typed("eleven_labs", { model_id: model, language, version: version1 }),
  typed("cartesia", {
    model_id: model,
    voice: cartesiaVoice,
    language,
    volume: z.number().min(0.5).max(2).exactOptional(),
    version: z.string().exactOptional(),
  }),
  typed("open_ai", {
    model: z.enum(["tts-1", "tts-1-hd"]),
    voice: z.enum(["alloy", "echo", "fable", "onyx", "nova", "shimmer"]),
    version: version1,
  }),
  typed("aws_polly", {
    voice: z.string().min(1),
    language: z.string().min(1),
    engine: z.enum(["generative", "long-form", "standard", "neural"]),
    credentials: awsCredentials,
  }),
]);

export const agentSpeak = closed({
  provider: agentSpeakProvider,
  endpoint: endpointAt(voiceAddress),
}).superRefine(({ provider, endpoint }, context) => {
  const add = addTo(context);
  if (provider.type !== "deepgram") {
    if (endpoint === undefined) {
      add(
        "endpoint",
        "is missing",
        `A voice of type "${provider.type}" needs endpoint { url, headers } beside provider.`,
      );
    } else if (provider.type !== "eleven_labs" && /^wss?:/i.test(endpoint.url)) {
      add("endpoint.url", "is a socket, by which Deepgram reaches only ElevenLabs", "Write its https:// address.");
    } else if (provider.type === "eleven_labs" && /[?&](model_id|output_format)=/.test(endpoint.url)) {
      add("endpoint.url", "has model_id or output_format in it", "Remove them: Deepgram refuses them there.");
    }
    return;
  }
  const isFlux = provider.model.startsWith("flux-");
  if (!isFlux && !provider.model.startsWith("aura-")) {
    add(
      "provider.model",
      `is ${quote(provider.model)}`,
      `Deepgram's voices are named like "aura-2-thalia-en" or "flux-kit-en".`,
    );
  }
  if (provider.version !== undefined && (provider.version === "v2") !== isFlux) {
    add(
      "provider.version",
      `is ${quote(provider.version)} with ${quote(provider.model)}`,
      `Write "${isFlux ? "v2" : "v1"}", or leave it out.`,
    );
  }
  if (!isFlux && provider.speed !== undefined && provider.speed < 0.7) {
    add("provider.speed", `is ${provider.speed}`, "An aura voice takes 0.7 to 1.5.");
  }
  if (
    isFlux && provider.speed !== undefined && Math.abs(provider.speed * 20 - Math.round(provider.speed * 20)) > 1e-9
  ) {
    add("provider.speed", `is ${provider.speed}`, "A flux voice takes 0.5 to 1.5, in steps of 0.05.");
  }
  if (!isFlux && provider.expressivity !== undefined) {
    add("provider.expressivity", `is not taken by ${quote(provider.model)}`, "Remove it, or use a flux voice.");
  }
}, WHILE_TYPED);

const THINK_TYPES = {
  "groq": "groq",
  "open_ai": "open_ai",
  "openai": "open_ai",
  "llm": "llm",
  "self-hosted": "llm",
} as const;

/** Who serves a language model: `groq` and `open_ai` at their own addresses, `llm` at one that you name. */
export type LlmType = (typeof THINK_TYPES)[keyof typeof THINK_TYPES];

/** What a model at Groq takes for `reasoning_effort`; undefined: we do not know it. LLM reference, section 6. */
export function effortsAtGroq(model: string): readonly string[] | undefined {
  if (model.startsWith("openai/gpt-oss-")) return ["low", "medium", "high"];
  if (model.startsWith("qwen/qwen3.6-")) return ["none", "default"];
  return undefined;
}

export const pipelineThink = closed({
  provider: closed({
    type: z.enum(["groq", "open_ai", "openai", "llm", "self-hosted"]).transform((type): LlmType => THINK_TYPES[type]),
    model,
    temperature,
    top_p: z.number().min(0).max(1).exactOptional(),
    reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high", "default"]).exactOptional(),
    max_completion_tokens: z.int().min(1).max(100_000).exactOptional(),
    service_tier: z.string().exactOptional(),
  }).superRefine(({ type, model, reasoning_effort: effort }, context) => {
    const efforts = type === "groq" && effort !== undefined ? effortsAtGroq(model) : undefined;
    if (efforts === undefined || efforts.includes(effort!)) return;
    const remedy = `Write one of ${efforts.join(", ")}, or leave it out.`;
    addTo(context)("reasoning_effort", `is ${quote(effort)}, which ${model} does not take`, remedy);
  }, WHILE_TYPED),
  endpoint: endpointAt(modelAddress),
  firstTokenMs: z.int().min(100).max(30_000).default(2500),
});

/** Cartesia's own example voice for agents ("Katie"), where none is named. */
const DEFAULT_CARTESIA_VOICE = "f786b574-daa5-4673-aa0c-cbe3e8534c02";

const cartesiaSpeak = typed("cartesia", {
  model_id: z.string().min(1).default("sonic-3.5"),
  voice: z.union([z.string().min(1), cartesiaVoice])
    .transform((voice) => typeof voice === "string" ? voice : voice.id)
    .default(DEFAULT_CARTESIA_VOICE),
  language: z.string().min(2).exactOptional(),
});

const deepgramSpeak = typed("deepgram", {
  model: textLike(/^aura-/, `The pipeline speaks with aura voices, for example "aura-2-thalia-en".`),
  speed: z.number().min(0.7).max(1.5).exactOptional(),
});

export const pipelineSpeak = closed({ provider: z.discriminatedUnion("type", [cartesiaSpeak, deepgramSpeak]) });
