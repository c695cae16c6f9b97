/** All that can go wrong at an edge, as values: a closed set that a `switch` can exhaust. */

/** Who is on the other end of an edge. */
export type Peer =
  | "twilio"
  | "deepgram-agent"
  | "deepgram-listen"
  | "deepgram-flux"
  | "deepgram-speak"
  | "cartesia"
  | "llm"
  | "local-voice"
  | "tool"
  | "webhook"
  | "store";

export type Fault =
  /** The peer answered our opening request with an HTTP status that is not success. `detail` is its own explanation. */
  | { kind: "refused"; peer: Peer; status: number; detail: string; retryAfterMs?: number }
  /** No connection came about: name not found, port closed, certificate refused. */
  | { kind: "unreachable"; peer: Peer; detail: string }
  /** The open connection ended without our asking. `openMs`: how long it lived. */
  | { kind: "lost"; peer: Peer; closeCode: number; reason: string; openMs: number }
  /** Something awaited (`what`) did not come within `limitMs`. */
  | { kind: "deadline"; peer: Peer; what: string; limitMs: number }
  /** The peer sent what its protocol does not allow. */
  | { kind: "protocol"; peer: Peer; detail: string }
  /** The peer reported a failure in its own words and codes. */
  | { kind: "rejected"; peer: Peer; code: string; detail: string }
  /** We produce faster than the peer takes: `bytes` waited when the limit was passed. */
  | { kind: "clogged"; peer: Peer; bytes: number };

export type Result<T, F = Fault> = { ok: true; value: T } | { ok: false; fault: F };

export function ok<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

export function failed<F>(fault: F): { ok: false; fault: F } {
  return { ok: false, fault };
}

/** A fault where a promise must reject. Its message is fit for a log: no secret, no caller's word. */
export class FaultError extends Error {
  override readonly name = "FaultError";
  constructor(readonly fault: Fault) {
    super(describeFault(fault));
  }
}

/** The words of what was thrown, whatever it is. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Why a request came to nothing. Not its address, which may hold a secret: Deno tells that in the message, from 2.9 on in
 * its cause's.
 */
export function whyUnanswered(error: unknown): string {
  const { cause } = Object(error) as { cause?: unknown };
  const words = messageOf(cause instanceof Error ? cause : error);
  return /client error .*/s.exec(words)?.[0] ?? words.replace(/ for url .*/s, "");
}

const PEER_NAMES: Record<Peer, string> = {
  "twilio": "Twilio",
  "deepgram-agent": "the Deepgram Voice Agent",
  "deepgram-listen": "Deepgram's recogniser",
  "deepgram-flux": "Deepgram Flux",
  "deepgram-speak": "Deepgram's voice",
  "cartesia": "Cartesia's voice",
  "llm": "the language model",
  "local-voice": "the local voice",
  "tool": "the tool's server",
  "webhook": "the webhook's server",
  "store": "the store",
};

/** The environment variables to look at when `peer` says that we are not allowed. */
const KEYS: Record<Peer, string> = {
  "twilio": "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
  "deepgram-agent": "DEEPGRAM_API_KEY",
  "deepgram-listen": "DEEPGRAM_API_KEY",
  "deepgram-flux": "DEEPGRAM_API_KEY",
  "deepgram-speak": "DEEPGRAM_API_KEY",
  "cartesia": "CARTESIA_API_KEY",
  "llm": "GROQ_API_KEY, OPENAI_API_KEY or LLM_API_KEY",
  "local-voice": "nothing",
  "tool": "the tool's headers and its SECRET_* variables",
  "webhook": "CALL_WEBHOOK_SECRET",
  "store": "DATA_DIR",
};

/** One sentence: what was tried, what came back, and, where we know it, what to do. */
export function describeFault(fault: Fault): string {
  const peer = PEER_NAMES[fault.peer];
  switch (fault.kind) {
    case "refused":
      return `Cannot open ${peer}: HTTP ${fault.status}${fault.detail && ` (${fault.detail})`}. ${remedy(fault)}`;
    case "unreachable":
      return `Cannot reach ${peer}: ${fault.detail}. Check the address and the network.`;
    case "lost":
      return `Lost ${peer} after ${Math.round(fault.openMs)} ms: close code ${fault.closeCode}${
        fault.reason && ` (${fault.reason})`
      }.`;
    case "deadline":
      return `Waited ${fault.limitMs} ms for ${fault.what} from ${peer}, and none came.`;
    case "protocol":
      return `Cannot understand ${peer}: ${fault.detail}.`;
    case "rejected":
      return `${peer[0]!.toUpperCase()}${peer.slice(1)} reported ${fault.code}: ${fault.detail}`;
    case "clogged":
      return `${peer[0]!.toUpperCase()}${peer.slice(1)} takes our data too slowly: ${fault.bytes} bytes wait.`;
  }
}

function remedy({ peer, status }: Extract<Fault, { kind: "refused" }>): string {
  if (status === 401 || status === 403) return `Check ${KEYS[peer]}.`;
  if (status === 402) return "The account is out of credit.";
  if (status === 404) return "Check the address and the model's name.";
  if (status === 429) return "Too many at once for this account: lower MAX_CALLS or ask for a higher limit.";
  if (status >= 500) return "The trouble is on their side; it usually passes.";
  return "Check the configuration that this request was built from.";
}
