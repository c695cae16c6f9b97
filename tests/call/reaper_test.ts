import assert from "node:assert/strict";
import { isOver, LOOK_EVERY_MS, LOOKS_PER_SWEEP, Reaper, STUCK_MS, type Watched } from "../../lib/call/reaper.ts";
import { twilioRest } from "../../lib/phone/twilio_rest.ts";
import { test } from "../case.ts";
import { twilioRestStandIn } from "../rehearsal/twilio_rest.ts";
import { VirtualClock } from "../sim/clock.ts";
import { type SimHouse, simHouse } from "../sim/house.ts";

/** A reaper over calls that began at 0. */
function reaping(count: number, status: (callSid: string, signal: AbortSignal) => Promise<string | undefined>) {
  const clock = new VirtualClock();
  let calls: Watched[] = Array.from({ length: count }, (_, n) => ({ callSid: `CA${n}`, ageMs: 0, limitMs: 900_000 }));
  const asked: { callSid: string; atMs: number }[] = [];
  const over: string[] = [];
  const late: string[] = [];
  const reaper = new Reaper({
    clock,
    calls: () => calls.map((call) => ({ ...call, ageMs: clock.monotonicMs() })),
    status: (callSid, signal) => {
      asked.push({ callSid, atMs: clock.monotonicMs() });
      return status(callSid, signal);
    },
    over(callSid, status) {
      over.push(`${callSid} ${status}`);
      calls = calls.filter((call) => call.callSid !== callSid);
    },
    late: (callSid) => late.push(callSid),
    stuck: (callSid) => late.push(`${callSid} stuck`),
  });
  const end = (callSid?: string) => {
    calls = calls.filter((call) => callSid !== undefined && call.callSid !== callSid);
    reaper.update();
  };
  reaper.update();
  return { clock, asked, over, late, end };
}

test("a call that the carrier says is over ends, whatever way it came to its end there", async () => {
  for (const status of ["completed", "busy", "failed", "no-answer", "canceled"]) {
    const { clock, over } = reaping(1, () => Promise.resolve(status));
    await clock.run(LOOK_EVERY_MS + 10_000);
    assert.deepEqual(over, [`CA0 ${status}`]);
    assert.equal(clock.pending, 0, "it must sleep where there are no calls");
  }
  for (const status of ["queued", "ringing", "in-progress", undefined]) assert.equal(isOver(status), false);
});

test("a carrier that says nothing, fails or never answers ends no call, and each call is asked about once a minute", async () => {
  for (
    const answer of [
      () => Promise.resolve(undefined),
      () => Promise.resolve("in-progress"),
      () => Promise.reject(new Error("down")),
      () => new Promise<string>(() => {}),
    ]
  ) {
    const { clock, asked, over, end } = reaping(2, answer);
    await clock.run(10 * 60_000);
    assert.deepEqual(over, []);
    assert.ok(asked.length >= 14 && asked.length <= 20, `${asked.length} requests`);
    end();
    await clock.run(20_000);
    assert.equal(clock.pending, 0);
  }
});

test("a call that has ended is not asked about, another one still is", async () => {
  const { clock, asked, end } = reaping(2, () => Promise.resolve("in-progress"));
  end("CA0");
  await clock.run(5 * 60_000);
  assert.deepEqual([...new Set(asked.map(({ callSid }) => callSid))], ["CA1"]);
  end();
  assert.equal(clock.pending, 0);
});

test("500 calls make no more requests at once than a few, and none is forgotten", async () => {
  let open = 0;
  let most = 0;
  const { clock, asked, end } = reaping(500, async (_, signal) => {
    most = Math.max(most, ++open);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    open--;
    return undefined;
  });
  await clock.run(25 * 60_000);
  assert.equal(most, LOOKS_PER_SWEEP);
  assert.equal(new Set(asked.map(({ callSid }) => callSid)).size, 500);
  end();
  await clock.run(20_000);
});

test("a call older than its limit is ended politely, then at once", async () => {
  const { clock, late, end } = reaping(1, () => Promise.resolve("in-progress"));
  await clock.run(900_000);
  assert.deepEqual(late, []);
  await clock.run(STUCK_MS + 20_000);
  assert.equal(late[0], "CA0");
  assert.equal(late.at(-1), "CA0 stuck");
  end();
});

const ACCOUNT = "AC00000000000000000000000000000001";

/** A stream that starts a call and then only ever sends silence. */
async function dummyCall(sim: SimHouse, callSid: string) {
  const body = new URLSearchParams({ CallSid: callSid, From: "+15550100", To: "+15550101" });
  await (await sim.fetch(new Request("http://localhost:5000/incoming-call", { method: "POST", body }))).text();
  const dialled = await sim.phoneDial({ peer: "twilio", url: "ws://x", headers: {} }, new AbortController().signal);
  assert.ok(dialled.ok);
  const wire = dialled.value;
  let closed = false;
  wire.listen({
    text: (text) => text.includes('"mark"') && wire.send(text), // it is there, though silent
    binary: () => {},
    close: () => void (closed = true),
    crashed: assert.fail,
  });
  const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
  wire.send(
    JSON.stringify({ event: "start", streamSid: "MZ1", start: { callSid, mediaFormat, customParameters: {} } }),
  );
  await sim.clock.run(1000);
  return { closed: () => closed, wire };
}

test("a socket that stays open after its call: REST tells, the call ends as reaped, is counted once and leaves nothing", async () => {
  let status = "in-progress";
  let requests = 0;
  await using sim = await simHouse({
    config: { silence: { promptAfterMs: 600_000 } },
    carrierStatus(clock) {
      const standIn = twilioRestStandIn({
        clock,
        accountSid: ACCOUNT,
        authToken: "t",
        control: () => ({ status: () => status, endCall: () => {} }),
      });
      const fetch = (request: Request) => {
        requests++;
        return standIn.fetch(request);
      };
      const rest = twilioRest({ fetch, clock, accountSid: ACCOUNT, authToken: "t", baseUrl: "https://api.twilio.com" });
      return async (callSid, signal) => {
        const answer = await rest.callStatus(callSid, signal);
        return answer.ok ? answer.value : undefined;
      };
    },
  });
  const { closed } = await dummyCall(sim, "CA000000000000000000000000000000aa");
  await sim.clock.run(125_000);
  assert.equal(sim.house.reception.active, 1);
  assert.equal(requests, 2, "once a minute");
  status = "completed";
  await sim.clock.run(75_000);
  assert.ok(closed());
  assert.equal(sim.house.reception.active, 0);
  assert.equal(sim.clock.pending, 0);
  const ended = sim.notices.filter((notice) => notice.kind === "call-ended");
  assert.deepEqual(ended.map(({ reason }) => reason), ["reaped"]);
  assert.equal(sim.records()[0]!.carrierStatus, "completed");
  assert.equal(sim.records()[0]!.endReason, "reaped");
});

test("the status callback ends a call whose socket stays open as hung up, and it does not come back", async () => {
  await using sim = await simHouse({ config: { silence: { promptAfterMs: 600_000 } } });
  const callSid = "CA000000000000000000000000000000ab";
  const { closed } = await dummyCall(sim, callSid);
  sim.house.reception.over(callSid);
  await sim.clock.run(3000);
  assert.ok(closed());
  assert.equal(sim.records()[0]!.endReason, "caller-hung-up");
  assert.deepEqual(sim.house.reception.afterStream(callSid, undefined), { kind: "hang-up" });
  assert.equal(sim.clock.pending, 0);
});
