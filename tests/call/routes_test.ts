import assert from "node:assert/strict";
import type { CallNotice } from "../../lib/call/notice.ts";
import { seedCount, seeded, test } from "../case.ts";
import { simHouse, STORY, storyBrain } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

const PRICE = "A first visit is ninety dollars altogether.";
const ROUTES = [
  { name: "pricing", utterances: ["how much is it", "what does a visit cost", "what is the price"], text: PRICE },
  {
    name: "stop",
    utterances: ["stop calling me", "take me off your list", "do not call me again"],
    text: "You will not hear from us again.",
    then: "hangup",
  },
];

type Notice<K extends CallNotice["kind"]> = Extract<CallNotice, { kind: K }>;
const noticesOf = <K extends CallNotice["kind"]>(notices: readonly CallNotice[], kind: K) =>
  notices.filter((notice): notice is Notice<K> => notice.kind === kind);

test("a common question is answered from the recording at once, and the agent's own answer is not heard", async () => {
  await using sim = await simHouse({ config: { routes: ROUTES }, agent: { think: storyBrain } });
  const call = sim.ring({ steps: [{ kind: "say", text: "how much is it" }, { kind: "wait", ms: 3000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.turns[1]!.heard, PRICE);
  assert.deepEqual(report.offences, []);
  const asked = noticesOf(sim.notices, "caller-text").at(-1)!.atMs;
  const sent = noticesOf(sim.notices, "reply-first-sent").at(-1)!.atMs;
  assert.ok(sent - asked < 30, `${sent - asked} ms`);
  const answer = sim.records()[0]!.transcript.at(-1)!;
  assert.deepEqual([answer.route, answer.source, answer.text], ["pricing", "route", PRICE]);
});

test("a call keeps its routes when they are edited", async () => {
  await using sim = await simHouse({ config: { routes: ROUTES }, agent: { think: storyBrain } });
  const steps = [{ kind: "wait" as const, ms: 3000 }, { kind: "say" as const, text: "how much is it" }];
  const call = sim.ring({ steps });
  await sim.clock.run(1000);
  await sim.edit({ routes: [{ name: "other", utterances: ["where are you"], text: "Here." }] });
  await sim.clock.runFor(call.report);
  assert.deepEqual(noticesOf(sim.notices, "routed").map(({ route }) => route), ["pricing"]);
});

const tool = (name: string) => ({
  name,
  description: "Something.",
  parameters: { type: "object", properties: {} },
  http: { url: `https://tools.test/${name}`, method: "POST", timeoutMs: 20_000 },
});

test("agent: what a route has answered runs no tool", async () => {
  const asked: string[] = [];
  await using sim = await simHouse({
    config: { routes: ROUTES, tools: [tool("book")] },
    agent: { think: () => ({ call: { name: "book", arguments: {} } }) },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    toolFetch: ({ url }) => {
      asked.push(url);
      return Promise.resolve(new Response("done"));
    },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "how much is it" }, { kind: "wait", ms: 5000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.turns[1]!.heard, PRICE);
  assert.deepEqual(asked, []);
});

test("pipeline: a question between, answered by a route, costs the earlier turn none of its tools", async () => {
  await using sim = await simPipeline({
    config: { routes: ROUTES, tools: [tool("check"), tool("book")] },
    brain: (messages) => {
      const results = messages.filter(({ role }) => role === "tool");
      if (results.length < 2) return { calls: [{ name: ["check", "book"][results.length]!, arguments: {} }] };
      return { text: `The table: ${String(results.at(-1)!.content).replace(/[^a-z ]/gi, " ")}` };
    },
    tool: (url, clock) =>
      new Promise((resolve) => {
        clock.after(url.pathname === "/check" ? 6000 : 500, () => resolve(`${url.pathname} done`));
      }),
  });
  const call = sim.ring({
    steps: [
      { kind: "say", text: "book me a table please" },
      { kind: "wav", name: "silence", audio: new Uint8Array(10_400).fill(0xFF), now: true },
      { kind: "say", text: "how much is it", now: true },
      { kind: "wait", ms: 12_000 },
    ],
  });
  await sim.clock.runFor(call.report);
  assert.equal(noticesOf(sim.notices, "routed").length, 1);
  assert.deepEqual(noticesOf(sim.notices, "tool-result").map(({ name, ok }) => [name, ok]), [["check", true], [
    "book",
    true,
  ]]);
  assert.ok(noticesOf(sim.notices, "reply-text").some(({ text }) => /The table: *book done/.test(text)));
});

for (const engine of ["agent", "pipeline"] as const) {
  test(`${engine}: a question that nobody has begun to answer is not lost because the next one has a route`, async () => {
    const slow = { say: "Dogs may come, and it is ninety dollars.", thinkMs: 1000 };
    await using sim = engine === "agent"
      ? await simHouse({ config: { routes: ROUTES }, agent: { think: () => slow } })
      : await simPipeline({
        config: { routes: ROUTES },
        chat: { firstTokenMs: 900 },
        brain: () => ({ text: slow.say }),
      });
    const call = sim.ring({
      steps: [
        { kind: "say", text: "can I bring my dog" },
        { kind: "wav", name: "silence", audio: new Uint8Array(7200).fill(0xFF), now: true },
        { kind: "say", text: "and how much is it", now: true },
        { kind: "say", text: "how much is it" },
      ],
    });
    const report = await sim.clock.runFor(call.report);
    const said = noticesOf(sim.notices, "caller-text").filter(({ final }) => final).map(({ text }) => text);
    assert.deepEqual(said, ["can I bring my dog", "and how much is it", "how much is it"]);
    assert.deepEqual(report.turns.slice(-2).map(({ heard }) => heard), [slow.say, PRICE]);
  });
}

test("a route that hangs up does so once its answer was heard", async () => {
  await using sim = await simHouse({ config: { routes: ROUTES }, agent: { think: storyBrain } });
  const call = sim.ring({ steps: [{ kind: "say", text: "take me off your list" }, { kind: "wait", ms: 20_000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.endedBy, "server");
  assert.equal(report.turns[1]!.heard, "You will not hear from us again.");
  await sim.clock.run(2000);
  assert.equal(sim.records()[0]!.endReason, "agent-hung-up");
});

test("a route puts the caller through while its desk is there; outside its hours the model answers", async () => {
  for (const hours of ["daily 00:00-24:00", "Mon 00:00-00:01"]) { // the clock stands later
    const config = {
      timezone: "UTC",
      tools: [{ name: "transfer_call", to: { desk: { number: "+15550142", hours } } }],
      routes: [{
        ...{ name: "human", utterances: ["give me a human", "let me talk to a person"] },
        ...{ text: "One moment, I put you through.", then: "transfer", transferTo: "desk" },
      }],
    };
    await using sim = await simHouse({ config, agent: { think: () => ({ say: "The desk is closed." }) } });
    const call = sim.ring({ steps: [{ kind: "say", text: "give me a human" }, { kind: "wait", ms: 3000 }] });
    const { turns } = await sim.clock.runFor(call.report);
    const isOpen = hours.startsWith("daily");
    assert.equal(turns[1]!.heard, isOpen ? "One moment, I put you through." : "The desk is closed.");
    assert.equal(sim.records()[0]!.endReason, isOpen ? "transferred" : "caller-hung-up");
  }
});

test("interrupting with stop does not end the call", async () => {
  await using sim = await simHouse({ config: { routes: ROUTES }, agent: { think: storyBrain } });
  const call = sim.ring({
    steps: [{ kind: "say", text: "tell me something" }, { kind: "interrupt", text: "stop", afterMs: 900 }, {
      kind: "wait",
      ms: 3000,
    }],
  });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.endedBy, "caller");
  assert.equal(noticesOf(sim.notices, "routed").length, 0);
});

test("pipeline: a common question that interrupts with its last words is answered as any other", async () => {
  await using sim = await simPipeline({
    config: { routes: ROUTES },
    pipeline: { listen: { provider: { type: "deepgram", model: "nova-3", endpointing: 250 } } },
    listen: { knobs: { interimMs: 1000 } },
    brain: () => ({ text: STORY }),
  });
  const call = sim.ring({
    steps: [{ kind: "say", text: "tell me something nice please" }, {
      kind: "interrupt",
      text: "how much is it",
      afterMs: 1500,
    }, { kind: "wait", ms: 5000 }],
  });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.turns.at(-1)!.heard, PRICE);
  const interrupted = noticesOf(sim.notices, "reply-interrupted").map(({ reply }) => reply);
  const [routed] = noticesOf(sim.notices, "reply-started").filter(({ source }) => source === "route");
  assert.ok(interrupted.length > 0 && !interrupted.includes(routed!.reply), JSON.stringify(interrupted));
});

test("a caller who interrupts a cached answer: the record keeps what was heard of it", async () => {
  await using sim = await simHouse({ config: { routes: ROUTES }, agent: { think: storyBrain } });
  const call = sim.ring({
    steps: [{ kind: "say", text: "how much is it" }, { kind: "interrupt", text: "never mind then", afterMs: 800 }, {
      kind: "wait",
      ms: 500,
    }],
  });
  const report = await sim.clock.runFor(call.report);
  assert.deepEqual(report.offences, []);
  const answer = sim.records()[0]!.transcript.find(({ route }) => route === "pricing")!;
  assert.ok(answer.interrupted);
  assert.ok(
    Math.abs(answer.heardMs! - report.turns[1]!.heardMs) <= 40,
    `${answer.heardMs} and ${report.turns[1]!.heardMs}`,
  );
});

test("500 routed turns (a fifth of them here), each followed at once by a question: nothing fenced is heard, no answer swallowed", async () => {
  const turns = seedCount(500);
  for (let done = 0, seed = 1; done < turns; seed++) {
    const random = seeded(seed);
    await using sim = await simHouse({
      seed,
      config: { routes: ROUTES },
      agent: {
        think: ({ said }) => ({ say: `Regarding ${said} indeed.`, thinkMs: 100 + random() * 600 }),
        rateX: 1 + random() * 20,
      },
    });
    const steps = Array.from({ length: 5 }, (_, index) => [
      { kind: "say" as const, text: "how much is it", now: index > 0 && random() < 0.3 },
      { kind: "say" as const, text: `question number${index} please`, now: random() < 0.5 },
    ]).flat();
    const call = sim.ring({ steps });
    const report = await sim.clock.runFor(call.report);
    assert.deepEqual(report.offences, [], `seed ${seed}`);
    const heard = report.turns.map((turn) => turn.heard ?? "").join(" ");
    const texts = noticesOf(sim.notices, "caller-text").map(({ text }) => text);
    for (const { atMs } of noticesOf(sim.notices, "routed")) {
      const routed = noticesOf(sim.notices, "caller-text").find((notice) => notice.atMs === atMs)!.text;
      assert.ok(
        !heard.includes(`Regarding ${routed} indeed`),
        `seed ${seed}: the agent's own answer to "${routed}" was heard`,
      );
    }
    for (const turn of report.turns.filter(({ said }) => said.startsWith("question"))) {
      // What the agent took as one turn with the words before it is answered as one.
      if (!texts.includes(turn.said)) continue;
      const interrupted = turn.interrupted || turn === report.turns.at(-1);
      assert.ok(
        interrupted || turn.heard!.includes(`Regarding ${turn.said}`),
        `seed ${seed}: "${turn.said}" got "${turn.heard}"`,
      );
    }
    done += noticesOf(sim.notices, "routed").length;
    assert.ok(seed < turns, "too few turns were routed");
  }
});
