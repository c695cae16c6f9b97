import assert from "node:assert/strict";
import { parseCallArgs, webhookUrl } from "../../lib/softphone/args.ts";
import { test } from "../case.ts";

test("steps keep the order they are written in", () => {
  const parsed = parseCallArgs([
    "http://localhost:5000",
    "--say",
    "hello",
    "--interrupt=wait a moment@250",
    "--expect",
    "yes",
    "--dtmf",
    "1w#",
    "--wait",
    "500",
    "--wav",
    "a.wav",
    "--interrupt",
    "me@home",
    "--record",
    "out.wav",
    "--to",
    "+15550142",
    "--json",
  ]);
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value.steps, [
    { kind: "say", text: "hello" },
    { kind: "interrupt", text: "wait a moment", afterMs: 250 },
    { kind: "expect", text: "yes" },
    { kind: "dtmf", keys: "1w#" },
    { kind: "wait", ms: 500 },
    { kind: "wav", file: "a.wav" },
    { kind: "interrupt", text: "me@home", afterMs: 700 },
  ]);
  const { url, to, from, record, json, help } = parsed.value;
  assert.deepEqual([url, to, from, record, json, help], [
    "http://localhost:5000",
    "+15550142",
    undefined,
    "out.wav",
    true,
    false,
  ]);
});

test("wrong usage is said in a sentence that names it", () => {
  const cases: [string[], RegExp][] = [
    [["--say"], /--say needs a value/],
    [["--say", " "], /--say needs a text/],
    [["--shout", "x"], /no option --shout/],
    [["--bogus"], /no option --bogus/],
    [["-x", "y"], /no option -x/],
    [["--wait", "soon"], /milliseconds, not "soon"/],
    [["--dtmf", "1 2"], /keys .* not "1 2"/],
    [["--interrupt", "@300"], /--interrupt needs a text/],
    [["http://a", "http://b"], /"http:\/\/b" is one too many/],
  ];
  for (const [args, why] of cases) {
    const parsed = parseCallArgs(args);
    assert.ok(!parsed.ok && why.test(parsed.fault), args.join(" "));
  }
});

test("the address has a default, and a path", () => {
  const url = (written?: string, env = {}) => {
    const result = webhookUrl(written, env);
    return result.ok ? result.value : undefined;
  };
  assert.equal(url(), "http://localhost:5000/incoming-call");
  assert.equal(url(undefined, { PORT: "8080", BIND: "::" }), "http://localhost:8080/incoming-call");
  assert.equal(url(undefined, { PORT: "", BIND: "10.0.0.5" }), "http://10.0.0.5:5000/incoming-call");
  assert.equal(url("https://agent.example.com"), "https://agent.example.com/incoming-call");
  assert.equal(url("https://agent.example.com/twiml?x=1"), "https://agent.example.com/twiml?x=1");
  assert.equal(url("localhost:5000"), undefined);
  assert.equal(url("ftp://x"), undefined);
});
