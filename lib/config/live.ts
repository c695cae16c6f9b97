/** What answering real callers asks of a configuration: the keys of the chosen engines. Pure. */

import { missingKeys, type VendorKey } from "./keys.ts";
import type { ConfigNote } from "./notes.ts";
import type { CallConfig, Config } from "./types.ts";

export interface LiveCall {
  call: CallConfig;
  faults: ConfigNote[];
  warnings: ConfigNote[];
}

/**
 * One call's configuration for real callers: a missing key of a first choice is a fault; a spare without one is left out,
 * with a warning. `label`: what comes before a path in a note, for a number's own configuration.
 */
export function liveCall(kept: Pick<Config, "keys" | "urls">, call: CallConfig, label: string): LiveCall {
  const missing = missingKeys(kept, call);
  const faults = missing.filter(({ spare }) => !spare).map((one) => noteOf(one, label));
  const warnings = missing.filter(({ spare }) => spare).map((one) => noteOf(one, label));
  const paths = missing.map(({ path }) => path);
  const usable = <Entry>(list: Entry[], name: string) =>
    list.filter((_, i) => !paths.includes(`pipeline.${name}[${i}]`));
  const { think, speak } = call.pipeline;
  const pipeline = { ...call.pipeline, think: usable(think, "think"), speak: usable(speak, "speak") };
  return { call: missing.length === 0 ? call : { ...call, pipeline }, faults, warnings };
}

function noteOf({ variable, vendor, path, spare }: Omit<VendorKey, "missing">, label: string): ConfigNote {
  const remedy = variable === "LLM_BASE_URL"
    ? "Set it, or give the entry an endpoint.url"
    : `Set it to your key of ${vendor}`;
  return {
    file: "environment",
    key: variable,
    problem: spare
      ? `is not set, so the spare ${label}${path} is left out`
      : `is not set, and ${label}${path} needs it`,
    remedy: spare
      ? `${remedy}, or remove that entry.`
      : `${remedy}, or start with --rehearse to answer with stand-ins.`,
  };
}

/** Where the file asks for facts of the calls, and no language model has a key to find them. */
export function extractionNote(kept: Pick<Config, "keys" | "urls">, call: CallConfig): ConfigNote[] {
  const { summary, fields } = call.extraction;
  if (!summary && Object.keys(fields).length === 0) return [];
  const missing = missingKeys(kept, { ...call, engine: "pipeline" })
    .filter(({ path }) => path.startsWith("pipeline.think"));
  const [first] = missing;
  if (first === undefined || missing.length < call.pipeline.think.length) return [];
  return [{
    file: "environment",
    key: first.variable,
    problem: "is not set, so extraction is off: no model key",
    remedy: `Set it for ${first.vendor} to find the facts of calls, or remove "extraction".`,
  }];
}

/** Whether every conversation is a real agent's: then, without a model's key, a stand-in makes up no facts of it in rehearsal either. */
export function heldByVendor({ keys }: Pick<Config, "keys">, calls: readonly CallConfig[]): boolean {
  return keys.deepgram !== undefined && calls.every(({ engine }) => engine === "agent");
}

/** Where the file could not be read: the one key that both engines need. */
export function deepgramNote({ keys }: Pick<Config, "keys">): ConfigNote[] {
  const key = { path: "either engine", vendor: "Deepgram", variable: "DEEPGRAM_API_KEY", spare: false } as const;
  return keys.deepgram === undefined ? [noteOf(key, "")] : [];
}
