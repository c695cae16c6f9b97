import assert from "node:assert/strict";
import { type CallNotice, type NoticeBody, RecordFold } from "../../lib/call/notice.ts";
import { timeline } from "../../lib/store/timeline.ts";
import { test } from "../case.ts";
import { at, conversation } from "./make.ts";

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

test("a call is told in the order of its time: what was said, done, pressed and waited for, and what went wrong", () => {
  const told = conversation({ id: "call-a1" }).slice(0, -1);
  const notices: CallNotice[] = [
    ...told.slice(0, -3),
    at({ kind: "digit", digit: "7" }),
    at({
      kind: "fault",
      fault: { kind: "deadline", peer: "llm", what: "the first token", limitMs: 2500 },
      fatal: false,
    }),
    at({ kind: "routed", route: "hours", score: 0.9 }),
    at({ kind: "reply-started", reply: 3, source: "route" }),
    at({ kind: "reply-text", reply: 3, text: "We open at nine." }),
    at({ kind: "reply-resumed", reply: 3, as: 4 }),
    at({ kind: "extraction-shed", passes: 1 }),
    at({ kind: "fence-timed-out" }),
    ...told.slice(-3),
  ];
  const fold = new RecordFold("call-a1");
  notices.forEach((notice) => fold.add(notice));
  assert.deepEqual(timeline(fold.record, notices, { ansi: false }), [
    "     310  agent   Welcome to the clinic.",
    "    4000  caller  I would like to book a visit",
    "    4000          waited 1720 ms for the tool find_slots",
    "    4010          tool find_slots",
    "    5600          tool find_slots answered after 1590 ms",
    "    5700  agent   Tuesday at ten ~~is free.~~  [answered after 1720 ms, interrupted after 700 ms]",
    "    6500          waited 2500 ms for the caller",
    "    9000  agent   We open at nine.  [route hours]",
    "    9000          pressed 7",
    "    9000          fault: Waited 2500 ms for the first token from the language model, and none came.",
    "    9000          nobody had spoken: reply 3 went on as 4",
    "    9000          the facts could not keep pace",
    "    9000          FENCE-TIMED-OUT",
    "   42000          ended: caller-hung-up",
  ]);
});
