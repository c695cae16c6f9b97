/** How long one who was talked into saying no end of the same holds the event loop, and so all calls: ms at most, not seconds. */

import { Chunker } from "../../lib/engine/chunker.ts";
import { CallerWords } from "../../lib/extraction/facts.ts";

for (const mark of ["*", "_", "~", "<", ">", "!", "#", "`", "|", "[", "("]) {
  const text = `Well ${mark.repeat(200_000)} then.`;
  Deno.bench(`a model: 200,000 times ${mark}`, () => {
    const chunker = new Chunker();
    chunker.push(text);
    chunker.flush();
  });
}

const digits = new CallerWords();
digits.add("1 ".repeat(20_000));
Deno.bench("a caller: 20,000 digits, looked through for a number", () => void digits.find("555-0142"));
