/** The environment: every variable we read, its range and default, and what it overrides in the file. Pure. */

import { parse as parseDotenv } from "dotenv";
import { type ConfigNote, nearest, quote } from "./notes.ts";
import type { Keys, ServerConfig, Urls } from "./types.ts";
import { isLoopback } from "./values.ts";

/** What the command line says; stronger than the environment. */
export interface Flags {
  rehearse?: boolean;
  port?: number;
  host?: string;
  drain?: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

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
  server: Omit<ServerConfig, "maxCalls" | "uplinkMs"> & { maxCalls?: number; uplinkMs?: number };
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

const FILE = "environment";
const PREFIXES = [
  "DEEPGRAM_",
  "TWILIO_",
  "CARTESIA_",
  "GROQ_",
  "OPENAI_",
  "LLM_",
  "PUBLIC_",
  "CALL_WEBHOOK_",
  "SILENCE_",
  "ADMIN_",
];

/** Every variable we know, `SECRET_*` apart. Tests keep `.env.example` to this list. */
export const VARIABLE_NAMES = [
  "PUBLIC_HOST",
  "PORT",
  "BIND",
  "TRUST_PROXY",
  "DEEPGRAM_API_KEY",
  "TWILIO_ACCOUNT_SID",
  "TWILIO_AUTH_TOKEN",
  "CARTESIA_API_KEY",
  "CARTESIA_VOICE_ID",
  "GROQ_API_KEY",
  "GROQ_MODEL",
  "OPENAI_API_KEY",
  "LLM_API_KEY",
  "ROUTER_ENABLED",
  "MAX_HISTORY_TURNS",
  "SILENCE_TIMEOUT_SECONDS",
  "MIN_INTERRUPTION_WORDS",
  "USE_DEEPGRAM_FLUX",
  "MAX_CALLS",
  "DRAIN_SECONDS",
  "PACER_LEAD_MS",
  "UPLINK_MS",
  "VENDOR_SOCKET",
  "DATA_DIR",
  "ADMIN_TOKEN",
  "CALL_WEBHOOK_URL",
  "CALL_WEBHOOK_SECRET",
  "LOG_LEVEL",
  "LOG_FORMAT",
  "DEEPGRAM_AGENT_URL",
  "DEEPGRAM_LISTEN_URL",
  "DEEPGRAM_FLUX_URL",
  "DEEPGRAM_SPEAK_URL",
  "CARTESIA_URL",
  "LLM_BASE_URL",
  "TWILIO_API_URL",
] as const;
export type VariableName = (typeof VARIABLE_NAMES)[number];

/** Read all of it; every fault is listed, none stops the reading. An empty value counts as not set. */
export function readEnvironment(env: Environment, flags: Flags): ReadEnvironment {
  const reader = new Reader(env);
  const onDeploy = env.DENO_DEPLOY === "true" || Boolean(env.DENO_DEPLOYMENT_ID);
  const publicHost = reader.read("PUBLIC_HOST", "server.publicHost", publicHostOf);
  const adminToken = reader.read(
    "ADMIN_TOKEN",
    "server.adminToken",
    (text) =>
      text.length >= 24 ? { value: text } : {
        problem: `has ${text.length} characters`,
        remedy: "Write 24 or more, for example the output of: openssl rand -hex 24",
      },
  );
  const webhookUrl = reader.read("CALL_WEBHOOK_URL", "server.callWebhook.url", webhookOf);
  const webhookSecret = reader.text("CALL_WEBHOOK_SECRET", "server.callWebhook.secret");
  if (webhookUrl !== undefined && webhookSecret === undefined) {
    reader.warn(
      "CALL_WEBHOOK_SECRET",
      "is not set, so the webhook is sent unsigned",
      "Set it to let the receiver verify who sends.",
    );
  }
  const server: ReadEnvironment["server"] = {
    ...(publicHost !== undefined && { publicHost }),
    port: reader.whole("PORT", "server.port", { min: 0, max: 65_535 }) ?? 5000,
    bind: reader.text("BIND", "server.bind") ?? "0.0.0.0",
    trustProxy: reader.bool("TRUST_PROXY", "server.trustProxy") ?? false,
    ...optional("maxCalls", reader.whole("MAX_CALLS", "server.maxCalls", { min: 1, max: 100_000 })),
    drainSeconds: reader.whole("DRAIN_SECONDS", "server.drainSeconds", { min: 0, max: 86_400 }) ?? (onDeploy ? 4 : 300),
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
  applyFlags(server, flags, reader.origins);
  const overrides = readOverrides(reader);
  const keys = readKeys(reader, overrides.cartesiaVoiceId);
  const urls = readUrls(reader);
  const isRehearsal = flags.rehearse === true ||
    !Object.keys(env).some((name) => env[name] && (name === "PUBLIC_HOST" || name.startsWith("TWILIO_")));
  reader.misspelt();
  return {
    server,
    keys,
    urls,
    secrets: Object.fromEntries(
      Object.entries(env).flatMap(([name, value]) => name.startsWith("SECRET_") && value ? [[name, value]] : []),
    ),
    overrides,
    rehearsal: isRehearsal,
    origins: reader.origins,
    faults: reader.faults,
    warnings: reader.warnings,
  };
}

function applyFlags(server: ReadEnvironment["server"], flags: Flags, origins: Record<string, string>): void {
  if (flags.port !== undefined) [server.port, origins["server.port"]] = [flags.port, "--port"];
  if (flags.host !== undefined) [server.bind, origins["server.bind"]] = [flags.host, "--host"];
  if (flags.drain !== undefined) [server.drainSeconds, origins["server.drainSeconds"]] = [flags.drain, "--drain"];
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

type Read<T> = { value: T } | { problem: string; remedy: string };

/** Reads variables by name, gathering faults and origins. */
class Reader {
  readonly faults: ConfigNote[] = [];
  readonly warnings: ConfigNote[] = [];
  readonly origins: Record<string, string> = {};
  constructor(readonly env: Environment) {}

  read<T>(name: VariableName, path: string | undefined, parse: (text: string) => Read<T>): T | undefined {
    const text = this.env[name]?.trim();
    if (text === undefined || text === "") return undefined;
    const result = parse(text);
    if ("problem" in result) {
      this.faults.push({ file: FILE, key: name, problem: result.problem, remedy: result.remedy });
      return undefined;
    }
    if (path !== undefined) this.origins[path] = `environment ${name}`;
    return result.value;
  }

  text(name: VariableName, path: string | undefined): string | undefined {
    return this.read(name, path, (value) => ({ value }));
  }

  whole(name: VariableName, path: string | undefined, { min, max }: { min: number; max: number }): number | undefined {
    return this.read(name, path, (text) => {
      const value = Number(text);
      if (/^-?\d+$/.test(text) && value >= min && value <= max) return { value };
      return { problem: `is ${quote(text)}`, remedy: `Write a whole number from ${min} to ${max}.` };
    });
  }

  bool(name: VariableName, path: string | undefined): boolean | undefined {
    return this.read(name, path, (text) => {
      if (/^(true|1|yes|on)$/i.test(text)) return { value: true };
      if (/^(false|0|no|off)$/i.test(text)) return { value: false };
      return { problem: `is ${quote(text)}`, remedy: "Write true or false." };
    });
  }

  oneOf<T extends string>(name: VariableName, path: string, options: readonly T[]): T | undefined {
    return this.read(name, path, (text) => {
      const value = options.find((option) => option === text.toLowerCase());
      if (value !== undefined) return { value };
      const near = nearest(text, options);
      return {
        problem: `is ${quote(text)}`,
        remedy: `${near ? `Did you mean ${near}? ` : ""}Write ${options.join(", ")}.`,
      };
    });
  }

  /** A key's value is never quoted. */
  key(name: VariableName, path: string): string | undefined {
    return this.read(
      name,
      path,
      (value) =>
        /^[\x21-\x7e]+$/.test(value) ? { value } : {
          problem: "holds a space or a character that no key has",
          remedy: "Copy the key again, without quotes and without a comment behind it.",
        },
    );
  }

  url(name: VariableName, path: string, protocols: readonly string[]): string | undefined {
    return this.read(name, path, (text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url === undefined || !protocols.includes(url.protocol)) {
        return {
          problem: `is ${quote(text)}`,
          remedy: `Write an address that begins with ${protocols.map((one) => `${one}//`).join(" or ")}.`,
        };
      }
      if (url.username || url.password) {
        return { problem: "holds a user name or password", remedy: "Remove it from the address." };
      }
      return { value: text.replace(/\/+$/, "") };
    });
  }

  warn(name: VariableName, problem: string, remedy: string): void {
    this.warnings.push({ file: FILE, key: name, problem, remedy });
  }

  /** Variables that look like ours and are not. */
  misspelt(): void {
    for (const name of Object.keys(this.env)) {
      if ((VARIABLE_NAMES as readonly string[]).includes(name) || !PREFIXES.some((prefix) => name.startsWith(prefix))) {
        continue;
      }
      const near = nearest(name, VARIABLE_NAMES.filter((known) => !this.env[known]));
      if (near) {
        this.warnings.push({
          file: FILE,
          key: name,
          problem: "is not a variable we read",
          remedy: `Did you mean ${near}?`,
        });
      }
    }
  }
}

function optional<Key extends string, T>(key: Key, value: T | undefined): { [K in Key]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: T }; // a computed key loses its literal type
}

/** The bare host: scheme and trailing slash are tolerated, a path is not; a port only on this machine, where tests play Twilio. */
function publicHostOf(text: string): Read<string> {
  const bare = text.replace(/^(https|wss):\/\//i, "").replace(/\/+$/, "");
  const example = "Write the bare name under which Twilio reaches us, for example agent.example.com.";
  if (/^(http|ws):\/\//i.test(bare)) {
    return { problem: `is ${quote(text)}, unencrypted`, remedy: "Twilio needs TLS. " + example };
  }
  if (/[/?#]/.test(bare)) {
    return { problem: `is ${quote(text)}, which has a path`, remedy: `Write only ${bare.split(/[/?#]/)[0]}` };
  }
  if (!/^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d+)?$/i.test(bare)) {
    return { problem: `is ${quote(text)}, not a host name`, remedy: example };
  }
  const url = URL.canParse(`https://${bare}`) ? new URL(`https://${bare}`) : undefined;
  if (url === undefined) return { problem: `is ${quote(text)}, not a host name`, remedy: example };
  if (url.port !== "" && !isLoopback(url.hostname)) {
    return {
      problem: `is ${quote(text)}, which has a port`,
      remedy: `Twilio's media stream comes in on 443: put TLS there and write only ${url.hostname}`,
    };
  }
  if (!isLoopback(url.hostname) && !url.hostname.includes(".") && !url.hostname.startsWith("[")) {
    return { problem: `is ${quote(text)}, which has no domain`, remedy: example };
  }
  return { value: url.host };
}

function webhookOf(text: string): Read<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  return isSafe
    ? { value: text }
    : { problem: `is ${quote(text)}`, remedy: "Write an https:// address (http:// only to this machine)." };
}

function uplinkOf(text: string): Read<number> {
  const value = Number(text);
  const isFine = /^\d+$/.test(text) && value >= 20 && value <= 400 && value % 20 === 0;
  return isFine
    ? { value }
    : { problem: `is ${quote(text)}`, remedy: "Write a multiple of 20 from 20 to 400: a frame has 20 ms." };
}

function accountSidOf(text: string): Read<string> {
  if (/^AC[0-9a-f]{32}$/i.test(text)) return { value: text };
  const cause = text.startsWith("SK") ? "is the id of an API key" : "is not an account id";
  return { problem: cause, remedy: "Write the Account SID of Twilio's console: AC and 32 hexadecimal digits." };
}
