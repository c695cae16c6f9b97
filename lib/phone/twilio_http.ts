/** One request to Twilio's REST API: signed in, bounded in time, size and tries. Twilio reference, sections 5.1 and 5.6. */

import { Buffer } from "node:buffer";
import { bodyText } from "../base/body_text.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { parseJson } from "../base/json.ts";
import { failed, type Fault, ok, type Result, whyUnanswered } from "../base/result.ts";

/** The platform's `fetch`, or a stand-in. It must honour `request.signal`. */
export type FetchRequest = (request: Request) => Promise<Response>;

export interface TwilioHttpOptions {
  fetch: FetchRequest;
  clock: Clock;
  /** Uniform in [0, 1): the jitter of the back-off. */
  random: () => number;
  accountSid: string;
  authToken: string;
}

/** A request that has the same effect when it is made twice: it may be tried again even if it may have been carried out. */
export interface TwilioRequest {
  method: "GET" | "POST";
  url: string;
  form?: Readonly<Record<string, string>>;
  /** What we do, for messages: "hang up". */
  what: string;
}

/** An answer with an HTTP status, whatever it is. `body` is the parsed JSON, or the text where it is none. */
export interface TwilioAnswer {
  status: number;
  body: unknown;
  retryAfterMs: number | undefined;
}

/** How long one try may take, its body included. */
export const ATTEMPT_LIMIT_MS = 5000;

/** Longer answers are cut: a page of a thousand numbers has some 2 MB, of a refusal we need a few hundred bytes. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const REFUSAL_LIMIT_BYTES = 64 * 1024;

const TRIES = 3;
const BACKOFF_BASE_MS = 100;

/** A caller is on the line: a longer `Retry-After` is not waited for. */
const BACKOFF_LIMIT_MS = 3000;

export type TwilioHttp = (request: TwilioRequest, signal: AbortSignal) => Promise<Result<TwilioAnswer>>;

/**
 * Requests with the tries that Twilio allows: three in all after 429 (never processed) or where no connection came about;
 * one more after a 5xx, a cut connection or a deadline. It waits up to 200, then 400 ms, with full jitter, or as long as
 * `Retry-After` says; more than 3 s is not waited for. Rejects only with `signal.reason`.
 */
export function twilioHttp(options: TwilioHttpOptions): TwilioHttp {
  return async (request, signal) => {
    let uncertain = 0;
    for (let attempt = 1;; attempt++) {
      const outcome = await tryOnce(options, request, signal);
      const verdict = judge(outcome);
      if (verdict === "uncertain") uncertain++;
      const again = verdict === "not-done" || (verdict === "uncertain" && uncertain <= 1);
      const askedMs = outcome.result.ok ? outcome.result.value.retryAfterMs ?? 0 : 0;
      if (!again || attempt === TRIES || askedMs > BACKOFF_LIMIT_MS) return outcome.result;
      await sleep(options.clock, Math.max(askedMs, backoffMs(attempt, options.random)), signal);
    }
  };
}

/** `connected`: whether the request may have reached Twilio. */
interface Outcome {
  result: Result<TwilioAnswer>;
  connected: boolean;
}

function judge({ result, connected }: Outcome): "settled" | "not-done" | "uncertain" {
  if (!result.ok) return connected ? "uncertain" : "not-done";
  if (result.value.status === 429) return "not-done";
  return result.value.status >= 500 ? "uncertain" : "settled";
}

function backoffMs(attempt: number, random: () => number): number {
  return random() * BACKOFF_BASE_MS * 2 ** attempt;
}

async function tryOnce(options: TwilioHttpOptions, request: TwilioRequest, signal: AbortSignal): Promise<Outcome> {
  signal.throwIfAborted();
  const attempt = new AbortController();
  const stop = () => attempt.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  using _deadline = options.clock.after(ATTEMPT_LIMIT_MS, () => attempt.abort());
  try {
    const response = await options.fetch(build(request, options, attempt.signal));
    const text = await bodyText(response, response.ok ? BODY_LIMIT_BYTES : REFUSAL_LIMIT_BYTES);
    const answer = {
      status: response.status,
      body: parseJson(text) ?? text,
      retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
    };
    return { result: ok(answer), connected: true };
  } catch (error) {
    signal.throwIfAborted();
    if (!attempt.signal.aborted) {
      return {
        result: failed({ kind: "unreachable", peer: "twilio", detail: whyUnanswered(error) }),
        connected: !neverConnected(error),
      };
    }
    const fault: Fault = {
      kind: "deadline",
      peer: "twilio",
      what: `the answer to "${request.what}"`,
      limitMs: ATTEMPT_LIMIT_MS,
    };
    return { result: failed(fault), connected: true };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Redirects are not followed: our credentials go to the configured host alone. */
function build(
  { method, url, form }: TwilioRequest,
  { accountSid, authToken }: TwilioHttpOptions,
  signal: AbortSignal,
) {
  return new Request(url, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString("base64")}`,
      accept: "application/json",
    },
    ...(form ? { body: new URLSearchParams({ ...form }) } : {}),
    redirect: "manual",
    signal,
  });
}

/** `Retry-After` in seconds; a date, which Twilio does not send, counts as none. */
function retryAfterMs(header: string | null): number | undefined {
  return header && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

function neverConnected(error: unknown): boolean {
  return whyUnanswered(error).startsWith("client error (Connect)");
}
