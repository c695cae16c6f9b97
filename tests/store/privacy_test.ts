import assert from "node:assert/strict";
import { bundle } from "../../lib/calls_command.ts";
import { type CallNotice, RecordFold } from "../../lib/call/notice.ts";
import { maskNumbers, withoutWords } from "../../lib/store/privacy.ts";
import { test } from "../case.ts";
import { at, conversation } from "./make.ts";

/** A call in which everything that can be said was said. */
const TOLD: readonly CallNotice[] = [
  ...conversation({ id: "call-a1", said: "my secret is pineapple" }).slice(0, -3),
  at({ kind: "digit", digit: "7" }),
  at({ kind: "digit", digit: "8" }),
  at({ kind: "fact", field: "reason", value: "pineapple", evidence: "my secret is pineapple" }),
  at({ kind: "message", delivered: true, text: "pineapple please", name: "Pineapple Ann", phone: "+15550177" }),
  at({ kind: "summary", text: "It was about a pineapple." }),
];

const foldOf = (notices: readonly CallNotice[]) => {
  const fold = new RecordFold("call-a1");
  notices.forEach((notice) => fold.add(notice));
  return fold.record;
};

test("without words nothing of what was said, pressed, found or left is kept, but what a fact is", () => {
  const kept = TOLD.flatMap((notice) => withoutWords(notice) ?? []);
  const text = JSON.stringify([kept, foldOf(kept)]);
  for (const word of ["secret", "Ann", "15550177", "Tuesday", "Welcome", "please", "It was about"]) {
    assert.equal(text.includes(word), false, word);
  }
  const { digits, messages, summary, facts, transcript } = foldOf(kept);
  assert.deepEqual([digits, summary, messages.map(({ delivered }) => delivered)], ["??", undefined, [true]]);
  assert.equal(facts.reason?.value, "pineapple", "it is what the call was for");
  assert.deepEqual(transcript.map(({ words }) => words), [4, 4, 5]);
});

test("a bundle for others holds no number and no key that was pressed; without words none of them either", () => {
  const shared = (noWords: boolean) => JSON.stringify(bundle(foldOf(TOLD), TOLD, { noWords }));
  const masked = shared(false);
  for (const number of ["15550177", "15550100", '"digits":"78"', '"digit":"7"']) {
    assert.equal(masked.includes(number), false, number);
  }
  assert.ok(masked.includes("pineapple") && masked.includes("call-a1"));
  const bare = shared(true);
  for (const word of ["pineapple", "Pineapple", "Tuesday", "Welcome", "Ada"]) assert.equal(bare.includes(word), false);
  assert.ok(bare.includes('"digits":"**"'));
});

test("numbers are masked however they are spaced; dates, times and short ones stay", () => {
  const masked = {
    "call +1 (555) 010-0142 now": "call *********42 now",
    "card 4111 1111 1111 1111": "card **************11",
    "on 2026-03-14 at 10:30": "on 2026-03-14 at 10:30",
    "room 1204": "room 1204",
    "code 12345": "code ***45",
  };
  for (const [text, expected] of Object.entries(masked)) assert.equal(maskNumbers(text), expected);
});

test("of a message without its words is kept whether it was handed over, why not, and whether it is urgent", () => {
  const message = at({
    kind: "message",
    delivered: false,
    why: "HTTP 500",
    text: "call me",
    name: "Ann",
    urgent: true,
  });
  assert.deepEqual(withoutWords(message), {
    ...{ call: "call-a1", atMs: 9000, kind: "message" },
    ...{ delivered: false, why: "HTTP 500", urgent: true, text: "" },
  });
});
