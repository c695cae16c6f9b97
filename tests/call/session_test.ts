import assert from "node:assert/strict";
import { runCall } from "../../lib/call/session.ts";
import type { CallParts } from "../../lib/call/live_call.ts";
import type { EngineHost } from "../../lib/engine/engine.ts";
import type { NoticeBody } from "../../lib/call/notice.ts";
import type { Leg } from "../../lib/phone/leg.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { silentEngine } from "../sim/silent_engine.ts";

const nothing = () => {};
const closed = () => Promise.resolve();

/** A line on which so many keys are pressed in one turn of the event loop. */
function busyLine(keys: number): Leg {
  return {
    listen(post) {
      for (let n = 0; n < keys; n++) post({ kind: "digit", digit: "1" });
    },
    connect: nothing,
    play: () => true,
    end: nothing,
    clear: () => [],
    resume: () => false,
    forget: nothing,
    tap: nothing,
    drained: true,
    traffic: { inBytes: 0, outBytes: 0 },
    hangUp: nothing,
    [Symbol.asyncDispose]: closed,
  };
}

/** A call on that line: what it reports, and its engine's and its tools' sides of it. */
function callOn(leg: Leg, tools: Partial<CallParts["tools"]> = {}) {
  const notices: NoticeBody[] = [];
  const clock = new VirtualClock();
  const hosts: EngineHost[] = [];
  const waits = ["setup", "answer", "filler", "false-start", "silence", "nearly-over", "time-limit"] as const;
  const ends = ["closing", "last-words", "hang-up"] as const;
  const deadlines = Object.fromEntries([...waits, ...ends].map((name) => [name, 60_000])) as CallParts["deadlines"];
  const call = runCall({
    leg,
    openEngine: (host) => (hosts.push(host), silentEngine()),
    newReply: () => 1,
    clock,
    deadlines,
    patienceMs: () => 0,
    maxPrompts: 1,
    line: () => undefined,
    route: () => undefined,
    onlyInterrupts: () => false,
    tools: {
      attach: nothing,
      succeeded: nothing,
      run: () => Promise.resolve({ content: "", ok: true }),
      cancel: nothing,
      callerSaid: nothing,
      weSay: nothing,
      weAskElse: nothing,
      digit: () => false,
      asksCaller: () => false,
      waiting: () => undefined,
      transfer: nothing,
      [Symbol.dispose]: nothing,
      ...tools,
    },
    filler: () => undefined,
    history: () => [],
    report: (notice) => notices.push(notice),
  });
  return { call, clock, notices, hosts };
}

test("events that find the inbox full are reported, each of them, and the call goes on", async () => {
  const { call, clock, notices } = callOn(busyLine(300));
  await clock.run(100);
  const lost = notices.filter((notice) => notice.kind === "event-lost");
  assert.deepEqual([lost.length, lost[0]?.event], [300 - 256, "digit"]);
  call.bury("reaped");
  assert.equal(await clock.runFor(call.done), "reaped");
  assert.equal(clock.pending, 0);
});

test("a filler of the engine's reads nothing back", async () => {
  let said = 0;
  const { call, clock, hosts } = callOn(busyLine(0), { weSay: () => void said++ });
  await clock.run(100);
  const say = (reply: number, covers: boolean) => {
    hosts[0]!.post({ kind: "reply-started", reply, covers });
    hosts[0]!.post({ kind: "reply-text", reply, text: "One moment." });
  };
  say(1, true);
  assert.equal(said, 0);
  say(2, false);
  assert.equal(said, 1);
  call.bury("reaped");
  await clock.runFor(call.done);
});
