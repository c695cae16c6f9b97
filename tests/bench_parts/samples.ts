/** Samples for tests: a good run of 100 calls, and what differs from it. */

import type { Sample } from "../bench/sample.ts";

export function sample(more: Partial<Sample> = {}): Sample {
  const spread = { n: 1000, p50: 0.1, p99: 2, max: 3 };
  return {
    server: "offhook",
    calls: 100,
    seconds: 8,
    cpuMsPerCallSecond: 1,
    residentKib: 100_000,
    othersCores: 0,
    uplinkMs: spread,
    firstFrameMs: spread,
    jitterMs: spread,
    lateMs: spread,
    clearMs: spread,
    generatorLagMs: spread,
    lost: 0,
    stale: 0,
    underruns: 0,
    speechShare: 0.75,
    ...more,
  };
}
