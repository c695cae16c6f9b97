/** The figures as a table, a small chart, and ratios. Pure. */

import type { RunResult } from "./run.ts";

const ms = (value: number) => value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
const orNone = (value: number | null, digits = 2) => value === null ? "-" : value.toFixed(digits);
const pair = ({ p50, p99, n }: { p50: number; p99: number; n: number }) => n === 0 ? "-" : `${ms(p50)} / ${ms(p99)}`;

/** Median of what is there; null of nothing. */
export function median(values: readonly (number | null)[]): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** One column per run: figures down, runs across. */
export function table(runs: readonly RunResult[]): string {
  const flow = ({ lost, duplicated, reordered, altered }: RunResult["up"]) =>
    `${lost} ${duplicated} ${reordered} ${altered}`;
  const rows: [string, ...string[]][] = [
    ["", ...runs.map(({ server, calls }) => `${server} x ${calls}`)],
    ["up: frames", ...runs.map(({ up }) => String(up.frames))],
    ["  lost, doubled, out of order, altered", ...runs.map(({ up }) => flow(up))],
    ["  made-up silence, frames", ...runs.map(({ madeUp }) => String(madeUp))],
    ["down: frames in messages", ...runs.map(({ down, messagesDown }) => `${down.frames} in ${messagesDown}`)],
    ["  lost, doubled, out of order, altered", ...runs.map(({ down }) => flow(down))],
    ["  of them its own lines", ...runs.map(({ ownDown }) => String(ownDown))],
    ["  stale after clear", ...runs.map(({ stale }) => String(stale))],
    ["under-runs, ms of them", ...runs.map((run) => `${run.underruns}, ${ms(run.underrunMs)}`)],
    ["  of them with all sent that it had", ...runs.map(({ emptyHanded }) => String(emptyHanded))],
    ["  uncertain; the agent's fault", ...runs.map((run) => `${run.uncertain}; ${run.starved}`)],
    ["marks; unknown messages", ...runs.map(({ marks, odd }) => `${marks}; ${odd}`)],
    [
      "interruptions; without clear; late",
      ...runs.map((run) => `${run.interruptions}; ${run.notCleared}; ${run.cutLate}`),
    ],
    ["calls dropped", ...runs.map(({ dropped }) => String(dropped.length))],
    ["uplink added, ms p50 / p99", ...runs.map(({ uplinkMs }) => pair(uplinkMs))],
    ["first frame, ms", ...runs.map(({ firstFrameMs }) => pair(firstFrameMs))],
    ["clear, ms", ...runs.map(({ clearMs }) => pair(clearMs))],
    ["pacing jitter, ms", ...runs.map(({ jitterMs }) => pair(jitterMs))],
    ["lateness, ms", ...runs.map(({ lateMs }) => pair(lateMs))],
    ["CPU per call-second, ms", ...runs.map(({ cpuMsPerCallSecond }) => orNone(cpuMsPerCallSecond, 3))],
    ["  of it the main thread", ...runs.map((run) => orNone(run.mainThreadMsPerCallSecond, 3))],
    ["resident, MiB: idle; with calls", ...runs.map((run) => `${mib(run.idleKib)}; ${mib(run.residentKib)}`)],
    ["start to /health, ms", ...runs.map(({ startMs }) => orNone(startMs, 0))],
    ["our phones' own lag, ms", ...runs.map(({ generatorLagMs }) => pair(generatorLagMs))],
    ["clock doubt; drift, ms", ...runs.map(({ clock }) => `${ms(clock.tripMs / 2)}; ${clock.driftMs.toFixed(2)}`)],
    ["cores that others used", ...runs.map(({ othersCores }) => orNone(othersCores))],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  "))
    .join("\n");
}

const BAR_COLUMNS = 40;

/** Bars of one figure, a line for each run. */
export function chart(title: string, runs: readonly RunResult[], of: (run: RunResult) => number | null): string {
  const values = runs.map(of);
  const most = Math.max(...values.map((value) => value ?? 0), 1e-9);
  const lines = runs.map(({ server, calls }, i) => {
    const value = values[i];
    if (value === null || value === undefined) return `${server} x ${calls}`.padEnd(18) + " -";
    const eighths = Math.round(value / most * BAR_COLUMNS * 8);
    const bar = "█".repeat(eighths >> 3) + (eighths & 7 ? String.fromCharCode(0x2590 - (eighths & 7)) : "");
    return `${`${server} x ${calls}`.padEnd(18)} ${bar} ${ms(value)}`;
  });
  return [title, ...lines].join("\n");
}

export interface Comparison {
  calls: number;
  /** Ours divided by the peer's, medians of the rounds; null where one is missing. */
  cpu: number | null;
  uplinkP50: number | null;
  uplinkP99: number | null;
  firstFrameP50: number | null;
  jitterP50: number | null;
  jitterP99: number | null;
  clearP50: number | null;
}

export function compare(runs: readonly RunResult[], calls: number): Comparison {
  const ratio = (of: (run: RunResult) => number | null) => {
    const [mine, theirs] = ["offhook", "peer"].map((name) =>
      median(runs.filter((run) => run.calls === calls && run.server === name).map(of))
    );
    return mine === null || !theirs || mine === undefined ? null : mine / theirs;
  };
  return {
    calls,
    cpu: ratio((run) => run.cpuMsPerCallSecond),
    uplinkP50: ratio((run) => run.uplinkMs.p50),
    uplinkP99: ratio((run) => run.uplinkMs.p99),
    firstFrameP50: ratio((run) => run.firstFrameMs.p50),
    jitterP50: ratio((run) => run.jitterMs.p50),
    jitterP99: ratio((run) => run.jitterMs.p99),
    clearP50: ratio((run) => run.clearMs.p50),
  };
}

export function comparisonLine({ calls, ...ratios }: Comparison): string {
  const parts = Object.entries(ratios).map(([name, value]) => `${name} ${orNone(value)}`);
  return `ours / peer at ${calls} calls (medians): ${parts.join(", ")}`;
}

/** Memory that each further call takes, KiB, between the smallest and the largest run of ours. */
export function kibPerFurtherCall(runs: readonly RunResult[]): number | null {
  const mine = runs.filter(({ server, residentKib }) => server !== "peer" && residentKib !== null)
    .sort((a, b) => a.calls - b.calls);
  const [least, most] = [mine[0], mine.at(-1)];
  if (!least || !most || least.calls === most.calls) return null;
  return (most.residentKib! - least.residentKib!) / (most.calls - least.calls);
}

function mib(kib: number | null): string {
  return kib === null ? "-" : (kib / 1024).toFixed(0);
}
