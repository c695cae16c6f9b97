import assert from "node:assert/strict";
import { test } from "../case.ts";
import { checkWorld, goodWorld, HOST, NUMBER, PIPELINE, SECRETS, type World } from "./world.ts";

interface Broken {
  title: string;
  /** What differs from the good set-up. */
  breaks: (world: World) => Partial<World> | void;
  /** The one item that is called wrong. */
  name: string;
  finding: RegExp;
  remedy: RegExp;
}

const withEnv = (more: Record<string, string | undefined>) => ({ env }: World) => ({ env: { ...env, ...more } });
const pipeline = (more: object = {}) => ({ ...PIPELINE, pipeline: { ...PIPELINE.pipeline, ...more } });

const BROKEN: Broken[] = [
  {
    title: "a key that Deepgram's agent refuses",
    breaks: withEnv({ DEEPGRAM_API_KEY: "bad" }),
    name: "DEEPGRAM_API_KEY",
    finding: /refuses it \(HTTP 401\)/,
    remedy: /Copy the key again/,
  },
  {
    title: "a key that Deepgram refuses three times in the pipeline",
    breaks: ({ env }) => ({ config: PIPELINE, env: { ...env, DEEPGRAM_API_KEY: "bad" } }),
    name: "DEEPGRAM_API_KEY",
    finding: /refuses it/,
    remedy: /Copy the key again/,
  },
  {
    title: "no Deepgram key",
    breaks: withEnv({ DEEPGRAM_API_KEY: undefined }),
    name: "DEEPGRAM_API_KEY",
    finding: /is not set, and agent needs it/,
    remedy: /Set it to your key/,
  },
  {
    title: "a model that the agent does not have",
    breaks: () => ({
      config: { prompt: "x", agent: { think: [{ provider: { type: "open_ai", model: "gpt-99" } }] } },
    }),
    name: "agent",
    finding: /does not take these settings: .*gpt-99/,
    remedy: /Correct that part of agent/,
  },
  {
    title: "an agent that says nothing",
    breaks: () => ({ silent: ["agent.deepgram.com"] }),
    name: "agent",
    finding: /no answer within 3 s|^Waited \d+ ms/,
    remedy: /network/,
  },
  {
    title: "an account without credit",
    breaks: () => ({ agentFaults: { refuse: 402 } }),
    name: "agent",
    finding: /HTTP 402/,
    remedy: /out of credit/,
  },
  {
    title: "a key that Groq refuses",
    breaks: () => ({ config: PIPELINE, groqKey: "another" }),
    name: "GROQ_API_KEY",
    finding: /api\.groq\.com refuses it/,
    remedy: /Copy the key again/,
  },
  {
    title: "a misspelt model",
    breaks: () => ({ config: pipeline({ think: [{ provider: { type: "groq", model: "openai/gpt-oss-20" } }] }) }),
    name: "pipeline.think[0]",
    finding: /openai\/gpt-oss-20 is not there/,
    remedy: /Did you mean openai\/gpt-oss-20b\?/,
  },
  {
    title: "a key that Cartesia refuses",
    breaks: () => ({ config: PIPELINE, cartesiaKey: "another" }),
    name: "CARTESIA_API_KEY",
    finding: /Cartesia refuses it/,
    remedy: /Copy the key again/,
  },
  {
    title: "a voice that Deepgram does not have",
    breaks: () => ({ config: pipeline({ speak: [{ provider: { type: "deepgram", model: "aura-2-nobody-en" } }] }) }),
    name: "pipeline.speak[0]",
    finding: /does not take these settings: .*/,
    remedy: /Correct the model/,
  },
  {
    title: "a Twilio token of another account",
    breaks: () => ({ twilioToken: "another" }),
    name: "TWILIO_AUTH_TOKEN",
    finding: /Twilio refuses it/,
    remedy: /primary TWILIO_AUTH_TOKEN/,
  },
  {
    title: "an account id that is none",
    breaks: withEnv({ TWILIO_ACCOUNT_SID: "SK00000000000000000000000000000001" }),
    name: "TWILIO_ACCOUNT_SID",
    finding: /the id of an API key/,
    remedy: /Account SID/,
  },
  {
    title: "a number that calls another place",
    breaks: ({ number }) => ({ number: { ...number, voice_url: "https://demo.twilio.com/welcome?token=hidden" } }),
    name: NUMBER,
    finding: /go to https:\/\/demo\.twilio\.com\/welcome$/,
    remedy: new RegExp(`Set its voice URL to https://${HOST}/incoming-call .*check --fix`),
  },
  {
    title: "a number behind a SIP trunk",
    breaks: ({ number }) => ({ number: { ...number, trunk_sid: "TK00000000000000000000000000000001" } }),
    name: NUMBER,
    finding: /SIP trunk/,
    remedy: /Remove the trunk/,
  },
  {
    title: "a number with a TwiML application",
    breaks: ({ number }) => ({ number: { ...number, voice_application_sid: "AP00000000000000000000000000000001" } }),
    name: NUMBER,
    finding: /TwiML application/,
    remedy: /--fix/,
  },
  {
    title: "a proxy that passes no WebSocket",
    breaks: () => ({ socketStatus: 400 }),
    name: "PUBLIC_HOST",
    finding: /no WebSocket opens through it \(HTTP 400\)/,
    remedy: /proxy_http_version/,
  },
  {
    title: "a proxy that does not say for whom it asks",
    breaks: () => ({ metricsAs: [HOST, "localhost"] }),
    name: "/metrics",
    finding: /everybody may read it/,
    remedy: /X-Forwarded-For/,
  },
  {
    title: "a proxy that only says what name was asked for",
    breaks: () => ({ metricsAs: ["localhost"] }),
    name: "/metrics",
    finding: /everybody may read it/,
    remedy: /X-Forwarded-For/,
  },
  {
    title: "a public name that nobody knows",
    breaks: () => ({ unknown: [HOST] }),
    name: "PUBLIC_HOST",
    finding: /dns error/,
    remedy: /DNS name/,
  },
  {
    title: "a public name that leads to another site",
    breaks: () => ({ healthText: "<html>Welcome to nginx!</html>" }),
    name: "PUBLIC_HOST",
    finding: /not as Offhook does/,
    remedy: /proxy or tunnel/,
  },
  {
    title: "a server with another token than ours",
    breaks: () => ({ serverToken: "f".repeat(32) }),
    name: "PUBLIC_HOST",
    finding: /does not accept our signature/,
    remedy: /same TWILIO_AUTH_TOKEN/,
  },
  {
    title: "a public name with a path",
    breaks: withEnv({ PUBLIC_HOST: `https://${HOST}/incoming-call` }),
    name: "PUBLIC_HOST",
    finding: /has a path/,
    remedy: new RegExp(`only ${HOST}`),
  },
  {
    title: "a port that another program has",
    breaks: () => ({ localHealth: "<html>It works!</html>" }),
    name: "port 5000",
    finding: /not Offhook/,
    remedy: /choose another port with PORT/,
  },
  {
    title: "a recording that is a broken WAV file",
    breaks: () => ({ files: { "assets/audio/hello.mulaw": new TextEncoder().encode("RIFF....WAVEfmt ") } }),
    name: "assets/audio/hello.mulaw",
    finding: /WAV file/,
    remedy: /Export the file anew/,
  },
  {
    title: "an empty recording",
    breaks: () => ({ files: { "assets/audio/hello.mulaw": new Uint8Array(0) } }),
    name: "assets/audio/hello.mulaw",
    finding: /is empty/,
    remedy: /offhook audio build hello/,
  },
  {
    title: "a prompt file that is not there",
    breaks: () => ({ config: { prompt: { file: "assets/prompts/none.md" } } }),
    name: "config.json prompt.file",
    finding: /cannot be read/,
    remedy: /Create that file/,
  },
  {
    title: "a misspelt key",
    breaks: () => ({ config: { prompt: "x", greting: "Hello." } }),
    name: "config.json greting",
    finding: /not a known key/,
    remedy: /greeting/,
  },
  {
    title: "a file that is not JSON",
    breaks: () => ({ config: `{"prompt": "x",, }` }),
    name: "config.json",
    finding: /line 1/,
    remedy: /./,
  },
  {
    title: "a short administrator's token",
    breaks: withEnv({ ADMIN_TOKEN: "short" }),
    name: "ADMIN_TOKEN",
    finding: /has 5 characters/,
    remedy: /openssl rand/,
  },
  {
    title: "a data folder that cannot be written",
    breaks: () => ({ records: { problem: "/srv/x cannot be written: Permission denied" } }),
    name: "DATA_DIR",
    finding: /cannot be written/,
    remedy: /folder/,
  },
  {
    title: "a data folder that the executable may not have",
    breaks: () => ({
      records: { problem: 'DATA_DIR is "/srv/x", which we may not write. It keeps its data in one of: ./data' },
    }),
    name: "DATA_DIR",
    finding: /may not write$/,
    remedy: /^It keeps its data in one of: \.\/data$/,
  },
  {
    title: "a Deno that is too old",
    breaks: () => ({ denoVersion: "2.3.1" }),
    name: "Deno",
    finding: /too old/,
    remedy: /deno upgrade/,
  },
];

for (const { title, breaks, name, finding, remedy } of BROKEN) {
  test(`${title} is named with its remedy, and nothing else is called wrong`, async () => {
    const world = goodWorld();
    const checked = await checkWorld({ ...world, ...breaks(world) });
    assert.deepEqual(checked.named("WRONG"), [name], checked.output);
    assert.equal(checked.code, 1);
    assert.equal(checked.report.ok, false);
    const item = checked.item(name)!;
    assert.match(item.finding, finding);
    assert.match(item.remedy, remedy);
    for (const secret of Object.values(SECRETS)) assert.ok(!checked.output.includes(secret), "a secret was printed");
    assert.ok(!checked.output.includes("hidden"), "the query of a URL was printed");
  });
}
