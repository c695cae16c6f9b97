/** Whether calls get in: the port on this machine, and the way from PUBLIC_HOST to it. */

import * as z from "zod";
import type { Config } from "../config.ts";
import { bodyText } from "../base/body_text.ts";
import { parseJson } from "../base/json.ts";
import { type Fault, whyUnanswered } from "../base/result.ts";
import { hostHere, isLoopbackHost } from "../base/url.ts";
import { signatureOf } from "../phone/signature.ts";
import { attempt, type Reach } from "./attempt.ts";
import { type CheckItem, fine, standIn, warn, wrong } from "./item.ts";

/** Whether something listens on a port, or we may not, or its host is none of this machine's. */
export type PortState = "free" | "taken" | "forbidden" | "elsewhere";

const Health = z.object({
  status: z.enum(["healthy", "degraded", "draining"]),
  version: z.string(),
  activeCalls: z.number(),
  rehearsal: z.boolean().optional(),
  providers: z.array(z.object({ name: z.string(), state: z.string(), lastFault: z.string().nullish() })).default([]),
});
type OffhookHealth = z.infer<typeof Health>;

/** Ours has some 2 KB; whatever else answers there is not read for longer. */
const HEALTH_BYTES = 65_536;

const START = "Start it with `offhook serve` and check again.";

/** The port and the public name, one after the other: what is found at the first explains the second. */
export async function checkFrontDoor(
  reach: Reach,
  config: Config,
  { offline, portState }: { offline: boolean; portState: (port: number, host: string) => PortState },
): Promise<CheckItem[]> {
  const { port, bind, publicHost } = config.server;
  const state = port === 0 ? "free" : portState(port, bind);
  const here = state === "taken" ? await healthAt(reach, `http://${hostHere(bind)}:${port}`) : undefined;
  const items = [state === "elsewhere" ? elsewhere(bind) : portItem(config, state, here)];
  if (!publicHost) return [...items, noHost(config)];
  if (offline) return [...items, fine("PUBLIC_HOST", "set, not tried")];
  return [...items, ...await checkHost(reach, config, { publicHost, runs: here !== undefined })];
}

function elsewhere(bind: string): CheckItem {
  return wrong("BIND", `${bind} is no address of this machine`, "Write one that it has, or 0.0.0.0 for all of them.");
}

function portItem({ server, rehearsal }: Config, state: PortState, here: OffhookHealth | undefined): CheckItem {
  const name = `port ${server.port}`;
  if (state === "free") return fine(name, "free");
  if (state === "forbidden") {
    return wrong(name, "we may not listen there", "Choose one above 1023 with PORT, and put the proxy in front of it.");
  }
  if (here) return runningItem(name, here, rehearsal);
  return wrong(name, "in use by a program that is not Offhook", "Stop that program, or choose another port with PORT.");
}

function runningItem(name: string, here: OffhookHealth, rehearsal: boolean): CheckItem {
  const { version, activeCalls, status, providers } = here;
  const finding = `Offhook ${version} answers there, with ${activeCalls} call${activeCalls === 1 ? "" : "s"}`;
  if (here.rehearsal && !rehearsal) {
    return warn(
      name,
      `${finding}, and rehearses`,
      "Its callers hear stand-ins. Restart it with the variables that are set here.",
    );
  }
  if (status === "healthy") return fine(name, finding);
  const failing = providers.filter(({ state }) => state !== "closed")
    .map((one) => one.lastFault ? `${one.name}: ${one.lastFault}` : one.name).join("; ");
  return warn(name, `${finding}, ${status}${failing && ` (${failing})`}`, "Its log tells since when, and why.");
}

async function healthAt({ fetch, clock }: Reach, origin: string): Promise<OffhookHealth | undefined> {
  let health: OffhookHealth | undefined;
  await attempt({ clock }, origin, async (signal) => {
    const response = await fetch(new Request(`${origin}/health`, { signal, redirect: "manual" }));
    health = Health.safeParse(parseJson(await bodyText(response, HEALTH_BYTES))).data;
    return [];
  });
  return health;
}

function noHost({ rehearsal }: Config): CheckItem {
  const remedy = "Set it to the name under which Twilio reaches us, for example agent.example.com.";
  if (rehearsal) return standIn("PUBLIC_HOST", "not set: only this machine can ring", remedy);
  return warn(
    "PUBLIC_HOST",
    "not set: we go by the name in each request, and nothing could be tried through it",
    remedy,
  );
}

interface Host {
  publicHost: string;
  /** Whether an Offhook answers on the port of this machine. */
  runs: boolean;
}

/** First a plain request, then a socket as Twilio would open it and a stranger's look, through whatever stands between. */
async function checkHost(reach: Reach, config: Config, { publicHost, runs }: Host): Promise<CheckItem[]> {
  const name = "PUBLIC_HOST";
  const plain = isLoopbackHost(publicHost);
  const origin = `http${plain ? "" : "s"}://${publicHost}`;
  return await attempt(reach, name, async (signal) => {
    const answer = await reach.fetch(new Request(`${origin}/health`, { signal, redirect: "manual" })).catch((error) => {
      if (signal.aborted) throw error;
      return whyUnanswered(error);
    });
    if (typeof answer === "string") return [nothingThere(name, { publicHost, runs, finding: answer })];
    const text = await bodyText(answer, HEALTH_BYTES);
    if (!Health.safeParse(parseJson(text)).success) {
      const finding = `answers /health with HTTP ${answer.status}, and not as Offhook does`;
      return [nothingThere(name, { publicHost, runs, finding })];
    }
    const url = `ws${plain ? "" : "s"}://${publicHost}/media-stream`;
    const socket = await checkSocket(reach, config, { url, signal });
    return [socket, ...plain ? [] : await strangerItems(reach, { origin, signal })];
  });
}

/**
 * Whether a proxy hides for whom it asks: then every stranger has the address of this machine. By one that gives the name on,
 * those may read everything who claim this machine's.
 */
async function strangerItems(
  { fetch }: Reach,
  { origin, signal }: { origin: string; signal: AbortSignal },
): Promise<CheckItem[]> {
  for (const headers of [{}, { host: "localhost" }]) {
    const asked = fetch(new Request(`${origin}/metrics`, { signal, redirect: "manual", headers }));
    const text = await asked.then((answer) => bodyText(answer, HEALTH_BYTES)).catch(() => "");
    if (!text.includes("offhook_")) continue;
    return [wrong("/metrics", "everybody may read it: the proxy does not tell that it asks for others", PROXY)];
  }
  return [];
}

const PROXY = "Let the proxy set X-Forwarded-For: Caddy's reverse_proxy does; nginx needs " +
  "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for.";

async function checkSocket(
  { dial }: Reach,
  { keys }: Config,
  { url, signal }: { url: string; signal: AbortSignal },
): Promise<CheckItem> {
  const name = "PUBLIC_HOST";
  const token = keys.twilioAuthToken;
  const headers: Record<string, string> = token ? { "x-twilio-signature": signatureOf(token, url) } : {};
  const dialled = await dial({ peer: "twilio", url, headers }, signal);
  if (dialled.ok) {
    dialled.value.close(1000);
    return fine(name, "answers, and a media stream opens through it");
  }
  return refusedSocket(name, dialled.fault, token !== undefined);
}

/** 403 and 503 are our own server's answers: the upgrade reached it. */
function refusedSocket(name: string, fault: Fault, isSigned: boolean): CheckItem {
  if (fault.kind === "refused" && fault.status === 503) {
    return warn(name, "answers, but is full or stopping", "Check again later.");
  }
  if (fault.kind === "refused" && fault.status === 403) {
    return isSigned
      ? wrong(
        name,
        "the server behind it does not accept our signature",
        "Give server and check the same TWILIO_AUTH_TOKEN and PUBLIC_HOST, then restart the server.",
      )
      : fine(name, "answers, and its media stream asks for Twilio's signature");
  }
  const status = fault.kind === "refused"
    ? `HTTP ${fault.status}`
    : fault.kind === "unreachable"
    ? fault.detail
    : fault.kind;
  const finding = `answers, but no WebSocket opens through it (${status})`;
  return wrong(
    name,
    finding,
    "Let the proxy pass upgrades: Caddy's reverse_proxy does; nginx needs proxy_http_version 1.1 and the Upgrade, Connection and X-Forwarded-For headers.",
  );
}

function nothingThere(name: string, { publicHost, runs, finding }: Host & { finding: string }): CheckItem {
  if (!runs) {
    return warn(name, `${publicHost} could not be tried: no Offhook runs on this machine's port (${finding})`, START);
  }
  return wrong(name, `${publicHost}: ${finding}`, "Point its DNS name and its proxy or tunnel at this machine's port.");
}
