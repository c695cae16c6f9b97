import assert from "node:assert/strict";
import fc from "fast-check";
import * as message from "../../lib/softphone/messages.ts";
import { test } from "../case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

const SID = "MZ00000000000000000000000000000001";
const media = (payload: unknown, more = {}) =>
  JSON.stringify({ event: "media", streamSid: SID, media: { payload }, ...more });

test("what a server may send is read", () => {
  assert.deepEqual(message.readServerMessage(media("/////w=="), SID), {
    message: { event: "media", payload: new Uint8Array([255, 255, 255, 255]) },
    offences: [],
  });
  const mark = JSON.stringify({ event: "mark", streamSid: SID, mark: { name: "r1.2" } });
  assert.deepEqual(message.readServerMessage(mark, SID), { message: { event: "mark", name: "r1.2" }, offences: [] });
  const clear = JSON.stringify({ event: "clear", streamSid: SID });
  assert.deepEqual(message.readServerMessage(clear, SID), { message: { event: "clear" }, offences: [] });
});

test("each offence of a message is named, and what cannot be understood is not acted on", () => {
  const cases: [string, string, boolean][] = [
    ["hello", "not-json", false],
    ["[1]", "not-json", false],
    ["null", "not-json", false],
    ["{}", "missing-field", false],
    [JSON.stringify({ event: "stop", streamSid: SID }), "unknown-event", false],
    [JSON.stringify({ event: "clear" }), "missing-field", false],
    [JSON.stringify({ event: "clear", streamSid: "MZ2" }), "wrong-stream-sid", false],
    [JSON.stringify({ event: "clear", streamSid: SID, clear: {} }), "extra-field", true],
    [media("/w==", { sequenceNumber: "1" }), "extra-field", true],
    [
      JSON.stringify({ event: "media", streamSid: SID, media: { payload: "/w==", track: "outbound" } }),
      "extra-field",
      true,
    ],
    [JSON.stringify({ event: "media", streamSid: SID }), "missing-field", false],
    [media(7), "missing-field", false],
    [media(""), "empty-payload", false],
    [media("a-b_"), "not-base64", false],
    [media("abc"), "not-base64", false],
    [media(btoa("RIFF....WAVE")), "container-header", true],
    [media(btoa("ID3.")), "container-header", true],
    [JSON.stringify({ event: "mark", streamSid: SID, mark: {} }), "missing-field", false],
    [JSON.stringify({ event: "mark", streamSid: SID, mark: { name: "" } }), "missing-field", false],
  ];
  for (const [text, code, acted] of cases) {
    const read = message.readServerMessage(text, SID);
    assert.deepEqual([read.offences.map((offence) => offence.code), read.message !== undefined], [[code], acted], text);
  }
});

test("Twilio's number is part of what an offence says", () => {
  assert.match(message.readServerMessage("x", SID).offences[0]!.detail, /Twilio 31951/);
});

test("no text makes the reader throw", () => {
  const text = fc.oneof(fc.string(), fc.json(), fc.jsonValue().map((value) => media(value)));
  fc.assert(fc.property(text, (text) => void message.readServerMessage(text, SID)), { numRuns: 500, seed: 3 });
});

test("what the phone says has the reference's fields, numbers as strings", () => {
  const identity = { accountSid: "AC1", callSid: "CA1", streamSid: SID };
  assert.deepEqual(JSON.parse(message.connectedMessage()), { event: "connected", protocol: "Call", version: "1.0.0" });
  assert.deepEqual(JSON.parse(message.startMessage(identity, 1, { session: "7f3a" })), {
    event: "start",
    sequenceNumber: "1",
    start: {
      accountSid: "AC1",
      streamSid: SID,
      callSid: "CA1",
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: { session: "7f3a" },
    },
    streamSid: SID,
  });
  const payload = new Uint8Array(160).fill(0xFF);
  const sent = message.mediaMessage(SID, 2, { chunk: 1, timestampMs: 100, payload });
  assert.deepEqual(JSON.parse(sent).media, {
    track: "inbound",
    chunk: "1",
    timestamp: "100",
    payload: `${"/".repeat(213)}w==`,
  });
  assert.deepEqual(JSON.parse(message.dtmfMessage(SID, 3, "#")).dtmf, { track: "inbound_track", digit: "#" });
  assert.deepEqual(JSON.parse(message.markMessage(SID, 4, "m")).mark, { name: "m" });
  assert.deepEqual(JSON.parse(message.stopMessage(identity, 5)).stop, { accountSid: "AC1", callSid: "CA1" });
});
