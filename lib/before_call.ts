/** Asks, while the phone rings, what is known of the caller. */

import * as z from "zod";
import type { Clock } from "./base/clock.ts";
import { raced } from "./base/raced.ts";
import type { Fault } from "./base/result.ts";
import { type BeforeCallConfig, withSecrets } from "./config.ts";
import { httpTool, type HttpToolParts } from "./engine/http_tool.ts";

/** Variables taken from an answer, and the longest value. */
const VARIABLES = 30;
const VALUE_CHARACTERS = 500;

const Answer = z.record(z.string(), z.unknown());
const Entry = z.tuple([z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.union([z.string(), z.number(), z.boolean()])]);

/** The outcome of asking. */
export interface Lookup {
  /** The variables of a call, `{{vars.NAME}}`; none if nothing useful came in time. */
  known: Record<string, string>;
  /** What went wrong; it holds nothing of the question or the answer. */
  fault?: Fault;
}

/** Ask for the flat JSON object at the configured address. Never rejects. */
export async function lookUpCaller(
  lookup: BeforeCallConfig,
  { clock, secrets, ...parts }: HttpToolParts & { clock: Clock; secrets: Readonly<Record<string, string>> },
): Promise<Lookup> {
  const { timeoutMs } = lookup;
  const asked = { name: "before_call", description: "", parameters: {}, method: "GET", confirm: false } as const;
  const tool = httpTool({ ...asked, ...withSecrets(lookup, secrets) }, parts);
  const late = new AbortController();
  using _limit = clock.after(timeoutMs, () => late.abort());
  try {
    const answer = await raced(tool.run({}, late.signal), late.signal);
    return read(Answer.parse(JSON.parse(String(answer ?? "{}"))));
  } catch (error) {
    // The call goes on without.
    if (!late.signal.aborted) return { known: {}, fault: faultOf(error) };
    return {
      known: {},
      fault: { kind: "deadline", peer: "tool", what: "the answer to beforeCall", limitMs: timeoutMs },
    };
  }
}

/** Every entry that can be a variable; null says that nothing is known. */
function read(answer: Record<string, unknown>): Lookup {
  const entries = Object.entries(answer).filter(([, value]) => value !== null);
  const good = entries.flatMap((entry) => {
    const read = Entry.safeParse(entry);
    return read.success ? [read.data] : [];
  });
  const known = good.slice(0, VARIABLES).map(([name, value]) => [name, String(value).slice(0, VALUE_CHARACTERS)]);
  const bad = entries.length - good.length;
  const detail =
    `beforeCall: ${bad} of the entries in its answer cannot be a variable, being no text, number or boolean`;
  return {
    known: Object.fromEntries(known),
    ...(bad > 0 ? { fault: { kind: "protocol", peer: "tool", detail } } : {}),
  };
}

/** Only words of our own: others may quote the address, with the caller's number and secrets in it, or the answer. */
function faultOf(error: unknown): Fault {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const status = /^The server answered HTTP (\d+)/.exec(message)?.[1];
  if (status !== undefined) return { kind: "refused", peer: "tool", status: Number(status), detail: "beforeCall" };
  if (name === "Error") return { kind: "rejected", peer: "tool", code: "beforeCall", detail: message };
  if (name === "TypeError") return { kind: "unreachable", peer: "tool", detail: "beforeCall.url" };
  return { kind: "protocol", peer: "tool", detail: "beforeCall: its answer is no JSON object, or longer than 8 KB" };
}
