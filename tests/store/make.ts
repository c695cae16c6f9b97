/** Calls for the store: the notices of a short conversation, with an interruption, a tool and facts. */

import type { CallNotice, NoticeBody } from "../../lib/call/notice.ts";
import { Store, type StoreOptions, type StoreReport } from "../../lib/store.ts";
import { VirtualClock } from "../sim/clock.ts";

/** A notice of the call "call-a1". */
export const at = (body: NoticeBody): CallNotice => ({ call: "call-a1", atMs: 9000, ...body });

export interface CallOptions {
  id: string;
  from?: string;
  to?: string;
  startedAt?: string;
  said?: string;
  reason?: string;
  durationMs?: number;
}

export function conversation(options: CallOptions): CallNotice[] {
  const { id, from = "+15550100", to = "+15550101", startedAt = "2026-01-01T12:00:00.000Z" } = options;
  const { said = "I would like to book a visit", reason = "caller-hung-up", durationMs = 42_000 } = options;
  const at = (atMs: number, body: NoticeBody): CallNotice => ({ call: id, atMs, ...body });
  return [
    at(0, {
      kind: "call-started",
      startedAt,
      callSid: `CA${id.padEnd(32, "0").slice(0, 32)}`,
      streamSid: `MZ${id}`,
      from,
      to,
      engine: "agent",
      version: "0.1.0",
      configHash: "abc",
      models: { think: "gpt-4o-mini" },
    }),
    at(300, { kind: "engine-ready", waitMs: 300, requestId: "req-1" }),
    at(310, { kind: "reply-started", reply: 1, source: "line" }),
    at(310, { kind: "reply-text", reply: 1, text: "Welcome to the clinic." }),
    at(320, { kind: "reply-first-sent", reply: 1 }),
    at(1900, { kind: "reply-heard", reply: 1, heardMs: 1500 }),
    at(2500, { kind: "caller-spoke" }),
    at(2800, { kind: "caller-text", text: "I would", final: false }),
    at(4000, { kind: "caller-text", text: said, final: true }),
    at(4010, { kind: "tool-call", id: "t1", name: "find_slots" }),
    at(5600, { kind: "tool-result", id: "t1", name: "find_slots", ok: true, tookMs: 1590 }),
    at(5700, { kind: "reply-started", reply: 2, source: "engine" }),
    at(5700, { kind: "reply-text", reply: 2, text: "Tuesday at ten is free." }),
    at(5700, {
      kind: "reply-words",
      reply: 2,
      words: ["Tuesday", "at", "ten", "is", "free."].map((text, n) => ({
        text,
        startMs: n * 300,
        endMs: n * 300 + 280,
      })),
    }),
    at(5720, { kind: "reply-first-sent", reply: 2 }),
    at(5730, { kind: "latency", parts: { stt: 200, model: 400, voice: 150 } }),
    at(6400, { kind: "mark-round-trip", ms: 12 }),
    at(6500, { kind: "reply-interrupted", reply: 2, heardMs: 700 }),
    at(7000, { kind: "fact", field: "name", value: "Ada", evidence: "Ada" }),
    at(durationMs, { kind: "usage", usage: { promptTokens: 1000, completionTokens: 100 } }),
    at(durationMs, { kind: "call-ended", reason, durationMs, framesIn: 2100, framesOut: 400 }),
    at(durationMs, { kind: "call-over" }),
  ];
}

/** A store in virtual time. */
export function makeStore(options: Partial<StoreOptions> = {}): {
  store: Store;
  clock: VirtualClock;
  reports: StoreReport[];
} {
  const clock = new VirtualClock();
  const reports: StoreReport[] = [];
  const store = new Store({
    clock,
    privacy: () => ({ transcripts: true, keepDays: 30 }),
    report: (report) => reports.push(report),
    process: "test",
    ...options,
  });
  return { store, clock, reports };
}

/** A folder that is gone afterwards. */
export function folder(): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "store-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
