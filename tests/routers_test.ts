import assert from "node:assert/strict";
import { describeNotes, parseConfig } from "../lib/config.ts";
import { Routers } from "../lib/routers.ts";
import { test } from "./case.ts";

test("of two reloads the later one's routes count, however long the earlier one takes to learn", async () => {
  const configOf = (utterance: string) => {
    const parsed = parseConfig({
      text: JSON.stringify({
        prompt: "You answer the phone.",
        greeting: "Hello.",
        routes: [{ name: "hours", utterances: [utterance, `${utterance} please`], text: "From nine to five." }],
      }),
      file: "config.json",
      env: {},
      readAsset: () => undefined,
    });
    if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
    return parsed.value.config;
  };
  const routers = new Routers();
  const [first, second] = [configOf("what are your opening hours"), configOf("when do you open in the morning")];
  const gate = Promise.withResolvers<void>();
  const earlier = routers.train(first, () => gate.promise);
  await routers.train(second);
  assert.ok(routers.of(second.base), "the later one is there");
  gate.resolve();
  await earlier;
  assert.ok(routers.of(second.base), "and stays");
});
