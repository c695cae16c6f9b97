/** A stand-in of Deepgram's Voice Agent API, as strict as the vendor: for rehearsal and for tests. */

import type { Voice } from "../audio/voice.ts";
import type { Clock } from "../base/clock.ts";
import type { Answer, Handshake } from "../base/dial.ts";
import { AGENT_KNOBS, type AgentFaults, type AgentKnobs } from "./agent_faults.ts";
import { AgentSession, uuid } from "./agent_session.ts";
import type { Brain } from "./brain.ts";
import type { SpeechSense } from "./ear.ts";
import { openSpeechSense } from "./sense.ts";
import type { StandIn } from "./serve.ts";

export interface AgentOptions extends Partial<AgentKnobs> {
  clock: Clock;
  /** Uniform numbers in [0, 1); seeded, a run repeats. */
  random: () => number;
  voice: Voice;
  think: Brain;
  /** The same faults for every session, or chosen by its number (from 1). */
  faults?: Partial<AgentFaults> | ((session: number) => Partial<AgentFaults>);
  /** How untagged audio is told from silence and noise. Default: the voice detector of `lib/audio/vad.ts`. */
  openSense?: () => Promise<SpeechSense>;
  /** Open sessions beyond which a handshake gets 429; the vendor's figure is 45. Default: no limit. */
  sessionLimit?: number;
}

export interface AgentStandIn extends StandIn {
  answer: (handshake: Handshake) => Answer;
  /** Every session, in order; of those that ended, only the newest are kept. */
  readonly sessions: AgentSession[];
  /** HTTP statuses of the handshakes that were refused, the newest last. */
  readonly refusals: number[];
}

/** Ended sessions and refusals kept for inspection. */
const KEPT = 64;

/** The stand-in of `wss://agent.deepgram.com/v1/agent/converse`. Every key is good, but for none and `bad`. */
export function agentStandIn(options: AgentOptions): AgentStandIn {
  const { clock, random, voice, think, openSense = openSpeechSense, sessionLimit = Infinity } = options;
  const { faults: chosen = {} } = options;
  const faultsOf = typeof chosen === "function" ? chosen : () => chosen;
  const knobs = knobsOf(options);
  const sessions: AgentSession[] = [];
  const refusals: number[] = [];
  let opened = 0;
  let sources = 0;
  const newSource = () => ++sources & 0xFFFF;

  const answer = (handshake: Handshake): Answer => {
    const number = ++opened;
    const faults = faultsOf(number);
    const open = sessions.filter(({ phase }) => phase !== "closed").length;
    const auth = authorise(handshake.headers);
    const status = faults.refuse ?? (!auth.ok ? 401 : open >= sessionLimit ? 429 : undefined);
    if (status !== undefined) {
      refusals.push(status);
      if (refusals.length > KEPT) refusals.shift();
      return { refuse: refusal(status, { requestId: uuid(random), retryAfterSeconds: faults.retryAfterSeconds }) };
    }
    return {
      accept(wire) {
        const parts = { clock, random, voice, think, openSense, knobs, faults, newSource };
        sessions.push(new AgentSession(wire, { number, parts }));
        forgetOldest(sessions);
      },
      ...(auth.protocol && { protocol: auth.protocol }),
    };
  };
  return { path: "/v1/agent/converse", answer, sessions, refusals };
}

function knobsOf(options: Partial<AgentKnobs>): AgentKnobs {
  const names = Object.keys(AGENT_KNOBS) as (keyof AgentKnobs)[]; // the keys of a literal of that very type
  return Object.assign(
    { ...AGENT_KNOBS },
    ...names.filter((name) => options[name] !== undefined).map((name) => ({ [name]: options[name] })),
  );
}

function forgetOldest(sessions: AgentSession[]): void {
  const ended = sessions.filter(({ phase }) => phase === "closed");
  if (ended.length > KEPT) sessions.splice(sessions.indexOf(ended[0]!), 1);
}

/** From the header, or from the offered sub-protocols of a client that cannot set headers. Section 1.2. */
function authorise(headers: Headers): { ok: boolean; protocol?: string } {
  const header = headers.get("authorization");
  if (header !== null) {
    const [scheme = "", credential = ""] = header.split(" ");
    return { ok: isGood(scheme.toLowerCase(), credential) };
  }
  const [scheme = "", credential = ""] = (headers.get("sec-websocket-protocol") ?? "").split(",").map((p) => p.trim());
  return { ok: isGood(scheme, credential), protocol: scheme };
}

/** A raw key is no bearer token: that takes a JWT, of three parts. */
function isGood(scheme: string, credential: string): boolean {
  if (credential === "" || credential === "bad") return false;
  return scheme === "token" || (scheme === "bearer" && credential.split(".").length === 3);
}

/** Section 1.3. */
const REFUSALS: Record<number, [code: string, message: string]> = {
  400: ["Bad Request", "The request could not be understood."],
  401: ["INVALID_AUTH", "Invalid credentials."],
  402: [
    "ASR_PAYMENT_REQUIRED",
    "Project does not have enough credits for an ASR request and does not have an overage agreement.",
  ],
  403: ["INSUFFICIENT_PERMISSIONS", "The project does not have access to the requested model."],
  429: ["TOO_MANY_REQUESTS", "Too many requests. Please try again later."],
  503: ["Service Unavailable", "The service is temporarily unavailable."],
};

function refusal(status: number, more: { requestId: string; retryAfterSeconds: number | undefined }): Response {
  const [code, message] = REFUSALS[status] ?? ["INTERNAL_SERVER_ERROR", "Something went wrong."];
  const { requestId, retryAfterSeconds } = more;
  return Response.json({ err_code: code, err_msg: message, request_id: requestId }, {
    status,
    headers: {
      "dg-request-id": requestId,
      "dg-error": message,
      ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
    },
  });
}
