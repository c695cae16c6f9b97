import assert from "node:assert/strict";
import type { Utterance } from "../../lib/audio/voice.ts";
import { sleep } from "../../lib/base/clock.ts";
import type { CallNotice, CallRecord } from "../../lib/call/notice.ts";
import { seedCount, seeded, test } from "../case.ts";
import { type SimHouse, simHouse, STORY, storyBrain } from "../sim/house.ts";
import { toneVoice } from "../sim/tone_voice.ts";

type Notice<K extends CallNotice["kind"]> = Extract<CallNotice, { kind: K }>;

function noticesOf<K extends CallNotice["kind"]>(notices: readonly CallNotice[], kind: K): Notice<K>[] {
  return notices.filter((notice): notice is Notice<K> => notice.kind === kind);
}

/** One call whose long answer is interrupted once, `afterMs` after it began; what the phone's speaker played of it, in ms. */
async function interruptedCall(seed: number, delayMs: number) {
  const random = seeded(seed);
  const afterMs = 60 + Math.floor(random() * 9000);
  await using sim = await simHouse({
    seed,
    agent: {
      think: storyBrain,
      rateX: 2 + random() * 20,
      faults: { staleFrames: 5, lateAssistantText: seed % 3 === 0 },
    },
    lineWeather: { delayMs },
    agentWeather: { delayMs },
  });
  let playedMs = 0;
  let speakingReply = false;
  const call = sim.ring({
    steps: [{ kind: "say", text: "tell me something" }, { kind: "interrupt", text: "never mind then", afterMs }, {
      kind: "wait",
      ms: 300,
    }],
    onSlot(slot, _atMs, tags) {
      if (tags.some(({ words }) => words.startsWith("Once"))) speakingReply = true;
      if (speakingReply && noticesOf(sim.notices, "reply-interrupted").length === 0) playedMs += slot.playedBytes / 8;
    },
  });
  const report = await sim.clock.runFor(call.report);
  return { report, playedMs, notices: sim.notices, records: sim.records() };
}

test("1,000 seeded interruptions (a fifth of them here): nothing stale is heard, nothing is lost, and what was heard is known to 40 ms", async () => {
  let interrupted = 0;
  const count = seedCount(1000);
  for (let seed = 1; seed <= count; seed++) {
    const { report, playedMs, notices } = await interruptedCall(seed, 0);
    assert.deepEqual(report.offences, [], `seed ${seed}`);
    assert.equal(report.staleFrames, 0, `seed ${seed}`);
    assert.equal(noticesOf(notices, "event-lost").length, 0);
    const [cut] = noticesOf(notices, "reply-interrupted");
    if (!cut) continue;
    interrupted++;
    assert.ok(Math.abs(cut.heardMs - playedMs) <= 40, `seed ${seed}: ${cut.heardMs} ms said, ${playedMs} ms played`);
  }
  assert.ok(interrupted >= count * 0.9, `only ${interrupted} calls were interrupted`);
});

test("500 false starts (a fifth of them here): the rest is played, at most one word is repeated, none is lost, and the record has them all", async () => {
  for (let seed = 1; seed <= seedCount(500); seed++) {
    const random = seeded(seed);
    const afterMs = 300 + Math.floor(random() * 6000);
    await using sim = await simHouse({ seed, agent: { think: storyBrain, rateX: Infinity } });
    const heard: string[] = [];
    const call = sim.ring({
      steps: [{ kind: "say", text: "tell me something" }, { kind: "wait", ms: 25_000 }],
      onSlot: (_slot, _atMs, tags) => void heard.push(...tags.map(({ words }) => words)),
    });
    await sim.clock.runUntil(() => noticesOf(sim.notices, "caller-text").length > 0);
    await sim.clock.runUntil(() => noticesOf(sim.notices, "reply-first-sent").length > 1);
    await sim.clock.run(afterMs);
    sim.agent.sessions[0]!.falseStart();
    await sim.clock.runFor(call.report);
    assert.equal(noticesOf(sim.notices, "reply-resumed").length, 1, `seed ${seed}`);
    const said = heard.join("").split("Are you")[0]!;
    const words = said.slice(said.indexOf("Once")).trim().split(/\s+/);
    assert.deepEqual(withoutRepeat(words, STORY.split(" ")), STORY.split(" "), `seed ${seed}: ${words.join(" ")}`);
    const [cut, rest] = sim.records()[0]!.transcript.filter(({ interrupted, source }) =>
      interrupted || source === "resumed"
    );
    assert.equal(`${cut!.heardText} ${rest!.text}`.trim(), STORY, `seed ${seed}: the record`);
  }
});

const WISH = "I wanted to come on Tuesday with my mother and my two sisters and not on Monday as you just said to me";

for (
  const [how, begins, times] of [["pauses", "no please listen", 1], ["talks for very long", "no listen", 2]] as const
) {
  test(`a caller who interrupts and ${how} is answered at once, not after the rest of what he cut`, async () => {
    await using sim = await simHouse({
      agent: {
        think: ({ said }) => ({ say: said.includes("Tuesday") ? "Fine, Tuesday it is." : STORY, thinkMs: 200 }),
      },
    });
    const voice = toneVoice();
    const parts = await Promise.all([begins, Array(times).fill(WISH).join(" ")].map((text) => voice.speak(text)));
    const call = sim.ring({
      steps: [{ kind: "say", text: "tell me something" }, { kind: "interrupt", text: "so", afterMs: 1500 }, {
        kind: "wait",
        ms: 2000,
      }],
      voice: { ...voice, speak: (text) => text === "so" ? Promise.resolve(withPause(parts, 400)) : voice.speak(text) },
    });
    const report = await sim.clock.runFor(call.report);
    assert.match(report.turns.at(-1)!.heard!, /Fine, Tuesday it is\.$/);
    const spokeMs = noticesOf(sim.notices, "caller-text").at(-1)!.atMs;
    const sentMs = noticesOf(sim.notices, "reply-first-sent").at(-1)!.atMs;
    assert.ok(sentMs - spokeMs < 400, `${sentMs - spokeMs} ms`);
    assert.equal(noticesOf(sim.notices, "reply-resumed").length, times - 1);
  });
}

/** Two utterances as one, with a pause between them. */
function withPause([first, second]: Utterance[], pauseMs: number): Utterance {
  const shiftMs = first!.audio.length / 8 + pauseMs;
  const words = second!.words.map((word) => ({
    ...word,
    startMs: word.startMs + shiftMs,
    endMs: word.endMs + shiftMs,
  }));
  const audio = new Uint8Array(shiftMs * 8 + second!.audio.length).fill(0xFF);
  audio.set(first!.audio);
  audio.set(second!.audio, shiftMs * 8);
  return { audio, words: [...first!.words, ...words] };
}

/** `words` with at most one repetition of one word taken out. */
function withoutRepeat(words: string[], expected: string[]): string[] {
  const at = words.findIndex((word, index) => word !== expected[index]);
  return at < 0 || words.length === expected.length ? words : words.toSpliced(at, 1);
}

test("keys that are pressed in mid-answer interrupt it, and are told to the agent as one number", async () => {
  await using sim = await simHouse({
    agent: { think: ({ said }) => ({ say: said.includes("pressed") ? "Thank you for the number." : STORY }) },
  });
  const call = sim.ring({
    steps: [
      { kind: "say", text: "tell me something" },
      { kind: "wav", name: "hush", audio: new Uint8Array(24_000).fill(0xFF), now: true },
      { kind: "dtmf", keys: "472", now: true },
      { kind: "wait", ms: 3000 },
    ],
  });
  const report = await sim.clock.runFor(call.report);
  assert.deepEqual(
    noticesOf(sim.notices, "caller-text").map(({ text }) => text),
    ["tell me something", "[The caller pressed 472 on the keypad.]"],
  );
  assert.equal(noticesOf(sim.notices, "reply-interrupted").length, 1);
  assert.equal(report.staleFrames, 0);
  assert.match(report.turns.at(-1)!.heard!, /Thank you for the number\.$/);
  assert.ok(report.durationMs < 20_000, `${report.durationMs} ms`);
});

for (const doneAfterBargeIn of [false, true]) {
  test(`an agent that falls silent for noise is asked to go on once all that came was heard, unless it had said all (${doneAfterBargeIn})`, async () => {
    await using sim = await simHouse({
      config: { silence: { promptAfterMs: 60_000 } },
      agent: {
        rateX: 1.5,
        faults: { doneAfterBargeIn },
        think: ({ said }) => ({ say: said === "Please go on." ? "And that was all of it." : STORY }),
      },
    });
    const call = sim.ring({
      steps: [{ kind: "say", text: "tell me something" }, { kind: "wait", ms: 16_000 }],
    });
    await sim.clock.runUntil(() => noticesOf(sim.notices, "reply-first-sent").length > 1);
    await sim.clock.run(4000);
    sim.agent.sessions[0]!.falseStart();
    const report = await sim.clock.runFor(call.report);
    assert.equal(noticesOf(sim.notices, "reply-resumed").length, 1);
    const { transcript } = sim.records()[0]!;
    assert.equal(transcript.filter(({ source }) => source === "resumed").length, 1, "the record has it");
    assert.equal(/ And that was all of it\.$/.test(report.turns.at(-1)!.heard!), !doneAfterBargeIn);
    assert.equal(sim.agent.sessions.length, 1);
  });
}

test("a caller who coughs while each of his answers is prepared gets all of them", async () => {
  await using sim = await simHouse({
    agent: { think: ({ said }) => ({ say: `Concerning ${said} there is plenty.`, thinkMs: 2000 }) },
  });
  const numbers = ["one", "two", "three", "four", "five"];
  const call = sim.ring({
    steps: numbers.flatMap((number) => [{ kind: "say", text: `number ${number}` }, { kind: "wait", ms: 11_000 }]),
  });
  for (const [n] of numbers.entries()) {
    await sim.clock.runUntil(() => noticesOf(sim.notices, "caller-text").length > n);
    await sim.clock.run(700);
    sim.agent.sessions.at(-1)!.falseStart();
  }
  await sim.clock.runFor(call.report);
  const [{ endReason, transcript }] = sim.records() as [CallRecord];
  const answered = transcript.flatMap(({ text }) => /^Concerning number (\w+)/.exec(text)?.[1] ?? []);
  assert.deepEqual([answered, endReason], [numbers, "caller-hung-up"]);
  assert.equal(sim.agent.sessions.length, 1);
});

/** An answer whose text comes at once and whose sound comes only after the filler has begun. */
const SLOW_SOUND = { slowFirstByteMs: 1200 };

for (const reason of ["drained", "time-limit"] as const) {
  test(`an answer that we cut ourselves is no interruption of the caller's, and what was heard of it is kept: ${reason}`, async () => {
    await using sim = await simHouse({ config: { limits: { callMinutes: 0.5 } }, agent: { think: storyBrain } });
    const call = sim.ring({
      steps: [{ kind: "wait", ms: 15_000 }, { kind: "say", text: "tell me something" }, { kind: "wait", ms: 30_000 }],
    });
    await sim.clock.run(25_000);
    const drained = reason === "drained" && sim.house.reception.drain(0);
    await sim.clock.runFor(call.report);
    await sim.clock.runFor(Promise.resolve(drained), 40_000);
    const { endReason, interruptions, transcript } = sim.records()[0]!;
    assert.deepEqual([endReason, interruptions], [reason, 0]);
    const [cut] = noticesOf(sim.notices, "reply-interrupted");
    const { heardMs, interrupted } = transcript.find(({ text }) => text === STORY)!;
    assert.deepEqual([heardMs, interrupted], [cut!.heardMs, true]);
    assert.ok(heardMs! > 1000, `${heardMs} ms`);
  });
}

test("an answer that a filler overtakes is interrupted like any other", async () => {
  await using sim = await simHouse({
    agent: {
      think: ({ said }) => said.includes("stop") ? { say: "All right." } : { say: STORY, thinkMs: 600 },
      faults: SLOW_SOUND,
    },
  });
  const call = sim.ring({
    steps: [
      { kind: "say", text: "tell me something" },
      { kind: "interrupt", text: "no stop please", afterMs: 3000 },
      { kind: "wait", ms: 4000 },
    ],
  });
  await sim.clock.runFor(call.report);
  assert.equal(noticesOf(sim.notices, "reply-interrupted").length, 1);
});

test("nobody is asked whether they are there while an answer sounds that a filler overtook", async () => {
  await using sim = await simHouse({
    agent: { think: () => ({ say: STORY, thinkMs: 600 }), faults: SLOW_SOUND },
  });
  const call = sim.ring({ steps: [{ kind: "say", text: "tell me something" }, { kind: "wait", ms: 1000 }] });
  await sim.clock.runFor(call.report);
  const texts = noticesOf(sim.notices, "reply-text").map(({ text }) => text);
  assert.ok(texts.length > 0 && !texts.some((text) => /still there/i.test(text)), texts.join(" | "));
});

/** A caller whose answer comes in the same reply as the words before the tool that it needed, `afterMs` behind the tool's result. */
function answeredInOneReply(afterMs = 700): Promise<SimHouse> {
  const house: Promise<SimHouse> = simHouse({
    config: {
      tools: [{
        name: "look",
        description: "Looks.",
        parameters: { type: "object", properties: {} },
        http: { url: "https://tools.test/look" },
      }],
    },
    agent: {
      think: ({ said, history }) =>
        said.includes("stop")
          ? { say: "All right." }
          : history.at(-1)?.role === "function"
          ? { say: STORY, thinkMs: afterMs }
          : { say: "Let me look.", call: { name: "look", arguments: {} } },
      faults: { missingAudioDone: true },
      rateX: 1,
      chunkBytes: 800,
    },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    toolFetch: async () => {
      await sleep((await house).clock, 400);
      return new Response("nine");
    },
  });
  return house;
}

test("an answer that goes on in the reply that told of its tool is interrupted like any other, and the next one is heard", async () => {
  await using sim = await answeredInOneReply();
  const call = sim.ring({
    steps: [
      { kind: "say", text: "is there a table" },
      { kind: "interrupt", text: "no stop please", afterMs: 3000 },
      { kind: "wait", ms: 4000 },
    ],
  });
  const report = await sim.clock.runFor(call.report);
  assert.ok(report.turns.at(-2)!.interrupted);
  assert.equal(report.turns.at(-1)!.heard, "All right.");
});

for (const [when, afterMs] of [["after a pause", 700], ["at once", 50]] as const) {
  test(`nobody is told to wait after an answer that went on ${when} in the reply that told of its tool`, async () => {
    await using sim = await answeredInOneReply(afterMs);
    const call = sim.ring({ steps: [{ kind: "say", text: "is there a table" }, { kind: "wait", ms: 4000 }] });
    await sim.clock.runFor(call.report);
    assert.equal(noticesOf(sim.notices, "reply-text").at(-1)!.text, STORY);
  });
}
