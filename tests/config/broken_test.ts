import assert from "node:assert/strict";
import { describeNotes } from "../../lib/config.ts";
import { test } from "../case.ts";
import { faults, load, noteOf } from "./make.ts";

type Row = [what: string, file: unknown, key: string, problem: RegExp, remedy: RegExp];

const P = { prompt: "Be kind." };
const route = { name: "r", utterances: ["u"], text: "t" };
const http = { url: "https://api.example.com/a" };
const tool = {
  name: "find",
  description: "Finds.",
  parameters: { type: "object", properties: { day: { type: "string" } } },
  http,
};
const desk = { name: "transfer_call", to: { desk: { number: "+15550142" } } };
const flux = (fields: object) => ({
  ...P,
  agent: { listen: { provider: { type: "deepgram", model: "flux-general-en", ...fields } } },
});

const listens = (provider: object) => ({ ...P, pipeline: { listen: { provider: { type: "deepgram", ...provider } } } });

const BROKEN: Row[] = [
  [
    "a model of Google's without a name, at Deepgram",
    { ...P, agent: { think: { provider: { type: "google" } } } },
    "agent.think.provider.model",
    /is missing/,
    /Name a model/,
  ],
  [
    "a speed that an aura voice does not take",
    { ...P, agent: { speak: { provider: { type: "deepgram", model: "aura-2-thalia-en", speed: 0.6 } } } },
    "agent.speak.provider.speed",
    /is 0\.6/,
    /0\.7 to 1\.5/,
  ],
  [
    "a reasoning effort that gpt-oss does not take",
    {
      ...P,
      pipeline: { think: { provider: { type: "groq", model: "openai/gpt-oss-20b", reasoning_effort: "none" } } },
    },
    "pipeline.think.provider.reasoning_effort",
    /"none", which openai\/gpt-oss-20b does not take/,
    /low, medium, high/,
  ],
  [
    "a header that is none",
    { ...P, tools: [{ ...tool, http: { ...http, headers: { "Authorization:": "Bearer x" } } }] },
    "tools[0].http.headers.Authorization:",
    /not a header/,
    /"Authorization"/,
  ],
  [
    "an argument of a type that JSON Schema does not have",
    { ...P, tools: [{ ...tool, parameters: { type: "object", properties: { day: { type: "int" } } } }] },
    "tools[0].parameters.properties.day.type",
    /is "int"/,
    /"integer"/,
  ],
  [
    "a list of arguments of such a type",
    {
      ...P,
      tools: [{
        ...tool,
        parameters: { type: "object", properties: { days: { type: "array", items: { type: ["date", "null"] } } } },
      }],
    },
    "tools[0].parameters.properties.days.items.type",
    /is "date"/,
    /"string", "number", "integer", "boolean", "object", "array", "null"/,
  ],
  [
    "a list that does not say of what",
    { ...P, tools: [{ ...tool, parameters: { type: "object", properties: { days: { type: "array" } } } }] },
    "tools[0].parameters.properties.days.items",
    /is missing/,
    /"items": { "type": "string" }/,
  ],
  [
    "a secret without braces",
    { ...P, tools: [{ ...tool, http: { ...http, headers: { Authorization: "Bearer $SECRET_BOOKING" } } }] },
    "tools[0].http.headers.Authorization",
    /\$SECRET_BOOKING without braces/,
    /\$\{SECRET_BOOKING\}/,
  ],
  [
    "the bound of an answer by its old name",
    { ...P, pipeline: { think: { provider: { type: "open_ai", model: "m", max_tokens: 99 } } } },
    "pipeline.think.provider.max_tokens",
    /not a known key/,
    /"max_completion_tokens"/,
  ],
  [
    "a key of a vendor in the file",
    { ...P, pipeline: { think: { provider: { type: "open_ai", model: "m", api_key: "sk-1" } } } },
    "pipeline.think.provider.api_key",
    /not a known key/,
    /\.env/,
  ],
  ["a key misspelt at the top", { ...P, greting: "Hi" }, "greting", /not a known key/, /Did you mean "greeting"/],
  [
    "a key in another manner of writing",
    { ...P, silence: { prompt_after_ms: 1 } },
    "silence.prompt_after_ms",
    /not a known key/,
    /"promptAfterMs"/,
  ],
  [
    "a key like no other",
    { ...P, limits: { zebra: 1 } },
    "limits.zebra",
    /not a known key/,
    /Known here: callsAtOnce, callMinutes/,
  ],
  ["no prompt", { name: "x" }, "prompt", /is missing/, /Write a text in double quotes or a list/],
  ["an empty prompt", { prompt: ["", " "] }, "prompt", /is empty/, /who the agent is/],
  [
    "a prompt file that is not there",
    { prompt: { file: "assets/nope.md" } },
    "prompt.file",
    /"assets\/nope.md", which cannot be read/,
    /Create that file/,
  ],
  ["an engine misspelt", { ...P, engine: "pipelin" }, "engine", /is "pipelin"/, /Did you mean "pipeline"/],
  [
    "a number in quotes",
    { ...P, limits: { callMinutes: "5" } },
    "limits.callMinutes",
    /is "5"/,
    /number without quotes/,
  ],
  ["a number out of range", { ...P, privacy: { keepDays: -1 } }, "privacy.keepDays", /is -1/, /Write 0 or more/],
  ["a number far too large", { ...P, silence: { maxPrompts: 50 } }, "silence.maxPrompts", /is 50/, /Write 20 or less/],
  ["a time zone by its city", { ...P, timezone: "New York" }, "timezone", /not a time zone/, /"America\/New_York"/],
  ["a language by its name", { ...P, language: "English" }, "language", /"English"/, /like "en"/],
  ["a greeting without words", { ...P, greeting: { audio: "greeting" } }, "greeting.text", /is missing/, /a text/],
  [
    "a recording with its ending",
    { ...P, greeting: { text: "Hi", audio: "greeting.wav" } },
    "greeting.audio",
    /"greeting.wav"/,
    /bare name/,
  ],
  [
    "a line that is a number",
    { ...P, lines: { goodbye: 7 } },
    "lines.goodbye",
    /is 7/,
    /a text in double quotes or an object/,
  ],
  [
    "two routes of one name",
    { ...P, routes: [route, route] },
    "routes[1].name",
    /"r", as in routes\[0\]/,
    /its own name/,
  ],
  [
    "a route that nothing leads to",
    { ...P, routes: [{ ...route, utterances: [] }] },
    "routes[0].utterances",
    /is empty/,
    /at least one entry/,
  ],
  [
    "a route with nothing to say",
    { ...P, routes: [{ name: "r", utterances: ["u"] }] },
    "routes[0].text",
    /is missing, and so is audio/,
    /or both/,
  ],
  [
    "a route that ends strangely",
    { ...P, routes: [{ ...route, then: "hang_up" }] },
    "routes[0].then",
    /"hang_up"/,
    /Did you mean "hangup"/,
  ],
  [
    "a route that transfers to nobody",
    { ...P, routes: [{ ...route, then: "transfer" }] },
    "routes[0].transferTo",
    /is missing/,
    /transfer_call/,
  ],
  [
    "a transfer to an unknown desk",
    { ...P, tools: [desk], routes: [{ ...route, then: "transfer", transferTo: "dek" }] },
    "routes[0].transferTo",
    /does not know/,
    /Did you mean "desk"/,
  ],
  [
    "a fallback without a tool for it",
    { ...P, fallback: { transferTo: "desk" } },
    "fallback.transferTo",
    /does not know/,
    /Add the tool transfer_call/,
  ],
  [
    "a tool without an address",
    { ...P, tools: [{ ...tool, http: undefined }] },
    "tools[0].http",
    /is missing/,
    /http\.url/,
  ],
  [
    "a built-in tool misspelt",
    { ...P, tools: [{ name: "endcall" }] },
    "tools[0].name",
    /is "endcall", which is not built in/,
    /Did you mean "end_call"/,
  ],
  [
    "a tool for the model without a description",
    { ...P, tools: [{ ...tool, description: undefined }] },
    "tools[0].description",
    /is missing/,
    /one sentence/,
  ],
  [
    "a tool without parameters",
    { ...P, tools: [{ ...tool, parameters: undefined }] },
    "tools[0].parameters",
    /is missing/,
    /"type": "object"/,
  ],
  [
    "parameters that are not of an object",
    { ...P, tools: [{ ...tool, parameters: { type: "string" } }] },
    "tools[0].parameters.type",
    /is "string"/,
    /"object"/,
  ],
  [
    "a required argument that is not declared",
    { ...P, tools: [{ ...tool, parameters: { ...tool.parameters, required: ["dya"] } }] },
    "tools[0].parameters.required",
    /"dya"/,
    /Did you mean "day"/,
  ],
  [
    "a placeholder that is not declared",
    { ...P, tools: [{ ...tool, http: { url: "https://a.example/x?d={{dai}}" } }] },
    "tools[0].http.url",
    /\{\{dai\}\}/,
    /Did you mean "day"/,
  ],
  [
    "a placeholder for a host",
    { ...P, tools: [{ ...tool, http: { url: "https://{{day}}/x" } }] },
    "tools[0].http.url",
    /not an address/,
    /fixed host/,
  ],
  [
    "a tool without encryption",
    { ...P, tools: [{ ...tool, http: { url: "http://api.example.com/a" } }] },
    "tools[0].http.url",
    /unencrypted/,
    /https:\/\//,
  ],
  [
    "a secret that is not set",
    { ...P, tools: [{ ...tool, http: { ...http, headers: { Authorization: "Bearer ${SECRET_BOOKING}" } } }] },
    "tools[0].http.headers.Authorization",
    /SECRET_BOOKING, which is not set/,
    /\.env/,
  ],
  [
    "a variable that is no secret of the tools",
    { ...P, beforeCall: { url: "https://crm.example.com/?k=${DEEPGRAM_API_KEY}" } },
    "beforeCall.url",
    /\$\{DEEPGRAM_API_KEY\}/,
    /SECRET_DEEPGRAM_API_KEY/,
  ],
  [
    "a call variable misspelt",
    { ...P, beforeCall: { url: "https://crm.example.com/?n={{callr}}" } },
    "beforeCall.url",
    /\{\{callr\}\}/,
    /\{\{caller\}\}/,
  ],
  [
    "a transfer to an emergency number",
    { ...P, tools: [{ name: "transfer_call", to: { help: { number: "911" } } }] },
    "tools[0].to.help.number",
    /emergency number/,
    /hang up and dial/,
  ],
  [
    "a transfer to the emergency number abroad",
    { ...P, tools: [{ name: "transfer_call", to: { help: { number: "+112" } } }] },
    "tools[0].to.help.number",
    /emergency number/,
    /hang up/,
  ],
  [
    "a transfer to a premium number",
    { ...P, tools: [{ name: "transfer_call", to: { quiz: { number: "+19005550142" } } }] },
    "tools[0].to.quiz.number",
    /premium-rate/,
    /ordinary number/,
  ],
  [
    "a number as people write it",
    { ...P, tools: [{ name: "transfer_call", to: { desk: { number: "(212) 555-0142" } } }] },
    "tools[0].to.desk.number",
    /E\.164/,
    /"\+12125550142"/,
  ],
  [
    "hours as people write them",
    { ...P, tools: [{ name: "transfer_call", to: { desk: { number: "+15550142", hours: "9 to 5" } } }] },
    "tools[0].to.desk.hours",
    /not opening hours/,
    /Mon-Fri 09:00-17:00/,
  ],
  [
    "recording that nobody is told of",
    { ...P, privacy: { recording: true } },
    "privacy.recording",
    /no line/,
    /recordingNotice/,
  ],
  [
    "recording that only a greeting tells of which the engine speaks",
    { ...P, privacy: { recording: true }, greeting: { text: "Hi, this call is recorded.", interruptible: false } },
    "privacy.recording",
    /no line/,
    /"audio"/,
  ],
  [
    "a field with a format that does not fit",
    { ...P, extraction: { fields: { ok: { type: "boolean", format: "phone" } } } },
    "extraction.fields.ok.format",
    /boolean/,
    /"type": "string"/,
  ],
  [
    "a field with a space in its name",
    { ...P, extraction: { fields: { "next step": { type: "string" } } } },
    "extraction.fields.next step",
    /not a name for a field/,
    /next_step/,
  ],
  [
    "smart_format with Flux",
    flux({ smart_format: true }),
    "agent.listen.provider.smart_format",
    /not taken by the model "flux-general-en"/,
    /Remove it/,
  ],
  ["a Flux model that is none", flux({ model: "flux" }), "agent.listen.provider.model", /is "flux"/, /flux-general-en/],
  [
    "an eager threshold above the other",
    flux({ eot_threshold: 0.6, eager_eot_threshold: 0.8 }),
    "agent.listen.provider.eager_eot_threshold",
    /above eot_threshold/,
    /0\.6/,
  ],
  [
    "language hints for one language",
    flux({ language_hints: ["en"] }),
    "agent.listen.provider.language_hints",
    /not taken/,
    /flux-general-multi/,
  ],
  [
    "a Flux knob on Nova",
    { ...P, agent: { listen: { provider: { type: "deepgram", model: "nova-3", eot_threshold: 0.7 } } } },
    "agent.listen.provider.eot_threshold",
    /"nova-3"/,
    /flux-general-en/,
  ],
  [
    "a kind of redaction that Flux does not know",
    listens({ model: "flux-general-en", redact: ["numbers", "pci"] }),
    "pipeline.listen.provider.redact",
    /"pci".*"flux-general-en"/,
    /"numbers"/,
  ],
  [
    "keyterms for a Nova that knows none",
    listens({ model: "nova-2-phonecall", keyterms: ["Acme"] }),
    "pipeline.listen.provider.keyterms",
    /not taken by the model "nova-2-phonecall"/,
    /nova-3/,
  ],
  [
    "endpointing in the agent",
    { ...P, agent: { listen: { provider: { type: "deepgram", model: "nova-3", endpointing: 300 } } } },
    "agent.listen.provider.endpointing",
    /not a known key/,
    /./,
  ],
  [
    "a vendor that is gone",
    { ...P, agent: { think: { provider: { type: "x_ai", model: "grok" } } } },
    "agent.think.provider.type",
    /"x_ai"/,
    /"open_ai"/,
  ],
  [
    "a model that is retired",
    { ...P, agent: { think: { provider: { type: "open_ai", model: "gpt-4" } } } },
    "agent.think.provider.model",
    /retired/,
    /gpt-4o-mini/,
  ],
  [
    "a model too warm",
    { ...P, agent: { think: [{ provider: { type: "anthropic", model: "claude-haiku-4-5", temperature: 1.5 } }] } },
    "agent.think[0].provider.temperature",
    /is 1.5/,
    /1 or less/,
  ],
  [
    "groq without an endpoint",
    { ...P, agent: { think: { provider: { type: "groq", model: "openai/gpt-oss-20b" } } } },
    "agent.think.endpoint",
    /is missing/,
    /beside provider/,
  ],
  [
    "think.timeout",
    { ...P, agent: { think: { provider: { type: "open_ai", model: "gpt-4o-mini" }, timeout: 5 } } },
    "agent.think.timeout",
    /not a known key/,
    /Known here: provider, endpoint/,
  ],
  [
    "a foreign voice without an endpoint",
    { ...P, agent: { speak: { provider: { type: "eleven_labs", model_id: "eleven_turbo_v2_5" } } } },
    "agent.speak.endpoint",
    /is missing/,
    /"eleven_labs"/,
  ],
  [
    "a socket for a voice that has none at Deepgram",
    {
      ...P,
      agent: {
        speak: {
          provider: { type: "cartesia", model_id: "sonic-2", voice: { mode: "id", id: "v" } },
          endpoint: { url: "wss://api.cartesia.ai/tts/websocket" },
        },
      },
    },
    "agent.speak.endpoint.url",
    /is a socket/,
    /https:/,
  ],
  [
    "an address of ElevenLabs with a model of its own",
    {
      ...P,
      agent: {
        speak: {
          provider: { type: "eleven_labs", model_id: "eleven_turbo_v2_5" },
          endpoint: {
            url: "wss://api.elevenlabs.io/v1/text-to-speech/v/multi-stream-input?model_id=eleven_turbo_v2_5",
          },
        },
      },
    },
    "agent.speak.endpoint.url",
    /model_id/,
    /Remove/,
  ],
  [
    "a speed between the steps of a Flux voice",
    { ...P, agent: { speak: { provider: { type: "deepgram", model: "flux-kit-en", speed: 0.52 } } } },
    "agent.speak.provider.speed",
    /is 0\.52/,
    /steps of 0\.05/,
  ],
  [
    "an aura voice too slow",
    { ...P, agent: { speak: { provider: { type: "deepgram", model: "aura-2-thalia-en", speed: 0.6 } } } },
    "agent.speak.provider.speed",
    /0\.6/,
    /0\.7/,
  ],
  [
    "a voice that is none",
    { ...P, agent: { speak: { provider: { type: "deepgram", model: "thalia" } } } },
    "agent.speak.provider.model",
    /"thalia"/,
    /aura-2-thalia-en/,
  ],
  [
    "a number's own fault",
    { ...P, numbers: { "+15550101": { engine: "agnet" } } },
    "numbers.+15550101.engine",
    /"agnet"/,
    /Did you mean "agent"/,
  ],
  [
    "a number's unknown key",
    { ...P, numbers: { "+15550101": { greting: "x" } } },
    "numbers.+15550101.greting",
    /not a known key/,
    /"greeting"/,
  ],
  ["a number that is none", { ...P, numbers: { "555-0101": {} } }, "numbers.555-0101", /E\.164/, /\+15550142/],
  ["a word of other programs", { ...P, first_message: "Hi" }, "first_message", /not a known key/, /"greeting"/],
  [
    "endpointing in quotes",
    { ...P, pipeline: { listen: { provider: { type: "deepgram", model: "nova-3", endpointing: "300" } } } },
    "pipeline.listen.provider.endpointing",
    /is "300"/,
    /a number without quotes or false/,
  ],
  [
    "a tool behind a socket",
    { ...P, tools: [{ ...tool, http: { url: "wss://api.example.com/a" } }] },
    "tools[0].http.url",
    /wss:/,
    /https:\/\//,
  ],
];

for (const [what, file, key, problem, remedy] of BROKEN) {
  test(`a broken file says what is wrong and what to do: ${what}`, () => {
    const notes = faults(file);
    const note = noteOf(notes, key);
    assert.equal(note.file, "config.json");
    assert.match(note.problem, problem);
    assert.match(note.remedy, remedy);
    assert.equal(notes.length, 1, describeNotes(notes));
    const told = describeNotes(notes);
    assert.ok(told.startsWith(`config.json: ${key} `) && told.includes(note.remedy), told);
  });
}

test("all faults come together, each section's whatever is wrong with the others", () => {
  const keys = faults({
    nam: "x",
    engine: 5,
    routes: [{ name: "r", utterences: ["u"], then: "transfer" }],
    tools: [{ name: "x", http: { url: "http://api.example.com/{{y}}" } }],
    numbers: { "+15550101": { limits: { callMinutes: 0 } } },
  }, { env: { PORT: "x", ADMIN_TOKEN: "short" } }).map(({ key }) => key);
  for (
    const key of [
      "nam",
      "prompt",
      "engine",
      "routes[0].utterances",
      "routes[0].utterences",
      "tools[0].description",
      "tools[0].parameters",
      "tools[0].http.url",
      "numbers.+15550101.limits.callMinutes",
      "PORT",
      "ADMIN_TOKEN",
    ]
  ) assert.ok(keys.includes(key), `${key} is missing among ${keys.join(", ")}`);
});

test("a fault of the file is not told again for each number", () => {
  const notes = faults({
    prompt: "x",
    engine: "no",
    numbers: { "+15550101": { name: "a" }, "+15550102": { name: "b" } },
  });
  assert.equal(notes.length, 1);
});

test("a limit that holds for all numbers together does nothing below one of them, and that is told", () => {
  const limits = { callsAtOnce: 2, minutesPerDay: 3, callsPerCallerPerHour: 4, callMinutes: 5 };
  const { warnings } = load({ ...P, limits, numbers: { "+15550101": { limits } } });
  assert.deepEqual(warnings.map(({ key }) => key), [
    "numbers.+15550101.limits.callsAtOnce",
    "numbers.+15550101.limits.minutesPerDay",
    "numbers.+15550101.limits.callsPerCallerPerHour",
  ]);
  assert.match(describeNotes(warnings), /Write it outside "numbers"/);
  assert.equal(load({ ...P, numbers: { "+15550101": { limits: { callsAtOnce: 2 } } } }).warnings.length, 1);
});

test("the value of a header is never quoted", () => {
  const notes = faults({ prompt: "x", tools: [{ ...tool, http: { ...http, headers: { Authorization: 12345 } } }] });
  assert.doesNotMatch(describeNotes(notes), /12345/);
});

test("a number beyond all limits is told once, with the limit of its key", () => {
  const notes = faults({ ...P, limits: { callsAtOnce: 1e308 } });
  assert.deepEqual(notes.map(({ key, remedy }) => [key, remedy]), [["limits.callsAtOnce", "Write 100000 or less."]]);
});

test("a line that is spoken once for all calls and names one of them is warned of", () => {
  const { warnings } = load({
    ...P,
    greeting: "Hello {{caller}}.",
    lines: { goodbye: "It is {{now}}.", busy: "You called {{called}}.", fillers: ["Hm.", "{{today}}?"] },
    routes: [{ name: "day", utterances: ["what day is it"], text: "Today is {{today}}." }],
  });
  assert.deepEqual(warnings.map(({ key }) => key), ["lines.goodbye", "lines.fillers[1]", "routes[0]"]);
  assert.match(describeNotes(warnings), /holds \{\{today\}\}, and is spoken once/);
});

test("a call variable that there is not, and so becomes empty, is warned of", () => {
  const { warnings } = load({
    ...P,
    prompt: "The caller is {{caler}}, a {{vars.tier}} customer.",
    greeting: "Hello {{name}}.",
    lines: { busy: "{{called}} is busy, {{Caller}}." },
  });
  assert.deepEqual(warnings.map(({ key }) => key), ["prompt", "prompt", "greeting", "lines.busy"]);
  assert.match(describeNotes(warnings), /uses \{\{caler\}\}, which is left out.*\n +Did you mean \{\{caller\}\}\?/);
  assert.match(describeNotes(warnings), /uses \{\{vars\.tier\}\}.*\n +Write beforeCall/);
  const beforeCall = { url: "https://crm.example.com/?n={{caller}}" };
  assert.deepEqual(load({ ...P, prompt: "{{vars.tier}} {{ now }}", beforeCall }).warnings, []);
});

test("a model that Groq has retired is warned of", () => {
  const warned = (model: string) => load({ ...P, engine: "pipeline" }, { env: { GROQ_MODEL: model } }).warnings;
  for (const model of ["llama-3.3-70b-versatile", "meta-llama/llama-4-scout-17b-16e-instruct"]) {
    assert.match(noteOf(warned(model), "pipeline.think[0].provider.model").problem, /Groq has retired/);
  }
  assert.deepEqual(warned("openai/gpt-oss-120b"), []);
});

test("what is right is no fault: a speed within a voice's range, call variables in a tool's address", () => {
  load({ ...P, agent: { speak: { provider: { type: "deepgram", model: "aura-2-thalia-en", speed: 1.2 } } } });
  load({ ...P, tools: [{ ...tool, http: { url: "https://api.example.com/{{caller}}/{{vars.id}}?day={{day}}" } }] });
});
