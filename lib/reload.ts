/** Notices that configuration, prompts or recordings have changed on the disk. */

import { type Clock, sleep } from "./base/clock.ts";

/** Files are looked at this often: an edit counts for the next call. */
const LOOK_EVERY_MS = 2000;

export interface WatchOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Files and folders; what a folder holds directly counts too. Those that do not exist may appear. */
  paths: readonly string[];
  /** Names, sizes and times of `path`, in one text; "" where there is nothing. */
  look?: (path: string) => string;
  changed: () => Promise<void> | void;
  /** Told what `changed` throws: watching goes on. */
  failed: (error: unknown) => void;
}

/** Call `changed` after each change, one at a time, until `signal` aborts. Never rejects. */
export async function watchFiles(options: WatchOptions): Promise<void> {
  const { clock, signal, paths, look = lookAt, changed, failed } = options;
  const lookAll = () => paths.map(look).join("\n");
  let known = lookAll();
  while (!signal.aborted) {
    try {
      await sleep(clock, LOOK_EVERY_MS, signal);
    } catch {
      return;
    }
    const seen = lookAll();
    if (seen === known) continue;
    known = seen;
    try {
      await changed();
    } catch (error) {
      failed(error);
    }
  }
}

function lookAt(path: string): string {
  try {
    const info = Deno.statSync(path);
    if (!info.isDirectory) return `${path} ${info.size} ${info.mtime?.getTime()}`;
    const names = [...Deno.readDirSync(path)].filter(({ isFile }) => isFile).map(({ name }) => `${path}/${name}`);
    return names.sort().map(lookAt).join("\n");
  } catch {
    return ""; // not there, or not ours to read
  }
}
