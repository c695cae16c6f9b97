import assert from "node:assert/strict";
import { writeWav } from "../../lib/audio/wav.ts";
import { type PhoneOptions, ringUp } from "../../lib/softphone/phone.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { callOnce, type Rig } from "./rig.ts";
import { type Script, type ServerLine, testServer } from "./server.ts";

const STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";

/** Plays `frames` one by one with a lead of 100 ms; the function returned stops it. */
function paced(line: ServerLine, frames: Uint8Array[]): () => void {
  let at = 0;
  let stopped = false;
  const more = () => {
    if (stopped || at >= frames.length || line.closed) return;
    line.media(frames[at++]!);
    line.clock.after(20, more);
  };
  for (let lead = 0; lead < 5; lead++) line.media(frames[at++]!);
  more();
  return () => void (stopped = true);
}

/** A server that greets, answers, and makes `mistake` at the start of the stream. */
function making(mistake: (line: ServerLine) => void | Promise<void>): Script {
  return {
    started: async (line) => {
      await mistake(line);
      await line.say("hello");
    },
    heard: (line, text) => void line.say(`you said ${text}`),
  };
}

interface Verdict {
  offences?: string[];
  warnings?: string[];
}

/** Each server with what it does wrong, and the names under which the phone convicts it: these and no others. */
const SERVERS: [what: string, script: Script, verdict: Verdict, options?: Partial<PhoneOptions>][] = [
  ["does nothing wrong", making(() => {}), {}],
  [
    "floods: 40 s in one burst, no pacing and no marks; legal, and unwise",
    making((line) => {
      for (let n = 0; n < 2000; n++) line.media(new Uint8Array(160).fill(0x20));
    }),
    { warnings: ["much-queued"] },
  ],
  [
    "names another stream",
    making((line) => line.send({ event: "media", streamSid: `MZ${"0".repeat(32)}`, media: { payload: "////" } })),
    { offences: ["wrong-stream-sid"] },
  ],
  ["names no stream", making((line) => line.send({ event: "clear" })), { offences: ["missing-field"] }],
  ["sends audio as binary", making((line) => line.wire.send(new Uint8Array(160))), { offences: ["binary-frame"] }],
  [
    "sends a WAV with its header",
    making((line) => line.media(writeWav({ rateHz: 8000, channels: [new Int16Array(58)] }))),
    { offences: ["container-header"] },
  ],
  [
    "adds fields of its own",
    making((line) =>
      line.send({ event: "mark", streamSid: line.streamSid, sequenceNumber: "1", mark: { name: "a", at: 1 } })
    ),
    { offences: ["extra-field"] },
  ],
  ["sends an event of its own", making((line) => line.send({ event: "hello" })), { offences: ["unknown-event"] }],
  ["sends what is no JSON", making((line) => line.send("{")), { offences: ["not-json"] }],
  [
    "sends audio that is not base64",
    making((line) => line.send({ event: "media", streamSid: line.streamSid, media: { payload: "a_-" } })),
    { offences: ["not-base64"] },
  ],
  [
    "sends an empty payload",
    making((line) => line.send({ event: "media", streamSid: line.streamSid, media: { payload: "" } })),
    { offences: ["empty-payload"] },
  ],
  [
    "cuts the connection without a close",
    making((line) => void line.clock.after(1000, () => line.wire.terminate())),
    { offences: ["closed-abnormally"] },
  ],
  [
    "never closes its socket after stop",
    making(() => {}),
    { warnings: ["not-closed"] },
    { hangUpWay: "stop-only" },
  ],
  [
    "goes on sending after stop",
    {
      ...making(() => {}),
      got: (line, { event }) => void (event === "stop" && line.clock.after(500, () => line.mark("late"))),
    },
    { warnings: ["after-stop", "not-closed"] },
    { hangUpWay: "stop-only" },
  ],
];

const told = ({ events }: Rig) => events.flatMap((event) => event.kind === "warning" ? [event.warning.code] : []);

for (const [what, script, { offences = [], warnings = [] }, options] of SERVERS) {
  test(`a server that ${what}: ${[...offences, ...warnings].join(", ") || "not a word"}`, async () => {
    const rig = await callOnce(script, { steps: [{ kind: "say", text: "hi" }], ...options });
    assert.deepEqual([...new Set(rig.report.offences.map(({ code }) => code))], offences);
    assert.deepEqual(told(rig), warnings);
    assert.equal(rig.report.ok, offences.length === 0);
  });
}

test("a server that sends audio before start: before-start", async () => {
  const clock = new VirtualClock();
  const server = testServer(clock, making(() => {}));
  const report = ringUp({
    ...{ url: "https://test.example.com/incoming-call", clock, fetch: server.fetch, voice: toneVoice() },
    ...{ random: seeded(7), steps: [{ kind: "say", text: "hi" }] },
    dial: async (request, signal) => {
      const opened = await simDial(clock, server.answer)(request, signal);
      // It speaks at once, and the phone is slow to say start.
      server.lines[0]!.media(new Uint8Array(160));
      await new Promise<void>((resolve) => void clock.after(200, resolve));
      return opened;
    },
  }).report;
  assert.deepEqual((await clock.runFor(report)).offences.map(({ code }) => code), ["before-start"]);
});

/** Tells a story; `atSpeech` is what it does when the caller speaks up. */
function storyteller(atSpeech: (line: ServerLine, stop: () => void) => void, { burst = false } = {}): Script {
  let stop = () => {};
  return {
    started: (line) => void line.say("hello"),
    heard: async (line, text) => {
      if (text !== "tell me") return void await line.say("all right");
      if (burst) await line.say(STORY);
      else stop = paced(line, await line.frames(STORY));
    },
    spoke: (line, utterance) => utterance === 2 && atSpeech(line, stop),
  };
}

test("a server that does not clear when it is interrupted: talked-over; one that clears, or stops by itself: not a word", async () => {
  const steps: PhoneOptions["steps"] = [
    { kind: "say", text: "tell me" },
    { kind: "interrupt", text: "stop", afterMs: 500 },
  ];
  const verdict = async (script: Script) => {
    const rig = await callOnce(script, { steps });
    assert.deepEqual(rig.report.offences, []); // Twilio faults none of them
    return told(rig);
  };
  assert.deepEqual(await verdict(storyteller(() => {}, { burst: true })), ["talked-over"]);
  assert.deepEqual(await verdict(storyteller(() => {})), ["talked-over"]);
  assert.deepEqual(await verdict(storyteller((line) => line.clear(), { burst: true })), []);
  assert.deepEqual(await verdict(storyteller((_, stop) => stop())), []);
});
