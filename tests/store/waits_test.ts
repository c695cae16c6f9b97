import assert from "node:assert/strict";
import type { CallNotice, NoticeBody } from "../../lib/call/notice.ts";
import { waitsOf } from "../../lib/store/waits.ts";
import { test } from "../case.ts";
import { simHouse, STORY } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

const at = (atMs: number, body: NoticeBody): CallNotice => ({ call: "call-a", atMs, ...body });
const said = (atMs: number) => at(atMs, { kind: "caller-text", text: "when do you open", final: true });

/** A reply of so many ms. */
const reply = (reply: number, atMs: number, ms: number, source: "line" | "engine" = "engine") => [
  at(atMs, { kind: "reply-started", reply, source }),
  at(atMs, { kind: "reply-first-sent", reply }),
  at(atMs + ms, { kind: "reply-heard", reply, heardMs: ms }),
];

/** Told with the first sound of the answer. */
const slowModel = (atMs: number) => at(atMs, { kind: "latency", parts: { stt: 300, model: 6000, voice: 200 } });

for (const source of ["line", "engine"] as const) {
  test(`behind a filler (told as ${source}) the caller still waits for us, not we for the caller`, () => {
    const notices = [said(1000), ...reply(2, 2800, 700, source), ...reply(3, 5300, 600, source)];
    const answered = [...notices, ...reply(4, 7500, 1000).toSpliced(2, 0, slowModel(7510))];
    assert.deepEqual(waitsOf(answered), [
      { fromMs: 1000, waitedMs: 1800, who: "the model" },
      { fromMs: 3500, waitedMs: 1800, who: "the model" },
      { fromMs: 5900, waitedMs: 1600, who: "the model" },
    ]);
  });
}

test("a tool at work is who is waited for, behind what is said meanwhile too", () => {
  const notices = [
    said(1000),
    at(1100, { kind: "tool-call", id: "t", name: "find_slots" }),
    ...reply(2, 2800, 700, "line"),
    at(6000, { kind: "tool-result", id: "t", name: "find_slots", ok: true, tookMs: 4900 }),
    ...reply(3, 6500, 1000),
  ];
  assert.deepEqual(waitsOf(notices).map(({ who }) => who), ["the tool find_slots", "the tool find_slots"]);
});

test("a caller who is asked whether he is there was waited for, and so was one whose noise held a reply up", () => {
  const asked = [said(1000), ...reply(2, 1500, 1000), ...reply(3, 10_000, 1000, "line")];
  assert.deepEqual(waitsOf(asked), [{ fromMs: 2500, waitedMs: 7500, who: "the caller" }]);
  const resumed = [
    said(1000),
    at(1500, { kind: "reply-started", reply: 2, source: "engine" }),
    at(1500, { kind: "reply-first-sent", reply: 2 }),
    at(2000, { kind: "reply-interrupted", reply: 2, heardMs: 500 }),
    at(3600, { kind: "reply-started", reply: 3, source: "resumed" }),
    at(3600, { kind: "reply-first-sent", reply: 3 }),
  ];
  assert.deepEqual(waitsOf(resumed), [{ fromMs: 2000, waitedMs: 1600, who: "the caller" }]);
});

test("who only says stop is not kept waiting: what is said next is no answer", async () => {
  await using sim = await simPipeline({ brain: () => ({ text: STORY }) });
  const steps = [
    { kind: "say", text: "tell me something" },
    { kind: "interrupt", text: "stop", afterMs: 1500 },
    { kind: "wait", ms: 12_000 },
  ] as const;
  await sim.clock.runFor(sim.ring({ steps }).report);
  const stopped = sim.notices.findLastIndex((notice) => notice.kind === "caller-text" && notice.final);
  const [first] = waitsOf(sim.notices.slice(stopped));
  assert.equal(first?.who, "the caller");
  const { transcript } = sim.records()[0]!;
  const [stop, next] = transcript.slice(transcript.findLastIndex(({ who }) => who === "caller"));
  assert.deepEqual([stop?.text, next?.text, next?.answerMs], ["stop", "Are you still there?", undefined]);
});

for (const engine of ["agent", "pipeline"] as const) {
  test(`${engine}: in a real call the waits for a slow model are nobody else's`, async () => {
    await using sim = engine === "agent"
      ? await simHouse({ agent: { think: () => ({ say: "From nine.", thinkMs: 2800 }) } })
      : await simPipeline({ brain: () => ({ text: "From nine." }), chat: { firstTokenMs: 2400 } });
    const call = sim.ring({ steps: [{ kind: "say", text: "when do you open" }, { kind: "wait", ms: 6000 }] });
    await sim.clock.runFor(call.report);
    const said = sim.notices.findIndex((notice) => notice.kind === "caller-text" && notice.final);
    const answered = sim.notices.findLastIndex(({ kind }) => kind === "latency");
    const waits = waitsOf(sim.notices.slice(said, answered + 1));
    assert.ok(waits.length >= 1 && waits.every(({ who }) => who === "the model"), JSON.stringify(waits));
  });
}
