/** What we ask of Twilio besides the stream: end a call, look at it, point a number here. Twilio reference, section 5. */

import * as z from "zod";
import type { Clock } from "../base/clock.ts";
import { failed, type Fault, ok, type Result } from "../base/result.ts";
import { type FetchRequest, type TwilioAnswer, twilioHttp, type TwilioRequest } from "./twilio_http.ts";
import { E164 } from "./twiml.ts";

/**
 * Every method yields a fault (of peer "twilio") instead of throwing, and rejects only with `signal.reason`. A SID or number
 * of the wrong form is a `protocol` fault and is never put into a request.
 */
export interface TwilioRest {
  /** End a call. A call that has ended already, or that Twilio has forgotten, is done too. */
  hangUp(callSid: string, signal: AbortSignal): Promise<Result<"ended" | "already-ended">>;
  /** `queued`, `ringing`, `in-progress`, `completed`, `busy`, `failed`, `no-answer`, `canceled`. */
  callStatus(callSid: string, signal: AbortSignal): Promise<Result<string>>;
  /** The account's numbers, `PAGE_NUMBERS` at most. */
  numbers(signal: AbortSignal): Promise<Result<PhoneNumber[]>>;
  /** Point the account's number `e164` at our webhooks. @returns the number as it is then. */
  updateNumber(e164: string, hooks: NumberHooks, signal: AbortSignal): Promise<Result<PhoneNumber>>;
}

/** Where a number sends its calls. All are asked with POST. */
export interface NumberHooks {
  voiceUrl: string;
  /** Asked when `voiceUrl` fails. */
  fallbackUrl?: string;
  /** Told when a call has ended. */
  statusCallbackUrl?: string;
}

export interface PhoneNumber {
  sid: string;
  e164: string;
  voiceUrl: string;
  fallbackUrl: string;
  statusCallbackUrl: string;
  /** Which of the three are asked with GET. `updateNumber` makes it POST. */
  byGet: readonly ("voice" | "fallback" | "status")[];
  /** Set: calls go to this TwiML application, and `voiceUrl` is ignored. `updateNumber` clears it. */
  applicationSid: string;
  /** Set: calls go to this SIP trunk, and `voiceUrl` is ignored. Ours to report, not to change. */
  trunkSid: string;
}

export interface TwilioRestOptions {
  fetch: FetchRequest;
  clock: Clock;
  accountSid: string;
  authToken: string;
  /** `https://api.twilio.com`, or where TWILIO_API_URL points. */
  baseUrl: string;
  /** Uniform in [0, 1): the jitter of the back-off. */
  random?: () => number;
}

/** The longest page that Twilio gives; unasked it has 50. */
const PAGE_NUMBERS = 1000;

const SID = { account: /^AC[0-9a-f]{32}$/i, call: /^CA[0-9a-f]{32}$/i };

/** A client of one account. @throws {RangeError} if `accountSid` is no account SID: it would become part of every path. */
export function twilioRest(options: TwilioRestOptions): TwilioRest {
  if (!SID.account.test(options.accountSid)) throw new RangeError("TWILIO_ACCOUNT_SID is not AC and 32 hex digits");
  const http = twilioHttp({ random: Math.random, ...options });
  const account = `${options.baseUrl.replace(/\/+$/, "")}/2010-04-01/Accounts/${options.accountSid}`;

  async function ask<T>(
    request: TwilioRequest,
    read: (answer: TwilioAnswer) => Result<T>,
    signal: AbortSignal,
  ): Promise<Result<T>> {
    const result = await http(request, signal);
    return result.ok ? read(result.value) : result;
  }

  /** The account's number `e164`, or undefined if the account has none such. */
  async function numberOf(e164: string, signal: AbortSignal): Promise<Result<PhoneNumber | undefined>> {
    if (!E164.test(e164)) return failed(misuse(`"${e164.slice(0, 40)}" as a number; E.164 looks like +15551234567`));
    const url = `${account}/IncomingPhoneNumbers.json?${new URLSearchParams({ PhoneNumber: e164 })}`;
    const listed = await ask({ method: "GET", url, what: "find the number" }, readNumbers, signal);
    // The filter of the list is a pattern: it may yield more than we asked for.
    return listed.ok ? ok(listed.value.find((number) => number.e164 === e164)) : listed;
  }

  return {
    async hangUp(callSid, signal) {
      if (!SID.call.test(callSid)) return failed(noCallSid(callSid));
      const url = `${account}/Calls/${callSid}.json`;
      const form = { Status: "completed" };
      return await ask({ method: "POST", url, form, what: "hang up" }, readHangUp, signal);
    },

    async callStatus(callSid, signal) {
      if (!SID.call.test(callSid)) return failed(noCallSid(callSid));
      const url = `${account}/Calls/${callSid}.json`;
      return await ask({ method: "GET", url, what: "look at the call" }, readStatus, signal);
    },

    async numbers(signal) {
      const url = `${account}/IncomingPhoneNumbers.json?PageSize=${PAGE_NUMBERS}`;
      return await ask({ method: "GET", url, what: "list the numbers" }, readNumbers, signal);
    },

    async updateNumber(e164, hooks, signal) {
      const found = await numberOf(e164, signal);
      if (!found.ok) return found;
      if (!found.value) return failed(noSuchNumber(e164));
      const url = `${account}/IncomingPhoneNumbers/${found.value.sid}.json`;
      const form = hookForm(hooks);
      return await ask({ method: "POST", url, form, what: "point the number here" }, readNumber, signal);
    },
  };
}

function readHangUp(answer: TwilioAnswer): Result<"ended" | "already-ended"> {
  if (succeeded(answer)) return ok("ended");
  const fault = faultOf(answer);
  const done = fault.kind === "rejected" && (fault.code === "21220" || fault.code === "20404");
  return done ? ok("already-ended") : failed(fault);
}

const Call = z.object({ status: z.string().min(1) });

function readStatus(answer: TwilioAnswer): Result<string> {
  return readAs(Call, answer, ({ status }) => status);
}

const text = z.string().nullish().transform((value) => value ?? "");
const IncomingNumber = z.object({
  sid: z.string().regex(/^PN[0-9a-f]{32}$/i),
  phone_number: z.string(),
  voice_url: text,
  voice_fallback_url: text,
  status_callback: text,
  voice_method: text,
  voice_fallback_method: text,
  status_callback_method: text,
  voice_application_sid: text,
  trunk_sid: text,
}).transform((number): PhoneNumber => ({
  sid: number.sid,
  e164: number.phone_number,
  voiceUrl: number.voice_url,
  fallbackUrl: number.voice_fallback_url,
  statusCallbackUrl: number.status_callback,
  byGet: [
    ...(number.voice_method === "GET" ? ["voice" as const] : []),
    ...(number.voice_fallback_method === "GET" ? ["fallback" as const] : []),
    ...(number.status_callback_method === "GET" ? ["status" as const] : []),
  ],
  applicationSid: number.voice_application_sid,
  trunkSid: number.trunk_sid,
}));
const IncomingNumbers = z.object({ incoming_phone_numbers: z.array(IncomingNumber) });

function readNumber(answer: TwilioAnswer): Result<PhoneNumber> {
  return readAs(IncomingNumber, answer, (number) => number);
}

function readNumbers(answer: TwilioAnswer): Result<PhoneNumber[]> {
  return readAs(IncomingNumbers, answer, (page) => page.incoming_phone_numbers);
}

function hookForm({ voiceUrl, fallbackUrl, statusCallbackUrl }: NumberHooks): Record<string, string> {
  return {
    VoiceUrl: voiceUrl,
    VoiceMethod: "POST",
    VoiceApplicationSid: "",
    ...(fallbackUrl ? { VoiceFallbackUrl: fallbackUrl, VoiceFallbackMethod: "POST" } : {}),
    ...(statusCallbackUrl ? { StatusCallback: statusCallbackUrl, StatusCallbackMethod: "POST" } : {}),
  };
}

function readAs<S extends z.ZodType, T>(schema: S, answer: TwilioAnswer, map: (value: z.output<S>) => T): Result<T> {
  if (!succeeded(answer)) return failed(faultOf(answer));
  const parsed = schema.safeParse(answer.body);
  if (parsed.success) return ok(map(parsed.data));
  const where = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`).join("; ");
  return failed({ kind: "protocol", peer: "twilio", detail: `an answer of another form (${where.slice(0, 300)})` });
}

function succeeded({ status }: TwilioAnswer): boolean {
  return status >= 200 && status < 300;
}

/** The body of an error; gateways answer HTML instead. Section 5.1. */
const ErrorBody = z.object({ code: z.number(), message: z.string().default("") });

/** Statuses that are about the account or their servers, whatever is asked: `describeFault` knows their remedy. */
function isGeneral(status: number): boolean {
  return status === 401 || status === 403 || status === 429 || status >= 500;
}

function faultOf({ status, body, retryAfterMs }: TwilioAnswer): Fault {
  const error = ErrorBody.safeParse(body);
  if (error.success && !isGeneral(status)) {
    const code = String(error.data.code);
    return rejected(code, `${sentence(error.data.message)} ${remedyOf(code)}`);
  }
  const detail = error.success ? `${error.data.code} ${error.data.message}` : plain(body);
  return { kind: "refused", peer: "twilio", status, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** What to do, by Twilio's error code. Section 6.2. */
const REMEDIES: Readonly<Record<string, string>> = {
  10001: "Look at the account's state in Twilio's console.",
  10002: "A trial account cannot do this: upgrade it.",
  20404: "Check that the call or number belongs to TWILIO_ACCOUNT_SID.",
  21205: "Check PUBLIC_HOST: Twilio cannot use this URL.",
};

function remedyOf(code: string): string {
  return REMEDIES[code] ?? `See https://www.twilio.com/docs/errors/${code}.`;
}

function rejected(code: string, detail: string): Fault {
  return { kind: "rejected", peer: "twilio", code, detail };
}

function noSuchNumber(e164: string): Fault {
  return rejected("no-such-number", `The account has no number ${e164}. Check the number and TWILIO_ACCOUNT_SID.`);
}

function noCallSid(callSid: string): Fault {
  return misuse(`"${callSid.slice(0, 40)}" as a call SID`);
}

function misuse(detail: string): Fault {
  return { kind: "protocol", peer: "twilio", detail: `it would not take ${detail}` };
}

function sentence(message: string): string {
  const trimmed = message.trim().slice(0, 300);
  return /[.!?]$/.test(trimmed) || !trimmed ? trimmed : `${trimmed}.`;
}

/** A body that is not Twilio's error form, as one short line. */
function plain(body: unknown): string {
  const whole = typeof body === "string" ? body : JSON.stringify(body);
  return whole.replace(/<(style|script)\b.*?<\/\1>|<[^>]*>/gs, " ").replace(/\s+/g, " ").trim().slice(0, 200);
}
