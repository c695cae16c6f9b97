/** Finds the facts of every call: hears the notices, and adds its own. */

import { type Clock, settledWithin } from "./base/clock.ts";
import type { CallNotice } from "./call/notice.ts";
import { type ExtractionReport, Extractor, FINAL_LIMIT_MS } from "./extraction/extractor.ts";
import type { FactContext, FactFields } from "./extraction/facts.ts";
import type { Llm } from "./providers/ports.ts";

/** How the facts of one call are found. */
export interface FactPlan {
  llm: Pick<Llm, "extract">;
  fields: FactFields;
  summary: boolean;
  context: FactContext;
}

export interface FactFinderParts {
  clock: Clock;
  /** For a call that begins; undefined: its facts are not asked for, or there is no model to ask. */
  plan: (started: Extract<CallNotice, { kind: "call-started" }>) => FactPlan | undefined;
  /** Told of facts, summary, usage, faults, also after `call-ended`. Never throws. */
  report: (notice: CallNotice) => void;
}

export class FactFinder implements AsyncDisposable {
  readonly #parts: FactFinderParts;
  readonly #live = new Map<string, Extractor>();
  readonly #ending = new Map<string, Promise<void>>();

  constructor(parts: FactFinderParts) {
    this.#parts = parts;
  }

  /** An observer; returns at once. */
  readonly observe = (notice: CallNotice): void => {
    if (notice.kind === "call-started") return this.#start(notice);
    const extractor = this.#live.get(notice.call);
    if (!extractor) return;
    switch (notice.kind) {
      case "caller-text":
        if (notice.final) extractor.caller(notice.text);
        return;
      case "reply-text":
        return extractor.agent(notice.text);
      case "reply-heard":
      case "reply-interrupted":
        return extractor.replied();
      case "call-over":
        return this.#end(notice.call, extractor);
    }
  };

  /** Settles once nothing more will be found of this call. Never rejects. */
  settled(call: string): Promise<void> {
    return this.#ending.get(call) ?? Promise.resolve();
  }

  /** Calls that have ended get their last facts, in bounded time; of others nothing more is looked for. */
  async [Symbol.asyncDispose](): Promise<void> {
    await settledWithin(this.#parts.clock, FINAL_LIMIT_MS, Promise.all(this.#ending.values()));
    await Promise.all([...this.#live.values()].map((extractor) => extractor[Symbol.asyncDispose]()));
  }

  #start(notice: Extract<CallNotice, { kind: "call-started" }>): void {
    const plan = this.#parts.plan(notice);
    if (!plan) return;
    const { clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    const report = (found: ExtractionReport) =>
      this.#parts.report({ ...found, call: notice.call, atMs: clock.monotonicMs() - startedMs });
    this.#live.set(notice.call, new Extractor({ ...plan, clock, report }));
  }

  #end(call: string, extractor: Extractor): void {
    const done = extractor.finish().finally(() => {
      this.#live.delete(call);
      this.#ending.delete(call);
    });
    this.#ending.set(call, done);
    done.catch(reportError);
  }
}
