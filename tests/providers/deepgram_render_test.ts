import assert from "node:assert/strict";
import { TagReader } from "../../lib/audio/tag.ts";
import { describeFault } from "../../lib/base/result.ts";
import { renderDeepgram, type RenderOptions } from "../../lib/providers/deepgram_render.ts";
import { deepgramSpeakStandIn, type SpeakStandInOptions } from "../../lib/rehearsal/deepgram_speak.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const signal = new AbortController().signal;

function rig(standIn: Partial<SpeakStandInOptions> = {}, options: Partial<RenderOptions> = {}) {
  const clock = new VirtualClock();
  const { fetch } = deepgramSpeakStandIn({ clock, random: seeded(1), voice: toneVoice(), key: "k", ...standIn });
  const url = "https://api.deepgram.com/v1/speak";
  const render = (text: string) =>
    renderDeepgram({ fetch, clock, url, key: "k", provider: { model: "aura-2-thalia-en" }, ...options }, text, signal);
  return { clock, render };
}

test("a prompt is rendered as bare mu-law, word for word", async () => {
  const { clock, render } = rig();
  const rendered = await render("Thank you for calling. Goodbye.");
  assert.ok(rendered.ok);
  const reader = new TagReader();
  for (let at = 0; at < rendered.value.length; at += 160) reader.push(rendered.value.subarray(at, at + 160));
  assert.equal(reader.text, "Thank you for calling. Goodbye.");
  assert.equal(clock.pending, 0);
});

test("each way to fail is a fault with the remedy in its message", async () => {
  const cases: [Partial<SpeakStandInOptions>, Partial<RenderOptions>, string, RegExp][] = [
    [{}, { key: "other" }, "Hi", /HTTP 401 \(Invalid credentials\.\)\. Check DEEPGRAM_API_KEY/],
    [{}, { provider: { model: "aura-2-nobody-en" } }, "Hi", /HTTP 400 \(No such model\/version combination found\.\)/],
    [{}, {}, "x".repeat(2001), /HTTP 413/],
    [{ faults: { refuse: 429, retryAfterSeconds: 2 } }, {}, "Hi", /HTTP 429 .*lower MAX_CALLS/],
    [
      {},
      { fetch: () => Promise.reject(new TypeError("connection refused")) },
      "Hi",
      /Cannot reach .*connection refused/,
    ],
    [{}, { fetch: () => new Response("RIFF....WAVE") }, "Hi", /a WAV file came although container=none/],
    [{}, { fetch: () => new Response("") }, "Hi", /the audio is empty/],
  ];
  for (const [standIn, options, text, message] of cases) {
    const { render, clock } = rig(standIn, options);
    const rendered = await render(text);
    assert.match(rendered.ok ? "" : describeFault(rendered.fault), message);
    assert.equal(clock.pending, 0);
  }
});

test("a retry-after is handed on", async () => {
  const rendered = await rig({ faults: { refuse: 429, retryAfterSeconds: 2 } }).render("Hi");
  assert.deepEqual(!rendered.ok && rendered.fault.kind === "refused" && rendered.fault.retryAfterMs, 2000);
});

test("an answer that never comes is a deadline, and an abort is thrown", async () => {
  const asked: Request[] = [];
  const stuck: RenderOptions["fetch"] = (request) => (asked.push(request), new Promise(() => {}));
  const { clock, render } = rig({}, { fetch: stuck });
  const rendered = await clock.runFor(render("Hi"));
  assert.match(rendered.ok ? "" : describeFault(rendered.fault), /Waited 15000 ms for a whole prompt/);
  assert.equal(asked[0]!.signal.aborted, true, "what still comes is not read");
  const abort = new AbortController();
  const options = { fetch: stuck, clock, url: "https://x.test/v1/speak", key: "k", provider: { model: "m" } };
  const rendering = renderDeepgram(options, "Hi", abort.signal);
  abort.abort(new Error("hung up"));
  await assert.rejects(rendering, /hung up/);
  assert.equal(clock.pending, 0);
});
