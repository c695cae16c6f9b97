/** What one run measured, whoever played the phones. Pure. */

import { FRAME_MS } from "../../lib/audio/frame.ts";
import type { Spread } from "./histogram.ts";
import type { RunResult } from "./run.ts";
import type { Delays } from "./verdict.ts";

export interface Sample extends Delays {
  server: "offhook" | "peer";
  calls: number;
  seconds: number;
  /** Own code and kernel, per second of one call, ms. */
  cpuMsPerCallSecond: number | null;
  residentKib: number | null;
  othersCores: number | null;
  /** Frames lost, doubled, out of order or altered, either way, and calls that the server ended. */
  lost: number;
  stale: number;
  /** The carrier's buffer ran empty. */
  underruns: number;
  /** The part of the time in which the caller hears something. */
  speechShare: number;
}

/** A row of figures as the C program writes it. */
export interface LoadgenSpread {
  n: number;
  p50: number;
  p99: number;
  max: number;
}

/** Its result, as far as it is used. */
export interface LoadgenResult {
  n: number;
  dur: number;
  up_sent: number;
  up_got: number;
  up_lost: number;
  up_dup: number;
  up_bad: number;
  dn_frames: number;
  dn_lost: number;
  dn_dup: number;
  dn_bad: number;
  stale: number;
  gaps: number;
  sid_bad: number;
  errs: number;
  closed_early: number;
  uplink: LoadgenSpread;
  dn_first: LoadgenSpread;
  jitter: LoadgenSpread;
  late: LoadgenSpread;
  clear: LoadgenSpread;
  gen_lag: LoadgenSpread;
}

/** All but what the generator cannot know: who was called, and its CPU and memory. */
export function fromLoadgen(
  result: LoadgenResult,
): Omit<Sample, "server" | "cpuMsPerCallSecond" | "residentKib" | "othersCores"> {
  const { n: calls, dur: seconds } = result;
  return {
    calls,
    seconds,
    uplinkMs: spread(result.uplink),
    firstFrameMs: spread(result.dn_first),
    jitterMs: spread(result.jitter),
    lateMs: spread(result.late),
    clearMs: spread(result.clear),
    generatorLagMs: spread(result.gen_lag),
    lost: Math.max(result.up_lost, result.up_sent - result.up_got) + result.up_dup + result.up_bad + result.dn_lost +
      result.dn_dup + result.dn_bad + result.sid_bad + result.errs + result.closed_early,
    stale: result.stale,
    underruns: result.gaps,
    speechShare: share(result.dn_frames, calls * seconds),
  };
}

export function fromRun(result: RunResult): Sample {
  const { up, down, calls, seconds } = result;
  const flow = ({ lost, duplicated, reordered, altered }: RunResult["up"]) => lost + duplicated + reordered + altered;
  return {
    server: result.server === "peer" ? "peer" : "offhook",
    calls,
    seconds,
    cpuMsPerCallSecond: result.cpuMsPerCallSecond,
    residentKib: result.residentKib,
    othersCores: result.othersCores,
    uplinkMs: result.uplinkMs,
    firstFrameMs: result.firstFrameMs,
    jitterMs: result.jitterMs,
    lateMs: result.lateMs,
    clearMs: result.clearMs,
    generatorLagMs: result.generatorLagMs,
    lost: flow(up) + flow(down) + result.dropped.length,
    stale: result.stale,
    underruns: result.underruns,
    speechShare: share(result.measuredDown, calls * seconds),
  };
}

function spread({ n, p50, p99, max }: LoadgenSpread): Spread {
  return n === 0 ? { n, p50: 0, p99: 0, max: 0 } : { n, p50, p99, max };
}

function share(frames: number, callSeconds: number): number {
  return frames * FRAME_MS / 1000 / callSeconds;
}
