/** Scripts that are written without spaces between words. Pure. */

/** What stands for them between the brackets of a regular expression. */
export const UNSPACED = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー" +
  "\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const STRETCH = new RegExp(`[${UNSPACED}][${UNSPACED}\\p{M}]*`, "gu");

/** Loads a dictionary of some 10 MB, so it is made when the first such text comes. It tells the script by itself. */
let dictionary: Intl.Segmenter | undefined;

/** `text` with spaces around each word of such a script. */
export function spaced(text: string): string {
  return text.replace(STRETCH, (stretch) => {
    dictionary ??= new Intl.Segmenter("ja", { granularity: "word" });
    return ` ${Array.from(dictionary.segment(stretch), ({ segment }) => segment).join(" ")} `;
  });
}
