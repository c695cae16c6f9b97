import assert from "node:assert/strict";
import { CapacitySearch, troubles } from "../bench/capacity.ts";
import { test } from "../case.ts";
import { sample } from "./samples.ts";

/** What the search finds where `carries` calls pass, and in how many runs. */
function search(carries: number, options: ConstructorParameters<typeof CapacitySearch>[0]) {
  const searching = new CapacitySearch(options);
  let runs = 0;
  for (let calls = searching.next; calls !== undefined; calls = searching.next) {
    assert.ok(++runs < 50, "the search ends");
    assert.equal(calls % options.step, 0);
    assert.ok(calls >= options.step && calls <= options.most);
    searching.tell(calls <= carries);
  }
  return { best: searching.best, runs };
}

test("the search finds the number of calls from any first guess", () => {
  for (let carries = 0; carries <= 1100; carries += 10) {
    for (const first of [50, 300, 700, 1000]) {
      for (const stride of [50, 100]) {
        const { best } = search(carries, { first, step: 50, most: 1000, stride });
        assert.equal(best, Math.min(1000, Math.floor(carries / 50) * 50), `${carries} from ${first} by ${stride}`);
      }
    }
  }
});

test("a good first guess needs two runs", () => {
  assert.deepEqual(search(430, { first: 400, step: 50, most: 1000 }), { best: 400, runs: 2 });
});

test("a run is no trouble within all limits, and each limit is named", () => {
  assert.deepEqual(troubles(sample(), { paced: true }), []);
  const late = { n: 9, p50: 1, p99: 10.1, max: 30 };
  const bad = sample({ uplinkMs: { ...late, p99: 20.1 }, lateMs: late, lost: 1, stale: 2, underruns: 3 });
  assert.deepEqual(troubles(bad, { paced: true }), [
    "uplink p99 20.1 ms",
    "lateness p99 10.1 ms",
    "1 lost",
    "2 stale",
    "3 under-runs",
  ]);
  assert.deepEqual(troubles(sample({ underruns: 3, lateMs: late }), { paced: false }), []);
  assert.deepEqual(troubles(sample({ uplinkMs: { n: 0, p50: 0, p99: 0, max: 0 } }), { paced: true }), [
    "nothing heard",
  ]);
});
