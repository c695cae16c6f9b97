import assert from "node:assert/strict";
import { Echoes } from "../../lib/call/echoes.ts";
import { type CallState, LOOP_TIMES, step } from "../../lib/call/machine.ts";
import { test } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

test("the same turn is known by its words, whatever their case, spaces and punctuation", () => {
  const echoes = new Echoes();
  const say = (text: string) => {
    const times = echoes.said(text);
    echoes.answered();
    return times;
  };
  const said = ["Press one for sales.", "press ONE,  for sales", "Press one for sales!", "press one -- for sales?"];
  assert.deepEqual(said.map(say), [1, 2, 3, 4]);
  assert.equal(echoes.said("Press two for sales."), 1);
  assert.equal(echoes.said("Press one for sales."), 1);
  assert.deepEqual(["Größe, bitte", "grösse bitte"].map((text) => new Echoes().said(text)), [1, 1]);
});

test("yes to one question after the other is no loop", () => {
  const echoes = new Echoes();
  for (const text of ["yes", "Yes.", "yes", "Yes!", "yes yes", "no", "no", "No.", "no"]) {
    assert.equal(echoes.said(text), 1);
  }
});

test("the same key for one question after the other is no loop, and hides none", () => {
  const echoes = new Echoes();
  const keys = ["[The caller pressed 1.]", "[The caller pressed 1 on the keypad.]"];
  for (const text of [...keys, ...keys, ...keys]) assert.equal(echoes.said(text), 1);
  const said = ["hello there", keys[0]!, "hello there"].map((text) => {
    echoes.answered();
    return echoes.said(text);
  });
  assert.deepEqual(said, [1, 1, 2]);
});

test("who calls again and again for an answer is no machine", () => {
  const echoes = new Echoes();
  assert.deepEqual(["hello?", "hello?", "hello", "hello"].map((text) => echoes.said(text)), [1, 1, 1, 1]);
  echoes.answered();
  assert.deepEqual([echoes.said("hello"), echoes.said("hello")], [2, 2]);
});

test("the fourth time ends the call with a goodbye, whoever holds the turn; the third does not", () => {
  const states: CallState[] = [
    { kind: "listening", prompts: 0 },
    { kind: "processing" },
    { kind: "speaking", reply: 7, prompts: 0 },
    { kind: "interrupted", reply: 7 },
  ];
  for (const state of states) {
    const [next, effects] = step(state, { kind: "caller-text", final: true, times: LOOP_TIMES });
    assert.deepEqual(next, { kind: "closing", reason: "loop", reply: undefined, more: false });
    assert.ok(effects.some((effect) => effect.kind === "say" && effect.line === "goodbye"));
    const [third] = step(state, { kind: "caller-text", final: true, times: LOOP_TIMES - 1 });
    assert.notEqual(third.kind, "closing");
    assert.notEqual(step(state, { kind: "caller-text", final: false, times: LOOP_TIMES })[0].kind, "closing");
  }
});

for (const engine of ["agent", "pipeline"] as const) {
  test(`${engine}: a bot that says the same four times hears goodbye, and the call ends as a loop`, async () => {
    await using sim = engine === "agent"
      ? await simHouse({ agent: { think: () => ({ say: "How can I help you with that?" }) } })
      : await simPipeline({ brain: () => ({ text: "How can I help you with that?" }) });
    const again = { kind: "say", text: "please hold the line caller" } as const;
    const call = sim.ring({ steps: [again, again, again, again, again, again, { kind: "wait", ms: 20_000 }] });
    const report = await sim.clock.runFor(call.report);
    await sim.clock.run(5000);
    assert.equal(report.endedBy, "server");
    assert.deepEqual(report.offences, []);
    const [record] = sim.records();
    assert.equal(record!.endReason, "loop");
    assert.equal(record!.transcript.filter(({ who }) => who === "caller").length, 4);
    assert.match(report.turns.at(-1)!.heard!, /Goodbye\.$/);
    assert.equal(report.turns.filter(({ heard }) => /How can I help/.test(heard ?? "")).length, 3);
  });

  test(`${engine}: a caller who presses 1 for yes five times is answered five times`, async () => {
    const next = "Next question: press 1 for yes.";
    await using sim = engine === "agent"
      ? await simHouse({ agent: { think: () => ({ say: next }) } })
      : await simPipeline({ brain: () => ({ text: next }) });
    const key = [{ kind: "dtmf", keys: "1" }, { kind: "wait", ms: 1500 }] as const;
    const call = sim.ring({ steps: [...key, ...key, ...key, ...key, ...key] });
    const report = await sim.clock.runFor(call.report);
    assert.equal(report.endedBy, "caller");
    assert.equal(report.turns.filter(({ heard }) => heard?.includes(next)).length, 5);
  });
}

test("who hears nothing but fillers and asks again is no machine", async () => {
  await using sim = await simPipeline({ chat: { firstTokenMs: 2400 } });
  const text = "hello are you still there";
  const again = { kind: "interrupt", text, afterMs: 300 } as const; // into the filler
  const call = sim.ring({ steps: [{ kind: "say", text }, again, again, again, again, { kind: "wait", ms: 10_000 }] });
  const report = await sim.clock.runFor(call.report);
  const [record] = sim.records();
  const said = record!.transcript.filter(({ who }) => who === "caller");
  assert.ok(
    said.length >= 4 && said.every(({ text }) => /^hello are you still there/i.test(text)),
    JSON.stringify(said),
  );
  assert.equal(report.endedBy, "caller");
});
