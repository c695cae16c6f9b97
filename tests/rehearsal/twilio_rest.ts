/** Twilio's REST API as far as it is used: a stand-in that really acts on rehearsed calls. Twilio reference, sections 5 and 8.6. */

import { isHttpUrl } from "../../lib/base/url.ts";
import { type Clock, sleep } from "../../lib/base/clock.ts";

/** What the owner of a rehearsed call lets the API do with it. */
export interface CallControl {
  /** A Twilio call status: `ringing`, `in-progress`, `completed`, ... */
  status(): string;
  /** Whole seconds, once the call has ended. */
  durationSeconds?(): number | undefined;
  endCall(): void;
}

/** How the API misbehaves. The counts are used up one by one, in the order of this list. */
export interface TwilioRestFaults {
  /** No connection comes about. */
  unreachable: number;
  /** The connection is cut before anything was done. */
  resets: number;
  /** 429, code 20429: nothing was done. */
  tooMany: number;
  /** Sent with a 429. */
  retryAfterSeconds: number | undefined;
  /** 500 with an HTML body, nothing was done. */
  serverErrors: number;
  /** The request is carried out and its answer lost with the connection. */
  lostAnswers: number;
  /** Every answer takes this long. */
  latencyMs: number;
}

export interface TwilioRestStandInOptions {
  clock: Clock;
  accountSid: string;
  authToken: string;
  control: (callSid: string) => CallControl | undefined;
  /** The account's phone numbers, E.164. */
  numbers?: readonly string[];
  faults?: Partial<TwilioRestFaults>;
}

/** One request that came in. */
export interface SeenRequest {
  atMs: number;
  method: string;
  /** Path and query. */
  target: string;
  form: Readonly<Record<string, string>>;
}

export interface TwilioRestStandIn {
  /** Serves everything below `/2010-04-01`. Rejects as `fetch` does where a fault cuts the connection. */
  fetch(request: Request): Promise<Response>;
  /** May be changed at any time. */
  readonly faults: TwilioRestFaults;
  /** The last 100 requests, oldest first. */
  readonly requests: readonly SeenRequest[];
  /** Fields of the account's numbers as the API shows them. */
  readonly numbers: readonly Readonly<Record<string, string>>[];
}

const KEPT = 100;
const ENDED = new Set(["completed", "busy", "failed", "no-answer", "canceled"]);

export function twilioRestStandIn(options: TwilioRestStandInOptions): TwilioRestStandIn {
  const { clock, accountSid, authToken, control } = options;
  const faults: TwilioRestFaults = {
    unreachable: 0,
    resets: 0,
    tooMany: 0,
    retryAfterSeconds: undefined,
    serverErrors: 0,
    lostAnswers: 0,
    latencyMs: 0,
    ...options.faults,
  };
  const requests: SeenRequest[] = [];
  const numbers = (options.numbers ?? []).map((number, index) => newNumber(accountSid, number, index));
  const root = `/2010-04-01/Accounts/${accountSid}`;

  async function fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const form = new URLSearchParams(request.method === "POST" ? await request.text() : "");
    keep(requests, {
      atMs: clock.monotonicMs(),
      method: request.method,
      target: url.pathname + url.search,
      form: Object.fromEntries(form),
    });
    if (faults.latencyMs > 0) await sleep(clock, faults.latencyMs, request.signal);
    const fault = scripted();
    if (fault) return fault;
    const response = answer(request, url, form);
    if (use("lostAnswers")) throw cut("SendRequest", "connection closed before message completed");
    return response;
  }

  type Countable = Exclude<keyof TwilioRestFaults, "retryAfterSeconds" | "latencyMs">;
  function use(name: Countable): boolean {
    if (faults[name] <= 0) return false;
    faults[name]--;
    return true;
  }

  function scripted(): Response | undefined {
    if (use("unreachable")) throw cut("Connect", "tcp connect error: Connection refused (os error 111)");
    if (use("resets")) throw cut("SendRequest", "connection error: Connection reset by peer (os error 104)");
    if (use("tooMany")) {
      const response = refuse(429, 20429, "Too Many Requests");
      if (faults.retryAfterSeconds !== undefined) response.headers.set("retry-after", String(faults.retryAfterSeconds));
      return response;
    }
    if (!use("serverErrors")) return undefined;
    const html = "<!DOCTYPE html><html><head><title>500</title></head><body><h1>Server Error</h1></body></html>";
    return new Response(html, { status: 500, headers: { "content-type": "text/html" } });
  }

  function answer(request: Request, url: URL, form: URLSearchParams): Response {
    if (request.headers.get("authorization") !== `Basic ${btoa(`${accountSid}:${authToken}`)}`) {
      return refuse(401, 20003, "Authenticate");
    }
    const post = request.method === "POST";
    if (!post && request.method !== "GET") return refuse(405, 20004, "Method not allowed");
    const type = request.headers.get("content-type")?.split(";")[0];
    if (post && type !== "application/x-www-form-urlencoded") return refuse(400, 20001, "The body is not a form");
    if (!url.pathname.startsWith(`${root}/`)) return unknown(url);
    const [, resource, sid] = /^\/(\w+)(?:\/(\w+))?\.json$/.exec(url.pathname.slice(root.length)) ?? [];
    if (resource === "Calls" && sid) return answerCall(url, sid, post ? form : undefined);
    if (resource === "IncomingPhoneNumbers" && sid) return answerNumber(url, sid, post ? form : undefined);
    if (resource === "IncomingPhoneNumbers" && !post) return listNumbers(url);
    return unknown(url);
  }

  function answerCall(url: URL, sid: string, form: URLSearchParams | undefined): Response {
    const call = control(sid);
    if (!call) return unknown(url);
    const refused = form && updateCall(call, form);
    if (refused) return refused;
    const duration = call.durationSeconds?.();
    return json(200, {
      sid,
      account_sid: accountSid,
      status: call.status(),
      direction: "inbound",
      duration: duration === undefined ? null : String(duration),
      price: null,
      api_version: "2010-04-01",
      uri: `${root}/Calls/${sid}.json`,
    });
  }

  /** Section 5.3. Where it names no code for a wrong form, 20001 stands for it. */
  function updateCall(call: CallControl, form: URLSearchParams): Response | undefined {
    if (form.get("Status") !== "completed") return refuse(400, 20001, "Invalid Status");
    if (ENDED.has(call.status())) return refuse(400, 21220, "Call is not in-progress. Cannot redirect.");
    call.endCall();
    return undefined;
  }

  function listNumbers(url: URL): Response {
    const wanted = url.searchParams.get("PhoneNumber") ?? "";
    const pageSize = Math.min(Number(url.searchParams.get("PageSize") ?? 50), 1000);
    const found = numbers.filter((number) => number["phone_number"]!.includes(wanted));
    const more = found.length > pageSize ? `${root}/IncomingPhoneNumbers.json?PageSize=${pageSize}&Page=1` : null;
    return json(200, {
      incoming_phone_numbers: found.slice(0, pageSize).map(shown),
      page: 0,
      page_size: pageSize,
      next_page_uri: more,
    });
  }

  function answerNumber(url: URL, sid: string, form: URLSearchParams | undefined): Response {
    const number = numbers.find((known) => known["sid"] === sid);
    if (!number) return unknown(url);
    for (const [name, value] of form ?? []) {
      if (/Url$|^StatusCallback$/.test(name) && value && !isHttpUrl(value)) {
        return refuse(400, 21205, `Invalid ${name}`);
      }
    }
    for (const [name, value] of form ?? []) {
      const field = name.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase();
      if (field in number && field !== "sid") number[field] = value;
    }
    return json(200, shown(number));
  }

  return { fetch, faults, requests, numbers };
}

function newNumber(accountSid: string, number: string, index: number): Record<string, string> {
  const sid = sidOf("PN", index + 1);
  return {
    sid,
    account_sid: accountSid,
    phone_number: number,
    friendly_name: number,
    address_requirements: "none",
    address_sid: "",
    api_version: "2010-04-01",
    bundle_sid: "",
    date_created: "Thu, 30 Jul 2015 23:19:04 +0000",
    date_updated: "Thu, 30 Jul 2015 23:19:04 +0000",
    emergency_address_sid: "",
    emergency_address_status: "unregistered",
    emergency_status: "Active",
    identity_sid: "",
    origin: "twilio",
    sms_application_sid: "",
    sms_fallback_method: "POST",
    sms_fallback_url: "",
    sms_method: "POST",
    sms_url: "https://demo.twilio.com/welcome/sms/reply",
    status: "in-use",
    type: "local",
    voice_receive_mode: "voice",
    voice_url: "",
    voice_method: "POST",
    voice_fallback_url: "",
    voice_fallback_method: "POST",
    status_callback: "",
    status_callback_method: "POST",
    voice_application_sid: "",
    trunk_sid: "",
    uri: `/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers/${sid}.json`,
  };
}

/** As the API writes a number, some 1.5 KB. Absent SIDs are null. */
function shown(number: Readonly<Record<string, string>>): Record<string, unknown> {
  const sids = ["address_sid", "bundle_sid", "emergency_address_sid", "identity_sid", "trunk_sid"];
  const absent = [...sids, "voice_application_sid"].filter((name) => !number[name]);
  return {
    ...number,
    ...Object.fromEntries(absent.map((name) => [name, null])),
    beta: false,
    capabilities: { fax: false, mms: true, sms: true, voice: true },
    voice_caller_id_lookup: false,
    subresource_uris: { assigned_add_ons: number["uri"]!.replace(/\.json$/, "/AssignedAddOns.json") },
  };
}

function sidOf(prefix: string, number: number): string {
  return prefix + number.toString(16).padStart(32, "0");
}

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > KEPT) list.shift();
}

function unknown(url: URL): Response {
  return refuse(404, 20404, `The requested resource ${url.pathname} was not found`);
}

function refuse(status: number, code: number, message: string): Response {
  return json(status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });
}

function json(status: number, body: unknown): Response {
  return Response.json(body, { status });
}

/** As Deno's `fetch` fails: the stage stands in the message. */
function cut(stage: "Connect" | "SendRequest", why: string): TypeError {
  return new TypeError(`error sending request: client error (${stage}): ${why}`);
}
