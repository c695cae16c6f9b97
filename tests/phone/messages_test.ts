import assert from "node:assert/strict";
import { Base64Decoder, parseTwilio } from "../../lib/phone/messages.ts";
import { test } from "../case.ts";

function start({ callSid = "CA1", streamSid = "MZ1", from = "+15550100" }): string {
  const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
  return JSON.stringify({ event: "start", streamSid, start: { callSid, mediaFormat, customParameters: { from } } });
}

test("a start whose ids hold more than visible letters, or whose parameters are longer than Twilio's, is none", () => {
  assert.ok("event" in parseTwilio(start({})));
  assert.ok("event" in parseTwilio(start({ from: "ä".repeat(499) })));
  for (const bad of ["CA1\nforged line", "\x1b[2J", "CA 1", "", "a".repeat(65)]) {
    assert.deepEqual(parseTwilio(start({ callSid: bad })), { malformed: "start.callSid: invalid_format" });
    assert.deepEqual(parseTwilio(start({ streamSid: bad })), { malformed: "streamSid: invalid_format" });
  }
  assert.deepEqual(parseTwilio(start({ from: "5".repeat(500) })), {
    malformed: "start.customParameters.from: too_big",
  });
});

test("a media message means the same however it is written", () => {
  const payload = "/v7+/n19fX3///8=";
  const media = { track: "inbound", chunk: "1", timestamp: "102", payload };
  const carriers = JSON.stringify({ event: "media", sequenceNumber: "2", media, streamSid: "MZ1" });
  const found = { event: "media", timestampMs: 102, payload };
  const ways = [
    carriers,
    carriers.replaceAll("/", "\\/"),
    JSON.stringify({ streamSid: "MZ1", media: { payload, timestamp: 102, chunk: 1 }, event: "media" }),
    JSON.stringify({ event: "media", sequenceNumber: 2, media: { ...media, more: "x" } }, undefined, 1),
    carriers.replace('"payload"', '"more":"x","payload"'),
  ];
  for (const text of ways) assert.deepEqual(parseTwilio(text), found, text);
  assert.deepEqual(parseTwilio(carriers.replace("inbound", "outbound")), { unknown: "media of track outbound" });
  for (const timestamp of ['"x"', '"-1"']) {
    assert.ok("malformed" in parseTwilio(carriers.replace('"102"', timestamp)), timestamp);
  }
  for (let cut = 0; cut < carriers.indexOf("="); cut++) {
    assert.ok("malformed" in parseTwilio(carriers.slice(0, cut)), `cut after ${cut}`);
  }
});

test("audio is as long as its base64 says", () => {
  const decoder = new Base64Decoder();
  assert.deepEqual([...decoder.decode("AQID")!], [1, 2, 3]);
  assert.deepEqual([...decoder.decode("AQI=")!], [1, 2]);
  for (const payload of ["AQID    ", "AQ-D", "A"]) assert.equal(decoder.decode(payload), undefined, payload);
});

test("an echoed mark means the same however it is written, and a part of one nothing", () => {
  const carriers = JSON.stringify({ event: "mark", sequenceNumber: "4", streamSid: "MZ1", mark: { name: "r1/2" } });
  const ways = [
    carriers,
    carriers.replaceAll("/", "\\/"),
    JSON.stringify({ mark: { name: "r1/2" }, event: "mark" }),
    JSON.stringify({ event: "mark", mark: { name: "r1/2", more: "x" } }, undefined, 1),
  ];
  for (const text of ways) assert.deepEqual(parseTwilio(text), { event: "mark", mark: { name: "r1/2" } }, text);
  for (let cut = 0; cut <= carriers.indexOf("}"); cut++) {
    assert.ok("malformed" in parseTwilio(carriers.slice(0, cut)), `cut after ${cut}`);
  }
  for (const text of ['{"event":"mark","name":"r1.2"}', '{"event":"mark","mark":{"name":"r1.2}']) {
    assert.ok("malformed" in parseTwilio(text), text);
  }
});
