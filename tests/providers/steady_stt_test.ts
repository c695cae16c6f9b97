import assert from "node:assert/strict";
import { SILENT_FRAME } from "../../lib/audio/frame.ts";
import { Breakers } from "../../lib/base/breaker.ts";
import type { Fault } from "../../lib/base/result.ts";
import type { OpenStt, SttEvent } from "../../lib/providers/ports.ts";
import { type Ear, steadyStt } from "../../lib/providers/steady_stt.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const LOST: Fault = { kind: "lost", peer: "deepgram-listen", closeCode: 1006, reason: "", openMs: 10 };
const WRONG_KEY: Fault = { kind: "refused", peer: "deepgram-listen", status: 401, detail: "" };

/** Two ears whose sockets open at once; `sockets` in the order of their opening; `finished`: frames heard when asked for the rest. */
function rig({ endsWithinMs = 1300 } = {}) {
  const clock = new VirtualClock();
  const sockets: { name: string; heard: Uint8Array[]; finished: number[]; tell: (event: SttEvent) => void }[] = [];
  const events: SttEvent[] = [];
  const open = (name: string): OpenStt => (tell, opened) => {
    const socket = { name, heard: [] as Uint8Array[], finished: [] as number[], tell };
    sockets.push(socket);
    clock.after(0, () => opened?.());
    return {
      name,
      hear: (frame) => void socket.heard.push(frame.slice()),
      finish: () => void socket.finished.push(socket.heard.length),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  };
  const ear = (name: string): Ear => ({ name, peer: "deepgram-listen", open: open(name), endsWithinMs });
  const breakers = new Breakers(clock);
  const stt = steadyStt({
    ears: [ear("one"), ear("two")],
    clock,
    breakers,
    listen: (event) => void events.push(event),
  });
  const hear = async (frames: readonly Uint8Array[]) => {
    for (const frame of frames) {
      stt.hear(frame);
      await clock.run(20);
    }
  };
  return { clock, sockets, events, breakers, stt, hear };
}

const silence = (ms: number) => Array<Uint8Array>(ms / 20).fill(SILENT_FRAME);

async function speech(text: string): Promise<Uint8Array[]> {
  await using voice = toneVoice();
  const { audio } = await voice.speak(text);
  return Array.from({ length: Math.floor(audio.length / 160) }, (_, n) => audio.slice(n * 160, n * 160 + 160));
}

test("a lost socket: the same recogniser hears the open turn again from its start", async () => {
  const { sockets, events, stt, hear, clock } = rig();
  const said = await speech("and another thing");
  await hear([SILENT_FRAME, SILENT_FRAME, ...said.slice(0, 30)]);
  sockets[0]!.tell({ kind: "interim", text: "and" });
  sockets[0]!.tell({ kind: "ended", fault: LOST });
  await hear(said.slice(30));
  assert.deepEqual(sockets.map(({ name }) => name), ["one", "one"]);
  assert.deepEqual(sockets[1]!.heard.slice(-said.length), said);
  sockets[1]!.tell({ kind: "interim", text: "an" });
  sockets[1]!.tell({ kind: "final", text: "and another thing", endOfTurn: true });
  assert.deepEqual(events.map(({ kind }) => kind), ["interim", "replaced", "final"]);
  await stt[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

test("what ended a turn is not heard again", async () => {
  const { sockets, stt, hear } = rig();
  await hear(await speech("and another thing"));
  sockets[0]!.tell({ kind: "final", text: "and another thing", endOfTurn: true });
  sockets[0]!.tell({ kind: "ended", fault: LOST });
  await hear([SILENT_FRAME]);
  assert.ok(sockets[1]!.heard.length <= 14, `${sockets[1]!.heard.length} frames`);
  await stt[Symbol.asyncDispose]();
});

test("a wrong key: the other recogniser at once; both refused: the end", async () => {
  const { sockets, events, stt, clock } = rig();
  await clock.run(20);
  sockets[0]!.tell({ kind: "ended", fault: WRONG_KEY });
  assert.deepEqual(sockets.map(({ name }) => name), ["one", "two"]);
  sockets[1]!.tell({ kind: "ended", fault: WRONG_KEY });
  assert.deepEqual(events.map(({ kind }) => kind), ["replaced", "ended"]);
  await stt[Symbol.asyncDispose]();
  await clock.run(0);
  assert.equal(clock.pending, 0);
});

test("a recogniser that is deaf to a caller who speaks is replaced, once", async () => {
  const { sockets, stt, hear } = rig();
  await hear([
    ...await speech("and another thing, and another thing, and another thing"),
    ...Array(200).fill(SILENT_FRAME),
  ]);
  assert.deepEqual(sockets.map(({ name }) => name), ["one", "two"]);
  await stt[Symbol.asyncDispose]();
});

test("a recogniser whose words waited, like seconds of the caller, for us to read them is not deaf", async () => {
  const { sockets, stt, clock, hear } = rig();
  const said = await speech("and another thing, and another thing, and another thing");
  await hear(said.slice(0, 20));
  sockets[0]!.tell({ kind: "interim", text: "and" });
  await hear(said.slice(20, 30));
  await clock.run(3000);
  for (const frame of [...said.slice(30), ...silence(2000)]) stt.hear(frame);
  await clock.run(5);
  sockets[0]!.tell({ kind: "final", text: "and another thing, and another thing, and another thing", endOfTurn: true });
  await hear(silence(1000));
  assert.deepEqual(sockets.map(({ name }) => name), ["one"]);
  await stt[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

test("deafness is held against a recogniser once another one has understood the caller", async () => {
  for (const silentMs of [0, 4000]) { // a turn that was noise is forgotten meanwhile
    const { sockets, breakers, stt, hear } = rig();
    await hear(await speech("and another thing, and another thing, and another thing"));
    assert.deepEqual(sockets.map(({ name }) => name), ["one", "two"]);
    sockets[1]!.tell({ kind: "spoke" });
    await hear(silence(silentMs));
    const faulty = () => breakers.health().filter(({ lastFault }) => lastFault).map(({ name }) => name);
    assert.deepEqual(faulty(), []);
    sockets[1]!.tell({ kind: "interim", text: "and another thing" });
    assert.deepEqual(faulty(), silentMs > 0 ? [] : ["one"]);
    await stt[Symbol.asyncDispose]();
  }
});

test("a guess that was taken back is told, and leaves no open turn: nothing is awaited, and little kept", async () => {
  const { sockets, events, stt, hear, clock } = rig();
  sockets[0]!.tell({ kind: "interim", text: "uh" });
  await hear(silence(400));
  sockets[0]!.tell({ kind: "interim", text: "" });
  await hear(silence(40_000));
  assert.equal(sockets.length, 1, "it is not deaf");
  sockets[0]!.tell({ kind: "ended", fault: LOST });
  await hear(silence(20));
  assert.ok(sockets[1]!.heard.length < 50, `the next socket hears ${sockets[1]!.heard.length} frames first`);
  assert.deepEqual(events.map(({ kind }) => kind), ["interim", "interim", "replaced"]);
  assert.deepEqual(events[1], { kind: "interim", text: "" });
  await stt[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

test("the rest is asked for at once, or, of a socket that is opened anew, once it has heard the turn", async () => {
  const { sockets, stt, hear, clock } = rig();
  const said = await speech("and another thing, and another thing, and another thing, and another thing");
  await hear([SILENT_FRAME, ...said.slice(0, 20)]);
  stt.finish();
  assert.deepEqual(sockets[0]!.finished, [sockets[0]!.heard.length]);
  sockets[0]!.tell({ kind: "interim", text: "and" });
  for (const frame of said.slice(20)) stt.hear(frame);
  sockets[0]!.tell({ kind: "ended", fault: LOST });
  stt.finish();
  await clock.run(20);
  assert.ok(sockets[1]!.heard.length < said.length, "more than is played again at once");
  stt.finish();
  await clock.run(5000);
  assert.deepEqual(sockets[1]!.finished, [said.length + 1], "once, after the last frame");
  sockets[1]!.tell({ kind: "ended", fault: LOST });
  await clock.run(5000);
  assert.deepEqual(sockets[2]!.finished, [], "not again of the next one");
  await stt[Symbol.asyncDispose]();
});

test("a turn longer than what is kept of its audio keeps its first words when the socket is lost", async () => {
  const { sockets, events, stt, hear } = rig();
  const said = await speech("and another thing");
  for (let frames = 0; frames < 1600; frames += said.length) {
    await hear(said);
    sockets[0]!.tell({ kind: "interim", text: "the first of my things and another" });
  }
  sockets[0]!.tell({ kind: "ended", fault: LOST });
  await hear(silence(20));
  sockets[1]!.tell({ kind: "final", text: "and another thing", endOfTurn: true });
  assert.deepEqual(events.at(-1), {
    kind: "final",
    text: "the first of my things and another thing",
    endOfTurn: true,
  });
  sockets[1]!.tell({ kind: "interim", text: "hello" });
  sockets[1]!.tell({ kind: "ended", fault: LOST });
  await hear(silence(20));
  sockets[2]!.tell({ kind: "interim", text: "hallo there" });
  assert.deepEqual(events.at(-1), { kind: "interim", text: "hallo there" }, "of the next turn all is heard again");
  await stt[Symbol.asyncDispose]();
});

test("words before a long pause are heard again where the recogniser takes its time to end the turn", async () => {
  const { sockets, stt, hear } = rig({ endsWithinMs: Infinity });
  const said = await speech("and another thing");
  await hear(said);
  sockets[0]!.tell({ kind: "interim", text: "and another thing" });
  await hear(silence(4000));
  sockets[0]!.tell({ kind: "ended", fault: LOST });
  await hear(silence(2000));
  assert.deepEqual(sockets[1]!.heard.slice(0, said.length), said);
  await stt[Symbol.asyncDispose]();
});
