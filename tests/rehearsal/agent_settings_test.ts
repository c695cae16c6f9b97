import assert from "node:assert/strict";
import { readClientMessage } from "../../lib/rehearsal/agent_settings.ts";
import { test } from "../case.ts";
import { canonical } from "./settings.ts";

type Change = (settings: ReturnType<typeof canonical>) => unknown;
const UNPARSABLE = "UNPARSABLE_CLIENT_MESSAGE";
const INVALID = "INVALID_SETTINGS";
const think = (settings: ReturnType<typeof canonical>) => settings.agent.think[0]!;

/** What a client may get wrong, the code it must be answered with, and what the answer must name. */
const BAD: [what: string, change: Change, code: string, names: string][] = [
  ["the name of 2024", (s) => s.type = "SettingsConfiguration", UNPARSABLE, "did not match any of the formats"],
  ["no audio", (s) => delete s.audio, UNPARSABLE, "the audio field"],
  ["no agent", (s) => delete s.agent, UNPARSABLE, "the agent field"],
  ["greeting at the top", (s) => s.greeting = "Hi", UNPARSABLE, "the greeting field"],
  ["mip_opt_out below agent", (s) => s.agent.mip_opt_out = true, UNPARSABLE, "the agent.mip_opt_out field"],
  ["agent.instructions", (s) => s.agent.instructions = "Be kind", UNPARSABLE, "the agent.instructions field"],
  ["agent.listen.model", (s) => s.agent.listen = { model: "nova-3" }, UNPARSABLE, "agent.listen"],
  ["a flag unknown", (s) => s.flags.verbose = true, UNPARSABLE, "the flags.verbose field"],
  ["a tag of 129 characters", (s) => s.tags = ["x".repeat(129)], UNPARSABLE, "the tags.0 field"],
  ["an encoding unknown", (s) => s.audio.input.encoding = "pcmu", UNPARSABLE, "the audio.input.encoding field"],
  ["no sample rate", (s) => delete s.audio.input.sample_rate, UNPARSABLE, "the audio.input.sample_rate field"],
  ["a rate as text", (s) => s.audio.input.sample_rate = "8000", UNPARSABLE, "the audio.input.sample_rate field"],
  ["a container unknown", (s) => s.audio.output.container = "mp4", UNPARSABLE, "the audio.output.container field"],
  ["mulaw at 24 kHz", (s) => s.audio.output.sample_rate = 24000, INVALID, "Unsupported sample rate 24000"],
  ["audio the stand-in cannot hear", (s) => s.audio.input.encoding = "linear16", INVALID, "only mulaw"],
  ["audio left to defaults", (s) => s.audio = {}, INVALID, "only mulaw"],
  ["keyterm", (s) => s.agent.listen.provider.keyterm = "a", UNPARSABLE, "the agent.listen.provider.keyterm field"],
  ["language_hint", (s) => s.agent.listen.provider.language_hint = "en", UNPARSABLE, "provider.language_hint field"],
  ["smart_format with Flux", (s) => s.agent.listen.provider.smart_format = true, UNPARSABLE, "provider.smart_format"],
  ["language with Flux", (s) => s.agent.listen.provider.language = "en", UNPARSABLE, "provider.language field"],
  [
    "endpointing",
    (s) => s.agent.listen.provider = { type: "deepgram", model: "nova-3", endpointing: 300 },
    UNPARSABLE,
    "provider.endpointing",
  ],
  [
    "a threshold with Nova",
    (s) => s.agent.listen.provider = { type: "deepgram", version: "v1", model: "nova-3", eot_threshold: 0.7 },
    UNPARSABLE,
    "provider.eot_threshold",
  ],
  [
    "eager above the end's threshold",
    (s) => s.agent.listen.provider.eager_eot_threshold = 0.8,
    INVALID,
    "eager_eot_threshold",
  ],
  [
    "a threshold out of range",
    (s) => s.agent.listen.provider.eot_threshold = 0.4,
    UNPARSABLE,
    "provider.eot_threshold",
  ],
  [
    "101 keyterms with Flux",
    (s) => s.agent.listen.provider.keyterms = Array(101).fill("a"),
    UNPARSABLE,
    "provider.keyterms",
  ],
  ["Flux without a model", (s) => delete s.agent.listen.provider.model, UNPARSABLE, "the agent.listen.provider.model"],
  ["nova as v2", (s) => s.agent.listen.provider.model = "nova-3", INVALID, "nova-3"],
  ["hints for the English model", (s) => s.agent.listen.provider.language_hints = ["es"], INVALID, "language_hints"],
  [
    "client_side on a function",
    (s) => think(s).functions[0].client_side = true,
    UNPARSABLE,
    "agent.think.0.functions.0.client_side",
  ],
  ["url on a function", (s) => think(s).functions[0].url = "https://a.example", UNPARSABLE, "functions.0.url"],
  ["think.timeout", (s) => think(s).timeout = 5, UNPARSABLE, "agent.think.0.timeout"],
  ["think.instructions", (s) => think(s).instructions = "a", UNPARSABLE, "agent.think.0.instructions"],
  [
    "endpoint inside the provider",
    (s) => think(s).provider.endpoint = { url: "https://a.example" },
    UNPARSABLE,
    "provider.endpoint",
  ],
  ["an endpoint without url", (s) => think(s).endpoint = { headers: {} }, UNPARSABLE, "agent.think.0.endpoint.url"],
  ["no think model", (s) => delete think(s).provider.model, UNPARSABLE, "agent.think.0.provider.model"],
  ["x_ai", (s) => think(s).provider = { type: "x_ai", model: "grok" }, UNPARSABLE, "agent.think.0.provider.type"],
  ["a temperature of 3", (s) => think(s).provider.temperature = 3, UNPARSABLE, "provider.temperature"],
  ["no think entry", (s) => s.agent.think = [], UNPARSABLE, "the agent.think field"],
  ["a retired model", (s) => think(s).provider.model = "gpt-4", INVALID, "gpt-4"],
  ["a bad second entry", (s) => s.agent.think[1].provider.model = "claude-3-haiku-20240307", INVALID, "claude-3-haiku"],
  [
    "groq without an endpoint",
    (s) => think(s).provider = { type: "groq", model: "openai/gpt-oss-20b" },
    INVALID,
    "groq",
  ],
  ["context_length without endpoint", (s) => think(s).context_length = "max", INVALID, "context_length"],
  ["a voice unknown", (s) => s.agent.speak[0].provider.model = "aura-2-nobody-en", INVALID, "aura-2-nobody-en"],
  ["perseo", (s) => s.agent.speak[0].provider.model = "aura-2-perseo-it", INVALID, "perseo"],
  ["a voice of the other version", (s) => s.agent.speak[0].provider.version = "v2", INVALID, "model/version"],
  ["a speed of 3", (s) => s.agent.speak[0].provider.speed = 3, "FAILED_TO_SPEAK", "Speed 3"],
  [
    "ElevenLabs without an endpoint",
    (s) => s.agent.speak = { provider: { type: "eleven_labs", model_id: "eleven_turbo_v2_5" } },
    INVALID,
    "eleven_labs",
  ],
  [
    "Polly with IAM",
    (s) =>
      s.agent.speak = {
        provider: {
          type: "aws_polly",
          voice: "Joanna",
          engine: "neural",
          credentials: { type: "IAM", region: "a", access_key_id: "b", secret_access_key: "c" },
        },
      },
    UNPARSABLE,
    "credentials.type",
  ],
  [
    "a history role unknown",
    (s) => s.agent.context = { messages: [{ type: "History", role: "system", content: "a" }] },
    UNPARSABLE,
    "agent.context.messages.0.role",
  ],
  [
    "a call in history without response",
    (s) =>
      s.agent.context = {
        messages: [{ type: "History", function_calls: [{ id: "1", name: "f", client_side: true, arguments: "{}" }] }],
      },
    UNPARSABLE,
    "function_calls.0.response",
  ],
  ["a saved agent", (s) => s.agent = "5cbb8a5e-1bd2-4a3e-8b3c-9f2a6d7e8f90", "AGENT_ID_NOT_SUPPORTED", "agent"],
  ["a bad agent id", (s) => s.agent = "mine", "INVALID_AGENT_ID", "UUID"],
];

for (const [what, change, code, names] of BAD) {
  test(`Settings with ${what} is refused with ${code}`, () => {
    const settings = canonical();
    change(settings);
    const read = readClientMessage(JSON.stringify(settings));
    assert.ok(!read.ok, "was accepted");
    assert.equal(read.rejection.code, code, read.rejection.description);
    assert.ok(read.rejection.description.includes(names), read.rejection.description);
  });
}

const GOOD: [what: string, change: Change][] = [
  ["as in the reference", () => {}],
  ["of the 2025 Twilio sample", (s) => {
    s.agent.language = "en";
    s.agent.listen = { provider: { type: "deepgram", model: "nova-3", keyterms: ["hello", "goodbye"] } };
    s.agent.think = { provider: { type: "open_ai", model: "gpt-4o-mini", temperature: 0.7 }, prompt: "Help." };
    s.agent.speak = { provider: { type: "deepgram", model: "aura-2-thalia-en" } };
  }],
  ["with an unknown model at an own endpoint", (s) => {
    think(s).provider = { type: "groq", model: "anything" };
    think(s).endpoint = { url: "https://llm.example/v1/chat/completions", headers: { authorization: "Bearer x" } };
    think(s).context_length = "max";
  }],
  ["with a history and no greeting", (s) => {
    delete s.agent.greeting;
    s.agent.context = {
      messages: [
        { type: "History", role: "user", content: "Hello" },
        {
          type: "History",
          function_calls: [{ id: "1", name: "f", client_side: true, arguments: "{}", response: "{}" }],
        },
      ],
    };
  }],
  ["with a Flux voice and the multilingual Flux", (s) => {
    s.agent.speak = {
      provider: { type: "deepgram", version: "v2", model: "flux-kit-en", speed: 1.05, expressivity: 1 },
    };
    s.agent.listen.provider = {
      type: "deepgram",
      version: "v2",
      model: "flux-general-multi",
      language_hints: ["en", "es"],
    };
  }],
  ["without listen, think and speak", (s) => s.agent = {}],
];

for (const [what, change] of GOOD) {
  test(`Settings ${what} are accepted`, () => {
    const settings = canonical();
    change(settings);
    const read = readClientMessage(JSON.stringify(settings));
    assert.ok(read.ok, read.ok ? "" : read.rejection.description);
    assert.deepEqual(read.message, settings, "nothing is added or dropped");
  });
}

test("every client message is closed: one unknown field is named", () => {
  const messages: Record<string, unknown>[] = [
    { type: "KeepAlive" },
    { type: "UpdatePrompt", prompt: "a" },
    { type: "UpdateThink", think: { provider: { type: "open_ai", model: "gpt-4o-mini" } } },
    { type: "UpdateSpeak", speak: { provider: { type: "deepgram", model: "aura-2-luna-en" } } },
    { type: "UpdateListen", listen: { provider: { type: "deepgram", version: "v2", eot_threshold: 0.85 } } },
    { type: "InjectUserMessage", content: "hello" },
    { type: "InjectAgentMessage", message: "One moment.", behavior: "queue" },
    { type: "FunctionCallResponse", id: "fc_1", name: "book", content: "{}" },
    { type: "ForceEndTurn" },
  ];
  for (const message of messages) {
    assert.ok(readClientMessage(JSON.stringify(message)).ok, `${message.type} is accepted`);
    const read = readClientMessage(JSON.stringify({ ...message, extra: 1 }));
    assert.ok(!read.ok && read.rejection.description.includes("Check the extra field"), `${message.type} is closed`);
  }
});

test("the old names of a function's answer and of an injection are refused", () => {
  for (
    const message of [
      { type: "FunctionCallResponse", function_call_id: "1", output: "{}" },
      { type: "InjectAgentMessage", content: "hello" },
      { type: "InjectAgentMessage", message: "hello", behavior: "now" },
      { type: "UpdateSpeak", model: "aura-2-luna-en" },
      { type: "FunctionCallResponse", id: "1", name: "f", content: { ok: true } },
    ]
  ) assert.ok(!readClientMessage(JSON.stringify(message)).ok, JSON.stringify(message));
});

test("a text that is no JSON, no object or no known message matches no format", () => {
  for (
    const text of ["", "{", "null", "42", "[]", "[object Blob]", '{"type":"UpdateInstructions"}', '{"type":"toString"}']
  ) {
    const read = readClientMessage(text);
    assert.ok(!read.ok && read.rejection.code === UNPARSABLE && read.rejection.description.startsWith("Text message"));
  }
});
