import assert from "node:assert/strict";
import type { Voice } from "../../lib/audio/voice.ts";
import type { Recording } from "../../lib/call/live_call.ts";
import { CallRecorder } from "../../lib/store/recorder.ts";
import { test } from "../case.ts";
import { simHouse, type SimOptions } from "../sim/house.ts";
import { noticesOf as of, simPipeline } from "../sim/pipeline.ts";
import { folder } from "../store/make.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const NOTICE = "This call is recorded so that we can serve you better.";
const RECORDED = { privacy: { recording: true }, lines: { recordingNotice: NOTICE } };

/** A house that counts recordings, and the line voice's words. */
async function recordingHouse(options: SimOptions) {
  const recorded: string[] = [];
  const open = (call: string): Recording => {
    recorded.push(call);
    const nothing = () => {};
    const tap = { caller: nothing, sent: nothing, marked: nothing, echoed: nothing, cleared: nothing };
    return { tap, file: `${call}.wav`, durationMs: 1, [Symbol.dispose]: nothing };
  };
  const sim = await simHouse({ ...options, record: () => open });
  return { ...sim, recorded };
}

/** A voice that speaks nothing of what `isMute` says. */
function voiceWithout(isMute: (text: string) => boolean, asked: string[] = []): Voice {
  const tones = toneVoice();
  return {
    ...tones,
    speak: (text, signal) => {
      asked.push(text);
      return isMute(text) ? Promise.resolve({ audio: new Uint8Array(0), words: [] }) : tones.speak(text, signal);
    },
  };
}

test("a call whose caller cannot be told is not recorded, says so, and goes on; once he can be, the next one is", async () => {
  let isMute = true;
  const asked: string[] = [];
  const lineVoice = voiceWithout((text) => isMute && text === NOTICE, asked);
  await using sim = await recordingHouse({ config: RECORDED, lineVoice });
  assert.equal(asked[0], NOTICE, "it is prepared before all other lines");
  const ring = async () => {
    const report = await sim.clock.runFor(sim.ring({ steps: [{ kind: "say", text: "who are you" }] }).report);
    await sim.clock.run(2000);
    return report.turns.map(({ heard }) => heard).join(" ");
  };
  assert.match(await ring(), /^Welcome.*AI/);
  assert.deepEqual(sim.recorded, []);
  assert.match(JSON.stringify(sim.records()[0]!.faults), /not-recorded/);
  isMute = false;
  await sim.house.loadPrompts(new AbortController().signal);
  assert.match(await ring(), /recorded.*Welcome.*AI/);
  const [, second] = sim.records();
  assert.deepEqual([sim.recorded, second!.faults], [[second!.id], []]);
});

test("where nothing can be kept, a call that would be recorded goes on without", async () => {
  await using sim = await simHouse({ config: RECORDED });
  const report = await sim.clock.runFor(sim.ring({ steps: [{ kind: "say", text: "who are you" }] }).report);
  await sim.clock.run(2000);
  assert.match(report.turns.at(-1)!.heard!, /AI/);
  const [record] = sim.records();
  assert.deepEqual([record!.endReason, record!.faults], ["caller-hung-up", []]);
});

test("a greeting with a recording of its own may tell it, and is heard out", async () => {
  await using sim = await recordingHouse({
    config: {
      privacy: { recording: true },
      greeting: { text: "Hello, this call is recorded for training.", audio: "hello", interruptible: false },
    },
  });
  const call = sim.ring({ steps: [{ kind: "interrupt", text: "hello can you hear me", afterMs: 700 }] });
  await sim.clock.runFor(call.report);
  const [greeting] = sim.records()[0]!.transcript;
  assert.deepEqual([sim.recorded.length, greeting?.interrupted], [1, undefined]);
});

for (const [when, cutMs, notices] of [["before", 1500, 2], ["after", 8000, 1]] as const) {
  test(`a call whose line breaks ${when} its caller was told is told ${notices === 2 ? "anew" : "no more"}`, async () => {
    await using sim = await recordingHouse({ config: RECORDED });
    const call = sim.ring({ steps: [{ kind: "wait", ms: 20_000 }] });
    await sim.clock.run(cutMs);
    sim.phoneDial.pairs.at(-1)!.cut();
    await sim.clock.runFor(call.report);
    await sim.clock.run(60_000);
    assert.equal(of(sim.notices, "call-resumed").length, 1);
    assert.equal(of(sim.notices, "reply-text").filter(({ text }) => text === NOTICE).length, notices);
    assert.equal(sim.recorded.length, 2);
  });
}

test("a call that is back before its old engine has closed goes on in its recording", async () => {
  using dir = folder();
  await using sim = await simPipeline({
    config: RECORDED,
    vendorWeather: { delayMs: 20 }, // a socket takes that long to close
    record: (clock) => (call) =>
      new CallRecorder({ folder: dir.path, file: `${call}.wav`, clock, failed: (error) => assert.fail(String(error)) }),
  });
  const call = sim.ring({
    steps: [{ kind: "say", text: "hello there" }, { kind: "wait", ms: 20_000 }, {
      kind: "say",
      text: "my last words",
    }],
  });
  await sim.clock.run(15_000);
  sim.phoneDial.pairs.at(-1)!.cut();
  await sim.clock.runFor(call.report);
  await sim.clock.run(60_000);
  const talkedMs = of(sim.notices, "call-ended").reduce((sum, { durationMs }) => sum + durationMs, 0);
  const { file, durationMs } = sim.records()[0]!.recording!;
  assert.ok(durationMs > talkedMs - 2000, `talked ${talkedMs} ms, recorded ${durationMs} ms`);
  const fileMs = Deno.statSync(`${dir.path}/${file}`).size / 16;
  assert.ok(Math.abs(fileMs - durationMs) < 10, `the file has ${fileMs} ms, its header says ${durationMs}`);
});
