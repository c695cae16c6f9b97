/** A bare client of a stand-in: what a vendor's server would be sent, byte for byte, and what it answers. */

import type { AnswerHandshake } from "../../lib/base/dial.ts";
import type { Wire } from "../../lib/base/wire.ts";
import type { VirtualClock } from "../sim/clock.ts";
import { wirePair } from "../sim/wire.ts";

export interface RawClient {
  wire: Wire;
  /** JSON messages received. */
  messages: Record<string, unknown>[];
  /** Binary messages received. */
  audio: Uint8Array[];
  /** Code and reason of the close. */
  closed: [code: number, reason: string] | undefined;
  send(message: unknown): void;
}

export const TOKEN = { authorization: "Token k" };

/** The HTTP answer to a refused handshake; undefined if the socket was taken. */
export function refusedBy(answer: AnswerHandshake, url: string, headers: HeadersInit = TOKEN): Response | undefined {
  const answered = answer({ url: new URL(url), headers: new Headers(headers) });
  return "refuse" in answered ? answered.refuse : undefined;
}

/** Open a socket. @throws if it is refused. */
export function connect(clock: VirtualClock, answer: AnswerHandshake, url: string): RawClient {
  const answered = answer({ url: new URL(url), headers: new Headers(TOKEN) });
  if ("refuse" in answered) throw new Error(`refused: ${answered.refuse.status}`);
  const { client, server } = wirePair(clock);
  const raw: RawClient = {
    wire: client,
    messages: [],
    audio: [],
    closed: undefined,
    send: (message) => client.send(JSON.stringify(message)),
  };
  client.listen({
    text: (text) => void raw.messages.push(JSON.parse(text) as Record<string, unknown>),
    binary: (bytes) => void raw.audio.push(bytes),
    close: (code, reason) => void (raw.closed = [code, reason]),
    crashed: (error) => {
      throw error;
    },
  });
  answered.accept(server);
  return raw;
}

/** The messages of one type. */
export function typed(raw: RawClient, type: string): Record<string, unknown>[] {
  return raw.messages.filter((message) => message.type === type);
}
