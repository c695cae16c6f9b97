/** Reads configuration from the disk and the environment: the shell around `parseConfig`. */

import {
  type ConfigNote,
  type Environment,
  type Flags,
  type Loaded,
  loadEnv,
  parseConfig,
  VARIABLE_NAMES,
} from "./config.ts";
import { failed, messageOf, ok, type Result } from "./base/result.ts";
import { type FileReader, isTheirs, NotUtf8, readBytes, readText, steadyReader } from "./files.ts";
import { isForbidden, namesLikeOurs, readRemedy, variable } from "./permissions.ts";

/** Names like `SECRET_X` that the configuration asks for: the environment may not be listed, only asked by name. */
const SECRET_NAMES = /\bSECRET_[A-Za-z0-9_]+/g;

/** The prompt files that a configuration's text names. A false match does no harm. */
const PROMPT_FILES = /"file"\s*:\s*"([^"\\]+)"/g;

export interface LoadOptions {
  /** `config.json` by default. */
  file?: string | undefined;
  flags?: Flags;
  /** How prompts and recordings are read; `readBytes` by default. */
  read?: FileReader;
}

/** What tells that we run on Deno Deploy. */
const PLATFORM_NAMES = ["DENO_DEPLOY", "DENO_DEPLOYMENT_ID"];

/** The configuration as it is on the disk now. A file named by the user must exist; the default one need not. */
export function loadConfig(options: LoadOptions = {}): Result<Loaded, ConfigNote[]> {
  const { file = "config.json", flags = {}, read = readBytes } = options;
  const unread: ConfigNote[] = [];
  const mayFail = noting(unread);
  const text = mayFail(file, readText);
  if (unread.length > 0) return failed(unread);
  if (text === undefined && file !== "config.json") {
    return failed([{ file, key: "", problem: "there is no such file", remedy: "Check --config." }]);
  }
  const parsed = parseConfig({
    text,
    file,
    env: environment(readDotenv(unread), secretsIn(text)),
    flags,
    readAsset: (path) => mayFail(path, (path) => readText(path, read)),
    hasAsset: (path) => mayFail(path, read) !== undefined,
  });
  if (!parsed.ok) return failed([...unread, ...parsed.fault]);
  // Unless the environment holds what `.env` does, this would be a rehearsal that nobody asked for.
  if (parsed.value.config.rehearsal && unread.some(({ file }) => file === DOTENV)) return failed(unread);
  return ok({ ...parsed.value, warnings: [...unread, ...parsed.value.warnings] });
}

const DOTENV = ".env";

/** The variables of `.env`; of one that cannot be read there are none, and a note says why. */
export function readDotenv(notes: ConfigNote[]): Environment {
  return loadEnv(noting(notes)(DOTENV, readText) ?? "");
}

/** Reads the configuration, then again each time. A file that was there and is gone is a fault: the program's own file must not take its place. */
export function reloader(options: LoadOptions): () => Result<Loaded, ConfigNote[]> {
  const { file = "config.json" } = options;
  const read = steadyReader();
  let wasTheirs = false;
  return () => {
    const isThere = isTheirs(file);
    if (wasTheirs && !isThere) {
      return failed([{
        file,
        key: "",
        problem: "is gone",
        remedy: "Put it back: until then what it said last holds.",
      }]);
    }
    wasTheirs = isThere;
    return loadConfig({ ...options, read });
  };
}

/** Reads files: one that cannot be read is undefined, and a note says why. */
export function noting(notes: ConfigNote[]): <T>(path: string, read: (path: string) => T) => T | undefined {
  return (path, read) => {
    try {
      return read(path);
    } catch (error) {
      return void notes.push({ file: path, key: "", ...whyUnread(error) });
    }
  };
}

function whyUnread(error: unknown): Pick<ConfigNote, "problem" | "remedy"> {
  if (error instanceof NotUtf8) return { problem: "is not UTF-8", remedy: "Save it as UTF-8." };
  if (error instanceof Deno.errors.IsADirectory) {
    return {
      problem: "is a folder",
      remedy: "Put a file in its place: Docker makes a folder where the file to mount is missing.",
    };
  }
  if (isForbidden(error)) return { problem: "may not be read", remedy: readRemedy(error) };
  const detail = messageOf(error);
  return { problem: `cannot be read: ${detail}`, remedy: "Check its name and the disk." };
}

/** The variables we know, those that look like ours, and those of `dotenv`, the file `.env`; real ones win. `more`: other names to look for. */
export function environment(dotenv: Environment, more: Iterable<string> = []): Environment {
  const names = new Set([...VARIABLE_NAMES, ...namesLikeOurs(), ...PLATFORM_NAMES, ...Object.keys(dotenv), ...more]);
  return Object.fromEntries([...names].map((name) => [name, variable(name) ?? dotenv[name]]));
}

/** Names of secrets that a configuration's text mentions, or a prompt file that it names. */
export function secretsIn(text = ""): string[] {
  const files = [...text.matchAll(PROMPT_FILES)].map((match) => noting([])(match[1]!, readText) ?? "");
  return [text, ...files].flatMap((one) => one.match(SECRET_NAMES) ?? []);
}
