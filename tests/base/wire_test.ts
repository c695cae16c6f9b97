import assert from "node:assert/strict";
import { Inlet } from "../../lib/base/wire.ts";
import { test } from "../case.ts";

test("what came before there was a listener comes in order, and nothing after the close", () => {
  for (const givesUp of [true, false]) {
    const inlet = new Inlet();
    for (const text of ["one", "two", "three"]) inlet.text(text);
    const told: string[] = [];
    inlet.listen({
      text(text) {
        told.push(text);
        if (givesUp && text === "two") inlet.end(1006, "given up");
      },
      binary() {},
      close: (code) => told.push(String(code)),
      crashed: assert.fail,
    });
    inlet.end(1000, "");
    assert.deepEqual(told, givesUp ? ["one", "two", "1006"] : ["one", "two", "three", "1000"]);
  }
});
