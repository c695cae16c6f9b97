/** The terminal and the environment around `calls`, `show` and `forget`. */

import type { Terminal } from "./base/usage.ts";
import { recordCommand } from "./calls_command.ts";
import { loadEnv } from "./config.ts";
import { readText } from "./files.ts";
import { variable, whyNotRead } from "./permissions.ts";

/** @returns the exit code. */
export async function records(
  name: "calls" | "show" | "forget",
  args: string[],
  { print, printError }: Terminal,
): Promise<number> {
  let dotenv: Record<string, string>;
  try {
    dotenv = loadEnv(readText(".env") ?? "");
  } catch (error) {
    printError(`Cannot read .env: ${whyNotRead(error)}`);
    return 1;
  }
  const env = Object.fromEntries(["DATA_DIR", "ADMIN_TOKEN"].map((name) => [name, variable(name) ?? dotenv[name]]));
  return await recordCommand(name, args, {
    env,
    fetch: (request) => fetch(request),
    now: () => new Date(),
    print,
    printError,
    isTerminal: Deno.stdout.isTerminal(),
    confirm: (question) => Deno.stdin.isTerminal() && Deno.stdout.isTerminal() ? confirm(question) : undefined,
  });
}
