/** One call as server-sent events: its notices, and its transcript as it grows. */

import { BoundedQueue } from "./base/queue.ts";
import type { Clock, Timer } from "./base/clock.ts";
import { type CallNotice, RecordFold } from "./call/notice.ts";

/** Notices that may wait for a slow reader; then the oldest go, and it is told how many. The transcript stays whole. */
const WAITING_NOTICES = 256;
/** A comment is sent when nothing else was for so long, so that a dead connection is noticed. */
const HEARTBEAT_MS = 10_000;
/** How long the stream waits for its call to begin. */
const CALL_DEADLINE_MS = 30_000;

export interface CallEventsOptions {
  callSid: string;
  clock: Clock;
  subscribe: (listener: (notice: CallNotice) => void) => Disposable;
  /** The stream is over: ended, given up or cancelled. Called once. */
  closed?: () => void;
}

/**
 * The events of the call `callSid`, which need not have begun. `notice`: a `CallNotice`. `utterance`: `{index, utterance}`,
 * an entry of the transcript that is new or has changed. `lost`: how many notices a slow reader has missed. `end`: the
 * last one, `"call-ended"`, or `"no-call"` if none came within 30 s.
 */
export function callEvents(options: CallEventsOptions): ReadableStream<Uint8Array> {
  const events = new CallEvents(options);
  return new ReadableStream<Uint8Array>({
    pull: (controller) => events.pull(controller),
    cancel: () => events[Symbol.dispose](),
  }, { highWaterMark: 1 });
}

class CallEvents implements Disposable {
  readonly #options: CallEventsOptions;
  readonly #waiting = new BoundedQueue<CallNotice>({ limit: WAITING_NOTICES, whenFull: "drop-oldest" });
  readonly #subscription: Disposable;
  readonly #deadline: Timer;
  readonly #sent: string[] = [];
  readonly #encoder = new TextEncoder();
  #fold: RecordFold | undefined;
  #lostTold = 0;
  #end: "call-ended" | "no-call" | undefined;
  #disposed = false;
  #wake: (() => void) | undefined;

  constructor(options: CallEventsOptions) {
    this.#options = options;
    this.#subscription = options.subscribe((notice) => this.#notice(notice));
    this.#deadline = options.clock.after(CALL_DEADLINE_MS, () => this.#finish("no-call"));
  }

  /** One chunk: all that waits, or a heartbeat. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    let text = this.#take();
    if (!text && !this.#end) {
      await this.#somethingOrHeartbeat();
      text = this.#take();
    }
    if (this.#disposed) return;
    if (this.#end) text += event("end", this.#end);
    controller.enqueue(this.#encoder.encode(text || ": still here\n\n"));
    if (!this.#end) return;
    controller.close();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#subscription[Symbol.dispose]();
    this.#deadline[Symbol.dispose]();
    this.#waiting[Symbol.dispose]();
    this.#wake?.();
    this.#options.closed?.();
  }

  #notice(notice: CallNotice): void {
    if (this.#end) return;
    if (!this.#fold) {
      if (notice.kind !== "call-started" || notice.callSid !== this.#options.callSid) return;
      this.#fold = new RecordFold(notice.call);
      this.#deadline[Symbol.dispose]();
    }
    if (notice.call !== this.#fold.record.id) return;
    this.#fold.add(notice);
    this.#waiting.push(notice);
    if (notice.kind === "call-ended") this.#finish("call-ended");
    else this.#wake?.();
  }

  #finish(end: "call-ended" | "no-call"): void {
    this.#end = end;
    this.#wake?.();
  }

  #take(): string {
    let text = this.#waiting.drain().map((notice) => event("notice", notice)).join("");
    if (this.#waiting.dropped > this.#lostTold) {
      text += event("lost", this.#waiting.dropped - this.#lostTold);
      this.#lostTold = this.#waiting.dropped;
    }
    this.#fold?.record.transcript.forEach((utterance, index) => {
      const now = JSON.stringify(utterance);
      if (this.#sent[index] === now) return;
      this.#sent[index] = now;
      text += event("utterance", { index, utterance });
    });
    return text;
  }

  async #somethingOrHeartbeat(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _heartbeat = this.#options.clock.after(HEARTBEAT_MS, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
