import assert from "node:assert/strict";
import { llmKeyFor, llmUrlFor, missingKeys } from "../../lib/config.ts";
import { test } from "../case.ts";
import { config, faults, LIVE, load, noteOf } from "./make.ts";

const AGENT = { prompt: "x" };
const think = (type: string, model = "m", more = {}) => ({ provider: { type, model }, ...more });
const PIPELINE = {
  prompt: "x",
  engine: "pipeline",
  pipeline: {
    think: [think("groq")],
    speak: [{ provider: { type: "cartesia" } }, { provider: { type: "deepgram", model: "aura-2-thalia-en" } }],
  },
};

test("rehearsal starts by itself only where nothing of a real line is set", () => {
  assert.equal(config(AGENT).rehearsal, true);
  assert.equal(config(AGENT, { env: { DEEPGRAM_API_KEY: "k" } }).rehearsal, true);
  for (
    const env of [{ PUBLIC_HOST: "a.example.com" }, { TWILIO_AUTH_TOKEN: "t" }, {
      TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
    }, { TWILIO_API_URL: "http://localhost:1" }]
  ) {
    assert.equal(config(AGENT, { env: { DEEPGRAM_API_KEY: "k", ...env } }).rehearsal, false);
    assert.equal(config(AGENT, { env, flags: { rehearse: true } }).rehearsal, true);
  }
});

test("a server that lost its keys does not start", () => {
  const notes = faults(AGENT, { env: { PUBLIC_HOST: "a.example.com" } });
  assert.deepEqual(notes.map(({ file, key }) => [file, key]), [["environment", "DEEPGRAM_API_KEY"]]);
  assert.match(notes[0]!.remedy, /--rehearse/);
});

test("missing keys are told together with the faults of the file", () => {
  const env = { PUBLIC_HOST: "a.example.com" };
  assert.deepEqual(faults({ prompt: "x", engine: "no" }, { env }).map(({ key }) => key), [
    "engine",
    "DEEPGRAM_API_KEY",
  ]);
  const told = faults(AGENT, { env: { ...env, DEEPGRAM_API_KEY: "a b", PORT: "many" } }).map(({ key }) => key);
  assert.deepEqual(told, ["PORT", "DEEPGRAM_API_KEY"], "one that is there and wrong is not missing too");
  assert.equal(faults(AGENT, { env: { ...env, PORT: "many" } }).length, 2);
  const keys = faults({ ...PIPELINE, numbers: { "+15550101": { engine: "no" } } }, { env }).map(({ key }) => key);
  assert.deepEqual(keys, ["numbers.+15550101.engine", "DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"]);
});

test("only the keys of the chosen engine are asked for", () => {
  assert.equal(config({ ...PIPELINE, engine: "agent" }, { env: LIVE }).base.engine, "agent");
  const notes = faults(PIPELINE, { env: { PUBLIC_HOST: "a.example.com" } });
  assert.deepEqual(notes.map(({ key }) => key), ["DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"]);
  assert.match(notes[1]!.problem, /pipeline\.think\[0\]/);
});

test("the engine of a number is checked too", () => {
  const [note] = faults({ ...PIPELINE, engine: "agent", numbers: { "+15550101": { engine: "pipeline" } } }, {
    env: { ...LIVE, CARTESIA_API_KEY: "c" },
  });
  assert.equal(note?.key, "GROQ_API_KEY");
  assert.match(note?.problem ?? "", /numbers\.\+15550101\.pipeline\.think\[0\]/);
});

test("a spare without a key is left out of a live configuration, with a warning", () => {
  const file = { ...PIPELINE, pipeline: { ...PIPELINE.pipeline, think: [think("groq"), think("open_ai")] } };
  const { config, warnings } = load(file, { env: { ...LIVE, GROQ_API_KEY: "g", CARTESIA_API_KEY: "c" } });
  assert.deepEqual(config.base.pipeline.think.map(({ provider }) => provider.type), ["groq"]);
  assert.match(noteOf(warnings, "OPENAI_API_KEY").problem, /left out/);
  assert.equal(load(file).config.base.pipeline.think.length, 2);
});

test("facts that are asked for and that no language model can find are told, with the key that would", () => {
  const file = { ...AGENT, extraction: { fields: { name: { type: "string" } } } };
  const note = noteOf(load(file, { env: LIVE }).warnings, "GROQ_API_KEY");
  assert.match(note.problem, /extraction is off: no model key/);
  for (const env of [{ ...LIVE, GROQ_API_KEY: "g" }, { ...LIVE, LLM_BASE_URL: "http://localhost:11434/v1" }, {}]) {
    assert.deepEqual(load(file, { env }).warnings, []);
  }
  assert.deepEqual(load(AGENT, { env: LIVE }).warnings, [], "what is not written is not missed");
  const rehearsed = { env: { DEEPGRAM_API_KEY: "k" } };
  assert.match(
    noteOf(load(file, rehearsed).warnings, "GROQ_API_KEY").problem,
    /extraction is off/,
    "a real agent's call",
  );
  assert.deepEqual(load({ ...file, engine: "pipeline" }, rehearsed).warnings, [], "the stand-in's model finds them");
});

test("missing keys are told for stand-ins and checks", () => {
  const rehearsed = config(PIPELINE, { env: { GROQ_API_KEY: "g" } });
  assert.deepEqual(missingKeys(rehearsed, rehearsed.base).map(({ path, vendor }) => [path, vendor]), [
    ["pipeline.listen", "Deepgram"],
    ["pipeline.speak[0]", "Cartesia"],
    ["pipeline.speak[1]", "Deepgram"],
  ]);
});

test("a model's key goes to its vendor's host and nowhere else", () => {
  const keys = { GROQ_API_KEY: "g", OPENAI_API_KEY: "o", LLM_API_KEY: "l" };
  const key = (entry: object, env: object = {}) => {
    const loaded = config({ prompt: "x", pipeline: { think: [entry] } }, { env: { ...keys, ...env } });
    return [llmKeyFor(loaded, loaded.base.pipeline.think[0]!), llmUrlFor(loaded, loaded.base.pipeline.think[0]!)];
  };
  assert.deepEqual(key(think("groq")), ["g", "https://api.groq.com/openai/v1"]);
  assert.deepEqual(key(think("openai")), ["o", "https://api.openai.com/v1"]);
  const elsewhere = { LLM_BASE_URL: "https://llm.example.com/v1/" };
  assert.deepEqual(key(think("groq"), elsewhere), ["l", "https://llm.example.com/v1"]);
  assert.deepEqual(key(think("open_ai"), elsewhere), ["l", "https://llm.example.com/v1"]);
  assert.deepEqual(key(think("open_ai"), { LLM_BASE_URL: "https://api.groq.com/openai/v1" }), [
    "g",
    "https://api.groq.com/openai/v1",
  ]);
  assert.deepEqual(key(think("groq", "m", { endpoint: { url: "https://api.groq.com.evil.example/v1" } })), [
    "l",
    "https://api.groq.com.evil.example/v1",
  ]);
  assert.deepEqual(key(think("self-hosted", "m", { endpoint: { url: "http://localhost:11434/v1" } })), [
    "l",
    "http://localhost:11434/v1",
  ]);
  for (const url of ["http://localhost:11434/v1/chat/completions", "http://localhost:11434/v1/chat/completions/"]) {
    assert.deepEqual(key(think("llm", "m", { endpoint: { url } }))[1], "http://localhost:11434/v1", "Deepgram's way");
    assert.deepEqual(key(think("groq"), { LLM_BASE_URL: url })[1], "http://localhost:11434/v1");
  }
  assert.deepEqual(key(think("groq"), { LLM_BASE_URL: "http://api.groq.com/openai/v1" }), [
    "l",
    "http://api.groq.com/openai/v1",
  ]);
  assert.deepEqual(key(think("groq"), { ...elsewhere, LLM_API_KEY: undefined })[0], undefined);
});

test("a model of your own needs an address", () => {
  const env = { ...LIVE, CARTESIA_API_KEY: "c" };
  const file = { ...PIPELINE, pipeline: { ...PIPELINE.pipeline, think: think("llm") } };
  assert.equal(faults(file, { env })[0]?.key, "LLM_BASE_URL");
  assert.equal(
    config(file, { env: { ...env, LLM_BASE_URL: "http://localhost:11434/v1" } }).base.pipeline.think.length,
    1,
  );
});

test("an example number behind a live transfer is a warning", () => {
  const file = { prompt: "x", tools: [{ name: "transfer_call", to: { desk: { number: "+15550142" } } }] };
  assert.match(noteOf(load(file, { env: LIVE }).warnings, "tools[0].to.desk.number").problem, /example/);
  assert.deepEqual(load(file).warnings, []);
});
