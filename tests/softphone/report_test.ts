import assert from "node:assert/strict";
import { type CallReport, formatReport, isOk, reportTurns } from "../../lib/softphone/report.ts";
import { isSaidIn, normalise, Talk } from "../../lib/softphone/talk.ts";
import { test } from "../case.ts";

const REPORT: CallReport = {
  ok: false,
  schema: 1,
  callSid: "CA00000000000000000000000000000001",
  streamSid: "MZ00000000000000000000000000000001",
  endedBy: "caller",
  durationMs: 12_340,
  firstAudioMs: 140,
  turns: [
    {
      said: "",
      heard: "Green Street Clinic, you are talking to the AI assistant. How can I help?",
      replyMs: 140,
      parts: null,
      route: null,
      interrupted: false,
      heardMs: 4200,
    },
    {
      said: "how much is it",
      heard: "A first visit",
      replyMs: 912,
      parts: { stt: 400, model: 300, voice: 200, ours: 12 },
      route: "pricing",
      interrupted: true,
      heardMs: 880,
    },
    { said: "stop", heard: null, replyMs: null, parts: null, route: null, interrupted: false, heardMs: 0 },
  ],
  underruns: 1,
  underrunMs: 60,
  marks: { sent: 30, echoed: 30 },
  staleFrames: null,
  lostFrames: 0,
  offences: [{ code: "extra-field", detail: "..." }],
  expectations: [{ text: "ninety", met: false }],
  wav: "out.wav",
};

test("the table is aligned plain text", () => {
  const text = formatReport({ ...REPORT, expectations: [] });
  assert.equal(
    text,
    `call          CA00000000000000000000000000000001
ended by      caller, after 12.3 s
first audio   140 ms
under-runs    1 (60 ms)
marks         30 sent, 30 echoed
stale frames  unknown (the voice is not tagged)
lost frames   0
recording     out.wav

said            heard                                         reply ms  heard ms               stt  model  voice  ours  route
--------------  --------------------------------------------  --------  --------  -----------  ---  -----  -----  ----  -------
(greeting)      Green Street Clinic, you are talking to the…       140      4200                 -      -      -     -
how much is it  A first visit                                      912       880  interrupted  400    300    200    12  pricing
stop            (nothing)                                            -         0                 -      -      -     -

OFFENCE  extra-field: ...
NOT OK`,
  );
  assert.match(formatReport(REPORT, { colours: true }), /\[31mNOT OK/);
});

test("where what was expected was not heard, what was heard is told whole", () => {
  const text = formatReport(REPORT);
  assert.match(text, /^\(greeting\) +Green Street Clinic, .* How can I help\? +140 +4200/m);
  assert.match(text, /^NOT MET {2}expected "ninety"$/m);
});

test("a call is ok without offences, with its expectations met, unless it was refused", () => {
  const clean = { endedBy: "server" as const, offences: [], expectations: [{ text: "a", met: true }] };
  assert.equal(isOk(clean), true);
  assert.equal(isOk({ ...clean, endedBy: "refused" }), false);
  assert.equal(isOk({ ...clean, offences: REPORT.offences }), false);
  assert.equal(isOk({ ...clean, expectations: REPORT.expectations }), false);
});

test("expectations look for whole words, whatever case, accents and punctuation", () => {
  assert.equal(normalise("  It's  a CAFÉ, (really)! "), "its a cafe really");
  assert.equal(isSaidIn("a cafe", "It's a CAFÉ."), true);
  assert.equal(isSaidIn("art", "We start now"), false);
  assert.equal(isSaidIn("9 90", "9-90"), true);
});

/** Plays `ms` of audible audio from `atMs` on, or of silence. */
function play(talk: Talk, atMs: number, ms: number, words = ""): number {
  for (let slot = 0; slot < ms / 20; slot++) {
    const playedBytes = words === "" ? 0 : 160;
    talk.slot({
      atMs: atMs + slot * 20,
      playedBytes,
      audible: playedBytes > 0,
      words: slot === 0 ? words : "",
      taggedFrames: playedBytes ? 1 : 0,
    });
  }
  return atMs + ms;
}

test("audio belongs to what was said before it; over a running reply only after a pause or a clear", () => {
  const talk = new Talk();
  talk.began(0);
  let now = play(talk, 0, 200, "hello ");
  now = play(talk, now, 620);
  assert.equal(talk.finished, true);
  talk.said("go", now, now + 500);
  assert.equal(talk.finished, false);
  now = play(talk, now, 700);
  now = play(talk, now, 1000, "a long story ");
  talk.said("stop", now, now + 300);
  now = play(talk, now, 100, "goes on ");
  talk.cleared(500);
  now = play(talk, now, 100);
  now = play(talk, now, 200, "yes");
  const turns = reportTurns(talk.turns, []);
  assert.deepEqual(
    turns.map(({ said, heard, replyMs, interrupted, heardMs }) => [said, heard, replyMs, interrupted, heardMs]),
    [["", "hello", 0, false, 200], ["go", "a long story goes on", 200, true, 1100], ["stop", "yes", -100, false, 200]],
  );
});

test("a clear that drops nothing interrupts nothing", () => {
  const talk = new Talk();
  play(talk, 0, 200, "hello");
  talk.cleared(0);
  assert.equal(talk.turns[0]!.interrupted, false);
});
