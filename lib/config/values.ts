/** Kinds of value that occur in several places of a configuration. */

import * as z from "zod";
import { isLoopbackHost } from "../base/url.ts";
import { parseHours } from "./hours.ts";
import { quote, says } from "./notes.ts";

/** Read an address with placeholders in it. A placeholder in its host would let a model or a caller choose where secrets go. */
function parseAddress(text: string): URL | null {
  const authority = /^[a-z]+:\/\/[^/?#]*/i.exec(text)?.[0] ?? "";
  return /\{\{|\$\{/.test(authority) ? null : URL.parse(text);
}

/** An address of these schemes; a secure one may also be plain towards this machine. */
function address(secure: readonly string[], plain: readonly string[]) {
  return z.string().superRefine((text, context) => {
    const add = (problem: string, remedy: string) =>
      context.addIssue({ code: "custom", message: says(problem, remedy) });
    const url = parseAddress(text);
    if (url === null) {
      return add(
        `is ${quote(text)}, not an address`,
        `Write it in full, with a fixed host: "https://api.example.com/path".`,
      );
    }
    if (secure.includes(url.protocol)) return;
    if (!plain.includes(url.protocol)) return add(`is ${quote(text)}`, "Write an https:// address.");
    if (!isLoopbackHost(url.hostname)) {
      add(
        `is ${quote(text)}, unencrypted to another machine`,
        `Write ${secure[plain.indexOf(url.protocol)]}// instead of ${url.protocol}//.`,
      );
    }
  });
}

/** `https:`, or `http:` to this machine. */
export const webAddress = address(["https:"], ["http:"]);
/** Where Deepgram reaches a foreign voice: some are reached by `wss:`. */
export const voiceAddress = address(["https:", "wss:"], ["http:", "ws:"]);
/** Where a language model is reached: `http:` also to another machine, as LLM_BASE_URL. */
export const modelAddress = address(["https:", "http:"], []);

/** Headers of a request; one that no request can carry is found here, and not when a caller waits. */
export const headers = z.record(z.string(), z.string()).superRefine((all, context) => {
  for (const [name, value] of Object.entries(all)) {
    try {
      new Headers([[name, value]]);
    } catch {
      const plain = name.replace(/[^\w-]/g, "");
      const remedy = `Write a name of letters, digits and "-", for example "${
        plain || "Authorization"
      }", and a value in ASCII.`;
      context.addIssue({ code: "custom", path: [name], message: says("is not a header", remedy) });
    }
  }
});

const E164 = /^\+[1-9]\d{6,14}$/;
const EMERGENCY = ["911", "112", "999", "000", "110", "119", "988"];
/** The beginnings of premium-rate numbers. */
const PREMIUM = ["+1900", "+1976", "+449", "+4487", "+49900", "+338", "+3480", "+3989", "+3990"];

/** Why a number may not be dialled, with what to do; undefined if it may. */
function numberFault(number: string): [problem: string, remedy: string] | undefined {
  const digits = number.replace(/[^\d]/g, "");
  if (EMERGENCY.includes(digits) || /^1(911|988)$/.test(digits)) {
    return [
      `is ${quote(number)}, an emergency number`,
      "Remove it: a program must not place emergency calls. Tell callers to hang up and dial it themselves.",
    ];
  }
  if (PREMIUM.some((prefix) => number.replace(/[^\d+]/g, "").startsWith(prefix))) {
    return [`is ${quote(number)}, a premium-rate number`, "Name an ordinary number."];
  }
  if (!E164.test(number)) {
    const near = number.replace(/[^\d+]/g, "");
    const example = E164.test(near) ? near : /^\d{10}$/.test(near) ? `+1${near}` : "+15550142";
    return [
      `is ${quote(number)}, not a number in E.164 form`,
      `Write + and the country code, digits only: "${example}".`,
    ];
  }
  return undefined;
}

/** A number that may be dialled, in E.164 form. */
export const phoneNumber = z.string().superRefine((number, context) => {
  const fault = numberFault(number);
  if (fault) context.addIssue({ code: "custom", message: says(...fault) });
});

/** Opening hours; see hours.ts. */
export const openingHours = z.string().transform((text, context) => {
  const hours = parseHours(text);
  if (hours) return hours;
  context.addIssue({
    code: "custom",
    message: says(`is ${quote(text)}, not opening hours`, `Write them like "Mon-Fri 09:00-17:00, Sat 10:00-12:00".`),
  });
  return z.NEVER;
});

/** An IANA time zone. */
export const timezone = z.string().superRefine((name, context) => {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
  } catch {
    context.addIssue({ code: "custom", message: says(`is ${quote(name)}, not a time zone`, zoneRemedy(name)) });
  }
});

function zoneRemedy(name: string): string {
  const last = name.split("/").at(-1)!.trim().toLowerCase().replaceAll(" ", "_");
  const near = last && Intl.supportedValuesOf("timeZone").find((zone) => zone.toLowerCase().endsWith(`/${last}`));
  return near
    ? `Did you mean "${near}"?`
    : `Write a name of the IANA list, for example "America/New_York" or "Europe/Berlin".`;
}
