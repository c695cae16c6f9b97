/** The environment: every variable we read, its range and default, and what it overrides in the file. Pure. */

import { parse as parseDotenv } from "dotenv";
import { DEFAULT_PORT } from "../base/port.ts";
import { accountSidOf, adminTokenOf, publicHostOf, uplinkOf, webhookOf } from "./variable_values.ts";
import { type ConfigNote, quote } from "./notes.ts";
import { type Environment, Reader } from "./reader.ts";
import type { Keys, ServerConfig, Urls } from "./types.ts";

/** What the command line says; stronger than the environment. */
export interface Flags {
  rehearse?: boolean | undefined;
  port?: number | undefined;
  host?: string | undefined;
  drain?: number | undefined;
  /** The log in JSON. */
  json?: boolean | undefined;
}

/** What may be said of them, on the command line as in the environment. */
export const RANGES = { port: { min: 0, max: 65_535 }, drain: { min: 0, max: 86_400 } } as const;

/** The variables of an `.env` file; the caller lays real variables over them. Quotes and comments as the dotenv package has them. */
export function loadEnv(text: string): Record<string, string> {
  return parseDotenv(text.replace(/^\uFEFF/, ""));
}

/** Values that override the file's, with the variable's name. */
export interface Overrides {
  groqModel?: string;
  maxHistoryTurns?: number;
  promptAfterMs?: number;
  minInterruptionWords?: number;
  useFlux?: boolean;
  routerEnabled?: boolean;
  cartesiaVoiceId?: string;
}

export interface ReadEnvironment {
  server: Omit<ServerConfig, "maxCalls"> & { maxCalls?: number };
  keys: Keys;
  urls: Urls;
  secrets: Record<string, string>;
  overrides: Overrides;
  rehearsal: boolean;
  /** By path in `Config`. */
  origins: Record<string, string>;
  faults: ConfigNote[];
  warnings: ConfigNote[];
}

/** Read all of it; every fault is listed, none stops the reading. An empty value counts as not set. */
export function readEnvironment(env: Environment, flags: Flags): ReadEnvironment {
  const reader = new Reader(env);
  const server = readServer(reader, env.DENO_DEPLOY === "true" || Boolean(env.DENO_DEPLOYMENT_ID));
  applyFlags(server, flags, reader.origins);
  const overrides = readOverrides(reader);
  const keys = readKeys(reader, overrides.cartesiaVoiceId);
  const urls = readUrls(reader);
  reader.misspelt();
  const secrets = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith("SECRET_") && value ? [[name, value] as const] : []
  );
  return {
    ...{ server, keys, urls, overrides, secrets: Object.fromEntries(secrets) },
    rehearsal: flags.rehearse === true || !hasLine(env),
    ...{ origins: reader.origins, faults: reader.faults, warnings: reader.warnings },
  };
}

function readServer(reader: Reader, onDeploy: boolean): ReadEnvironment["server"] {
  const publicHost = reader.read("PUBLIC_HOST", "server.publicHost", publicHostOf);
  const adminToken = reader.read("ADMIN_TOKEN", "server.adminToken", adminTokenOf);
  const webhookUrl = reader.read("CALL_WEBHOOK_URL", "server.callWebhook.url", webhookOf);
  const webhookSecret = reader.text("CALL_WEBHOOK_SECRET", "server.callWebhook.secret");
  if (webhookUrl !== undefined && webhookSecret === undefined) {
    reader.warn(
      "CALL_WEBHOOK_SECRET",
      "is not set, so the webhook is sent unsigned",
      "Set it to let the receiver verify who sends.",
    );
  }
  return {
    ...optional("publicHost", publicHost),
    port: reader.whole("PORT", "server.port", RANGES.port) ?? DEFAULT_PORT,
    bind: reader.text("BIND", "server.bind") ?? "0.0.0.0",
    trustProxy: reader.bool("TRUST_PROXY", "server.trustProxy") ?? false,
    ...optional("maxCalls", reader.whole("MAX_CALLS", "server.maxCalls", { min: 1, max: 100_000 })),
    drainSeconds: reader.whole("DRAIN_SECONDS", "server.drainSeconds", RANGES.drain) ?? (onDeploy ? 4 : 300),
    pacerLeadMs: reader.whole("PACER_LEAD_MS", "server.pacerLeadMs", { min: 20, max: 2000 }) ?? 200,
    ...optional("uplinkMs", reader.read("UPLINK_MS", "server.uplinkMs", uplinkOf)),
    vendorSocket: reader.oneOf("VENDOR_SOCKET", "server.vendorSocket", ["auto", "native", "ws"]) ?? "auto",
    dataDir: reader.text("DATA_DIR", "server.dataDir") ?? "./data",
    ...optional("adminToken", adminToken),
    ...(webhookUrl !== undefined && { callWebhook: { url: webhookUrl, ...optional("secret", webhookSecret) } }),
    logLevel: reader.oneOf("LOG_LEVEL", "server.logLevel", ["debug", "info", "warning", "error"]) ?? "info",
    logFormat: reader.oneOf("LOG_FORMAT", "server.logFormat", ["auto", "lines", "json"]) ?? "auto",
    onDeploy,
  };
}

/** Whether a real line is set: without one, rehearsal starts by itself. Interfaces, section 2. */
export function hasLine(env: Environment): boolean {
  return Object.entries(env).some(([name, value]) =>
    value?.trim() && (name === "PUBLIC_HOST" || name.startsWith("TWILIO_"))
  );
}

function applyFlags(server: ReadEnvironment["server"], flags: Flags, origins: Record<string, string>): void {
  if (flags.port !== undefined) [server.port, origins["server.port"]] = [flags.port, "--port"];
  if (flags.host !== undefined) [server.bind, origins["server.bind"]] = [flags.host, "--host"];
  if (flags.drain !== undefined) [server.drainSeconds, origins["server.drainSeconds"]] = [flags.drain, "--drain"];
  if (flags.json) [server.logFormat, origins["server.logFormat"]] = ["json", "--json"];
}

function readKeys(reader: Reader, cartesiaVoiceId: string | undefined): Keys {
  return {
    ...optional("deepgram", reader.key("DEEPGRAM_API_KEY", "keys.deepgram")),
    ...optional("twilioAccountSid", reader.read("TWILIO_ACCOUNT_SID", "keys.twilioAccountSid", accountSidOf)),
    ...optional("twilioAuthToken", reader.key("TWILIO_AUTH_TOKEN", "keys.twilioAuthToken")),
    ...optional("cartesia", reader.key("CARTESIA_API_KEY", "keys.cartesia")),
    ...optional("cartesiaVoiceId", cartesiaVoiceId),
    ...optional("groq", reader.key("GROQ_API_KEY", "keys.groq")),
    ...optional("openai", reader.key("OPENAI_API_KEY", "keys.openai")),
    ...optional("llm", reader.key("LLM_API_KEY", "keys.llm")),
  };
}

function readUrls(reader: Reader): Urls {
  const socket = ["wss:", "ws:"];
  const web = ["https:", "http:"];
  return {
    agent: reader.url("DEEPGRAM_AGENT_URL", "urls.agent", socket) ?? "wss://agent.deepgram.com/v1/agent/converse",
    listen: reader.url("DEEPGRAM_LISTEN_URL", "urls.listen", socket) ?? "wss://api.deepgram.com/v1/listen",
    flux: reader.url("DEEPGRAM_FLUX_URL", "urls.flux", socket) ?? "wss://api.deepgram.com/v2/listen",
    speak: reader.url("DEEPGRAM_SPEAK_URL", "urls.speak", socket) ?? "wss://api.deepgram.com/v1/speak",
    cartesia: reader.url("CARTESIA_URL", "urls.cartesia", socket) ?? "wss://api.cartesia.ai/tts/websocket",
    ...optional("llm", reader.url("LLM_BASE_URL", "urls.llm", web)),
    twilioApi: reader.url("TWILIO_API_URL", "urls.twilioApi", web) ?? "https://api.twilio.com",
  };
}

function readOverrides(reader: Reader): Overrides {
  const silence = reader.read("SILENCE_TIMEOUT_SECONDS", "base.silence.promptAfterMs", (text) => {
    const seconds = Number(text);
    return seconds >= 0.2 && seconds <= 200
      ? { value: Math.round(seconds * 3000) }
      : { problem: `is ${quote(text)}`, remedy: "Write seconds from 0.2 to 200; we ask after three times that." };
  });
  return {
    ...optional("groqModel", reader.text("GROQ_MODEL", undefined)),
    ...optional(
      "maxHistoryTurns",
      reader.whole("MAX_HISTORY_TURNS", "base.pipeline.turn.maxHistoryTurns", { min: 1, max: 200 }),
    ),
    ...optional("promptAfterMs", silence),
    ...optional(
      "minInterruptionWords",
      reader.whole("MIN_INTERRUPTION_WORDS", "base.pipeline.turn.minInterruptionWords", { min: 1, max: 20 }),
    ),
    ...optional("useFlux", reader.bool("USE_DEEPGRAM_FLUX", undefined)),
    ...optional("routerEnabled", reader.bool("ROUTER_ENABLED", "base.routerEnabled")),
    ...optional("cartesiaVoiceId", reader.text("CARTESIA_VOICE_ID", "keys.cartesiaVoiceId")),
  };
}

function optional<Key extends string, T>(key: Key, value: T | undefined): { [K in Key]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: T }; // a computed key loses its literal type
}
