import assert from "node:assert/strict";
import type { CallNotice, CallRecord } from "../../lib/call/notice.ts";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { failed, ok } from "../../lib/base/result.ts";
import { ConfiguredTools } from "../../lib/call_tools.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { withoutWords } from "../../lib/store/privacy.ts";
import { seeded, test } from "../case.ts";
import { config } from "../config/make.ts";
import { simHouse } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

type Notice<K extends CallNotice["kind"]> = Extract<CallNotice, { kind: K }>;
const noticesOf = <K extends CallNotice["kind"]>(notices: readonly CallNotice[], kind: K) =>
  notices.filter((notice): notice is Notice<K> => notice.kind === kind);

/** Calls one function with these arguments when it hears anything, says what came of it. */
const caller = (name: string, args: Record<string, unknown>): Brain => ({ history }) => {
  const result = history.at(-1);
  return result?.role === "function"
    ? { say: `Result ${result.content.replace(/[^a-z0-9 ]/gi, " ")}` }
    : { call: { name, arguments: args } };
};

/** Says `preface` before it calls. */
const said = (preface: string, { history }: Parameters<Brain>[0]) =>
  preface && history.at(-1)?.role !== "function" ? { say: preface } : {};

const TRANSFER = { name: "transfer_call", to: { desk: { number: "+15550142" } }, ringSeconds: 20 };

test("goodbye: the model ends the call, the goodbye is heard, then the line is let go", async () => {
  await using sim = await simHouse({ config: { tools: [{ name: "end_call" }] } });
  const call = sim.ring({ steps: [{ kind: "say", text: "goodbye" }, { kind: "wait", ms: 20_000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.endedBy, "server");
  assert.match(report.turns.at(-1)!.heard!, /Goodbye\.$/);
  await sim.clock.run(5000);
  assert.equal(sim.records()[0]!.endReason, "agent-hung-up");
  assert.equal(noticesOf(sim.notices, "tool-result")[0]!.ok, true);
});

for (const from of ["sip:anna@pbx.example", "client:anna", "Anonymous", "unknown"]) {
  test(`a caller without a number of his own is put through all the same: ${from}`, async () => {
    await using sim = await simHouse({
      config: { tools: [TRANSFER] },
      agent: { think: caller("transfer_call", { to: "desk" }) },
    });
    const steps = [{ kind: "say", text: "a person please" }, { kind: "wait", ms: 8000 }] as const;
    const report = await sim.clock.runFor(sim.ring({ from, steps, limitMs: 60_000 }).report);
    assert.deepEqual(report.offences, []);
    assert.equal(sim.records()[0]!.endReason, "transferred");
    assert.deepEqual(noticesOf(sim.notices, "call-resumed"), []);
  });
}

for (const outcome of ["answered", "no-answer"] as const) {
  test(`a transfer that is ${outcome}`, async () => {
    await using sim = await simHouse({
      config: { tools: [TRANSFER] },
      agent: { think: caller("transfer_call", { to: "desk" }) },
    });
    const call = sim.ring({
      dialOutcome: outcome,
      steps: [{ kind: "say", text: "a person please" }, { kind: "wait", ms: 8000 }],
      limitMs: 60_000,
    });
    const report = await sim.clock.runFor(call.report);
    assert.deepEqual(report.offences, []);
    await sim.clock.run(5000);
    const record = sim.records()[0]!;
    if (outcome === "answered") assert.equal(record.endReason, "transferred");
    else {
      assert.equal(noticesOf(sim.notices, "call-resumed")[0]!.why, "no-answer");
      const heard = report.turns.map((turn) => turn.heard ?? "").join(" ");
      assert.match(heard, /nobody answers there right now/);
      const history = sim.agent.sessions[1]!.mind.history.map(({ content }) => content).join(" ");
      assert.match(history, /a person please/, "the new agent does not remember");
    }
    assert.equal(sim.records().length, 1, "one call, one record");
  });
}

test("a model cannot choose a number, only a configured name", async () => {
  await using sim = await simHouse({
    config: { tools: [TRANSFER] },
    agent: { think: caller("transfer_call", { to: "+19005550100" }) },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "a person please" }, { kind: "wait", ms: 6000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /arguments do not fit/);
  assert.equal(report.endedBy, "caller");
});

test("outside its hours nobody is rung, and the model is told the hours", async () => {
  const closed = { ...TRANSFER, to: { desk: { number: "+15550142", hours: "Mon-Fri 01:00-02:00" } } };
  await using sim = await simHouse({
    config: { tools: [closed] },
    agent: { think: caller("transfer_call", { to: "desk" }) },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "a person please" }, { kind: "wait", ms: 8000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /is not there now/);
});

test("digits are collected by length or terminator, and not told to the agent as speech", async () => {
  for (const [keys, expected] of [["1234", "1234"], ["12#", "12"]] as const) {
    await using sim = await simHouse({
      config: { tools: [{ name: "collect_digits" }] },
      agent: { think: caller("collect_digits", { length: 4 }) },
    });
    const call = sim.ring({
      steps: [
        { kind: "say", text: "here it comes" },
        { kind: "wav", name: "silence", audio: new Uint8Array(16_000).fill(0xFF), now: true },
        { kind: "dtmf", keys, now: true },
        { kind: "wait", ms: 5000 },
      ],
    });
    const report = await sim.clock.runFor(call.report);
    assert.match(report.turns.map(({ heard }) => heard).join(" "), new RegExp(`digits\\s+${expected}`));
  }
});

/** The model asks for digits, and tells what came of it. */
function collecting() {
  return simPipeline({
    config: { tools: [{ name: "collect_digits" }] },
    brain: (messages) => {
      const result = messages.findLast(({ role }) => role === "tool");
      if (result) return { text: `I got ${String(result.content).replace(/[^a-z0-9]+/g, " ")}` };
      return { text: "Please type your number.", calls: [{ name: "collect_digits", arguments: { length: 4 } }] };
    },
  });
}

test("a caller who speaks instead of typing is answered at once", async () => {
  await using sim = await collecting();
  const call = sim.ring({
    steps: [
      { kind: "say", text: "about my account please" },
      { kind: "say", text: "I do not have that number here" },
      { kind: "wait", ms: 6000 },
    ],
  });
  await sim.clock.runFor(call.report);
  const said = noticesOf(sim.notices, "caller-text").findLast(({ final }) => final)!;
  const answer = noticesOf(sim.notices, "reply-text").find(({ atMs }) => atMs > said.atMs)!;
  assert.match(answer.text, /digits complete false/);
  assert.ok(answer.atMs - said.atMs < 1500, `${answer.atMs - said.atMs} ms`);
});

test("an okay does not end the typing, and nobody is told to wait while he types", async () => {
  await using sim = await collecting();
  const call = sim.ring({
    steps: [
      { kind: "say", text: "about my account please" },
      { kind: "say", text: "okay" },
      { kind: "wav", name: "silence", audio: new Uint8Array(40_000).fill(0xFF), now: true },
      { kind: "dtmf", keys: "1234", now: true },
      { kind: "wait", ms: 6000 },
    ],
  });
  await sim.clock.runFor(call.report);
  const replies = noticesOf(sim.notices, "reply-text").map(({ text }) => text);
  assert.deepEqual(replies.slice(1), ["Please type your number.", "I got digits 1234 complete true"]);
});

test("an agent says that it will look: fillers cover the slow tool, and it is not given up for its own wait", async () => {
  const find = {
    name: "find_hours",
    description: "When we are open.",
    parameters: { type: "object", properties: {} },
    http: { url: "https://api.example.com/hours", timeoutMs: 15_000 },
  };
  await using sim = await simHouse({
    config: { tools: [find] },
    agent: {
      think: ({ history }) =>
        history.at(-1)?.role === "function"
          ? { say: "From nine.", thinkMs: 2000 }
          : { say: "Let me look.", call: { name: "find_hours", arguments: {} } },
    },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    toolFetch: async () => {
      await sleep(sim.clock, 12_000);
      return new Response("nine");
    },
  });
  let quietMs = 0;
  let longestMs = 0;
  const call = sim.ring({
    steps: [{ kind: "say", text: "when do you open" }, { kind: "wait", ms: 18_000 }],
    onSlot(slot) {
      quietMs = slot.playedBytes > 0 || !noticesOf(sim.notices, "tool-call")[0] ? 0 : quietMs + 20;
      if (noticesOf(sim.notices, "reply-text").at(-1)?.text !== "From nine.") longestMs = Math.max(longestMs, quietMs);
    },
  });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /^Let me look\. One moment\. .*From nine\./);
  assert.ok(longestMs <= 2500, `${longestMs} ms of silence`);
  assert.deepEqual(noticesOf(sim.notices, "fault"), []);
});

for (const keys of ["12", "12#"]) {
  test(`a caller who is asked for digits is left in peace while he types ${keys}`, async () => {
    await using sim = await simHouse({
      config: { tools: [{ name: "collect_digits" }] },
      agent: {
        think: ({ history }) =>
          history.at(-1)?.role === "function"
            ? { say: "Thank you." }
            : { say: "Please type it.", call: { name: "collect_digits", arguments: { length: 2 } } },
      },
    });
    const call = sim.ring({
      steps: [{ kind: "say", text: "here it comes" }, { kind: "wait", ms: 9000 }, { kind: "dtmf", keys }, {
        kind: "wait",
        ms: 3000,
      }],
    });
    const report = await sim.clock.runFor(call.report);
    assert.equal(report.turns.slice(1).map(({ heard }) => heard ?? "").join(" ").trim(), "Please type it. Thank you.");
  });
}

for (const engine of ["agent", "pipeline"] as const) {
  test(`keys that are pressed just before they are asked for are part of the number: ${engine}`, async () => {
    const config = { tools: [{ name: "collect_digits" }] };
    const asks = { name: "collect_digits", arguments: { length: 4 } };
    await using sim = engine === "agent"
      ? await simHouse({ config, agent: { think: caller(asks.name, asks.arguments) } })
      : await collecting();
    const call = sim.ring({
      steps: [{ kind: "say", text: "here it comes" }, { kind: "dtmf", keys: "12wwww34", now: true }, {
        kind: "wait",
        ms: 6000,
      }],
    });
    const report = await sim.clock.runFor(call.report);
    assert.match(report.turns.map(({ heard }) => heard).join(" "), /digits\s+1234\s/);
    assert.equal(noticesOf(sim.notices, "caller-text").filter(({ final }) => final).length, 1);
  });
}

test("nobody is told to wait while he types what was asked before", async () => {
  await using sim = await simHouse({
    config: { tools: [{ name: "collect_digits" }] },
    agent: {
      think: ({ history }) =>
        history.at(-1)?.role === "function"
          ? { say: "Thank you.", thinkMs: 2000 }
          : { call: { name: "collect_digits", arguments: { length: 2 } } },
    },
  });
  const steps = [
    { kind: "say", text: "here it comes" },
    { kind: "dtmf", keys: "wwwwwwwwww1wwwwwww2", now: true },
    { kind: "wait", ms: 1000 },
  ] as const;
  await sim.clock.runFor(sim.ring({ steps }).report);
  const said = noticesOf(sim.notices, "reply-text").map(({ text }) => text);
  assert.deepEqual(said.slice(1), ["One moment.", "Thank you."], "a filler for the slow answer alone");
});

for (const warns of [false, true]) {
  test(`a caller who is asked for digits again types them again${warns ? ", though the agent has warned of something" : ""}`, async () => {
    await using sim = await simHouse({
      config: { tools: [{ name: "collect_digits" }] },
      agent: {
        think: ({ history }) => {
          const results = history.filter(({ role }) => role === "function").map(({ content }) => content);
          return results.length < 2
            ? { call: { name: "collect_digits", arguments: { length: 2 } } }
            : { say: results.join(" then ").replace(/[^a-z0-9 ]/g, " ") };
        },
      },
    });
    const call = sim.ring({
      steps: [
        { kind: "say", text: "here it comes" },
        { kind: "dtmf", keys: "wwwwww12wwwwww34", now: true },
        { kind: "wait", ms: 3000 },
      ],
    });
    const isAsked = () => noticesOf(sim.notices, "tool-call").length > 0;
    await sim.clock.runUntil(isAsked);
    const warning = { type: "Warning", code: "POOR_AUDIO_QUALITY", description: "The line is noisy." };
    if (warns) sim.agent.sessions[0]!.sendRaw(JSON.stringify(warning));
    const report = await sim.clock.runFor(call.report);
    assert.match(report.turns.at(-1)!.heard!, /digits\s+12\s.*then.*digits\s+34\s/);
  });
}

const SLOTS = {
  name: "find_slots",
  description: "Free appointments on one day.",
  parameters: { type: "object", properties: { day: { type: "string" } }, required: ["day"] },
  http: { url: "https://api.example.com/slots?day={{day}}", timeoutMs: 2000 },
};

/** What the caller hears after a tool that asks `answer`. */
async function afterHttp(
  answer: (request: Request) => Promise<Response>,
  addresses = ["93.184.216.34"],
  args = { day: "2026-11-22" },
) {
  const asked: string[] = [];
  await using sim = await simHouse({
    config: { tools: [SLOTS] },
    agent: { think: caller("find_slots", args) },
    resolve: () => Promise.resolve(addresses),
    toolFetch: (request) => {
      asked.push(request.url);
      return answer(request);
    },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "any free slots" }, { kind: "wait", ms: 10_000 }] });
  const report = await sim.clock.runFor(call.report);
  return { heard: report.turns.at(-1)!.heard!, asked };
}

test("an HTTP tool answers, with its arguments in their places", async () => {
  const { heard, asked } = await afterHttp(() => Promise.resolve(new Response('{"slots":"nine"}')));
  assert.match(heard, /slots\s+nine/);
  assert.deepEqual(asked, ["https://api.example.com/slots?day=2026-11-22"]);
});

test("arguments cannot leave their place in the URL", async () => {
  const { asked } = await afterHttp(() => Promise.resolve(new Response("ok")), ["93.184.216.34"], {
    day: "x&admin=1#/../../etc@evil",
  });
  assert.deepEqual(asked, ["https://api.example.com/slots?day=x%26admin%3D1%23%2F..%2F..%2Fetc%40evil"]);
});

test("an HTTP tool that is late, fails, redirects, sends 5 MB or points at a private address ends in data for the model", async () => {
  const late = await afterHttp((request) =>
    new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)))
  );
  assert.match(late.heard, /No result within 2000 ms/);
  const fails = await afterHttp(() => Promise.resolve(new Response("down", { status: 500 })));
  assert.match(fails.heard, /HTTP 500/);
  const redirects = await afterHttp(() =>
    Promise.resolve(new Response(null, { status: 302, headers: { location: "http://x" } }))
  );
  assert.match(redirects.heard, /redirect/);
  const huge = await afterHttp(() => Promise.resolve(new Response("word ".repeat(1_000_000))));
  assert.match(huge.heard, /word word/); // how much of it is told: tests/engine/http_tool_test.ts
  for (const address of ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"]) {
    const hidden = await afterHttp(() => Promise.resolve(new Response("secret")), [address]);
    assert.match(hidden.heard, /private address/, address);
    assert.deepEqual(hidden.asked, []);
  }
});

test("a secret that a server repeats is not told, however it has to be written there", async () => {
  const secret = 'two "words" \\ é';
  const secrets = { SECRET_KEY: secret };
  const http = { ...SLOTS.http, headers: { "x-key": "${SECRET_KEY}" } };
  const call = config({ prompt: "You are brief.", tools: [{ ...SLOTS, http }] }, { env: secrets }).base;
  for (const spelt of [secret, encodeURIComponent(secret)]) {
    using tools = new ConfiguredTools({
      call,
      clock: systemClock,
      fetch: () => Promise.resolve(new Response(`unknown key: ${spelt}`, { status: 401 })),
      resolve: () => Promise.resolve(["93.184.216.34"]),
      secrets,
      variable: () => "",
      spoken: () => undefined,
      park: () => {},
      takeMessage: () => Promise.resolve(ok(undefined)),
    });
    const { content } = await tools.run({ id: "1", name: "find_slots", arguments: '{"day":"2026-11-22"}' });
    assert.equal(content, '{"error":"The server answered HTTP 401: unknown key: [secret]"}');
  }
});

const BOOK = { ...SLOTS, name: "book", confirm: true };
const CLOSED = { ...TRANSFER, to: { desk: { number: "+15550142", hours: "Mon-Fri 01:00-02:00" } } };
const answers = (body: string, status = 200) => () => Promise.resolve(new Response(body, { status }));
const OUTCOMES: [what: string, ok: boolean, name: string, args: Record<string, unknown>, () => Promise<Response>][] = [
  ["has answered", true, "find_slots", { day: "monday" }, answers('{"error":"none"}')],
  ["waits for a yes", true, "book", { day: "monday" }, answers("booked")],
  ["was answered with 500", false, "find_slots", { day: "monday" }, answers("down", 500)],
  ["reached nobody", false, "find_slots", { day: "monday" }, () => Promise.reject(new TypeError("refused"))],
  ["was never answered", false, "find_slots", { day: "monday" }, () => new Promise(() => {})],
  ["was given the wrong arguments", false, "find_slots", { date: "monday" }, answers("nine")],
  ["hands a message over to nobody", false, "take_message", { message: "the boiler leaks" }, answers("")],
  ["transfers to who is not there", false, "transfer_call", { to: "desk" }, answers("")],
];
for (const [what, ok, name, args, toolFetch] of OUTCOMES) {
  test(`a tool that ${what} is told as ${ok ? "answered" : "failed"}`, async () => {
    await using sim = await simHouse({
      config: { tools: [SLOTS, BOOK, CLOSED, { name: "take_message" }] },
      agent: { think: caller(name, args) },
      resolve: () => Promise.resolve(["93.184.216.34"]),
      toolFetch,
      takeMessage: () => Promise.resolve(failed({ kind: "refused", peer: "webhook", status: 503, detail: "" })),
    });
    const call = sim.ring({ steps: [{ kind: "say", text: "please do it" }, { kind: "wait", ms: 4000 }] });
    await sim.clock.runFor(call.report);
    assert.deepEqual(sim.records()[0]!.tools.map(({ name, ok }) => ({ name, ok })), [{ name, ok }]);
  });
}

for (const [language, no, yes] of [["en", "no wait", "yes please"], ["de-AT", "nein warte", "ja bitte"]] as const) {
  test(`a tool that wants a yes runs only after the caller said it: "${yes}"`, async () => {
    const ran: string[] = [];
    const book = {
      name: "book",
      description: "Book it.",
      confirm: true,
      parameters: { type: "object", properties: { day: { type: "string" } }, required: ["day"] },
      http: { url: "https://api.example.com/book", method: "POST" },
    };
    await using sim = await simHouse({
      config: { tools: [book], language },
      agent: { think: caller("book", { day: "monday" }) },
      resolve: () => Promise.resolve(["93.184.216.34"]),
      toolFetch: async (request) => {
        ran.push(await request.text());
        return new Response("booked");
      },
    });
    const call = sim.ring({
      steps: [
        { kind: "say", text: "book monday" },
        { kind: "say", text: no },
        { kind: "say", text: "book monday" },
        { kind: "say", text: yes },
        { kind: "wait", ms: 3000 },
      ],
    });
    const report = await sim.clock.runFor(call.report);
    assert.deepEqual(ran, ['{"day":"monday"}']);
    assert.match(report.turns.at(-1)!.heard!, /booked/);
  });
}

test("a yes to whether the caller is still there runs no tool that wants one", async () => {
  let ran = 0;
  const book = {
    name: "book",
    description: "Book it.",
    confirm: true,
    parameters: { type: "object", properties: {} },
    http: { url: "https://api.example.com/book", method: "POST" },
  };
  await using sim = await simHouse({
    config: { tools: [book], silence: { promptAfterMs: 4000 } },
    agent: { think: caller("book", {}) },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    toolFetch: () => Promise.resolve(new Response(`booked ${++ran}`)),
  });
  const steps: Step[] = [
    { kind: "say", text: "book monday" },
    { kind: "wait", ms: 6000 },
    { kind: "say", text: "yes I am here" },
    { kind: "say", text: "yes do it" },
  ];
  const report = await sim.clock.runFor(sim.ring({ steps }).report);
  assert.match(report.turns[1]!.heard!, /still there/);
  assert.doesNotMatch(report.turns[2]!.heard!, /booked/);
  assert.match(report.turns[3]!.heard!, /booked 1/);
});

test("a message for people is in the record, with whether it was handed over", async () => {
  const args = { message: "the boiler leaks", name: "Ann", urgent: true };
  for (const isDown of [false, true]) {
    await using sim = await simHouse({
      config: { tools: [{ name: "take_message" }] },
      agent: { think: caller("take_message", args) },
      takeMessage: () =>
        Promise.resolve(
          isDown
            ? { ok: false, fault: { kind: "refused", peer: "webhook", status: 503, detail: "" } }
            : { ok: true, value: undefined },
        ),
    });
    const call = sim.ring({ steps: [{ kind: "say", text: "tell them something" }, { kind: "wait", ms: 6000 }] });
    const report = await sim.clock.runFor(call.report);
    const [{ atMs: _, ...message }] = sim.records()[0]!.messages as [CallRecord["messages"][number]];
    const words = { text: args.message, name: "Ann", urgent: true };
    if (!isDown) assert.deepEqual(message, { delivered: true, ...words });
    else {
      assert.deepEqual({ ...message, why: "" }, { delivered: false, why: "", ...words });
      assert.match(message.why!, /503/);
      assert.match(report.turns.at(-1)!.heard!, /not handed over/);
    }
    const kept = sim.notices.flatMap((notice) => withoutWords(notice) ?? []).filter(({ kind }) => kind === "message");
    assert.equal(kept.length, 1);
    assert.doesNotMatch(JSON.stringify(kept), /boiler|Ann/);
  }
});

test("a message that the webhook takes for ever is marked as not delivered", async () => {
  await using sim = await simHouse({
    config: { tools: [{ name: "take_message" }] },
    agent: { think: caller("take_message", { message: "the boiler leaks" }) },
    takeMessage: () => new Promise(() => {}),
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "tell them something" }, { kind: "wait", ms: 15_000 }] });
  await sim.clock.runFor(call.report);
  await sim.clock.run(40_000);
  assert.deepEqual(sim.records()[0]!.messages.map(({ delivered }) => delivered), [false]);
  assert.equal(sim.clock.pending, 0);
});

for (const preface of ["", "I pass it on."]) {
  test(`noise while a tool runs takes no answer away (said before: "${preface}")`, async () => {
    let ran = 0;
    await using sim = await simHouse({
      config: { tools: [{ name: "take_message" }] },
      agent: {
        random: seeded(5),
        think: (turn) => ({ ...caller("take_message", { message: "the boiler leaks" })(turn), ...said(preface, turn) }),
      },
      takeMessage: async () => {
        if (ran++ === 0) sim.clock.after(2000, () => sim.agent.sessions[0]!.falseStart());
        await sleep(sim.clock, 4000);
        return { ok: true, value: undefined };
      },
    });
    const call = sim.ring({ steps: [{ kind: "say", text: "tell them something" }, { kind: "wait", ms: 16_000 }] });
    const report = await sim.clock.runFor(call.report);
    const heard = report.turns.at(-1)!.heard!;
    assert.match(heard, /handed over/);
    assert.doesNotMatch(heard, /still there|withdrawn/);
  });
}

for (const isCut of [false, true]) {
  test(`a tool that takes 6 s runs once${isCut ? ", though its agent is lost meanwhile" : ", and its agent is waited for"}`, async () => {
    let ran = 0;
    await using sim = await simHouse({
      config: { tools: [{ name: "take_message" }] },
      agent: { think: caller("take_message", { message: "the boiler leaks" }) },
      takeMessage: async () => {
        ran++;
        if (isCut) sim.clock.after(2000, () => sim.agentDial.pairs.at(-1)!.cut());
        await sleep(sim.clock, 6000);
        return { ok: true, value: undefined };
      },
    });
    const call = sim.ring({ steps: [{ kind: "say", text: "tell them something" }, { kind: "wait", ms: 12_000 }] });
    const report = await sim.clock.runFor(call.report);
    assert.equal(ran, 1);
    assert.equal(sim.agent.sessions.length, isCut ? 2 : 1);
    assert.match(report.turns.at(-1)!.heard!, /handed over/);
    assert.deepEqual(report.offences, []);
  });
}
