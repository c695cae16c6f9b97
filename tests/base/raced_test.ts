import assert from "node:assert/strict";
import { raced } from "../../lib/base/raced.ts";
import { test } from "../case.ts";

test("work that nobody waits for any more is let go with the reason, also where that was so before", async () => {
  const never = new Promise<never>(() => {});
  await assert.rejects(raced(never, AbortSignal.abort(new Error("over"))), /over/);
  const scope = new AbortController();
  const waiting = raced(never, scope.signal);
  scope.abort(new Error("hung up"));
  await assert.rejects(waiting, /hung up/);
});

test("a scope that outlives much work holds on to none of it", async () => {
  const { signal } = new AbortController();
  let held = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => (held++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (held--, remove(...args));
  for (let n = 0; n < 3; n++) assert.equal(await raced(Promise.resolve(n), signal), n);
  await assert.rejects(raced(Promise.reject(new Error("no")), signal), /no/);
  await Promise.resolve();
  assert.equal(held, 0);
});
