import assert from "node:assert/strict";
import { CutReplies } from "../../lib/call/cut_replies.ts";
import { test } from "../case.ts";

const WORDS = [{ startMs: 0, endMs: 300 }, { startMs: 350, endMs: 700 }, { startMs: 700, endMs: 1100 }];

test("a cut reply goes on from the start of the word that was cut", () => {
  const cut = new CutReplies();
  cut.addWords(1, WORDS.slice(0, 1));
  cut.addWords(1, WORDS.slice(1));
  for (const [heardMs, fromMs] of [[500, 350], [320, 320], [699, 350], [700, 700], [0, 0]] as const) {
    cut.cut([{ reply: 1, heardMs }]);
    assert.deepEqual(cut.rest(), { fromMs, last: 1 }, `heard ${heardMs} ms`);
  }
});

test("without words for what was heard it goes on 200 ms before", () => {
  const cut = new CutReplies();
  cut.addWords(1, WORDS);
  cut.cut([{ reply: 1, heardMs: 1500 }, { reply: 2, heardMs: 0 }]);
  assert.deepEqual(cut.rest(), { fromMs: 1300, last: 2 });
  cut.cut([{ reply: 2, heardMs: 120 }]);
  assert.deepEqual(cut.rest(), { fromMs: 0, last: 2 });
});

test("there is a rest once, and none of what was confirmed as interrupted", () => {
  const cut = new CutReplies();
  assert.equal(cut.rest(), undefined);
  cut.cut([{ reply: 1, heardMs: 400 }]);
  assert.ok(cut.rest());
  assert.equal(cut.rest(), undefined);
  cut.cut([{ reply: 1, heardMs: 400 }]);
  cut.forget();
  assert.equal(cut.rest(), undefined);
});
