import assert from "node:assert/strict";
import { SILENT_FRAME } from "../../lib/audio/frame.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { describeFault } from "../../lib/base/result.ts";
import { listenUrl, openListen, type OpenListenOptions, parseListen } from "../../lib/providers/deepgram_listen.ts";
import type { SttEvent } from "../../lib/providers/ports.ts";
import { socketKind, vendorDial } from "../../lib/providers/socket.ts";
import { deepgramListenStandIn, type ListenStandInOptions } from "../../lib/rehearsal/deepgram_listen.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { joined, say, senseLoudness, silence, turns } from "../contract/stt.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";

const URL_ = "wss://api.deepgram.com/v1/listen";

function rig(standIn: Partial<ListenStandInOptions> = {}, options: Partial<OpenListenOptions> = {}) {
  const clock = new VirtualClock();
  const { answer, sessions } = deepgramListenStandIn({ clock, openSense: senseLoudness, ...standIn });
  const dial = simDial(clock, answer);
  const events: SttEvent[] = [];
  const listen = (event: SttEvent) => void events.push(event);
  const provider = { model: "nova-3" };
  const stt = openListen({ dial, clock, url: URL_, key: "k", provider, listen, ...options });
  return { clock, sessions, dial, events, stt };
}

async function dispose({ clock, stt }: ReturnType<typeof rig>): Promise<void> {
  await clock.runFor(Promise.resolve(stt[Symbol.asyncDispose]()));
}

function fault(events: SttEvent[]): string {
  const last = events.at(-1);
  return last?.kind === "ended" && last.fault ? describeFault(last.fault) : `no fault: ${JSON.stringify(last)}`;
}

test("listen asks for a telephone stream with interim results, and its defaults can be set", () => {
  const query = (provider: Parameters<typeof listenUrl>[1]) => new URL(listenUrl(URL_, provider)).searchParams;
  assert.deepEqual(Object.fromEntries(query({ model: "nova-3" })), {
    model: "nova-3",
    language: "en",
    encoding: "mulaw",
    sample_rate: "8000",
    channels: "1",
    interim_results: "true",
    endpointing: "500",
    utterance_end_ms: "1000",
    vad_events: "true",
    punctuate: "true",
    smart_format: "true",
  });
  const set = query({
    model: "nova-3",
    language: "multi",
    endpointing: false,
    keyterms: ["Green Street", "Ibuprofen"],
    redact: ["pci"],
    mip_opt_out: true,
  });
  assert.equal(set.get("endpointing"), "false");
  assert.deepEqual(set.getAll("keyterm"), ["Green Street", "Ibuprofen"]);
  assert.deepEqual([set.get("language"), set.get("redact"), set.get("mip_opt_out")], ["multi", "pci", "true"]);
});

test("listen reads the documented messages, skips unknown ones and names the wrong field of a broken one", () => {
  const results = parseListen(
    '{"type":"Results","channel_index":[0,1],"duration":1.65,"start":4.2,"is_final":true,"speech_final":true,"extra":1,' +
      '"channel":{"alternatives":[{"transcript":" Table for four. ","confidence":0.98,"words":[]}]}}',
  );
  assert.deepEqual(results.ok && results.value, {
    kind: "results",
    text: "Table for four.",
    isFinal: true,
    speechFinal: true,
    fromFinalize: false,
    startS: 4.2,
    endS: 5.85,
  });
  assert.deepEqual(parseListen('{"type":"SpeechStarted","channel":[0,1],"timestamp":9.54}'), {
    ok: true,
    value: { kind: "speech-started" },
  });
  for (const [end, told] of [["2.395", { lastWordEndS: 2.395 }], ["-1", {}], ["null", {}]] as const) {
    const value = { kind: "utterance-end", ...told };
    assert.deepEqual(parseListen(`{"type":"UtteranceEnd","channel":[0,1],"last_word_end":${end}}`), {
      ok: true,
      value,
    });
  }
  assert.deepEqual(parseListen('{"type":"Metadata"}'), { ok: true, value: undefined });
  assert.deepEqual(parseListen('{"type":"Brandnew","x":[]}'), { ok: true, value: undefined });
  for (const text of ["", "null", "[]", "{}", "12", "<html>", '{"type":5}']) {
    assert.equal(parseListen(text).ok, false, text);
  }
  const broken = parseListen('{"type":"Results","start":"soon","duration":1,"channel":{"alternatives":[]}}');
  assert.match(broken.ok ? "" : describeFault(broken.fault), /field start of Results/);
});

test("frames leave at once, one message each, and none is empty", async () => {
  const parts = rig();
  await parts.clock.run(10);
  parts.stt.hear(SILENT_FRAME);
  parts.stt.hear(new Uint8Array(0));
  await parts.clock.run(0);
  assert.deepEqual(parts.sessions[0]!.audio.map(({ length }) => length), [160]);
  await parts.clock.run(100);
  assert.equal(parts.sessions[0]!.closed, undefined, "an empty message would have closed the stream");
  const startMs = parts.clock.monotonicMs();
  await dispose(parts);
  assert.ok(
    parts.clock.monotonicMs() - startMs <= 40,
    "a server that answers the goodbye is not waited for any longer",
  );
});

test("a text KeepAlive goes out every four seconds without audio, and none while audio flows", async () => {
  const parts = rig();
  await silence(parts, 9000);
  assert.deepEqual(parts.sessions[0]!.texts, []);
  await parts.clock.run(60_000);
  assert.deepEqual(new Set(parts.sessions[0]!.texts), new Set(['{"type":"KeepAlive"}']));
  assert.equal(parts.sessions[0]!.texts.length, 15);
  assert.deepEqual(parts.events, [], "the server did not give up");
  await dispose(parts);
});

test("without any audio KeepAlive does not help: the server gives up after ten seconds", async () => {
  const parts = rig();
  await parts.clock.run(11_000);
  assert.match(fault(parts.events), /close code 1011 \(Deepgram did not receive audio data .*net0001\)/);
  await dispose(parts);
});

test("noise that hides the silence: UtteranceEnd ends the turn", async () => {
  const parts = rig({ knobs: { noise: true } });
  await say(parts, "I am in the street.");
  await silence(parts, 800);
  assert.deepEqual(turns(parts), []);
  await silence(parts, 1000);
  assert.deepEqual(turns(parts), ["I am in the street."]);
  assert.deepEqual(parts.sessions[0]!.texts, ['{"type":"Finalize"}']);
  await silence(parts, 5000);
  assert.deepEqual(turns(parts), ["I am in the street."], "and it is told once");
  await dispose(parts);
});

for (const finalize of ["text", "empty", "none"] as const) {
  test(`finish tells the rest though Finalize brings ${finalize}`, async () => {
    const parts = rig({ knobs: { finalize } });
    await say(parts, "My name is Anna Bell");
    parts.stt.finish();
    await parts.clock.run(1100);
    const said = finalize === "none" ? /^My name is Anna/ : /^My name is Anna Bell$/;
    assert.match(turns(parts).join("|"), said);
    assert.equal(turns(parts).length, 1);
    await dispose(parts);
  });
}

test("a long utterance comes in several finals and is told whole", async () => {
  const parts = rig();
  const text = "I would like to change my appointment on Thursday because my train is late, can you do half past nine?";
  await say(parts, text);
  await silence(parts, 1500);
  const finals = parts.events.filter((event) => event.kind === "final");
  assert.ok(finals.length >= 2, `${finals.length} finals`);
  assert.ok(finals.slice(0, -1).every((event) => !event.endOfTurn && text.startsWith(event.text)));
  assert.deepEqual(turns(parts), [text]);
  await dispose(parts);
});

test("the final comes finalMs after the end of speech where endpointing is shorter, else after endpointing", async () => {
  for (const [endpointing, expectedMs] of [[100, 250], [250, 250], [500, 500]] as const) {
    const parts = rig({}, { provider: { model: "nova-3", endpointing } });
    await say(parts, "Yes, please.");
    const spokenAtMs = parts.clock.monotonicMs();
    while (turns(parts).length === 0) await silence(parts, 20);
    const tookMs = parts.clock.monotonicMs() - spokenAtMs;
    assert.ok(Math.abs(tookMs - expectedMs) <= 40, `endpointing ${endpointing}: ${tookMs} ms`);
    await dispose(parts);
  }
});

test("a recogniser that takes audio slower than it comes ends in a clogged fault", async () => {
  const parts = rig();
  await silence(parts, 100);
  parts.dial.pairs[0]!.server.stall();
  await silence(parts, 9000);
  assert.match(fault(parts.events), /takes our data too slowly: 6\d{4} bytes wait/);
  await dispose(parts);
});

test("each way to fail ends in a fault with the remedy in its message", async () => {
  const cases: [Partial<ListenStandInOptions>, RegExp][] = [
    [{ key: "other" }, /HTTP 401 .*INVALID_AUTH.* Check DEEPGRAM_API_KEY/],
    [{ faults: { refuse: 402 } }, /HTTP 402 .*out of credit/],
    [{ faults: { refuse: 429, retryAfterSeconds: 3 } }, /HTTP 429 .*lower MAX_CALLS/],
    [{ faults: { refuse: 503 } }, /HTTP 503 .*usually passes/],
    [
      { faults: { dropAfterMs: 400, dropCode: 1008, dropReason: "DATA-0000" } },
      /DATA-0000: .*check encoding and sample_rate/,
    ],
    [{ faults: { dropAfterMs: 400, dropCode: 1011, dropReason: "NET-0000" } }, /close code 1011 \(NET-0000\)/],
    [{ faults: { dropAfterMs: 400, dropCode: 1000 } }, /Lost .*close code 1000/],
    [{ faults: { garbageAfterMs: 400 } }, /Cannot understand Deepgram's recogniser: a message is not JSON/],
    [{ faults: { stallAfterMs: 400 } }, /Waited 15000 ms for any result/],
  ];
  for (const [standIn, message] of cases) {
    const parts = rig(standIn);
    await say(parts, "Hello?");
    await silence(parts, 16_000);
    assert.match(fault(parts.events), message);
    await dispose(parts);
    await parts.clock.run(10);
    assert.equal(parts.clock.pending, 0);
  }
});

test("a dial that rejects is told as a fault, not lost", async () => {
  const parts = rig({}, { dial: () => Promise.reject(new Error("no such luck")) });
  await parts.clock.run(10);
  assert.match(fault(parts.events), /no such luck/);
  await dispose(parts);
});

test("dispose says CloseStream and gives a silent server up after a second", async () => {
  const parts = rig();
  await silence(parts, 100);
  parts.dial.pairs[0]!.client.stall();
  const disposing = Promise.resolve(parts.stt[Symbol.asyncDispose]());
  const startMs = parts.clock.monotonicMs();
  await parts.clock.runFor(disposing, 5000);
  assert.deepEqual(parts.sessions[0]!.texts, ['{"type":"CloseStream"}']);
  assert.ok(parts.clock.monotonicMs() - startMs <= 1020);
  await parts.clock.run(10);
  assert.equal(parts.sessions[0]!.closed, 1006);
});

for (const kind of [...new Set([socketKind("auto"), "native" as const])]) {
  test(`listen over a real socket (${kind}): audio there, results back, a refusal in the vendor's words`, async () => {
    const { answer, sessions } = deepgramListenStandIn({ clock: systemClock, key: "k", openSense: senseLoudness });
    await using server = serveStandIns([{ path: "/v1/listen", answer }]);
    const dial = vendorDial({ clock: systemClock, kind });
    const open = (key: string) => {
      const told = Promise.withResolvers<SttEvent>();
      const url = `ws://${server.origin}/v1/listen`;
      const provider = { model: "nova-3" };
      const listen = (event: SttEvent) => event.kind === "interim" ? undefined : told.resolve(event);
      return { stt: openListen({ dial, clock: systemClock, url, key, provider, listen }), told: told.promise };
    };
    const good = open("k");
    for (let i = 0; i < 100; i++) good.stt.hear(new Uint8Array(160).fill(i % 2 ? 0x80 : 0x00));
    assert.deepEqual(await good.told, { kind: "spoke" });
    await good.stt[Symbol.asyncDispose]();
    assert.equal(joined(sessions[0]!.audio).length, 16_000);
    assert.deepEqual(sessions[0]!.texts, ['{"type":"CloseStream"}']);

    const bad = open("wrong");
    const ended = await bad.told;
    assert.match(fault([ended]), /HTTP 401.*Check DEEPGRAM_API_KEY/);
    await bad.stt[Symbol.asyncDispose]();
  });
}
