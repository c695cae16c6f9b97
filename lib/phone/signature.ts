/**
 * Who is calling us: Twilio's request signatures, and the tokens that tie a media socket to a call we announced. Pure:
 * the time and the nonce are parameters. Twilio reference, section 4.
 */

import { Buffer } from "node:buffer";
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Names and decoded values of a form, in any order, names repeated where the form repeats them. */
export type FormFields = Iterable<readonly [name: string, value: string]>;

/** The fields of a form body exactly as sent: nothing trimmed, repeated names kept. */
export function parseForm(rawBody: string): [name: string, value: string][] {
  return [...new URLSearchParams(rawBody)];
}

/**
 * The `X-Twilio-Signature` of a request: base64 of HMAC-SHA1 over the URL as requested (its fragment dropped) and, for a
 * form POST, every name and value, sorted by name. Values of a repeated name count once each, sorted. Section 4.1.
 */
export function signatureOf(authToken: string, url: string, params: FormFields = []): string {
  const values = new Map<string, Set<string>>();
  for (const [name, value] of params) values.set(name, (values.get(name) ?? new Set()).add(value));
  let signed = url.replace(/#.*$/s, "");
  for (const name of [...values.keys()].sort()) {
    for (const value of [...values.get(name)!].sort()) signed += name + value;
  }
  return createHmac("sha1", authToken).update(signed, "utf8").digest("base64");
}

export interface SignedRequest {
  authToken: string;
  /** The `X-Twilio-Signature` header, if there was one. */
  header: string | null | undefined;
  /** What Twilio may have called the URL: see `candidateUrls`. */
  urls: readonly string[];
  /** The fields of a form body; none for GET and for the opening of a socket. */
  params?: FormFields;
}

/** The candidate that the signature fits (worth a log line for sockets), or undefined: then refuse with 403. Constant time per candidate. */
export function signedUrl({ authToken, header, urls, params = [] }: SignedRequest): string | undefined {
  if (!authToken || !header) return undefined; // an empty key would let anyone sign
  const fields = [...params];
  return urls.find((url) => sameBytes(Buffer.from(signatureOf(authToken, url, fields)), Buffer.from(header)));
}

export interface RequestTarget {
  /** The public host, with or without a port. */
  publicHost: string;
  /** Path and query exactly as they stand in the request line. */
  target: string;
  /** `wss` for the opening of a media socket. */
  scheme: "https" | "wss";
}

/**
 * What Twilio may have signed for a request to us. For HTTP: the host as given, without its port, with `:443`. For a
 * socket: the same hosts under `wss` and `https`, the path with and without a last slash. Sections 4.3 and 4.4.
 */
export function candidateUrls({ publicHost, target, scheme }: RequestTarget): string[] {
  const bare = publicHost.replace(/:\d+$/, "");
  const hosts = [...new Set([publicHost, bare, `${bare}:443`])];
  const schemes = scheme === "wss" ? ["wss", "https"] : ["https"];
  const targets = scheme === "wss" ? slashVariants(target) : [target];
  return schemes.flatMap((name) => targets.flatMap((path) => hosts.map((host) => `${name}://${host}${path}`)));
}

function slashVariants(target: string): string[] {
  const queryAt = target.indexOf("?");
  const query = queryAt < 0 ? "" : target.slice(queryAt);
  const path = (queryAt < 0 ? target : target.slice(0, queryAt)).replace(/\/$/, "");
  const variants = [path + query, `${path}/${query}`];
  return target.slice(0, target.length - query.length).endsWith("/") ? variants.reverse() : variants;
}

/** The time it takes betrays no more than whether their lengths are equal. */
function sameBytes(ours: Uint8Array, theirs: Uint8Array): boolean {
  return ours.length === theirs.length && timingSafeEqual(ours, theirs);
}

/** How long a stream token lives, in ms: from our answer to the webhook until `start` on the socket. */
export const TOKEN_TTL_MS = 60_000;

const MAC_BYTES = 32;

/** The key of stream tokens, from a configured secret (HKDF-SHA256). @throws {RangeError} if the secret is empty. */
export function deriveKey(secret: string): Uint8Array {
  if (!secret) throw new RangeError("a stream token's key needs a secret to come from");
  return new Uint8Array(hkdfSync("sha256", secret, "", "offhook stream token 1", 32));
}

export interface TokenParts {
  key: Uint8Array;
  callSid: string;
  /** Wall time. */
  nowMs: number;
  /** Unique and hard to guess: 128 random bits, in letters. */
  nonce: string;
}

/**
 * A token for one media socket of one call: b64url of `callSid|expiryMs|nonce` and its HMAC-SHA256. Some 140 characters,
 * fit for a `<Parameter>`. Design, "Stream token". @throws {RangeError} if a part is empty or holds a "|".
 */
export function mintToken({ key, callSid, nowMs, nonce }: TokenParts): string {
  const claim = `${callSid}|${Math.round(nowMs + TOKEN_TTL_MS)}|${nonce}`;
  if (!CLAIM.test(claim)) throw new RangeError(`cannot make a token of "${claim.slice(0, 200)}"`);
  return Buffer.concat([Buffer.from(claim), macOf(key, claim)]).toString("base64url");
}

/** Only the spelling that we write counts: decoders are lenient about the last bits, and some throw on other letters. */
function decodeToken(token: string): Buffer | undefined {
  if (!/^[\w-]{44,400}$/.test(token) || token.length % 4 === 1) return undefined;
  const bytes = Buffer.from(token, "base64url");
  return bytes.toString("base64url") === token ? bytes : undefined;
}

/** Whether a stream token can be made for this call: any carrier's id of up to 64 visible ASCII characters but "|". */
export function isCallSid(text: string): boolean {
  return CALL_SID.test(text);
}

/** Of visible ASCII, without the separator. */
const PART = "[\\x21-\\x7B\\x7D\\x7E]{1,64}";
const CALL_SID = new RegExp(`^${PART}$`);
const CLAIM = new RegExp(`^(${PART})\\|(\\d{1,16})\\|(${PART})$`);

function macOf(key: Uint8Array, claim: string): Uint8Array {
  return createHmac("sha256", key).update(claim).digest();
}

export type Admission =
  | "ok"
  | "missing"
  /** Not a token at all. */
  | "malformed"
  /** Made with another key, or altered. */
  | "forged"
  | "expired"
  /** Made for another call. */
  | "wrong-call"
  /** Admitted before. */
  | "replayed"
  /** Genuine, but too many genuine ones were admitted within their life time to remember one more. */
  | "busy";

/**
 * Admits each token once. It remembers admitted nonces until they expire, and no more than `limit`: when full it refuses,
 * because forgetting one would let it in twice. Only our own tokens take room, so 10,000 within 60 s means 166 answered
 * calls a second, far above what a process takes. Another process accepts a replay for as long as the token lives.
 */
export class TokenGate {
  readonly #key: Uint8Array;
  readonly #limit: number;
  /** Nonce -> when it may be forgotten. */
  readonly #admitted = new Map<string, number>();

  constructor({ key, limit = 10_000 }: { key: Uint8Array; limit?: number }) {
    this.#key = key;
    this.#limit = limit;
  }

  /** Judge the token that a media socket of `callSid` brought at `nowMs` (wall time). Only "ok" uses it up. */
  admit(token: string | undefined, callSid: string, nowMs: number): Admission {
    if (!token) return "missing";
    const bytes = decodeToken(token);
    if (!bytes) return "malformed";
    const claim = bytes.subarray(0, -MAC_BYTES).toString("latin1");
    if (!sameBytes(macOf(this.#key, claim), bytes.subarray(-MAC_BYTES))) return "forged";
    const [, mintedFor, expiry, nonce] = CLAIM.exec(claim) ?? [];
    if (!nonce) return "malformed";
    if (nowMs >= Number(expiry)) return "expired";
    if (mintedFor !== callSid) return "wrong-call";
    if (this.#admitted.has(nonce)) return "replayed";
    this.#forgetExpired(nowMs);
    if (this.#admitted.size >= this.#limit) return "busy";
    this.#admitted.set(nonce, Number(expiry));
    return "ok";
  }

  /** All are looked at, which are those of a minute: one that was made while the clock was ahead must not keep the others. */
  #forgetExpired(nowMs: number): void {
    for (const [nonce, expiryMs] of this.#admitted) if (expiryMs <= nowMs) this.#admitted.delete(nonce);
  }
}
