import assert from "node:assert/strict";
import fc from "fast-check";
import { Gather } from "../../lib/providers/gather.ts";
import { test } from "../case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

test("whatever comes, it leaves in order, nothing waits that fills a piece, and only a flush cuts one short", () => {
  const steps = fc.array(fc.oneof(fc.nat({ max: 900 }), fc.constant("flush" as const)));
  fc.assert(fc.property(fc.constantFrom(20, 60, 80), steps, (ms, steps) => {
    const sent: number[] = [];
    const short: number[] = [];
    const gather = new Gather(ms, (piece) => {
      if (piece.length < ms * 8) short.push(piece.length);
      sent.push(...piece);
    });
    let pushed = 0;
    let flushes = 0;
    for (const step of steps) {
      if (step === "flush") {
        flushes++;
        gather.flush();
        assert.equal(sent.length, pushed);
      } else {
        gather.push(Uint8Array.from({ length: step }, () => pushed++ % 251));
        assert.ok(pushed - sent.length < ms * 8, "a whole piece waits");
      }
    }
    assert.ok(short.length <= flushes);
    assert.ok(sent.every((value, at) => value === at % 251));
  }));
});

test("a frame that fills a message is not copied", () => {
  const frame = new Uint8Array(160);
  const sent: Uint8Array[] = [];
  new Gather(20, (piece) => sent.push(piece)).push(frame);
  assert.deepEqual([sent.length, sent[0] === frame], [1, true]);
});
