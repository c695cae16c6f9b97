/** Where every value of a configuration comes from. Pure. */

import { isObject } from "../base/json.ts";
import type { Flags, ReadEnvironment } from "./environment.ts";
import { dotted, valueAt } from "./notes.ts";
import { mergePatch, objectOf, type Raw } from "./objects.ts";
import { overrideOrigins } from "./overrides.ts";
import type { Config } from "./types.ts";

interface Sources {
  /** The file as it was read; undefined: there was none. */
  raw: Raw | undefined;
  file: string;
  env: ReadEnvironment;
  flags: Flags;
}

/**
 * By dotted path: `environment PUBLIC_HOST`, `--port`, the file's name (a prompt file's own), or `default`. A list counts as
 * one value; of a number only what the file says of it.
 */
export function originsOf(config: Config, { raw, file, env, flags }: Sources): Record<string, string> {
  const { numbers, ...common } = raw ?? {};
  const overridden: Record<string, string> = { ...env.origins, ...overridesOf(common, "base", env) };
  const origins: Record<string, string> = {};
  const walk = (value: unknown, path: string[], origin: (path: string[]) => string) => {
    if (isObject(value) && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key], origin);
    } else origins[dotted(path)] = overridden[dotted(path)] ?? origin(path);
  };
  const inFile = ([, ...path]: string[]) => isWritten(common, path) ? file : "default";
  for (const part of ["server", "urls", "keys"] as const) walk(config[part], [part], () => "default");
  origins["server.maxCalls"] = overridden["server.maxCalls"] ?? inFile(["base", "limits", "callsAtOnce"]);
  walk(config.base, ["base"], inFile);
  const promptFile = objectOf(common.prompt).file;
  if (typeof promptFile === "string") origins["base.prompt"] = promptFile;
  for (const [number, patch] of Object.entries(objectOf(numbers))) {
    const label = `numbers.${number}`;
    Object.assign(overridden, overridesOf(mergePatch(common, objectOf(patch)), label, env));
    walk(patch, ["numbers", number], () => file);
  }
  origins.rehearsal = flags.rehearse
    ? "--rehearse"
    : config.rehearsal
    ? "neither PUBLIC_HOST nor TWILIO_* is set"
    : "environment";
  return origins;
}

function overridesOf(raw: Raw, label: string, { overrides }: ReadEnvironment): Record<string, string> {
  const own = Object.entries(overrideOrigins(raw, overrides));
  return Object.fromEntries(own.map(([path, origin]) => [`${label}.${path}`, origin]));
}

/** Whether the file says what stands at `path`; a line or a list may be written shorter than it is read. */
function isWritten(raw: Raw, path: string[]): boolean {
  return path.some((_, i) => {
    const above = valueAt(raw, path.slice(0, i + 1));
    return above !== undefined && (i === path.length - 1 || !isObject(above));
  });
}
