/**
 * Configuration: config.json, its prompt file, the environment and the flags -> one frozen `Config`, or every fault at
 * once. Pure: whoever calls reads the files. Read again when a file changes; a running call keeps what it was given.
 */

export { callsOf, forNumber, parseConfig, type ParseInput } from "./config/load.ts";
export { type ConfigNote, describeNotes, nearest } from "./config/notes.ts";
export { type Flags, hasLine, loadEnv, RANGES } from "./config/environment.ts";
export { type Environment, PREFIXES, TWILIO_NAMES, VARIABLE_NAMES } from "./config/reader.ts";
export { type CallLine, isPlayed, linesOf } from "./config/lines.ts";
export { heldByVendor } from "./config/live.ts";
export { llmKeyFor, llmUrlFor, missingKeys, type VendorKey, vendorKeys } from "./config/keys.ts";
export { fluxFor, isFlux, writesOrdinals } from "./config/spoken_language.ts";
export { withSecrets } from "./config/texts.ts";
export { fillVariables } from "./config/variables.ts";
export { openAt } from "./config/hours.ts";
export type { CallConfig, Config, Keys, Loaded } from "./config/types.ts";
export type { ToolConfig } from "./config/tools.ts";
export type {
  BeforeCallConfig,
  Line,
  PipelineListen,
  PipelineSpeak,
  PipelineThink,
  RouteConfig,
} from "./config/shape.ts";
