import assert from "node:assert/strict";
import fc from "fast-check";
import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { RecentAudio } from "../../lib/audio/recent_audio.ts";
import { test } from "../case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

test("the last frames stay, whatever the limit does meanwhile", () => {
  const step = fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({ push: fc.integer({ min: 1, max: 40 }), limit: fc.integer({ min: 1, max: 120 }) }),
    },
    { weight: 1, arbitrary: fc.constant("clear" as const) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const recent = new RecentAudio();
    let model: Uint8Array[] = [];
    let number = 0;
    for (const step of steps) {
      if (step === "clear") {
        recent.clear();
        model = [];
        continue;
      }
      for (let pushed = 0; pushed < step.push; pushed++) {
        const frame = new Uint8Array(FRAME_BYTES).fill(number++);
        assert.equal(recent.push(frame, step.limit), model.length >= step.limit);
        model = [...model, frame.slice()].slice(-step.limit);
        frame.fill(0); // what is kept is a copy
      }
      assert.deepEqual(recent.frames(), model);
    }
  }));
});
