/** The HTTP requests of a call, as Twilio makes them: signed, form-encoded, with a deadline. Twilio reference, sections 2, 6.1 and 8.7. */

import { bodyText } from "../base/body_text.ts";
import type { Clock } from "../base/clock.ts";
import { raced } from "../base/raced.ts";
import { whyUnanswered } from "../base/result.ts";
import { signedUrl, twilioSignature } from "./sign.ts";
import { type Offence, offence } from "./offence.ts";
import { MAX_BYTES, readTwiml, type Target, type Twiml } from "./twiml.ts";

/** A request in, a response out: the platform's `fetch`, or an app's. */
export type Fetch = (request: Request) => Response | Promise<Response>;

/** Total time for a request that steers the call. */
const WEBHOOK_LIMIT_MS = 15_000;
const CALLBACK_LIMIT_MS = 5000;
/** What a server says of its refusal is told up to here. */
const REASON_LIMIT_CHARACTERS = 300;
const LATE = new Error("late");
const EXECUTED_TYPES = ["text/xml", "application/xml", "text/html"];

/** A document and where it came from. */
export interface Document extends Twiml {
  url: string;
}

export type Fetched =
  | { ok: true; document: Document }
  /** `unreachable`: why nothing answered at all. */
  | { ok: false; unreachable?: string; offence: Offence };

export interface WebhookOptions {
  clock: Clock;
  fetch: Fetch;
  random: () => number;
  authToken: string | undefined;
  /** Fields of every request for a document. */
  fields: Readonly<Record<string, string>>;
}

export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Ask for the next document. Never throws. A connection that cannot be made is tried twice. */
  async document(target: Target, extra: Readonly<Record<string, string>>): Promise<Fetched> {
    const fault = (code: Offence["code"], what: string) => ({ ok: false, offence: offence(code, what) } as const);
    const token = randomHex(this.#options.random, 32);
    const send = () => this.#send(target, { ...this.#options.fields, ...extra }, token);
    let answered: { response: Response; text: string };
    try {
      answered = await this.#within(WEBHOOK_LIMIT_MS, async () => {
        const response = await send().catch(send);
        return { response, text: await bodyText(response, MAX_BYTES + 1) };
      });
    } catch (error) {
      if (error === LATE) return fault("webhook-slow", `${target.url} took longer than 15 s`);
      const why = whyUnanswered(error);
      return { ...fault("webhook-unreachable", `Nothing answers at ${target.url}: ${why}`), unreachable: why };
    }
    const { response, text } = answered;
    const type = (response.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
    if (!response.ok) {
      const why = type === "text/plain" ? text.trim().split("\n")[0]!.slice(0, REASON_LIMIT_CHARACTERS) : "";
      return fault("webhook-status", `${target.url} answered HTTP ${response.status}${why && `: ${why}`}`);
    }
    const document = { ...readTwiml(text, response.url || target.url), url: response.url || target.url };
    if (EXECUTED_TYPES.includes(type) || (type === "text/plain" && !document.fatal)) return { ok: true, document };
    return fault("content-type", `${target.url} answered with the content type "${type}", not text/xml`);
  }

  /** Tell `target`, without waiting for it. What goes wrong there does not matter to the call. */
  callback(target: Target, fields: Readonly<Record<string, string>>): void {
    const token = randomHex(this.#options.random, 32);
    const told = this.#within(CALLBACK_LIMIT_MS, async () => {
      const response = await this.#send(target, fields, token);
      await response.body?.cancel();
    }).catch(() => {}).then(() => void this.#pending.delete(told));
    this.#pending.add(told);
  }

  /** Resolves once every callback was told, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #send({ url, method }: Target, form: Readonly<Record<string, string>>, token: string): Promise<Response> {
    const fields = Object.entries(form);
    const headers = new Headers({ "user-agent": "TwilioProxy/1.1", "i-twilio-idempotency-token": token });
    const query = new URLSearchParams(fields).toString();
    const asked = method === "GET" ? `${url}${url.includes("?") ? "&" : "?"}${query}` : url;
    const { authToken } = this.#options;
    if (authToken) {
      headers.set("x-twilio-signature", twilioSignature(authToken, signedUrl(asked), method === "GET" ? [] : fields));
    }
    if (method === "POST") headers.set("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    return await this.#options.fetch(
      new Request(asked, { method, headers, ...(method === "POST" ? { body: query } : {}) }),
    );
  }

  /** Run `action` under a deadline; what comes late is let go. @throws `LATE`, or what `action` throws. */
  async #within<T>(limitMs: number, action: () => Promise<T>): Promise<T> {
    const late = new AbortController();
    using _limit = this.#options.clock.after(limitMs, () => late.abort(LATE));
    return await raced(action(), late.signal);
  }
}

/** `length` random hexadecimal digits. */
export function randomHex(random: () => number, length: number): string {
  return Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join("");
}
