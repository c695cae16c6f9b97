/** How Deepgram's stand-ins answer an opening request: key, parameters, refusals. Deepgram reference, sections 1.2, 1.3 and 8.2. */

import type { Answer, Handshake } from "../base/dial.ts";
import type { Wire } from "../base/wire.ts";

/** How a socket ends: a close code (1005: without one), or no close frame at all. */
export type Drop = number | "cut";

/** Faults that every one of these stand-ins can show. */
export interface DoorFaults {
  /** Answer with this HTTP status: 401, 402, 403, 429, 500, 503. */
  refuse: number;
  /** With `refuse`: the `retry-after` header, s. */
  retryAfterSeconds: number;
}

/** The same faults for every socket, or what each shall do, by its number. */
export type FaultsOf<Faults> = Partial<Faults> | ((socket: number) => Partial<Faults>);

export function faultsOf<Faults>(faults: FaultsOf<Faults> | undefined, socket: number): Partial<Faults> {
  return typeof faults === "function" ? faults(socket) : faults ?? {};
}

/** What a parameter's value must satisfy. `many`: it may be repeated. */
export interface QueryRule {
  test: (value: string) => boolean;
  many?: boolean;
}

/** Sockets that a stand-in remembers for inspection, and messages of each. */
export const KEPT_SESSIONS = 50;
export const KEPT_MESSAGES = 3000;

const REQUEST_ID = "5f0c2b5e-0000-4000-8000-0000000000";

/** A request id for the n-th request, as the vendor's headers and messages carry one. */
export function requestId(n: number): string {
  return `${REQUEST_ID}${(n % 100).toString().padStart(2, "0")}`;
}

const CODES: Record<number, [code: string, message: string]> = {
  400: ["INVALID_QUERY_PARAMETER", "Invalid query string."],
  401: ["INVALID_AUTH", "Invalid credentials."],
  402: [
    "ASR_PAYMENT_REQUIRED",
    "Project does not have enough credits for an ASR request and does not have an overage agreement.",
  ],
  403: ["INSUFFICIENT_PERMISSIONS", "User does not have sufficient permissions."],
  413: ["Payload Too Large", "The text is longer than the limit."],
  429: ["TOO_MANY_REQUESTS", "Too many requests. Please try again later."],
  503: ["Service Unavailable", "The service is temporarily overloaded."],
};

/** An HTTP refusal in the vendor's shape. */
export function refusal(status: number, detail?: string, retryAfterSeconds?: number): Response {
  const [code, message] = CODES[status] ?? ["INTERNAL_SERVER_ERROR", "An internal error occurred."];
  const body = { err_code: code, err_msg: detail ?? message, request_id: requestId(0) };
  const headers = new Headers({
    "content-type": "application/json",
    "dg-error": body.err_msg,
    "dg-request-id": body.request_id,
  });
  if (retryAfterSeconds !== undefined) headers.set("retry-after", String(retryAfterSeconds));
  return Response.json(body, { status, headers });
}

export interface DoorOptions {
  /** The key that is taken; any, if undefined. */
  key?: string | undefined;
  rules: Readonly<Record<string, QueryRule>>;
  /** What is wrong between the parameters; undefined if nothing. */
  check: (query: URLSearchParams) => string | undefined;
  faults: Partial<DoorFaults>;
}

/** Why a request is not let in; undefined if it is. */
export function turnAway(
  { url, headers }: Handshake,
  { key, rules, check, faults }: DoorOptions,
): Response | undefined {
  if (faults.refuse !== undefined) return refusal(faults.refuse, undefined, faults.retryAfterSeconds);
  const presented = credentialOf(headers);
  if (!presented || (key !== undefined && presented.secret !== key)) return refusal(401);
  const wrong = checkQuery(url.searchParams, rules) ?? check(url.searchParams);
  return wrong === undefined ? undefined : refusal(400, wrong);
}

/** Let a socket in; the first offered subprotocol is echoed, as browsers need. */
export function letIn(headers: Headers, accept: (wire: Wire) => void): Answer {
  const protocol = headers.get("sec-websocket-protocol")?.split(",")[0]?.trim();
  return { accept, ...(protocol ? { protocol } : {}) };
}

/** `Token KEY`, `Bearer JWT`, or the subprotocols `token, KEY`. */
export function credentialOf(headers: Headers): { scheme: string; secret: string } | undefined {
  const authorization = headers.get("authorization") ?? "";
  const offered = headers.get("sec-websocket-protocol")?.split(",").map((part) => part.trim()) ?? [];
  const [scheme = "", secret] = authorization ? authorization.split(" ") : offered;
  return /^(token|bearer)$/i.test(scheme) && secret ? { scheme: scheme.toLowerCase(), secret } : undefined;
}

function checkQuery(query: URLSearchParams, rules: Readonly<Record<string, QueryRule>>): string | undefined {
  for (const name of new Set(query.keys())) {
    const rule = rules[name];
    if (!rule) return `Unknown query parameter: ${name}.`;
    const values = query.getAll(name);
    if (values.length > 1 && !rule.many) return `Query parameter ${name} was given more than once.`;
    const wrong = values.find((value) => !rule.test(value));
    if (wrong !== undefined) return `Invalid value "${wrong}" for query parameter ${name}.`;
  }
  return undefined;
}

export const flag: QueryRule = { test: (value) => value === "true" || value === "false" };
export const words: QueryRule = { test: (value) => value.trim() !== "", many: true };
export const anything: QueryRule = { test: (value) => value !== "" };

export function oneOf(...values: string[]): QueryRule {
  return { test: (value) => values.includes(value) };
}

export function numberIn(least: number, most: number): QueryRule {
  return { test: (value) => value.trim() !== "" && Number(value) >= least && Number(value) <= most };
}

export function intIn(least: number, most: number): QueryRule {
  return { test: (value) => /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most };
}

/** As their messages tell times. */
export function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

/** End a socket as `drop` says. */
export function dropWire(wire: Wire, drop: Drop, reason = ""): void {
  if (drop === "cut") wire.terminate();
  else if (drop === 1005) wire.close();
  else wire.close(drop, reason);
}
