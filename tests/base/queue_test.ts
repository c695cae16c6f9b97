import assert from "node:assert/strict";
import { BoundedQueue } from "../../lib/base/queue.ts";
import { test } from "../case.ts";

test("a full queue refuses, or lets its oldest go, and counts both", () => {
  const refusing = new BoundedQueue<string>({ limit: 2, whenFull: "refuse" });
  assert.deepEqual(["a", "b", "c"].map((item) => refusing.push(item)), [true, true, false]);
  assert.deepEqual([refusing.drain(), refusing.dropped], [["a", "b"], 1]);

  const passing = new BoundedQueue<string>({ limit: 2, whenFull: "drop-oldest" });
  assert.deepEqual(["a", "b", "c"].map((item) => passing.push(item)), [true, true, true]);
  assert.deepEqual([passing.drain(), passing.dropped], [["b", "c"], 1]);
});

test("items that count for more than one fill it sooner, whichever way they leave", async () => {
  const queue = new BoundedQueue<string>({ limit: 5, whenFull: "refuse", sizeOf: ({ length }) => length });
  assert.deepEqual(["four", "xx", "x"].map((item) => queue.push(item)), [true, false, true]);
  assert.equal(queue.take(), "four");
  assert.deepEqual(["five", "x"].map((item) => queue.push(item)), [true, false]);
  assert.deepEqual(queue.drain(), ["x", "five"]);
  assert.ok(queue.push("12345"));
  queue.close();
  const left: string[] = [];
  for await (const item of queue) left.push(item);
  assert.deepEqual([left, queue.push("x"), queue.take()], [["12345"], false, undefined]);

  const passing = new BoundedQueue<string>({ limit: 5, whenFull: "drop-oldest", sizeOf: ({ length }) => length });
  for (const item of ["12", "34", "5678", "too long"]) passing.push(item);
  assert.deepEqual([passing.drain(), passing.dropped], [["5678"], 3], "what never fits is not taken");
});

test("an empty place is an item as well, and the end comes at once when it is disposed", async () => {
  const queue = new BoundedQueue<void>({ limit: 2, whenFull: "drop-oldest" });
  for (let n = 0; n < 3; n++) queue.push();
  queue.take();
  queue.push();
  assert.deepEqual([queue.drain().length, queue.dropped], [2, 1]);
  queue.push();
  queue[Symbol.dispose]();
  for await (const _ of queue) assert.fail("nothing is left");
});
