import assert from "node:assert/strict";
import type { Wire } from "../../lib/base/wire.ts";
import { seeded, test } from "../case.ts";
import { type SimHouse, simHouse } from "../sim/house.ts";

const START = (callSid: string, streamSid = "MZ1") =>
  JSON.stringify({
    event: "start",
    sequenceNumber: "1",
    streamSid,
    start: {
      accountSid: "AC1",
      callSid,
      streamSid,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: {},
    },
  });
const MEDIA = JSON.stringify({
  event: "media",
  media: { track: "inbound", chunk: "1", timestamp: "100", payload: "/".repeat(215) + "=" },
});

/** A bare carrier socket; `closed` tells how it ended. */
async function socket(sim: SimHouse): Promise<{ wire: Wire; closed: () => number | undefined; got: string[] }> {
  const dialled = await sim.phoneDial(
    { peer: "twilio", url: "ws://localhost/media-stream", headers: {} },
    new AbortController().signal,
  );
  assert.ok(dialled.ok);
  let code: number | undefined;
  const got: string[] = [];
  dialled.value.listen({
    text: (text) => void got.push(text),
    binary: () => {},
    close: (closeCode) => void (code = closeCode),
    crashed: (error) => {
      throw error;
    },
  });
  return { wire: dialled.value, closed: () => code, got };
}

/** A healthy call beside the garbage: it must not notice. */
async function beside(misbehave: (sim: SimHouse) => Promise<void>): Promise<void> {
  await using sim = await simHouse();
  const call = sim.ring({ steps: [{ kind: "wait", ms: 3000 }, { kind: "say", text: "who are you" }] });
  await misbehave(sim);
  const report = await sim.clock.runFor(call.report);
  assert.deepEqual(report.offences, []);
  assert.match(report.turns.at(-1)!.heard ?? "", /AI/);
  await sim.clock.run(60_000);
  assert.equal(sim.house.reception.active, 0);
  assert.equal(sim.clock.pending, 0, "timers are left");
}

test("no start within 10 s, or garbage instead: the socket is closed, and counted; one that leaves by itself is not", () =>
  beside(async (sim) => {
    const [silent, garbling, leaving] = [await socket(sim), await socket(sim), await socket(sim)];
    for (let count = 0; count < 300; count++) garbling.wire.send("garbage");
    leaving.wire.close(1000);
    await sim.clock.run(9900);
    assert.deepEqual([silent.closed(), garbling.closed()], [undefined, 1008]);
    assert.deepEqual(sim.refusals, ["no-start"]);
    await sim.clock.run(300);
    assert.equal(silent.closed(), 1008);
    assert.deepEqual(sim.refusals, ["no-start", "no-start"]);
  }));

test("a megabyte of text closes the socket with 1009", () =>
  beside(async (sim) => {
    const { wire, closed } = await socket(sim);
    wire.send("x".repeat(1024 * 1024));
    await sim.clock.run(100);
    assert.equal(closed(), 1009);
  }));

test("binary frames are counted, and a flood of them closes the socket", () =>
  beside(async (sim) => {
    const { wire, closed } = await socket(sim);
    wire.send(START("CAbinary"));
    for (let count = 0; count < 10; count++) wire.send(new Uint8Array(160));
    await sim.clock.run(100);
    assert.equal(closed(), undefined);
    assert.equal(sim.notices.filter(({ kind }) => kind === "carrier-odd").length, 10);
    for (let count = 0; count < 300; count++) wire.send(new Uint8Array(160));
    await sim.clock.run(100);
    assert.equal(closed(), 1008);
  }));

test("audio far faster than it is spoken closes the socket; a minute that the network held up does not", () =>
  beside(async (sim) => {
    const flood = await socket(sim);
    const held = await socket(sim);
    for (const [{ wire }, seconds] of [[flood, 90], [held, 60]] as const) {
      wire.send(START(`CA${seconds}`));
      for (let n = 0; n < seconds * 50; n++) wire.send(MEDIA);
      await sim.clock.run(100);
    }
    assert.deepEqual([flood.closed(), held.closed()], [1008, undefined]);
    held.wire.close(1000);
    await sim.clock.run(100);
  }));

test("events and tracks that we do not know are told at first, and never end a call", () =>
  beside(async (sim) => {
    const { wire, closed } = await socket(sim);
    wire.send(START("CAnew"));
    for (let count = 0; count < 600; count++) {
      wire.send(JSON.stringify({ event: "weather", sequenceNumber: "7", streamSid: "MZ1", weather: { wind: 3 } }));
      wire.send(MEDIA.replace("inbound", "outbound"));
    }
    await sim.clock.run(500);
    assert.equal(closed(), undefined);
    const told = sim.notices.filter(({ kind }) => kind === "carrier-odd").length;
    assert.equal(told, 20);
    wire.close(1000);
    await sim.clock.run(100);
  }));

test("media and marks before start, a second start and a second call on one socket change nothing", () =>
  beside(async (sim) => {
    const { wire, closed } = await socket(sim);
    wire.send(MEDIA);
    wire.send(JSON.stringify({ event: "mark", mark: { name: "r1.1" } }));
    wire.send(START("CAone"));
    wire.send(START("CAone", "MZ2"));
    wire.send(START("CAtwo", "MZ3"));
    await sim.clock.run(500);
    assert.equal(closed(), undefined);
    const started = sim.notices.filter(({ kind }) => kind === "call-started");
    const callSids = started.map((notice) => notice.kind === "call-started" && notice.callSid);
    assert.deepEqual(callSids.filter((callSid) => ["CAone", "CAtwo"].includes(String(callSid))), ["CAone"]);
    wire.close(1000);
    await sim.clock.run(100);
  }));

test("two sockets for one call: the second is let go, the first lives", () =>
  beside(async (sim) => {
    const first = await socket(sim);
    const second = await socket(sim);
    first.wire.send(START("CAtwice"));
    await sim.clock.run(100);
    second.wire.send(START("CAtwice"));
    await sim.clock.run(100);
    assert.equal(first.closed(), undefined);
    assert.equal(second.closed(), 1000);
    assert.ok(sim.refusals.includes("already-live"));
    first.wire.send(JSON.stringify({ event: "stop" }));
    await sim.clock.run(100);
  }));

test("another media format than mu-law 8 kHz mono ends the line with a reason", () =>
  beside(async (sim) => {
    const { wire, closed } = await socket(sim);
    wire.send(START("CAformat").replace("audio/x-mulaw", "audio/x-l16"));
    await sim.clock.run(100);
    assert.equal(closed(), 1003);
  }));

function randomJson(random: () => number, depth = 0): unknown {
  const kind = Math.floor(random() * (depth > 3 ? 5 : 7));
  const words = [
    "event",
    "media",
    "start",
    "stop",
    "mark",
    "dtmf",
    "payload",
    "",
    "\u0000",
    "name",
    "timestamp",
    "streamSid",
  ];
  const word = () => words[Math.floor(random() * words.length)]!;
  switch (kind) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return (random() - 0.5) * 10 ** Math.floor(random() * 20);
    case 3:
    case 4:
      return word();
    case 5:
      return Array.from({ length: Math.floor(random() * 4) }, () => randomJson(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: Math.floor(random() * 5) }, () => [word(), randomJson(random, depth + 1)]),
      );
  }
}

test("10,000 random JSON documents end at most their own sockets", () =>
  beside(async (sim) => {
    const random = seeded(7);
    for (let round = 0; round < 100; round++) {
      const { wire } = await socket(sim);
      if (random() < 0.5) wire.send(START(`CArandom${round}`));
      for (let count = 0; count < 100; count++) {
        const document = {
          ...(randomJson(random) as object),
          event: ["media", "start", "mark", "dtmf", "stop", "x"][count % 6],
        };
        wire.send(JSON.stringify(random() < 0.5 ? document : randomJson(random)));
      }
      await sim.clock.run(50);
      wire.terminate();
      await sim.clock.run(50);
    }
  }));

test("after 200 garbage sockets memory is within 20 MiB of before", async () => {
  await using sim = await simHouse();
  const round = async () => {
    for (let count = 0; count < 200; count++) {
      const { wire } = await socket(sim);
      wire.send(START(`CAgarbage${count}`));
      for (let more = 0; more < 50; more++) wire.send(`{"event":"media","junk":"${"y".repeat(2000)}"}`);
      wire.send("z".repeat(100_000));
      await sim.clock.run(40);
      wire.terminate();
      await sim.clock.run(10);
    }
    sim.notices.length = 0;
  };
  await round();
  await sim.clock.run(60_000);
  collectGarbage();
  const before = Deno.memoryUsage().heapUsed;
  await round();
  await sim.clock.run(60_000);
  collectGarbage();
  const grownMiB = (Deno.memoryUsage().heapUsed - before) / 2 ** 20;
  assert.ok(grownMiB < 20, `${grownMiB.toFixed(1)} MiB more`);
});

/** With `--v8-flags=--expose-gc`, as the test task has it; without, the figure is coarser. */
function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}
