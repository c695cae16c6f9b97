/** Signals of a person at a terminal, who presses Ctrl-C once or twice. */

import type { Clock } from "./base/clock.ts";

/** One press may come twice: from the terminal, and from a parent such as `deno task`, which passes it on. */
const ONE_PRESS_MS = 300;

/** A listener that calls `pressed` once for each press. */
export function perPress(pressed: () => void, clock: Pick<Clock, "monotonicMs">): () => void {
  let lastMs = -Infinity;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lastMs < ONE_PRESS_MS) return;
    lastMs = nowMs;
    pressed();
  };
}
