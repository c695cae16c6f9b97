/** What lies where in the data folder. */

export const CALLS_FILE = "calls.sqlite";

/** The folder of recordings, below the data folder. */
export const RECORDINGS = "recordings";

/** The recording of a call, by our id of it, below the data folder. */
export function recordingFile(call: string): string {
  return `${RECORDINGS}/${call}.wav`;
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
