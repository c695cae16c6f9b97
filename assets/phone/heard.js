// @ts-check
/** Which words of an interrupted reply the caller heard. */

/** Spoken text, characters in a second, where nothing better is known. */
const CHARACTERS_PER_SECOND = 15;

/**
 * @typedef {object} Cut
 * @property {string} text what was to be said
 * @property {number} heardMs
 * @property {string | undefined} [heardText] the server's own finding, from the voice's word timings
 * @property {readonly string[] | undefined} [played] words that our ear has read off the audio, up to the cut
 *
 * @typedef {{heard: string, unheard: string, exact: boolean}} Split
 */

/**
 * Told by word timings, else by the audio itself (its words up to the cut end with a beginning of the text), else
 * estimated from the time.
 * @param {Cut} cut
 * @returns {Split}
 */
export function splitHeard({ text, heardMs, heardText, played }) {
  const words = text.split(/\s+/).filter(Boolean);
  if (heardText !== undefined && text.startsWith(heardText)) {
    return { heard: heardText, unheard: text.slice(heardText.length).trim(), exact: true };
  }
  if (heardText !== undefined) return splitAt(words, heardText.split(/\s+/).filter(Boolean).length, true);
  if (heardMs <= 0) return splitAt(words, 0, true);
  const count = played ? overlap(words, played) : 0;
  if (count > 0) return splitAt(words, count, true);
  const share = heardMs / 1000 * CHARACTERS_PER_SECOND / Math.max(1, text.length);
  return splitAt(words, Math.round(Math.min(1, share) * words.length), false);
}

/**
 * @param {readonly string[]} words
 * @param {number} count
 * @param {boolean} exact
 * @returns {Split}
 */
function splitAt(words, count, exact) {
  return { heard: words.slice(0, count).join(" "), unheard: words.slice(count).join(" "), exact };
}

/**
 * How many of the first `words` are the last `played`.
 * @param {readonly string[]} words
 * @param {readonly string[]} played
 */
function overlap(words, played) {
  for (let count = Math.min(words.length, played.length); count > 0; count--) {
    const tail = played.slice(-count);
    if (tail.every((word, i) => plain(word) === plain(words[i] ?? ""))) return count;
  }
  return 0;
}

/** @param {string} word */
function plain(word) {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}
