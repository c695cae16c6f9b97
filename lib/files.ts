/** Files by their names: those of the working directory first, then those that came with the program. */

import { OWN } from "./base/own.ts";

/** A path inside the working directory or the program; nothing above either. */
function isInside(path: string): boolean {
  return !path.startsWith("/") && !path.split(/[\\/]/).includes("..");
}

/** What is longer came here by mistake, and reading it as a configuration would hold every call up for seconds. */
const LONGEST_BYTES = 10_000_000;

/** Text of `path` in the working directory, else of ours; undefined where neither is. @throws `NotUtf8`, other errors of the disk. */
export function readText(path: string, read: FileReader = readBytes): string | undefined {
  const bytes = read(path);
  if (bytes && bytes.length > LONGEST_BYTES) {
    throw new Error(`it has ${Math.round(bytes.length / 1e6)} MB, more than any text of a configuration`);
  }
  try {
    return bytes && new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new NotUtf8("it is not UTF-8. Save it as UTF-8.");
  }
}

/** Another encoding would be read with holes in it, or, as UTF-16, as nothing at all. */
export class NotUtf8 extends Error {}

/** Whether the user has something at `path`, not only the program, readable or not. */
export function isTheirs(path: string): boolean {
  try {
    return readAt(path) !== undefined;
  } catch {
    return true;
  }
}

/** Bytes of `path` in the working directory, else of ours. An absolute path, or one that leads upwards, is only what it says. */
export function readBytes(path: string): Uint8Array | undefined {
  return readAt(path) ?? (isInside(path) ? readOwn(path) : undefined);
}

export type FileReader = (path: string) => Uint8Array | undefined;

/** `readBytes` for a program that runs on: what was the user's once and is gone is missing, and nothing of ours takes its place. */
export function steadyReader(): FileReader {
  const theirs = new Set<string>();
  return (path) => {
    const bytes = readAt(path);
    if (bytes) theirs.add(path);
    return theirs.has(path) ? bytes : readBytes(path);
  };
}

const { NotFound, NotADirectory } = Deno.errors;
/** Errors that mean that nothing is at a path; a TypeError if it holds characters that no name can. */
const NO_FILE = [NotFound, NotADirectory, TypeError];

function readAt(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (NO_FILE.some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
}

/** Inside an executable, reading a folder throws an error of no particular class: any error there means that there is no such file. */
function readOwn(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(new URL(path, OWN));
  } catch {
    return undefined;
  }
}

/** The program's version, from its own deno.json. */
export function ownVersion(): string {
  const bytes = Deno.readFileSync(new URL("deno.json", OWN));
  const { version } = JSON.parse(new TextDecoder().decode(bytes)) as { version: string };
  return version;
}
