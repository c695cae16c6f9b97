import assert from "node:assert/strict";
import { loadEnv, VARIABLE_NAMES } from "../../lib/config.ts";
import { test } from "../case.ts";
import { config, faults, LIVE, load, noteOf } from "./make.ts";

const P = { prompt: "Be kind." };
const PIPELINE = {
  ...P,
  pipeline: {
    listen: { provider: { type: "deepgram", model: "nova-3", endpointing: 300, keyterms: ["clinic"] } },
    think: [{ provider: { type: "open_ai", model: "gpt-4o-mini" } }, {
      provider: { type: "groq", model: "qwen/qwen3-32b" },
    }],
    speak: [{ provider: { type: "cartesia", model_id: "sonic-3.5", voice: "a" } }, {
      provider: { type: "deepgram", model: "aura-2-thalia-en" },
    }],
  },
};

const BROKEN: [name: string, value: string, problem: RegExp, remedy: RegExp][] = [
  ["PORT", "http", /is "http"/, /0 to 65535/],
  ["PORT", "70000", /is "70000"/, /0 to 65535/],
  ["TRUST_PROXY", "maybe", /is "maybe"/, /true or false/],
  ["MAX_CALLS", "0", /is "0"/, /1 to 100000/],
  ["LOG_LEVEL", "warn", /is "warn"/, /Did you mean warning/],
  ["VENDOR_SOCKET", "node", /is "node"/, /auto, native, ws/],
  ["UPLINK_MS", "30", /is "30"/, /multiple of 20/],
  ["ADMIN_TOKEN", "hunter2", /has 7 characters/, /24 or more/],
  ["TWILIO_ACCOUNT_SID", "SK0123456789abcdef0123456789abcdef", /API key/, /AC and 32/],
  ["DEEPGRAM_API_KEY", "abc def", /space/, /Copy the key again/],
  ["DEEPGRAM_AGENT_URL", "https://agent.deepgram.com", /is "https/, /wss:\/\/ or ws:\/\//],
  ["LLM_BASE_URL", "localhost:11434", /is "localhost/, /https:\/\/ or http:\/\//],
  ["CALL_WEBHOOK_URL", "http://example.com/hook", /not an https/, /this machine/],
  ["SILENCE_TIMEOUT_SECONDS", "soon", /is "soon"/, /0\.2 to 200/],
  ["PUBLIC_HOST", "agent.example.com/incoming-call", /has a path/, /only agent\.example\.com/],
  ["PUBLIC_HOST", "agent.example.com:8443", /has a port/, /443/],
  ["PUBLIC_HOST", "http://agent.example.com", /unencrypted/, /TLS/],
  ["PUBLIC_HOST", "my server", /not a host name/, /agent\.example\.com/],
  ["PUBLIC_HOST", "myserver", /no domain/, /agent\.example\.com/],
];

for (const [name, value, problem, remedy] of BROKEN) {
  test(`a broken variable says what is wrong: ${name}=${value}`, () => {
    const note = noteOf(faults(P, { env: { ...LIVE, [name]: value } }), name);
    assert.equal(note.file, "environment");
    assert.match(note.problem, problem);
    assert.match(note.remedy, remedy);
  });
}

test("a faulty key or token is never quoted", () => {
  for (const name of ["ADMIN_TOKEN", "DEEPGRAM_API_KEY", "TWILIO_ACCOUNT_SID", "GROQ_API_KEY"]) {
    const notes = faults(P, { env: { [name]: "geheim \u00e4" } });
    assert.ok(!JSON.stringify(notes).includes("geheim"), name);
  }
  const notes = faults(P, { env: { ...LIVE, CALL_WEBHOOK_URL: "http://hooks.example.com/geheim" } });
  assert.ok(!JSON.stringify(notes).includes("geheim"), "the address of a webhook is often a key");
});

test("PUBLIC_HOST is taken with https:// and a slash, and with a port on this machine", () => {
  for (
    const [written, host] of [
      ["https://Agent.Example.com/", "agent.example.com"],
      ["wss://a.example.com", "a.example.com"],
      ["a.example.com:443", "a.example.com"],
      ["localhost:5000", "localhost:5000"],
    ] as const
  ) {
    assert.equal(config(P, { env: { ...LIVE, PUBLIC_HOST: written } }).server.publicHost, host);
  }
});

test("an empty environment gives the documented defaults", () => {
  const { server, urls, keys, secrets } = config(P);
  assert.deepEqual(server, {
    port: 5000,
    bind: "0.0.0.0",
    trustProxy: false,
    drainSeconds: 300,
    pacerLeadMs: 200,
    vendorSocket: "auto",
    dataDir: "./data",
    logLevel: "info",
    logFormat: "auto",
    onDeploy: false,
    maxCalls: 40,
  });
  assert.equal(urls.agent, "wss://agent.deepgram.com/v1/agent/converse");
  assert.equal(urls.flux, "wss://api.deepgram.com/v2/listen");
  assert.deepEqual([keys, secrets], [{}, {}]);
});

test("empty variables count as not set", () => {
  const env = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, ""]));
  assert.equal(config(P, { env }).hash, config(P).hash);
});

test("on Deno Deploy draining is short", () => {
  assert.equal(config(P, { env: { DENO_DEPLOY: "true" } }).server.drainSeconds, 4);
  assert.equal(config(P, { env: { DENO_DEPLOY: "true", DRAIN_SECONDS: "20" } }).server.drainSeconds, 20);
});

test("the environment wins over a number, a number over the file, the file over the default, and origins tell", () => {
  const file = {
    ...PIPELINE,
    silence: { promptAfterMs: 5000 },
    numbers: { "+15550101": { silence: { promptAfterMs: 6000, maxPrompts: 1 } } },
  };
  const plain = load(file);
  assert.equal(plain.config.base.silence.promptAfterMs, 5000);
  assert.equal(plain.config.numbers["+15550101"]?.silence.promptAfterMs, 6000);
  assert.equal(plain.origins()["base.silence.promptAfterMs"], "config.json");
  assert.equal(plain.origins()["base.silence.maxPrompts"], "default");
  assert.equal(plain.origins()["numbers.+15550101.silence.promptAfterMs"], "config.json");

  const env = {
    SILENCE_TIMEOUT_SECONDS: "1.5",
    MAX_HISTORY_TURNS: "4",
    MIN_INTERRUPTION_WORDS: "2",
    GROQ_MODEL: "openai/gpt-oss-120b",
    CARTESIA_VOICE_ID: "b",
    USE_DEEPGRAM_FLUX: "true",
    ROUTER_ENABLED: "false",
    MAX_CALLS: "7",
    PORT: "81",
  };
  const { config, origins } = load(file, { env });
  for (const call of [config.base, config.numbers["+15550101"]!]) {
    assert.equal(call.silence.promptAfterMs, 4500);
    assert.equal(call.pipeline.turn.maxHistoryTurns, 4);
    assert.equal(call.pipeline.turn.minInterruptionWords, 2);
    assert.equal(call.pipeline.think[0]?.provider.model, "gpt-4o-mini");
    assert.equal(call.pipeline.think[1]?.provider.model, "openai/gpt-oss-120b");
    assert.deepEqual(call.pipeline.speak[0]?.provider, {
      type: "cartesia",
      model_id: "sonic-3.5",
      voice: "b",
      language: "en",
    });
    assert.deepEqual(call.pipeline.listen.provider, {
      type: "deepgram",
      model: "flux-general-en",
      keyterms: ["clinic"],
    });
    assert.equal(call.routerEnabled, false);
  }
  assert.equal(config.numbers["+15550101"]?.silence.maxPrompts, 1);
  assert.equal(config.server.maxCalls, 7);
  assert.equal(origins()["base.silence.promptAfterMs"], "environment SILENCE_TIMEOUT_SECONDS");
  assert.equal(origins()["numbers.+15550101.silence.promptAfterMs"], "environment SILENCE_TIMEOUT_SECONDS");
  assert.equal(origins()["base.pipeline.think"], "environment GROQ_MODEL");
  assert.equal(origins()["base.pipeline.listen.provider.model"], "environment USE_DEEPGRAM_FLUX");
  assert.equal(origins()["server.port"], "environment PORT");
  assert.equal(origins()["server.maxCalls"], "environment MAX_CALLS");
});

test("flags win over the environment", () => {
  const { config, origins } = load(P, {
    env: { PORT: "81", BIND: "127.0.0.1" },
    flags: { port: 82, host: "::1", drain: 9, json: true },
  });
  assert.deepEqual([config.server.port, config.server.bind, config.server.drainSeconds], [82, "::1", 9]);
  assert.equal(origins()["server.port"], "--port");
  assert.equal(config.server.logFormat, "json");
});

test("the file's limit of calls holds where MAX_CALLS is not set", () => {
  const { config, origins } = load({ ...P, limits: { callsAtOnce: 12 } });
  assert.equal(config.server.maxCalls, 12);
  assert.equal(origins()["server.maxCalls"], "config.json");
});

test("a variable that does nothing, or is misspelt, is a warning", () => {
  const { warnings } = load({ ...P, pipeline: { think: { provider: { type: "open_ai", model: "gpt-4o-mini" } } } }, {
    env: { GROQ_MODEL: "x", DEEPGRAM_KEY: "k", CALL_WEBHOOK_URL: "https://example.com/hook" },
  });
  assert.match(noteOf(warnings, "GROQ_MODEL").problem, /does nothing/);
  assert.match(noteOf(warnings, "DEEPGRAM_KEY").remedy, /DEEPGRAM_API_KEY/);
  assert.match(noteOf(warnings, "CALL_WEBHOOK_SECRET").problem, /unsigned/);
  assert.deepEqual(load(P, { env: { ...LIVE, DEEPGRAM_API_KEYS: "k" } }).warnings, [], "what it could mean is set");
  assert.deepEqual(load(P, { env: { TWILIO_PHONE_NUMBER: "+15550101", HOME: "/", ...LIVE } }).warnings, []);
});

test("an .env file is read as dotenv reads it", () => {
  assert.deepEqual(loadEnv('\uFEFFPORT=81 # here\r\nSECRET_A="a b"\r\n\r\n# no\nexport GROQ_MODEL=x\n'), {
    PORT: "81",
    SECRET_A: "a b",
    GROQ_MODEL: "x",
  });
});

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

test(".env.example names every variable we read, and no other", () => {
  const text = read(".env.example");
  const named = Object.keys(loadEnv(text.replace(/^# (?=[A-Z_]+=)/gm, ""))).filter((name) =>
    !name.startsWith("SECRET_")
  );
  assert.deepEqual(named.sort(), [...VARIABLE_NAMES].sort());
  assert.equal(config(P, { env: loadEnv(text) }).hash, config(P).hash);
});

test("a copy of .env.example takes nothing away that the image or the service sets", () => {
  // As --env-file and EnvironmentFile= an empty value there would be stronger.
  const [image] = /^ENV .*$/m.exec(read("Dockerfile"))!;
  const [service] = /^Environment=.*$/m.exec(read("README.md"))!;
  const set = [...`${image} ${service.replace("Environment=", " ")}`.matchAll(/ ([A-Z_]+)=/g)].map(([, name]) => name!);
  assert.deepEqual([...new Set(set)].sort(), ["BIND", "DATA_DIR"]);
  const example = loadEnv(read(".env.example"));
  assert.deepEqual(set.filter((name) => name in example), []);
});

test("a reasoning effort that the model of GROQ_MODEL does not take goes with the model it was written for", () => {
  const provider = { type: "groq", model: "openai/gpt-oss-20b", reasoning_effort: "low" };
  const effort = (GROQ_MODEL: string) =>
    load({ ...P, pipeline: { think: { provider } } }, { env: { GROQ_MODEL } }).config.base.pipeline.think[0]!.provider
      .reasoning_effort;
  assert.equal(effort("openai/gpt-oss-120b"), "low");
  assert.equal(effort("qwen/qwen3.8-27b"), "low");
  assert.equal(effort("qwen/qwen3.6-27b"), undefined);
});

test("of a section that the file has in part, only that part comes from it; who rehearses is told why", () => {
  const file = { ...P, pipeline: { turn: { eager: true } } };
  const origins = load(file).origins();
  assert.deepEqual(
    ["base.pipeline.turn.eager", "base.pipeline.turn.maxHistoryTurns", "base.pipeline.speak"].map((at) => origins[at]),
    ["config.json", "default", "default"],
  );
  assert.match(origins.rehearsal!, /^neither PUBLIC_HOST/);
  assert.deepEqual(load(file, { env: LIVE }).origins().rehearsal, "environment");
});
