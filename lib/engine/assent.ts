/** Whether a caller agrees to what was read back to him. Pure. */

interface Words {
  yes: string;
  no: string;
}

/** By language: those that Flux understands. Where in doubt a word is not a yes: then the caller is asked once more. */
const WORDS: Readonly<Record<string, Words>> = {
  en: {
    yes: "yes|yeah|yep|yup|correct|right|exactly|sure|please do|go ahead|that's it|do it|absolutely|" +
      "alright|of course|sounds good|perfect|that's fine|that works",
    no: "no|nope|not|don't|do not|wrong|wait|stop|cancel|incorrect|but|instead",
  },
  es: {
    yes: "sí|claro|correcto|exacto|exactamente|vale|de acuerdo|por supuesto|adelante|perfecto|así es|eso es|está bien",
    no: "no|nunca|tampoco|mal|espera|espere|incorrecto|cancela|cancele|pero",
  },
  fr: {
    yes: "oui|ouais|d'accord|exact|exactement|correct|parfait|bien sûr|tout à fait|c'est ça|c'est bon|allez-y|vas-y",
    no: "non|pas|faux|attends|attendez|arrêtez|annulez|incorrect|mais",
  },
  de: {
    yes: "ja|jawohl|jep|genau|richtig|korrekt|stimmt|gerne?|passt|klar|natürlich|einverstanden",
    no: "nein|nee|nö|nicht|falsch|warte|warten|stopp?|abbrechen|aber|lieber",
  },
  pt: {
    yes: "sim|claro|certo|correto|exato|exatamente|isso mesmo|com certeza|perfeito|pode ser|está bem|tá bom",
    no: "não|nao|nunca|errado|espera|espere|pare|cancela|cancele|incorreto|mas",
  },
  it: {
    yes: "sì|certo|certamente|esatto|giusto|corretto|perfetto|va bene|d'accordo|assolutamente",
    no: "no|non|sbagliato|aspetta|aspetti|annulla|annulli|ma|però",
  },
  nl: {
    yes: "ja|jawel|klopt|juist|correct|precies|prima|akkoord|graag|is goed",
    no: "nee|niet|fout|verkeerd|wacht|stop|annuleer|maar",
  },
  ru: {
    yes: "да|ага|верно|правильно|конечно|хорошо|точно|согласен|согласна",
    no: "нет|не|неверно|неправильно|стоп|подожди|подождите|отмена|отмените|но",
  },
  hi: { yes: "हाँ|हां|जी|ठीक|सही|बिल्कुल", no: "नहीं|मत|गलत|रुको|रुकिए|लेकिन" },
  ja: { yes: "はい|そうです|その通り|お願いします", no: "いいえ|いや|違|ちが|待って|だめ|やめ|ない|ません|けど|でも" },
};
/** A yes in any language. */
const EVERYWHERE = "ok|okay";

/** The last word of a question is asked, not agreed to: "on Monday, right?", "yes?" */
const ASKED = /[\p{L}\p{M}']+\s*[?？]\s*$/u;

/** Whether `text` holds a yes, and neither a refusal nor a "but", in English or in `language` (a tag such as `de-AT`; `multi`: in any that has words here). */
export function agrees(text: string, language: string): boolean {
  const own = WORDS[language.split("-")[0]!];
  const words = language === "multi" ? Object.values(WORDS) : [WORDS.en!, ...own ? [own] : []];
  const said = text.normalize("NFC").replaceAll("’", "'").replace(ASKED, "");
  return holds(said, [EVERYWHERE, ...words.map(({ yes }) => yes)]) && !holds(said, words.map(({ no }) => no));
}

/** Whole words, but in Japanese, which is written without spaces. */
function holds(text: string, words: readonly string[]): boolean {
  const any = `(?:${words.join("|")})`;
  return new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])${any}(?![\\p{L}\\p{M}\\p{N}])|(?=[ぁ-ん一-龯])${any}`, "iu").test(text);
}
