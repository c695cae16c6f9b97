import assert from "node:assert/strict";
import { failed, ok } from "../lib/base/result.ts";
import { emptyRecord } from "../lib/call/notice.ts";
import { turnsIn } from "../lib/turns.ts";
import { test } from "./case.ts";

test("each of the caller's turns is told with what answered it, of the call with just this CallSid", () => {
  const agent = { who: "agent" as const, interrupted: false };
  const record = {
    ...emptyRecord("call-a"),
    callSid: "CA1",
    transcript: [
      { ...agent, atMs: 0, text: "Hello." },
      { who: "caller" as const, atMs: 1000, text: "are you open" },
      { ...agent, atMs: 1500, text: "One moment." },
      { ...agent, atMs: 2500, text: "Yes.", parts: { stt: 200.4, model: 700 } },
      { who: "caller" as const, atMs: 2800, text: "and on Sunday" },
      { ...agent, atMs: 2900, text: "Please hold the line." },
      { who: "caller" as const, atMs: 3000, text: "what does it cost" },
      { ...agent, atMs: 3100, text: "Ninety.", route: "price" },
      { who: "caller" as const, atMs: 5000, text: "thank you" },
    ],
  };
  const store = { get: (call: string) => "CA1".startsWith(call) ? ok(record) : failed([]) };
  const none = { stt: null, model: null, voice: null, ours: null };
  assert.deepEqual(turnsIn(store, "CA1"), [
    { said: "are you open", route: null, parts: { ...none, stt: 200, model: 700 } },
    { said: "and on Sunday", route: null, parts: none },
    { said: "what does it cost", route: "price", parts: none },
    { said: "thank you", route: null, parts: null },
  ]);
  assert.deepEqual([turnsIn(store, "CA"), turnsIn(store, "CA2")], [undefined, undefined]);
});
