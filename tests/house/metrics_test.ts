import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { parseConfig } from "../../lib/config.ts";
import { vendorDial } from "../../lib/providers/socket.ts";
import { openServer } from "../../lib/server.ts";
import { ringUp } from "../../lib/softphone/phone.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { folder } from "../store/make.ts";

test("every meter of a server that has answered a call is filled, and the carrier's word ends a call", async () => {
  using dir = folder();
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "You answer the phone.", greeting: "Welcome." }),
    file: "config.json",
    env: { BIND: "127.0.0.1", PORT: "0", LOG_LEVEL: "error", DATA_DIR: dir.path },
    readAsset: () => undefined,
  });
  assert.ok(parsed.ok);
  const server = openServer(parsed.value.config, { voice: toneVoice() });
  if ("problem" in server) assert.fail(server.problem);
  await using _ = server;
  const url = `http://127.0.0.1:${server.port}`;
  const post = async (path: string, fields: Record<string, string>) => {
    const response = await fetch(`${url}${path}`, { method: "POST", body: new URLSearchParams(fields) });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await post("/incoming-call", { CallSid: "no id" }), 400);
  const answered = Promise.withResolvers<void>();
  server.observers.push((notice) => notice.kind === "reply-heard" && notice.reply > 1 && answered.resolve());
  const call = ringUp({
    url: `${url}/incoming-call`,
    clock: systemClock,
    dial: vendorDial({ clock: systemClock, kind: "native" }),
    fetch,
    voice: toneVoice(),
    random: seeded(1),
    steps: [{ kind: "say", text: "who are you" }, { kind: "wait", ms: 60_000 }],
  });
  await answered.promise;
  const shown = async () => await (await fetch(`${url}/metrics`)).text();
  const value = (text: string, name: string) =>
    Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ").at(-1));
  assert.equal(value(await shown(), "offhook_calls_active"), 1);
  await post("/call-status", { CallSid: call.callSid, CallStatus: "completed" });
  const report = await call.report;
  assert.equal(report.endedBy, "server");
  const text = await shown();
  for (
    const name of [
      "offhook_calls_started_total",
      'offhook_calls_ended_total{reason="caller-hung-up"}',
      'offhook_frames_total{direction="in"}',
      'offhook_frames_total{direction="out"}',
      "offhook_first_audio_seconds_count",
      'offhook_reply_seconds_count{part="answer"}',
      "offhook_mark_round_trip_seconds_count",
      "offhook_pacer_lateness_seconds_count",
      "offhook_loop_lag_seconds_count",
      'offhook_stream_refused_total{reason="malformed"}',
    ]
  ) assert.ok(value(text, name) > 0, name);
});
