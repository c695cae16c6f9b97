import assert from "node:assert/strict";
import { historyOf } from "../../lib/call/history.ts";
import { type CallNotice, type NoticeBody, RecordFold } from "../../lib/call/notice.ts";
import { test } from "../case.ts";

type Told = [atMs: number, body: NoticeBody];

function folded(told: readonly Told[]) {
  const fold = new RecordFold("call-a1");
  for (const [atMs, body] of told) fold.add({ call: "call-a1", atMs, ...body } as CallNotice);
  return fold.record;
}

const reply = (reply: number, atMs: number, text: string, source: "engine" | "line" | "route" = "engine"): Told[] => [
  [atMs, { kind: "reply-started", reply, source }],
  [atMs, { kind: "reply-text", reply, text }],
  [atMs + 20, { kind: "reply-first-sent", reply }],
];
const said = (atMs: number, text: string): Told => [atMs, { kind: "caller-text", text, final: true }];

test("how long an answer took is told of the first thing the caller heard after his words, and of that alone", () => {
  const { transcript, firstAudioMs } = folded([
    ...reply(1, 100, "Welcome."),
    said(2000, "hello"),
    ...reply(2, 2480, "Hello."),
    ...reply(3, 4000, "How can I help?"),
    said(6000, "goodbye"),
    ...reply(4, 6980, "Goodbye."),
  ]);
  assert.equal(firstAudioMs, 120);
  assert.deepEqual(transcript.map(({ answerMs }) => answerMs), [undefined, undefined, 500, undefined, undefined, 1000]);
});

test("a route is named at its own answer, and times only at what the engine said", () => {
  const { transcript } = folded([
    said(1000, "how much is it"),
    [1000, { kind: "routed", route: "pricing", score: 0.9 }],
    ...reply(1, 1000, "Ninety dollars.", "route"),
    [1100, { kind: "latency", parts: { model: 300 } }],
    said(3000, "thanks"),
    ...reply(2, 3500, "You are welcome."),
    [3510, { kind: "latency", parts: { model: 400 } }],
    [3520, { kind: "latency", parts: { voice: 90 } }],
  ]);
  assert.deepEqual(transcript.map(({ route, parts }) => [route, parts]), [
    [undefined, undefined],
    ["pricing", undefined],
    [undefined, undefined],
    [undefined, { model: 400, voice: 90 }],
  ]);
});

test("a call that comes back has not ended, lasts as long as all its parts, and keeps what was said", () => {
  const told: Told[] = [
    ...reply(1, 100, "Welcome."),
    [5000, { kind: "call-ended", reason: "line-lost", durationMs: 5000, framesIn: 1, framesOut: 1 }],
    [9000, { kind: "call-resumed", why: "line-lost", streamSid: "MZ2" }],
  ];
  const back = folded(told);
  assert.deepEqual([back.endReason, back.transcript.length], [undefined, 1]);
  const ended: Told = [20_000, {
    kind: "call-ended",
    reason: "silence",
    durationMs: 11_000,
    framesIn: 1,
    framesOut: 1,
  }];
  const whole = folded([...told, ended]);
  assert.deepEqual([whole.endReason, whole.durationMs], ["silence", 16_000]);
});

test("who goes on with a call knows what was heard: of what was cut as far as it was, of what never sounded nothing", () => {
  const record = folded([
    ...reply(1, 100, "Welcome."),
    [900, { kind: "reply-heard", reply: 1, heardMs: 700 }],
    said(2000, "tell me"),
    ...reply(2, 2500, "One two three."),
    [2500, {
      kind: "reply-words",
      reply: 2,
      words: ["One", "two", "three."].map((text, n) => ({ text, startMs: n * 300, endMs: n * 300 + 280 })),
    }],
    [3100, { kind: "reply-interrupted", reply: 2, heardMs: 400 }],
    ...reply(3, 3200, "Never heard."),
    [3300, { kind: "reply-lost", reply: 3, heardMs: 0 }],
  ]);
  assert.deepEqual(historyOf(record), [
    { role: "assistant", content: "Welcome." },
    { role: "user", content: "tell me" },
    { role: "assistant", content: "One two …" },
  ]);
  assert.equal(record.interruptions, 1, "a broken line is no interruption");
});

test("what was heard of a reply whose words have no times is told by a voice's usual pace, to the record and to who goes on", () => {
  const cutAfter = (heardMs: number, late: Told[] = []) => {
    const cut: Told = [900, { kind: "reply-interrupted", reply: 1, heardMs }];
    const record = folded([...reply(1, 100, "One two three four five."), cut, ...late]);
    return [record.transcript[0]!.heardText, historyOf(record).map(({ content }) => content).join()];
  };
  assert.deepEqual(cutAfter(80), ["", ""], "not half a word");
  assert.deepEqual(cutAfter(620), ["One two", "One two …"]);
  assert.deepEqual(cutAfter(9000), ["One two three four five.", "One two three four five. …"]);
  const late: Told = [950, { kind: "reply-text", reply: 1, text: "Six." }];
  assert.equal(cutAfter(9000, [late])[0], "One two three four five. Six.", "text that comes late");
});

test("a digit takes longer to say than a letter", () => {
  const text = "Our number is 415-555-0142, and the code is 4921.";
  const cutAfter = (heardMs: number) =>
    folded([...reply(1, 100, text), [900, { kind: "reply-interrupted", reply: 1, heardMs }]]).transcript[0]!.heardText;
  // The local voice takes 8.5 s for all of it.
  assert.deepEqual([2000, 5100, 7600].map(cutAfter), [
    "Our number is",
    "Our number is 415-555-0142, and the",
    "Our number is 415-555-0142, and the code is 4921.",
  ]);
});

for (
  const [language, text, heardMs, heard] of [
    ["Japanese", "申し訳ございませんが、その日は予約がいっぱいです。 別の日は？", 1500, "申し訳ございませんが"],
    ["Chinese", "您好，我们周一到周五早上九点开门。", 2000, "您好，我们周一到周"],
    ["Korean", "안녕하세요, 저희는 아홉 시에 문을 엽니다.", 1600, "안녕하세요, 저희는"],
    ["Thai", "สวัสดีค่ะ เราเปิดทุกวัน", 900, "สวัสดีค่ะ เราเ"],
  ] as const
) {
  test(`a cut reply in ${language} was neither heard whole nor not at all, whether its words have times or not`, () => {
    const cutAfter = (heardMs: number, words: { text: string; startMs: number; endMs: number }[]) =>
      folded([
        ...reply(1, 100, text),
        [100, { kind: "reply-words", reply: 1, words }],
        [900, { kind: "reply-interrupted", reply: 1, heardMs }],
      ]).transcript[0]!.heardText;
    assert.equal(cutAfter(heardMs, []), heard);
    const words = [...text.matchAll(/\p{L}\p{M}*/gu)].map(([text], n) => ({
      text,
      startMs: n * 100,
      endMs: n * 100 + 99,
    }));
    const third = cutAfter(290, words)!;
    assert.ok(text.startsWith(third), third);
    assert.deepEqual(third.match(/\p{L}\p{M}*/gu), words.slice(0, 3).map(({ text }) => text));
  });
}

test("where a voice without word times was followed by one with them, what the first one said was heard too", () => {
  const cutAfter = (heardMs: number) =>
    folded([
      ...reply(1, 100, "We are open from nine until six every day."),
      [1700, { kind: "reply-words", reply: 1, words: [{ text: "until", startMs: 1400, endMs: 1750 }] }],
      [1800, { kind: "reply-interrupted", reply: 1, heardMs }],
    ]).transcript[0]!.heardText;
  assert.deepEqual([cutAfter(1100), cutAfter(1600)], ["We are open from", "We are open from nine until"]);
});

test("of a reply whose agent was lost in the middle of it only what sounded counts as heard", () => {
  const record = folded([
    ...reply(1, 100, "One two three four five."),
    [300, { kind: "reply-finished", reply: 1, brokeOff: true }],
    [740, { kind: "reply-heard", reply: 1, heardMs: 620 }],
    ...reply(2, 1000, "Three four five."),
    [1100, { kind: "reply-finished", reply: 2 }],
    [1900, { kind: "reply-heard", reply: 2, heardMs: 900 }],
  ]);
  const [broken, whole] = record.transcript;
  assert.deepEqual([broken!.heardText, broken!.interrupted, whole!.heardText], ["One two", undefined, undefined]);
  assert.deepEqual(historyOf(record).map(({ content }) => content), ["One two … Three four five."]);
});

test("what was heard of a reply of a call that came back holds no words from before", () => {
  const times = (words: string[]) => words.map((text, n) => ({ text, startMs: n * 300, endMs: n * 300 + 280 }));
  const { transcript } = folded([
    ...reply(1, 100, "Welcome here."),
    [120, { kind: "reply-words", reply: 1, words: times(["Welcome", "here."]) }],
    [900, { kind: "reply-heard", reply: 1, heardMs: 600 }],
    [5000, { kind: "call-resumed", why: "line-lost", streamSid: "MZ2" }],
    ...reply(1, 6000, "It costs ninety dollars."),
    [6100, { kind: "reply-words", reply: 1, words: times(["It", "costs", "ninety", "dollars."]) }],
    [7000, { kind: "reply-interrupted", reply: 1, heardMs: 400 }],
  ]);
  assert.equal(transcript[1]!.heardText, "It costs");
});
