/** Model text without what must not be spoken: markdown, tags, emoji (pure). Works character by character, so that it does not matter how the text is cut into tokens. */

import { ENGLISH, type Symbols } from "./symbols.ts";

/** Where the cleaned text goes. */
export interface TextSink {
  /** One visible character. */
  visible(char: string): void;
  /** White space, any amount. */
  space(): void;
  /** A mark that follows the last visible character directly, whatever space was meant. */
  mark(char: string): void;
  /** A line that stands for itself ends here (heading, list item, paragraph). */
  stop(): void;
  /** A space, behind which comes what belongs to what was said last. */
  glue(): void;
  /** Something was left out. */
  gap(): void;
}

/** The beginning of a line that may still turn out to be markdown, at most this long. */
const LEAD_CHARS = 80;
const TAG_CHARS = 120;
const URL_CHARS = 2000;

const UNDECIDED = /^(?:#{1,6}|[-+*•◦▪‣]|\d{1,3}[.)]?|`{1,2}|~{1,2}|[-*_]{2,}|\|[-|: \t]*)$/;
const FENCE = /^(?:`{3}|~{3})/;
const RULE = /^(?:[-*_][-*_ \t]{2,}|\|[-|: \t]+)$/;
const BULLET = /^(?:#{1,6}|[-+*•◦▪‣])[ \t]$/;
const NUMBER = /^(\d{1,3})[.)][ \t]$/;
const EMOJI =
  /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u{1F1E6}-\u{1F1FF}\u{E0020}-\u{E007F}\uFE0E\uFE0F\u20E3])$/u;
const WORD = /^[\p{L}\p{M}\p{N}]$/u;
const DIGIT = /^\d$/;
/** A number or an amount of money begins so. */
const AMOUNT = /^[\d\p{Sc}]$/u;
const TAG = /^(?:[/!]?|[/!]?[A-Za-z][^<>\n]*|!-[^\n]*)$/;
/** Within a word `<` opens no tag of several bare words: "a<b and c>d". */
const COMPARED = /^[^=]*\s[^=/\s][^=]*$/;
/** A star by itself, with the marks at its sides: a key, neither emphasis nor a bullet. */
const KEY = /^(?:\s[\s.,;:!?)\uFE0F\u20E3]?|(["'`])\1|“”|\(\))$/;
/** Behind a star: what it emphasises, or a code that is dialled, as long as neither is sure. */
const STARRED = /^\d[^*\n]{0,39}$/;
/** Tags that part what they stand between. */
const BLOCK = /^\/?(?:br|p|li|ul|ol|div|tr|td|th|h\d)\b/i;
const ADDRESS = /^(?:https?:|mailto:|tel:|[^\s@]+@[^\s@]+$)/;
/** Marks whose meaning the next character decides. */
const HELD = new Set(["_", "*", "~", "<", ">", "!"]);

export class PlainText {
  readonly #sink: TextSink;
  readonly #symbols: Symbols;
  /** Half of a character outside the basic plane. */
  #half = "";
  /** The beginning of a line, while it may be markdown; undefined inside a line. */
  #lead: string | undefined = "";
  /** This line ends what it says: heading, list item, table row. */
  #standsAlone = false;
  /** A run of one of the `HELD` marks. */
  #held = "";
  /** The character before that run. */
  #heldAfter = "";
  #inside: "text" | "tag" | "url" | "stars" = "text";
  /** The `<` of the tag being read stood right behind a word. */
  #behindWord = false;
  /** The tag, address or starred text being read, without its opening mark. */
  #inner = "";
  #depth = 0;
  #brackets = 0;
  #afterBracket = false;
  #cell = false;
  #previous = "\n";
  #lastVisible = "";

  constructor(sink: TextSink, symbols: Symbols = ENGLISH) {
    this.#sink = sink;
    this.#symbols = symbols;
  }

  push(text: string): void {
    const whole = this.#half + text;
    this.#half = /[\uD800-\uDBFF]$/.test(whole) ? whole.at(-1)! : "";
    for (const char of this.#half ? whole.slice(0, -1) : whole) this.#take(char);
  }

  /** No more comes: what was held back is text, unless it is markup. */
  flush(): void {
    const lead = this.#lead?.trim() ?? "";
    if (lead && !FENCE.test(lead) && !RULE.test(lead)) this.#asText(lead);
    if (this.#inside === "tag") this.#replayTag();
    if (this.#inside === "stars") this.#replayStarred("");
    this.#decide("");
    this.#half = "";
  }

  #take(char: string): void {
    if (char === "\r") return;
    if (this.#lead !== undefined) return this.#atLineStart(char);
    if (this.#inside === "tag") return this.#inTag(char);
    if (this.#inside === "url") return this.#inUrl(char);
    if (this.#inside === "stars") return this.#inStars(char);
    this.#inLine(char);
  }

  #atLineStart(char: string): void {
    const lead = (this.#lead + char).trimStart();
    if (char === "\n") return this.#endOfLead(lead.trimEnd());
    this.#lead = lead;
    if (lead === "") return;
    if ((FENCE.test(lead) || UNDECIDED.test(lead)) && lead.length < LEAD_CHARS) return;
    if (lead.startsWith(">")) {
      this.#sink.stop();
      this.#lead = lead.slice(1).trimStart();
      return;
    }
    const number = NUMBER.exec(lead)?.[1];
    if (number === undefined && !BULLET.test(lead)) return this.#asText(lead);
    this.#sink.stop();
    this.#beginLine(true);
    if (number === undefined) return;
    for (const digit of number) this.#say(digit);
    this.#say(".");
    this.#sink.glue();
  }

  /** The line ended while it was undecided: empty, a rule, a fence, or a few characters of text. */
  #endOfLead(lead: string): void {
    if (lead === "" || FENCE.test(lead) || RULE.test(lead)) {
      this.#sink.stop();
      this.#lead = "";
      return;
    }
    this.#asText(lead);
    this.#take("\n");
  }

  #asText(lead: string): void {
    if (lead.startsWith("|")) this.#sink.stop();
    this.#beginLine(lead.startsWith("|"));
    for (const char of lead) this.#take(char);
  }

  #beginLine(standsAlone: boolean): void {
    this.#lead = undefined;
    this.#standsAlone = standsAlone;
    this.#previous = "\n";
    this.#cell = false;
  }

  #inLine(char: string): void {
    const afterBracket = this.#afterBracket;
    this.#afterBracket = false;
    if (afterBracket && char === "(") return this.#enter("url");
    if (char === "=" && /^[<>]$/.test(this.#held)) return void (this.#held += char);
    if (this.#held && this.#previous !== char) this.#decide(char);
    if (this.#inside === "tag") return this.#inTag(char);
    if (this.#inside === "stars") return this.#inStars(char);
    if (this.#lead === undefined) this.#inText(char);
    if (char !== "\\") this.#previous = char;
  }

  #inText(char: string): void {
    if (char === "\n") return this.#endOfLine();
    if (/^\s$/.test(char)) return this.#sink.space();
    if (HELD.has(char) && (char !== "!" || /\s/.test(this.#previous))) {
      if (this.#held === "") this.#heldAfter = this.#previous;
      this.#held += char;
      return;
    }
    switch (char) {
      case "`":
      case "\\":
        return;
      case "|":
        this.#sink.space();
        return void (this.#cell = this.#lastVisible !== "" && this.#previous !== "\n");
      case "[":
        return void this.#brackets++;
      case "]":
        if (this.#brackets === 0) return;
        this.#brackets--;
        return void (this.#afterBracket = true);
    }
    if (EMOJI.test(char) || (char === "\u200D" && EMOJI.test(this.#previous))) return this.#sink.gap();
    this.#say(char);
  }

  #endOfLine(): void {
    if (this.#standsAlone) this.#sink.stop();
    else this.#sink.space();
    this.#lead = "";
    this.#brackets = 0;
    this.#lastVisible = "";
  }

  #say(char: string): void {
    if (this.#cell) {
      this.#sink.mark(",");
      this.#sink.space();
      this.#cell = false;
    }
    this.#sink.visible(char);
    this.#lastVisible = char;
  }

  /** Say words that stand for a mark. */
  #instead(words: string): void {
    if (!/^["'“(]$/.test(this.#lastVisible)) this.#sink.space();
    for (const char of words) this.#say(char);
    this.#sink.space();
    this.#sink.gap();
  }

  /** What a held run of marks means, now that the character after it is known. */
  #decide(next: string): void {
    const run = this.#held;
    this.#held = "";
    switch (run[0]) {
      case "_":
        if (WORD.test(this.#lastVisible) && WORD.test(next) && !/\s/.test(this.#heldAfter)) {
          for (const char of run) this.#say(char);
        }
        return;
      case "*": {
        if (run !== "*") return;
        const spaced = /\s/.test(this.#heldAfter) && next === " ";
        if (DIGIT.test(this.#lastVisible) && (spaced || DIGIT.test(next))) this.#instead(this.#symbols.times);
        else if (this.#isKey(next)) this.#instead(this.#symbols.star);
        else if (DIGIT.test(next) && !WORD.test(this.#heldAfter)) this.#enter("stars");
        return;
      }
      case "~":
        if (run !== "~" || !AMOUNT.test(next)) return;
        if (DIGIT.test(this.#heldAfter)) this.#say("-");
        else this.#instead(this.#symbols.about);
        return;
      case "<":
        if (run === "<" && /^[A-Za-z/!]$/.test(next)) this.#enter("tag");
        else if (this.#compares(next)) this.#instead(run === "<=" ? this.#symbols.most : this.#symbols.less);
        return;
      case ">":
        if (this.#compares(next)) this.#instead(run === ">=" ? this.#symbols.least : this.#symbols.more);
        return;
      case "!":
        if (next === "[") return;
        for (const char of run) this.#say(char);
    }
  }

  /** Whether a star is the key of a telephone; after a colon or a full stop it is rather a bullet. */
  #isKey(next: string): boolean {
    if (!KEY.test(this.#heldAfter + next) || this.#heldAfter === "\n") return false;
    return WORD.test(this.#lastVisible) || !/\s/.test(this.#heldAfter);
  }

  /** Whether `<` or `>` stands before an amount, or between words; not in an arrow. */
  #compares(next: string): boolean {
    if (AMOUNT.test(next)) return !/[-=]/.test(this.#heldAfter);
    return /^\s$/.test(next) ? WORD.test(this.#lastVisible) : WORD.test(this.#heldAfter) && WORD.test(next);
  }

  #enter(inside: "tag" | "url" | "stars"): void {
    this.#inside = inside;
    this.#behindWord = WORD.test(this.#heldAfter);
    this.#inner = "";
    this.#depth = 1;
  }

  #inTag(char: string): void {
    if (char === ">" && !(this.#behindWord && COMPARED.test(this.#inner))) {
      const inner = this.#inner;
      this.#inside = "text";
      this.#previous = ">";
      if (ADDRESS.test(inner)) { for (const one of inner) this.#say(one); }
      else if (BLOCK.test(inner)) this.#sink.space();
      else this.#sink.gap();
      return;
    }
    const inner = this.#inner + char;
    if (char !== ">" && inner.length <= TAG_CHARS && TAG.test(inner)) return void (this.#inner = inner);
    this.#replayTag();
    this.#take(char);
  }

  /** It was no tag: its characters are text, and a `<` right behind a word compares. */
  #replayTag(): void {
    const inner = this.#inner;
    this.#inside = "text";
    this.#previous = "<";
    if (this.#behindWord && WORD.test(inner[0] ?? "")) this.#instead(this.#symbols.less);
    for (const char of inner) this.#take(char);
  }

  #inStars(char: string): void {
    const inner = this.#inner + char;
    if (STARRED.test(inner)) this.#inner = inner;
    else this.#replayStarred(char);
  }

  /** A second star behind a word ends emphasis; else the first one is dialled. */
  #replayStarred(next: string): void {
    const inner = this.#inner;
    const isEmphasis = next === "*" && /[^\s("“]$/.test(inner);
    this.#inside = "text";
    this.#previous = "*";
    if (!isEmphasis) this.#instead(this.#symbols.star);
    for (const char of isEmphasis ? inner : inner + next) this.#take(char);
  }

  /** The address of a link is not spoken, only its text was. */
  #inUrl(char: string): void {
    this.#inner += char;
    if (char === "(") this.#depth++;
    if (char === ")") this.#depth--;
    const over = this.#depth === 0 || char === "\n" || this.#inner.length > URL_CHARS;
    if (!over) return;
    this.#inside = "text";
    this.#previous = ")";
    if (char === "\n") this.#endOfLine();
  }
}
