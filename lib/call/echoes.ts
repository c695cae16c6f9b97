/** How often in a row the caller has said the same to our answers: two machines that talk to each other do so for ever. Pure. */

/** What people may well answer to several questions in a row. */
const ASSENT = new Set(
  "yes yeah yep yup no nope ok okay sure right correct exactly fine mhm mm hmm uh huh thanks ja nein si oui non".split(
    " ",
  ),
);

/** What the caller said, without the text by which our engines report pressed keys. */
export function withoutKeys(text: string): string {
  return text.replace(/\[The caller pressed [^\]]*\]/g, "").trim();
}

/** Counts the caller's turns that are word for word the same, each after an answer: "hello? hello?" to nobody is no loop. */
export class Echoes {
  #last = "";
  #times = 0;
  #answered = false;

  /** An answer of ours has begun. */
  answered(): void {
    this.#answered = true;
  }

  /** @returns how often in a row just this was said, this time included: 1 for something new. Case, punctuation and spaces do not tell turns apart. Words of assent or refusal alone are not counted, nor are keys: "press 1 for yes". */
  said(text: string): number {
    const words = wordsOf(withoutKeys(text));
    if (words.every((word) => ASSENT.has(word))) return 1;
    const plain = words.join(" ");
    if (plain !== this.#last) this.#times = 1;
    else if (this.#answered) this.#times++;
    this.#last = plain;
    this.#answered = false;
    return this.#times;
  }
}

function wordsOf(text: string): string[] {
  return text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}
