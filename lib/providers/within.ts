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
export function within<T>(promise: Promise<T>, { clock, limitMs, late, signal }: Limit): Promise<T> {
  return new Promise((resolve, reject) => {
    const over = () => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", stop);
    };
    const stop = () => {
      over();
      reject(signal.reason);
    };
    const timer = clock.after(limitMs, () => {
      over();
      reject(new FaultError(late));
    });
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    promise.then((value) => {
      over();
      resolve(value);
    }, (error) => {
      over();
      reject(error);
    });
  });
}
