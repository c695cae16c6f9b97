/** Calls kept in memory, a bounded number of them: where no disk is allowed, as on Deno Deploy. */

import type { CallNotice } from "../call/notice.ts";
import { type Backend, type CallFilter, type CallRow, type CallState, type Entry, numberKey } from "./backend.ts";

interface Kept {
  state: CallState;
  notices: CallNotice[];
}

export class MemoryBackend implements Backend {
  readonly gone = false;
  readonly isBusy = false;
  readonly #calls = new Map<string, Kept>();
  readonly #limit: number;

  /** The oldest call makes room when `limit` are kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  write(entries: readonly Entry[], calls: readonly CallState[]): void {
    for (const state of calls) {
      const known = this.#calls.get(state.id);
      if (known) known.state = state;
      else if (state.isNew) this.#calls.set(state.id, { state, notices: [] });
    }
    for (const { call, notice } of entries) this.#calls.get(call)?.notices.push(notice);
    for (const id of this.#calls.keys()) {
      if (this.#calls.size <= this.#limit) break;
      this.#calls.delete(id);
    }
  }

  list({ sinceMs, outcome, number, live, limit = 20, after }: CallFilter): CallRow[] {
    const key = number === undefined ? undefined : numberKey(number);
    return this.#newestFirst().map(({ state }) => rowOf(state)).filter((row) =>
      (sinceMs === undefined || Date.parse(row.startedAt) >= sinceMs) &&
      (outcome === undefined || row.outcome === outcome) &&
      (key === undefined || numberKey(row.from) === key || numberKey(row.to) === key) &&
      (live === undefined || row.live === live) &&
      (after === undefined || placeOf(row) < placeOf(after))
    ).slice(0, limit);
  }

  row(id: string): CallRow | undefined {
    const kept = this.#calls.get(id);
    return kept && rowOf(kept.state);
  }

  find(prefix: string): string[] {
    const all = this.#newestFirst().map(({ state }) => state);
    if (prefix === "") return all.slice(0, 1).map(({ id }) => id);
    const begins = ({ id, callSid }: CallState) => id.startsWith(prefix) || callSid.startsWith(prefix);
    return all.filter(begins).slice(0, 10).map(({ id }) => id);
  }

  notices(id: string): CallNotice[] {
    return [...this.#calls.get(id)?.notices ?? []];
  }

  ofNumber(number: string): string[] {
    const key = numberKey(number);
    return [...this.#calls].filter(([, { state }]) => numberKey(state.from) === key).map(([id]) => id);
  }

  olderThan(cutMs: (to: string) => number): string[] {
    return [...this.#calls]
      .filter(([, { state }]) => state.outcome !== undefined && Date.parse(state.startedAt) < cutMs(state.to))
      .map(([id]) => id);
  }

  remove(ids: readonly string[]): number {
    return ids.filter((id) => this.#calls.delete(id)).length;
  }

  scrub(): boolean {
    return true;
  }

  minutesSince(ms: number): number {
    return [...this.#calls.values()]
      .filter(({ state }) => Date.parse(state.startedAt) >= ms)
      .reduce((sum, { state }) => sum + (state.durationMs ?? 0) / 60_000, 0);
  }

  close(): void {
    this.#calls.clear();
  }

  #newestFirst(): Kept[] {
    return [...this.#calls.values()].sort((one, other) => placeOf(one.state) < placeOf(other.state) ? 1 : -1);
  }
}

/** Where a call stands among the others, as a file of calls has them. */
function placeOf({ startedAt, id }: Pick<CallRow, "startedAt" | "id">): string {
  return `${startedAt} ${id}`;
}

function rowOf({ isNew: _isNew, ...row }: CallState): CallRow {
  return { ...row, live: row.outcome === undefined };
}
