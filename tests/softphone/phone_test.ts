import assert from "node:assert/strict";
import { type PhoneOptions, ringUp } from "../../lib/softphone/phone.ts";
import { twilioSignature } from "../../lib/softphone/sign.ts";
import { readWav } from "../../lib/audio/wav.ts";
import { failed, FaultError } from "../../lib/base/result.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { callOnce, codes } from "./rig.ts";
import { PLAIN_TWIML, type Script, type ServerLine, testServer, xml } from "./server.ts";

/** Greets, and answers what it hears with "you said ...". */
const polite: Script = {
  started: (line) => void line.say("hello there"),
  heard: (line, text) => void line.say(`you said ${text}`),
};

/** Sends `frames` one each 20 ms, the first `lead` at once; `stop` ends it. */
function paced(line: ServerLine, frames: Uint8Array[], lead = 5): { stop: () => void } {
  let at = 0;
  let stopped = false;
  const more = () => {
    if (stopped || at >= frames.length) return;
    line.media(frames[at++]!);
    line.clock.after(20, more);
  };
  while (at < lead) line.media(frames[at++]!);
  more();
  return { stop: () => void (stopped = true) };
}

test("a question: greeting, answer, hang-up, and nothing to complain about", async () => {
  const rig = await callOnce(polite, {
    steps: [{ kind: "say", text: "who are you" }, { kind: "expect", text: "You said: WHO are you?" }],
  });
  const { report, server } = rig;
  assert.deepEqual(codes(rig), []);
  assert.equal(report.ok, true);
  assert.equal(report.endedBy, "caller");
  assert.equal(report.firstAudioMs, 20);
  assert.deepEqual(
    report.turns.map(({ said, heard, replyMs, interrupted, heardMs }) => [said, heard, replyMs, interrupted, heardMs]),
    [["", "hello there", 20, false, 660], ["who are you", "you said who are you", 300, false, 1200]],
  );
  assert.deepEqual(report.expectations, [{ text: "You said: WHO are you?", met: true }]);
  assert.deepEqual([report.staleFrames, report.lostFrames, report.underruns, report.underrunMs], [0, 0, 0, 0]);
  assert.deepEqual(report.marks, { sent: 2, echoed: 2 });
  assert.equal(server.lines[0]!.all.at(-1)!.event, "stop");
  assert.deepEqual(server.lines[0]!.closed, { code: 1000 });
  assert.equal(server.lines[0]!.of("start")[0]!.body.start.customParameters.token, "t&1");
});

test("the report has exactly the fields that are promised", async () => {
  const { report } = await callOnce(polite, { steps: [{ kind: "say", text: "hi" }] });
  assert.equal(
    Object.keys(report).join(),
    "ok,schema,callSid,streamSid,endedBy,durationMs,firstAudioMs,turns,underruns,underrunMs,marks,staleFrames,lostFrames,offences,expectations,wav",
  );
  assert.equal(Object.keys(report.turns[1]!).join(), "said,heard,replyMs,parts,route,interrupted,heardMs");
  assert.match(report.callSid, /^CA[0-9a-f]{32}$/);
  assert.match(report.streamSid!, /^MZ[0-9a-f]{32}$/);
  assert.equal(report.wav, null);
});

test("an interruption comes at its millisecond, and what was heard is measured by the speaker", async () => {
  const script: Script = {
    started: (line) => void line.say("hello"),
    heard: (line, text) =>
      text === "stop" ? void line.say("all right") : void line.say("one two three four five six seven"),
    spoke: (line, utterance) => utterance === 2 && line.clock.after(200, () => line.clear()),
  };
  const rig = await callOnce(script, {
    steps: [{ kind: "say", text: "go" }, { kind: "interrupt", text: "stop", afterMs: 500 }],
  });
  const [, long, short] = rig.report.turns;
  assert.deepEqual(codes(rig), []);
  assert.equal(long!.interrupted, true);
  assert.ok(long!.heardMs >= 700 && long!.heardMs <= 760, `${long!.heardMs} ms`);
  assert.equal(long!.heard, "one two three");
  assert.deepEqual([short!.said, short!.heard, short!.interrupted], ["stop", "all right", false]);
  assert.equal(rig.report.staleFrames, 0);
  const cut = rig.events.find((event) => event.kind === "cleared");
  assert.ok(cut?.kind === "cleared" && Math.abs(cut.heardMs - long!.heardMs) <= 20 && cut.droppedMs > 0);
  assert.deepEqual(rig.report.marks, { sent: 3, echoed: 3 });
});

test("frames of a cleared utterance that arrive after its clear are stale; a resumption from an earlier frame is not", async () => {
  const play = (after: "stale" | "resumed" | "other"): Script => ({
    started: async (line) => {
      const frames = await line.frames("one two three four five");
      for (const frame of frames.slice(0, 40)) line.media(frame);
      line.clock.after(400, async () => {
        line.clear();
        if (after === "stale") { for (const frame of frames.slice(40, 45)) line.media(frame); }
        if (after === "resumed") { for (const frame of frames.slice(15)) line.media(frame); }
        if (after === "other") await line.say("something else");
      });
    },
  });
  assert.equal((await callOnce(play("stale"))).report.staleFrames, 5);
  const resumed = await callOnce(play("resumed"));
  assert.equal(resumed.report.staleFrames, 0);
  assert.deepEqual(codes(resumed), []);
  assert.equal(resumed.report.lostFrames, 0);
  assert.equal((await callOnce(play("other"))).report.staleFrames, 0);
});

test("lost, doubled, swapped and altered frames are read off the audio", async () => {
  const play = (change: (frames: Uint8Array[]) => void): Script => ({
    started: async (line) => {
      const frames = (await line.frames("one two three four")).map((frame) => frame.slice());
      change(frames);
      for (const frame of frames) line.media(frame);
    },
  });
  const lost = await callOnce(play((frames) => void frames.splice(10, 3)));
  assert.deepEqual([lost.report.lostFrames, codes(lost)], [3, []]);
  const doubled = await callOnce(play((frames) => void frames.splice(10, 0, frames[9]!)));
  assert.deepEqual([doubled.report.lostFrames, codes(doubled)], [0, ["frames-duplicated"]]);
  const swapped = await callOnce(play((frames) => void frames.splice(10, 2, frames[11]!, frames[10]!)));
  assert.deepEqual([swapped.report.lostFrames, codes(swapped)], [0, ["frames-reordered"]]);
  const altered = await callOnce(play((frames) => void (frames[10]![77]! ^= 1)));
  assert.deepEqual([altered.report.lostFrames, codes(altered)], [0, ["frames-altered"]]);
});

test("under-runs: an utterance torn apart counts with its silence, the pause between two utterances does not", async () => {
  const torn = await callOnce({
    started: async (line) => {
      const frames = await line.frames("one two three four");
      for (const frame of frames.slice(0, 20)) line.media(frame);
      line.mark("middle");
      line.clock.after(500, () => {
        for (const frame of frames.slice(20)) line.media(frame);
      });
    },
  });
  assert.deepEqual([torn.report.underruns, torn.report.underrunMs], [1, 100]);
  const two = await callOnce({
    started: (line) => {
      void line.say("one");
      line.clock.after(600, () => void line.say("two"));
    },
  });
  assert.deepEqual([two.report.underruns, two.report.underrunMs], [0, 0]);
  const steady = await callOnce({ started: async (line) => void paced(line, await line.frames("one two three")) });
  assert.equal(steady.report.underruns, 0);
  const untagged = (marked: boolean): Script => ({
    started: (line) => {
      const loud = new Uint8Array(1600).fill(0x10);
      line.media(loud);
      if (marked) line.mark("done");
      line.clock.after(300, () => line.media(loud));
    },
  });
  assert.deepEqual((await callOnce(untagged(false))).report.underrunMs, 100);
  const unknown = (await callOnce(untagged(true))).report;
  assert.deepEqual([unknown.underruns, unknown.staleFrames, unknown.lostFrames], [0, null, null]);
  assert.equal(unknown.turns[0]!.heard, null);
});

test("the server hangs up: by closing, by the action's document, by the verbs that follow", async () => {
  const connect = (attributes: string, rest = "") =>
    `<Response><Connect${attributes}><Stream url="wss://test.example.com/media"/></Connect>${rest}</Response>`;
  const close: Script = { started: (line) => void line.clock.after(1000, () => line.wire.close(1000, "")) };
  const bare = await callOnce({ ...close, twiml: connect("") });
  assert.deepEqual([bare.report.endedBy, codes(bare)], ["server", []]);
  assert.equal(bare.server.lines[0]!.of("stop").length, 0);

  const acted = await callOnce({
    ...close,
    twiml: connect(' action="/after-stream"', "<Say>never</Say>"),
    other: () => xml("<Response><Say>Bye.</Say><Hangup/></Response>"),
  });
  assert.equal(acted.server.requests[1]!.path, "/after-stream");
  assert.equal(acted.server.requests[1]!.form.get("CallStatus"), "in-progress");
  assert.equal(acted.server.requests[1]!.form.get("CallSid"), acted.report.callSid);
  assert.deepEqual(acted.events.filter(({ kind }) => kind === "verb"), [{ kind: "verb", text: "<Say> Bye." }]);

  const next = await callOnce({ ...close, twiml: connect("", "<Say>Lost.</Say>") });
  assert.deepEqual(next.events.filter(({ kind }) => kind === "verb"), [{ kind: "verb", text: "<Say> Lost." }]);

  const crashed = await callOnce({
    started: (line) => line.wire.terminate(),
    twiml: connect(' action="/after-stream"'),
    other: () => xml("<Response><Hangup/></Response>"),
  });
  assert.deepEqual([crashed.report.endedBy, codes(crashed)], ["server", ["closed-abnormally"]]);
});

test("a second stream of the same call starts its counters again", async () => {
  let documents = 0;
  const rig = await callOnce({
    twiml: PLAIN_TWIML.replace("<Connect>", '<Connect action="/after-stream">'),
    started: (line) => void line.clock.after(500, () => line.wire.close(1000, "")),
    other: () => xml(documents++ === 0 ? PLAIN_TWIML : "<Response/>"),
  });
  assert.deepEqual(codes(rig), []);
  const [first, second] = rig.server.lines;
  assert.notEqual(first!.streamSid, second!.streamSid);
  assert.equal(second!.of("start")[0]!.body.sequenceNumber, "1");
  assert.equal(second!.of("media")[0]!.body.media.chunk, "1");
});

test("dial is acted out, and its action is told how it went", async () => {
  for (
    const [dialOutcome, status] of [["answered", "completed"], ["no-answer", "no-answer"], ["busy", "busy"]] as const
  ) {
    const rig = await callOnce({
      twiml: '<Response><Dial action="/dialled"><Number>+15550142</Number></Dial></Response>',
      other: () => xml("<Response><Hangup/></Response>"),
    }, { dialOutcome });
    assert.equal(rig.server.requests[1]!.form.get("DialCallStatus"), status);
    assert.ok(rig.events.some((event) => event.kind === "verb" && event.text === `<Dial> +15550142: ${dialOutcome}`));
  }
});

test("stream callbacks and the call's end are told, signed", async () => {
  const rig = await callOnce({
    ...polite,
    twiml:
      `<Response><Connect><Stream name="agent" url="wss://test.example.com/media" statusCallback="https://test.example.com/stream-status"/></Connect></Response>`,
  }, { authToken: "12345", callStatusUrl: "https://test.example.com/call-status" });
  const told = rig.server.requests.slice(1).map((
    { path, form },
  ) => [path, form.get("StreamEvent") ?? form.get("CallStatus")]);
  assert.deepEqual(told, [["/stream-status", "stream-started"], ["/stream-status", "stream-stopped"], [
    "/call-status",
    "completed",
  ]]);
  assert.equal(rig.server.requests[1]!.form.get("StreamName"), "agent");
  const fields = "AccountSid,CallSid,StreamSid,StreamName,StreamEvent,Timestamp";
  for (const { form } of rig.server.requests.slice(1, 3)) assert.equal([...form.keys()].join(), fields);
  assert.equal(rig.server.requests[3]!.form.get("From"), "+15550100");
  assert.ok(rig.server.requests.every(({ headers }) => headers.has("x-twilio-signature")));
  assert.ok(rig.server.handshakes[0]!.headers.has("x-twilio-signature"));
});

test("the socket's signature can be made in each way a server must be ready for", async () => {
  const url = "wss://test.example.com/media";
  const expected = {
    "as-written": twilioSignature("12345", url),
    slash: twilioSignature("12345", `${url}/`),
    https: twilioSignature("12345", "https://test.example.com/media"),
    missing: null,
  };
  for (const [kind, signature] of Object.entries(expected)) {
    const { server } = await callOnce({}, { authToken: "12345", socketSignature: kind as keyof typeof expected });
    assert.equal(server.handshakes[0]!.headers.get("x-twilio-signature"), signature, kind);
  }
  const { server } = await callOnce({}, { authToken: "12345", socketSignature: "wrong" });
  assert.ok(!Object.values(expected).includes(server.handshakes[0]!.headers.get("x-twilio-signature")));
});

test("a refused socket is an offence, a stream-error, and the next verb", async () => {
  const rig = await callOnce({
    refuse: () => new Response("no", { status: 403 }),
    twiml:
      `<Response><Connect><Stream url="wss://test.example.com/media" statusCallback="https://test.example.com/s"/></Connect><Say>Sorry.</Say></Response>`,
  });
  assert.deepEqual(codes(rig), ["handshake-refused"]);
  assert.equal(rig.server.requests[1]!.form.get("StreamEvent"), "stream-error");
  assert.ok(rig.events.some((event) => event.kind === "verb" && event.text === "<Say> Sorry."));
  assert.equal(rig.report.ok, false);
});

test("a call that is not answered: rejected, HTTP 500, not TwiML, too slow", async () => {
  const rejected = await callOnce({ twiml: '<Response><Reject reason="busy"/></Response>' });
  assert.deepEqual([rejected.report.endedBy, rejected.report.ok, codes(rejected)], ["refused", false, []]);
  const answering = async (fetch: PhoneOptions["fetch"]) => {
    const rig = await callOnce({}, { fetch });
    return [rig.report.endedBy, codes(rig)];
  };
  assert.deepEqual(await answering(() => new Response("", { status: 500 })), ["refused", ["webhook-status"]]);
  assert.deepEqual(await answering(() => new Response("{}", { headers: { "content-type": "application/json" } })), [
    "refused",
    ["content-type"],
  ]);
  assert.deepEqual(await answering(() => xml(" <Response/>")), ["refused", ["leading-whitespace"]]);
  assert.deepEqual(await answering(() => new Promise<Response>(() => {})), ["refused", ["webhook-slow"]]);
});

test("nothing answers: the call rejects with a fault", async () => {
  await assert.rejects(
    callOnce({}, { fetch: () => Promise.reject(new TypeError("connection refused")) }),
    (error) => error instanceof FaultError && error.fault.kind === "unreachable",
  );
});

test("a socket that does not open is told without blaming Twilio, which this phone plays", async () => {
  const { report } = await callOnce({}, {
    dial: ({ peer }) => Promise.resolve(failed({ kind: "unreachable", peer, detail: "dns error" })),
  });
  assert.equal(report.offences[0]!.code, "no-handshake");
  assert.match(report.offences[0]!.detail, /did not open: Cannot reach the webhook's server: dns error\./);
});

test("REST ends the call", async () => {
  const clock = new VirtualClock();
  const server = testServer(clock, polite);
  const call = ringUp({
    url: "https://test.example.com/incoming-call",
    clock,
    dial: simDial(clock, server.answer),
    fetch: server.fetch,
    voice: toneVoice(),
    random: seeded(1),
    steps: [{ kind: "wait", ms: 60_000 }],
  });
  await clock.run(2000);
  assert.equal(call.endCall(), true);
  const report = await clock.runFor(call.report);
  assert.equal(server.lines[0]!.of("stop").length, 1);
  assert.deepEqual([report.endedBy, call.endCall()], ["rest", false]);
  await clock.run(1);
  assert.equal(clock.pending, 0);
});

test("an unmet expectation fails the call; one about an earlier answer is unmet too", async () => {
  const { report } = await callOnce(polite, {
    steps: [{ kind: "expect", text: "hello" }, { kind: "say", text: "moon" }, { kind: "expect", text: "hello" }],
  });
  assert.deepEqual(report.expectations.map(({ met }) => met), [true, false]);
  assert.equal(report.ok, false);
});

test("an answer without tags meets no expectation, and the caller is told why", async () => {
  const rig = await callOnce({ started: (line) => line.media(new Uint8Array(1600).fill(0x10)) }, {
    steps: [{ kind: "expect", text: "hello" }],
  });
  assert.deepEqual(rig.report.expectations, [{ text: "hello", met: false }]);
  assert.ok(rig.events.some((event) => event.kind === "note" && event.text.includes("not tagged")));
});

for (
  const step of [
    { kind: "say", text: "who are you" },
    { kind: "dtmf", keys: "12" },
    { kind: "interrupt", text: "stop", afterMs: 5000 },
  ] as const
) {
  test(`what answers a "${step.kind}" that came too late is not looked for in what was said before`, async () => {
    const script: Script = {
      started: (line) => {
        line.say("hello there");
        line.clock.after(800, () => line.wire.close(1000));
      },
    };
    const notes: string[] = [];
    const { report } = await callOnce(script, {
      steps: [step, { kind: "expect", text: "there" }],
      onEvent: (event) => event.kind === "note" && notes.push(event.text),
    });
    assert.equal(report.endedBy, "server");
    assert.deepEqual(report.turns.map(({ said }) => said), [""]);
    assert.deepEqual(report.expectations, [{ text: "there", met: false }]);
    assert.deepEqual(notes, [`The call has ended: "${step.kind}" was not done.`]);
    assert.equal(report.ok, false);
  });
}

test("an expectation is judged though the call ended while the words before it were being rendered", async () => {
  const voice = {
    ...toneVoice(),
    speak: (_: string, signal?: AbortSignal) =>
      new Promise<never>((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason))),
  };
  const { report } = await callOnce({ started: (line) => line.wire.close(1000) }, {
    voice,
    steps: [{ kind: "say", text: "hi" }, { kind: "expect", text: "hello" }],
  });
  assert.deepEqual([report.ok, report.expectations], [false, [{ text: "hello", met: false }]]);
});

test("what an agent says when it hangs up is its answer, whatever the caller would have waited for", async () => {
  const script: Script = {
    started: (line) => void line.say("hello there"),
    heard: (line) => void line.say("good bye").then(() => line.clock.after(1000, () => line.wire.close(1000))),
  };
  const steps = [{ kind: "say", text: "bye" }, { kind: "wait", ms: 9000 }, {
    kind: "expect",
    text: "good bye",
  }] as const;
  const { report } = await callOnce(script, { steps });
  assert.deepEqual([report.endedBy, report.expectations[0]!.met], ["server", true]);
});

test("keys are sent one by one, and a silent server does not hold the call for ever", async () => {
  const rig = await callOnce({}, { steps: [{ kind: "dtmf", keys: "1w#" }, { kind: "wait", ms: 100 }] });
  const keys = rig.server.lines[0]!.of("dtmf");
  assert.deepEqual(keys.map(({ body }) => body.dtmf), [
    { track: "inbound_track", digit: "1" },
    { track: "inbound_track", digit: "#" },
  ]);
  assert.equal(keys[1]!.atMs - keys[0]!.atMs, 700);
  assert.ok(rig.report.durationMs < 45_000);
  assert.equal(rig.report.firstAudioMs, null);
});

test("the recording holds the caller on the left and the agent on the right, on one clock", async () => {
  const rig = await callOnce(polite, { record: true, steps: [{ kind: "say", text: "who are you" }] });
  const wav = readWav(rig.wav!);
  assert.ok(wav.ok && wav.value.rateHz === 8000 && wav.value.channels.length === 2);
  const [caller, agent] = wav.value.channels;
  const firstLoudMs = (samples: Float32Array) => samples.findIndex((sample) => Math.abs(sample) > 0.05) / 8;
  const connectedMs = 250;
  assert.ok(Math.abs(firstLoudMs(agent!) - connectedMs - 20) < 3, `agent at ${firstLoudMs(agent!)}`);
  // the greeting lasts 660 ms and ends; 600 ms of silence; then the caller speaks
  assert.ok(Math.abs(firstLoudMs(caller!) - connectedMs - 20 - 660 - 600) < 50, `caller at ${firstLoudMs(caller!)}`);
});

test("the server's record gives the parts and the route of each turn", async () => {
  const parts = { stt: 100, model: 200, voice: 90, ours: 5 };
  const { report } = await callOnce(polite, {
    steps: [{ kind: "say", text: "one" }, { kind: "say", text: "two" }],
    lookup: () => Promise.resolve([{ said: "Two.", parts, route: "pricing" }]),
  });
  assert.deepEqual(report.turns.map(({ parts, route }) => [parts, route]), [[null, null], [null, null], [
    parts,
    "pricing",
  ]]);
});
