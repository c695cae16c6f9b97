/** What is known of a caller, asked while the phone rings. */

import { z } from "zod";
import type { Clock } from "./base/clock.ts";
import { raced } from "./base/raced.ts";
import { type BeforeCallConfig, fillSecrets } from "./config.ts";
import { httpTool, type HttpToolParts } from "./engine/http_tool.ts";

/** Variables taken from an answer, and the longest value. */
const VARIABLES = 30;
const VALUE_CHARACTERS = 500;

const Answer = z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.union([z.string(), z.number(), z.boolean()]));

/** The variables of a call, `{{vars.NAME}}`: the flat JSON object at the configured address. Empty if nothing useful comes in time; never rejects. */
export async function lookUpCaller(
  { url, headers, timeoutMs }: BeforeCallConfig,
  { clock, secrets, ...parts }: HttpToolParts & { clock: Clock; secrets: Readonly<Record<string, string>> },
): Promise<Record<string, string>> {
  const filled = Object.entries(headers).map(([name, value]) => [name, fillSecrets(value, secrets)] as const);
  const tool = httpTool({
    name: "before_call",
    description: "",
    parameters: {},
    url: fillSecrets(url, secrets),
    method: "GET",
    headers: Object.fromEntries(filled),
    timeoutMs,
    confirm: false,
  }, parts);
  const late = new AbortController();
  using _limit = clock.after(timeoutMs, () => late.abort());
  try {
    const answer = Answer.parse(JSON.parse(String(await raced(tool.run({}, late.signal), late.signal))));
    const known = Object.entries(answer).slice(0, VARIABLES);
    return Object.fromEntries(known.map(([name, value]) => [name, String(value).slice(0, VALUE_CHARACTERS)]));
  } catch {
    return {}; // the call goes on without
  }
}
