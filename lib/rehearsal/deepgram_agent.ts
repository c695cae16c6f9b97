/** A stand-in of Deepgram's Voice Agent API, as strict as the vendor: for rehearsal and for tests. */

import type { Answer, Handshake } from "../base/dial.ts";
import { AGENT_KNOBS, type AgentFaults, type AgentKnobs } from "./agent_faults.ts";
import { AgentSession, type SessionParts } from "./agent_session.ts";
import { credentialOf, type FaultsOf, faultsOf, letIn, refusal } from "./deepgram_door.ts";
import type { SpeechSense } from "./ear.ts";
import { openSpeechSense } from "./sense.ts";
import type { StandIn } from "./serve.ts";

export interface AgentOptions extends Partial<AgentKnobs>, Pick<SessionParts, "clock" | "random" | "voice" | "think"> {
  /** The same faults for every session, or chosen by its number (from 1). */
  faults?: FaultsOf<AgentFaults>;
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
  const knobs: AgentKnobs = { ...AGENT_KNOBS, ...options };
  const sessions: AgentSession[] = [];
  const refusals: number[] = [];
  let opened = 0;
  let sources = 0;
  const newSource = () => ++sources & 0xFFFF;

  const answer = ({ headers }: Handshake): Answer => {
    const number = ++opened;
    const faults = faultsOf(options.faults, number);
    const open = sessions.filter(({ phase }) => phase !== "closed").length;
    const status = faults.refuse ?? (!hasKey(headers) ? 401 : open >= sessionLimit ? 429 : undefined);
    if (status !== undefined) {
      refusals.push(status);
      if (refusals.length > KEPT) refusals.shift();
      return { refuse: refusal(status, undefined, faults.retryAfterSeconds) };
    }
    return letIn(headers, (wire) => {
      const parts = { clock, random, voice, think, openSense, knobs, faults, newSource };
      sessions.push(new AgentSession(wire, { number, parts }));
      forgetOldest(sessions);
    });
  };
  return { path: "/v1/agent/converse", answer, sessions, refusals };
}

function forgetOldest(sessions: AgentSession[]): void {
  const ended = sessions.filter(({ phase }) => phase === "closed");
  if (ended.length > KEPT) sessions.splice(sessions.indexOf(ended[0]!), 1);
}

/** A raw key is no bearer token here: that takes a JWT, of three parts. Section 1.2. */
function hasKey(headers: Headers): boolean {
  const { scheme, secret = "bad" } = credentialOf(headers) ?? {};
  return secret !== "bad" && (scheme === "token" || secret.split(".").length === 3);
}
