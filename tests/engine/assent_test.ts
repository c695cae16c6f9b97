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

test("who denies, wonders, puts off or wishes has not agreed, though a word of his would be a yes elsewhere", () => {
  for (
    const text of [
      ...["That isn't right.", "That can’t be right.", "That doesn't sound right.", "Is that right", "Are you sure"],
      ...["I'm busy right now.", "Okay, hold on.", "All right, let me think about it.", "Sure, maybe later."],
      ...["Yeah, I can't make it then.", "I never said that, correct it.", "Please correct the name."],
      ...[
        "OK, what about Tuesday?",
        "Okay, how much is it?",
        "Yeah, make it Tuesday.",
        "Yes, I'd rather come on Tuesday.",
      ],
      ...["Make sure it is on Tuesday.", "What exactly do you mean.", "How do you do it.", "Perfect, except the time."],
    ]
  ) assert.equal(agrees(text, "en"), false, text);
  for (
    const [language, text] of [
      ["de", "Ja, das ist keine gute Idee."],
      ["de", "Na ja."],
      ["de", "Ja, eher am Dienstag."],
      ["fr", "Oui, plutôt mardi."],
      ["es", "Sí, mejor el martes."],
      ["pt", "Sim, melhor na terça."],
      ["it", "Sì, anzi martedì."],
      ["nl", "Ja, liever dinsdag."],
      ["ru", "Да, лучше во вторник."],
      ["ja", "はい、火曜日のほうがいいです。"],
      ["ja", "ええと、"],
    ] as const
  ) assert.equal(agrees(text, language), false, text);
  for (
    const [language, text] of [
      ["en", "Right, that's it."],
      ["en", "I'm sure."],
      ["en", "Yes, no problem."],
      ["en", "Yes, that is correct."],
      ["en", "Exactly, do it."],
      ["de", "Ja, kein Problem."],
      ["nl", "Oké."],
      ["es", "Okey, gracias."],
      ["fr", "Voilà, c’est parfait."],
      ["ru", "Ладно."],
      ["ja", "うん、わかりました。"],
      ["ja", "ええ。"],
      ["nl", "Ja, geen probleem."],
    ] as const
  ) assert.equal(agrees(text, language), true, text);
});
