import assert from "node:assert/strict";
import { parseCsv, readIntentData, routesOf, runEval, score } from "../../lib/routing/eval.ts";
import {
  areaUnderRoc,
  balancedThreshold,
  pointAtRecall,
  type Scored,
  thresholdAtWrongRate,
} from "../../lib/routing/metrics.ts";
import { trainRouter } from "../../lib/routing/router.ts";
import { tokens } from "../../lib/routing/text.ts";
import { shared, test, testWith } from "../case.ts";

const inside = (score: number, right = true): Scored => ({ score, right, inScope: true });
const outside = (score: number): Scored => ({ score, right: false, inScope: false });

test("the curve counts a rejected in-scope utterance as an error", () => {
  const scored = [inside(0.9), inside(0.8), inside(0.7, false), inside(0.3), outside(0.6), outside(0.2)];
  const half = pointAtRecall(scored, 0.5), all = pointAtRecall(scored, 1);
  assert.deepEqual([half.oosRecall, half.inScopeAccuracy], [0.5, 0.75]);
  assert.deepEqual([all.oosRecall, all.inScopeAccuracy], [1, 0.5]);
});

test("the area under the curve is 1 when apart, a half when alike", () => {
  assert.equal(areaUnderRoc([inside(0.9), inside(0.8), outside(0.1)]), 1);
  assert.equal(areaUnderRoc([inside(0.5), outside(0.5)]), 0.5);
  assert.equal(areaUnderRoc([inside(0.1), outside(0.5)]), 0);
});

test("the balanced threshold stands between what is in and what is out of scope", () => {
  const threshold = balancedThreshold([inside(0.9), inside(0.8), outside(0.4), outside(0.1)]);
  assert.ok(threshold > 0.4 && threshold <= 0.8, String(threshold));
});

test("the threshold at a rate lets no more wrong answers through than that", () => {
  const scored = [...Array.from({ length: 100 }, (_, n) => outside(n / 100)), inside(0.995), inside(0.2, false)];
  const threshold = thresholdAtWrongRate(scored, 0.05);
  const wrong = scored.filter(({ right, score }) => !right && score >= threshold).length;
  assert.ok(wrong <= 5 && wrong >= 4, String(wrong));
});

test("a CSV of quoted and plain fields is read", () => {
  const text = 'text,category\nplain one,a\n"with, comma",b\r\n"a ""quote""\nand a break",c\n';
  assert.deepEqual(parseCsv(text), [["plain one", "a"], ["with, comma", "b"], ['a "quote"\nand a break', "c"]]);
});

test("speech is normalised: case, short forms, numbers, fillers, repetitions; any language passes", () => {
  assert.deepEqual(tokens("Um, WHAT'S the the price, please?"), ["what", "is", "the", "price"]);
  assert.deepEqual(tokens("I can’t… I, uh, won't pay 2 dollars"), "i can not i will not pay two dollars".split(" "));
  assert.deepEqual(tokens("um"), ["um"]);
  assert.deepEqual(tokens("I'd like that"), ["i", "would", "like", "that"]);
  assert.deepEqual(tokens("Wie SPÄT ist es? 你好 мир"), ["wie", "spät", "ist", "es", "你好", "мир"]);
});

const clinc = shared("data/clinc150/data_full_half_test.json");

testWith(clinc, "many examples: thirty intents of CLINC150 are told apart, on validation data", async () => {
  const data = await readIntentData(clinc.url.pathname);
  const chosen = routesOf(data.train).slice(0, 30).map((route) => ({
    ...route,
    utterances: route.utterances.slice(0, 70),
  }));
  const names = new Set(chosen.map(({ name }) => name));
  const outOfScope = data.oosTrain.map(([text]) => text);
  const router = await trainRouter(chosen, { background: false, outOfScope, pause: () => {} });
  const scored = score(router, [...data.val.filter(([, intent]) => names.has(intent)), ...data.oosVal]);
  const { inScopeAccuracy } = pointAtRecall(scored, 0.8);
  assert.ok(inScopeAccuracy > 0.92, `in-scope accuracy ${inScopeAccuracy} at out-of-scope recall 0.8`);
  assert.ok(areaUnderRoc(scored) > 0.96, `AUROC ${areaUnderRoc(scored)}`);
});

test("an evaluation says which file it cannot read, and refuses to choose the threshold on test", async () => {
  const print = () => {};
  await assert.rejects(runEval({ file: "/nowhere/data.json", print }), /\/nowhere\/data\.json/);
  await assert.rejects(runEval({ file: "x.json", thresholdOn: "test", print }), /only "val"/);
});
