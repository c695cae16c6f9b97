/** What lies where in the data folder. */

export const CALLS_FILE = "calls.sqlite";

/** The folder of recordings, below the data folder. */
export const RECORDINGS = "recordings";

/** The recording of a call, by our id of it, below the data folder. */
export function recordingFile(call: string): string {
  return `${RECORDINGS}/${call}.wav`;
}

/** What only our own user may enter, read and write. */
export const OWN_FOLDER = 0o700;
export const OWN_FILE = 0o600;

/** Give what is ours already `mode`, if it is there and the system lets us. */
export function keepToOurselves(path: string, mode: number): void {
  try {
    if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
  } catch {
    // another user's, or a file system without modes: it stays as it is
  }
}

/** The recordings that are there, and when each was last written to, ms since 1970. @throws if there is no such folder. */
export function recordingsIn(folder: string): { call: string; changedMs: number }[] {
  return [...Deno.readDirSync(`${folder}/${RECORDINGS}`)].flatMap(({ name }) => {
    const call = /^(call-[0-9a-f]+)\.wav$/.exec(name)?.[1];
    const { mtime } = Deno.statSync(`${folder}/${RECORDINGS}/${name}`);
    return call === undefined || !mtime ? [] : [{ call, changedMs: mtime.getTime() }];
  });
}

/** Remove a file, if it is there. @throws if it cannot be. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
