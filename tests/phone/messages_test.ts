import assert from "node:assert/strict";
import { parseTwilio } from "../../lib/phone/messages.ts";
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
