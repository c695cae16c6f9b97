import assert from "node:assert/strict";
import { failed } from "../../lib/base/result.ts";
import type { AgentFaults } from "../../lib/rehearsal/agent_faults.ts";
import { seeded, test } from "../case.ts";
import { listeningDial } from "../faults/lab.ts";
import { simHouse, type SimOptions, STORY, storyBrain } from "../sim/house.ts";
import { simPipeline } from "../sim/pipeline.ts";

const APOLOGY = /I am sorry, something went wrong on our side/;

/** How a call goes when the agent fails in one way: what the caller heard last, why it ended, what the record blames. */
async function callWith(faults: Partial<AgentFaults>, openMs = 0) {
  await using sim = await simHouse({ agent: { faults, think: storyBrain }, agentWeather: { openMs } });
  const call = sim.ring({ steps: [{ kind: "say", text: "tell me something" }, { kind: "wait", ms: 20_000 }] });
  const report = await sim.clock.runFor(call.report);
  await sim.clock.run(20_000);
  assert.equal(sim.house.reception.active, 0);
  assert.equal(sim.clock.pending, 0, "timers are left");
  const [record] = sim.records();
  const heard = report.turns.map((turn) => turn.heard ?? "").join(" ");
  return { report, heard, record: record! };
}

const CASES: Record<string, { faults: Partial<AgentFaults>; blames: RegExp }> = {
  "a wrong key": { faults: { refuse: 401 }, blames: /refused .*401/ },
  "an account without credit": { faults: { refuse: 402 }, blames: /refused .*402/ },
  "too many sessions": { faults: { refuse: 429, retryAfterSeconds: 5 }, blames: /refused .*429/ },
  "a vendor that is down": { faults: { refuse: 503 }, blames: /refused .*503/ },
  "a socket that opens and says nothing": { faults: { silentAfterOpen: true }, blames: /deadline/ },
  "settings that are never applied": { faults: { neverApply: true }, blames: /deadline/ },
  "settings that are rejected": {
    faults: { error: { code: "INVALID_SETTINGS", at: "settings" } },
    blames: /rejected .*INVALID_SETTINGS/,
  },
  "a socket that is cut in every first reply": {
    faults: { dropMidReply: { reply: 1, afterBytes: 4000 }, dropCode: "cut" },
    blames: /lost .*1006/,
  },
  "a voice that fails in every reply": {
    faults: { error: { code: "FAILED_TO_SPEAK", at: "reply" } },
    blames: /rejected .*FAILED_TO_SPEAK/,
  },
  "a model that fails in every turn": {
    faults: { error: { code: "FAILED_TO_THINK", at: "turn" } },
    blames: /rejected .*FAILED_TO_THINK/,
  },
};

for (const [name, { faults, blames }] of Object.entries(CASES)) {
  test(`${name}: the caller hears an apology, the call ends, the record says why`, async () => {
    const { report, heard, record } = await callWith(faults);
    assert.match(heard, APOLOGY);
    assert.deepEqual(report.offences, []);
    assert.equal(report.endedBy, "server");
    assert.ok(["engine-failed", "engine-not-ready"].includes(record.endReason!), String(record.endReason));
    assert.match(record.faults.map(({ fault }) => `${fault.kind} ${JSON.stringify(fault)}`).join("\n"), blames);
    assert.ok(report.durationMs < 30_000);
  });
}

/** Faults of the first session only: another takes its place. */
const PASSING: Record<string, Partial<AgentFaults>> = {
  "a vendor that is down for a moment": { refuse: 503 },
  "a socket that opens and says nothing, once": { silentAfterOpen: true },
  "a close in the greeting": { dropMidReply: { reply: 1, afterBytes: 4000 }, dropCode: "cut" },
  "a close in mid-answer": { dropMidReply: { reply: 2, afterBytes: 20_000 }, dropCode: 1011 },
  "an error in mid-answer": { error: { code: "FAILED_TO_SPEAK", at: "reply" } },
  "a model that fails once": { error: { code: "FAILED_TO_THINK", at: "turn" } },
};

for (const [name, faults] of Object.entries(PASSING)) {
  test(`${name}: a new agent takes over, knows what was said, and the caller is answered`, async () => {
    await using sim = await simHouse({
      agent: {
        faults: (session) => session === 1 ? faults : {},
        think: ({ said }) => ({ say: `Concerning ${said} there is plenty to tell everybody.` }),
      },
    });
    const call = sim.ring({
      steps: [{ kind: "say", text: "tell me something" }, { kind: "wait", ms: 5000 }, {
        kind: "say",
        text: "another question",
      }],
    });
    const report = await sim.clock.runFor(call.report);
    assert.deepEqual(report.offences, []);
    assert.equal(report.endedBy, "caller");
    const heard = report.turns.map((turn) => turn.heard ?? "").join(" ");
    assert.match(heard, /Concerning tell me something|Concerning Please go on/);
    assert.match(heard, /Concerning another question there is plenty to tell everybody/);
    assert.doesNotMatch(heard, APOLOGY);
    const [record] = sim.records();
    assert.equal(record!.transcript.filter(({ who }) => who === "caller").length, 2, "each turn of the caller once");
  });
}

test("who has just spoken to an agent that is dead is not asked whether he is there, but answered by the next one", async () => {
  await using sim = await simHouse({ agent: { think: ({ said }) => ({ say: `Concerning ${said} that is all.` }) } });
  const call = sim.ring({
    steps: [
      { kind: "wait", ms: 5500 },
      { kind: "say", text: "is there a table" },
      { kind: "wait", ms: 4000 },
    ],
  });
  await sim.clock.run(5000);
  sim.agentDial.pairs.at(-1)!.client.stall();
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /^One moment\. Let me check\. Concerning is there a table that is all\.$/);
});

test("what a caller says to an agent that is dead is answered by the next one, after the turn that the first one left", async () => {
  await using sim = await simHouse({
    agent: { think: ({ said }) => ({ say: `Concerning ${said} that is all.`, thinkMs: 800 }) },
  });
  const call = sim.ring({
    steps: [
      { kind: "say", text: "a table for two" },
      { kind: "wav", name: "pause", audio: new Uint8Array(16_000).fill(0xFF), now: true },
      { kind: "say", text: "hello are you there", now: true },
      { kind: "wait", ms: 10_000 },
    ],
  });
  await sim.clock.runUntil(() => sim.notices.some((notice) => notice.kind === "caller-text"));
  sim.agentDial.pairs.at(-1)!.client.stall();
  const report = await sim.clock.runFor(call.report);
  const said = sim.records()[0]!.transcript.flatMap(({ who, text }) => who === "caller" ? [text] : []);
  assert.deepEqual(said, ["a table for two", "hello are you there"]);
  assert.match(report.turns.at(-1)!.heard!, /Concerning hello are you there that is all\./);
});

test("the record of an answer in the middle of which its agent was lost ends about where its sound did", async () => {
  await using sim = await simHouse({
    agent: {
      faults: (session) => session === 1 ? { dropMidReply: { reply: 2, afterBytes: 40_000 } } : {},
      think: ({ said }) => ({ say: said === "Please go on." ? "And so on." : STORY }),
    },
  });
  const report = await sim.clock.runFor(sim.ring({ steps: [{ kind: "say", text: "tell me something" }] }).report);
  const heard = report.turns.at(-1)!.heard!.replace(/ *And so on\.$/, "").split(" ").length;
  const told = sim.records()[0]!.transcript.find(({ text }) => text === STORY)!.heardText!.split(" ").length;
  assert.ok(heard > 5 && Math.abs(told - heard) <= 2, `${told} words told, ${heard} heard`);
});

for (const [why, recording, lost] of [["a recording notice", true, 1], ["a filler", false, 2]] as const) {
  test(`an agent that takes over before anything but ${why} was said still greets`, async () => {
    await using sim = await simHouse({
      config: { privacy: { recording }, lines: { recordingNotice: "This call is recorded." } },
      agent: { faults: (session) => session <= lost ? { neverApply: true } : {} },
    });
    const call = sim.ring({ steps: [{ kind: "wait", ms: 6000 }] });
    const report = await sim.clock.runFor(call.report);
    assert.match(report.turns[0]!.heard!, /Welcome to the clinic today\.$/);
  });
}

test("a vendor that nobody can reach for a second is waited for", async () => {
  let away = 0;
  await using sim = await simHouse({
    dial: (clock, _random, agentDial) => (request, signal) => {
      if (clock.monotonicMs() >= 1500) return agentDial(request, signal);
      away++;
      return Promise.resolve(failed({ kind: "unreachable", peer: request.peer, detail: "connection refused" }));
    },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 2000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.equal(away, 3);
  assert.match(report.turns[0]!.heard!, /Welcome to the clinic today\.$/);
  assert.equal(report.endedBy, "caller");
});

test("an agent whose model calls a function that is none is replaced, and the caller is answered", async () => {
  let asked = 0;
  await using sim = await simHouse({
    agent: { think: () => asked++ === 0 ? { call: { name: "no_such", arguments: {} } } : { say: "From nine." } },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "when do you open" }, { kind: "wait", ms: 2000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.equal(report.turns.at(-1)!.heard, "From nine.");
});

test("garbage from the agent is counted and survived", async () => {
  const { report, record } = await callWith({ garbage: true });
  assert.equal(report.endedBy, "caller");
  assert.equal(record.endReason, "caller-hung-up");
  assert.ok(record.faults.some(({ fault, fatal }) => fault.kind === "protocol" && !fatal));
});

test("an agent that falls silent: fillers, another try, at last an apology, and never 2.5 s of nothing", async () => {
  await using sim = await simHouse({ agent: { think: () => ({ thinkMs: 600_000 }), slowThinkMs: 600_000 } });
  let quietMs = 0;
  let longestMs = 0;
  let asked = false;
  const call = sim.ring({
    steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 120_000 }],
    onSlot(slot) {
      quietMs = slot.playedBytes > 0 || !asked ? 0 : quietMs + 20;
      longestMs = Math.max(longestMs, quietMs);
    },
    onEvent: (event) => {
      if (event.kind === "said") asked = true;
    },
  });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /One moment\. ?Let me check\./);
  assert.match(report.turns.at(-1)!.heard!, APOLOGY);
  assert.ok(asked && longestMs <= 2500, `${longestMs} ms of silence`);
  await sim.clock.run(5000);
  assert.equal(sim.records()[0]!.endReason, "engine-failed");
});

for (const latencySpam of [false, true]) {
  test(`a caller who goes on after an early end of his turn is heard out (reports meanwhile: ${latencySpam})`, async () => {
    await using sim = await simHouse({
      agent: { faults: { latencySpam }, think: () => ({ say: "Fine, noted.", thinkMs: 1500 }) },
    });
    const more = "and I would also like to say that my mother is coming along and she needs a chair with arms please";
    const call = sim.ring({
      steps: [
        { kind: "say", text: "a table for two" },
        { kind: "wav", name: "pause", audio: new Uint8Array(7200).fill(0xFF), now: true },
        { kind: "say", text: more, now: true },
        { kind: "wait", ms: 3000 },
      ],
    });
    const report = await sim.clock.runFor(call.report);
    assert.equal(report.turns.at(-1)!.heard, "One moment. Fine, noted.");
    assert.equal(sim.agent.sessions.length, 1);
    const saidMs = sim.notices.findLast((notice) => notice.kind === "caller-text")!.atMs;
    const filledMs = sim.notices.find((notice) => notice.kind === "reply-text" && notice.text === "One moment.")!.atMs;
    assert.ok(filledMs > saidMs, "a filler was said over him");
  });
}

for (const pauseMs of [1200, 2700]) {
  test(`a caller who goes on after ${pauseMs} ms while a dead agent hears nothing of it is not told to wait before he falls silent`, async () => {
    await using sim = await simHouse({ agent: { think: () => ({ say: "Fine, noted.", thinkMs: 1000 }) } });
    const spoken: { from: number; to: number }[] = [];
    const now = () => sim.clock.monotonicMs();
    const heard: number[] = [];
    const call = sim.ring({
      steps: [
        { kind: "say", text: "a table for two" },
        { kind: "wav", name: "pause", audio: new Uint8Array(pauseMs * 8).fill(0xFF), now: true },
        { kind: "say", text: "for tomorrow night at eight", now: true },
        { kind: "wait", ms: 3000 },
      ],
      dial: listeningDial(sim.phoneDial, {
        now,
        begins: () => void spoken.push({ from: now(), to: Infinity }),
        ended: (to) => void (spoken.at(-1)!.to = to),
      }),
      onSlot: (slot, atMs) => void (slot.playedBytes > 0 && heard.push(atMs)),
    });
    await sim.clock.runUntil(() => spoken.length === 1);
    await sim.clock.run(500);
    sim.agentDial.pairs.at(-1)!.client.stall();
    const report = await sim.clock.runFor(call.report);
    assert.equal(spoken.length, 2);
    assert.deepEqual(heard.filter((ms) => spoken.some(({ from, to }) => ms > from && ms < to)), []);
    const saidMs = spoken[1]!.to;
    const waits = [saidMs, ...heard.filter((ms) => ms > saidMs)].map((ms, n, all) => (all[n + 1] ?? ms) - ms);
    assert.ok(Math.max(...waits) <= 2500, `${Math.max(...waits)} ms of silence`);
    assert.match(report.turns.at(-1)!.heard!, /Fine, noted\.$/);
  });
}

for (const engine of ["agent", "pipeline"] as const) {
  test(`${engine}: a dog that barks six times ends no call, and is told to wait twice at most`, async () => {
    const random = seeded(3);
    const loud = () => (random() < 0.5 ? 0x80 : 0) | (0x30 + Math.floor(random() * 8));
    const bark = Uint8Array.from({ length: 7200 }, loud);
    const config = { silence: { promptAfterMs: 120_000 } };
    const deaf = { openSense: () => Promise.resolve({ speech: () => false, [Symbol.dispose]() {} }) };
    await using sim = engine === "agent"
      ? await simHouse({ config, agent: deaf })
      : await simPipeline({ config, brain: () => ({ text: "Good morning." }) });
    const barks = Array.from({ length: 6 }, () => [bark, new Uint8Array(64_000).fill(0xFF)]).flat();
    const call = sim.ring({
      steps: [
        { kind: "say", text: "hello there" },
        { kind: "wait", ms: 3000 },
        ...barks.map((audio) => ({ kind: "wav" as const, name: "dog", audio, now: true })),
        { kind: "say", text: "good morning" },
        { kind: "wait", ms: 2000 },
      ],
    });
    const report = await sim.clock.runFor(call.report);
    assert.equal(report.endedBy, "caller");
    if (engine === "agent") assert.equal(sim.agent.sessions.length, 2, "what two in a row do not hear is noise");
    const lines = sim.notices.flatMap((notice) => notice.kind === "reply-text" ? [notice.text] : []);
    assert.ok(lines.filter((text) => /One moment|Let me check/.test(text)).length <= 2, lines.join(" "));
    assert.match(report.turns.at(-1)!.heard!, engine === "agent" ? /^Hello, this is the clinic\./ : /^Good morning\.$/);
  });
}

for (const [after, promptAfterMs] of [["while he is told", 4000], ["just after", 4800]] as const) {
  test(`who is told to wait, for a sound that nobody understood, is not asked whether he is there ${after}`, async () => {
    const hum = Uint8Array.from({ length: 8000 }, (_, i) => 0x30 + (i % 7 < 4 ? 0x80 : 0));
    const deaf = { openSense: () => Promise.resolve({ speech: () => false, [Symbol.dispose]() {} }) };
    await using sim = await simHouse({ config: { silence: { promptAfterMs } }, agent: deaf });
    const call = sim.ring({
      steps: [
        { kind: "wait", ms: 500 },
        { kind: "wav", name: "hum", audio: hum },
        { kind: "wait", ms: 9000 },
      ],
    });
    await sim.clock.runFor(call.report);
    const said = sim.notices.flatMap((notice) => notice.kind === "reply-text" ? [notice] : []);
    const [told, asked] = [/One moment/, /still there/].map((words) => said.find(({ text }) => words.test(text))!.atMs);
    assert.ok(asked! - told! >= 4000, `${asked! - told!} ms`);
  });
}

test("a caller who asks for patience is not prompted before it is over", async () => {
  const promptedMs = async (said: string) => {
    await using sim = await simHouse({
      agent: { think: () => ({ say: "Certainly." }) },
      config: { silence: { promptAfterMs: 4000, patienceMs: 20_000 } },
    });
    const call = sim.ring({ steps: [{ kind: "say", text: said }, { kind: "wait", ms: 30_000 }] });
    await sim.clock.runFor(call.report);
    const spoke = sim.notices.find((notice) => notice.kind === "caller-text")!.atMs;
    return sim.notices.find((notice) => notice.kind === "reply-text" && /still there/.test(notice.text))!.atMs - spoke;
  };
  assert.ok(await promptedMs("please hold on for me") >= 20_000);
  assert.ok(await promptedMs("please tell me something") < 10_000);
});

for (const missingAudioDone of [false, true]) {
  test(`an agent that speaks when time is short is heard out, and then the caller is told (no end of audio: ${missingAudioDone})`, async () => {
    await using sim = await simHouse({
      config: { limits: { callMinutes: 1 }, silence: { promptAfterMs: 500_000 } },
      agent: { think: storyBrain, rateX: 1.3, faults: { missingAudioDone } },
    });
    const call = sim.ring({
      steps: [
        { kind: "wav", name: "pause", audio: new Uint8Array(27_000 * 8).fill(0xFF), now: true },
        { kind: "say", text: "tell me a story please", now: true },
        { kind: "wait", ms: 4000 },
      ],
    });
    const report = await sim.clock.runFor(call.report);
    assert.equal(report.turns.at(-1)!.heard, `${STORY} We have to finish in half a minute.`);
  });
}

for (const engine of ["agent", "pipeline"] as const) {
  test(`${engine}: a caller who is told that time is short while he waits gets his answer`, async () => {
    const config = { limits: { callMinutes: 1 }, silence: { promptAfterMs: 500_000 } };
    await using sim = engine === "agent"
      ? await simHouse({ config, agent: { think: () => ({ say: "From nine.", thinkMs: 1500 }) } })
      : await simPipeline({ config, brain: () => ({ text: "From nine." }), chat: { firstTokenMs: 1500 } });
    const call = sim.ring({
      steps: [
        { kind: "wav", name: "pause", audio: new Uint8Array(27_400 * 8).fill(0xFF), now: true },
        { kind: "say", text: "when do you open please", now: true },
        { kind: "wait", ms: 3000 },
      ],
    });
    const report = await sim.clock.runFor(call.report);
    assert.equal(report.turns.at(-1)!.heard, "We have to finish in half a minute. From nine.");
  });
}

test("a call over its limit is told so half a minute before, and ends with a goodbye", async () => {
  await using sim = await simHouse({
    config: { limits: { callMinutes: 1 }, silence: { promptAfterMs: 500_000 } },
  });
  const call = sim.ring({ steps: [{ kind: "wait", ms: 100_000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /We have to finish in half a minute\. ?Thank you for calling\. Goodbye\./);
  assert.equal(report.endedBy, "server");
  await sim.clock.run(5000);
  assert.equal(sim.records()[0]!.endReason, "time-limit");
});

test("what an agent only warns of does not make it fail, and what it refuses for good does", async () => {
  const providers = async (config: Record<string, unknown>, agent: SimOptions["agent"], warnings: number) => {
    await using sim = await simHouse({ config, ...(agent ? { agent } : {}) });
    const call = sim.ring({ steps: [{ kind: "wait", ms: 9000 }] });
    await sim.clock.run(3000);
    const warning = { type: "Warning", code: "POOR_AUDIO_QUALITY", description: "The line is noisy." };
    for (let n = 0; n < warnings; n++) sim.agent.sessions[0]!.sendRaw(JSON.stringify(warning));
    await sim.clock.runFor(call.report);
    return sim.house.providers().map(({ name, state }) => `${name} ${state}`);
  };
  assert.deepEqual(await providers({}, undefined, 5), ["deepgram-agent closed"]);
  assert.deepEqual(await providers({}, { faults: { refuse: 401 } }, 0), ["deepgram-agent open"]);
});
