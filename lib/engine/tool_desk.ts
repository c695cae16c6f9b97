/** The tool calls that wait for their results. */

import { type Clock, TimerSet } from "../base/clock.ts";
import type { ChatToolCall } from "../providers/ports.ts";
import { COLLECT_DIGITS } from "./builtin_tools.ts";
import type { EngineHost } from "./engine.ts";
import type { Memory } from "./memory.ts";

/** A tool bounds its own time; should it not, its result counts as lost after this. */
const TOOL_LIMIT_MS = 70_000;
const LOST = JSON.stringify({ error: "The tool gave no answer in time." });

export interface ToolDeskParts {
  clock: Clock;
  memory: Memory;
  post: EngineHost["post"];
}

/** Every call gets a result in the memory, whatever became of the turn that made it: what was done was done. */
export class ToolDesk implements Disposable {
  readonly #parts: ToolDeskParts;
  /** Their names, by id. */
  readonly #out = new Map<string, string>();
  readonly #timers: TimerSet<string>;
  #idle = Promise.withResolvers<void>();

  constructor(parts: ToolDeskParts) {
    this.#parts = parts;
    this.#timers = new TimerSet(parts.clock, (id) => this.result(id, LOST));
    this.#idle.resolve();
  }

  /** Settles when no result is awaited. */
  get idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** Whether what we wait for is the caller's own doing: he types. */
  get awaitsCaller(): boolean {
    return this.#out.size > 0 && [...this.#out.values()].every((name) => name === COLLECT_DIGITS);
  }

  /** Run these, all at the same time. */
  run(calls: readonly ChatToolCall[]): void {
    this.#parts.memory.called(calls);
    if (this.#out.size === 0) this.#idle = Promise.withResolvers();
    for (const { id, function: { name } } of calls) {
      this.#out.set(id, name);
      this.#timers.arm(id, TOOL_LIMIT_MS);
    }
    for (const { id, function: { name, arguments: args } } of calls) {
      this.#parts.post({ kind: "tool-call", id, name, arguments: args });
    }
  }

  /** Ignored for a call that does not wait for a result. */
  result(id: string, content: string): void {
    if (!this.#out.delete(id)) return;
    this.#timers.disarm(id);
    this.#parts.memory.result(id, content);
    if (this.#out.size === 0) this.#idle.resolve();
  }

  [Symbol.dispose](): void {
    this.#timers[Symbol.dispose]();
    this.#out.clear();
    this.#idle.resolve();
  }
}
