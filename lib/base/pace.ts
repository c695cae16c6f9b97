/** How much of a text is spoken in a time. Pure. */

/** A voice's usual speed, until it is known better. */
export const MS_PER_CHARACTER = 62;

/** How many tokens have their middle within the first `characters`. */
export function tokensWithin(tokens: readonly string[], characters: number): number {
  let start = 0;
  for (const [index, token] of tokens.entries()) {
    if (start + token.length / 2 > characters) return index;
    start += token.length + 1;
  }
  return tokens.length;
}
