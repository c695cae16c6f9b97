import assert from "node:assert/strict";
import { type HangUpWay, Line, type LineChoices } from "../../lib/softphone/line.ts";
import { Mouth } from "../../lib/softphone/mouth.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { wirePair } from "../sim/wire.ts";

interface Sent {
  atMs: number;
  // deno-lint-ignore no-explicit-any -- tests look into messages of every shape
  body: any;
}

const SID = "MZ1";
const mediaText = (bytes: number, streamSid = SID) =>
  JSON.stringify({ event: "media", streamSid, media: { payload: btoa("\x7f".repeat(bytes)) } });
const markText = (name: string) => JSON.stringify({ event: "mark", streamSid: SID, mark: { name } });
const CLEAR = JSON.stringify({ event: "clear", streamSid: SID });

/** A line whose server side is the test itself. */
function rig(choices: LineChoices = {}, before: string[] = []) {
  const clock = new VirtualClock();
  const { client, server } = wirePair(clock);
  const sent: Sent[] = [];
  const seen: string[] = [];
  let closed: number | undefined;
  server.listen({
    text: (text) => sent.push({ atMs: clock.monotonicMs(), body: JSON.parse(text) }),
    binary: () => assert.fail("the phone sends text only"),
    close: (code) => closed = code,
    crashed: (error) => assert.fail(String(error)),
  });
  for (const text of before) server.send(text);
  const random = seeded(3);
  const mouth = new Mouth({ roomTone: "silence", random });
  const line = new Line(client, {
    clock,
    random,
    mouth,
    accountSid: "AC1",
    callSid: "CA1",
    streamSid: SID,
    parameters: {},
    listener: {
      played: () => {},
      spoke: () => {},
      arrived: () => {},
      markedEmpty: () => {},
      cleared: (droppedMs) => seen.push(`cleared ${droppedMs}`),
      offence: ({ code }) => seen.push(code),
      warning: ({ code }) => seen.push(code),
    },
    choices,
  });
  return { clock, server, line, mouth, sent, seen, closed: () => closed };
}

const of = (sent: Sent[], event: string) => sent.filter(({ body }) => body.event === event);

test("connected, start, then a frame exactly every 20 ms: chunk, timestamp and sequence as Twilio counts them", async () => {
  const { clock, line, sent } = rig({ startupBurst: false });
  await clock.run(7);
  line.start();
  await clock.run(10_000);
  assert.deepEqual(sent.slice(0, 2).map(({ body }) => body.event), ["connected", "start"]);
  const media = of(sent, "media");
  assert.equal(media.length, 501);
  media.forEach(({ atMs, body }, n) => {
    assert.equal(atMs, 7 + 20 * n);
    assert.deepEqual(
      [body.sequenceNumber, body.media.chunk, body.media.timestamp],
      [String(n + 2), String(n + 1), String(100 + 20 * n)],
    );
  });
  line.hangUp();
  await clock.run(10);
  assert.deepEqual(await line.closed, { by: "caller", code: 1000, reason: "" });
  assert.equal(clock.pending, 0);
});

test("the first 100 ms come as one burst", async () => {
  const { clock, line, sent } = rig();
  line.start();
  await clock.run(200);
  assert.deepEqual(of(sent, "media").map(({ atMs }) => atMs), [100, 100, 100, 100, 100, 100, 120, 140, 160, 180, 200]);
  line.hangUp();
  await clock.run(10);
});

test("a stalled machine catches up, and keeps its deadlines", async () => {
  const { clock, line, sent } = rig({ startupBurst: false });
  line.start();
  await clock.run(100);
  const late = clock.monotonicMs.bind(clock);
  clock.monotonicMs = () => late() + 130; // the clock went on by 130 ms while nothing ran
  await clock.run(20);
  clock.monotonicMs = late;
  const caughtUp = of(sent, "media").length;
  assert.ok(caughtUp >= 12, `${caughtUp} frames`);
  await clock.run(880);
  assert.equal(of(sent, "media").length, 51);
  line.hangUp();
  await clock.run(10);
});

test("marks are echoed when their audio has been played; clear brings them at once", async () => {
  const { clock, server, line, sent, seen } = rig();
  line.start();
  await clock.run(10);
  server.send(mediaText(320));
  server.send(markText("a"));
  server.send(mediaText(1600));
  server.send(markText("b"));
  await clock.run(100);
  assert.deepEqual(of(sent, "mark").map(({ atMs, body }) => [atMs, body.mark.name]), [[60, "a"]]);
  server.send(CLEAR);
  server.send(markText("c"));
  await clock.run(100);
  assert.deepEqual(of(sent, "mark").map(({ body }) => body.mark.name), ["a", "b", "c"]);
  assert.deepEqual(seen, ["cleared 140"]);
  line.hangUp();
  await clock.run(10);
});

test("echoes may take their time, and keep their order", async () => {
  const { clock, server, line, sent } = rig({ echoDelayMs: [5, 40] });
  line.start();
  for (let n = 0; n < 20; n++) server.send(markText(String(n)));
  await clock.run(100);
  const marks = of(sent, "mark");
  assert.deepEqual(marks.map(({ body }) => body.mark.name), Array.from({ length: 20 }, (_, n) => String(n)));
  assert.ok(marks[0]!.atMs >= 5 && marks.at(-1)!.atMs <= 40);
  line.hangUp();
  await clock.run(10);
});

test("each offence on the socket is named, a clean server is not blamed", async () => {
  const cases: [string, (server: ReturnType<typeof rig>["server"]) => void][] = [
    ["", (server) => (server.send(mediaText(160)), server.send(markText("a")), server.send(CLEAR))],
    ["binary-frame", (server) => server.send(new Uint8Array(3))],
    ["not-json", (server) => server.send("{")],
    ["wrong-stream-sid", (server) => server.send(mediaText(160, "MZ2"))],
    ["closed-abnormally", (server) => server.close(1011, "oops")],
    ["closed-abnormally", (server) => server.terminate()],
    ["", (server) => server.close(1001, "restart")],
    ["", (server) => (server.send(mediaText(200)), server.send(markText("end")))],
    ["odd-payload", (server) => (server.send(mediaText(200)), server.send(mediaText(160)))],
    ["much-queued", (server) => server.send(mediaText(31 * 8000))],
  ];
  for (const [code, act] of cases) {
    const { clock, server, line, seen } = rig();
    line.start();
    act(server);
    await clock.run(50);
    assert.deepEqual(seen.filter((each) => !each.startsWith("cleared")), code ? [code] : []);
    line.hangUp();
    await clock.run(10);
    await line.closed;
    assert.equal(clock.pending, 0);
  }
  const early = rig({}, [mediaText(160)]);
  await early.clock.run(1);
  early.line.start();
  assert.deepEqual(early.seen, ["before-start"]);
  early.line.hangUp();
  await early.clock.run(10);
});

test("nothing is sent after stop; what still comes is counted, and told if it was not on its way already", async () => {
  const { clock, server, line, sent, seen } = rig();
  line.start();
  await clock.run(500);
  line.hangUp("stop-only");
  line.press("1");
  server.send(mediaText(160));
  await clock.run(1000);
  assert.deepEqual([line.afterStop, seen], [1, []]);
  server.send(mediaText(160));
  await clock.run(2000);
  assert.equal(sent.at(-1)!.body.event, "stop");
  assert.deepEqual([line.afterStop, seen], [2, ["after-stop"]]);
  server.close(1000);
  await clock.run(10);
  assert.equal((await line.closed).by, "caller");
  assert.equal(clock.pending, 0);
});

test("a caller leaves in every way seen in the field, and the line always ends", async () => {
  const ways: [HangUpWay, boolean, number | undefined][] = [
    ["stop-and-close", true, 1000],
    ["stop-only", true, 1006],
    ["close-only", false, 1000],
    ["reset", false, 1006],
  ];
  for (const [way, stops, code] of ways) {
    const { clock, line, sent, closed } = rig();
    line.start();
    await clock.run(300);
    line.hangUp(way);
    line.hangUp(way);
    await clock.run(6000);
    await line.closed;
    assert.deepEqual([of(sent, "stop").length > 0, closed()], [stops, code], way);
    assert.equal(clock.pending, 0);
  }
});

test("a server that stops reading is given up before the memory fills", async () => {
  const { clock, server, line, seen } = rig();
  line.start();
  await clock.run(100);
  server.stall();
  await clock.run(90_000);
  assert.deepEqual(seen, ["not-reading", "closed-abnormally"]);
  assert.deepEqual(await line.closed, { by: "server", code: 1006, reason: "terminated" });
  server.flow();
  await clock.run(10);
  assert.equal(clock.pending, 0);
});

test("every profile reaches the server with whole counters", async () => {
  for (const profile of ["jitter", "bunch", "loss", "dtx", "odd"] as const) {
    const { clock, line, sent, mouth } = rig({ profile });
    mouth.say(new Uint8Array(8000 * 5).fill(0x20));
    line.start();
    await clock.run(10_000);
    line.hangUp();
    await clock.run(10);
    const media = of(sent, "media");
    assert.ok(media.length > 100, profile);
    media.forEach(({ body }, n) => assert.equal(body.media.chunk, String(n + 1), profile));
    sent.slice(1).forEach(({ body }, n) => assert.equal(body.sequenceNumber, String(n + 1), profile));
  }
});
