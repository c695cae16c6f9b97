import assert from "node:assert/strict";
import { fromLoadgen, type LoadgenResult } from "../bench/sample.ts";
import { parseTableOptions } from "../bench/table_options.ts";
import { test } from "../case.ts";

const spread = { n: 5, p50: 1, p99: 2, max: 3 };
const RESULT: LoadgenResult = {
  ...{ n: 10, dur: 8, up_sent: 4000, up_got: 4000, up_lost: 0, up_dup: 0, up_bad: 0 },
  ...{ dn_frames: 3000, dn_lost: 0, dn_dup: 0, dn_bad: 0, stale: 0, gaps: 0, sid_bad: 0, errs: 0, closed_early: 0 },
  ...{ uplink: spread, dn_first: spread, jitter: spread, late: spread, clear: spread, gen_lag: spread },
};

test("everything that the load generator holds against a server counts as lost, a frame once", () => {
  assert.equal(fromLoadgen(RESULT).lost, 0);
  assert.equal(fromLoadgen({ ...RESULT, up_got: 3990, up_lost: 10 }).lost, 10);
  const faults = ["up_dup", "up_bad", "dn_lost", "dn_dup", "dn_bad", "sid_bad", "errs", "closed_early"] as const;
  for (const fault of faults) assert.equal(fromLoadgen({ ...RESULT, [fault]: 3 }).lost, 3, fault);
});

test("the part of the time in speech is frames heard by time of all calls", () => {
  assert.equal(fromLoadgen(RESULT).speechShare, 0.75);
});

test("what the generator did not measure is empty, whatever number it writes", () => {
  const none = { n: 0, p50: -1, p99: -1, max: -1 };
  assert.deepEqual(fromLoadgen({ ...RESULT, clear: none }).clearMs, { n: 0, p50: 0, p99: 0, max: 0 });
});

test("the table's options: all rows by default, faults listed together", () => {
  const all = parseTableOptions(["--table"]);
  assert.ok(typeof all === "object" && all.rows.includes("capacity") && all.rounds === 5 && all.peer === "node");
  const some = parseTableOptions(["--table", "--only", "clear,memory", "--cores", "1,1", "--no-peer"]);
  assert.ok(typeof some === "object");
  assert.deepEqual([some.rows, some.cores, some.peer], [["clear", "memory"], { server: 1, rest: 1 }, undefined]);
  const bare = parseTableOptions(["--table", "--bare"]);
  assert.ok(typeof bare === "object" && bare.peer === "bare");
  const wrong = parseTableOptions(["--table", "--only", "speed", "--rounds", "0", "--cores", "x"]);
  assert.ok(typeof wrong === "string" && wrong.split("\n").length === 3, String(wrong));
});
