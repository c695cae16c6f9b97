/** Long work in slices, between which the event loop runs: calls go on meanwhile. */

import { sleep, systemClock } from "./clock.ts";

/** Work may block the event loop for this long, ms: less than half a frame. */
const SLICE_MS = 8;

/** A pause to be awaited between short steps: it lets the event loop run whenever `SLICE_MS` have passed. Rejects once `signal` has aborted. */
export function breather(signal?: AbortSignal): () => Promise<void> | void {
  let sinceMs = systemClock.monotonicMs();
  return () => {
    if (systemClock.monotonicMs() - sinceMs < SLICE_MS) return;
    return sleep(systemClock, 0, signal).then(() => void (sinceMs = systemClock.monotonicMs()));
  };
}
