/** `offhook check`: the shell around `runCheck`, with the machine's own files, sockets and clock. */

import { systemClock } from "./base/clock.ts";
import { messageOf } from "./base/result.ts";
import { readArgs, type Terminal, wrongUsage } from "./base/usage.ts";
import type { PortState } from "./check/front_door.ts";
import { type Found, runCheck } from "./check/run.ts";
import { type ConfigNote, loadEnv } from "./config.ts";
import { isTheirs, readBytes, readText } from "./files.ts";
import { environment, noting, secretsIn } from "./load.ts";
import { isForbidden, type RecordsPlace, recordsPlace } from "./permissions.ts";
import { socketKind, vendorDial } from "./providers/socket.ts";

const HELP = `offhook check [--fix] [--offline] [--live] [--json] [--config FILE]

Tells where each value comes from, what is missing or wrong before real calls are answered, and what to do about it.

  --fix       point the numbers that are ours here: voice, fallback and status URL
  --offline   use no network
  --live      fail also if what is set is right but does not suffice for real calls
  --json      one JSON document

Exit code 0 if all that is set is right, else 1.
`;

/** Run the command. @returns its exit code. */
export async function check(args: string[], { print, printError }: Terminal): Promise<number> {
  const usage = (why: string) =>
    wrongUsage(why, { help: "See offhook check --help.", json: args.includes("--json"), print, printError });
  const flag = { type: "boolean" } as const;
  const read = readArgs({
    args,
    options: {
      fix: flag,
      offline: flag,
      live: flag,
      verbose: flag, // of old: what it told is told always
      json: flag,
      help: { type: "boolean", short: "h" },
      config: { type: "string" },
    },
  });
  if (!read.ok) return usage(read.fault);
  const { help, config = "config.json", verbose: _, ...flags } = read.value.values;
  if (help) {
    print(HELP);
    return 0;
  }
  if (config === "") return usage("--config takes a file.");
  const found = findConfig(config);
  const kind = socketKind("auto", { onDeploy: Boolean(found.env.DENO_DEPLOY) });
  using client = Deno.createHttpClient({ allowHost: true, http2: false }); // one request claims another name
  return await runCheck({
    found,
    flags,
    clock: systemClock,
    dial: vendorDial({ clock: systemClock, kind }),
    fetch: (request) => fetch(request, { client }),
    denoVersion: Deno.version.deno,
    portState,
    recordsPlace: triedPlace,
    print,
  });
}

function findConfig(file: string): Found {
  const unread: ConfigNote[] = [];
  const read = noting(unread);
  const text = read(file, readText);
  if (text === undefined && file !== "config.json" && unread.length === 0) {
    unread.push({ file, key: "", problem: "there is no such file", remedy: "Check --config." });
  }
  return {
    text,
    file,
    isOurs: text !== undefined && !isTheirs(file),
    env: environment(loadEnv(read(".env", readText) ?? ""), secretsIn(text)),
    readAsset: (path) => read(path, readText),
    hasAsset: (path) => read(path, readBytes) !== undefined,
    readBytes: (path) => read(path, readBytes),
    unread,
  };
}

function portState(port: number, host: string): PortState {
  try {
    Deno.listen({ port, hostname: host }).close();
    return "free";
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return "taken";
    return isForbidden(error) ? "forbidden" : "elsewhere";
  }
}

/** As `serve` decides it, and then by writing a file there. What did not exist before does not exist afterwards. */
function triedPlace(folder: string, options: { onDeploy: boolean }): RecordsPlace | { problem: string } {
  const place = recordsPlace(folder, options);
  if ("problem" in place || place.kind === "memory") return place;
  const existed = isThere(folder);
  const file = `${folder}/.offhook-check`;
  try {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeFileSync(file, new Uint8Array(4096)); // an empty one a full disk takes too
    Deno.removeSync(file);
    if (!existed) Deno.removeSync(folder);
    return place;
  } catch (error) {
    if (isThere(file)) Deno.removeSync(file);
    return { problem: `${folder} cannot be written: ${messageOf(error)}` };
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
