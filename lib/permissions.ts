/** What the program may touch. `deno task compile` bakes these lists into the executable; a test keeps both the same. */

import { messageOf } from "./base/result.ts";
import { PREFIXES, TWILIO_NAMES, VARIABLE_NAMES } from "./config.ts";

/** Where an executable may keep its data, besides `./data`. With `DynamicUser` systemd makes the second a link to the third. */
const DATA_FOLDERS = ["/data", "/var/lib/offhook", "/var/lib/private/offhook"];

/** What an executable may read besides its own files: the working directory, the data, the configuration of a system service. */
export const READ_FOLDERS = [".", ...DATA_FOLDERS, "/etc/offhook"];

/** What it may write. `./data` is listed by itself, so that it may still be written when `serve` gives up the working directory. */
export const WRITE_FOLDERS = [".", "./data", ...DATA_FOLDERS];

/** What it may read of the environment: our variables, some of Twilio's, the tools' secrets, Deno Deploy's marks, and what `npm:ws` asks for. */
export const ENVIRONMENT_NAMES = [
  ...VARIABLE_NAMES,
  ...TWILIO_NAMES,
  "SECRET_*",
  "DENO_DEPLOY",
  "DENO_DEPLOYMENT_ID",
  "NO_COLOR",
  "WS_NO_BUFFER_UTIL",
  "WS_NO_UTF_8_VALIDATE",
];

/** A variable of the environment; one that we may not read counts as not set. */
export function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Names of variables that are set and look like ours; where the environment may not be listed, those worth asking for. */
export function namesLikeOurs(): string[] {
  const { state, partial } = Deno.permissions.querySync({ name: "env" });
  if (state !== "granted" || partial) return TWILIO_NAMES;
  return Object.keys(Deno.env.toObject()).filter((name) => PREFIXES.some((prefix) => name.startsWith(prefix)));
}

/** Whether reading or writing failed because it is forbidden, by Deno or by the system. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied;
}

/** What to do about a file that may not be read. */
export function readRemedy(error: unknown): string {
  if (!(error instanceof Deno.errors.NotCapable)) return "Give the user that runs Offhook the right to read it.";
  return Deno.build.standalone
    ? `Put it into one of the folders that the executable may read: ${READ_FOLDERS.join(", ")}`
    : "Start Deno with --allow-read for that place.";
}

/** Why a file cannot be read, and what to do about it. */
export function whyNotRead(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file.";
  return isForbidden(error) ? `it may not be read. ${readRemedy(error)}` : reasonOf(error);
}

/** Why a file cannot be written, and what to do about it. */
export function whyNotWritten(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such folder. Make it first.";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "it may not be written. Give the user that runs Offhook the right to write it.";
  }
  if (!(error instanceof Deno.errors.NotCapable)) return reasonOf(error);
  return Deno.build.standalone
    ? `it may not be written. Choose a place in a folder that the executable may write: ${WRITE_FOLDERS.join(", ")}`
    : "it may not be written. Start Deno with --allow-write for that place.";
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder.";
  return messageOf(error);
}

/** Where records are kept: in a folder, or in memory until the process ends. */
export type RecordsPlace = { kind: "disk"; folder: string } | { kind: "memory"; why: string };

/** Where `DATA_DIR` lets us keep records. @returns what is wrong if the user asks for a folder that we may not write. */
export function recordsPlace(folder: string, { onDeploy }: { onDeploy: boolean }): RecordsPlace | { problem: string } {
  if (onDeploy) return { kind: "memory", why: "Deno Deploy keeps no files" };
  if (!mayWrite(folder)) {
    if (folder === DEFAULT_FOLDER) return { kind: "memory", why: `this process may not write ${folder}` };
    return { problem: `DATA_DIR is "${folder}", which this process may not write. ${writeRemedy(folder)}` };
  }
  return { kind: "disk", folder };
}

const DEFAULT_FOLDER = "./data";

/** Whether Deno lets us write below `folder` once the working directory is given up. */
function mayWrite(folder: string): boolean {
  const granted = Deno.permissions.querySync({ name: "write", path: folder }).state === "granted";
  if (!granted || !Deno.build.standalone) return granted;
  const whole = resolved(folder);
  return KEPT_FOLDERS.some((kept) => whole === resolved(kept) || whole.startsWith(`${resolved(kept)}/`));
}

const KEPT_FOLDERS = WRITE_FOLDERS.filter((folder) => folder !== ".");

function resolved(path: string): string {
  return new URL(path, `file://${Deno.cwd()}/`).pathname.replace(/\/+$/, "");
}

function writeRemedy(folder: string): string {
  return Deno.build.standalone
    ? `The executable keeps its data in one of: ${KEPT_FOLDERS.join(", ")}`
    : `Start Deno with --allow-write=${folder}`;
}

/** A server that runs as an executable needs to write nothing but its data: it gives up the rest of the working directory. */
export function giveUpWriting(): void {
  if (Deno.build.standalone) Deno.permissions.revokeSync({ name: "write", path: "." });
}
