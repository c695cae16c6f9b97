/// <reference lib="deno.worker" />
/** The thread that takes what is in a store's write-ahead log into its file, and waits for the disk meanwhile. */

import { DatabaseSync } from "node:sqlite";

/** Nobody waits behind it but the next of these. */
const BUSY_MS = 2000;

/** Asked with the file's path; answers whether SQLite could. */
self.onmessage = ({ data: path }: MessageEvent<string>) => {
  let isDone = false;
  try {
    Deno.statSync(path); // opening would make a file that is not there
    const db = new DatabaseSync(path);
    try {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA wal_checkpoint(PASSIVE)`);
      isDone = true;
    } finally {
      db.close();
    }
  } catch {
    // Moved, full or broken: the store's own writes tell, and take the log into the file themselves when it gets long.
  }
  self.postMessage(isDone);
};
