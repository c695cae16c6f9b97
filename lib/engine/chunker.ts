/** Token stream -> speakable chunks: clauses and sentences of plain text, the first one short so that sound starts early (pure). */

import { PlainText, type TextSink } from "./plain_text.ts";
import { ENGLISH, type Symbols } from "./symbols.ts";

/** A clause this long may be the first chunk, in characters. */
const FIRST_CLAUSE = 20;
/** The same in scripts without spaces, whose characters say more. */
const FIRST_WIDE_CLAUSE = 10;
/** The first chunk ends at a word border from this length on, whatever it says. */
const FIRST_LIMIT = 60;
/** A later sentence shorter than this waits for the next one: alone it would sound clipped. */
const SENTENCE_MIN = 12;
/** A chunk this long ends at its best border. */
const CHUNK_LIMIT = 200;
/** Characters without a space, after which one is cut anyway. */
const WORD_LIMIT = 400;

const CLOSING = `["'”’»)\\]]*$`;
const FULL_STOP = new RegExp(`\\.${CLOSING}`);
const CALL = new RegExp(`[!?؟۔।॥]${CLOSING}`);
const ELLIPSIS = new RegExp(`(?:\\.\\.|…)${CLOSING}`);
const CLAUSE = new RegExp(`(?:[,;:،؛—–]|(?<=\\s)-)${CLOSING}`);
const STOPPED = new RegExp(`[.!?…:;,؟۔।॥،؛。！？、，]${CLOSING}`);
/** More than punctuation, which a voice might read out. */
const SAYS = /[^\p{P}\s]/u;
/** Ends of sentences in scripts that put no space after them. */
const WIDE_STOP = /^[。！？]$/;
const WIDE_CLAUSE = /^[、，；：]$/;
/** What still belongs to a sentence that ended so. */
const WIDE_TAIL = /^[。！？…」』）”’)]$/;
/** What goes on with a number. */
const DIGIT = /^\p{Nd}$/u;
/** What goes on with a sentence after a full stop: that was one of an abbreviation. (Georgian has small letters only.) */
const GOES_ON = /^(?!\p{Script=Georgian})\p{Ll}$/u;
const GOES_ON_OR_DIGIT = new RegExp(`${DIGIT.source}|${GOES_ON.source}`, "u");

/** Abbreviations in upper or lower case; more of the sentence follows, and may begin with a capital or a number. */
const ABBREVIATIONS = new Set(
  ("dr mr mrs ms mx prof sr jr rev gen col capt lt sgt hon messrs vs etc approx dept est inc ltd corp tel ext vol pp " +
    "ave blvd rd hwy apt ste cf ca al bros min max hrs mins secs ph.d st ft med inkl exkl zzgl bzw evtl ggf usw hr fr str mrd dra sra srta ud uds " +
    "núm mme mlle dott sig dhr mevr avda bldg rte pkwy ул руб тел").split(" "),
);
/** Abbreviations only with a capital: in small letters, or alone, they are words. */
const CAPITAL_ABBREVIATIONS = new Set(
  ("St Mt Co Fig Mio Std Av Bd Rm Univ Atty Lic Ing Avv Drs Abs Kap Durchw EE " +
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun").split(" "),
);
/** "Hauptstr. 5". */
const STREET = /\p{Ll}str$/u;
/** A number may follow ("No. 5"), or nothing that belongs to them ("No. We do not."). */
const BEFORE_NUMBERS = /^(?:no|nos|nr|p|art|sec)\.$/i;
const INITIALS = /^(?:[\p{Lu}\p{Ll}]\.){2,}$|^\d+[ap]\.m\.$/iu;
/** "J. Smith", "z. B."; not the word "I", and no script whose letters are syllables. */
const INITIAL = /^(?!I)[\p{Lu}\p{Ll}]\.$/u;
/** A number behind it belongs to what stands before: "May 3, 2026", "3 - 5 days", "9 AM – 5 PM". */
const DATE_OR_RANGE = /(?:\p{Nd},|[-–—])$/u;
/** "am 3. Mai". */
const DAY = /^(?:[12]?\d|3[01])\.$/;

/** "full-stop": unless the sentence goes on. "unless-number": unless a number or the sentence goes on. */
type Border = "none" | "clause" | "sentence" | "full-stop" | "unless-number";

export interface Language {
  /** A number with a full stop may be an ordinal, with its month behind it. */
  ordinals: boolean;
  symbols: Symbols;
}

/** How what was said so far ends, at a space. */
function borderAfter(text: string, language: Language): Border {
  if (ELLIPSIS.test(text) || CLAUSE.test(text)) return "clause";
  if (CALL.test(text)) return "sentence";
  if (!FULL_STOP.test(text)) return "none";
  const word = lastWord(text);
  if (BEFORE_NUMBERS.test(word)) return "unless-number";
  return isAbbreviation(word, language) ? "none" : "full-stop";
}

function lastWord(text: string): string {
  return text.slice(text.lastIndexOf(" ") + 1).replace(/^["'“‘«([]*(?:[dl]['’])?/i, "").replace(/["'”’»)\]]+$/, "");
}

function isAbbreviation(word: string, { ordinals }: Language): boolean {
  if (INITIALS.test(word) || INITIAL.test(word) || (ordinals && DAY.test(word))) return true;
  if (!word.endsWith(".")) return false;
  const stem = word.slice(0, -1);
  return ABBREVIATIONS.has(stem.toLowerCase()) || CAPITAL_ABBREVIATIONS.has(stem) || STREET.test(stem);
}

/** Whether what follows `text` may be spoken apart from it; not where that would cut a number in two, or a title from its name. */
function mayPart(text: string, language: Language): boolean {
  return !/\p{Nd}[)\]]?$/u.test(text) && !isAbbreviation(lastWord(text), language);
}

/**
 * Cuts text that comes in any pieces. The chunks depend on the text alone, not on how it came; joined, they are the cleaned
 * text, but for punctuation that is left alone at its end. Each ends with a space or is the last (scripts without spaces excepted).
 */
export class Chunker {
  readonly #splitter: Splitter;
  readonly #text: PlainText;

  constructor(language: Language = { ordinals: false, symbols: ENGLISH }) {
    this.#splitter = new Splitter(language);
    this.#text = new PlainText(this.#splitter, language.symbols);
  }

  /** @returns chunks that are complete now, often none. */
  push(token: string): string[] {
    this.#text.push(token);
    return this.#splitter.take();
  }

  /** No more comes: what is left. The chunker may be used again, for another text. */
  flush(): string[] {
    this.#text.flush();
    this.#splitter.flush();
    return this.#splitter.take();
  }
}

class Splitter implements TextSink {
  readonly #language: Language;
  #ready: string[] = [];
  #text = "";
  #space = false;
  /** Something was left out since the space: a mark that follows belongs to the word before. */
  #gap = false;
  /** Cut before the next character, unless it is one of these. */
  #unless: RegExp | undefined;
  #first = true;

  constructor(language: Language) {
    this.#language = language;
  }

  take(): string[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  visible(char: string): void {
    if (this.#unless && !this.#unless.test(char)) this.#emit(this.#text, this.#space ? " " : "");
    else if (this.#space && !(this.#gap && /^[.,!?;:)]$/.test(char))) this.#text += " ";
    this.#space = this.#gap = false;
    this.#text += char;
    const isWhole = WIDE_STOP.test(char) && SAYS.test(this.#text) && (this.#first || this.#text.length >= SENTENCE_MIN);
    if (isWhole) this.#unless = WIDE_TAIL;
    else if (this.#unless !== WIDE_TAIL) this.#unless = undefined;
    const isClause = this.#first && this.#text.length >= FIRST_WIDE_CLAUSE && WIDE_CLAUSE.test(char);
    if (isClause || this.#text.length >= WORD_LIMIT) this.#emit(this.#text, "");
  }

  space(): void {
    if (this.#space || this.#text === "") return;
    this.#space = true;
    this.#consider(borderAfter(this.#text, this.#language));
  }

  mark(char: string): void {
    if (this.#text === "" || STOPPED.test(this.#text)) return;
    this.#space = false;
    this.#text += char;
  }

  stop(): void {
    if (this.#text === "") return;
    this.mark(".");
    this.#space = true;
    this.#consider("sentence");
  }

  glue(): void {
    this.#space = this.#text !== "";
  }

  gap(): void {
    this.#gap = true;
  }

  flush(): void {
    if (SAYS.test(this.#text)) this.#ready.push(this.#text);
    this.#text = "";
    this.#space = this.#gap = false;
    this.#unless = undefined;
    this.#first = true;
  }

  /** A word has ended: is this a place to cut? */
  #consider(border: Border): void {
    const { length } = this.#text;
    if (!SAYS.test(this.#text)) return;
    const least = this.#first ? 1 : SENTENCE_MIN;
    if (border === "sentence" && length >= least) return this.#emit(this.#text, " ");
    if (border === "full-stop" && length >= least) return void (this.#unless = GOES_ON);
    if (border === "unless-number" && length >= least) return void (this.#unless = GOES_ON_OR_DIGIT);
    if (this.#first) {
      const clause = border === "clause" && length >= FIRST_CLAUSE;
      if (clause && DATE_OR_RANGE.test(this.#text)) return void (this.#unless = DIGIT);
      if (clause || (length >= FIRST_LIMIT && mayPart(this.#text, this.#language))) return this.#emit(this.#text, " ");
    }
    if (length >= CHUNK_LIMIT) this.#emitBest();
  }

  /** Cut a long text at its last clause, else at its last word that may part; the rest waits. */
  #emitBest(): void {
    let word = -1;
    let clause = -1;
    for (let at = this.#text.indexOf(" "); at >= 0 && at < CHUNK_LIMIT; at = this.#text.indexOf(" ", at + 1)) {
      const before = this.#text.slice(0, at);
      if (mayPart(before, this.#language)) word = at;
      const goesOn = DATE_OR_RANGE.test(before) && DIGIT.test(this.#text[at + 1] ?? "");
      const border = at < CHUNK_LIMIT / 3 || goesOn ? "none" : borderAfter(before, this.#language);
      if (border === "clause" || border === "full-stop") clause = at;
    }
    const at = clause >= 0 ? clause : word;
    if (at < 0) return this.#emit(this.#text, " ");
    const rest = this.#text.slice(at + 1);
    this.#ready.push(this.#text.slice(0, at + 1));
    this.#text = rest;
    this.#first = false;
  }

  #emit(text: string, end: string): void {
    this.#ready.push(text + end);
    this.#text = "";
    this.#space = false;
    this.#unless = undefined;
    this.#first = false;
  }
}
