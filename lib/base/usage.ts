/** What every command does with its arguments, and where something is wrong. */

import { parseArgs, type ParseArgsConfig } from "node:util";
import { failed, messageOf, ok, type Result } from "./result.ts";

/** Where a command tells its results, and everything else. */
export interface Terminal {
  print: (line: string) => void;
  printError: (line: string) => void;
}

/** The options and what stands beside them. The fault says what is wrong with them. */
export function readArgs<Config extends ParseArgsConfig>(
  config: Config,
): Result<ReturnType<typeof parseArgs<Config>>, string> {
  try {
    return ok(parseArgs(config));
  } catch (error) {
    return failed(messageOf(error));
  }
}

/** Tell why there is no result; with `json`, as a document too. @returns the exit code. */
export function failure(error: string, { json, print, printError }: Terminal & { json: boolean }): number {
  printError(error);
  if (json) print(JSON.stringify({ ok: false, schema: 1, error }));
  return 1;
}

/** Tell `why`, and what helps; with `json`, as a document too. @returns the exit code. */
export function wrongUsage(why: string, { help, ...told }: Terminal & { help: string; json: boolean }): number {
  failure(why, { ...told, printError: (error) => told.printError(`${error}\n${help}`) });
  return 2;
}
