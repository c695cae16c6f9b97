import assert from "node:assert/strict";
import { type CallNotice, type NoticeBody, RecordFold } from "../../lib/call/notice.ts";
import { timeline } from "../../lib/store/timeline.ts";
import { test } from "../case.ts";

/** How `show` tells a reply that was cut after `heardMs`. */
function shown(text: string, heardMs: number, words: { text: string; startMs: number; endMs: number }[] = []): string {
  const bodies: NoticeBody[] = [
    { kind: "reply-started", reply: 1, source: "engine" },
    { kind: "reply-text", reply: 1, text },
    { kind: "reply-words", reply: 1, words },
    { kind: "reply-interrupted", reply: 1, heardMs },
  ];
  const notices = bodies.map((body): CallNotice => ({ call: "call-a1", atMs: 0, ...body }));
  const fold = new RecordFold("call-a1");
  for (const notice of notices) fold.add(notice);
  return /agent +(.*?) {2}\[/.exec(timeline(fold.record, notices, { ansi: false }).join("\n"))![1]!;
}

test("what was not heard is struck out, in scripts without spaces too", () => {
  assert.equal(shown("One two three four.", 500), "One two ~~three four.~~");
  assert.equal(
    shown("申し訳ございませんが、予約がいっぱいです。", 1500),
    "申し訳ございませんが~~、予約がいっぱいです。~~",
  );
  const times = ["今日", "は", "元気", "です"].map((text, n) => ({ text, startMs: n * 200, endMs: n * 200 + 200 }));
  assert.equal(shown("今日は、元気です。", 350, times), "今日は、~~元気です。~~");
  assert.equal(shown("One two.", 9000), "One two.");
});

test("where a voice has words of its own, as many words of the text count as heard", () => {
  const times = ["ninety", "dollars", "in", "all"].map((text, n) => ({ text, startMs: n * 200, endMs: n * 200 + 200 }));
  assert.equal(shown("It is $90 in all.", 350, times), "It is ~~$90 in all.~~");
});
