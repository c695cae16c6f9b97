import assert from "node:assert/strict";
import fc from "fast-check";
import { BROKEN_OFF, INTERRUPTING, Memory } from "../../lib/engine/memory.ts";
import { spokenCharacters } from "../../lib/engine/heard.ts";
import type { ChatMessage, SpokenWord } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";

const SYSTEM: ChatMessage = { role: "system", content: "You answer the phone." };
const memoryOf = (maxTurns = 10, history: ChatMessage[] = []) =>
  new Memory({ systemPrompt: "You answer the phone.", maxTurns, history });

/** Words of 300 ms with 100 ms between them. */
function timed(text: string): SpokenWord[] {
  return text.split(" ").map((text, i) => ({ text, startMs: i * 400, endMs: i * 400 + 300 }));
}

/** `reply` says `text`; the voice tells word times or not, at 100 ms per character. */
function say(memory: Memory, reply: number, text: string, { words = true, whole = true } = {}): void {
  memory.said(reply, text);
  if (words) memory.words(reply, timed(text));
  memory.audio(reply, words ? text.split(" ").length * 400 : text.length * 100);
  if (whole) memory.whole(reply);
}

const heardOf = (memory: Memory, reply: number) => memory.replies().find((one) => one.reply === reply)?.heard;
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const user = (content: string): ChatMessage => ({ role: "user", content });

test("what both said, in order, neighbours of one speaker as one message", () => {
  const memory = memoryOf();
  say(memory, 1, "Good morning.");
  memory.caller("Are you open");
  memory.caller(" today? ");
  say(memory, 2, "One moment.");
  say(memory, 3, "Yes, until six.");
  assert.deepEqual(memory.messages(), [
    SYSTEM,
    assistant("Good morning."),
    user("Are you open today?"),
    assistant("One moment. Yes, until six."),
  ]);
});

test("of a call that came back, too, neighbours of one speaker are one message", () => {
  const history = [user("Can I speak to somebody"), user("please?"), assistant("I put you through.")];
  const memory = memoryOf(10, history);
  say(memory, 1, "Nobody answers there.");
  assert.deepEqual(memory.messages().slice(1), [
    user("Can I speak to somebody please?"),
    assistant("I put you through. Nobody answers there."),
  ]);
});

test("of the last turns all is remembered, however many pieces one of them came in", () => {
  const memory = memoryOf(2);
  for (const n of [1, 2, 3]) {
    memory.caller(`question ${n}`);
    memory.caller("and so on");
    say(memory, n, `Answer ${n}.`);
  }
  assert.deepEqual(memory.messages().slice(1).map(({ content }) => content), [
    "question 2 and so on",
    "Answer 2.",
    "question 3 and so on",
    "Answer 3.",
  ]);
});

test("a turn that is not confirmed is asked about, and not remembered", () => {
  const memory = memoryOf();
  assert.deepEqual(memory.messages("Hello"), [SYSTEM, user("Hello")]);
  assert.deepEqual(memory.messages(), [SYSTEM]);
});

test("an interrupted reply is cut at the heard word, and the model is told", () => {
  const memory = memoryOf();
  memory.caller("Tell me");
  say(memory, 1, "one two three four five");
  memory.cut(1, 1000);
  memory.caller("Never mind");
  assert.deepEqual(memory.messages(), [
    SYSTEM,
    user("Tell me"),
    assistant(`one two three${BROKEN_OFF}`),
    user(`${INTERRUPTING} Never mind`),
  ]);
  assert.deepEqual(memory.replies(), [{
    reply: 1,
    said: "one two three four five",
    heard: "one two three",
    interrupted: true,
  }]);
});

test("a word counts as heard when half of it was", () => {
  const heard = [[0, ""], [149, ""], [150, "one"], [400, "one"], [549, "one"], [550, "one two"], [
    9999,
    "one two three",
  ]];
  for (const [heardMs, expected] of heard as [number, string][]) {
    const memory = memoryOf();
    say(memory, 1, "one two three");
    memory.cut(1, heardMs);
    assert.equal(heardOf(memory, 1), expected, `${heardMs} ms`);
  }
});

test("without word timings the cut is in proportion to the characters", () => {
  const memory = memoryOf();
  say(memory, 1, "aaaa bbbb cccc dddd", { words: false });
  memory.cut(1, 1000);
  assert.equal(heardOf(memory, 1), "aaaa bbbb");
});

test("a reply cut before all its audio came is measured by the voice's speed so far", () => {
  const memory = memoryOf();
  say(memory, 1, "Good morning.", { words: false });
  say(memory, 2, "aaaa bbbb cccc dddd", { words: false, whole: false });
  memory.cut(2, 1000);
  assert.equal(heardOf(memory, 2), "aaaa bbbb");
  const unknown = memoryOf();
  say(unknown, 1, "aaaa bbbb cccc dddd", { words: false, whole: false });
  unknown.cut(1, 700);
  assert.equal(heardOf(unknown, 1), "aaaa bbbb", "62 ms a character");
});

test("a voice's own words count where they differ from the text", () => {
  const memory = memoryOf();
  memory.said(1, "That is $90 today.");
  memory.words(1, timed("That is ninety dollars today."));
  memory.audio(1, 2000);
  memory.cut(1, 1600);
  assert.equal(heardOf(memory, 1), "That is ninety dollars");
});

for (const [first, second] of [[true, false], [false, true]]) {
  test(`a reply that another voice took over is cut where that one was (word times: ${first}, then ${second})`, () => {
    const text = "one two three four five six seven eight";
    const memory = memoryOf();
    memory.said(1, text);
    memory.audio(1, 1600);
    memory.tookOver(1, { at: text.indexOf("five"), fromMs: 1600 });
    memory.audio(1, 1600);
    memory.words(1, timed(text).filter((_, i) => i < 4 ? first : second));
    memory.whole(1);
    memory.cut(1, 2 * 400 - 50);
    assert.equal(heardOf(memory, 1), "one two");
    memory.cut(1, 6 * 400 - 50);
    assert.equal(heardOf(memory, 1), "one two three four five six");
    assert.equal(memory.replies()[0]!.interrupted, true);
  });
}

test("a reply that was never heard is dropped, and one heard to the end is no interruption", () => {
  const memory = memoryOf();
  memory.caller("Hello");
  say(memory, 1, "one two");
  say(memory, 2, "three four");
  memory.cut(1, 800);
  memory.cut(2, 0);
  memory.caller("Stop");
  assert.deepEqual(memory.messages(), [SYSTEM, user("Hello"), assistant("one two"), user("Stop")]);
});

test("a resumed reply is whole again, and its rest is told with its times", () => {
  const memory = memoryOf();
  say(memory, 1, "one two three four");
  memory.cut(1, 900);
  const rest = memory.resumed(2);
  assert.deepEqual(rest.words, [{ text: "three", startMs: 0, endMs: 300 }, { text: "four", startMs: 400, endMs: 700 }]);
  assert.equal(rest.text, "three four");
  assert.equal(rest.shiftMs, -800);
  assert.equal(heardOf(memory, 1), "one two three four");
});

test("a resumed reply that is cut again is cut where it was heard", () => {
  const memory = memoryOf();
  say(memory, 1, "one two three four five six");
  memory.cut(1, 900);
  memory.resumed(2);
  memory.cut(2, 800);
  assert.equal(heardOf(memory, 1), "one two three four");
  memory.resumed(3);
  memory.cut(3, 400);
  assert.equal(heardOf(memory, 1), "one two three four five");
});

test("two replies cut together are resumed as one", () => {
  const memory = memoryOf();
  say(memory, 1, "one two three");
  say(memory, 2, "four five six");
  memory.cut(1, 900);
  memory.cut(2, 0);
  const rest = memory.resumed(3);
  assert.deepEqual(rest.words.map(({ text, startMs }) => `${text} ${startMs}`), [
    "three 0",
    "four 400",
    "five 800",
    "six 1200",
  ]);
  memory.cut(3, 800);
  assert.deepEqual([heardOf(memory, 1), heardOf(memory, 2)], ["one two three", "four"]);
});

test("calls of tools stand with their results, whatever is said meanwhile", () => {
  const memory = memoryOf();
  const call = { id: "c1", type: "function" as const, function: { name: "find", arguments: "{}" } };
  memory.caller("A table");
  const place = memory.reserve();
  memory.called([call]);
  memory.opened(place, 1);
  memory.said(1, "Let me look. ");
  say(memory, 2, "One moment.");
  const [, , asked, result, waited] = memory.messages();
  assert.deepEqual(asked, { role: "assistant", content: "Let me look.", tool_calls: [call] });
  assert.equal(result?.role, "tool");
  assert.match(String(result?.content), /not known/);
  assert.deepEqual(waited, assistant("One moment."));
  memory.result("c1", "four free");
  assert.deepEqual(memory.messages()[3], { role: "tool", tool_call_id: "c1", content: "four free" });
});

test("the window holds the last turns, the system prompt and nothing of the turns before", () => {
  const memory = memoryOf(2, [assistant("Welcome."), user("old"), assistant("older")]);
  assert.equal(memory.messages().length, 4);
  memory.caller("one");
  say(memory, 1, "first");
  assert.deepEqual(memory.messages().map(({ content }) => content), [
    SYSTEM.content,
    "Welcome.",
    "old",
    "older",
    "one",
    "first",
  ]);
  memory.caller("two");
  say(memory, 2, "second");
  assert.deepEqual(memory.messages().map(({ content }) => content), [SYSTEM.content, "one", "first", "two", "second"]);
  assert.deepEqual(memory.messages("three").map(({ content }) => content), [SYSTEM.content, "two", "second", "three"]);
});

test("of replies before the window nothing is kept, and those within it can still be cut", () => {
  const memory = memoryOf(2);
  for (const n of [1, 2, 3]) {
    if (n > 1) memory.caller(`question ${n}`);
    say(memory, n, `This is answer ${n}.`);
  }
  memory.caller("question 4");
  assert.deepEqual(memory.replies().map(({ reply }) => reply), [3]);
  memory.cut(3, 0);
  assert.equal(memory.replies()[0]!.heard, "");
});

type Act =
  | { kind: "caller" | "cut" | "resume" | "tool" | "result"; n: number }
  | { kind: "say"; n: number; words: boolean };

test("whatever happens: the window holds, results follow their calls, what was heard begins what was said", () => {
  const acts: fc.Arbitrary<Act[]> = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom<"caller" | "cut" | "resume" | "tool" | "result">(
          "caller",
          "cut",
          "resume",
          "tool",
          "result",
        ),
        n: fc.nat(4000),
      }),
      fc.record({ kind: fc.constant("say" as const), n: fc.integer({ min: 1, max: 12 }), words: fc.boolean() }),
    ),
    { maxLength: 60 },
  );
  const run = fc.property(acts, fc.integer({ min: 1, max: 5 }), (all, maxTurns) => {
    const memory = memoryOf(maxTurns);
    let reply = 0;
    let calls = 0;
    for (const act of all) {
      if (act.kind === "caller") memory.caller(`turn ${act.n}`);
      else if (act.kind === "say") {
        say(memory, ++reply, Array.from({ length: act.n }, (_, i) => `word${i}`).join(" "), { words: act.words });
      } else if (act.kind === "cut") memory.cut(reply, act.n);
      else if (act.kind === "resume") memory.resumed(++reply);
      else if (act.kind === "tool") {
        memory.called([{ id: `c${++calls}`, type: "function", function: { name: "f", arguments: "{}" } }]);
      } else memory.result(`c${1 + act.n % (calls + 1)}`, "done");
    }
    const messages = memory.messages();
    assert.deepEqual(messages[0], SYSTEM);
    assert.ok(messages.filter(({ role }) => role === "user").length <= maxTurns);
    for (const [index, message] of messages.entries()) {
      const before = messages[index - 1];
      if (message.role === "tool") {
        assert.ok(before?.role === "assistant" && before.tool_calls?.[0]?.id === message.tool_call_id);
      } else if (index > 1) assert.notEqual(before?.role === message.role && message.role === "user", true);
    }
    for (const { said, heard, interrupted } of memory.replies()) {
      assert.ok(`${said} `.startsWith(heard === "" ? "" : `${heard} `), `${heard} of ${said}`);
      assert.equal(interrupted, heard !== said);
    }
  });
  fc.assert(run, { numRuns: 1000, seed: 11 });
});

test("the later the cut, the more was heard", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.boolean(), fc.nat(9000), fc.nat(9000), (n, words, a, b) => {
      const heard = [Math.min(a, b), Math.max(a, b)].map((ms) => {
        const memory = memoryOf();
        say(memory, 1, Array.from({ length: n }, (_, i) => `word${i}`).join(" "), { words });
        memory.cut(1, ms);
        return heardOf(memory, 1)!;
      });
      assert.ok(heard[1]!.startsWith(heard[0]!));
    }),
    { numRuns: 500, seed: 7 },
  );
});

test("a voice is followed through the text by letters and digits, in languages without spaces too", () => {
  const after = (text: string, words: string[], heardMs: number) => {
    const times = words.map((text, i) => ({ text, startMs: i * 400, endMs: i * 400 + 300 }));
    const count = spokenCharacters({ text, words: times, heardMs, msPerCharacter: 100, sounds: [] });
    return text.slice(count);
  };
  assert.equal(after("今日は六時まで。明日は八時まで。", [..."今日は六時まで明日"], 2800), "明日は八時まで。");
  assert.equal(after("Half-price, then: \u201cfive\u201d.", ["half", "price", "then"], 800), "then: \u201cfive\u201d.");
  assert.equal(after("One two.", ["One"], 100), "One two.");
});
