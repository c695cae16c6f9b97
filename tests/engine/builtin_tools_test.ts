import assert from "node:assert/strict";
import {
  type CallActions,
  collectDigitsTool,
  endCallTool,
  takeMessageTool,
  transferTool,
} from "../../lib/engine/builtin_tools.ts";
import { ok } from "../../lib/base/result.ts";
import { test } from "../case.ts";

test("a built-in tool is described as the configuration says, else in our words", () => {
  const actions: CallActions = {
    end: () => {},
    transfer: () => Promise.resolve(ok(undefined)),
    collectDigits: () => Promise.resolve(""),
    takeMessage: () => Promise.resolve(ok(undefined)),
  };
  for (const make of [endCallTool, collectDigitsTool, takeMessageTool, transferTool]) {
    const described = (words: { description?: string }) =>
      make({ ...words, confirm: false, names: ["desk"] }, actions).schema.description;
    assert.equal(described({ description: "Mine." }), "Mine.");
    assert.match(described({}), /\.$/);
  }
});
