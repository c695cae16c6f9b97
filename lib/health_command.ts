/** `offhook health`: does a server answer? For Docker's health check, whose image has no curl. */

import { bodyText } from "./base/body_text.ts";
import { clean } from "./base/clean.ts";
import { parseJson } from "./base/json.ts";
import { DEFAULT_PORT } from "./base/port.ts";
import { whyUnanswered } from "./base/result.ts";
import { isHttpUrl, urlHere } from "./base/url.ts";
import { type Terminal, wrongUsage } from "./base/usage.ts";
import { type ConfigNote, describeNotes } from "./config.ts";
import { readDotenv } from "./load.ts";
import { variable } from "./permissions.ts";

const LIMIT_MS = 3000;
/** Ours has some 2 KB. */
const LIMIT_BYTES = 65_536;

/** Ask `url` for its health; `json`: as one document, whatever the answer. @returns the exit code: 0 for a server that takes calls, 1 for another, 2 if it is no address, 3 if nothing answers. */
export async function health(
  url: string,
  { print, printError, json = false }: Terminal & { json?: boolean },
): Promise<number> {
  const fail = (error: string, health?: unknown) => {
    printError(error);
    if (json) print(JSON.stringify({ ok: false, schema: 1, error, health }));
  };
  if (!isHttpUrl(url)) {
    const why = `"${url}" is no address: it begins with http:// or https://.`;
    return wrongUsage(why, { help: "See offhook health --help.", json, print, printError });
  }
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(LIMIT_MS), redirect: "error" });
    const text = clean((await bodyText(response, LIMIT_BYTES)).trim());
    if (!response.ok) fail(`${url} answered HTTP ${response.status}: ${text}`, parseJson(text) ?? null);
    else print(json ? JSON.stringify({ ok: true, schema: 1, health: parseJson(text) ?? null }) : text);
    return response.ok ? 0 : 1;
  } catch (error) {
    fail(`No answer from ${url}: ${whyUnanswered(error)}`);
    return 3;
  }
}

/** Where the server of this machine answers, by `BIND` and `PORT`; an error that keeps us from knowing is printed. */
export function localUrl(printError: (line: string) => void): string {
  const unread: ConfigNote[] = [];
  const dotenv = readDotenv(unread);
  if (unread.length > 0) printError(describeNotes(unread));
  const asked = (name: "BIND" | "PORT") => variable(name) || dotenv[name];
  return urlHere(asked("BIND") || "0.0.0.0", asked("PORT") || DEFAULT_PORT);
}
