/** The phone in the browser, server side: the page, what it reads of its call, and a voice for what is typed. */

import type { Context, Hono } from "hono";
import * as z from "zod";
import { tagUtterance } from "./audio/tag.ts";
import type { Voice } from "./audio/voice.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { parseJson } from "./base/json.ts";
import { describeFault, FaultError } from "./base/result.ts";
import { readBody } from "./body.ts";
import { callEvents } from "./browser_events.ts";
import type { CallNotice } from "./call/notice.ts";
import { isForeignPage } from "./foreign.ts";
import type { TurnRecord } from "./softphone/report.ts";

export interface BrowserPhoneParts {
  /** Bytes of a file that came with the program, by its path from the root. */
  readAsset: (path: string) => Uint8Array | undefined;
  /** Speaks what was typed. */
  voice: Voice;
  subscribe: (listener: (notice: CallNotice) => void) => Disposable;
  /** Whether a request comes from this machine, by a name of it, and through no proxy. */
  isLoopback: (request: Request) => boolean;
  /** Where the time of each answer of a call went, by its CallSid; if it is left out, the page does not show it. */
  turns?: (callSid: string) => TurnRecord[] | undefined;
  /** The machine's own by default. */
  clock?: Clock;
}

/** Streams of events at once: a page opens one for its call. */
const EVENT_STREAMS = 32;
const SAY_LIMIT_BYTES = 4096;

const Say = z.object({ callSid: z.string().optional(), text: z.string().trim().min(1).max(500) });

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/**
 * `GET /`: the phone on this machine, a bare status page elsewhere. Below `/phone`, for this machine only: the page's own
 * files; `GET /phone/events?call=CA...`, the call's notices and transcript (see `callEvents`); `POST /phone/say`
 * `{callSid?, text}`, the text as tagged mu-law audio (`audio/basic`), which the page then speaks into its call; and
 * `GET /phone/turns?call=CA...`, for the softphone's table.
 */
export function browserPhone(parts: BrowserPhoneParts): (app: Hono) => void {
  const { readAsset, subscribe, isLoopback, turns, clock = systemClock } = parts;
  let streams = 0;
  return (app) => {
    app.get("/", (c) => isLoopback(c.req.raw) ? page(c, readAsset) : c.html(STATUS_PAGE));

    app.use("/phone/*", async (c, next) => {
      if (!isLoopback(c.req.raw) || isForeignPage(c.req.raw)) {
        return c.text("The browser phone is for this machine only.\n", 403);
      }
      return await next();
    });

    app.get("/phone/events", (c) => {
      const callSid = c.req.query("call") ?? "";
      if (!callSid) return c.text("Which call? /phone/events?call=CA...\n", 400);
      if (streams >= EVENT_STREAMS) return c.text("Too many phones are open.\n", 503);
      streams++;
      const stream = callEvents({ callSid, clock, subscribe, closed: () => void streams-- });
      return c.body(stream, 200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    });

    app.post("/phone/say", (c) => say(c, parts.voice));
    app.all("/phone/say", (c) => c.text("/phone/say takes POST.\n", 405, { allow: "POST" }));

    if (turns) {
      app.get("/phone/turns", (c) => {
        const found = turns(c.req.query("call") ?? "");
        return found ? c.json(found) : c.json([], 404);
      });
    }

    app.get("/phone/:name", (c) => {
      const name = c.req.param("name");
      const type = /^[a-z_]+\.[a-z]+$/.test(name) ? CONTENT_TYPES[name.split(".")[1]!] : undefined;
      const bytes = type && readAsset(`assets/phone/${name}`);
      if (!type || !bytes) return c.notFound();
      return c.body(Uint8Array.from(bytes), 200, { ...guards(c), "content-type": type });
    });
  };
}

function page(c: Context, readAsset: BrowserPhoneParts["readAsset"]): Response {
  const html = readAsset("assets/phone/index.html");
  if (!html) return c.html(STATUS_PAGE);
  return c.body(Uint8Array.from(html), 200, { ...guards(c), "content-type": "text/html; charset=utf-8" });
}

async function say(c: Context, voice: Voice): Promise<Response> {
  if (!c.req.header("content-type")?.startsWith("application/json")) return c.text("Send JSON.\n", 415);
  const body = await readBody(c.req.raw, { limitBytes: SAY_LIMIT_BYTES });
  if (!body.ok && body.fault === "too-large") return c.text("That is too long.\n", 413);
  const request = Say.safeParse(body.ok ? parseJson(body.value) : undefined);
  if (!request.success) return c.text(`${z.prettifyError(request.error)}\n`, 400);
  try {
    const { audio, words } = await voice.speak(request.data.text);
    if (audio.length === 0 || words.length === 0) return c.text("There is nothing in it to speak.\n", 422);
    const [source = 0] = crypto.getRandomValues(new Uint16Array(1));
    const tagged = tagUtterance(audio, words, source, 0);
    return c.body(Uint8Array.from(tagged), 200, { "content-type": "audio/basic", "cache-control": "no-store" });
  } catch (error) {
    if (error instanceof FaultError) return c.text(`${describeFault(error.fault)}\n`, 503);
    throw error;
  }
}

/** Nothing but our own files is loaded, nothing inline runs, nobody frames us. */
function guards(c: Context): Record<string, string> {
  const host = c.req.header("host");
  return {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
      `connect-src 'self' ws://${host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
  };
}

const STATUS_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Running</title></head>
<body><p>This telephone service is running.</p></body></html>
`;
