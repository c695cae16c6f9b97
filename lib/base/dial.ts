/** How a message socket comes about, seen from both ends, so that the same code runs over real and in-memory sockets. */

import type { Peer, Result } from "./result.ts";
import type { Wire } from "./wire.ts";

export interface DialRequest {
  peer: Peer;
  /** `ws://` or `wss://`, with its query. */
  url: string;
  headers: Readonly<Record<string, string>>;
}

/**
 * Open a client socket. Resolves when it is open, or with the fault (`refused` with the peer's own words, `unreachable`,
 * `deadline`). Never rejects, except with `signal.reason` on abort. Each implementation has an open deadline of its own.
 */
export type Dial = (request: DialRequest, signal: AbortSignal) => Promise<Result<Wire>>;

/** The opening request of a socket as its server sees it. */
export interface Handshake {
  url: URL;
  headers: Headers;
}

/** A server's decision: take the socket (`accept` gets it open), or answer with an HTTP response instead. */
export type Answer = { accept: (wire: Wire) => void; protocol?: string } | { refuse: Response };

export type AnswerHandshake = (handshake: Handshake) => Answer;
