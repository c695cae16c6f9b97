/** Where calls are kept, seen from the store: a SQLite file, or memory where no disk is allowed. */

import type { CallNotice } from "../call/notice.ts";

/** What a list of calls tells of one. */
export interface CallRow {
  id: string;
  callSid: string;
  /** ISO 8601. */
  startedAt: string;
  from: string;
  to: string;
  engine: string;
  /** Why it ended; `PROCESS_DIED` for a call whose process went away in the middle of it, undefined while it lives. */
  outcome: string | undefined;
  durationMs: number | undefined;
  live: boolean;
  /** What caller and agent said, in utterances. */
  turns: number;
  faults: number;
  /** Values of the facts, by field. */
  facts: Record<string, unknown>;
}

/** The outcome of a call that nobody ended: its process was killed. */
export const PROCESS_DIED = "process-died";

export interface CallFilter {
  /** Calls that began at this time of day (ms since 1970) or later. */
  sinceMs?: number;
  outcome?: string;
  /** Of the caller or of the called. */
  number?: string;
  live?: boolean;
  /** Default 20; the newest first. */
  limit?: number;
  /** Only what comes behind this row: the next page. */
  after?: Pick<CallRow, "startedAt" | "id">;
}

/** One notice on its way to the disk. */
export interface Entry {
  call: string;
  seq: number;
  notice: CallNotice;
}

/** What is known of a call now; `isNew` puts a call in that was not there before. */
export interface CallState extends Omit<CallRow, "live"> {
  isNew: boolean;
}

/** @throws whatever the disk says: the store tries again. */
export interface Backend {
  /** All or nothing. `nowMs`: time of day. */
  write(entries: readonly Entry[], calls: readonly CallState[], nowMs: number): void;
  list(filter: CallFilter): CallRow[];
  row(id: string): CallRow | undefined;
  /** Ids that begin with `prefix`, or whose CallSid does; at most 10. `""`: the newest. */
  find(prefix: string): string[];
  notices(id: string): CallNotice[];
  ofNumber(number: string): string[];
  /** Calls to each number that began before the time it gives; some of them, if they are many. */
  olderThan(cutMs: (to: string) => number): string[];
  /** @returns how many there were. */
  remove(ids: readonly string[]): number;
  /** Leave no trace of what was removed. @returns false if another process keeps us from it just now. */
  scrub(): boolean;
  /** Minutes of the calls that began at this time or later and are over. */
  minutesSince(ms: number): number;
  /** A write would wait for the disk just now. */
  readonly isBusy: boolean;
  /** Whether what is written here is found by nobody any more: the file was moved, removed or replaced. */
  readonly gone: boolean;
  close(): void;
}

/** A telephone number as it is compared: `+` and digits; anything else as it is. */
export function numberKey(number: string): string {
  const digits = number.replace(/\D/g, "");
  return digits.length >= 5 && /^[+\d\s().-]+$/.test(number.trim()) ? `+${digits}` : number.trim().toLowerCase();
}
