import assert from "node:assert/strict";
import { describeFault, type Fault } from "../../lib/base/result.ts";
import { closeFault } from "../../lib/providers/deepgram_faults.ts";
import { test } from "../case.ts";

const peer = "deepgram-listen";
const closed = (code: number, reason: string) => closeFault(peer, { code, reason, openMs: 1234.4 });

test("a close that names our mistake is rejected, any other is lost", () => {
  const kinds: [code: number, reason: string, kind: Fault["kind"]][] = [
    [1008, "DATA-0000", "rejected"],
    [1008, "DATA-0001", "rejected"],
    [1009, "BIG-0001", "rejected"],
    [1003, "MESSAGE-0000", "rejected"],
    [1011, "NET-0001", "lost"],
    [1011, "Deepgram did not receive audio data. See https://dpgr.am/net0001", "lost"],
    [1005, "", "lost"],
    [1006, "cut", "lost"],
    [1000, "", "lost"],
  ];
  for (const [code, reason, kind] of kinds) assert.equal(closed(code, reason).kind, kind, `${code} ${reason}`);
});

test("a fault's message says what came back and what to do", () => {
  assert.equal(
    describeFault(closed(1008, "DATA-0000")),
    "Deepgram's recogniser reported DATA-0000: close code 1008: a message or the audio cannot be read; " +
      "check encoding and sample_rate, and that control messages are text.",
  );
  assert.equal(
    describeFault(closed(1011, "NET-0001")),
    "Lost Deepgram's recogniser after 1234 ms: close code 1011 (NET-0001).",
  );
});
