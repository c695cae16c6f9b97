/** Reads configuration from the disk and the environment: the shell around `parseConfig`. */

import { type ConfigNote, type Flags, type Loaded, loadEnv, parseConfig, VARIABLE_NAMES } from "./config.ts";
import type { Result } from "./base/result.ts";
import { readBytes, readText } from "./files.ts";

/** Names like `SECRET_X` that the configuration asks for: the environment may not be listed, only asked by name. */
const SECRET_NAMES = /\bSECRET_[A-Z0-9_]+/g;

export interface LoadOptions {
  /** `config.json` if not said. */
  file?: string;
  flags?: Flags;
}

/** The configuration as it is on the disk now. A file named by the user must exist; the default one need not. */
export function loadConfig({ file = "config.json", flags = {} }: LoadOptions = {}): Result<Loaded, ConfigNote[]> {
  const text = readText(file);
  if (text === undefined && file !== "config.json") {
    return { ok: false, fault: [{ file, key: "", problem: "there is no such file", remedy: "Check --config." }] };
  }
  const dotenv = loadEnv(readText(".env") ?? "");
  const names = new Set([...VARIABLE_NAMES, ...Object.keys(dotenv), ...text?.match(SECRET_NAMES) ?? []]);
  const env = Object.fromEntries([...names].map((name) => [name, Deno.env.get(name) ?? dotenv[name]]));
  return parseConfig({
    text,
    file,
    env,
    flags,
    readAsset: readText,
    hasAsset: (path) => readBytes(path) !== undefined,
  });
}
