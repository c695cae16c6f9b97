/** One open socket to Cartesia and the contexts that speak on it. Cartesia reference, sections 4 to 6. */

import type { Clock } from "../base/clock.ts";
import type { Fault } from "../base/result.ts";
import { CLOSE_DEADLINE_MS, type Wire } from "../base/wire.ts";
import { type CartesiaMessage, parseCartesia } from "./cartesia_messages.ts";

/** What a context hears from its socket. Nothing after `failed`, nor after the context was dropped. */
export interface ContextEvents {
  message(message: Exclude<CartesiaMessage, { kind: "error" | "other" }>): void;
  /** `again`: another try on a new context may help; `status`: that of an error message, else 0. */
  failed(fault: Fault, how: { again: boolean; status: number }): void;
}

/** More than this waiting to be sent means that the peer does not read: text is a few hundred bytes a second. */
const CLOG_BYTES = 256 * 1024;

export class CartesiaLine {
  /** When something last passed, either way. */
  usedMs: number;
  /** Closed, lost or given up. */
  ended = false;
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #openedMs: number;
  readonly #contexts = new Map<string, ContextEvents>();
  readonly #closed = Promise.withResolvers<void>();

  constructor(wire: Wire, clock: Clock) {
    this.#wire = wire;
    this.#clock = clock;
    this.#openedMs = this.usedMs = clock.monotonicMs();
    wire.listen({
      text: (text) => this.#hear(text),
      binary: () => this.giveUp({ kind: "protocol", peer: "cartesia", detail: "it sent a binary message" }),
      close: (closeCode, reason) => {
        this.#closed.resolve();
        const openMs = clock.monotonicMs() - this.#openedMs;
        this.#failAll({ kind: "lost", peer: "cartesia", closeCode, reason, openMs });
      },
      crashed: (error) => this.giveUp({ kind: "protocol", peer: "cartesia", detail: `a message broke us: ${error}` }),
    });
  }

  /** How many contexts are open here. */
  get busy(): number {
    return this.#contexts.size;
  }

  /** From now on `events` gets what concerns `context`. */
  open(context: string, events: ContextEvents): void {
    this.#contexts.set(context, events);
  }

  /** The fence: whatever still comes for `context` is dropped. */
  drop(context: string): void {
    this.#contexts.delete(context);
  }

  /** @returns the fault that kept the message back. */
  send(message: string): Fault | undefined {
    const { bufferedBytes } = this.#wire;
    if (bufferedBytes > CLOG_BYTES) return { kind: "clogged", peer: "cartesia", bytes: bufferedBytes };
    this.usedMs = this.#clock.monotonicMs();
    this.#wire.send(message);
    return undefined;
  }

  /** This socket is of no use any more: all its contexts fail. */
  giveUp(fault: Fault): void {
    this.#failAll(fault);
    this.#wire.terminate();
  }

  /** Close in order, or after a second without order; resolves when it is closed. Contexts still open fail. */
  async close(): Promise<void> {
    this.ended = true;
    this.#wire.close(1000, "");
    using _late = this.#clock.after(CLOSE_DEADLINE_MS, () => this.#wire.terminate());
    await this.#closed.promise;
  }

  #hear(text: string): void {
    if (this.ended) return;
    this.usedMs = this.#clock.monotonicMs();
    const parsed = parseCartesia(text);
    if (!parsed.ok) return this.giveUp(parsed.fault);
    const message = parsed.value;
    if (message.kind === "other") return;
    if (message.kind !== "error") return this.#contexts.get(message.context)?.message(message);
    const concerned = message.context === undefined ? [...this.#contexts.keys()] : [message.context];
    for (const context of concerned) {
      const events = this.#contexts.get(context);
      this.drop(context);
      events?.failed(message.fault, message);
    }
  }

  #failAll(fault: Fault): void {
    this.ended = true;
    const contexts = [...this.#contexts.values()];
    this.#contexts.clear();
    for (const events of contexts) events.failed(fault, { again: true, status: 0 });
  }
}
