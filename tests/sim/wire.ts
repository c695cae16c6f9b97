import type { Clock } from "../../lib/base/clock.ts";
import { CLOSED_ABNORMALLY, type Wire, type WireEvents } from "../../lib/base/wire.ts";

/** How an in-memory wire misbehaves. All times in ms of the clock; everything is 0 or off by default. */
export interface Weather {
  /** One-way delay of each message. */
  delayMs?: number;
  /** Added delay, uniform in [0, jitterMs); order is kept. */
  jitterMs?: number;
  /** Seeded source of randomness, for jitter. */
  random?: () => number;
}

interface End extends Wire {
  /** From now on messages towards this end wait until `flow`. */
  stall(): void;
  flow(): void;
}

/** Two ends of one in-memory socket. `cut` ends both without a close frame, as a vanished network does. */
export interface WirePair {
  readonly client: End;
  readonly server: End;
  cut(): void;
}

export function wirePair(clock: Clock, weather: Weather = {}): WirePair {
  const client = new MemoryEnd(clock, weather);
  const server = new MemoryEnd(clock, weather);
  client.peer = server;
  server.peer = client;
  return {
    client,
    server,
    cut() {
      client.end(CLOSED_ABNORMALLY, "cut");
      server.end(CLOSED_ABNORMALLY, "cut");
    },
  };
}

class MemoryEnd implements End {
  peer!: MemoryEnd;
  bufferedBytes = 0;
  readonly #clock: Clock;
  readonly #weather: Weather;
  /** Arrived before there was a listener. */
  #early: ((events: WireEvents) => void)[] = [];
  #held: (() => void)[] | undefined;
  #events: WireEvents | undefined;
  #lastDueMs = 0;
  #closing = false;
  #ended = false;

  constructor(clock: Clock, weather: Weather) {
    this.#clock = clock;
    this.#weather = weather;
  }

  listen(events: WireEvents): void {
    this.#events = events;
    const early = this.#early;
    this.#early = [];
    for (const deliver of early) this.#guard(() => deliver(events));
  }

  send(data: string | Uint8Array): void {
    if (this.#closing || this.#ended) return;
    const copy = typeof data === "string" ? data : data.slice();
    this.bufferedBytes += data.length;
    this.#travel(() => {
      this.bufferedBytes -= data.length;
      this.peer.#deliver((events) => typeof copy === "string" ? events.text(copy) : events.binary(copy));
    });
  }

  close(code = 1005, reason = ""): void {
    if (this.#closing || this.#ended) return;
    this.#closing = true;
    this.#travel(() => {
      this.peer.end(code, reason);
      this.peer.#travel(() => this.end(code, reason));
    });
  }

  terminate(): void {
    this.end(CLOSED_ABNORMALLY, "terminated");
    this.#travel(() => this.peer.end(CLOSED_ABNORMALLY, ""));
  }

  stall(): void {
    this.#held ??= [];
  }

  flow(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const arrive of held) arrive();
  }

  end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deliver((events) => events.close(code, reason), true);
  }

  /** Run `arrive` when what is sent now reaches the other end; never before what was sent earlier. */
  #travel(arrive: () => void): void {
    const { delayMs = 0, jitterMs = 0, random = () => 0 } = this.#weather;
    const dueMs = Math.max(this.#lastDueMs, this.#clock.monotonicMs() + delayMs + jitterMs * random());
    this.#lastDueMs = dueMs;
    this.#clock.after(
      dueMs - this.#clock.monotonicMs(),
      () => this.peer.#held ? this.peer.#held.push(arrive) : arrive(),
    );
  }

  #deliver(action: (events: WireEvents) => void, last = false): void {
    if (this.#ended && !last) return;
    if (this.#events) this.#guard(() => action(this.#events!));
    else this.#early.push(action);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#events?.crashed(error);
    }
  }
}
