/** `offhook health`: does a server answer? For Docker's health check, whose image has no curl. */

import { DEFAULT_PORT } from "./base/port.ts";
import { isHttpUrl } from "./base/url.ts";
import { type ConfigNote, describeNotes } from "./config.ts";
import { readDotenv } from "./load.ts";
import { variable } from "./permissions.ts";

const LIMIT_MS = 3000;

/** Ask `url` for its health. @returns the exit code: 0 for a server that takes calls, 1 for another, 2 if it is no address, 3 if nothing answers. */
export async function health(
  url: string,
  { print, printError }: { print: (line: string) => void; printError: (line: string) => void },
): Promise<number> {
  if (!isHttpUrl(url)) {
    printError(`"${url}" is no address: it begins with http:// or https://.\nSee offhook health --help.`);
    return 2;
  }
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(LIMIT_MS), redirect: "error" });
    const text = (await response.text()).trim();
    (response.ok ? print : printError)(response.ok ? text : `${url} answered HTTP ${response.status}: ${text}`);
    return response.ok ? 0 : 1;
  } catch (error) {
    printError(`No answer from ${url}: ${error instanceof Error ? error.message : String(error)}`);
    return 3;
  }
}

/** Where the server of this machine answers, by `PORT`; what hinders us from knowing is told. */
export function localUrl(printError: (line: string) => void): string {
  const unread: ConfigNote[] = [];
  const port = variable("PORT") || readDotenv(unread).PORT || DEFAULT_PORT;
  if (unread.length > 0) printError(describeNotes(unread));
  return `http://localhost:${port}`;
}
