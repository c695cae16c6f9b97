/**
 * Configuration: config.json, its prompt file, the environment and the flags -> one frozen `Config`, or every fault at
 * once. Pure: whoever calls reads the files. Read again when a file changes; a running call keeps what it was given.
 */

export { callsOf, forNumber, parseConfig, type ParseInput } from "./config/load.ts";
export { type ConfigNote, describeNotes, editDistance, nearest } from "./config/notes.ts";
export { type Flags, loadEnv, RANGES } from "./config/environment.ts";
export { type Environment, PREFIXES, TWILIO_NAMES, VARIABLE_NAMES } from "./config/reader.ts";
export { type CallLine, isPlayed, linesOf } from "./config/lines.ts";
export { heldByVendor } from "./config/live.ts";
export { llmKeyFor, llmUrlFor, missingKeys, type VendorKey, vendorKeys } from "./config/keys.ts";
export { fluxFor, isFlux, writesOrdinals } from "./config/spoken_language.ts";
export { fillSecrets, fillVariables } from "./config/variables.ts";
export { type Hours, type HoursSpan, openAt } from "./config/hours.ts";
export { generateSchema } from "./config/schema.ts";
export type { CallConfig, Config, Keys, Loaded, ServerConfig, Urls } from "./config/types.ts";
export type { HttpTool, ToolConfig, TransferTool } from "./config/tools.ts";
export type { LlmType } from "./config/providers.ts";
export type {
  AgentListen,
  AgentSpeak,
  AgentThink,
  BeforeCallConfig,
  ExtractionConfig,
  ExtractionField,
  LimitsConfig,
  Line,
  LinesConfig,
  PipelineListen,
  PipelineSpeak,
  PipelineThink,
  PrivacyConfig,
  RouteConfig,
  SilenceConfig,
  ToolHttp,
  TransferDestination,
  TurnConfig,
} from "./config/shape.ts";
