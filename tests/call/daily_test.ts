import assert from "node:assert/strict";
import { DailyMinutes } from "../../lib/call/daily.ts";
import type { CallNotice } from "../../lib/call/notice.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

test("the minutes from before the start are those since midnight where the calls are", () => {
  const asked: string[] = [];
  const minutes = new DailyMinutes({
    clock: new VirtualClock(Date.parse("2026-03-01T03:30:05.000Z")),
    timezone: () => "America/New_York",
    usedSince: (ms) => (asked.push(new Date(ms).toISOString()), 12),
  });
  assert.equal(minutes.used, 12);
  assert.deepEqual(asked, ["2026-02-28T05:00:00.000Z"]);
});

test("a new day begins at 0, and a live call counts as it goes on", async () => {
  const clock = new VirtualClock(Date.parse("2026-03-01T22:59:00.000Z"));
  const minutes = new DailyMinutes({ clock, timezone: () => "Europe/Berlin", usedSince: () => 30 });
  const started: CallNotice = {
    kind: "call-started",
    ...{ call: "call-a", atMs: 0, startedAt: "", callSid: "CA", streamSid: "MZ" },
    ...{ from: "", to: "", engine: "agent", version: "0", configHash: "" },
  };
  minutes.observe(started);
  await clock.run(30_000);
  assert.equal(minutes.used, 30.5);
  await clock.run(60_000);
  assert.equal(minutes.used, 1.5);
});

test("a clock that is set forward while a call lasts makes it no longer", async () => {
  const clock = new VirtualClock(Date.parse("2026-03-01T10:00:00.000Z"));
  let aheadMs = 0;
  const wallTime = () => new Date(clock.wallTime().getTime() + aheadMs);
  const minutes = new DailyMinutes({
    clock: { monotonicMs: () => clock.monotonicMs(), wallTime },
    timezone: () => "UTC",
  });
  minutes.observe({ kind: "call-started", call: "call-a", atMs: 0 } as CallNotice);
  await clock.run(60_000);
  for (const stepMs of [3_600_000, -3_600_000]) {
    aheadMs = stepMs;
    assert.equal(minutes.used, 1);
  }
});

test("a call that has ended counts what it lasted, and one that is back counts on", async () => {
  const clock = new VirtualClock(Date.parse("2026-03-01T10:00:00.000Z"));
  const minutes = new DailyMinutes({ clock, timezone: () => "UTC" });
  const part = async (began: "call-started" | "call-resumed", durationMs: number) => {
    minutes.observe({ kind: began, call: "call-a", atMs: 0 } as CallNotice);
    await clock.run(durationMs);
    assert.equal(minutes.used, used + durationMs / 60_000);
    const ended = { kind: "call-ended", reason: "line-lost", durationMs, framesIn: 0, framesOut: 0 } as const;
    minutes.observe({ call: "call-a", atMs: 0, ...ended });
    used += durationMs / 60_000;
    await clock.run(600_000);
    assert.equal(minutes.used, used);
  };
  let used = 0;
  await part("call-started", 120_000);
  await part("call-resumed", 60_000);
});

test("of several live calls each counts since its own beginning, and one that is told twice counts once", async () => {
  const clock = new VirtualClock(Date.parse("2026-03-01T10:00:00.000Z"));
  const minutes = new DailyMinutes({ clock, timezone: () => "UTC" });
  const tell = (notice: object) => minutes.observe(notice as CallNotice);
  for (const call of ["call-a", "call-b", "call-c"]) {
    tell({ kind: "call-started", call, atMs: 0 });
    await clock.run(60_000);
  }
  assert.equal(minutes.used, 3 + 2 + 1);
  tell({ kind: "call-resumed", call: "call-c", atMs: 0 });
  assert.equal(minutes.used, 3 + 2);
  tell({ kind: "call-ended", call: "call-a", durationMs: 180_000 });
  await clock.run(60_000);
  assert.equal(minutes.used, 3 + 3 + 1);
});
