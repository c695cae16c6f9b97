import assert from "node:assert/strict";
import { CallWebhook } from "../../lib/call_webhook.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import { CallRecorder } from "../../lib/store/recorder.ts";
import { test } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { noticesOf as of } from "../sim/pipeline.ts";
import { folder } from "../store/make.ts";

/** A call whose line breaks after 15 s; it comes back, and its caller has something more to say. */
async function callThatReturns(sim: Awaited<ReturnType<typeof simHouse>>): Promise<void> {
  const call = sim.ring({
    steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 20_000 }, { kind: "say", text: "my last words" }],
  });
  await sim.clock.run(15_000);
  sim.phoneDial.pairs.at(-1)!.cut();
  await sim.clock.runFor(call.report);
  await sim.clock.run(60_000);
  assert.equal(of(sim.notices, "call-resumed").length, 1);
}

test("a call whose line breaks and comes back keeps the recording of what was before the break", async () => {
  using dir = folder();
  await using sim = await simHouse({
    config: { privacy: { recording: true }, lines: { recordingNotice: "This call is recorded." } },
    record: (clock) => (call) =>
      new CallRecorder({
        folder: dir.path,
        file: `${call}.wav`,
        clock,
        failed: (error) => assert.fail(String(error)),
      }),
  });
  await callThatReturns(sim);
  const talkedMs = of(sim.notices, "call-ended").reduce((sum, { durationMs }) => sum + durationMs, 0);
  const { file, durationMs } = sim.records()[0]!.recording!;
  assert.equal((Deno.statSync(`${dir.path}/${file}`).size - 58) / 16, durationMs);
  assert.ok(durationMs > talkedMs - 2000, `talked ${talkedMs} ms, recorded ${durationMs} ms`);
});

test("the webhook of a call that came back tells of the whole call", async () => {
  await using sim = await simHouse({});
  const posts: string[] = [];
  const webhook = new CallWebhook({
    url: "https://crm.test/calls",
    clock: sim.clock,
    fetch: async (request) => {
      posts.push(await request.text());
      return new Response(null, { status: 200 });
    },
    settled: () => Promise.resolve(),
    keep: () => (notice) => notice,
    kept: () => true,
    body: (record) => record,
    undelivered: (call, why) => assert.fail(`${call}: ${why}`),
  });
  const push = sim.notices.push.bind(sim.notices);
  sim.notices.push = (...notices) => (notices.forEach(webhook.observe), push(...notices));
  await callThatReturns(sim);
  await webhook[Symbol.asyncDispose]();
  assert.match(JSON.stringify(sim.records()[0]!.transcript), /my last words/);
  assert.match(
    posts.at(-1)!,
    /my last words/,
    `${posts.length} posts, the last ends with ${JSON.parse(posts.at(-1)!).call.endReason}`,
  );
});

for (const why of ["line-lost", "transferred"] as const) {
  test(`a call goes on when its next step is asked at the fallback: ${why}`, async () => {
    const hears: Brain = ({ history }) =>
      why === "line-lost" || history.at(-1)?.role === "function"
        ? { say: "I see." }
        : { call: { name: "transfer_call", arguments: { to: "desk" } } };
    await using sim = await simHouse({
      config: { tools: [{ name: "transfer_call", to: { desk: { number: "+15550142" } } }] },
      agent: { think: hears },
    });
    let failures = 0;
    const verbs: string[] = [];
    const call = sim.ring({
      fallbackUrl: "http://localhost:5000/incoming-call",
      fetch: (request) =>
        new URL(request.url).pathname === "/after-stream" && failures++ === 0
          ? new Response("", { status: 502 })
          : sim.fetch(request),
      onEvent: (event) => event.kind === "verb" && void verbs.push(event.text),
      steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 8000 }],
    });
    await sim.clock.run(5000);
    if (why === "line-lost") sim.phoneDial.pairs.at(-1)!.cut();
    const { turns } = await sim.clock.runFor(call.report);
    await sim.clock.run(60_000);
    assert.equal(failures, 1, "its next step was refused once");
    assert.deepEqual(of(sim.notices, "call-started").length, 1, "one call");
    if (why === "line-lost") assert.equal(of(sim.notices, "call-resumed")[0]?.why, why);
    else assert.deepEqual(verbs, ["<Dial> +15550142: answered"]);
    const heard = turns.map(({ heard }) => heard).join(" ");
    assert.equal(heard.split("Welcome to the clinic").length, 2, `greeted once: ${heard}`);
  });
}

test("a call that comes back tries again when its new stream does not open, for 15 s at most", async () => {
  for (const failures of [2, Infinity]) {
    await using sim = await simHouse({});
    let dialled = 0;
    const call = sim.ring({
      dial(request, signal) {
        const down = dialled++ > 0 && dialled <= failures + 1;
        const refused = { ok: false, fault: { kind: "refused", peer: "twilio", status: 502, detail: "" } } as const;
        return down ? Promise.resolve(refused) : sim.phoneDial(request, signal);
      },
      openDelayMs: 500,
      steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 8000 }],
    });
    await sim.clock.run(5000);
    sim.phoneDial.pairs.at(-1)!.cut();
    const cutMs = sim.clock.monotonicMs();
    const { endedBy } = await sim.clock.runFor(call.report);
    if (failures === 2) assert.equal(of(sim.notices, "call-resumed").length, 1);
    else assert.deepEqual([endedBy, sim.clock.monotonicMs() - cutMs < 17_000], ["server", true]);
    await sim.clock.run(60_000);
    assert.equal(of(sim.notices, "call-over").length, 1);
  }
});

test("a call is not waited for once the carrier says that it is over: in its number's callback, or asking what comes next", async () => {
  for (const way of ["line-lost", "transferred"] as const) {
    await using sim = await simHouse({
      config: { tools: [{ name: "transfer_call", to: { desk: { number: "+15550142" } } }] },
      agent: { think: () => ({ call: { name: "transfer_call", arguments: { to: "desk" } } }) },
    });
    const url = "http://localhost:5000";
    const callSid = sim.ring({
      hangUpWay: "close-only",
      ...(way === "line-lost" ? { callStatusUrl: `${url}/call-status` } : { dialOutcome: "no-answer" }),
      steps: way === "line-lost" ? [{ kind: "wait", ms: 3000 }] : [{ kind: "say", text: "a person please" }],
      limitMs: 9000, // while the other phone rings
    }).callSid;
    await sim.clock.run(10_000);
    if (way === "transferred") {
      assert.deepEqual(of(sim.notices, "call-over"), []);
      const body = new URLSearchParams({ CallSid: callSid, CallStatus: "completed", DialCallStatus: "canceled" });
      const response = await sim.fetch(new Request(`${url}/after-stream`, { method: "POST", body }));
      assert.match(await response.text(), /<Hangup\/>/);
      await sim.clock.run(10);
    }
    assert.equal(of(sim.notices, "call-ended")[0]!.reason, way);
    assert.equal(of(sim.notices, "call-over").length, 1, way);
  }
});

test("the record of a call that came back lasts from its beginning to its end", async () => {
  await using sim = await simHouse({});
  await callThatReturns(sim);
  const { durationMs, transcript } = sim.records()[0]!;
  assert.ok(
    durationMs! >= transcript.at(-1)!.atMs,
    `${durationMs} ms, last utterance at ${transcript.at(-1)!.atMs} ms`,
  );
});

test("a line whose end the carrier tells before its socket has closed has lost no event", async () => {
  await using sim = await simHouse({});
  const call = sim.ring({ steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 5000 }] });
  await sim.clock.run(8000);
  sim.phoneDial.pairs.at(-1)!.cut();
  await sim.clock.runFor(call.report);
  assert.equal(of(sim.notices, "call-resumed").length, 1);
  assert.deepEqual(of(sim.notices, "event-lost"), []);
});
