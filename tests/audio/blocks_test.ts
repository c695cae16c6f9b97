import assert from "node:assert/strict";
import fc from "fast-check";
import { AudioBlocks } from "../../lib/audio/blocks.ts";
import { test } from "../case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

test("several lines take turns with the blocks, and none ever shows another's audio", () => {
  const line = fc.integer({ min: 0, max: 3 });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ line, push: fc.integer({ min: 1, max: 13_000 }) }) },
    { weight: 2, arbitrary: fc.record({ line, dropBefore: fc.double({ min: -0.2, max: 1.2, noNaN: true }) }) },
    { weight: 2, arbitrary: fc.record({ line, dropAfter: fc.double({ min: -0.2, max: 1.2, noNaN: true }) }) },
    { weight: 1, arbitrary: fc.record({ line, clear: fc.constant(true) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lines = Array.from({ length: 4 }, () => new AudioBlocks());
      /** Every byte at its position, of each line. */
      const models = lines.map((): number[] => []);
      let number = 0;
      for (const step of steps) {
        const [blocks, model] = [lines[step.line]!, models[step.line]!];
        const at = (share: number) => Math.round(blocks.from + share * (blocks.end - blocks.from));
        if ("push" in step) {
          const audio = Uint8Array.from({ length: step.push }, () => number++ % 251);
          blocks.push(audio);
          for (const byte of audio) model.push(byte);
          audio.fill(255); // what is held is a copy
        } else if ("dropBefore" in step) {
          const position = at(step.dropBefore);
          const before = blocks.from;
          blocks.dropBefore(position);
          assert.ok(blocks.from <= Math.max(position, before) && blocks.from <= blocks.end);
        } else if ("dropAfter" in step) {
          const position = at(step.dropAfter);
          blocks.dropAfter(position);
          model.length = blocks.end;
          if (position >= blocks.from) assert.ok(blocks.end <= position);
        } else {
          blocks.clear();
          assert.equal(blocks.from, blocks.end);
        }
        for (const [index, blocks] of lines.entries()) {
          const held = blocks.views(blocks.from, blocks.end).flatMap((view) => [...view]);
          assert.deepEqual(held, models[index]!.slice(blocks.from, blocks.end));
          const [from, to] = [0.3, 0.6].map((share) => Math.floor(blocks.from + share * (blocks.end - blocks.from)));
          assert.deepEqual([...blocks.read(from!, to!)], models[index]!.slice(from, to));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("what is dropped ends before the position, and less than a block of it stays", () => {
  const blocks = new AudioBlocks();
  blocks.push(new Uint8Array(20_000));
  for (const position of [0, 3999, 4000, 4001, 12_500, 19_999, 20_000, 90_000]) {
    blocks.dropBefore(position);
    const most = Math.min(position, 20_000);
    assert.ok(blocks.from <= most && blocks.from > most - 4000, `${blocks.from} of ${position}`);
  }
});
