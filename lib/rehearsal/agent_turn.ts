/**
 * One turn of the caller as the Voice Agent answers it: it thinks before the turn is confirmed, may call functions that
 * early, and speaks only afterwards. If the caller goes on, all of it is dropped. Deepgram reference, section 2.12.
 */

import { type Clock, sleep } from "../base/clock.ts";
import type { AgentFunctionSettings } from "./agent_settings.ts";
import type { BrainLine, BrainStep } from "./brain.ts";
import type { Speech } from "./ear.ts";

export interface TurnHost {
  clock: Clock;
  thinkMs: number;
  slowThinkMs: number;
  /** `results`: what this turn's calls brought so far. */
  think(speech: Speech, results: BrainLine[]): BrainStep;
  functionNamed(name: string): AgentFunctionSettings | undefined;
  newCallId(): string;
  send(message: Record<string, unknown>): void;
  /** The caller's turn is over for sure. */
  confirmed(speech: Speech): void;
  say(text: string): void;
  /** The brain called a function that was never declared. */
  noSuchFunction(name: string): void;
}

interface OpenCall {
  request: { id: string; name: string; arguments: string; client_side: boolean };
  result: PromiseWithResolvers<string>;
}

/** A model that calls function after function is stopped here. */
const MAX_CALLS = 8;
/** How long a server-side function takes, ms; it is never really called. */
const SERVER_SIDE_MS = 200;

export class Turn {
  confirmed = false;
  readonly speech: Speech;
  readonly #host: TurnHost;
  readonly #cancelled = new AbortController();
  readonly #confirmedEarly = Promise.withResolvers<void>();
  #open: OpenCall | undefined;

  constructor(host: TurnHost, speech: Speech) {
    this.#host = host;
    this.speech = speech;
  }

  /** A function call awaits its response. */
  get waiting(): boolean {
    return this.#open !== undefined;
  }

  get cancelled(): boolean {
    return this.#cancelled.signal.aborted;
  }

  /** Answer the caller; settles when all is handed to the mouth. @throws the abort's reason once cancelled. */
  async run(confirmMs: number): Promise<void> {
    const { signal } = this.#cancelled;
    const confirmation = this.#confirm(confirmMs);
    confirmation.catch(() => {}); // awaited below, perhaps after it failed
    const results: BrainLine[] = [];
    for (let calls = 0; calls <= MAX_CALLS; calls++) {
      const step = this.#host.think(this.speech, results);
      await this.#ponder(step.thinkMs ?? this.#host.thinkMs);
      const result = step.call && this.#call(step.call, confirmation);
      result?.catch(() => {}); // likewise
      if (step.say) {
        await confirmation;
        signal.throwIfAborted();
        this.#host.say(step.say);
      }
      if (!result) break;
      results.push({ role: "function", content: await result });
    }
    await confirmation;
  }

  /** Drop the answer: the caller goes on, or something else is said. Calls already sent are called off. */
  cancel(): void {
    if (this.cancelled) return;
    this.#cancelled.abort();
    if (!this.#open) return;
    const { id, name } = this.#open.request;
    this.#open = undefined;
    this.#host.send({ type: "FunctionCallCancelled", functions: [{ id, name }] });
  }

  /** @returns false if no call of this turn waits for `id`. */
  respond(id: string, content: string): boolean {
    if (this.#open?.request.id !== id) return false;
    const { request, result } = this.#open;
    this.#open = undefined; // answered, so it can no longer be called off
    this.#host.send({ type: "History", function_calls: [{ ...request, response: content }] });
    result.resolve(content);
    return true;
  }

  /** Do not wait any longer for the caller to go on. */
  confirmNow(): void {
    this.#confirmedEarly.resolve();
  }

  async #confirm(ms: number): Promise<void> {
    const { signal } = this.#cancelled;
    if (ms > 0) await Promise.race([sleep(this.#host.clock, ms, signal), this.#confirmedEarly.promise]);
    signal.throwIfAborted();
    this.confirmed = true;
    this.#host.confirmed(this.speech);
  }

  async #ponder(thinkMs: number): Promise<void> {
    const { clock, slowThinkMs, send } = this.#host;
    const { signal } = this.#cancelled;
    let leftMs = thinkMs;
    for (; leftMs > slowThinkMs; leftMs -= slowThinkMs) {
      await sleep(clock, slowThinkMs, signal);
      send({ type: "Warning", code: "SLOW_THINK_REQUEST", description: "The think request is taking a long time." });
    }
    await sleep(clock, leftMs, signal);
  }

  async #call(call: NonNullable<BrainStep["call"]>, confirmation: Promise<void>): Promise<string> {
    const host = this.#host;
    const { signal } = this.#cancelled;
    const known = host.functionNamed(call.name);
    if (!known) {
      host.noSuchFunction(call.name);
      throw new Error(`the brain called ${call.name}, which was never declared`);
    }
    if (known.defer_until_eot) await confirmation;
    signal.throwIfAborted();

    const { request, result } = this.#open = {
      request: {
        ...{ id: host.newCallId(), name: call.name, arguments: JSON.stringify(call.arguments) },
        client_side: !known.endpoint,
      },
      result: Promise.withResolvers<string>(),
    };
    host.send({ type: "FunctionCallRequest", functions: [request] });
    result.promise.catch(() => {}); // nobody may be waiting when it is called off
    signal.addEventListener("abort", () => result.reject(signal.reason), { once: true });
    if (known.endpoint) await this.#serverSide(request);
    return await result.promise;
  }

  /** The vendor would call the function's endpoint; rehearsal calls nobody. */
  async #serverSide({ id, name }: OpenCall["request"]): Promise<void> {
    await sleep(this.#host.clock, SERVER_SIDE_MS, this.#cancelled.signal);
    const content = '{"rehearsal":"this function was not called"}';
    this.#host.send({ type: "FunctionCallResponse", id, name, content });
    this.respond(id, content);
  }
}
