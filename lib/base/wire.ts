/**
 * One message socket, whoever made it: a server socket of `Deno.serve`, a client socket to a vendor, or an in-memory
 * pair in a test. The leg, the providers, the stand-ins and the softphone see only this.
 */

import { setImmediate } from "node:timers";

/** What a wire tells its one listener. An exception thrown by a handler reaches `crashed`, and no other call. */
export interface WireEvents {
  text(text: string): void;
  /** `bytes` belong to the receiver: the wire keeps no reference. */
  binary(bytes: Uint8Array): void;
  /** Exactly once, last of all. `code` 1006: no close frame was seen (also after `terminate`). */
  close(code: number, reason: string): void;
  /** One of the handlers above threw. */
  crashed(error: unknown): void;
}

/** A wire is open when it is handed over. */
export interface Wire {
  /** Bytes accepted by `send` that the peer's kernel has not taken yet: the measure of a clogged peer. */
  readonly bufferedBytes: number;
  /** Queue one message, whose bytes may change once this returns; silently nothing once closing or closed. Never throws, never blocks: watch `bufferedBytes`. */
  send(data: string | Uint8Array): void;
  /** Start an orderly close. The `close` event follows within `CLOSE_DEADLINE_MS`, with or without the peer's help. */
  close(code?: number, reason?: string): void;
  /** Give the socket up: nothing more is sent or heard, the `close` event (1006) comes at once. */
  terminate(): void;
  /** Attach the one listener. What arrived before is delivered now, in order. */
  listen(events: WireEvents): void;
}

/** How long an orderly close may take before the socket is given up, in ms. */
export const CLOSE_DEADLINE_MS = 1000;

/** The close code of a wire that ended without a close frame. RFC 6455 section 7.4.1. */
export const CLOSED_ABNORMALLY = 1006;

/** The listening half of a wire: what arrives before there is a listener waits for it, and the end comes once. */
export class Inlet {
  #events: WireEvents | undefined;
  #early: ((events: WireEvents) => void)[] = [];
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  listen(events: WireEvents): void {
    this.#events = events;
    const early = this.#early;
    this.#early = [];
    const wasEnded = this.#ended; // then its close is the last of them
    for (const action of early) {
      if (this.#ended !== wasEnded) break; // a handler gave the wire up: after `close` comes nothing
      this.#deliver(action);
    }
  }

  text(text: string): void {
    if (!this.#ended) this.#deliver((events) => events.text(text));
  }

  binary(bytes: Uint8Array): void {
    if (!this.#ended) this.#deliver((events) => events.binary(bytes));
  }

  end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deliver((events) => events.close(code || CLOSED_ABNORMALLY, reason));
  }

  #deliver(action: (events: WireEvents) => void): void {
    const events = this.#events;
    if (!events) return void this.#early.push(action);
    try {
      action(events);
    } catch (error) {
      events.crashed(error);
    }
  }
}

/**
 * An open `WebSocket` of the platform as a `Wire`: sockets of `Deno.upgradeWebSocket` and native client sockets alike.
 * Their `close` may come twice, with code 0, or never (deno.md section 1): here it comes once, with 1006 for 0, in time.
 */
export function socketWire(socket: WebSocket): Wire {
  const inlet = new Inlet();
  let closeTimer: ReturnType<typeof setTimeout> | undefined;
  const end = (code: number, reason: string) => {
    clearTimeout(closeTimer);
    inlet.end(code, reason);
  };

  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => typeof data === "string" ? inlet.text(data) : inlet.binary(new Uint8Array(data));
  socket.onclose = ({ code, reason }) => end(code, reason);

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(data) {
      if (socket.readyState === WebSocket.OPEN && closeTimer === undefined) {
        socket.send(data as string | Uint8Array<ArrayBuffer>);
      }
    },
    close(code, reason) {
      if (inlet.ended || closeTimer !== undefined) return;
      closeTimer = setTimeout(() => end(CLOSED_ABNORMALLY, "no answer to our close"), CLOSE_DEADLINE_MS);
      // Deno ends a server socket that is closing with the first message that comes. If one is here already, that is before
      // the close frame was sent, and the peer sees a broken line: 64-94 of 1,000 that we closed while the peer talked.
      setImmediate(() => closeSocket(socket, code, reason));
    },
    terminate() {
      closeSocket(socket);
      end(CLOSED_ABNORMALLY, "terminated");
    },
    listen: (events) => inlet.listen(events),
  };
}

/** Close with the code where the platform allows it (clients: 1000, 3000-4999; servers more), else without one. */
function closeSocket(socket: WebSocket, code?: number, reason?: string): void {
  try {
    code === undefined ? socket.close() : socket.close(code, reason);
  } catch {
    socket.close();
  }
}
