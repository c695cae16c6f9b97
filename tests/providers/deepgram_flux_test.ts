import assert from "node:assert/strict";
import { SILENT_FRAME } from "../../lib/audio/frame.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { describeFault } from "../../lib/base/result.ts";
import { fluxUrl, openFlux, type OpenFluxOptions, parseFlux } from "../../lib/providers/deepgram_flux.ts";
import type { SttEvent } from "../../lib/providers/ports.ts";
import { socketKind, vendorDial } from "../../lib/providers/socket.ts";
import { steadyStt } from "../../lib/providers/steady_stt.ts";
import { deepgramFluxStandIn, type FluxStandInOptions } from "../../lib/rehearsal/deepgram_flux.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { joined, say, senseLoudness, silence, turns } from "../contract/stt.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";

const URL_ = "wss://api.deepgram.com/v2/listen";

function rig(standIn: Partial<FluxStandInOptions> = {}, options: Partial<OpenFluxOptions> = {}) {
  const clock = new VirtualClock();
  const { answer, sessions } = deepgramFluxStandIn({ clock, openSense: senseLoudness, ...standIn });
  const dial = simDial(clock, answer);
  const events: SttEvent[] = [];
  const listen = (event: SttEvent) => void events.push(event);
  const provider = { model: "flux-general-en" };
  const stt = openFlux({ dial, clock, url: URL_, key: "k", provider, listen, ...options });
  return { clock, sessions, dial, events, stt };
}

/** As in a call: another socket takes over from one that is lost. */
function steadyRig(standIn: Partial<FluxStandInOptions>) {
  const clock = new VirtualClock();
  const { answer, sessions } = deepgramFluxStandIn({ clock, openSense: senseLoudness, ...standIn });
  const dial = simDial(clock, answer);
  const events: SttEvent[] = [];
  const common = { dial, clock, url: URL_, key: "k", provider: { model: "flux-general-en" }, stuckMs: 1500 };
  const stt = steadyStt({
    ears: [{
      name: "flux",
      peer: "deepgram-flux",
      endsWithinMs: Infinity,
      open: (listen, opened) => openFlux({ ...common, listen, opened }),
    }],
    clock,
    listen: (event) => void events.push(event),
  });
  return { clock, sessions, dial, events, stt };
}

async function dispose({ clock, stt, sessions }: ReturnType<typeof rig>): Promise<void> {
  await clock.runFor(Promise.resolve(stt[Symbol.asyncDispose]()));
  await clock.run(10);
  assert.equal(clock.pending, 0);
  for (const { crashes } of sessions) assert.deepEqual(crashes, []);
}

function fault(events: SttEvent[]): string {
  const last = events.at(-1);
  return last?.kind === "ended" && last.fault ? describeFault(last.fault) : `no fault: ${JSON.stringify(last)}`;
}

const EAGER = { model: "flux-general-en", eager_eot_threshold: 0.5 };

test("flux asks for what it takes, and for nothing of listen's", () => {
  const url = fluxUrl(URL_, {
    model: "flux-general-multi",
    eot_threshold: 0.8,
    eager_eot_threshold: 0.4,
    eot_timeout_ms: 3000,
    keyterms: ["Green Street"],
    language_hints: ["en", "es"],
  });
  const query = new URL(url).searchParams;
  assert.deepEqual([...query.keys()], [
    ...["model", "encoding", "sample_rate", "eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "keyterm"],
    ...["language_hint", "language_hint"],
  ]);
  assert.deepEqual([query.get("encoding"), query.get("sample_rate")], ["mulaw", "8000"]);
  assert.equal(
    new URL(fluxUrl(URL_, { model: "flux-general-en" })).search,
    "?model=flux-general-en&encoding=mulaw&sample_rate=8000",
  );
});

test("flux reads the documented messages, skips unknown ones, and takes Error for a fault", () => {
  const info = parseFlux(
    '{"type":"TurnInfo","request_id":"r","sequence_id":12,"event":"EagerEndOfTurn","turn_index":0,"audio_window_start":0.0,' +
      '"audio_window_end":1.5,"transcript":"Cancel it.","words":[{"word":"Cancel","confidence":0.97},{"word":"it","confidence":0.9}],' +
      '"end_of_turn_confidence":0.62}',
  );
  assert.deepEqual(info.ok && info.value, { event: "EagerEndOfTurn", text: "Cancel it." });
  for (const type of ["Connected", "ConfigureSuccess", "Warning", "Brandnew"]) {
    assert.deepEqual(parseFlux(JSON.stringify({ type })), { ok: true, value: undefined });
  }
  assert.deepEqual(parseFlux('{"type":"TurnInfo","event":"Nod","transcript":""}'), { ok: true, value: undefined });
  const error = parseFlux(
    '{"type":"Error","sequence_id":7,"code":"INTERNAL_SERVER_ERROR","description":"Out of order."}',
  );
  assert.match(
    error.ok ? "" : describeFault(error.fault),
    /Deepgram Flux reported INTERNAL_SERVER_ERROR: Out of order\./,
  );
  for (const text of ["", "{}", "<html>", '{"type":"TurnInfo","event":"Update"}']) {
    assert.equal(parseFlux(text).ok, false, text);
  }
});

test("audio leaves in chunks of 80 ms, and no text message goes out but at the end", async () => {
  const parts = rig();
  await silence(parts, 4020);
  assert.deepEqual(new Set(parts.sessions[0]!.audio.map(({ length }) => length)), new Set([640]));
  assert.equal(parts.sessions[0]!.audio.length, 50);
  assert.deepEqual(parts.sessions[0]!.texts, []);
  await dispose(parts);
  assert.deepEqual(parts.sessions[0]!.texts, ['{"type":"CloseStream"}']);
});

test("an eager end comes early, and holds", async () => {
  const parts = rig({}, { provider: EAGER });
  await say(parts, "I want to cancel.");
  await silence(parts, 280);
  assert.deepEqual(parts.events.at(-1), { kind: "eager", text: "I want to cancel." });
  await silence(parts, 300);
  assert.deepEqual(turns(parts), ["I want to cancel."]);
  await dispose(parts);
});

test("an eager end is taken back when the caller goes on", async () => {
  const parts = rig({}, { provider: EAGER });
  await say(parts, "I want to cancel");
  await silence(parts, 280);
  await say(parts, "my booking.");
  await silence(parts, 1000);
  const kinds = parts.events.map(({ kind }) => kind).filter((kind) => kind !== "interim");
  assert.deepEqual(kinds, ["spoke", "eager", "resumed", "eager", "final"]);
  assert.deepEqual(turns(parts), ["I want to cancel my booking."]);
  await dispose(parts);
});

test("a stuck stream ends it", async () => {
  const parts = rig({ faults: { stallAfterMs: 0 } });
  await silence(parts, 4000);
  assert.equal(parts.sessions.length, 1);
  assert.match(fault(parts.events), /Waited 1500 ms for TurnInfo from Deepgram Flux/);
  await dispose(parts);
});

test("in mid-turn, another socket hears the turn of a stuck one from its start, once and in order", async () => {
  const parts = steadyRig({ faults: (socket) => socket === 0 ? { stallAfterMs: 1200 } : {} });
  await say(parts, "Number seven please");
  await silence(parts, 6000);
  const [first, second] = parts.sessions.map(({ audio }) => frames(joined(audio)).map((frame) => frame.join()));
  const loud = first!.filter((frame) => frame !== SILENT_FRAME.join());
  assert.ok(loud.length > 20);
  assert.deepEqual(second!.filter((frame) => frame !== SILENT_FRAME.join()), loud);
  assert.deepEqual(turns(parts), ["Number seven please"]);
  await say(parts, "Thank you.");
  await silence(parts, 1000);
  assert.deepEqual(turns(parts), ["Number seven please", "Thank you."]);
  assert.equal(parts.sessions.length, 2);
  await dispose(parts);
});

test("a stream that gets stuck in a long sentence costs none of its words", async () => {
  const parts = steadyRig({ faults: (socket) => socket === 0 ? { stallAfterMs: 2000 } : {} });
  const said = "Please send the letter to the house in Green Street, that is number seven, second floor on the left, " +
    "and ring twice please.";
  await say(parts, said);
  await silence(parts, 4000);
  assert.deepEqual(turns(parts), [said]);
  assert.equal(parts.events.filter(({ kind }) => kind === "ended").length, 0);
  await dispose(parts);
});

test("a caller leg that pauses is no stuck stream", async () => {
  const parts = rig();
  await silence(parts, 1000);
  await parts.clock.run(20_000);
  await silence(parts, 1000);
  assert.equal(parts.sessions.length, 1);
  assert.deepEqual(parts.events, []);
  await dispose(parts);
});

test("a stream is not stuck whose news waited, like three seconds of the caller, for us to read them", async () => {
  const parts = rig();
  await silence(parts, 1100);
  const { client } = parts.dial.pairs[0]!;
  client.stall();
  await parts.clock.run(3000);
  for (let n = 0; n < 150; n++) parts.stt.hear(SILENT_FRAME);
  await parts.clock.run(5);
  client.flow();
  await silence(parts, 1000);
  assert.deepEqual(parts.events, []);
  await dispose(parts);
});

test("each way to fail ends in a fault with the remedy in its message; 1005 is normal only after our goodbye", async () => {
  const cases: [Partial<FluxStandInOptions>, RegExp][] = [
    [{ key: "other" }, /HTTP 401 .*Check DEEPGRAM_API_KEY/],
    [{ faults: { refuse: 429 } }, /HTTP 429 .*lower MAX_CALLS/],
    [{ faults: { dropAfterMs: 400 } }, /Lost Deepgram Flux after \d+ ms: close code 1005/],
    [{ faults: { dropAfterMs: 400, dropCode: 1011 } }, /close code 1011/],
    [{ faults: { dropAfterMs: 400, dropCode: "cut" } }, /close code 1006/],
    [{ faults: { errorAfterMs: 400 } }, /reported INTERNAL_SERVER_ERROR: The service failed while transcribing\./],
    [{ faults: { garbageAfterMs: 400 } }, /Cannot understand Deepgram Flux: a message is not JSON/],
  ];
  for (const [standIn, message] of cases) {
    const parts = rig(standIn);
    await say(parts, "Hello?");
    await silence(parts, 1000);
    assert.match(fault(parts.events), message);
    assert.equal(parts.events.filter(({ kind }) => kind === "ended").length, 1);
    await dispose(parts);
  }
  const parts = rig();
  await silence(parts, 1000);
  await dispose(parts);
  assert.deepEqual([parts.events, parts.sessions[0]!.closed], [[], 1005]);
});

test("a recogniser that does not answer ForceEndTurn: what is known is told after a second", async () => {
  const parts = rig();
  await say(parts, "Wait for me and");
  parts.dial.pairs[0]!.client.stall();
  parts.stt.finish();
  await parts.clock.run(1001);
  assert.match(turns(parts).join("|"), /^Wait for me/);
  parts.dial.pairs[0]!.client.flow();
  await dispose(parts);
});

test("flux over a real socket: chunks there, turns back, a close without a code after our goodbye", async () => {
  const kind = socketKind("auto");
  const { answer, sessions } = deepgramFluxStandIn({ clock: systemClock, key: "k", openSense: senseLoudness });
  await using server = serveStandIns([{ path: "/v2/listen", answer }]);
  const told = Promise.withResolvers<SttEvent>();
  const stt = openFlux({
    dial: vendorDial({ clock: systemClock, kind }),
    clock: systemClock,
    url: `ws://${server.origin}/v2/listen`,
    key: "k",
    provider: { model: "flux-general-en" },
    listen: (event) => event.kind === "final" || event.kind === "ended" ? told.resolve(event) : undefined,
  });
  const instantly = { clock: { run: () => Promise.resolve() } as unknown as VirtualClock, stt };
  await say(instantly, "Go.");
  for (let i = 0; i < 40; i++) stt.hear(SILENT_FRAME);
  assert.deepEqual(await told.promise, { kind: "final", text: "Go.", endOfTurn: true });
  await stt[Symbol.asyncDispose]();
  assert.deepEqual(sessions[0]!.texts, ['{"type":"CloseStream"}']);
});

function frames(audio: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.floor(audio.length / 160) }, (_, n) => audio.slice(n * 160, n * 160 + 160));
}
