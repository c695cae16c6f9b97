/** Notices that configuration, prompts or recordings have changed on the disk. */

import { type Clock, sleep } from "./base/clock.ts";

/** Files are looked at this often: an edit counts for the next call. */
const LOOK_EVERY_MS = 2000;

export interface WatchOptions {
  clock: Clock;
  signal: AbortSignal;
  /** How often to look, ms. */
  everyMs?: number | undefined;
  /** Files and folders, asked for each time; what a folder holds directly counts too. Those that do not exist may appear. */
  paths: () => readonly string[];
  /** Names, sizes, times and rights of `path`, in one text; "" where there is nothing. */
  look?: (path: string) => string;
  changed: () => void;
  /** Told what `changed` throws: watching goes on. */
  failed: (error: unknown) => void;
}

/** Call `changed` after each change, until `signal` aborts. Never rejects. */
export async function watchFiles(options: WatchOptions): Promise<void> {
  const { clock, signal, everyMs = LOOK_EVERY_MS, paths, look = lookAt, changed, failed } = options;
  const lookAll = () => new Map(paths().map((path) => [path, look(path)]));
  let known = lookAll();
  while (!signal.aborted) {
    try {
      await sleep(clock, everyMs, signal);
    } catch {
      return;
    }
    const seen = lookAll();
    const isSame = [...seen].every(([path, text]) => !known.has(path) || known.get(path) === text);
    known = seen;
    if (isSame) continue;
    try {
      changed();
    } catch (error) {
      failed(error);
    }
    known = new Map([...lookAll(), ...seen]); // the change may have added files to look at
  }
}

function lookAt(path: string): string {
  try {
    const info = Deno.statSync(path);
    if (!info.isDirectory) {
      // Who gives us the right to read a file, or puts another of its size and time in its place, changes the rest only.
      const { size, mtime, ino, mode, uid, gid } = info;
      return [path, size, mtime?.getTime(), ino, mode, uid, gid].join(" ");
    }
    const names = [...Deno.readDirSync(path)].filter(({ isFile }) => isFile).map(({ name }) => `${path}/${name}`);
    return names.sort().map(lookAt).join("\n");
  } catch {
    return ""; // not there, or not ours to read
  }
}
