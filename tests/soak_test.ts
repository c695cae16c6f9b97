import assert from "node:assert/strict";
import { describeSoak, soak } from "./faults/soak.ts";
import { floor, openHandles, quantile, residentBytes, slope } from "./faults/soak_memory.ts";
import { test } from "./case.ts";

test("a minute at 10 calls on real sockets: each ends and leaves its record (figures printed only)", async () => {
  const report = await soak({ minutes: 1, atOnce: 10, print: () => {}, restMs: 5000 });
  console.log(describeSoak(report));
  assert.ok(report.calls >= 10, `${report.calls} calls`);
  assert.equal(report.broken, 0);
  assert.equal(report.recordsMissed, 0);
});

test("a slope is that of the line through the points, and 0 of none", () => {
  assert.equal(slope([{ x: 0, y: 1 }, { x: 1, y: 3 }, { x: 2, y: 5 }]), 2);
  assert.equal(slope([{ x: 0, y: 0 }, { x: 2, y: 0 }, { x: 4, y: 6 }]), 1.5);
  assert.equal(slope([{ x: 3, y: 1 }, { x: 3, y: 9 }]), 0);
  assert.equal(slope([]), 0);
});

test("the floor of a saw is its low points, so what waits to be collected is no growth", () => {
  const saw = Array.from({ length: 60 }, (_, x) => ({ x, y: 100 + 7 * (x % 10) }));
  assert.deepEqual(floor(saw, 10).map(({ y }) => y), [100, 100, 100, 100, 100, 100]);
  assert.equal(slope(floor(saw, 10)), 0);
  assert.deepEqual(floor(saw.slice(0, 20), 10), saw.slice(0, 20));
});

test("a quantile is a value that was there", () => {
  assert.equal(quantile([5, 1, 4, 2, 3], 0.5), 3);
  assert.equal(quantile([5, 1, 4, 2, 3], 0.99), 5);
  assert.equal(quantile([], 0.5), undefined);
});

test("memory and handles of a process are seen; of one that is not there, none", () => {
  if (Deno.build.os === "linux") {
    assert.ok(residentBytes(Deno.pid) > 1024 * 1024);
    const before = openHandles(Deno.pid).file ?? 0;
    using _file = Deno.openSync(new URL(import.meta.url));
    assert.ok((openHandles(Deno.pid).file ?? 0) > before);
  }
  assert.equal(residentBytes(-1), 0);
  assert.deepEqual(openHandles(-1), {});
});
