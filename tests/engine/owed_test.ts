import assert from "node:assert/strict";
import { Owed } from "../../lib/engine/owed.ts";
import { test } from "../case.ts";

const WELCOME = { role: "assistant", content: "Welcome." };
const QUESTION = { role: "user", content: "any room" };
const SILENT = { callerSpeaks: false };

/** A conversation in which an agent has been heard. */
function begun(): Owed {
  const owed = new Owed();
  owed.callerSaid(QUESTION.content, 0);
  owed.sounds();
  return owed;
}

test("an agent that is lost before anything was said is followed by one that greets", () => {
  const owed = new Owed();
  owed.lost({ midReply: true });
  assert.equal(owed.handOver([WELCOME], SILENT), undefined);
  assert.equal(owed.takeRequest(), undefined);
});

test("words that nobody has begun to answer are asked again, and are not told twice", () => {
  const owed = new Owed();
  owed.callerSaid(QUESTION.content, 0);
  owed.lost({ midReply: false });
  assert.deepEqual(owed.handOver([WELCOME, QUESTION], SILENT), [WELCOME]);
  assert.equal(owed.takeRequest(), QUESTION.content);
  assert.equal(owed.takeRequest(), undefined, "once");
  assert.deepEqual([owed.isRequest(QUESTION.content), owed.isRequest(QUESTION.content)], [true, false]);
});

const LOSSES: [what: string, owed: (owed: Owed) => void, midReply: boolean, asked: boolean][] = [
  ["in the middle of a reply", () => {}, true, true],
  ["between two replies", () => {}, false, false],
  ["after it fell silent in the middle of one", (owed) => owed.brokeOff(), false, true],
  ["after it fell silent, and then showed that it lives", (owed) => (owed.brokeOff(), owed.alive()), false, false],
  ["before a tool has run", (owed) => (owed.called("a"), owed.sounds()), false, true],
  ["before it tells what a tool brought", (owed) => (owed.called("a"), owed.settled("a")), false, true],
  ["after it has told that", (owed) => (owed.called("a"), owed.settled("a"), owed.says(), owed.sounds()), false, false],
  ["after it was asked for the rest", (owed) => (owed.askForRest(), owed.takeRequest()), false, true],
  ["after the call answered by itself", (owed) => (owed.called("a"), owed.answered()), false, false],
  [
    "after it answered later words, while a tool runs",
    (owed) => {
      owed.called("a");
      owed.callerStarted();
      owed.answered();
    },
    false,
    true,
  ],
];

for (const [what, happens, midReply, asked] of LOSSES) {
  test(`an agent that is lost ${what} is followed by one that is ${asked ? "" : "not "}asked to go on`, () => {
    const owed = begun();
    happens(owed);
    owed.lost({ midReply });
    assert.deepEqual(owed.handOver([QUESTION, WELCOME], SILENT), [QUESTION, WELCOME]);
    assert.equal(owed.takeRequest(), asked ? "Please go on." : undefined);
  });
}

test("while the caller speaks nobody is asked to go on", () => {
  const owed = begun();
  owed.lost({ midReply: true });
  assert.deepEqual(owed.handOver([QUESTION], { callerSpeaks: true }), [QUESTION]);
  assert.equal(owed.takeRequest(), undefined);
  assert.ok(owed.anything, "it is owed all the same");
});

test("an agent that stopped for a noise is asked for the rest once, unless it shows that it lives", () => {
  const owed = begun();
  owed.askForRest();
  assert.ok(owed.anything && owed.asksForRest);
  assert.deepEqual([owed.takeRequest(), owed.takeRequest()], ["Please go on.", undefined]);
  owed.askForRest();
  owed.alive();
  assert.equal(owed.takeRequest(), undefined);
});

test("the result of a call that was called off, or whose agent is gone, is nobody's", () => {
  const owed = begun();
  for (const id of ["a", "b"]) owed.called(id);
  assert.deepEqual([owed.settled("a"), owed.settled("a"), owed.awaitsResult], [true, false, true]);
  owed.lost({ midReply: false });
  assert.deepEqual([owed.settled("b"), owed.awaitsResult], [false, false]);
});
