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
/** A wake that comes so late tells that the loop stood still: timers run before what the sockets brought meanwhile is read. */
const STALL_MS = 300;
/** It is read within as long as the stall lasted, and within this. */
const CATCH_UP_MS = 1000;

/** Timers that come together. */
interface Slot {
  timers: SharedTimer[];
  /** Call it when one of them was cancelled. */
  cancelled(): void;
}

/** One of a slot's timers. Cancelled it stays in its place, with nothing to do, until the slot's time. */
class SharedTimer implements Timer {
  readonly #slot: Slot;
  #action: (() => void) | undefined;

  constructor(slot: Slot, action: () => void) {
    this.#slot = slot;
    this.#action = action;
  }

  fire(): void {
    const action = this.#action;
    this.#action = undefined;
    action?.();
  }

  [Symbol.dispose](): void {
    if (!this.#action) return;
    this.#action = undefined;
    this.#slot.cancelled();
  }
}

/**
 * A clock whose timers of 100 ms or more come together, at the end of each 10 ms: a call has several a second, and a wake
 * of the process costs more than what they do. Shorter ones come as `clock` has them. After a stall of ours the long ones,
 * which are deadlines for others, come once, and only once, later than what came meanwhile: a stall is nobody else's fault.
 */
export function sharingClock(clock: Clock): Clock {
  const slots = new Map<number, Slot>();
  let calmMs = -Infinity;
  /** @returns how long a deadline has to wait. */
  const woke = (dueMs: number): number => {
    const nowMs = clock.monotonicMs();
    const lateMs = nowMs - dueMs;
    if (lateMs >= STALL_MS) calmMs = Math.max(calmMs, nowMs + Math.min(lateMs, CATCH_UP_MS));
    return calmMs - nowMs;
  };
  const end = (timers: SharedTimer[]) => {
    for (const timer of timers) {
      try {
        timer.fire();
      } catch (error) {
        reportError(error); // as a timer of its own would; the others go on
      }
    }
  };
  const open = (number: number): Slot => {
    const timers: SharedTimer[] = [];
    const dueMs = number * SLOT_MS;
    let wake = clock.after(dueMs - clock.monotonicMs(), () => {
      slots.delete(number);
      const waitMs = woke(dueMs);
      if (waitMs > 0) wake = clock.after(waitMs, () => end(timers));
      else end(timers);
    });
    let gone = 0;
    const slot = {
      timers,
      cancelled() {
        if (++gone < timers.length) return;
        wake[Symbol.dispose]();
        slots.delete(number);
      },
    };
    slots.set(number, slot);
    return slot;
  };
  return {
    monotonicMs: () => clock.monotonicMs(),
    wallTime: () => clock.wallTime(),
    after(ms, action) {
      if (ms < SHARED_FROM_MS) {
        const dueMs = clock.monotonicMs() + Math.max(0, ms);
        return clock.after(ms, () => {
          woke(dueMs);
          action();
        });
      }
      const number = Math.ceil((clock.monotonicMs() + ms) / SLOT_MS);
      const slot = slots.get(number) ?? open(number);
      const timer = new SharedTimer(slot, action);
      slot.timers.push(timer);
      return timer;
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

interface Named {
  timer: Timer | undefined;
  fire: () => void;
}

/** Named timers of one owner, who has few names: arming one again moves its deadline; disposing the set cancels all. */
export class TimerSet<Name extends string> implements Disposable {
  readonly #named = new Map<Name, Named>();
  readonly #clock: Clock;
  readonly #fired: (name: Name) => void;

  constructor(clock: Clock, fired: (name: Name) => void) {
    this.#clock = clock;
    this.#fired = fired;
  }

  arm(name: Name, ms: number): void {
    const named = this.#named.get(name) ?? this.#add(name);
    named.timer?.[Symbol.dispose]();
    named.timer = this.#clock.after(ms, named.fire);
  }

  isArmed(name: Name): boolean {
    return this.#named.get(name)?.timer !== undefined;
  }

  disarm(name: Name): void {
    const named = this.#named.get(name);
    if (!named) return;
    named.timer?.[Symbol.dispose]();
    named.timer = undefined;
  }

  [Symbol.dispose](): void {
    for (const name of this.#named.keys()) this.disarm(name);
  }

  #add(name: Name): Named {
    const named: Named = {
      timer: undefined,
      fire: () => {
        named.timer = undefined;
        this.#fired(name);
      },
    };
    this.#named.set(name, named);
    return named;
  }
}
