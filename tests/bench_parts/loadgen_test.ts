import assert from "node:assert/strict";
import { paceOf } from "../bench/loadgen.ts";
import { test } from "../case.ts";

/** Replies that are interrupted while it is measured and followed by another one, which tells of that, for a call that rang `atS` after the first. */
function interruptions(
  { calls, warm, seconds }: { calls: number; warm: number; seconds: number },
  atS: number,
): number {
  const { period } = paceOf({ calls, warm, seconds });
  const fromS = calls / 150 + warm;
  const seen = (n: number) => atS + n * period + 1.6 > fromS && atS + (n + 1) * period < fromS + seconds;
  return [1, 2, 3].filter(seen).length;
}

test("however long calls are up before they are measured, some are interrupted meanwhile, and none says the same four times", () => {
  assert.deepEqual(paceOf({ calls: 300, warm: 4, seconds: 8 }), { burst: 4.5, period: 5 });
  for (
    const run of [[300, 4, 8], [600, 4, 8], [300, 15, 8], [100, 15, 8], [1000, 4, 8], [100, 30, 20], [300, 60, 60]]
  ) {
    const [calls = 0, warm = 0, seconds = 0] = run;
    const ramp = calls / 150;
    const rings = Array.from({ length: 100 }, (_, n) => n * ramp / 100);
    const seen = rings.filter((atS) => interruptions({ calls, warm, seconds }, atS) > 0).length;
    assert.ok(seen > 30, `${run}: ${seen} of 100 calls`);
    assert.ok(4 * paceOf({ calls, warm, seconds }).period > ramp + warm + seconds, `${run}`);
  }
});
