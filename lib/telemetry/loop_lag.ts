/** Measures all the time how late the event loop runs a timer: everything in a call waits for the loop. */

import type { Clock, Timer } from "../base/clock.ts";

/** Short enough not to share its wake with other timers (base/clock.ts), which come late on purpose. */
const LOOK_EVERY_MS = 90;

/** Tell `lag` how late each look came, ms, until disposed. */
export function watchLoop(clock: Clock, lag: (ms: number) => void): Disposable {
  let timer: Timer;
  const look = () => {
    const dueMs = clock.monotonicMs() + LOOK_EVERY_MS;
    timer = clock.after(LOOK_EVERY_MS, () => {
      lag(Math.max(0, clock.monotonicMs() - dueMs));
      look();
    });
  };
  look();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
