import assert from "node:assert/strict";
import { type Config, parseConfig } from "../lib/config.ts";
import { unknownModels } from "../lib/start_models.ts";
import { test } from "./case.ts";
import { emptyDirectory, fromSource, run } from "./executable/harness.ts";
import { VirtualClock } from "./sim/clock.ts";

const LIVE = {
  PUBLIC_HOST: "phone.example.com",
  TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
  TWILIO_AUTH_TOKEN: "0".repeat(32),
  DEEPGRAM_API_KEY: "a-key",
  GROQ_API_KEY: "a-key",
  LLM_API_KEY: "a-key",
};

const file = (provider: Record<string, unknown>, endpoint?: Record<string, unknown>) => ({
  prompt: "A prompt.",
  engine: "pipeline",
  pipeline: {
    think: [{ provider, ...(endpoint ? { endpoint } : {}) }],
    speak: [{ provider: { type: "deepgram", model: "aura-2-thalia-en" } }],
  },
});

function configured(given: Record<string, unknown>): Config {
  const parsed = parseConfig({ text: JSON.stringify(given), file: "config.json", env: LIVE, readAsset: () => "" });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value.config;
}

const GROQ = { type: "groq", model: "openai/gpt-oss-2b" };
const list = (...ids: string[]) => Promise.resolve(Response.json({ data: ids.map((id) => ({ id })) }));

const CASES: [what: string, given: Record<string, unknown>, answer: () => Promise<Response>, problems: RegExp[]][] = [
  ["not in the vendor's list", file(GROQ), () => list("openai/gpt-oss-120b", "openai/gpt-oss-20b"), [
    /^pipeline\.think\[0\]\.provider\.model is "openai\/gpt-oss-2b", which api\.groq\.com does not have\. Did you mean "openai\/gpt-oss-20b"\? It has: openai\/gpt-oss-120b, openai\/gpt-oss-20b\.$/,
  ]],
  [
    "not in a long list",
    file(GROQ),
    () => list(...Array.from({ length: 45 }, (_, n) => `model-${n}`)),
    [/It has: model-0, .* and 5 more\.$/],
  ],
  ["in the list", file(GROQ), () => list("openai/gpt-oss-2b"), []],
  ["of a vendor that refuses us", file(GROQ), () => Promise.resolve(new Response("{}", { status: 401 })), []],
  ["of a vendor that is not there", file(GROQ), () => Promise.reject(new TypeError("no network")), []],
  ["of a vendor that says nothing", file(GROQ), () => new Promise(() => {}), []],
  [
    "of a server of one's own",
    file({ type: "llm", model: "any" }, { url: "http://127.0.0.1:9/v1" }),
    () => list("a"),
    [],
  ],
  ["that no call asks", { ...file(GROQ), engine: "agent" }, () => list("a"), []],
];

for (const [what, given, answer, problems] of CASES) {
  test(`a language model ${what}: ${problems.length} problems at the start`, async () => {
    const clock = new VirtualClock();
    const asked = unknownModels({ config: configured(given), clock, fetch: answer }, new AbortController().signal);
    const found = await clock.runFor(asked, 30_000);
    assert.equal(found.length, problems.length, found.join("\n"));
    problems.forEach((problem, i) => assert.match(found[i]!, problem));
  });
}

test("a server whose model does not exist stops at its start, and lists those that do", async () => {
  using empty = emptyDirectory();
  const models = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => list("one", "two"));
  const endpoint = { url: `http://127.0.0.1:${models.addr.port}` };
  Deno.writeTextFileSync(`${empty.path}/config.json`, JSON.stringify(file({ ...GROQ, model: "three" }, endpoint)));
  const env = { ...LIVE, PORT: "0", DEEPGRAM_SPEAK_URL: "ws://127.0.0.1:9" };
  const { code, stderr } = await run(fromSource("-A"), ["serve"], { cwd: empty.path, env });
  await models.shutdown();
  assert.equal(code, 1, stderr);
  assert.match(stderr, /three.*, which 127\.0\.0\.1:\d+ does not have\. It has: one, two\./);
});
