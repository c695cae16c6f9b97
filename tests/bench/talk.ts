/** How the processes of a bench talk: one JSON document a line, results up by stdout, orders down by stdin. */

import type { Heard } from "./phone_line.ts";

/** The window in which durations count, on the machine's clock. */
export interface Window {
  fromMs: number;
  untilMs: number;
}

export type Order =
  | ({ kind: "measure" } & Window)
  /** No new replies; what was begun is said to its end. */
  | { kind: "finish" }
  | { kind: "stop" };

/** Counts and durations of the phones; durations as the counts of `Histogram`. */
export interface PhonesResult {
  kind: "result";
  sent: number[];
  /** By call: reply, frames of it that came in a row or after gaps, its length. */
  replies: {
    call: number;
    reply: number;
    next: number;
    count: number;
    lost: number;
    duplicated: number;
    reordered: number;
  }[];
  clears: { call: number; reply: number; ms: number }[];
  heard: Omit<Heard, "firstFrame" | "jitter" | "late">;
  durations: Record<"firstFrame" | "jitter" | "late" | "lag", Durations>;
  /** Calls that the server ended, and why. */
  dropped: { call: number; why: string }[];
  clock: { offsetMs: number; tripMs: number; driftMs: number };
}

export interface AgentResult {
  kind: "result";
  calls: {
    call: number;
    next: number;
    lost: number;
    duplicated: number;
    reordered: number;
    altered: number;
    silent: number;
  }[];
  replies: { call: number; reply: number; count: number; whole: boolean; cutMs: number | null }[];
  uplink: Durations;
}

export interface Durations {
  counts: number[];
  max: number;
}

export function tell(message: object): void {
  console.log(JSON.stringify(message));
}

/** Orders from the parent, until it closes our stdin or dies. */
export async function* orders(): AsyncGenerator<Order> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Order; // our own parent wrote it
  }
}
