import assert from "node:assert/strict";
import { ReplyLength } from "../../lib/engine/reply_length.ts";
import { test } from "../case.ts";

const TEXT = "Concerning dinner there is plenty to tell everybody until we have finished."; // 75 characters
const BYTES_PER_MS = 8;

function reply(length: ReplyLength, text: string, ms: number): ReplyLength {
  length.begin();
  length.says(text);
  length.sounds(ms * BYTES_PER_MS);
  return length;
}

test("until a voice was heard whole, only what no voice could say so fast lacks sound", () => {
  assert.ok(reply(new ReplyLength(), TEXT, 2000).lacks);
  assert.ok(!reply(new ReplyLength(), TEXT, 2600).lacks);
  assert.ok(!reply(new ReplyLength(), "Yes.", 0).lacks, "the shortest of texts needs next to nothing");
  assert.ok(!reply(new ReplyLength(), "", 500).lacks, "nothing is known to be missing without a text");
});

test("a voice's pace is learnt from what it said whole, and its slowest replies do not count", () => {
  const length = reply(new ReplyLength(), TEXT, 75 * 60);
  length.whole();
  reply(length, `One, eight hundred, ${"5 ".repeat(20)}`, 20_000).whole();
  assert.ok(reply(length, TEXT, 3400).lacks);
  assert.ok(!reply(length, TEXT, 3700).lacks, "no two sentences have the same pace");
});

test("a reply that was whole lacks nothing, however fast it was", () => {
  const length = reply(new ReplyLength(), TEXT, 75 * 60);
  length.whole();
  reply(length, "Quick as a squirrel", 300).whole();
  assert.ok(!length.lacks);
});

test("text counts from all its pieces, and sound from all of its", () => {
  const length = reply(new ReplyLength(), TEXT, 2600);
  length.says(TEXT);
  assert.ok(length.lacks);
  length.sounds(2600 * BYTES_PER_MS);
  assert.ok(!length.lacks);
});

test("what a new agent is told of a reply that broke off is what was heard of it", () => {
  const length = reply(new ReplyLength(), TEXT, 75 * 62 / 2);
  const told = (content: string) => length.asHeard([{ role: "user", content: "Go." }, { role: "assistant", content }]);
  const heard = "Concerning dinner there is plenty to …";
  assert.deepEqual(told(`Welcome. ${TEXT}`).at(-1), { role: "assistant", content: `Welcome. ${heard}` });
  assert.deepEqual(told(`${TEXT} One moment.`).at(-1), { role: "assistant", content: `${heard} One moment.` });
  assert.deepEqual(told("Something else.").at(-1), { role: "assistant", content: "Something else." });
  assert.deepEqual(length.asHeard([{ role: "user", content: TEXT }]), [{ role: "user", content: TEXT }]);
});

test("digits may be said as fast as letters, a character of Japanese may not", () => {
  const length = reply(new ReplyLength(), TEXT, 75 * 60);
  length.whole();
  assert.ok(!reply(length, "That is 12:00 or 24:00.", 2000).lacks);
  assert.ok(reply(length, "申し訳ございませんが、その日は予約がいっぱいです。", 2000).lacks);
  assert.ok(!reply(length, "申し訳ございませんが、その日は予約がいっぱいです。", 3500).lacks);
});
