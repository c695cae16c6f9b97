/** One Deepgram socket from the dialling to the last event: what its recognisers and its voice have in common. */

import { type Clock, settledWithin, type Timer } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { type Fault, messageOf, type Peer } from "../base/result.ts";
import { CLOSE_DEADLINE_MS, type Wire } from "../base/wire.ts";
import { closeFault } from "./deepgram_faults.ts";

/** Bytes that may wait for the vendor before the socket counts as clogged: 8 s of mu-law. */
const BUFFER_LIMIT_BYTES = 65_536;

type Parameter = string | number | boolean | readonly string[] | undefined;

/** `base` with these parameters: a list has one for each item, what is undefined has none. */
export function withParameters(base: string, parameters: Readonly<Record<string, Parameter>>): string {
  const url = new URL(base);
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === "object") { for (const item of value) url.searchParams.append(name, item); }
    else if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

export interface DeepgramSocketHost {
  opened(): void;
  text(text: string): void;
  binary(bytes: Uint8Array): void;
  /** At most once, last of all; never after `close` was called. */
  ended(fault: Fault): void;
}

export interface DeepgramSocketOptions {
  dial: Dial;
  clock: Clock;
  peer: Peer;
  /** With its query. */
  url: string;
  key: string;
  /** The message that asks the server to finish and to close. */
  goodbye: string;
  /** How long it may take to open, ms; the dial's own deadline if undefined. */
  openingMs?: number;
  host: DeepgramSocketHost;
}

/** Dials at once. Tells its host `opened`, then messages, then one `ended` unless we closed it. */
export class DeepgramSocket {
  readonly #options: DeepgramSocketOptions;
  readonly #dialling = new AbortController();
  #wire: Wire | undefined;
  #state: "opening" | "open" | "closing" | "ended" = "opening";
  #openedAtMs = 0;
  /** The server has closed it. */
  readonly #closed = Promise.withResolvers<void>();
  readonly #opening: Timer | undefined;

  constructor(options: DeepgramSocketOptions) {
    this.#options = options;
    const { openingMs: limitMs, peer } = options;
    this.#opening = limitMs === undefined ? undefined : options.clock.after(limitMs, () => {
      this.fail({ kind: "deadline", peer, what: "an open socket", limitMs });
    });
    this.#dial().catch((error) => this.fail(this.#crash(error)));
  }

  get open(): boolean {
    return this.#state === "open";
  }

  get ended(): boolean {
    return this.#state === "ended" || this.#state === "closing";
  }

  /** Ms since it opened. */
  get ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#openedAtMs;
  }

  /** Send one message; nothing unless open. Ends with a `clogged` fault when too much waits. */
  send(data: string | Uint8Array): void {
    if (this.#state !== "open" || data.length === 0) return; // an empty binary message closes a listen stream
    const { bufferedBytes } = this.#wire!;
    if (bufferedBytes > BUFFER_LIMIT_BYTES) {
      return this.fail({ kind: "clogged", peer: this.#options.peer, bytes: bufferedBytes });
    }
    this.#wire!.send(data);
  }

  /** Give the socket up and tell the host why. */
  fail(fault: Fault): void {
    if (this.ended) return;
    this.#end();
    this.#wire?.terminate();
    this.#options.host.ended(fault);
  }

  /** Say goodbye, wait for the server's close as long as a close may take, then give it up. The host hears nothing more. */
  async close(): Promise<void> {
    if (this.ended) return;
    if (this.#state === "opening") return this.#end();
    this.#wire!.send(this.#options.goodbye);
    this.#state = "closing";
    await settledWithin(this.#options.clock, CLOSE_DEADLINE_MS, this.#closed.promise);
    this.#end();
    this.#wire!.terminate();
  }

  #end(): void {
    this.#state = "ended";
    this.#opening?.[Symbol.dispose]();
    this.#dialling.abort();
  }

  async #dial(): Promise<void> {
    const { dial, peer, url, key, clock, host } = this.#options;
    const headers = { authorization: `Token ${key}` };
    const dialled = await dial({ peer, url, headers }, this.#dialling.signal).catch((error) => {
      if (this.ended) return undefined; // the abort that we asked for
      throw error;
    });
    if (!dialled) return;
    if (this.ended) return dialled.ok ? dialled.value.terminate() : undefined;
    if (!dialled.ok) return this.fail(dialled.fault);
    this.#opening?.[Symbol.dispose]();
    this.#wire = dialled.value;
    this.#state = "open";
    this.#openedAtMs = clock.monotonicMs();
    host.opened();
    this.#listen();
  }

  #listen(): void {
    const { host, peer } = this.#options;
    this.#wire!.listen({
      text: (text) => this.#state === "open" && host.text(text),
      binary: (bytes) => this.#state === "open" && host.binary(bytes),
      close: (code, reason) => {
        if (this.#state === "closing") return this.#closed.resolve();
        this.fail(closeFault(peer, { code, reason, openMs: this.ageMs }));
      },
      crashed: (error) => this.fail(this.#crash(error)),
    });
  }

  #crash(error: unknown): Fault {
    const { peer } = this.#options;
    return {
      kind: "protocol",
      peer,
      detail: `our own handling of it failed: ${messageOf(error)}`,
    };
  }
}
