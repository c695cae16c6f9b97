/** Time as a parameter: what waits or stamps takes a `Clock`, so that a test can run a minute of call in a millisecond. */

/** A timer that has not fired yet. Disposing it cancels it; disposing twice, or after it fired, does nothing. */
export type Timer = Disposable;

export interface Clock {
  /** Milliseconds since an arbitrary origin; never runs backwards. For durations and deadlines. */
  monotonicMs(): number;
  /** The time of day, for records and for people. */
  wallTime(): Date;
  /** Run `action` once, `ms` from now (a negative delay counts as 0). It may come up to 1 ms early: re-check an absolute deadline. */
  after(ms: number, action: () => void): Timer;
}

const preciseClock: Clock = {
  monotonicMs: () => performance.now(),
  wallTime: () => new Date(),
  after(ms, action) {
    const handle = setTimeout(action, Math.max(0, ms));
    return { [Symbol.dispose]: () => clearTimeout(handle) };
  },
};

/** Timers from this length on may share a wake, and come up to `SLOT_MS` late for it: half a frame. */
const SHARED_FROM_MS = 100;
const SLOT_MS = 10;

interface Slot {
  timer: Timer;
  actions: Set<() => void>;
}

/**
 * A clock whose timers of 100 ms or more come together, at the end of each 10 ms: a call has several a second, and a wake
 * of the process costs more than what they do. Shorter ones come as `clock` has them.
 */
export function sharingClock(clock: Clock): Clock {
  const slots = new Map<number, Slot>();
  const end = (number: number, actions: Set<() => void>) => {
    slots.delete(number);
    for (const action of actions) {
      actions.delete(action);
      try {
        action();
      } catch (error) {
        reportError(error); // as a timer of its own would; the others go on
      }
    }
  };
  const open = (number: number): Slot => {
    const actions = new Set<() => void>();
    const slot = { timer: clock.after(number * SLOT_MS - clock.monotonicMs(), () => end(number, actions)), actions };
    slots.set(number, slot);
    return slot;
  };
  return {
    monotonicMs: () => clock.monotonicMs(),
    wallTime: () => clock.wallTime(),
    after(ms, action) {
      if (ms < SHARED_FROM_MS) return clock.after(ms, action);
      const number = Math.ceil((clock.monotonicMs() + ms) / SLOT_MS);
      const { timer, actions } = slots.get(number) ?? open(number);
      const own = () => action(); // the same action may be armed twice
      actions.add(own);
      return {
        [Symbol.dispose]() {
          if (!actions.delete(own) || actions.size > 0) return;
          timer[Symbol.dispose]();
          slots.delete(number);
        },
      };
    },
  };
}

/** The machine's own clock, with shared wakes. */
export const systemClock: Clock = sharingClock(preciseClock);

/** Resolves `ms` from now. @throws `signal.reason` as soon as `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      timer[Symbol.dispose]();
      reject(signal!.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Settles with `promise`, or after `ms`, whichever is first; never rejects. For the ends of things that must not hang. */
export async function settledWithin(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  using _timer = clock.after(ms, late.resolve);
  await Promise.race([promise.catch(() => {}), late.promise]);
}

/** Named timers of one owner: arming a name again moves its deadline; disposing the set cancels all. */
export class TimerSet<Name extends string> implements Disposable {
  readonly #armed = new Map<Name, Timer>();
  readonly #clock: Clock;
  readonly #fired: (name: Name) => void;

  constructor(clock: Clock, fired: (name: Name) => void) {
    this.#clock = clock;
    this.#fired = fired;
  }

  arm(name: Name, ms: number): void {
    this.disarm(name);
    this.#armed.set(
      name,
      this.#clock.after(ms, () => {
        this.#armed.delete(name);
        this.#fired(name);
      }),
    );
  }

  isArmed(name: Name): boolean {
    return this.#armed.has(name);
  }

  disarm(name: Name): void {
    this.#armed.get(name)?.[Symbol.dispose]();
    this.#armed.delete(name);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#armed.values()) timer[Symbol.dispose]();
    this.#armed.clear();
  }
}
