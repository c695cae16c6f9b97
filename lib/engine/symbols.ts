/** What is said for marks that a voice would not read out, by language. Pure. */

export interface Symbols {
  times: string;
  about: string;
  less: string;
  more: string;
  /** For `<=` and `>=`. */
  most: string;
  least: string;
  /** The key of a telephone. */
  star: string;
}

/** Those that Flux understands, as `Symbols` lists them. In Hindi and Japanese "less than" and "at most" stand behind their number: there the marks stay. */
const WORDS: Readonly<Record<string, string>> = {
  en: "times|about|less than|greater than|at most|at least|star",
  es: "por|aproximadamente|menos de|más de|como máximo|al menos|asterisco",
  fr: "fois|environ|moins de|plus de|au plus|au moins|étoile",
  de: "mal|etwa|weniger als|mehr als|höchstens|mindestens|Stern",
  pt: "vezes|cerca de|menos de|mais de|no máximo|no mínimo|asterisco",
  it: "per|circa|meno di|più di|al massimo|almeno|asterisco",
  nl: "keer|ongeveer|minder dan|meer dan|hoogstens|minstens|sterretje",
  ru: "умножить на|около|меньше|больше|не больше|не меньше|звёздочка",
  hi: "गुणा|लगभग|<|>|≤|≥|स्टार",
  ja: "かける|約|<|>|≤|≥|アスタリスク",
};
/** Elsewhere the voice may know what they are called. */
const MARKS = "×|~|<|>|≤|≥|*";

export const ENGLISH: Symbols = symbolsIn("en");

/** For a language tag such as `de-AT`; `multi` is taken for English. */
export function symbolsIn(language: string): Symbols {
  const [bare = ""] = language.split("-");
  const [times, about, less, more, most, least, star] = (WORDS[bare === "multi" ? "en" : bare] ?? MARKS).split("|");
  return { times, about, less, more, most, least, star } as Symbols; // every row has all seven
}
