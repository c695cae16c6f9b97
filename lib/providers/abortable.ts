/** Waiting that ends with its scope. */

/** The items of `source` until `signal` aborts: then the loop ends, without an error and without waiting for the next item. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const items = source[Symbol.asyncIterator]();
  let exhausted = false;
  try {
    while (!signal.aborted) {
      const next = await unlessAborted(items.next(), signal);
      exhausted = next?.done === true;
      if (!next || next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a source that is stuck must not hold us up; its own end is its own affair.
    if (!exhausted) items.return?.()?.catch(() => {});
  }
}

/** What `promise` gives, or undefined as soon as `signal` aborts. @throws what `promise` throws before that. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
