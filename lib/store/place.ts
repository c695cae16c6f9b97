/** What lies where in the data folder. */

export const CALLS_FILE = "calls.sqlite";

/** The folder of recordings, below the data folder. */
export const RECORDINGS = "recordings";

/** The recording of a call, by our id of it, below the data folder. */
export function recordingFile(call: string): string {
  return `${RECORDINGS}/${call}.wav`;
}

/** Remove a file, if it is there. @throws if it cannot be. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
