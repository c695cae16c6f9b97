import assert from "node:assert/strict";
import { test } from "../case.ts";
import { type Doing, dropped } from "../faults/drops.ts";

/** When the line breaks: before the tool has done its work, as it does, and when its result is being told. Ms after it was asked for. */
const MOMENTS = [100, 900, 1600];
const TAKES_MS = 800;

for (const engine of ["agent", "pipeline"] as const) {
  for (const doing of ["http", "message", "transfer"] satisfies Doing[]) {
    test(`${engine}: a line that breaks around ${doing} comes back to it, and it is done once`, async () => {
      for (const [seed, afterMs] of MOMENTS.entries()) {
        const takesMs = doing === "transfer" ? 0 : TAKES_MS;
        const { due, done, gapMs, zombie, wrong } = await dropped({ seed: seed + 1, engine, doing, afterMs, takesMs });
        assert.ok(due || doing === "transfer", "the call was over before");
        assert.deepEqual(wrong, [], `after ${afterMs}`);
        assert.equal(done, 1, `after ${afterMs}`);
        assert.ok(gapMs < 3000, `${gapMs} ms of nothing`);
        assert.ok(!zombie);
      }
    });
  }

  test(`${engine}: a line that breaks in mid-talk comes back within 3 s, with what was said`, async () => {
    for (const [seed, afterMs] of [700, 3100, 6500].entries()) {
      const talk = await dropped({ seed: seed + 1, engine, doing: "talk", afterMs, takesMs: 0 });
      assert.deepEqual({ ...talk, gapMs: 0 }, { due: true, gapMs: 0, done: undefined, zombie: false, wrong: [] });
      assert.ok(talk.gapMs < 3000, `${talk.gapMs} ms of nothing`);
    }
  });
}
