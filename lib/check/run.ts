/** `offhook check`: everything side by side, into one report. */

import { type Config, type ConfigNote, hasLine, type Loaded, parseConfig, type ParseInput } from "../config.ts";
import type { RecordsPlace } from "../permissions.ts";
import type { Reach } from "./attempt.ts";
import { checkFrontDoor, type PortState } from "./front_door.ts";
import { type CheckItem, type CheckReport, formatReport } from "./item.ts";
import { adminItem, configItems, dataItem, denoItem, recordingItems } from "./local.ts";
import { checkTwilio } from "./twilio.ts";
import { checkVendors } from "./vendors.ts";

/** The configuration as it was found: text, environment, files. */
export type Found = Omit<ParseInput, "flags"> & {
  readBytes: (path: string) => Uint8Array | undefined;
  /** Whether `text` is what the program brings along, for want of a file of the user's. */
  isOurs?: boolean;
  /** Files that cannot be read. */
  unread?: readonly ConfigNote[];
};

export interface CheckFlags {
  fix?: boolean;
  offline?: boolean;
  live?: boolean;
  json?: boolean;
}

export interface CheckParts extends Reach {
  found: Found;
  flags: CheckFlags;
  denoVersion: string;
  portState: (port: number, host: string) => PortState;
  /** Where records would be kept, after a trial. */
  recordsPlace: (folder: string, options: { onDeploy: boolean }) => RecordsPlace | { problem: string };
  print: (line: string) => void;
}

/** Look at everything and print the report. @returns the exit code: 1 when something set is wrong, or `--live` cannot be. */
export async function runCheck(parts: CheckParts): Promise<number> {
  const report = await lookAtEverything(parts);
  parts.print(parts.flags.json ? JSON.stringify(report, null, 2) : formatReport(report));
  return report.ok ? 0 : 1;
}

async function lookAtEverything(parts: CheckParts): Promise<CheckReport> {
  const { found, flags } = parts;
  const parsed = parseConfig(found);
  const faults = [...found.unread ?? [], ...parsed.ok ? [] : parsed.fault];
  const warnings = parsed.ok ? parsed.value.warnings : [];
  const usable = parsed.ok ? parsed.value : usableRest(found, faults);
  const tried = usable ? await tryAll(parts, usable.config, parsed.ok) : [];
  const items = [
    denoItem(parts.denoVersion),
    ...configItems({ ...found, faults, warnings }),
    ...withoutTold(tried, faults),
  ];
  const mode = hasLine(found.env) ? "live" : "rehearsal"; // `parseConfig` does not tell where it found faults
  const broken = items.some(({ state }) => state === "WRONG");
  const lacking = items.some(({ state }) => state === "rehearsal");
  return { ok: !broken && !(flags.live && lacking), mode, items, origins: usable?.origins() ?? {} };
}

async function tryAll(parts: CheckParts, config: Config, isWhole: boolean): Promise<CheckItem[]> {
  const { flags: { offline = false, fix = false }, portState, found } = parts;
  const { dataDir, onDeploy } = config.server;
  const place = parts.recordsPlace(dataDir, { onDeploy });
  const tries = [
    checkFrontDoor(parts, config, { offline, portState }),
    checkTwilio(parts, config, { offline, fix }),
    checkVendors(parts, config, { offline }),
  ];
  return [
    ...(isWhole ? recordingItems(config, found.readBytes) : []),
    dataItem(dataDir, "problem" in place ? place : place.kind === "memory" ? { memory: place.why } : {}),
    adminItem(config),
    ...(await Promise.all(tries)).flat(),
  ];
}

/**
 * What can be used of a configuration with faults, so that everything else is looked at too: without the variables at fault,
 * and, if the file is at fault, with the built-in minimum in its place.
 */
function usableRest(found: Found, faults: readonly ConfigNote[]): Loaded | undefined {
  const atFault = new Set(faults.filter(({ file }) => file === "environment").map(({ key }) => key));
  const env = Object.fromEntries(
    Object.entries(found.env).map(([name, value]) => [name, atFault.has(name) ? undefined : value]),
  );
  const flags = { rehearse: hasLine(found.env) };
  for (const text of [found.text, undefined]) {
    const parsed = parseConfig({ ...found, text, env, flags });
    if (!parsed.ok) continue;
    const { config, origins } = parsed.value;
    return {
      ...parsed.value,
      // Not a rehearsal: what is missing is among the faults already.
      config: { ...config, rehearsal: !hasLine(found.env) },
      // The defaults of the minimum are nobody's, and nobody has asked to rehearse.
      origins: () => without(origins(), ...text === found.text ? [] : ["default"], "--rehearse"),
    };
  }
  return undefined;
}

function without(origins: Record<string, string>, ...unwanted: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(origins).filter(([, from]) => !unwanted.includes(from)));
}

/** Without the variables that are reported as faulty already: they need not be reported as missing too. */
function withoutTold(items: readonly CheckItem[], faults: readonly ConfigNote[]): CheckItem[] {
  return items.filter(({ name, state }) => state === "WRONG" || !faults.some(({ key }) => key === name));
}
