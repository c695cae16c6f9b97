import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import type { Dial } from "../../lib/base/dial.ts";
import { failed, ok } from "../../lib/base/result.ts";
import { socketWire } from "../../lib/base/wire.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { ringUp } from "../../lib/softphone/phone.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { testServer } from "./server.ts";

const nativeDial: Dial = ({ peer, url, headers }) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, { headers: { ...headers } });
    socket.onopen = () => resolve(ok(socketWire(socket)));
    socket.onerror = () => resolve(failed({ kind: "unreachable", peer, detail: "no socket" }));
  });

test("a call over real sockets in real time: words, marks and frames arrive whole", async () => {
  const server = testServer(systemClock, {
    twiml: '<Response><Connect><Stream url="/media"/></Connect></Response>',
    started: (line) => void line.say("hello"),
    heard: (line, text) => void line.say(`you said ${text}`),
  });
  await using served = serveStandIns([
    { path: "/media", answer: server.answer },
    { path: "/incoming-call", fetch: server.fetch },
  ]);
  const report = await ringUp({
    url: `http://${served.origin}/incoming-call`,
    clock: systemClock,
    dial: nativeDial,
    fetch,
    voice: toneVoice(),
    random: seeded(1),
    openDelayMs: 0,
    steps: [{ kind: "say", text: "hi" }],
  }).report;
  assert.deepEqual(report.offences, []);
  assert.deepEqual(report.turns.map(({ heard }) => heard), ["hello", "you said hi"]);
  assert.deepEqual([report.lostFrames, report.staleFrames, report.marks], [0, 0, { sent: 2, echoed: 2 }]);
  const media = server.lines[0]!.of("media");
  const elapsedMs = media.at(-1)!.atMs - media[0]!.atMs;
  assert.ok(Math.abs(media.length * 20 - elapsedMs - 120) < 100, `${media.length} frames in ${elapsedMs} ms`);
  assert.deepEqual(server.lines[0]!.closed, { code: 1000 });
});
