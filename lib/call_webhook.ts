/** Posts the record of each finished call to the configured address: signed, tried again, bounded, and loud when it fails. A caller's message is posted at once. */

import { createHmac } from "node:crypto";
import { type Clock, settledWithin, sleep } from "./base/clock.ts";
import { raced } from "./base/raced.ts";
import { failed, ok, type Result, whyUnanswered } from "./base/result.ts";
import { type CallNotice, type CallRecord, RecordFold } from "./call/notice.ts";

export interface CallWebhookParts {
  url: string;
  /** Signs: `X-Offhook-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 of `SECONDS.BODY`. */
  secret?: string;
  clock: Clock;
  fetch: (request: Request) => Promise<Response>;
  /** Settles when the call's last facts are known. */
  settled: (call: string) => Promise<void>;
  /** What of the notices of a call to `to`, which begins now, may be told; undefined: nothing. */
  keep: (to: string) => (notice: CallNotice) => CallNotice | undefined;
  /** What is posted of a record. */
  body: (record: CallRecord) => unknown;
  /** Whether a call that has ended is still there: somebody may have had it removed. */
  kept: (record: CallRecord) => boolean;
  /** A call was not delivered, and will not be. Loud. */
  undelivered: (call: string, why: string) => void;
}

/** Calls that may wait for the address to answer. */
export const WAITING_LIMIT = 100;
/** After each failed attempt but the last: five more, within ten minutes. */
const BACK_OFF_MS = [2000, 8000, 30_000, 120_000, 300_000] as const;
const ATTEMPT_MS = 10_000;
/** How long a stop waits for what is under way. */
const LAST_MS = 3000;

/** The headers of a body; with a secret they sign it. */
function headersOf(body: string, secret: string | undefined, at: Date): Record<string, string> {
  const type = { "content-type": "application/json" };
  if (!secret) return type;
  const seconds = Math.floor(at.getTime() / 1000);
  const signature = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return { ...type, "x-offhook-signature": `t=${seconds},v1=${signature}` };
}

/** Hand a caller's message over, once and now: it may be urgent. */
export async function postMessage(
  webhook: { url: string; secret?: string } | undefined,
  message: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Result<void>> {
  if (!webhook) return failed({ kind: "unreachable", peer: "webhook", detail: "CALL_WEBHOOK_URL is not set" });
  const { url, secret } = webhook;
  const body = JSON.stringify({ schema: 1, event: "message", ...message });
  const headers = headersOf(body, secret, new Date());
  try {
    const response = await fetch(url, { method: "POST", body, signal, redirect: "manual", headers });
    await response.body?.cancel();
    return response.ok
      ? ok(undefined)
      : failed({ kind: "refused", peer: "webhook", status: response.status, detail: "" });
  } catch (error) {
    return failed({ kind: "unreachable", peer: "webhook", detail: whyUnanswered(error) });
  }
}

export class CallWebhook implements AsyncDisposable {
  readonly #parts: CallWebhookParts;
  readonly #calls = new Map<string, { fold: RecordFold; keep: ReturnType<CallWebhookParts["keep"]> }>();
  readonly #deliveries = new Map<string, Promise<void>>();
  readonly #attempts = new Set<AbortController>();
  readonly #scope = new AbortController();

  constructor(parts: CallWebhookParts) {
    this.#parts = parts;
  }

  /** An observer; returns at once. */
  readonly observe = (notice: CallNotice): void => {
    const { call } = notice;
    if (notice.kind === "call-started") {
      this.#calls.set(call, { fold: new RecordFold(call), keep: this.#parts.keep(notice.to) });
    }
    const known = this.#calls.get(call);
    const kept = known?.keep(notice);
    if (kept) known?.fold.add(kept);
    if (notice.kind === "call-over" && known && !this.#deliveries.has(call)) this.#ended(call, known.fold);
  };

  /** What has not been delivered by now is given up, loudly. */
  async [Symbol.asyncDispose](): Promise<void> {
    await settledWithin(this.#parts.clock, LAST_MS, Promise.all(this.#deliveries.values()));
    this.#scope.abort();
    for (const attempt of this.#attempts) attempt.abort();
    await Promise.all(this.#deliveries.values());
  }

  #ended(call: string, fold: RecordFold): void {
    if (this.#deliveries.size >= WAITING_LIMIT) {
      this.#calls.delete(call);
      return this.#parts.undelivered(call, `${WAITING_LIMIT} calls wait already`);
    }
    const done = this.#deliver(call, fold).finally(() => {
      this.#deliveries.delete(call);
      this.#calls.delete(call);
    });
    this.#deliveries.set(call, done);
    done.catch(reportError);
  }

  async #deliver(call: string, fold: RecordFold): Promise<void> {
    await this.#parts.settled(call);
    const body = JSON.stringify({ schema: 1, event: "call-ended", call: this.#parts.body(fold.record) });
    let why = "";
    for (const waitMs of [0, ...BACK_OFF_MS]) {
      try {
        if (waitMs > 0) await sleep(this.#parts.clock, waitMs, this.#scope.signal);
      } catch {
        return this.#parts.undelivered(call, `the program stops; before that: ${why}`);
      }
      if (!this.#parts.kept(fold.record)) return this.#parts.undelivered(call, "it was removed meanwhile");
      const failure = await this.#attempt(call, body);
      if (!failure) return;
      why = failure.why;
      if (failure.isFinal) break;
    }
    this.#parts.undelivered(call, why);
  }

  /** One request. @returns what went wrong, and whether trying again could help. */
  async #attempt(call: string, body: string): Promise<{ why: string; isFinal: boolean } | undefined> {
    const { clock, url, secret, fetch } = this.#parts;
    const attempt = new AbortController();
    const { signal } = attempt;
    let isLate = false;
    using _timer = clock.after(ATTEMPT_MS, () => {
      isLate = true;
      attempt.abort();
    });
    // Not `AbortSignal.any`: its listeners would live as long as the scope, which lives as long as the process.
    this.#attempts.add(attempt);
    try {
      const request = new Request(url, {
        method: "POST",
        headers: { ...headersOf(body, secret, clock.wallTime()), "user-agent": "offhook", "x-offhook-call": call },
        body,
        redirect: "manual",
        signal,
      });
      const response = await raced(fetch(request), signal);
      await response.body?.cancel().catch(() => undefined);
      if (response.ok) return undefined;
      const isFinal = response.status < 500 && ![408, 425, 429].includes(response.status);
      return { why: `HTTP ${response.status}`, isFinal };
    } catch (error) {
      if (isLate) return { why: `no answer within ${ATTEMPT_MS} ms`, isFinal: false };
      return { why: whyUnanswered(error), isFinal: this.#scope.signal.aborted };
    } finally {
      this.#attempts.delete(attempt);
    }
  }
}
