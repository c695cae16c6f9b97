/** Waiting with a limit: one deadline of the injected clock and one abort signal around one promise. */

import type { Clock } from "../base/clock.ts";
import { type Fault, FaultError } from "../base/result.ts";

export interface Limit {
  clock: Clock;
  /** How long to wait, in ms. */
  limitMs: number;
  /** The fault if nothing came in time. */
  late: Fault;
  signal: AbortSignal;
}

/**
 * `promise`, unless it takes too long. What it gives later is dropped, its later rejection handled.
 * @throws {FaultError} of `late` after `limitMs`; `signal.reason` at once on abort; what `promise` rejects with.
 */
export async function within<T>(promise: Promise<T>, { clock, limitMs, late, signal }: Limit): Promise<T> {
  const over = Promise.withResolvers<never>();
  using _timer = clock.after(limitMs, () => over.reject(new FaultError(late)));
  const stop = () => over.reject(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    return await Promise.race([over.promise, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
