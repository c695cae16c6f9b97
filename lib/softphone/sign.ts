/** The signature Twilio puts on what it sends. Twilio reference, section 4.1, 4.3 and 4.4. Pure. */

import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";

/** Name and value of a form field, in any order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/**
 * The value of `X-Twilio-Signature`: base64 of HMAC-SHA1, keyed by `authToken`, over `url` and the form fields sorted by
 * name in byte order. Of a repeated name each different value counts once, sorted. Without fields (GET, sockets): the URL alone.
 */
export function twilioSignature(authToken: string, url: string, fields: Fields = []): string {
  const unique = new Map(fields.map(([name, value]) => [JSON.stringify([name, value]), [name, value] as const]));
  const sorted = [...unique.values()].sort((a, b) => compareBytes(a[0], b[0]) || compareBytes(a[1], b[1]));
  const signed = url + sorted.map(([name, value]) => name + value).join("");
  return createHmac("sha1", authToken).update(signed, "utf8").digest("base64");
}

/** The form of `url` that Twilio signs: without fragment and credentials; over TLS also without a port. */
export function signedUrl(url: string): string {
  const bare = url.replace(/#.*$/s, "").replace(/^([a-z]+:\/\/)[^/@?]*@/i, "$1");
  return bare.replace(/^((?:https|wss):\/\/(?:\[[^\]]*\]|[^/?:[]*)):\d+/i, "$1");
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
