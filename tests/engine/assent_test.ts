import assert from "node:assert/strict";
import { agrees } from "../../lib/engine/assent.ts";
import { test } from "../case.ts";

const SAID: [language: string, yes: string, no: string][] = [
  ["en-GB", "Yes, that's right.", "Yes, but don’t book it yet."],
  ["es-MX", "Sí, correcto.", "Sí, pero espere."],
  ["fr", "Oui, c'est ça.", "Oui, non, attendez."],
  ["de", "Ja, genau.", "Das stimmt nicht."],
  ["pt-BR", "Sim, isso mesmo.", "Não está certo."],
  ["it", "Sì, va bene.", "Non va bene."],
  ["nl", "Ja, dat klopt.", "Dat klopt niet."],
  ["ru", "Да, верно.", "Да, нет, подождите."],
  ["hi", "हाँ, ठीक है।", "ठीक नहीं है।"],
  ["ja", "はい、お願いします。", "はい、ちょっと待ってください。"],
];
for (const [language, yes, no] of SAID) {
  test(`a yes and a no are told apart, in ${language}, where any language is spoken, and by who says okay`, () => {
    for (const spoken of [language, "multi"]) {
      assert.deepEqual([agrees(yes, spoken), agrees(no, spoken), agrees("Okay.", spoken)], [true, false, true], spoken);
    }
  });
}

test("part of a word is no yes", () => {
  for (const [text, language] of [["Januar", "de"], ["Simone", "pt"], ["yesterday", "pl"], ["jamais", "nl"]]) {
    assert.equal(agrees(text!, language!), false, text);
  }
});

test("who asks whether it is right has not agreed, nor who wants it otherwise", () => {
  for (
    const [language, text] of [
      ["en", "Yes?"],
      ["en", "That's Monday at three, right?"],
      ["en", "Yes, but on Tuesday."],
      ["en", "Sure, make it four instead."],
      ["de", "Ja?"],
      ["de", "Ja, aber am Dienstag."],
      ["es", "¿Correcto?"],
      ["fr", "Oui, mais mardi."],
      ["ja", "はい、でも火曜日に。"],
    ] as const
  ) assert.equal(agrees(text, language), false, text);
  assert.equal(agrees("Yes, could you do that?", "en"), true);
  for (const text of ["Sounds good.", "Perfect.", "Of course.", "That's fine."]) {
    assert.equal(agrees(text, "en"), true, text);
  }
});
