import assert from "node:assert/strict";
import { DEFAULT_FIELDS } from "../lib/extraction/facts.ts";
import { FactFinder } from "../lib/fact_finder.ts";
import { test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";
import { conversation } from "./store/make.ts";

test("of a call that goes on as the program ends nothing more is looked for", async () => {
  let asked: AbortSignal | undefined;
  const clock = new VirtualClock();
  const finder = new FactFinder({
    clock,
    plan: () => ({
      llm: {
        extract: (_, signal) => {
          asked = signal;
          return new Promise(() => {});
        },
      },
      fields: DEFAULT_FIELDS,
      summary: false,
      context: { today: "2026-11-18", language: "en", caller: "" },
    }),
    report: () => {},
  });
  conversation({ id: "call-a1" }).slice(0, -3).forEach(finder.observe);
  await clock.run(100);
  assert.equal(asked?.aborted, false);
  await clock.runFor(Promise.resolve(finder[Symbol.asyncDispose]()));
  assert.deepEqual([asked?.aborted, clock.pending], [true, 0]);
});
