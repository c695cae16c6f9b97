/** Waiting that an `AbortSignal` ends. */

/** What `work` gives, but no longer than `signal` allows: what it gives later is dropped. @throws `signal.reason` on abort; what `work` throws before that. */
export function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
