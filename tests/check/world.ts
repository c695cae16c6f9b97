/** A set-up that is all right, played by stand-ins in virtual time; tests break one thing of it. */

import type { Answer, Dial, Handshake } from "../../lib/base/dial.ts";
import { failed } from "../../lib/base/result.ts";
import type { PortState } from "../../lib/check/front_door.ts";
import type { CheckItem, CheckReport } from "../../lib/check/item.ts";
import { type CheckFlags, runCheck } from "../../lib/check/run.ts";
import type { RecordsPlace } from "../../lib/permissions.ts";
import type { AgentFaults } from "../../lib/rehearsal/agent_faults.ts";
import { frontDeskBrain } from "../../lib/rehearsal/brain.ts";
import { cartesiaStandIn } from "../../lib/rehearsal/cartesia.ts";
import { chatStandIn } from "../../lib/rehearsal/chat.ts";
import { agentStandIn } from "../../lib/rehearsal/deepgram_agent.ts";
import { deepgramListenStandIn } from "../../lib/rehearsal/deepgram_listen.ts";
import { deepgramSpeakStandIn } from "../../lib/rehearsal/deepgram_speak.ts";
import { twilioSignature } from "../../lib/softphone/sign.ts";
import { seeded } from "../case.ts";
import { twilioRestStandIn } from "../rehearsal/twilio_rest.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";

export const HOST = "agent.example.com";
export const NUMBER = "+15550100001";
export const SECRETS = {
  DEEPGRAM_API_KEY: "deepgram-secret-1",
  GROQ_API_KEY: "groq-secret-2",
  CARTESIA_API_KEY: "cartesia-secret-3",
  TWILIO_AUTH_TOKEN: "0123456789abcdef0123456789abcdef",
  ADMIN_TOKEN: "administrator-secret-of-32-chars",
};
const ACCOUNT = "AC00000000000000000000000000000001";

/** A second of a tone as loud as speech: raw mu-law. */
export const RECORDING = Uint8Array.from({ length: 8000 }, (_, n) => n % 8 < 4 ? 0x9f : 0x1f);

export interface World {
  env: Record<string, string | undefined>;
  config: Record<string, unknown> | string | undefined;
  /** Whether `config` is what the program brings along. */
  isOurs?: boolean;
  /** Files by path. */
  files: Record<string, Uint8Array>;
  /** What Twilio says of the account's one number. */
  number: Record<string, string>;
  twilioToken: string;
  groqKey: string;
  cartesiaKey: string;
  listenKey: string;
  agentFaults: Partial<AgentFaults>;
  /** Hosts that do not answer at all, and hosts whose names are not known. */
  silent: string[];
  unknown: string[];
  /** How the machine behind PUBLIC_HOST answers. */
  socketStatus: number | undefined;
  healthText: string;
  /** By which name anybody may read its metrics without a token. */
  metricsAs: string[];
  serverToken: string | undefined;
  port: PortState;
  localHealth: string;
  denoVersion: string;
  records: RecordsPlace | { problem: string };
}

export interface Checked {
  code: number;
  output: string;
  report: CheckReport;
  /** Items in that state. */
  named(state: CheckItem["state"]): string[];
  item(name: string): CheckItem | undefined;
  /** Requests and sockets, by address. */
  reached: string[];
  /** What Twilio has of the number afterwards. */
  number: Readonly<Record<string, string>>;
  tookMs: number;
}

const HEALTH = JSON.stringify({ status: "healthy", version: "0.1.0", activeCalls: 0 });

export function goodWorld(): World {
  return {
    env: { PUBLIC_HOST: HOST, TWILIO_ACCOUNT_SID: ACCOUNT, ...SECRETS },
    config: { prompt: "You answer the phone.", greeting: { text: "Hello.", audio: "hello" } },
    files: { "assets/audio/hello.mulaw": RECORDING },
    number: {
      voice_url: `https://${HOST}/incoming-call`,
      voice_fallback_url: `https://${HOST}/incoming-call`,
      status_callback: `https://${HOST}/call-status`,
    },
    twilioToken: SECRETS.TWILIO_AUTH_TOKEN,
    groqKey: SECRETS.GROQ_API_KEY,
    cartesiaKey: SECRETS.CARTESIA_API_KEY,
    listenKey: SECRETS.DEEPGRAM_API_KEY,
    agentFaults: {},
    silent: [],
    unknown: [],
    socketStatus: undefined,
    healthText: HEALTH,
    metricsAs: [],
    serverToken: undefined,
    port: "taken",
    localHealth: HEALTH,
    denoVersion: "2.9.6",
    records: { kind: "disk", folder: "./data" },
  };
}

/** The pipeline with every vendor it can have. */
export const PIPELINE = {
  prompt: "You answer the phone.",
  engine: "pipeline",
  pipeline: {
    listen: { provider: { type: "deepgram", model: "nova-3" } },
    think: [{ provider: { type: "groq", model: "openai/gpt-oss-20b" } }],
    speak: [
      { provider: { type: "cartesia", model_id: "sonic-3.5", voice: "f786b574-daa5-4673-aa0c-cbe3e8534c02" } },
      { provider: { type: "deepgram", model: "aura-2-thalia-en" } },
    ],
  },
};

export async function checkWorld(world: World, flags: CheckFlags = {}): Promise<Checked> {
  const clock = new VirtualClock();
  const random = seeded(1);
  const voice = toneVoice();
  const twilio = twilioRestStandIn({
    clock,
    accountSid: ACCOUNT,
    authToken: world.twilioToken,
    control: () => undefined,
    numbers: [NUMBER],
  });
  Object.assign(twilio.numbers[0]!, world.number);
  const think = frontDeskBrain({ name: "x", goodbye: "Bye.", routes: [] });
  const agent = agentStandIn({ clock, random, voice, think, faults: world.agentFaults });
  const chat = chatStandIn({ clock, random, key: world.groqKey });
  const listen = deepgramListenStandIn({ clock, key: world.listenKey });
  const speak = deepgramSpeakStandIn({ clock, random, voice, key: SECRETS.DEEPGRAM_API_KEY });
  const cartesia = cartesiaStandIn({ clock, random, voice, key: world.cartesiaKey });
  const reached: string[] = [];

  const server = ({ url, headers }: Handshake): Answer => {
    if (world.socketStatus) return { refuse: new Response("nginx", { status: world.socketStatus }) };
    const authToken = world.serverToken ?? world.env.TWILIO_AUTH_TOKEN;
    const signature = headers.get("x-twilio-signature");
    if (authToken && signature !== twilioSignature(authToken, url.href)) {
      return { refuse: new Response("The signature does not fit.", { status: 403 }) };
    }
    return { accept: (wire) => wire.listen({ text() {}, binary() {}, close() {}, crashed() {} }) };
  };
  const sockets = simDial(clock, (handshake) => {
    const { host, pathname } = handshake.url;
    if (host === "agent.deepgram.com") return agent.answer(handshake);
    if (host === "api.cartesia.ai") return cartesia.answer(handshake);
    if (host === HOST) return server(handshake);
    return pathname === "/v1/speak" ? speak.answer(handshake) : listen.answer(handshake);
  });
  const dial: Dial = async (request, signal) => {
    const { host } = new URL(request.url);
    reached.push(`${host}${new URL(request.url).pathname}`);
    if (world.silent.includes(host)) {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    if (world.unknown.includes(host)) return failed({ kind: "unreachable", peer: request.peer, detail: "dns error" });
    return await sockets(request, signal);
  };
  const fetch = async (request: Request): Promise<Response> => {
    const { host, pathname, protocol } = new URL(request.url);
    reached.push(`${host}${pathname}`);
    const { signal } = request;
    const isHere = /^(?:localhost|127\.)/.test(host);
    if ((protocol === "http:") !== isHere) throw new TypeError(`nothing answers ${protocol} at ${host}`);
    if (world.silent.includes(host)) {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    if (world.unknown.includes(host)) throw new TypeError(`error sending request: client error (Connect): dns error`);
    if (host === "api.twilio.com") return await twilio.fetch(request);
    if (host === "api.groq.com") return await chat.fetch(request);
    if (host === HOST && pathname === "/metrics") {
      const name = request.headers.get("host") ?? host;
      if (world.metricsAs.includes(name)) return new Response("offhook_calls_active 0");
      return new Response("", { status: name === host ? 401 : 200 }); // some proxies answer so by names that they do not know
    }
    if (host === HOST) return new Response(world.healthText);
    return new Response(world.localHealth);
  };

  const printed: string[] = [];
  const read = (path: string) => world.files[path];
  const startMs = clock.monotonicMs();
  const running = runCheck({
    found: {
      text: typeof world.config === "object" ? JSON.stringify(world.config) : world.config,
      file: "config.json",
      ...(world.isOurs === undefined ? {} : { isOurs: world.isOurs }),
      env: world.env,
      readAsset: (path) => read(path) && new TextDecoder().decode(read(path)),
      hasAsset: (path) => read(path) !== undefined,
      readBytes: read,
    },
    flags: { json: true, ...flags },
    clock,
    dial,
    fetch,
    denoVersion: world.denoVersion,
    portState: () => world.port,
    recordsPlace: () => world.records,
    print: (line) => printed.push(line),
  });
  const code = await clock.runFor(running, 60_000);
  const tookMs = clock.monotonicMs() - startMs;
  await clock.run(20_000); // sockets that were closed come to their end
  await voice[Symbol.asyncDispose]();
  const output = printed.join("\n");
  const report = flags.json === false
    ? { ok: code === 0, mode: "live", items: [], origins: {} } as CheckReport
    : JSON.parse(output) as CheckReport;
  return {
    code,
    output,
    report,
    named: (state) => report.items.filter((item) => item.state === state).map(({ name }) => name),
    item: (name) => report.items.find((item) => item.name === name),
    reached,
    number: twilio.numbers[0]!,
    tookMs,
  };
}
