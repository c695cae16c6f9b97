/** Whether a caller agrees to what was read back to him. Pure. */

interface Words {
  yes: string;
  no: string;
}

/**
 * By language: those that Flux understands. Where in doubt a word is not a yes, and a wish, a "perhaps" or a question of what
 * or how is a no: then the caller is asked once more.
 */
const WORDS: Readonly<Record<string, Words>> = {
  en: {
    yes:
      "yes|yeah|yep|yup|(?<!to |please )correct(?! (?:the|that|this|my|it))|(?<!is (?:that|this|it) )right(?! now)|" +
      "(?<!what |how |when |where )exactly|(?<!make |are you )sure|please do|go ahead|that's it|(?<!you )do it|absolutely|" +
      "alright|of course|sounds good|perfect|that's fine|that works",
    no:
      "no(?! problem| worries)|nope|not|never|cannot|[a-z]+n't|wrong|wait|stop|cancel|incorrect|but|instead|rather|except|" +
      "maybe|later|let me|hold on|hang on|make (?:it|that)|(?:what|how|when|where|which|who|why) [^.!]*\\?",
  },
  es: {
    yes: "sí|claro|correcto|exacto|exactamente|vale|de acuerdo|por supuesto|adelante|perfecto|así es|eso es|está bien",
    no: "no|nunca|tampoco|mal|espera|espere|incorrecto|cancela|cancele|pero|mejor|prefiero|quizás?|tal vez",
  },
  fr: {
    yes:
      "oui|ouais|d'accord|exact|exactement|correct|parfait|bien sûr|tout à fait|voilà|c'est ça|c'est bon|allez-y|vas-y",
    no: "non|pas|jamais|faux|attends|attendez|arrêtez|annulez|incorrect|mais|plutôt|peut-être",
  },
  de: {
    yes: "(?<!na )ja|jawohl|jep|genau|richtig|korrekt|stimmt|gerne?|passt|klar|natürlich|einverstanden",
    no:
      "nein|nee|nö|nicht|nie|keine?[nmrs]?(?! problem)|falsch|warte|warten|moment|stopp?|abbrechen|aber|lieber|eher|" +
      "vielleicht",
  },
  pt: {
    yes: "sim|claro|certo|correto|exato|exatamente|isso mesmo|com certeza|perfeito|pode ser|está bem|tá bom",
    no: "não|nao|nunca|errado|espera|espere|pare|cancela|cancele|incorreto|mas|melhor|prefiro|talvez",
  },
  it: {
    yes: "sì|certo|certamente|esatto|giusto|corretto|perfetto|va bene|d'accordo|assolutamente",
    no: "no|non|mai|sbagliato|aspetta|aspetti|annulla|annulli|ma|però|anzi|meglio|preferisco|piuttosto|forse",
  },
  nl: {
    yes: "ja|jawel|klopt|juist|correct|precies|prima|akkoord|graag|is goed",
    no: "nee|niet|geen(?! probleem)|nooit|fout|verkeerd|wacht|stop|annuleer|maar|liever|misschien",
  },
  ru: {
    yes: "да|ага|ладно|верно|правильно|конечно|хорошо|точно|согласен|согласна",
    no: "нет|не|никогда|неверно|неправильно|стоп|подожди|подождите|отмена|отмените|но|лучше|может быть",
  },
  hi: { yes: "हाँ|हां|जी|ठीक|सही|बिल्कुल", no: "नहीं|मत|गलत|रुको|रुकिए|लेकिन|बल्कि|शायद" },
  ja: {
    yes: "はい|うん|ええ(?!っ?と)|そうです|その通り|お願いします|わかりました",
    no: "いいえ|いや|違|ちが|待って|だめ|やめ|ない|ません|けど|でも|ほうが|たぶん",
  },
};
/** A yes in any language. */
const EVERYWHERE = "ok|okay|oké|okey|オーケー";

/** The last word of a question is asked, not agreed to: "on Monday, right?", "yes?" */
const ASKED = /[\p{L}\p{M}']+\s*[?？]\s*$/u;

/** Whether `text` holds a yes, and neither a refusal nor a "but", in English or in `language` (a tag such as `de-AT`; `multi`: in any that has words here). */
export function agrees(text: string, language: string): boolean {
  const own = WORDS[language.split("-")[0]!];
  const words = language === "multi" ? Object.values(WORDS) : [WORDS.en!, ...own ? [own] : []];
  const said = text.normalize("NFC").replaceAll("’", "'");
  return !holds(said, words.map(({ no }) => no)) &&
    holds(said.replace(ASKED, ""), [EVERYWHERE, ...words.map(({ yes }) => yes)]);
}

/** Whole words, but in Japanese, which is written without spaces. */
function holds(text: string, words: readonly string[]): boolean {
  const any = `(?:${words.join("|")})`;
  return new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])${any}(?![\\p{L}\\p{M}\\p{N}])|(?=[ぁ-ん一-龯])${any}`, "iu").test(text);
}
