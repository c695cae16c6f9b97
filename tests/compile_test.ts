import assert from "node:assert/strict";
import fc from "fast-check";
import { inAscii } from "../lib/compile.ts";
import { test } from "./case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

const value = (source: string): unknown => new Function(`return ${source}`)();

test("a program in ASCII says the same, in strings, templates, expressions, comments and names", () => {
  const sources = [
    String.raw`/[.!?…]["'”’)\]]*\s+/g.source === "x" ? 1 : "he said “no” – 你好 😀".length`,
    String.raw`"a backslash before it: \… and two: \\…"`,
    String.raw`/\…\\é/.test("…\\é")`,
    "`${1}…${'é'}`",
    `"a😀b".replace(/[😀é-ü]/u, "…")`,
    `[..."ä€"].map((größe) => größe + "…" /* … */).join("")`,
    `/^[。！？]$/.test("！")`,
  ];
  for (const source of sources) {
    const ascii = inAscii(source);
    assert.match(ascii, /^[ -~]+$/);
    assert.deepEqual(value(ascii), value(source));
  }
});

test("any text comes through", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(value(inAscii(JSON.stringify(text))), text);
  }));
});
