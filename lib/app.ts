/** The HTTP side: parse, delegate, answer. Source of the webhooks: Twilio reference, sections 2 and 6. */

import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { methodNotAllowed } from "hono/method-not-allowed";
import { failed, ok, type Result } from "./base/result.ts";
import { isHost, isLoopbackHost } from "./base/url.ts";
import { socketWire } from "./base/wire.ts";
import { isBearer } from "./bearer.ts";
import { type BodyFault, readBody } from "./body.ts";
import { isOver } from "./call/reaper.ts";
import type { AfterStream, Reception, Refusal } from "./call/reception.ts";
import { isForeignPage } from "./foreign.ts";
import type { Health } from "./health.ts";
import { candidateUrls, type FormFields, isCallSid, parseForm, signedUrl } from "./phone/signature.ts";
import { connectStream, dial, hangUp, sayAndHangUp } from "./phone/twiml.ts";
import { METERS_CONTENT_TYPE } from "./telemetry/registry.ts";

/** Why a request was turned away before anybody looked which call it is about. */
type Turned = "unsigned" | "too-large" | "malformed" | "foreign-page";

/** What the routes need. Everything that can change while we run is a function. */
export interface AppParts {
  reception: Reception;
  /** Host under which Twilio reaches us; undefined: the request's own. */
  publicHost: string | undefined;
  /** Whether `X-Forwarded-*` may be believed. */
  trustProxy: boolean;
  /** With it, only signed requests get in. */
  authToken: string | undefined;
  adminToken: string | undefined;
  /** What the carrier speaks when we cannot take a call. */
  busyLine: (caller: Caller) => { text: string; language?: string };
  mintToken: (callSid: string) => string;
  health: () => Health;
  metrics: { text: () => string; json: () => unknown };
  /** A stream ended with an error that only the carrier saw. */
  streamStatus: (fields: Readonly<Record<string, string>>) => void;
  refused: (reason: Refusal | Turned, callSid: string) => void;
  /** Called when another machine than this one has asked where calls come in. */
  strangerRang: () => void;
  /** Where the connection comes from. */
  peerAddress: (request: Request) => string | undefined;
  /** More routes: the browser phone, the stored calls. */
  extend?: (app: Hono) => void;
}

/** The longest form that is read, and its most fields; Twilio's own have some 2 KB in forty. */
const FORM_LIMIT_BYTES = 65_536;
const FORM_LIMIT_FIELDS = 500;

type Fields = Record<string, string>;

interface Caller {
  from: string;
  to: string;
}

export function createApp(parts: AppParts): Hono {
  const app = new Hono();
  app.use(methodNotAllowed({ app, onMethodNotAllowed: wrongMethod }));
  // Our answers name the host, and Twilio signs it: what is none gets nowhere (RFC 9112, section 3.2).
  app.use((c, next) => {
    const named = [c.req.header("host") || "localhost", hostOf(c, parts)];
    return named.every(isHost) ? next() : Promise.resolve(refuse(c, parts, "malformed", 400, NO_HOST));
  });
  const webhook = (answer: (c: Context, fields: Fields) => Response) => async (c: Context) => {
    if (isOwn(c, parts) && isForeignPage(c.req.raw)) return refuse(c, parts, "foreign-page", 403, FOREIGN);
    const form = await readForm(c);
    if (!form.ok) return refuseBody(c, parts, form.fault);
    if (!signed(c, parts, "https", form.value)) return refuse(c, parts, "unsigned", 403, UNSIGNED);
    const fields = c.req.method === "GET" ? c.req.query() : Object.fromEntries(form.value);
    if (fields.CallSid && !isCallSid(fields.CallSid)) return refuse(c, parts, "malformed", 400, NO_CALL_SID);
    return answer(c, fields);
  };

  const incoming = webhook((c, fields) => {
    if (!fields.CallSid) return refuse(c, parts, "malformed", 400, NO_CALL);
    if (!isOwn(c, parts)) parts.strangerRang();
    return twiml(c, answerCall(c, parts, fields));
  });
  for (const path of ["/incoming-call", "/twiml"]) app.on(["GET", "POST"], path, incoming);
  for (const path of ["/media-stream", "/ws"]) app.get(path, (c) => openStream(c, parts));
  app.post("/after-stream", webhook((c, fields) => twiml(c, afterStream(c, parts, fields))));
  app.post(
    "/stream-status",
    webhook((c, fields) => {
      parts.streamStatus(fields);
      return c.body(null, 204);
    }),
  );
  app.post(
    "/call-status",
    webhook((c, fields) => {
      if (fields.CallSid && isOver(fields.CallStatus)) parts.reception.over(fields.CallSid);
      return c.body(null, 204);
    }),
  );

  app.get("/health", (c) => {
    const health = mayRead(c, parts) ? parts.health() : withoutReasons(parts.health());
    return c.json(health, health.status === "draining" ? 503 : 200);
  });
  app.get("/metrics", (c) => {
    if (!mayRead(c, parts)) return c.text("Metrics are for loopback, or for bearers of ADMIN_TOKEN.\n", 401);
    if (c.req.header("accept")?.includes("application/json")) return c.json(parts.metrics.json() as object);
    return c.body(parts.metrics.text(), 200, { "content-type": METERS_CONTENT_TYPE });
  });
  parts.extend?.(app);

  app.notFound((c) => c.text(`Nothing is at ${c.req.path}. Twilio's webhook is /incoming-call.\n`, 404));
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    reportError(error);
    return c.text("Something went wrong on our side.\n", 500);
  });
  return app;
}

/** The answer at a path that is there, but takes only `methods`. */
function wrongMethod(c: Context, methods: string[]): Response {
  const allow = methods.filter((method) => method !== "HEAD").sort().join(", "); // it goes with GET
  return c.text(`${c.req.path} takes ${allow}, not ${c.req.method}.\n`, 405, { allow });
}

/** A vendor's own words may name accounts and addresses of ours: no stranger is told them. */
function withoutReasons(health: Health): Health {
  return { ...health, providers: health.providers.map((provider) => ({ ...provider, lastFault: null })) };
}

const UNSIGNED =
  "The signature does not fit. If this is Twilio: TWILIO_AUTH_TOKEN must be the account's primary token, and PUBLIC_HOST the host in the webhook's URL.\n";

const FOREIGN = "Pages of other sites may not ring here.\n";

const NO_HOST = "The Host header names no host.\n";

const NO_CALL = "No call: a call of Twilio's has a CallSid. To ring here yourself: offhook call, or deno task call.\n";

const NO_CALL_SID = "CallSid is not the id of a call: it has up to 64 visible ASCII characters.\n";

/** Announce the call and hand its audio to our socket, or say that we are busy: never an error the caller would hear. */
function answerCall(c: Context, parts: AppParts, fields: Fields): string {
  const callSid = fields.CallSid ?? "";
  const caller = callerOf(fields);
  // Twilio asks the fallback because a later request failed: a call that was here goes on as that request would have had it.
  if (fields.ErrorUrl) {
    const next = parts.reception.afterStream(callSid, fields.DialCallStatus);
    if (next.kind !== "hang-up") return nextDocument(c, parts, fields, next);
  }
  if (parts.reception.announce(callSid, caller)) {
    const { text, language } = parts.busyLine(caller);
    return sayAndHangUp(text, language);
  }
  return connect(c, parts, { callSid, ...caller });
}

/** Who calls whom; texts longer than a number or a SIP address can be are cut. */
function callerOf({ From = "", To = "" }: Fields): Caller {
  return { from: From.slice(0, 64), to: To.slice(0, 64) };
}

/** Longest time a transferred call may last, s. */
const TRANSFER_LIMIT_SECONDS = 3600;

/** The stream has ended, or a transfer: hang up, put the caller through, or take the call back. */
function afterStream(c: Context, parts: AppParts, fields: Fields): string {
  const callSid = fields.CallSid ?? "";
  if (isOver(fields.CallStatus)) {
    parts.reception.over(callSid);
    return hangUp();
  }
  return nextDocument(c, parts, fields, parts.reception.afterStream(callSid, fields.DialCallStatus));
}

function nextDocument(c: Context, parts: AppParts, fields: Fields, next: AfterStream): string {
  if (next.kind === "hang-up") return hangUp();
  if (next.kind === "connect") return connect(c, parts, { callSid: fields.CallSid ?? "", ...callerOf(fields) });
  const { number, ringSeconds } = next.destination;
  return dial({
    ...callerOf(fields),
    number,
    ringSeconds,
    timeLimitSeconds: TRANSFER_LIMIT_SECONDS,
    actionUrl: `${originOf(c, parts).http}/after-stream`,
  });
}

function connect(
  c: Context,
  parts: AppParts,
  { callSid, from, to }: { callSid: string; from: string; to: string },
): string {
  const { http, ws } = originOf(c, parts);
  return connectStream({
    streamUrl: `${ws}/media-stream`,
    parameters: {
      token: parts.mintToken(callSid),
      ...(from ? { from } : {}),
      ...(to ? { to } : {}),
    },
    actionUrl: `${http}/after-stream`,
    statusCallbackUrl: `${http}/stream-status`,
  });
}

/** Where the carrier reaches us. */
function originOf(c: Context, parts: AppParts): { http: string; ws: string } {
  const host = hostOf(c, parts);
  const plain = isLoopbackHost(host);
  return { http: `${plain ? "http" : "https"}://${host}`, ws: `${plain ? "ws" : "wss"}://${host}` };
}

/** Authenticate, then upgrade, then return at once (deno.md section 0). */
function openStream(c: Context, parts: AppParts): Response {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    return c.text("This is a WebSocket for Twilio Media Streams.\n", 426, { upgrade: "websocket" });
  }
  if (isOwn(c, parts) && isForeignPage(c.req.raw)) return refuse(c, parts, "foreign-page", 403, FOREIGN);
  if (!signed(c, parts, "wss", [])) return refuse(c, parts, "unsigned", 403, UNSIGNED);
  if (!isOwn(c, parts)) parts.strangerRang();
  if (parts.reception.admitsSocket()) return c.text("No place for another call now.\n", 503, { "retry-after": "5" });
  const offered = c.req.header("sec-websocket-protocol")?.split(",")[0]?.trim();
  const upgraded = upgrade(c.req.raw, offered);
  if (!upgraded) return c.text("This is no opening handshake of a WebSocket (RFC 6455, section 4.2.1).\n", 400);
  const { socket, response } = upgraded;
  socket.onopen = () => parts.reception.stream(socketWire(socket));
  return response;
}

/** Undefined if the request lacks a header, so that it asks for no WebSocket after all. */
function upgrade(request: Request, protocol: string | undefined): Deno.WebSocketUpgrade | undefined {
  try {
    return Deno.upgradeWebSocket(request, {
      idleTimeout: 0, // a timer for each message: the line looks for signs of life itself
      ...(protocol ? { protocol } : {}),
    });
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The fields in the body of a POST. Thousands would hold every call up while their signature is made. */
async function readForm(c: Context): Promise<Result<[name: string, value: string][], BodyFault>> {
  if (c.req.method === "GET") return ok([]);
  const body = await readBody(c.req.raw, { limitBytes: FORM_LIMIT_BYTES });
  if (!body.ok) return body;
  return body.value.split("&").length > FORM_LIMIT_FIELDS ? failed("too-large") : ok(parseForm(body.value));
}

function signed(c: Context, parts: AppParts, scheme: "https" | "wss", params: FormFields): boolean {
  if (!parts.authToken) return true;
  const host = hostOf(c, parts);
  // The softphone signs what it dials, which on this machine is plain, whatever our public name is.
  const dialled = [host, ...isOwn(c, parts) ? [c.req.header("host")!] : []].filter(isLoopbackHost);
  const urls = targetsOf(c.req.url).flatMap((target) => [
    ...candidateUrls({ publicHost: host, target, scheme }),
    ...dialled.map((name) => `${scheme === "wss" ? "ws" : "http"}://${name}${target}`),
  ]);
  return signedUrl({ authToken: parts.authToken, header: c.req.header("x-twilio-signature"), urls, params }) !==
    undefined;
}

/** Path and query as they were sent, which is what Twilio signs, and as `URL` writes them (`'` as `%27`), which some sign. */
function targetsOf(url: string): string[] {
  const { pathname, search } = new URL(url);
  return [...new Set([url.replace(/^[^:]+:\/\/[^/?]*/, ""), pathname + search])];
}

function refuse(
  c: Context,
  parts: AppParts,
  reason: Turned,
  status: 400 | 403 | 413,
  text: string,
): Response {
  parts.refused(reason, "");
  return c.text(text, status);
}

function refuseBody(c: Context, parts: AppParts, fault: BodyFault): Response {
  switch (fault) {
    case "too-large":
      return refuse(c, parts, fault, 413, "The form is larger than any webhook of Twilio's.\n");
    case "late":
      return c.text("The form did not end in time.\n", 408, { connection: "close" });
    case "broken-off":
      return c.text("The form is not whole.\n", 400); // for the record: its sender is gone
  }
}

function twiml(c: Context, document: string): Response {
  return c.body(document, 200, { "content-type": "text/xml; charset=utf-8", "cache-control": "no-store" });
}

function hostOf(c: Context, parts: AppParts): string {
  const forwarded = parts.trustProxy ? c.req.header("x-forwarded-host")?.split(",")[0]?.trim() : undefined;
  return parts.publicHost ?? (forwarded || c.req.header("host") || "localhost");
}

/** A request with one of these headers comes through a proxy. */
const PROXY_HEADERS = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via", "cf-connecting-ip"];

/**
 * Whether a request comes from this machine itself: from a loopback address, through no proxy that we know of, and by a
 * name of this machine, for a proxy need not tell that it is one, and a foreign name that resolves to us is not ours.
 */
export function isOwnMachine(
  request: Request,
  { address, trustProxy }: { address: string | undefined; trustProxy: boolean },
): boolean {
  if (trustProxy || PROXY_HEADERS.some((name) => request.headers.has(name))) return false;
  return /^(127\.|::1$|::ffff:127\.)/.test(address ?? "") && isLoopbackHost(request.headers.get("host") ?? "");
}

/** This machine may read everything; others need the token, and so does everyone behind a proxy, who all have its address. */
function mayRead(c: Context, parts: AppParts): boolean {
  const { adminToken } = parts;
  return isOwn(c, parts) || (adminToken !== undefined && isBearer(c.req.header("authorization"), adminToken));
}

function isOwn(c: Context, { trustProxy, peerAddress }: AppParts): boolean {
  return isOwnMachine(c.req.raw, { address: peerAddress(c.req.raw), trustProxy });
}
