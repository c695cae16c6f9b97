import assert from "node:assert/strict";
import * as z from "zod";
import { type CallConfig, forNumber, nearest, parseConfig } from "../lib/config.ts";
import { editDistance } from "../lib/config/notes.ts";
import { generateSchema } from "../lib/config/schema.ts";
import { seeded, test } from "./case.ts";
import { config, LIVE, load, noteOf } from "./config/make.ts";

const ROOT = new URL("../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));
const EXAMPLE = read("config.json");

/** The example of the interface description: every section of the file at once. */
const COMPLETE = {
  $schema: "./config.schema.json",
  ...JSON.parse(EXAMPLE),
  agent: {
    listen: { provider: { type: "deepgram", model: "nova-3", keyterms: ["clinic"] } },
    think: [{ provider: { type: "open_ai", model: "gpt-4o-mini", temperature: 0.7 } }],
    speak: { provider: { type: "deepgram", model: "aura-2-thalia-en" } },
  },
  tools: [
    { name: "end_call" },
    { name: "transfer_call", to: { desk: { number: "+15550142", hours: "Mon-Fri 09:00-17:00" } }, ringSeconds: 20 },
    {
      name: "find_slots",
      description: "Free appointments on one day.",
      whileWaiting: "Let me look at the calendar.",
      parameters: { type: "object", properties: { day: { type: "string", format: "date" } }, required: ["day"] },
      http: {
        url: "https://api.example.com/slots?day={{day}}",
        headers: { Authorization: "Bearer ${SECRET_BOOKING}" },
        timeoutMs: 4000,
      },
    },
  ],
  beforeCall: { url: "https://crm.example.com/caller?number={{caller}}", timeoutMs: 800 },
  numbers: { "+15550101": { engine: "pipeline", greeting: "Billing, this is the AI assistant." } },
};
const parts = { prompts: { "assets/prompts/front-desk.md": "Be kind." }, env: { SECRET_BOOKING: "s3cret-value" } };

test("the smallest file is a prompt", () => {
  const { config, warnings } = load({ prompt: "Be kind." });
  assert.equal(config.base.prompt, "Be kind.");
  assert.equal(config.base.lines.stillThere.text, "Are you still there?");
  assert.deepEqual(config.base.silence, {
    promptAfterMs: 7500,
    maxPrompts: 2,
    patiencePhrases: ["hold on", "one moment"],
    patienceMs: 60_000,
  });
  assert.deepEqual(config.base.limits, {
    callsAtOnce: 40,
    callMinutes: 15,
    minutesPerDay: 600,
    callsPerCallerPerHour: 6,
  });
  assert.deepEqual(config.base.privacy, { transcripts: true, recording: false, keepDays: 30, vendorTraining: false });
  assert.deepEqual(warnings, []);
});

test("no file at all still answers the phone", () => {
  const { config, origins } = load(undefined);
  assert.match(config.base.prompt, /AI assistant/);
  assert.match(config.base.greeting?.text ?? "", /AI assistant/);
  assert.equal(origins()["base.prompt"], "default");
});

test("the complete file is read, every section of it", () => {
  const { config, warnings } = load(COMPLETE, parts);
  assert.deepEqual(warnings, []);
  assert.equal(config.base.prompt, "Be kind.");
  const [, transfer, slots] = config.base.tools;
  assert.deepEqual(transfer?.kind === "transfer_call" && transfer.to.desk?.hours?.spans[0], {
    day: 1,
    fromMinute: 540,
    toMinute: 1020,
  });
  assert.deepEqual(slots?.kind === "http" && slots.whileWaiting, {
    text: "Let me look at the calendar.",
    interruptible: true,
  });
  assert.equal(config.base.routes.find(({ name }) => name === "stop")?.then, "hangup");
  assert.equal(config.base.beforeCall?.timeoutMs, 800);
});

test("a number has its own configuration, the others the common one", () => {
  const loaded = config(COMPLETE, parts);
  const own: CallConfig = forNumber(loaded, "+15550101");
  assert.equal(own.engine, "pipeline");
  assert.equal(own.greeting?.text, "Billing, this is the AI assistant.");
  assert.deepEqual(own.routes, loaded.base.routes);
  assert.equal(forNumber(loaded, "+15550102"), loaded.base);
  assert.equal(forNumber(loaded, undefined), loaded.base);
  assert.equal(forNumber(loaded, "constructor"), loaded.base);
});

test("null in a number takes a value of the file away", () => {
  const loaded = config({
    prompt: "x",
    greeting: "Hi",
    limits: { callMinutes: 3 },
    numbers: { "+15550101": { greeting: null, limits: { callMinutes: null } } },
  });
  assert.equal(loaded.numbers["+15550101"]?.greeting, undefined);
  assert.equal(loaded.numbers["+15550101"]?.limits.callMinutes, 15);
  assert.equal(loaded.base.limits.callMinutes, 3);
});

test("a number's new text does not keep the recording of the old one", () => {
  const greeting = { text: "Clinic.", audio: "greeting" };
  const numbers = {
    "+15550101": { greeting: { text: "Billing." } },
    "+15550102": { greeting: { interruptible: false } },
  };
  const loaded = config({ prompt: "x", greeting, numbers });
  assert.deepEqual(loaded.numbers["+15550101"]?.greeting, { text: "Billing.", interruptible: true });
  assert.deepEqual(loaded.numbers["+15550102"]?.greeting, { ...greeting, interruptible: false });
});

test("a configuration is frozen through and through", () => {
  const open: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    if (!Object.isFrozen(value)) open.push(path);
    Object.entries(value).forEach(([key, inner]) => walk(inner, `${path}.${key}`));
  };
  walk(config(COMPLETE, parts), "config");
  assert.deepEqual(open, []);
});

test("the hash changes with what is configured, not with secrets or the order of keys", () => {
  const hash = config(COMPLETE, parts).hash;
  assert.match(hash, /^[0-9a-f]{64}$/);
  const turned = Object.fromEntries(Object.entries(COMPLETE).reverse());
  assert.equal(config(turned, parts).hash, hash);
  assert.equal(
    config(COMPLETE, { ...parts, env: { SECRET_BOOKING: "other", DEEPGRAM_API_KEY: "k", ADMIN_TOKEN: "x".repeat(24) } })
      .hash,
    hash,
  );
  assert.notEqual(config({ ...COMPLETE, name: "Other" }, parts).hash, hash);
  assert.notEqual(config(COMPLETE, { ...parts, env: { ...parts.env, PORT: "81" } }).hash, hash);
});

test("a secret stays out of everything but secrets", () => {
  const { config, origins, warnings } = load(COMPLETE, parts);
  const { secrets, ...rest } = config;
  assert.deepEqual(secrets, { SECRET_BOOKING: "s3cret-value" });
  assert.ok(!JSON.stringify([rest, origins(), warnings]).includes("s3cret-value"));
});

test("a recording is allowed where a line that is heard out tells of it", () => {
  const file = { prompt: "x", privacy: { recording: true } };
  assert.equal(
    config({ ...file, lines: { recordingNotice: "This call is recorded." } }).base.lines.recordingNotice?.interruptible,
    false,
  );
  assert.equal(
    config({ ...file, greeting: { text: "Hi, this call is recorded.", audio: "hi", interruptible: false } }).base
      .privacy
      .recording,
    true,
  );
});

test("a recording that is not there is a warning: the text is spoken instead", () => {
  const file = {
    prompt: "x",
    greeting: { text: "Hi", audio: "hello" },
    lines: { busy: { text: "Busy", audio: "busy" } },
    routes: [{ name: "r", utterances: ["u"], audio: "route" }],
  };
  const { warnings } = load(file, { hasAsset: (path) => path === "assets/audio/busy.mulaw" });
  assert.deepEqual(warnings.map(({ key }) => key), ["greeting.audio", "routes[0].audio"]);
  assert.match(warnings[0]!.remedy, /spoken instead/);
  assert.match(warnings[1]!.remedy, /Write a text/);
});

test("one utterance in two routes, a retired voice and an overlong prompt are warnings", () => {
  const { warnings } = load({
    prompt: "x".repeat(25_001),
    routes: [{ name: "a", utterances: ["Hello"], text: "t" }, { name: "b", utterances: ["hello"], text: "t" }],
    pipeline: {
      speak: ["sonic-2", "sonic-3-2025-10-27"].map((model_id) => ({ provider: { type: "cartesia", model_id } })),
    },
  });
  assert.match(noteOf(warnings, "routes[1].utterances").problem, /routes\[0\]/);
  for (const at of [0, 1]) {
    assert.match(noteOf(warnings, `pipeline.speak[${at}].provider.model_id`).remedy, /sonic-3\.5/);
  }
  assert.match(noteOf(warnings, "prompt").problem, /25001/);
});

test("the example in the repository works, in rehearsal and live", () => {
  const example = (env: Record<string, string>) =>
    parseConfig({ text: EXAMPLE, file: "config.json", env, readAsset: (path) => read(path) });
  const rehearsed = example({});
  assert.ok(rehearsed.ok);
  assert.deepEqual(rehearsed.value.warnings, []);
  const { base } = rehearsed.value.config;
  assert.match(base.prompt, /not a doctor/);
  assert.equal(Object.keys(base.extraction.fields).length, 5);
  assert.equal(base.routes.find(({ name }) => name === "emergency")?.interruptible, false);
  assert.ok(example(LIVE).ok);
  assert.ok(example({ ...LIVE, GROQ_API_KEY: "g", CARTESIA_API_KEY: "c" }).ok);
});

test("config.schema.json is current (deno task schema)", () => {
  assert.equal(read("config.schema.json"), generateSchema());
});

test("an editor with the schema takes the example and finds what is wrong", () => {
  const schema = z.fromJSONSchema(JSON.parse(generateSchema()));
  const takes = (file: unknown) => schema.safeParse(file).success;
  for (const good of [COMPLETE, JSON.parse(EXAMPLE), { prompt: "x" }]) assert.equal(takes(good), true);
  for (
    const bad of [{}, { prompt: "x", nam: 1 }, { prompt: "x", routes: [{ name: "r" }] }, { prompt: "x", engine: "no" }]
  ) {
    assert.equal(takes(bad), false, JSON.stringify(bad));
  }
});

test("whatever a value of the file becomes, parsing gives a configuration or notes that name a key, and never throws", () => {
  const random = seeded(11);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const strange = [
    null,
    0,
    -1,
    1e99,
    "",
    "x",
    "${SECRET_NO}",
    "{{x}}",
    [],
    [null],
    {},
    { provider: null },
    true,
    { file: "no" },
    "https://",
    "__proto__",
  ];
  const mutate = (value: unknown): unknown => {
    if (random() < 0.04) return pick(strange);
    if (Array.isArray(value)) return value.map(mutate);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [random() < 0.01 ? `${key}x` : key, mutate(inner)]),
    );
  };
  let refused = 0;
  for (let n = 0; n < 250; n++) {
    const result = parseConfig({
      text: JSON.stringify(mutate(COMPLETE)),
      file: "config.json",
      env: parts.env,
      readAsset: () => "p",
    });
    if (result.ok) continue;
    refused++;
    for (const note of result.fault) {
      assert.ok(
        note.file && note.problem && note.remedy && (note.key || /holds/.test(note.problem)),
        JSON.stringify(note),
      );
    }
  }
  assert.ok(refused > 150, `${refused} of 250 refused`);
});

test("the nearest name is found by letters, and none where none is near", () => {
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("form", "from"), 1);
  assert.equal(nearest("max_prompts", ["maxPrompts", "patienceMs"]), "maxPrompts");
  assert.equal(nearest("timeout", ["timeoutMs", "url"]), "timeoutMs");
  assert.equal(nearest("ot", ["to", "url"]), "to");
  assert.equal(nearest("zebra", ["timeoutMs", "url"]), undefined);
});
