import assert from "node:assert/strict";
import { SILENCE } from "../../lib/audio/frame.ts";
import type { Voice } from "../../lib/audio/voice.ts";
import type { EngineEvent } from "../../lib/engine/engine.ts";
import { PipelineEngine } from "../../lib/engine/pipeline.ts";
import { localTts } from "../../lib/providers/local_speak.ts";
import type { ChatMessage, SttEvent } from "../../lib/providers/ports.ts";
import type { ChatBrain } from "../../lib/rehearsal/chat.ts";
import type { PhoneOptions } from "../../lib/softphone/phone.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { test } from "../case.ts";
import { listeningDial } from "../faults/lab.ts";
import { VirtualClock } from "../sim/clock.ts";
import { heardExactly } from "../sim/heard.ts";
import { STORY } from "../sim/house.ts";
import {
  noticesOf,
  questions,
  type SimPipeline,
  simPipeline,
  type SimPipelineOptions,
  WITHOUT_WORDS,
} from "../sim/pipeline.ts";
import { muteVoice, toneVoice } from "../sim/tone_voice.ts";

const NOVA = { listen: { provider: { type: "deepgram", model: "nova-3", endpointing: 250 } } };
const FLUX = { listen: { provider: { type: "deepgram", model: "flux-general-en" } } };
const FIND = {
  name: "find_slots",
  description: "Free appointments.",
  parameters: { type: "object", properties: { day: { type: "string" } }, required: ["day"] },
  http: { url: "https://tools.test/slots?day={{day}}" },
};
const DAY = { day: "Monday" };

const say = (text: string, now = false): Step => ({ kind: "say", text, now });
const hush = (ms: number): Step => (
  { kind: "wav", name: "hush", audio: new Uint8Array(ms * 8).fill(SILENCE), now: true }
);
const wait = (ms: number): Step => ({ kind: "wait", ms });
const interrupt = (text: string, afterMs: number): Step => ({ kind: "interrupt", text, afterMs });

/** Ring, do `steps`, hang up; then everything must be closed. */
async function callOf(options: SimPipelineOptions, steps: Step[], phone: Partial<PhoneOptions> = {}) {
  await using sim = await simPipeline({ ...options, pipeline: { ...NOVA, ...options.pipeline } });
  const report = await sim.clock.runFor(sim.ring({ ...phone, steps }).report);
  await sim.clock.run(3000);
  checkAfter(sim);
  assert.deepEqual(report.offences, []);
  assert.equal(report.staleFrames ?? 0, 0);
  return { sim, report, heard: report.turns.map(({ heard }) => heard) };
}

function checkAfter(sim: SimPipeline): void {
  assert.equal(sim.house.reception.active, 0);
  assert.equal(sim.clock.pending, 0, "a timer is left");
  assert.equal(sim.chat.open(), 0, "a request is left");
  assert.equal(sim.cartesia.openContexts(), 0, "a voice context is left");
  assert.deepEqual(sim.cartesia.problems, []);
  const ended = sim.notices.findIndex(({ kind }) => kind === "call-ended");
  assert.equal(noticesOf(sim.notices.slice(0, ended), "event-lost").length, 0);
}

const lastAsked = (sim: SimPipeline) => questions(sim).at(-1)!.at(-1)!.content;
const finals = (sim: SimPipeline) =>
  noticesOf(sim.notices, "caller-text").filter(({ final }) => final).map(({ text }) => text);
const replies = (sim: SimPipeline) => noticesOf(sim.notices, "reply-text").map(({ text }) => text);
const longStory: ChatBrain = () => ({ text: STORY });

/** Says "|" as a pause. */
function pausing(pauseMs: number): Voice {
  const tones = toneVoice();
  return {
    async speak(text) {
      const parts = await Promise.all(text.split("|").map((part) => tones.speak(part.trim())));
      const words = [];
      const audio: number[] = [];
      for (const part of parts) {
        const startMs = audio.length / 8;
        words.push(...part.words.map((word) => (
          { ...word, startMs: word.startMs + startMs, endMs: word.endMs + startMs }
        )));
        audio.push(...part.audio, ...new Array<number>(part === parts.at(-1) ? 0 : pauseMs * 8).fill(SILENCE));
      }
      return { audio: Uint8Array.from(audio), words };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

test("a call: greeting, question, answer; all of it is remembered and nothing is left behind", async () => {
  for (const pipeline of [{}, WITHOUT_WORDS, FLUX]) {
    const { sim, heard, report } = await callOf({ pipeline }, [say("are you open today")]);
    assert.deepEqual(heard, ["Welcome to the clinic.", "Yes, we are open until six today."]);
    assert.equal(report.turns[1]!.interrupted, false);
    assert.deepEqual(finals(sim), ["are you open today"]);
    assert.deepEqual(questions(sim)[0]!.slice(1).map(({ role, content }) => `${role}: ${content}`), [
      "assistant: Welcome to the clinic.",
      "user: are you open today",
    ]);
    const [record] = sim.records();
    assert.deepEqual(record!.transcript.map(({ text }) => text), [
      "Welcome to the clinic.",
      "are you open today",
      "Yes, we are open until six today.",
    ]);
  }
});

test("end of speech to first sound: the middle call answers within 600 ms, eager ones within 400 ms", async () => {
  const asked = ["are you open today", "I need a table for two", "what does it cost", "where are you", "good morning"];
  const answers = ["Yes, of course.", "Sure, for how many people?", "We are open until six in the evening.", "Fine."];
  const measure = async (options: SimPipelineOptions) => {
    const times: number[] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const brain: ChatBrain = (messages) => ({ text: answers[(messages.length + seed) % answers.length]! });
      const { report, sim } = await callOf(
        { seed, brain, chat: { firstTokenMs: 200, tokensPerSecond: 500 }, ...options },
        [0, 1, 2].map((n) => say(asked[(seed + n) % asked.length]!)),
      );
      for (const { said, replyMs } of report.turns) if (said) times.push(replyMs!);
      for (const { parts } of noticesOf(sim.notices, "latency")) assert.ok(parts.total! > 0 && parts.model! >= 200);
    }
    return times.sort((a, b) => a - b);
  };
  const middle = (times: number[]) => times[Math.floor(times.length / 2)]!;
  for (const pipeline of [NOVA, { ...NOVA, ...WITHOUT_WORDS }]) {
    const times = await measure({ pipeline });
    assert.ok(middle(times) < 600, `p50 ${middle(times)} ms, slowest ${times.at(-1)} ms`);
  }
  const eager = await measure({
    pipeline: { ...FLUX, turn: { eager: true } },
    flux: { knobs: { eagerMs: 50, endMs: 250 } },
  });
  assert.ok(middle(eager) < 400, `eager p50 ${middle(eager)} ms, slowest ${eager.at(-1)} ms`);
});

test("100 seeded interruptions of each kind of voice: nothing stale is heard, the history holds what was played", async () => {
  for (const [voice, words, share] of [["cartesia", 1, 0.99], ["deepgram", 2, 0.95]] as const) {
    const off: number[] = [];
    for (let seed = 1; seed <= 100; seed++) {
      const { wordsOff, interrupted, ...rest } = await heardExactly({ seed, voice, delayMs: 0 });
      assert.deepEqual(rest, { staleFrames: 0, offences: [], playedAfter: 0 }, `${voice}, seed ${seed}`);
      if (interrupted) off.push(wordsOff);
    }
    const within = off.filter((count) => count <= words).length / off.length;
    assert.ok(off.length >= 85, `only ${off.length} were interrupted`);
    assert.ok(within >= share, `${voice}: ${within} within ${words} words, worst ${Math.max(...off)}`);
  }
});

test("the answer to who interrupts the greeting comes at once, and nothing of it is taken for stale", async () => {
  for (const voice of [{}, WITHOUT_WORDS]) {
    const { report } = await callOf({
      config: { greeting: "Welcome to the clinic on Green Street, you are talking to the assistant of Doctor Miller" },
      pipeline: { ...voice, listen: { provider: { type: "deepgram", model: "nova-3", endpointing: 10 } } },
      chat: { firstTokenMs: 20 },
      speak: { knobs: { firstByteMs: 10 } },
    }, [{ kind: "interrupt", text: "what time is it", afterMs: 300 }]);
    assert.deepEqual(report.turns.map(({ interrupted }) => interrupted), [true, false]);
  }
});

test("an interruption that was noise: the rest is said, and the history is whole again", async () => {
  // The slow voice still speaks when the interruption turns out to be noise.
  for (const [pipeline, voiceRateX] of [[{}, 5], [WITHOUT_WORDS, 5], [{}, 1.2], [WITHOUT_WORDS, 1.2]] as const) {
    await using sim = await simPipeline({ pipeline: { ...NOVA, ...pipeline }, brain: longStory, voiceRateX });
    const heard: string[] = [];
    const call = sim.ring({
      steps: [say("tell me something"), wait(2000), say("and now")],
      onSlot: (_slot, _atMs, tags) => void heard.push(...tags.map(({ words }) => words)),
    });
    await sim.clock.runUntil(() => noticesOf(sim.notices, "reply-first-sent").length > 1);
    await sim.clock.run(3000);
    const wire = sim.dials["deepgram-listen"].pairs.at(-1)!.server;
    wire.send(JSON.stringify({
      type: "Results",
      start: 90,
      duration: 1,
      is_final: false,
      channel: { alternatives: [{ transcript: "people on television", confidence: 0.4 }] },
    }));
    const report = await sim.clock.runFor(call.report);
    await sim.clock.run(3000);
    checkAfter(sim);
    assert.deepEqual(report.offences, []);
    assert.equal(noticesOf(sim.notices, "reply-interrupted").length, 1);
    assert.equal(noticesOf(sim.notices, "reply-resumed").length, 1);
    const told = heard.join("");
    const words = told.slice(told.indexOf("Once"), told.indexOf("anywhere") + 8).trim().split(/\s+/);
    assert.ok([0, 1].includes(words.length - STORY.split(" ").length), words.join(" "));
    assert.equal(questions(sim).at(-1)!.at(-2)!.content, STORY);
  }
});

test('"stop" silences us, is not answered, and stays in the history', async () => {
  const steps = [say("tell me something"), interrupt("stop | now tell me another", 1500)];
  const { sim } = await callOf({ brain: longStory, voiceRateX: 1.2 }, steps, { voice: pausing(900) });
  assert.equal(questions(sim).length, 2);
  assert.equal(noticesOf(sim.notices, "reply-interrupted").length, 1);
  assert.deepEqual(finals(sim), ["tell me something", "stop", "now tell me another"]);
  assert.equal(lastAsked(sim), "[interrupting you] stop now tell me another");
  const cut = sim.cartesia.contexts.find(({ state }) => state === "cancelled");
  assert.ok(
    cut!.cancelledAtMs! < sim.chat.requests.at(-1)!.atMs - 500,
    "the voice stops at once, not with the next turn",
  );
});

test("a caller who goes on has interrupted for good: model and voice stop before he has finished", async () => {
  const said = "wait a moment I would rather hear something else about the opening hours of next week";
  const { sim } = await callOf({ brain: longStory, voiceRateX: 1.2 }, [
    say("tell me something"),
    interrupt(said, 1500),
  ]);
  assert.deepEqual(finals(sim), ["tell me something", said]);
  const cut = sim.cartesia.contexts.find(({ state }) => state === "cancelled");
  assert.ok(cut!.cancelledAtMs! < sim.chat.requests.at(-1)!.atMs - 1000);
});

for (const endpointing of [250, 500]) {
  test(`who said "wait" and was understood is not told to wait (endpointing ${endpointing})`, async () => {
    const { sim } = await callOf(
      { pipeline: { listen: { provider: { ...NOVA.listen.provider, endpointing } } }, brain: longStory },
      [say("tell me something"), interrupt("wait wait stop wait", 1500), wait(6000)],
    );
    const at = sim.notices.findIndex((one) => one.kind === "caller-text" && one.final && /wait/.test(one.text));
    const said = noticesOf(sim.notices.slice(at), "reply-text").map(({ text }) => text);
    assert.ok(at > 0);
    assert.deepEqual(said.filter((text) => text !== "Are you still there?"), []);
  });
}

test('a turn that ends in a word like "an" is over where that is no article', async () => {
  for (const [language, waitsMs] of [["en", 900], ["de-AT", 300]] as const) {
    const { sim } = await callOf({ config: { language } }, [say("rufen Sie mich bitte an"), wait(2000)]);
    const [guess, turn] = noticesOf(sim.notices, "caller-text").slice(-2);
    assert.ok(turn!.final && Math.abs(turn!.atMs - guess!.atMs - waitsMs) < 150, `${turn!.atMs - guess!.atMs} ms`);
  }
});

test("a backchannel does not interrupt, and a short word is answered after we have finished", async () => {
  const brain: ChatBrain = (messages) => ({
    text: messages.length < 4 ? "You can have nine, ten or eleven." : "Ten it is.",
  });
  const quiet = await callOf({ brain }, [say("a table please"), interrupt("mhm", 300)]);
  assert.equal(noticesOf(quiet.sim.notices, "reply-interrupted").length, 0);
  assert.deepEqual(finals(quiet.sim), ["a table please"]);
  const { sim, heard } = await callOf({ brain }, [say("a table please"), interrupt("ten", 200)]);
  assert.equal(noticesOf(sim.notices, "reply-interrupted").length, 0);
  assert.deepEqual(finals(sim), ["a table please", "ten"]);
  assert.match(heard.join(" "), /nine, ten or eleven. Ten it is.$/);
});

test("the caller goes on before the answer begins: the joined turn is answered, once", async () => {
  const { sim, heard } = await callOf({}, [say("I need a table"), say("for four people", true)]);
  assert.equal(lastAsked(sim), "I need a table for four people");
  assert.equal(heard.join(" ").match(/six today/g)?.length, 1);
});

test("with a pause in between, too: the draft is cancelled and its words are never heard", async () => {
  const { sim, report } = await callOf({ chat: { firstTokenMs: 600 } }, [say("I need a table | for four people")], {
    voice: pausing(500),
  });
  assert.deepEqual(finals(sim), ["I need a table", "for four people"]);
  assert.equal(lastAsked(sim), "I need a table for four people");
  assert.equal(sim.chat.requests.filter(({ cancelledAtMs }) => cancelledAtMs !== undefined).length, 1);
  assert.equal(report.turns.at(-1)!.heard, "Yes, we are open until six today.");
});

test("a tool: what is said before it sounds while it runs, and its result is answered", async () => {
  const brain: ChatBrain = (messages) =>
    messages.at(-1)?.role === "tool"
      ? { text: `There is one at ${messages.at(-1)?.content}.` }
      : { text: "Let me look at the calendar.", calls: [{ name: "find_slots", arguments: { day: "Monday" } }] };
  const ran: string[] = [];
  await using sim = await simPipeline({
    pipeline: NOVA,
    brain,
    config: { tools: [FIND] },
    tool: (url, clock) => {
      ran.push(url.search);
      return new Promise((resolve) => void clock.after(2000, () => resolve("nine")));
    },
  });
  const report = await sim.clock.runFor(sim.ring({ steps: [say("a visit on Monday"), wait(2000)] }).report);
  await sim.clock.run(3000);
  checkAfter(sim);
  assert.deepEqual(ran, ["?day=Monday"]);
  assert.match(report.turns.map(({ heard }) => heard).join(" "), /Let me look at the calendar. There is one at .*nine/);
  const [called] = noticesOf(sim.notices, "tool-call");
  const [, first] = noticesOf(sim.notices, "reply-first-sent");
  assert.ok(first!.atMs - called!.atMs < 200, "the words before the call do not wait for its result");
  const [said, result] = questions(sim).at(-1)!.slice(-2);
  assert.equal(said?.content, "Let me look at the calendar.");
  assert.ok(result?.role === "tool" && /nine/.test(result.content));
});

test("what is said before a call does not wait for its arguments to be written", async () => {
  const { sim } = await callOf({
    config: { tools: [FIND] },
    chat: { tokensPerSecond: 40 },
    brain: (messages) =>
      messages.at(-1)?.role === "tool" ? { text: "That is noted." } : {
        text: "Let me note that.",
        calls: [{ name: "find_slots", arguments: { day: "the boiler leaks ".repeat(60) } }],
      },
  }, [say("the boiler leaks"), wait(5000)]);
  const [called] = noticesOf(sim.notices, "tool-call");
  const [, first] = noticesOf(sim.notices, "reply-first-sent");
  assert.ok(called!.atMs - first!.atMs > 500, `${called!.atMs - first!.atMs} ms`);
  assert.deepEqual([replies(sim)[1], replies(sim).at(-1)], ["Let me note that.", "That is noted."]);
  assert.ok(longestPauseMs(sim) < 2500, `${longestPauseMs(sim)} ms`);
});

for (
  const [what, answer, tool] of [
    ["a line of the tool's own", {}, { ...FIND, whileWaiting: "Let me look at the calendar, this takes a while." }],
    ["words of the model", { text: "Let me look." }, FIND],
  ] as const
) {
  test(`a slow tool after ${what}: fillers, and nobody is asked whether he is still there`, async () => {
    const brain: ChatBrain = (messages) =>
      messages.some(({ role }) => role === "tool")
        ? { text: "There is one at nine." }
        : { ...answer, calls: [{ name: "find_slots", arguments: DAY }] };
    const { sim } = await callOf({
      brain,
      config: { tools: [{ ...tool, http: { ...FIND.http, timeoutMs: 30_000 } }] },
      tool: (_, clock) => new Promise((resolve) => void clock.after(25_000, () => resolve("nine"))),
    }, [say("a visit on Monday"), wait(40_000)]);
    const from = sim.notices.findIndex(({ kind }) => kind === "tool-call");
    const until = sim.notices.findIndex(({ kind }) => kind === "tool-result");
    const said = noticesOf(sim.notices.slice(from, until), "reply-text").map(({ text }) => text);
    assert.ok(!said.some((text) => /still there/.test(text)), said.join(" | "));
    assert.ok(said.some((text) => /One moment|Let me check/.test(text)), said.join(" | "));
    assert.ok(replies(sim).includes("There is one at nine."));
  });
}

test("the last word that a model is told is never ours: a filler came while the tool ran, or a route answered", async () => {
  const price = { name: "price", utterances: ["what does it cost"], text: "Ninety dollars." };
  const brain: ChatBrain = (messages) =>
    messages.some(({ role }) => role === "tool")
      ? { text: "There is one at nine." }
      : { calls: [{ name: "find_slots", arguments: DAY }] };
  const ask = async (text: string) => {
    const { sim } = await callOf(
      {
        brain,
        config: { tools: [FIND], routes: [price] },
        tool: (_, clock) => new Promise((resolve) => void clock.after(3500, () => resolve("nine"))),
      },
      [say(text), wait(8000)],
      { voice: pausing(500) },
    );
    assert.ok(replies(sim).includes("There is one at nine."), replies(sim).join(" | "));
    return questions(sim).at(-1)!.slice(-2);
  };
  const [called, result] = await ask("a visit on Monday");
  assert.match(called!.content!, /^(One moment|Let me check)/);
  assert.equal(result!.role, "tool");
  const [, last] = await ask("a visit on Monday | what does it cost");
  assert.equal(last!.content, "Please go on.");
});

test("what a tool brings is told after a route has answered what interrupted the words before", async () => {
  const brain: ChatBrain = (messages) =>
    messages.some(({ role }) => role === "tool") ? { text: "There is one at nine." } : {
      text: "Let me look at the calendar, this may well take a while.",
      calls: [{ name: "find_slots", arguments: DAY }],
    };
  const { sim } = await callOf(
    {
      brain,
      config: {
        tools: [FIND],
        routes: [{ name: "price", utterances: ["what does it cost"], text: "Ninety dollars." }],
      },
      tool: (_, clock) => new Promise((resolve) => void clock.after(3800, () => resolve("nine"))),
    },
    [say("a visit on Monday | what does it cost"), wait(8000)],
    { voice: pausing(900) },
  );
  assert.deepEqual(noticesOf(sim.notices, "reply-interrupted").map(({ reply }) => reply), [2]);
  assert.deepEqual(replies(sim).filter((text) => /^(Ninety|There)/.test(text)), [
    "Ninety dollars.",
    "There is one at nine.",
  ]);
});

for (const [toolMs, what] of [[900, "his words stop it"], [2000, "it waits for the end of his words"]] as const) {
  test(`what a tool brings is said over no caller: ${what}`, async () => {
    const brain: ChatBrain = (messages) => {
      if (messages.at(-1)?.role === "tool") return { text: STORY };
      const isFirst = messages.filter(({ role }) => role === "user").length === 1;
      return isFirst ? { calls: [{ name: "find_slots", arguments: DAY }] } : { text: "All right." };
    };
    const { sim } = await callOf(
      {
        brain,
        config: { tools: [FIND] },
        tool: (_, clock) => new Promise((resolve) => void clock.after(toolMs, () => resolve("nine"))),
      },
      [say("a visit on Monday | no wait stop I would like to come on Tuesday"), wait(4000)],
      { voice: pausing(1300) },
    );
    assert.equal(noticesOf(sim.notices, "reply-interrupted").length, toolMs === 900 ? 1 : 0);
    assert.equal(replies(sim).at(-1), "All right.");
  });
}

test("a model that calls tools for ever is asked five times, the last time without tools", async () => {
  let ran = 0;
  const brain: ChatBrain = (_, tools) =>
    tools.length > 0 ? { calls: [{ name: "find_slots", arguments: DAY }] } : { text: "I could not find out." };
  const { sim, heard } = await callOf({
    brain,
    config: { tools: [FIND] },
    tool: () => Promise.resolve(`nothing ${++ran}`),
  }, [say("a visit on Monday")]);
  assert.equal(ran, 4);
  assert.equal(questions(sim).length, 5);
  assert.equal(heard.at(-1), "I could not find out.");
});

test("a tool that is called where none was offered does not run, and that is told", async () => {
  let ran = 0;
  const { sim } = await callOf({
    brain: () => ({ calls: [{ name: "find_slots", arguments: DAY }] }),
    config: { tools: [FIND] },
    tool: () => Promise.resolve(`nothing ${++ran}`),
  }, [say("a visit on Monday"), wait(3000)]);
  assert.equal(ran, 4);
  assert.deepEqual(noticesOf(sim.notices, "fault").map(({ fatal }) => fatal), [false]);
});

test("eager: a resumed turn throws its draft away, unheard, and its tool does not run", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const ran: string[] = [];
    const brain: ChatBrain = (messages) => {
      const last = messages.at(-1)!;
      if (last.role === "tool") return { text: "It is booked." };
      return String(last.content).endsWith("table")
        ? { text: "Wrong answer.", calls: [{ name: "find_slots", arguments: { day: "wrong" } }] }
        : { calls: [{ name: "find_slots", arguments: { day: "right" } }] };
    };
    const { sim, heard } = await callOf(
      {
        seed,
        brain,
        chat: { firstTokenMs: 20, tokensPerSecond: 2000 },
        pipeline: { ...FLUX, turn: { eager: true } },
        flux: { knobs: { eagerMs: 100, endMs: 900 } },
        config: { tools: [FIND] },
        tool: (url) => {
          ran.push(url.search);
          return Promise.resolve("done");
        },
      },
      [say("I want a table | for four people")],
      { voice: pausing(500 + seed * 20) },
    );
    assert.ok(questions(sim).some((messages) => messages.at(-1)!.content === "I want a table"), "there was a draft");
    assert.deepEqual(ran, ["?day=right"]);
    assert.equal(heard.at(-1), "It is booked.");
    assert.deepEqual(finals(sim), ["I want a table for four people"]);
  }
});

test("eager: last words that were prepared before the turn was over are said", async () => {
  const last = "Goodbye then, and have a nice day.";
  const { heard } = await callOf({
    brain: (messages) =>
      messages.at(-1)!.role === "tool" ? {} : { text: last, calls: [{ name: "end_call", arguments: {} }] },
    pipeline: { ...FLUX, turn: { eager: true } },
    flux: { knobs: { eagerMs: 50, endMs: 250 } },
    config: { tools: [{ name: "end_call" }] },
  }, [say("that was all")]);
  assert.equal(heard.at(-1), last);
});

test("a slow model is covered by a filler, one a turn, never the same twice running", async () => {
  await using sim = await simPipeline({
    pipeline: { ...NOVA, think: [{ provider: { type: "groq", model: "openai/gpt-oss-20b" }, firstTokenMs: 9000 }] },
    chat: { firstTokenMs: 2000 },
    config: { lines: { fillers: ["One moment.", "One moment.", "Let me check."] } },
  });
  const report = await sim.clock.runFor(sim.ring({ steps: [1, 2, 3].map((n) => say(`question number ${n}`)) }).report);
  await sim.clock.run(3000);
  checkAfter(sim);
  const said = noticesOf(sim.notices, "reply-text").map(({ text }) => text).filter((text) => !/six|clinic/.test(text));
  assert.deepEqual(said, ["One moment.", "Let me check.", "One moment."]);
  assert.match(report.turns[1]!.heard!, /^One moment. Yes, we are open/);
});

/** When the caller speaks, and which of our sounds begin meanwhile, ms. */
async function talkedOver(sim: SimPipeline, steps: Step[]): Promise<{ spoken: [number, number][]; over: number[] }> {
  const now = () => sim.clock.monotonicMs();
  const spoken: [number, number][] = [];
  const sounds: number[] = [];
  let playedMs = -Infinity;
  const call = sim.ring({
    steps,
    dial: listeningDial(sim.phoneDial, {
      now,
      begins: () => void spoken.push([now(), Infinity]),
      ended: (atMs) => void (spoken.at(-1)![1] = atMs),
    }),
    onSlot({ playedBytes }) {
      if (playedBytes === 0) return;
      if (now() - playedMs > 200) sounds.push(now());
      playedMs = now();
    },
  });
  await sim.clock.runFor(call.report);
  return { spoken, over: sounds.filter((ms) => spoken.some(([from, to]) => ms > from && ms < to)) };
}

for (const pauseMs of [600, 900]) {
  test(`who goes on after ${pauseMs} ms while a tool runs is not told to wait before he falls silent`, async () => {
    await using sim = await simPipeline({
      pipeline: NOVA,
      config: { tools: [{ ...FIND, http: { ...FIND.http, timeoutMs: 9000 } }] },
      brain: (messages) =>
        messages.some(({ role }) => role === "tool")
          ? { text: "Nine is free." }
          : { calls: [{ name: "find_slots", arguments: DAY }] },
      tool: (_, clock) => new Promise((resolve) => void clock.after(7000, () => resolve("nine"))),
    });
    const more = "actually I would rather come on tuesday afternoon if that is possible";
    const { spoken, over } = await talkedOver(sim, [say("is monday free"), hush(pauseMs), say(more, true), wait(9000)]);
    assert.equal(spoken.length, 2);
    assert.deepEqual(over, []);
    const [filler] = noticesOf(sim.notices, "reply-first-sent").filter(({ atMs }) => atMs > spoken[1]![1]);
    assert.ok(Math.abs(filler!.atMs - spoken[1]![1] - 1800) < 100, `${filler!.atMs - spoken[1]![1]} ms`);
  });
}

test("who goes on while no recogniser hears him is not told to wait before he falls silent", async () => {
  for (const pauseMs of [600, 1200]) {
    await using sim = await simPipeline({ pipeline: NOVA, config: { silence: { promptAfterMs: 60_000 } } });
    const stall = () => {
      for (const vendor of ["deepgram-listen", "deepgram-flux"] as const) {
        for (const { client } of sim.dials[vendor].pairs) client.stall();
      }
      if (noticesOf(sim.notices, "call-ended").length === 0) sim.clock.after(20, stall);
    };
    stall();
    const more = "for tomorrow night at eight or nine please";
    const steps = [wait(1000), say("a table for two people"), hush(pauseMs), say(more, true), wait(6000)];
    const { spoken, over } = await talkedOver(sim, steps);
    assert.deepEqual([spoken.length, over], [2, []]);
    assert.ok(replies(sim).includes("One moment."));
  }
});

test("the only filler is said again, and the answer that it waits for is not given up", async () => {
  const { sim } = await callOf({
    pipeline: { think: [{ provider: { type: "groq", model: "openai/gpt-oss-20b" }, firstTokenMs: 20_000 }] },
    chat: { firstTokenMs: 14_000 },
    config: { lines: { fillers: ["One moment."] } },
  }, [say("are you open today"), wait(40_000)]);
  assert.ok(replies(sim).includes("Yes, we are open until six today."), replies(sim).join(" | "));
});

test("a greeting that sounds after the caller's first words is not their answer: he is told to wait", async () => {
  const { sim } = await callOf({
    pipeline: { think: [{ provider: { type: "groq", model: "openai/gpt-oss-20b" }, firstTokenMs: 20_000 }] },
    chat: { firstTokenMs: 9000 },
    config: { beforeCall: { url: "https://tools.test/known", timeoutMs: 3000 } },
    tool: (_, clock) => new Promise((resolve) => void clock.after(2600, () => resolve("{}"))),
  }, [say("hello are you open", true), wait(14_000)]);
  assert.equal(replies(sim)[0], "Welcome to the clinic.");
  assert.ok(replies(sim).includes("Yes, we are open until six today."), replies(sim).join(" | "));
  assert.ok(longestPauseMs(sim) < 2500, `${longestPauseMs(sim)} ms`);
});

test("a route of the call: the model is not asked, and its text is remembered", async () => {
  await using sim = await simPipeline({
    pipeline: NOVA,
    config: { routes: [{ name: "price", utterances: ["what does it cost"], text: "Ninety dollars." }] },
  });
  const report = await sim.clock.runFor(sim.ring({ steps: [say("what does it cost"), say("are you open")] }).report);
  await sim.clock.run(3000);
  checkAfter(sim);
  assert.deepEqual(report.turns.map(({ heard }) => heard).slice(1), [
    "Ninety dollars.",
    "Yes, we are open until six today.",
  ]);
  assert.deepEqual(questions(sim).length, 1);
  assert.deepEqual(questions(sim)[0]!.slice(-2).map(({ content }) => content), ["Ninety dollars.", "are you open"]);
});

test("keys and typed words are turns", async () => {
  const { sim } = await callOf({}, [{ kind: "dtmf", keys: "12" }, wait(2500)]);
  assert.deepEqual(finals(sim), ["[The caller pressed 12.]"]);
});

test("the wait for an answer to keys that # ends counts from there, not from what was said before", async () => {
  const { sim } = await callOf({}, [say("are you open"), wait(3000), { kind: "dtmf", keys: "12#" }, wait(2500)]);
  const totals = noticesOf(sim.notices, "latency").map(({ parts }) => parts.total!);
  assert.ok(totals.length === 2 && totals[1]! < 1000, `${totals} ms`);
});

/** An engine whose recogniser, model and line are played by the test. */
function byHand(
  clock: VirtualClock,
  posted: EngineEvent[],
  answer: (messages: ChatMessage[]) => string,
  hear: (listen: (event: SttEvent) => void) => void = () => {},
): PipelineEngine {
  let reply = 0;
  const host = {
    post: (event: EngineEvent) => void posted.push(event),
    play() {},
    newReply: () => ++reply,
    drained: () => false,
    audible: () => false,
    history: () => [],
  };
  return new PipelineEngine({
    openStt: (listen) => {
      hear(listen);
      return { name: "by hand", hear() {}, finish() {}, [Symbol.asyncDispose]: () => Promise.resolve() };
    },
    llms: [{
      name: "by hand",
      async *chat({ messages }) {
        const text = await Promise.resolve(answer(messages));
        if (text) yield { kind: "text", text };
        yield { kind: "finish", reason: "stop" };
      },
      extract: () => Promise.reject(new Error("not asked")),
      models: () => Promise.reject(new Error("not asked")),
    }],
    voices: [localTts({ voice: toneVoice() })],
    host,
    clock,
    turn: {
      minInterruptionWords: 3,
      interruptionPhrases: ["stop"],
      acknowledgementPhrases: ["mhm"],
      eager: false,
      firmInterims: false,
    },
    maxHistoryTurns: 10,
    systemPrompt: "You answer the phone.",
    greeting: "Good morning to all of you.",
  });
}

test("typed words that interrupt the greeting, straight at the engine", async () => {
  const clock = new VirtualClock();
  const posted: EngineEvent[] = [];
  const asked: ChatMessage[][] = [];
  let hear: (event: SttEvent) => void = () => {};
  const engine = byHand(clock, posted, (messages) => {
    asked.push(messages);
    return "All right.";
  }, (listen) => void (hear = listen));
  await clock.run(0);
  engine.text("hello");
  engine.interrupt(1, 700);
  await clock.run(0);
  hear({ kind: "final", text: "mhm", endOfTurn: true });
  await clock.run(100);
  assert.deepEqual(asked.map((messages) => messages.slice(1).map(({ content }) => content)), [
    ["Good morning—", "[interrupting you] hello"],
  ]);
  assert.deepEqual(posted.filter(({ kind }) => kind === "caller-spoke" || kind === "caller-text"), [
    { kind: "caller-spoke" },
    { kind: "caller-text", text: "hello", final: true },
  ]);
  await engine[Symbol.asyncDispose]();
  const before = posted.length;
  engine.text("too late");
  await clock.run(5000);
  assert.equal(posted.length, before);
  assert.equal(clock.pending, 0);
});

test("a model that fails is replaced by the next one; without one the call ends with an apology", async () => {
  const model = (name: string) => ({ provider: { type: "groq", model: name }, firstTokenMs: 1000 });
  // The same one is asked once more, at once, where that may help and takes no time.
  const tries: Record<string, number> = { e503: 2, e401: 1, hang: 1, html: 1, slow: 1 };
  for (const [broken, count] of Object.entries(tries)) {
    const { sim, heard } = await callOf(
      { pipeline: { ...NOVA, think: [model(broken), model("openai/gpt-oss-20b")] } },
      [say("are you open today")],
    );
    assert.match(heard.at(-1)!, /Yes, we are open until six today.$/, broken);
    assert.deepEqual(noticesOf(sim.notices, "fault").map(({ fatal }) => fatal), Array(count).fill(false), broken);
  }
  const { sim, report } = await callOf({ pipeline: { ...NOVA, think: [model("e503")] } }, [say("are you open today")]);
  assert.equal(report.turns.at(-1)!.heard, "I am sorry, something went wrong on our side.");
  assert.equal(sim.records()[0]!.endReason, "engine-failed");
});

test("an answer that came to nothing is asked for again at once; a second time, it is a model that fails", async () => {
  for (const empty of [1, 2]) {
    let asked = 0;
    const { report, sim } = await callOf(
      { brain: () => ++asked <= empty ? { text: "" } : { text: "Yes, until six." } },
      [say("are you open today")],
    );
    const { heard, replyMs } = report.turns.at(-1)!;
    assert.equal(heard, empty === 1 ? "Yes, until six." : "I am sorry, something went wrong on our side.");
    assert.ok(replyMs! < 2500, `${replyMs} ms`);
    assert.deepEqual(noticesOf(sim.notices, "fault").map(({ fatal }) => fatal), empty === 1 ? [false] : [false, true]);
  }
});

test("who has left his sentence open waits no longer for a sign of a slow model", async () => {
  for (const open of ["a table for two", "a table for two and"]) {
    const { report } = await callOf(
      { pipeline: { listen: { provider: { type: "deepgram", model: "nova-3" } } }, chat: { firstTokenMs: 2400 } },
      [say(open)],
    );
    const { heard, replyMs } = report.turns[1]!;
    assert.match(heard!, /^One moment\./);
    assert.ok(replyMs! < 2000, `${replyMs} ms`);
  }
});

test("an answer of mere punctuation, which no voice says, has come to nothing", async () => {
  for (const nothing of ["…", "...", "—", "?!"]) {
    let asked = 0;
    const { sim } = await callOf(
      { brain: () => ({ text: ++asked === 1 ? nothing : "Yes, until six." }) },
      [say("are you open today")],
    );
    assert.deepEqual(replies(sim).slice(1), ["Yes, until six."], nothing);
  }
});

/** The longest time, ms, in which we say nothing between two things that we say, once the caller has asked. */
function longestPauseMs(sim: SimPipeline): number {
  const askedAt = sim.notices.findIndex((notice) => notice.kind === "caller-text" && notice.final);
  let [open, silentSinceMs, longestMs] = [0, Infinity, 0];
  for (const { kind, atMs } of sim.notices.slice(askedAt)) {
    if (kind === "reply-first-sent" && open++ === 0) longestMs = Math.max(longestMs, atMs - silentSinceMs);
    if (kind === "reply-heard" && --open === 0) silentSinceMs = atMs;
  }
  return longestMs;
}

for (const preface of ["", "Let me look."]) {
  test(`a model that says nothing to what its tool brought is asked again (said before: "${preface}")`, async () => {
    const nothing = { text: "" };
    const answers = [nothing, { text: preface, calls: [{ name: "find_slots", arguments: DAY }] }, nothing];
    const { heard, sim } = await callOf({
      config: { tools: [FIND] },
      brain: () => answers.shift() ?? { text: "Nine is free." },
    }, [say("is monday free")]);
    assert.equal(heard.at(-1), `${preface} Nine is free.`.trim());
    assert.ok(longestPauseMs(sim) < 2500);
  });
}

test("what is said before a tool is said to its end, whenever the caller adds a word", async () => {
  const preface = "Let me look at the calendar of the whole week.";
  for (let afterMs = 100; afterMs <= 600; afterMs += 40) {
    const { heard } = await callOf(
      {
        config: { tools: [FIND] },
        brain: (messages) =>
          messages.some(({ role }) => role === "tool")
            ? { text: "Nine is free." }
            : { text: preface, calls: [{ name: "find_slots", arguments: DAY }] },
        tool: (_, clock) => new Promise((resolve) => void clock.after(3000, () => resolve("nine"))),
        voiceRateX: 1.3,
      },
      [
        say("is monday free"),
        hush(afterMs),
        say("yes", true),
        wait(6000),
      ],
    );
    assert.match(heard.join(" "), new RegExp(`${preface}.* Nine is free\\.`), `${afterMs} ms`);
  }
});

test("a model that has said what it did, and then no more, has answered", async () => {
  const { heard, sim } = await callOf({
    config: { tools: [FIND] },
    brain: (messages) =>
      messages.at(-1)!.role === "tool"
        ? {}
        : { text: "I look it up.", calls: [{ name: "find_slots", arguments: DAY }] },
  }, [say("look up monday"), say("thank you")]);
  assert.deepEqual(heard.slice(1), ["I look it up.", "I look it up."]);
  assert.ok(noticesOf(sim.notices, "fault").every(({ fatal }) => !fatal));
});

test("eager: a draft that came to nothing is not taken for the answer", async () => {
  let asked = 0;
  const { sim } = await callOf({
    pipeline: { ...FLUX, turn: { eager: true } },
    flux: { knobs: { eagerMs: 100, endMs: 900 } },
    brain: () => ++asked === 1 ? { text: "" } : { text: "Yes, until six." },
  }, [say("are you open today"), wait(20_000)]);
  assert.ok(replies(sim).includes("Yes, until six."), replies(sim).join(" | "));
});

for (const broken of ["mid-error", "cut", "reset", "stall"]) {
  test(`a model that breaks off after its first words is asked for the rest, else the caller is told (${broken})`, async () => {
    const think = [broken, "openai/gpt-oss-20b"].map((model) => ({ provider: { type: "groq", model } }));
    const rest: ChatBrain = (messages) => ({
      text: messages.at(-1)!.content === "Please go on." ? "And that is all." : STORY,
    });
    for (const models of [think, think.slice(0, 1)]) {
      const { sim, heard } = await callOf(
        { pipeline: { ...NOVA, think: models }, brain: rest, chat: { tokensPerSecond: 8 } },
        [say("are you open today")],
      );
      assert.match(heard.at(-1)!, /Once upon some time .* (And that is all|something went wrong on our side)\.$/);
      assert.equal(sim.records()[0]!.endReason, models.length > 1 ? "caller-hung-up" : "engine-failed");
      assert.ok(longestPauseMs(sim) < 2500);
      assert.equal(noticesOf(sim.notices, "reply-interrupted").length, 0, "what came was heard");
    }
  });
}

test("a voice that fails is replaced by the local one", async () => {
  const { sim } = await callOf({ cartesia: { refuseStatus: 503 } }, [say("are you open today")]);
  assert.deepEqual(noticesOf(sim.notices, "fault").map(({ fault, fatal }) => `${fault.peer} ${fatal}`), [
    "cartesia false",
    "cartesia false",
  ]);
  assert.equal(noticesOf(sim.notices, "reply-heard").length, 2, "the greeting and the answer");
  const midway = await callOf({ cartesia: { stallMidway: 1 } }, [wait(2000), say("are you open today")]);
  assert.match(midway.heard.join(" "), /^Welcome to the clinic\. Yes,/);
  assert.equal(midway.sim.records()[0]!.endReason, "caller-hung-up");
  assert.ok(noticesOf(midway.sim.notices, "fault").every(({ fatal }) => !fatal));
  assert.deepEqual(finals(midway.sim), ["are you open today"]);
});

test("where a voice stalls in mid-sentence, another says the rest: no word is lost, one at most begins twice", async () => {
  for (let stallAfterBytes = 400; stallAfterBytes < 10_000; stallAfterBytes += 800) {
    const faults = (socket: number) => socket === 0 ? { stallAfterBytes } : {};
    const { heard } = await callOf({ pipeline: WITHOUT_WORDS, speak: { faults } }, [wait(4000), say("are you open")]);
    assert.match(heard.join(" "), /^Welcome (Welcome )?to (to )?the (the )?clinic\. (clinic\. )?Yes,/);
    assert.ok(heard.join(" ").split(" ").length <= 12, `${stallAfterBytes} bytes: ${heard.join(" ")}`);
  }
});

test("a caller who thinks is waited for as long as Flux is told to wait", async () => {
  const { sim } = await callOf({
    pipeline: { listen: { provider: { type: "deepgram", model: "flux-general-en", eot_timeout_ms: 9000 } } },
    flux: { knobs: { eagerMs: 20_000, endMs: 40_000 } }, // it is never sure of an end
    config: { silence: { promptAfterMs: 30_000 } },
  }, [say("my number is")]);
  const [guess, turn] = noticesOf(sim.notices, "caller-text").slice(-2);
  assert.deepEqual([guess!.final, turn!.final], [false, true]);
  assert.ok(turn!.atMs - guess!.atMs > 8500, `${turn!.atMs - guess!.atMs} ms`);
});

test("a voice that ends its replies without a sound is replaced by the local one, before the caller has waited", async () => {
  const { sim, heard, report } = await callOf(
    { pipeline: WITHOUT_WORDS, speak: { voice: muteVoice() } },
    [say("are you open today")],
  );
  assert.deepEqual(heard, ["Welcome to the clinic.", "Yes, we are open until six today."]);
  assert.ok(report.turns[1]!.replyMs! < 1500, `${report.turns[1]!.replyMs} ms`);
  assert.deepEqual(noticesOf(sim.notices, "fault").map(({ fault }) => fault.kind === "rejected" && fault.code), [
    "NO_AUDIO",
    "NO_AUDIO",
  ]);
});

test("without a recogniser the call ends with an apology", async () => {
  for (const faults of [{ refuse: 401 }, { refuse: 503 }]) {
    const { sim, report } = await callOf({ listen: { faults }, flux: { faults } }, [say("are you open today")]);
    assert.equal(sim.records()[0]!.endReason, "engine-failed");
    assert.match(report.turns.map(({ heard }) => heard).join(" "), /I am sorry, something went wrong on our side.$/);
  }
});

test("a call that ends in the middle of anything leaves nothing behind", async () => {
  for (let atMs = 100; atMs <= 6000; atMs += 370) {
    await using sim = await simPipeline({
      pipeline: { ...FLUX, turn: { eager: true } },
      brain: () => ({ text: STORY, calls: [{ name: "find_slots", arguments: DAY }] }),
      config: { tools: [FIND] },
      tool: (_, clock) => new Promise((resolve) => void clock.after(800, () => resolve("nothing"))),
    });
    const hangUp = new AbortController();
    const call = sim.ring({
      steps: [say("tell me something"), interrupt("never mind then", 500)],
      signal: hangUp.signal,
    });
    await sim.clock.run(atMs);
    hangUp.abort();
    await sim.clock.runFor(call.report);
    await sim.clock.run(3000);
    checkAfter(sim);
  }
});

test("a function that the model called wrongly is asked for again, and the only model is not given up", async () => {
  const error = { message: "Failed to call a function.", type: "invalid_request_error", code: "tool_use_failed" };
  let asked = 0;
  const intercept = ({ url }: Request) =>
    url.endsWith("/chat/completions") && ++asked === 1
      ? Promise.resolve(Response.json({ error }, { status: 400 }))
      : undefined;
  const { sim, heard } = await callOf({ intercept }, [say("are you open today"), say("and what about tomorrow")]);
  assert.equal(asked, 3);
  assert.deepEqual(heard.slice(1), Array(2).fill("Yes, we are open until six today."));
  assert.deepEqual(noticesOf(sim.notices, "fault").map(({ fatal }) => fatal), [false]);
});

test("the only model, where it is busy, is asked again when it is free, and the caller does not wait in silence", async () => {
  let asked = 0;
  const intercept = ({ url }: Request) =>
    url.endsWith("/chat/completions") && ++asked === 1
      ? Promise.resolve(new Response("{}", { status: 429, headers: { "retry-after": "2" } }))
      : undefined;
  const { sim, heard } = await callOf({ intercept }, [say("are you open today")]);
  assert.equal(asked, 2);
  assert.deepEqual(heard.slice(1), ["One moment. Yes, we are open until six today."]);
  assert.deepEqual(noticesOf(sim.notices, "fault").map(({ fatal }) => fatal), [false]);
});

test("a server that gives each answer's call the same id has each of them run", async () => {
  const call = (day: string) => (
    { index: 0, id: "find_slots:0", function: { name: "find_slots", arguments: JSON.stringify({ day }) } }
  );
  const answers = [{ tool_calls: [call("Monday")] }, { content: "It is." }, { tool_calls: [call("Tuesday")] }, {
    content: "It is, too.",
  }];
  const intercept = ({ url }: Request) => {
    if (!url.endsWith("/chat/completions")) return undefined;
    const chunk = { choices: [{ index: 0, delta: answers.shift(), finish_reason: "stop" }] };
    const headers = { "content-type": "text/event-stream" };
    return Promise.resolve(new Response(`data: ${JSON.stringify(chunk)}\n\n`, { headers }));
  };
  const looked: (string | null)[] = [];
  const tool = (url: URL) => Promise.resolve(`slot ${looked.push(url.searchParams.get("day"))}`);
  await callOf({ intercept, tool, config: { tools: [FIND] } }, [say("is monday free"), say("and is tuesday free")]);
  assert.deepEqual(looked, ["Monday", "Tuesday"]);
});
