/** What the rest of the program sees: one call's configuration, and the process's. */

import type {
  AgentListen,
  AgentSpeak,
  AgentThink,
  CallSections,
  LinesConfig,
  PipelineListen,
  PipelineSpeak,
  PipelineThink,
  TurnConfig,
} from "./shape.ts";
import type { ConfigNote } from "./notes.ts";

/** Everything about one call, defaults filled in. Frozen. */
export interface CallConfig extends Omit<CallSections, "prompt" | "agent" | "pipeline" | "lines"> {
  /** Read from its file, lines joined; `{{ }}` still to be filled per call. */
  prompt: string;
  agent: { listen: AgentListen; think: AgentThink[]; speak: AgentSpeak[] };
  pipeline: { listen: PipelineListen; think: PipelineThink[]; speak: PipelineSpeak[]; turn: TurnConfig };
  lines: LinesConfig;
  routerEnabled: boolean;
}

export interface ServerConfig {
  /** Bare host name under which Twilio reaches us, with a port only on this machine. */
  publicHost?: string;
  port: number;
  bind: string;
  trustProxy: boolean;
  maxCalls: number;
  drainSeconds: number;
  pacerLeadMs: number;
  /** Caller audio in one message to a vendor; undefined: as it suits the vendor. */
  uplinkMs?: number;
  vendorSocket: "auto" | "native" | "ws";
  dataDir: string;
  adminToken?: string;
  callWebhook?: { url: string; secret?: string };
  logLevel: "debug" | "info" | "warning" | "error";
  /** `auto`: lines on a terminal, json elsewhere. */
  logFormat: "auto" | "lines" | "json";
  onDeploy: boolean;
}

export interface Keys {
  deepgram?: string;
  twilioAccountSid?: string;
  twilioAuthToken?: string;
  cartesia?: string;
  cartesiaVoiceId?: string;
  groq?: string;
  openai?: string;
  llm?: string;
}

/** Where each vendor is reached. */
export interface Urls {
  agent: string;
  listen: string;
  flux: string;
  speak: string;
  cartesia: string;
  /** Instead of the model vendors' own addresses. */
  llm?: string;
  twilioApi: string;
}

export interface Config {
  server: ServerConfig;
  keys: Keys;
  urls: Urls;
  /** `SECRET_*`, by full name. */
  secrets: Record<string, string>;
  /** Vendors without a key are stand-ins. */
  rehearsal: boolean;
  /** Whether `--rehearse` was given: then every call is taken, however many. */
  rehearsalAsked: boolean;
  base: CallConfig;
  /** By called number, whole. */
  numbers: Record<string, CallConfig>;
  /** Where the prompts were read from, as the file names them. */
  promptFiles: readonly string[];
  /** SHA-256, hex, of all of this but keys and secrets. */
  hash: string;
}

export interface Loaded {
  config: Config;
  warnings: ConfigNote[];
  /** Where a value comes from, by dotted path: `environment PUBLIC_HOST`, `--port`, the file's name, or `default`. */
  origins: () => Record<string, string>;
}
