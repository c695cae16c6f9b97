import assert from "node:assert/strict";
import type { CallNotice } from "../../lib/call/notice.ts";
import { test } from "../case.ts";
import { simHouse, STORY } from "../sim/house.ts";
import { noticesOf as of, simPipeline } from "../sim/pipeline.ts";

/** What happened, a line each, for a failure's message. */
const shown = (notices: readonly CallNotice[]) =>
  notices.filter(({ kind }) => /^(reply|caller|state|fence|call|fault)/.test(kind) && kind !== "reply-words")
    .map((notice) => JSON.stringify({ ...notice, call: undefined })).join("\n");

for (const rateX of [1.2, 5]) {
  test(`a caller who speaks while the recording notice plays hears the answer (agent at ${rateX} times real time)`, async () => {
    await using sim = await simHouse({
      config: {
        privacy: { recording: true },
        lines: { recordingNotice: "This call is recorded so that we can serve you better every single day." },
        greeting: "Welcome to the clinic. " + STORY.split(" ").slice(0, 18).join(" "),
      },
      agent: { think: () => ({ say: "Once we are open we shall see" }), rateX },
    });
    const call = sim.ring({
      steps: [{ kind: "interrupt", text: "tell me something", afterMs: 700 }, { kind: "wait", ms: 20_000 }],
    });
    const report = await sim.clock.runFor(call.report);
    const answer = of(sim.notices, "reply-text").find(({ text }) => text.startsWith("Once we"))?.reply;
    const heard = of(sim.notices, "reply-heard").map(({ reply }) => reply);
    assert.ok(answer !== undefined && heard.includes(answer), JSON.stringify({ answer, heard, turns: report.turns }));
  });
}
test("pipeline: a caller who speaks into a line that must not be interrupted hears the answer", async () => {
  await using sim = await simPipeline({
    config: {
      privacy: { recording: true },
      lines: { recordingNotice: "This call is recorded so that we can serve you better every single day." },
    },
  });
  const call = sim.ring({
    steps: [{ kind: "interrupt", text: "tell me something", afterMs: 700 }, { kind: "wait", ms: 20_000 }],
  });
  const report = await sim.clock.runFor(call.report);
  assert.ok((report.turns.at(-1)!.heard ?? "").length > 0, shown(sim.notices));
});

for (const noisy of [false, true]) {
  test(`a line whose caller ${noisy ? "coughs into" : "listens to"} the agent's goodbye is let go soon after it`, async () => {
    await using sim = await simHouse({
      config: { tools: [{ name: "end_call" }] },
      agent: {
        rateX: 1.5,
        think: ({ history, said }) =>
          history.at(-1)?.role === "function" ? {} : said
            ? {
              say: "Goodbye then and thank you very much for calling us today",
              call: { name: "end_call", arguments: {} },
            }
            : {},
      },
    });
    const call = sim.ring({ steps: [{ kind: "say", text: "goodbye" }, { kind: "wait", ms: 30_000 }] });
    await sim.clock.runUntil(() => of(sim.notices, "state").some(({ to }) => to === "closing"), 30_000);
    await sim.clock.runUntil(() => of(sim.notices, "reply-first-sent").length > 1, 30_000);
    await sim.clock.run(500);
    const coughedMs = sim.clock.monotonicMs();
    if (noisy) sim.agent.sessions[0]!.falseStart();
    await sim.clock.runFor(call.report);
    const tookMs = sim.clock.monotonicMs() - coughedMs;
    assert.ok(tookMs < 6000, `${tookMs} ms\n${shown(sim.notices)}`);
  });
}

test("a reply that goes on after noise at its very end is heard once", async () => {
  await using sim = await simHouse({ lineWeather: { delayMs: 60 } });
  const call = sim.ring({ steps: [{ kind: "wait", ms: 12_000 }] });
  await sim.clock.runUntil(() => of(sim.notices, "reply-first-sent").length > 0);
  const firstMs = sim.clock.monotonicMs();
  // The greeting lasts 1,680 ms; its last echo comes 120 ms later.
  await sim.clock.run(firstMs + 1792 - sim.clock.monotonicMs());
  sim.agent.sessions[0]!.falseStart();
  await sim.clock.runFor(call.report);
  const as = of(sim.notices, "reply-resumed")[0]?.as;
  assert.ok(as !== undefined, shown(sim.notices));
  const heard = of(sim.notices, "reply-heard").filter(({ reply }) => reply === as);
  assert.equal(heard.length, 1, shown(sim.notices));
});

for (const chunkBytes of [9600, 320]) {
  test(`a caller who says nothing after a held greeting in chunks of ${chunkBytes} bytes is asked whether he is there`, async () => {
    await using sim = await simHouse({
      config: { greeting: "Welcome to the clinic. " + STORY.split(" ").slice(0, 18).join(" ") },
      env: { REHEARSAL: "true" },
      agent: { chunkBytes, rateX: Infinity },
    });
    const call = sim.ring({ openDelayMs: 3000, steps: [{ kind: "wait", ms: 60_000 }] });
    await sim.clock.run(50_000);
    assert.ok(
      of(sim.notices, "reply-text").some(({ text }) => text === "Are you still there?"),
      shown(sim.notices),
    );
    await sim.clock.runFor(call.report);
  });
}
