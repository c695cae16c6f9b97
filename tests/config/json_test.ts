import assert from "node:assert/strict";
import { parseJson } from "../../lib/config/json.ts";
import { seeded, test } from "../case.ts";
import { config, faults } from "./make.ts";

const BROKEN: [what: string, text: string, at: [number, number], problem: RegExp][] = [
  ["a comment", '{\n  // who we are\n  "prompt": "x"\n}', [2, 3], /comment/],
  ["a comment after a value", '{ "prompt": "x" /* me */ }', [1, 17], /comment/],
  ["a comma after the last entry", '{\n  "prompt": "x",\n}', [2, 16], /comma before the closing }/],
  ["a comma after the last of a list", '{"prompt": ["x",]}', [1, 16], /comma before the closing \]/],
  ["a missing comma", '{\n  "prompt": "x"\n  "name": "y"\n}', [3, 3], /lacks a comma/],
  ["single quotes", "{'prompt': 'x'}", [1, 2], /quote '/],
  ["typographic quotes", '{"prompt": “x”}', [1, 12], /quote “/],
  ["a key without quotes", '{prompt: "x"}', [1, 2], /key without quotes/],
  ["a text without quotes", '{"engine": agent}', [1, 12], /text without quotes \(agent\)/],
  ["Python's True", '{"privacy": {"recording": True}}', [1, 27], /word True/],
  ["a line break in a text", '{"prompt": "a\nb"}', [1, 12], /without its closing quote/],
  ["a tab in a text", '{"prompt": "a\tb"}', [1, 12], /does not allow/],
  ["an end too early", '{\n  "prompt": "x"', [2, 16], /ends too early/],
  ["something after the end", '{"prompt": "x"}}', [1, 16], /goes on after its end/],
  ["no colon", '{"prompt" "x"}', [1, 11], /no colon/],
  ["nothing", " \n", [2, 1], /is empty/],
  ["a key twice", '{"lines": {}, "a": {"lines": 1},\n "lines": {}}', [2, 2], /key "lines" twice/],
  ["a key twice, spelt otherwise", '{"a": 1, "\\u0061": 2}', [1, 10], /key "a" twice/],
  ["a number with a leading zero", '{"a": 012}', [1, 8], /"1" where a comma or }/],
];

for (const [what, text, [line, column], problem] of BROKEN) {
  test(`broken JSON names line, column and cause: ${what}`, () => {
    const result = parseJson(text);
    assert.equal(result.ok, false);
    if (result.ok) return;
    assert.match(result.fault.problem, problem);
    assert.deepEqual([result.fault.line, result.fault.column], [line, column]);
    assert.ok(result.fault.remedy.length > 5);
  });
}

test("a file with broken JSON is one fault, with the text near it", () => {
  const [note, ...more] = faults('{\r\n  "prompt": "x", // me\r\n}');
  assert.equal(more.length, 0);
  assert.equal(note?.file, "config.json");
  assert.match(note?.problem ?? "", /line 2, column 18 has a comment, near: .*"prompt": "x", \/\/ me/);
});

test("a byte order mark and CRLF are no faults", () => {
  assert.equal(config('\uFEFF{\r\n"prompt": ["a",\r\n"b"]\r\n}\r\n').base.prompt, "a\nb");
  assert.equal(config({ prompt: { file: "p.md" } }, { prompts: { "p.md": "\uFEFFa\r\nb\r\n" } }).base.prompt, "a\nb");
});

test("a file that is no object says what it is", () => {
  assert.match(faults("[]")[0]!.problem, /holds a list/);
  assert.match(faults('"x"')[0]!.problem, /holds "x"/);
});

test("whatever is cut out of good JSON, a cause is found and nothing throws", () => {
  const good = JSON.stringify({ a: [1, true, null, -2.5e3, "x\\n\u00e9"], b: { c: "d", e: [] } }, null, 1);
  const random = seeded(7);
  for (let n = 0; n < 3000; n++) {
    const at = Math.floor(random() * good.length);
    const broken = good.slice(0, at) + "{}[],:\"'x/\t1"[Math.floor(random() * 12)] +
      good.slice(at + Math.floor(random() * 3));
    const result = parseJson(broken);
    if (!result.ok) assert.notEqual(result.fault.problem, "is not valid JSON", broken);
  }
});
