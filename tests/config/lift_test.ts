import assert from "node:assert/strict";
import type { ConfigNote } from "../../lib/config.ts";
import { test } from "../case.ts";
import { type config, faults, load, noteOf } from "./make.ts";

/** Deepgram reference, section 2.8, and the manner of its 2025 Twilio sample. */
const SETTINGS = {
  type: "Settings",
  audio: {
    input: { encoding: "mulaw", sample_rate: 8000 },
    output: { encoding: "mulaw", sample_rate: 8000, container: "none" },
  },
  agent: {
    language: "de",
    listen: { provider: { type: "deepgram", model: "nova-3", keyterms: ["hello", "goodbye"] } },
    think: {
      provider: { type: "open_ai", model: "gpt-4o-mini", temperature: 0.7 },
      prompt: "You answer calls for Acme.",
    },
    speak: { provider: { type: "deepgram", model: "aura-2-viktoria-de" } },
    greeting: "Hello! How can I help you today?",
  },
};
const P = { prompt: "Be kind." };
const keys = (notes: ConfigNote[]) => notes.map(({ key }) => key);

test("a bare Settings message is a whole file", () => {
  const { config, warnings } = load(SETTINGS);
  const { base } = config;
  assert.equal(base.engine, "agent");
  assert.equal(base.prompt, "You answer calls for Acme.");
  assert.deepEqual(base.greeting, { text: "Hello! How can I help you today?", interruptible: true });
  assert.equal(base.language, "de");
  assert.deepEqual(base.agent, {
    listen: { provider: { ...SETTINGS.agent.listen.provider, language: "de", version: "v1" } },
    think: [{ provider: SETTINGS.agent.think.provider }],
    speak: [SETTINGS.agent.speak],
  });
  assert.deepEqual(keys(warnings), ["agent.language"]);
});

test("where only the recogniser says what is spoken, that is the language of the whole call", () => {
  const { language: _, ...agent } = SETTINGS.agent;
  const heardBy = (provider: Record<string, unknown>) =>
    load({ ...SETTINGS, agent: { ...agent, listen: { provider: { type: "deepgram", ...provider } } } });
  for (
    const [provider, language] of [
      [{ model: "nova-3", language: "de-AT" }, "de-AT"],
      [{ model: "flux-general-multi", language_hints: ["de"] }, "de"],
    ] as const
  ) {
    const { config, warnings } = heardBy(provider);
    assert.deepEqual([config.base.language, warnings], [language, []]);
    assert.equal(config.base.pipeline.listen.provider.language, language);
  }
  assert.equal(heardBy({ model: "nova-3" }).config.base.language, "en");
});

test("today's canonical Settings is lifted: fall-backs, functions, opting out of training", () => {
  const { config, warnings } = load({
    ...SETTINGS,
    tags: ["phone"],
    mip_opt_out: false,
    flags: { history: true },
    agent: {
      listen: {
        provider: {
          type: "deepgram",
          version: "v2",
          model: "flux-general-en",
          eot_threshold: 0.7,
          eager_eot_threshold: 0.5,
          eot_timeout_ms: 5000,
          keyterms: ["Acme"],
        },
      },
      think: [
        {
          provider: { type: "open_ai", model: "gpt-4o-mini" },
          prompt: "P",
          functions: [
            {
              name: "book_table",
              description: "Book a table",
              parameters: { type: "object", properties: { size: { type: "integer" } }, required: ["size"] },
              endpoint: { url: "https://api.example.com/book", method: "post", headers: { "x-key": "k" } },
            },
            { name: "end_call", description: "Hang up", parameters: { type: "object", properties: {} } },
            {
              name: "lookup",
              description: "Look up",
              parameters: { type: "object", properties: {} },
              client_side: true,
            },
          ],
        },
        { provider: { type: "anthropic", model: "claude-haiku-4-5" }, prompt: "P" },
      ],
      speak: [{ provider: { type: "deepgram", version: "v1", model: "aura-2-thalia-en" } }],
      greeting: "Hi",
    },
  });
  const { base } = config;
  assert.equal(base.prompt, "P");
  assert.deepEqual(base.agent.think.map(({ provider }) => provider.type), ["open_ai", "anthropic"]);
  assert.deepEqual(base.tools.map(({ kind, name }) => [kind, name]), [["http", "book_table"], [
    "end_call",
    "end_call",
  ]]);
  const [book] = base.tools;
  assert.deepEqual(book?.kind === "http" && book.http, {
    url: "https://api.example.com/book",
    method: "POST",
    headers: { "x-key": "k" },
    timeoutMs: 4000,
  });
  assert.equal(base.privacy.vendorTraining, true);
  assert.deepEqual(keys(warnings), [
    "tags",
    "mip_opt_out",
    "agent.think[0].functions[2].client_side",
    "agent.think[0].functions[2]",
  ]);
});

test("audio that no phone line carries is corrected, with a warning for each field", () => {
  const { warnings } = load({
    ...SETTINGS,
    audio: {
      input: { encoding: "linear16", sample_rate: 16000 },
      output: { encoding: "linear16", sample_rate: 24000, container: "wav" },
    },
  });
  assert.deepEqual(keys(warnings).slice(0, 5), [
    "audio.input.encoding",
    "audio.input.sample_rate",
    "audio.output.encoding",
    "audio.output.sample_rate",
    "audio.output.container",
  ]);
  assert.match(warnings[0]!.problem, /"linear16"; corrected to "mulaw"/);
});

test("what else stands under audio is told too", () => {
  const audio = { input: { encoding: "mulaw", sampel_rate: 16000 }, output: { bitrate: 48000 }, inptu: {} };
  const { warnings } = load({ ...SETTINGS, audio });
  assert.deepEqual(keys(warnings).slice(0, 3), ["audio.inptu", "audio.input.sampel_rate", "audio.output.bitrate"]);
});

test("a saved agent configuration cannot be lifted", () => {
  assert.match(
    noteOf(faults({ ...SETTINGS, agent: "b3f7c0aa-0000-4000-8000-000000000000" }), "agent").problem,
    /saved agent configuration/,
  );
});

test("a Settings message with a fault names it where it is lifted to", () => {
  const file = {
    ...SETTINGS,
    agent: { ...SETTINGS.agent, listen: { provider: { type: "deepgram", model: "nova-3", smart_fromat: true } } },
  };
  assert.match(noteOf(faults(file), "agent.listen.provider.smart_fromat").remedy, /smart_format/);
});

const RENAMED: [
  what: string,
  file: object,
  key: string,
  of: (loaded: ReturnType<typeof config>) => unknown,
  is: unknown,
][] = [
  [
    "keyterm",
    { ...P, agent: { listen: { provider: { type: "deepgram", model: "nova-3", keyterm: "Acme" } } } },
    "agent.listen.provider.keyterm",
    (c) => c.base.agent.listen.provider.keyterms,
    ["Acme"],
  ],
  [
    "keyterm of the pipeline",
    { ...P, pipeline: { listen: { provider: { type: "deepgram", model: "nova-3", keyterm: ["a", "b"] } } } },
    "pipeline.listen.provider.keyterm",
    (c) => c.base.pipeline.listen.provider.keyterms,
    ["a", "b"],
  ],
  [
    "language_hint",
    { ...P, agent: { listen: { provider: { type: "deepgram", model: "flux-general-multi", language_hint: "es" } } } },
    "agent.listen.provider.language_hint",
    (c) => c.base.agent.listen.provider.language_hints,
    ["es"],
  ],
  ["agent.language", { ...P, agent: { language: "fr" } }, "agent.language", (c) => c.base.language, "fr"],
  ["agent.instructions", { agent: { instructions: "I" } }, "agent.instructions", (c) => c.base.prompt, "I"],
  [
    "think.instructions",
    { agent: { think: { provider: { type: "open_ai", model: "gpt-4o-mini" }, instructions: "I" } } },
    "agent.think.instructions",
    (c) => c.base.prompt,
    "I",
  ],
  [
    "agent.mip_opt_out",
    { ...P, agent: { mip_opt_out: true } },
    "agent.mip_opt_out",
    (c) => c.base.privacy.vendorTraining,
    false,
  ],
  ["mip_opt_out", { ...P, mip_opt_out: false }, "mip_opt_out", (c) => c.base.privacy.vendorTraining, true],
  [
    "agent.think_model",
    { ...P, agent: { think_model: "claude-haiku-4-5" } },
    "agent.think_model",
    (c) => c.base.agent.think[0]?.provider,
    { type: "anthropic", model: "claude-haiku-4-5" },
  ],
  [
    "agent.listen.model",
    { ...P, agent: { listen: { model: "nova-2-phonecall" } } },
    "agent.listen.model",
    (c) => c.base.agent.listen.provider.model,
    "nova-2-phonecall",
  ],
  [
    "agent.speak_model",
    { ...P, agent: { speak_model: "aura-asteria-en" } },
    "agent.speak_model",
    (c) => c.base.agent.speak[0]?.provider,
    { type: "deepgram", model: "aura-asteria-en" },
  ],
  [
    "provider.endpoint",
    {
      ...P,
      agent: {
        think: {
          provider: { type: "groq", model: "m", endpoint: { url: "https://api.groq.com/openai/v1/chat/completions" } },
        },
      },
    },
    "agent.think.provider.endpoint",
    (c) => c.base.agent.think[0]?.endpoint?.url,
    "https://api.groq.com/openai/v1/chat/completions",
  ],
  [
    "a function's own url",
    {
      ...P,
      agent: {
        think: {
          provider: { type: "open_ai", model: "gpt-4o-mini" },
          functions: [{
            name: "f",
            description: "d",
            parameters: { type: "object", properties: {} },
            url: "https://a.example/f",
            method: "GET",
          }],
        },
      },
    },
    "agent.think.functions[0].url",
    (c) => c.base.tools[0]?.kind,
    "http",
  ],
  [
    "Polly's credentials",
    {
      ...P,
      agent: {
        speak: {
          provider: {
            type: "aws_polly",
            voice: "Joanna",
            language_code: "en-US",
            engine: "neural",
            credentials: { type: "IAM", region: "r", access_key_id: "a", secret_access_key: "s" },
          },
          endpoint: { url: "https://polly.example.com" },
        },
      },
    },
    "agent.speak.provider.credentials.type",
    (c) => c.base.agent.speak[0]?.provider.type === "aws_polly" && c.base.agent.speak[0].provider.credentials.type,
    "iam",
  ],
  [
    "language_code",
    {
      ...P,
      agent: {
        speak: {
          provider: { type: "eleven_labs", model_id: "eleven_turbo_v2_5", language_code: "en" },
          endpoint: { url: "wss://api.elevenlabs.io/x" },
        },
      },
    },
    "agent.speak.provider.language_code",
    (c) => c.base.agent.speak[0]?.provider.type === "eleven_labs" && c.base.agent.speak[0].provider.language,
    "en",
  ],
  [
    "SettingsConfiguration",
    { ...SETTINGS, type: "SettingsConfiguration" },
    "type",
    (c) => c.base.prompt,
    "You answer calls for Acme.",
  ],
];

for (const [what, file, key, of, is] of RENAMED) {
  test(`an old name is brought over with a warning: ${what}`, () => {
    const { config, warnings } = load(file);
    assert.deepEqual(of(config), is);
    const note = noteOf(warnings, key);
    assert.ok(note.remedy.length > 5);
  });
}

test("an old model name of an unknown vendor cannot be brought over", () => {
  assert.match(noteOf(faults({ ...P, agent: { think_model: "llama" } }), "agent.think_model").remedy, /"open_ai"/);
});

test("what is written twice is used once, with a warning", () => {
  const { config, warnings } = load({
    ...P,
    agent: { think: { provider: { type: "open_ai", model: "gpt-4o-mini" }, prompt: "Other." } },
  });
  assert.equal(config.base.prompt, "Be kind.");
  assert.match(noteOf(warnings, "agent.think.prompt").problem, /not used/);
});

test("a number may be written in old names too", () => {
  const { config, warnings } = load({ ...P, numbers: { "+15550101": { agent: { greeting: "Billing." } } } });
  assert.equal(config.numbers["+15550101"]?.greeting?.text, "Billing.");
  assert.deepEqual(warnings, []);
});

test("a function keeps the method of its endpoint, and is posted to where it names none", () => {
  const methodOf = (endpoint: object) => {
    const parameters = { type: "object", properties: {} };
    const functions = [{ name: "find", description: "Finds.", parameters, endpoint }];
    const think = { provider: { type: "open_ai", model: "gpt-4o-mini" }, functions };
    const [tool] = load({ ...P, agent: { think } }).config.base.tools;
    return tool?.kind === "http" && tool.http.method;
  };
  const url = "https://api.example.com/find";
  assert.deepEqual([methodOf({ url, method: "get" }), methodOf({ url })], ["GET", "POST"]);
});
