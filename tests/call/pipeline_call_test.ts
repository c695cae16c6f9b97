import assert from "node:assert/strict";
import { estimateCost } from "../../lib/store/prices.ts";
import { callMeters } from "../../lib/telemetry/call_meters.ts";
import { test } from "../case.ts";
import { noticesOf, simPipeline } from "../sim/pipeline.ts";

const NOVA = { listen: { provider: { type: "deepgram", model: "nova-3", endpointing: 250 } } };
const FIRST_TOKEN_MS = 200;
const QUESTIONS = ["are you open today", "where can I park", "what does it cost"];

/** One rehearsed call of three questions, as its observers see it. */
async function threeQuestions() {
  await using sim = await simPipeline({ pipeline: NOVA, chat: { firstTokenMs: FIRST_TOKEN_MS } });
  const steps = QUESTIONS.map((text) => ({ kind: "say" as const, text }));
  const report = await sim.clock.runFor(sim.ring({ steps }).report);
  await sim.clock.run(3000);
  assert.deepEqual(report.offences, []);
  return { report, notices: sim.notices, record: sim.records()[0]! };
}

test("every answer of a pipeline call tells where its time went", async () => {
  const { notices, report } = await threeQuestions();
  const latencies = noticesOf(notices, "latency");
  assert.equal(latencies.length, QUESTIONS.length);
  const answers = report.turns.filter(({ said }) => said);
  for (const [index, { parts }] of latencies.entries()) {
    const { stt, model, voice, ours, total } = parts;
    // The recogniser waits for 250 ms of silence, and both it and our ear work in frames of 20 ms.
    assert.ok(stt! >= 200 && stt! <= 500, `stt ${stt} ms`);
    assert.ok(model! >= FIRST_TOKEN_MS && model! <= FIRST_TOKEN_MS + 200, `model ${model} ms`);
    assert.ok(voice! > 0 && voice! <= 500, `voice ${voice} ms`);
    // We take nothing for ourselves.
    assert.equal(stt! + model! + voice! + ours!, total, JSON.stringify(parts));
    assert.ok(ours! <= 20, `ours ${ours} ms`);
    // What the caller's phone measures holds the way to it as well.
    assert.ok(Math.abs(answers[index]!.replyMs! - total!) <= 150, `phone ${answers[index]!.replyMs}, we ${total} ms`);
  }
});

test("the record of a pipeline call keeps the times of each answer, and of nothing else", async () => {
  const { record, notices } = await threeQuestions();
  const agent = record.transcript.filter(({ who }) => who === "agent");
  const [greeting, ...answers] = agent;
  assert.equal(greeting!.parts, undefined, "nobody waited for the greeting");
  assert.equal(answers.length, QUESTIONS.length);
  assert.deepEqual(answers.map(({ parts }) => parts), noticesOf(notices, "latency").map(({ parts }) => parts));
  for (const { answerMs, parts } of answers) {
    assert.ok(answerMs! > 0 && answerMs! < parts!.total!, `${answerMs} ms from the final, ${parts!.total} ms in all`);
  }
  assert.ok(record.firstAudioMs! >= 0 && record.firstAudioMs! < 1000);
});

test("/metrics counts the times of a pipeline call by part, in seconds", async () => {
  const { notices } = await threeQuestions();
  const meters = callMeters();
  for (const notice of notices) meters.observe(notice);
  const text = meters.render(() => 0).text();
  const value = (name: string) => Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
  const latencies = noticesOf(notices, "latency").map(({ parts }) => parts);
  for (const part of ["stt", "model", "voice", "ours", "total"] as const) {
    const seconds = latencies.reduce((sum, parts) => sum + parts[part]!, 0) / 1000;
    assert.equal(value(`offhook_reply_seconds_count{part="${part}"}`), QUESTIONS.length, part);
    const shown = value(`offhook_reply_seconds_sum{part="${part}"}`);
    assert.ok(Math.abs(shown - seconds) < 1e-6, `${part}: ${shown} s`);
  }
  assert.equal(value(`offhook_reply_seconds_count{part="answer"}`), QUESTIONS.length);
  const answer = value(`offhook_reply_seconds_sum{part="answer"}`);
  const total = value(`offhook_reply_seconds_sum{part="total"}`);
  assert.ok(answer > 0 && answer < total, `answer ${answer} s, total ${total} s`);
  assert.equal(value("offhook_first_audio_seconds_count"), 1);
  assert.equal(value(`offhook_calls_ended_total{reason="caller-hung-up"}`), 1);
});

test("a pipeline call is priced by what it heard, asked and said", async () => {
  const { record, report } = await threeQuestions();
  const { listen, think, speak } = record.models;
  assert.deepEqual([listen, think, speak], ["nova-3", "openai/gpt-oss-20b", "sonic-3.5"]);
  const { sttSeconds, voiceCharacters, promptTokens, completionTokens } = record.usage;
  assert.ok(Math.abs(sttSeconds! - report.durationMs / 1000) < 1, `${sttSeconds} s of ${report.durationMs} ms`);
  const said = record.transcript.filter(({ who }) => who === "agent").reduce((sum, { text }) => sum + text.length, 0);
  assert.ok(Math.abs(voiceCharacters! - said) <= QUESTIONS.length, `${voiceCharacters} of ${said} characters`);
  assert.ok(promptTokens! > 0 && completionTokens! > 0);
  const { parts, unknown } = estimateCost(record);
  assert.deepEqual([Object.keys(parts), unknown], [["carrier", "listen", "speak", "think"], []]);
  assert.ok(Object.values(parts).every((usd) => usd > 0), JSON.stringify(parts));
});
