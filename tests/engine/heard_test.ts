import assert from "node:assert/strict";
import { cutAt } from "../../lib/engine/heard.ts";
import { test } from "../case.ts";

test("of a text in a script without spaces as much was heard as its pace says, not all or nothing", () => {
  const text = "申し訳ございませんが、その日は予約がいっぱいです。 別の日は？";
  assert.deepEqual(cutAt({ text, words: [], heardMs: 2400, msPerCharacter: 100 }), {
    heard: "申し訳ございませんが",
    rest: "、その日は予約がいっぱいです。 別の日は？",
  });
  assert.deepEqual(cutAt({ text, words: [], heardMs: Infinity, msPerCharacter: 100 }), { heard: text, rest: "" });
});

test("the words of a voice may be parts of such a text", () => {
  const words = ["今日", "は", "元気", "です"].map((text, n) => ({ text, startMs: n * 200, endMs: n * 200 + 200 }));
  assert.deepEqual(cutAt({ text: "今日は、元気です。", words, heardMs: 420, msPerCharacter: 62 }), {
    heard: "今日は、",
    rest: "元気です。",
  });
});

test("words that the text does not have are the truth of what was said", () => {
  const words = ["ninety", "dollars", "please"].map((text, n) => ({ text, startMs: n * 300, endMs: n * 300 + 300 }));
  assert.deepEqual(cutAt({ text: "$90, please", words, heardMs: 600, msPerCharacter: 62 }), {
    heard: "ninety dollars",
    rest: "please",
  });
});
