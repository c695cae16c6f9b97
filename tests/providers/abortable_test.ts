import assert from "node:assert/strict";
import { abortable, unlessAborted } from "../../lib/providers/abortable.ts";
import { test } from "../case.ts";

test("who waits for the next item when its scope ends waits no longer, without an error, and the source is told", async () => {
  const scope = new AbortController();
  let asked = 0;
  let left = false;
  const source: AsyncIterator<string, void> = {
    next: () => asked++ === 0 ? Promise.resolve({ done: false, value: "one" }) : new Promise<never>(() => {}),
    return: () => Promise.resolve({ done: true, value: void (left = true) }),
  };
  const items: string[] = [];
  const read = (async () => {
    for await (const item of abortable({ [Symbol.asyncIterator]: () => source }, scope.signal)) items.push(item);
  })();
  while (asked < 2) await Promise.resolve();
  scope.abort();
  await read;
  assert.deepEqual([items, left], [["one"], true]);
});

test("a scope that outlives many waits holds on to none of them", async () => {
  const { signal } = new AbortController();
  let held = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => (held++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (held--, remove(...args));
  for (let n = 0; n < 3; n++) assert.equal(await unlessAborted(Promise.resolve(n), signal), n);
  await assert.rejects(unlessAborted(Promise.reject(new Error("no")), signal), /no/);
  await Promise.resolve();
  assert.equal(held, 0);
});
