import assert from "node:assert/strict";
import { TwilioRealtimeTransportLayer } from "@openai/agents-extensions";
import { systemClock } from "../../lib/base/clock.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import type { PhoneEvent } from "../../lib/softphone/monitor.ts";
import { ringUp } from "../../lib/softphone/phone.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { realtimeStandIn } from "./realtime.ts";
import { dialThenWait, until } from "./sockets.ts";

const LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";
const answer = (said: string) =>
  said === ""
    ? "hello there"
    : said.includes("count")
    ? LONG
    : said.includes("stop")
    ? "all right"
    : `you said ${said}`;

/**
 * A media-stream server as the OpenAI agents library makes one: its transport between the phone and the model. It greets
 * once the phone's `start` has come, or `hasty` as soon as the model is there.
 */
function stranger(modelUrl: string, hasty: boolean) {
  const layers: TwilioRealtimeTransportLayer[] = [];
  const errors: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (new URL(request.url).pathname !== "/media") {
      const twiml =
        '<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="/media"/></Connect></Response>';
      return new Response(twiml, { headers: { "content-type": "text/xml" } });
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    const layer = new TwilioRealtimeTransportLayer({ twilioWebSocket: socket, url: modelUrl });
    layers.push(layer);
    layer.on("error", (error) => void errors.push(error));
    const turnDetection = { type: "server_vad" as const, interruptResponse: true, createResponse: true };
    const initialSessionConfig = {
      audio: { input: { format: "g711_ulaw" as const, turnDetection }, output: { format: "g711_ulaw" as const } },
    };
    const started = new Promise<void>((resolve) => {
      layer.on("*", (event) => {
        if (event.type === "twilio_message" && event.message.event === "start") resolve();
      });
    });
    layer.connect({ apiKey: "key", initialSessionConfig })
      .then(() => hasty ? undefined : started)
      .then(() => layer.sendEvent({ type: "response.create" }))
      .catch((error) => void errors.push(error));
    return response;
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/incoming-call`,
    errors,
    async [Symbol.asyncDispose]() {
      for (const layer of layers) layer.close();
      await server.shutdown();
    },
  };
}

async function call(steps: Step[], { hasty = false } = {}) {
  const model = realtimeStandIn(answer);
  await using served = serveStandIns([model]);
  await using server = stranger(`ws://${served.origin}/v1/realtime?model=gpt-realtime-2.1`, hasty);
  const events: PhoneEvent[] = [];
  const report = await ringUp({
    ...{
      url: server.url,
      clock: systemClock,
      dial: dialThenWait(hasty ? 300 : 0),
      fetch,
      voice: toneVoice(),
      random: seeded(3),
      steps,
    },
    limitMs: hasty ? 1500 : 60_000,
    onEvent: (event) => events.push(event),
  }).report;
  const session = model.sessions[0]!;
  await until("the model's socket to close with the phone's", () => session.closed);
  assert.deepEqual([server.errors, session.errors], [[], []]);
  return { report, session, events };
}

test("a stranger's server (the OpenAI agents library) converses with the softphone without an offence", async () => {
  const { report, session, events } = await call([
    { kind: "say", text: "good morning" },
    { kind: "expect", text: "you said good morning" },
    { kind: "say", text: "who are you" },
    { kind: "expect", text: "you said who are you" },
  ]);
  assert.deepEqual(report.offences, []);
  assert.ok(report.ok);
  assert.deepEqual(report.turns.map(({ heard }) => heard), [
    ...["hello there", "you said good morning", "you said who are you"],
  ]);
  assert.deepEqual([report.lostFrames, report.staleFrames], [0, 0]);
  // A mark for each 200 ms of audio and one at the end of each answer: all came back.
  assert.ok(report.marks.sent > 12, JSON.stringify(report.marks));
  assert.equal(report.marks.echoed, report.marks.sent);
  assert.deepEqual([session.ends, session.truncated], [["completed", "completed", "completed"], []]);
  assert.deepEqual(events.filter(({ kind }) => kind === "warning"), []);
});

test("a stranger's server is interrupted: clear, all marks back, and the model told what was heard", async () => {
  const { report, session, events } = await call([
    { kind: "say", text: "please count" },
    { kind: "interrupt", text: "stop it", afterMs: 1200 },
    { kind: "expect", text: "all right" },
  ]);
  assert.deepEqual([report.offences, report.ok], [[], true]);
  const cut = events.find((event) => event.kind === "cleared");
  assert.ok(cut?.kind === "cleared" && cut.droppedMs > 0, JSON.stringify(cut));
  const [, counting, last] = report.turns;
  assert.deepEqual([counting!.interrupted, last!.heard], [true, "all right"]);
  assert.ok(LONG.startsWith(counting!.heard!) && counting!.heard!.length < LONG.length, counting!.heard!);
  assert.deepEqual([report.staleFrames, report.marks.echoed], [0, report.marks.sent]);
  // It counts by marks of 200 ms, and adds 50: the two measures agree within that.
  assert.equal(session.truncated.length, 1);
  const { audioEndMs } = session.truncated[0]!;
  assert.ok(Math.abs(audioEndMs - counting!.heardMs) <= 260, `${audioEndMs} ms told, ${counting!.heardMs} ms heard`);
});

test("a stranger's server that greets before the phone's start is convicted of it", async () => {
  const { report } = await call([{ kind: "wait", ms: 5000 }], { hasty: true });
  assert.equal(report.ok, false);
  assert.deepEqual([...new Set(report.offences.map(({ code }) => code))], ["before-start"]);
});
