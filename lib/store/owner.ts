/** Which process records calls in a file: one at a time, by a lock that the system takes back when the process is gone. */

import { DatabaseSync } from "node:sqlite";
import { isBusy } from "./fault.ts";
import { keepToOurselves, OWN_FILE } from "./place.ts";

/** Who only looks holds the lock for less; whoever waits to own it has calls meanwhile, and tries again later. */
const BUSY_MS = 5;

/** Another process records calls in this file. */
export class OwnedError extends Error {
  override readonly name = "OwnedError";
}

/**
 * Own the calls in the file `path` until disposed. The lock is SQLite's, on an empty file beside it: Deno's own waits, before 2.9.
 * @throws {OwnedError} if another process does; whatever the disk says.
 */
export function own(path: string): Disposable {
  const db = new DatabaseSync(lockOf(path));
  try {
    keepToOurselves(lockOf(path), OWN_FILE);
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE`);
  } catch (error) {
    db.close();
    throw isBusy(error) ? new OwnedError("another server records calls there") : error;
  }
  return { [Symbol.dispose]: () => db.close() };
}

/** Whether a process owns the calls in the file `path`. */
export function isOwned(path: string): boolean {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(lockOf(path), { readOnly: true });
    db.exec("PRAGMA busy_timeout = 0"); // Deno's is 5 s
    db.prepare("SELECT 1 FROM sqlite_master").get();
    return false;
  } catch (error) {
    return isBusy(error); // else there is no lock: nobody has recorded here, or a version without owners
  } finally {
    db?.close();
  }
}

function lockOf(path: string): string {
  return `${path}-owner`;
}
