/** What is said for marks that a voice would not read out, by language. Pure. */

export interface Symbols {
  times: string;
  about: string;
  less: string;
  more: string;
  /** The key of a telephone. */
  star: string;
}

/** Those that Flux understands. In Hindi and Japanese "less than" stands behind its number: there the mark stays. */
const WORDS: Readonly<Record<string, Symbols>> = {
  en: { times: "times", about: "about", less: "less than", more: "greater than", star: "star" },
  es: { times: "por", about: "aproximadamente", less: "menos de", more: "más de", star: "asterisco" },
  fr: { times: "fois", about: "environ", less: "moins de", more: "plus de", star: "étoile" },
  de: { times: "mal", about: "etwa", less: "weniger als", more: "mehr als", star: "Stern" },
  pt: { times: "vezes", about: "cerca de", less: "menos de", more: "mais de", star: "asterisco" },
  it: { times: "per", about: "circa", less: "meno di", more: "più di", star: "asterisco" },
  nl: { times: "keer", about: "ongeveer", less: "minder dan", more: "meer dan", star: "sterretje" },
  ru: { times: "умножить на", about: "около", less: "меньше", more: "больше", star: "звёздочка" },
  hi: { times: "गुणा", about: "लगभग", less: "<", more: ">", star: "स्टार" },
  ja: { times: "かける", about: "約", less: "<", more: ">", star: "アスタリスク" },
};
/** Elsewhere the voice may know what they are called. */
const MARKS: Symbols = { times: "×", about: "~", less: "<", more: ">", star: "*" };

export const ENGLISH: Symbols = WORDS.en!;

/** For a language tag such as `de-AT`; `multi` is taken for English. */
export function symbolsIn(language: string): Symbols {
  const [bare = ""] = language.split("-");
  return bare === "multi" ? ENGLISH : WORDS[bare] ?? MARKS;
}
