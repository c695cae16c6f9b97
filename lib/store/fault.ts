/** What may be wrong with the file of calls, and what to do about it. */

import { type Fault, messageOf } from "../base/result.ts";

/** What to do, by SQLite's own words (https://sqlite.org/rescode.html): Deno passes on no code. */
const REMEDIES: readonly (readonly [words: RegExp, code: string, remedy: string])[] = [
  [/is locked|table is locked/, "busy", "another process holds the file"],
  [/readonly/, "read-only", "the file or its folder may not be written"],
  [/full/, "full", "the disk is full"],
  [/disk I\/O/, "input-output", "the disk reports an error"],
  [/malformed/, "damaged", "the file is damaged; move it away, and a new one is made"],
  [/not a database/, "not-ours", "move the file away, and a new one is made"],
  [/unable to open/, "not-opened", "check that its folder exists and may be written"],
  [/has schema/, "newer", "run the version that wrote it, or move the file away, and a new one is made"],
  [/another server/, "owned", "stop it, or give one of the two a DATA_DIR of its own"],
  [/no such table/, "not-ours", "another program wrote it; move the file away, and a new one is made"],
  [/[Nn]ot a directory/, "not-opened", "check DATA_DIR: what it names is no folder"],
];

/** Whether another process holds the file. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && / is locked/.test(error.message);
}

/** What the disk or SQLite threw, with what to do about it. */
export function storeFault(error: unknown): Extract<Fault, { kind: "rejected" }> {
  const words = messageOf(error);
  const [, code = "error", remedy] = REMEDIES.find(([pattern]) => pattern.test(words)) ?? [];
  return { kind: "rejected", peer: "store", code, detail: remedy ? `${words}: ${remedy}` : words };
}
