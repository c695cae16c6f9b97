import assert from "node:assert/strict";
import type { CallNotice } from "../../lib/call/notice.ts";
import { callMeters } from "../../lib/telemetry/call_meters.ts";
import { test } from "../case.ts";
import { at, conversation } from "../store/make.ts";

/** What `/metrics` shows after these, by name with labels. */
function shown(notices: readonly CallNotice[], active = 0): Record<string, number> {
  const meters = callMeters();
  notices.forEach(meters.observe);
  const lines = meters.render(() => active).text().split("\n").filter((line) => line && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

test("a call is counted from its start to its end: frames, interruptions, waits and marks", () => {
  const seen = shown(conversation({ id: "call-a1" }), 7);
  assert.deepEqual(
    [
      "offhook_calls_started_total",
      'offhook_calls_ended_total{reason="caller-hung-up"}',
      "offhook_calls_active",
      'offhook_frames_total{direction="in"}',
      'offhook_frames_total{direction="out"}',
      "offhook_barge_ins_total",
      "offhook_first_audio_seconds_sum",
      'offhook_reply_seconds_sum{part="answer"}',
      'offhook_reply_seconds_sum{part="model"}',
      "offhook_mark_round_trip_seconds_sum",
    ].map((name) => seen[name]),
    [1, 1, 7, 2100, 400, 1, 0.32, 1.72, 0.4, 0.012],
  );
});

test("a reply that we cut to say goodbye is no barge-in", () => {
  const cut = { kind: "reply-interrupted", reply: 1, heardMs: 300 } as const;
  assert.equal(shown([at(cut), at({ ...cut, byUs: true })])["offhook_barge_ins_total"], 1);
});

test("faults are counted by provider and kind; so are an odd carrier and an agent that gives no sign", () => {
  const seen = shown([
    at({
      kind: "fault",
      fault: { kind: "lost", peer: "cartesia", closeCode: 1006, reason: "", openMs: 9 },
      fatal: false,
    }),
    at({ kind: "carrier-odd", what: "binary frame" }),
    at({ kind: "carrier-odd", what: "unknown event: pong" }),
    at({ kind: "fence-timed-out" }),
    at({ kind: "event-lost", event: "digit" }),
  ]);
  const faults = (provider: string, kind: string) =>
    seen[`offhook_provider_faults_total{provider="${provider}",kind="${kind}"}`];
  assert.deepEqual(
    [faults("cartesia", "lost"), faults("twilio", "protocol"), faults("deepgram-agent", "deadline")],
    [1, 2, 1],
  );
  assert.equal(seen["offhook_events_lost_total"], 1);
});

test("a call that comes back is one call, counted when it is over, by its last reason", () => {
  const notices = conversation({ id: "call-a1", reason: "line-lost" });
  const over = notices.pop()!;
  const back = at({ kind: "call-resumed", why: "line-lost", streamSid: "MZ2" });
  const ended = at({ kind: "call-ended", reason: "silence", durationMs: 5000, framesIn: 100, framesOut: 10 });
  assert.equal(shown([...notices, back])['offhook_calls_ended_total{reason="line-lost"}'], undefined);
  const seen = shown([...notices, back, ended, over]);
  assert.equal(seen['offhook_calls_ended_total{reason="silence"}'], 1);
  assert.equal(seen['offhook_calls_ended_total{reason="line-lost"}'], undefined);
  assert.equal(seen['offhook_frames_total{direction="in"}'], 2200);
});
