import assert from "node:assert/strict";
import type { CallNotice } from "../../lib/call/notice.ts";
import { log, logNotice, openLog } from "../../lib/telemetry/log.ts";
import { test } from "../case.ts";
import { at, conversation } from "../store/make.ts";

/** Everything that may be told of a call, with a word and numbers in each place that can hold them. */
const TOLD: readonly CallNotice[] = [
  ...conversation({ id: "call-a1", from: "+15550123456", to: "+15550199888", said: "my secret is pineapple" }),
  at({ kind: "reply-text", reply: 3, text: "You said pineapple." }),
  at({ kind: "digit", digit: "7" }),
  at({ kind: "fact", field: "phone", value: "+15550123456", evidence: "pineapple" }),
  at({ kind: "message", delivered: false, why: "down", text: "pineapple", phone: "+15550123456" }),
  at({ kind: "summary", text: "A pineapple for +15550123456." }),
  at({ kind: "routed", route: "pricing", score: 0.91 }),
  at({ kind: "fault", fault: { kind: "deadline", peer: "llm", what: "a first token", limitMs: 2500 }, fatal: false }),
];

function linesOf(format: "lines" | "json", act: () => void): string[] {
  const lines: string[] = [];
  openLog({ level: "debug", format, write: (line) => lines.push(line) });
  act();
  openLog({ level: "error", format, write: () => {} });
  return lines;
}

for (const format of ["lines", "json"] as const) {
  test(`log in ${format}: no word of a caller or about him, no key, and of his number the last two digits`, () => {
    const lines = linesOf(format, () => TOLD.forEach(logNotice));
    assert.ok(lines.length > 10);
    for (const line of lines) {
      assert.doesNotMatch(line, /pineapple|secret|Tuesday|Welcome|Ada|pressed/);
      assert.doesNotMatch(line, /555\d{5}/, "a whole number");
    }
    assert.match(lines[0]!, /call from \*{10}56, agent engine/);
    assert.ok(lines.some((line) => line.includes("caller: 4 words")));
  });
}

test("who withholds a number is told without one", () => {
  const [started] = conversation({ id: "call-a1", from: "sip:alice@pbx.example" });
  const [nobody] = conversation({ id: "call-a1", from: "" });
  const lines = linesOf("lines", () => [started!, nobody!].forEach(logNotice));
  assert.deepEqual(lines.map((line) => /call from (\w+),/.exec(line)?.[1]), ["withheld", "unknown"]);
});

test("nothing that a carrier, a vendor or a model names begins another line, or commands a terminal", () => {
  const forged = "x\r\n12:00:00 ERR all is lost \x1b[2J\u009b2J";
  const lines = linesOf("lines", () => {
    logNotice(at({ kind: "carrier-odd", what: forged }));
    logNotice(at({ kind: "tool-call", id: "t", name: forged }));
    logNotice(at({ kind: "fault", fault: { kind: "protocol", peer: "llm", detail: forged }, fatal: false }));
  });
  for (const line of lines) assert.match(line, /^[^\p{Cc}]+\n$/u);
});

test("in json a line is a document with its call and kind, and braces are only braces", () => {
  const lines = linesOf("json", () => {
    logNotice(at({ kind: "tool-call", id: "t", name: "find_slots" }));
    log("warning", "odd {call} text");
  });
  const [tool, odd] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([tool.call, tool.kind, odd.message], ["call-a1", "tool-call", "odd {call} text"]);
});

test("log in lines: the time is that of the machine", () => {
  const before = Deno.env.get("TZ");
  const hours: string[] = [];
  try {
    for (const zone of ["America/New_York", "Asia/Tokyo"]) {
      Deno.env.set("TZ", zone);
      const [line] = linesOf("lines", () => log("info", "hello"));
      hours.push(line!.slice(0, 2));
      assert.equal(Number(hours.at(-1)), new Date().getHours());
    }
  } finally {
    if (before === undefined) Deno.env.delete("TZ");
    else Deno.env.set("TZ", before);
  }
  assert.notEqual(hours[0], hours[1]);
});

test("the log tells of a tool that failed, of what had no word, and of a caller who withholds his number", () => {
  const lines = linesOf("lines", () => {
    logNotice(at({ kind: "tool-result", id: "t", name: "book", ok: false, tookMs: 1200.4 }));
    logNotice(at({ kind: "caller-text", text: "", final: true }));
    conversation({ id: "call-a1", from: "" }).slice(0, 1).forEach(logNotice);
  });
  const told = [/tool book failed in 1200 ms$/, /caller: 0 words$/, /call from unknown, agent engine/];
  told.forEach((line, n) => assert.match(lines[n]!.trim(), line));
});
