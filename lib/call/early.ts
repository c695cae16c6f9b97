/** An engine that was opened while the phone still rang: fed silence, its greeting held, until the call's line takes it over. */

import { FRAME_MS, SILENT_FRAME } from "../audio/frame.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { Engine, EngineEvent, EngineHost } from "../engine/engine.ts";

/** The most that is held for the call: 10 s of audio, and this many events. */
const HELD_BYTES = 80_000;
const HELD_EVENTS = 200;
const FEED_EVERY_MS = 100;

export class EarlyEngine implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #timers: TimerSet<"feed">;
  #held: ((host: EngineHost) => void)[] = [];
  #heldBytes = 0;
  #heldEvents = 0;
  #host: EngineHost | undefined;
  #replies = 0;
  #fedUntilMs: number;

  constructor(open: (host: EngineHost) => Engine, clock: Clock) {
    this.#clock = clock;
    this.#fedUntilMs = clock.monotonicMs();
    this.#timers = new TimerSet(clock, () => this.#feed());
    this.#timers.arm("feed", FEED_EVERY_MS);
    this.#engine = open({
      newReply: () => this.newReply(),
      post: (event) => this.#post(event),
      play: (reply, audio) => this.#play(reply, audio),
      drained: () => this.#host?.drained() ?? false,
      audible: () => this.#host?.audible() ?? false,
      history: () => this.#host?.history() ?? [],
    });
  }

  /** The call's reply numbers, from the first on. */
  readonly newReply = (): number => ++this.#replies;

  /** The call is here: what was held reaches it in order, and from now on everything at once. */
  adopt(host: EngineHost): Engine {
    this.#timers[Symbol.dispose]();
    this.#host = host;
    // Events may make the engine act on its call, so they come after it has been handed over.
    const held = this.#held;
    this.#held = [];
    queueMicrotask(() => held.forEach((deliver) => deliver(host)));
    return this.#engine;
  }

  /** An engine that a call has taken over is closed by the call. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#timers[Symbol.dispose]();
    if (!this.#host) await this.#engine[Symbol.asyncDispose]();
  }

  #post(event: EngineEvent): void {
    if (this.#host) this.#host.post(event);
    else if (this.#heldEvents++ < HELD_EVENTS) this.#held.push((host) => host.post(event));
  }

  #play(reply: number, audio: Uint8Array): void {
    if (this.#host) return this.#host.play(reply, audio);
    this.#heldBytes += audio.length;
    if (this.#heldBytes <= HELD_BYTES) this.#held.push((host) => host.play(reply, audio));
  }

  /** Feed silence in real time: an agent that hears nothing at all gives up (Deepgram reference, section 2.14). */
  #feed(): void {
    const nowMs = this.#clock.monotonicMs();
    for (; this.#fedUntilMs + FRAME_MS <= nowMs; this.#fedUntilMs += FRAME_MS) this.#engine.hear(SILENT_FRAME);
    this.#timers.arm("feed", FEED_EVERY_MS);
  }
}
