/** What every command does when its arguments make no sense. */

/** Where a command tells its results, and everything else. */
export interface Terminal {
  print: (line: string) => void;
  printError: (line: string) => void;
}

/** Tell `why`, and what helps; with `json`, as a document too. @returns the exit code. */
export function wrongUsage(
  why: string,
  { help, json, print, printError }: Terminal & { help: string; json: boolean },
): number {
  printError(`${why}\n${help}`);
  if (json) print(JSON.stringify({ ok: false, schema: 1, error: why }));
  return 2;
}
