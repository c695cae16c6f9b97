import assert from "node:assert/strict";
import { CHARACTERS_PER_MINUTE, PIECE_LIMIT, SpeakBudget, SpeakPieces } from "../../lib/providers/speak_pieces.ts";
import { seeded, test } from "../case.ts";

function cut(...parts: string[]): string[] {
  const pieces = new SpeakPieces();
  return [...parts.flatMap((part) => pieces.push(part)), ...pieces.flush()];
}

test("a number, a word and its full stop stay together", () => {
  assert.deepEqual(cut("It ", "costs ", "12", ".", "50 ", "a mo", "nth", "."), [
    "It ",
    "costs ",
    "12.50 ",
    "a ",
    "month.",
  ]);
});

test("a sentence goes out as soon as it is whole, without waiting for the space after it", () => {
  const pieces = new SpeakPieces();
  assert.deepEqual(pieces.push("Hello there."), ["Hello there."]);
  assert.deepEqual(pieces.push(" How are you"), [" How are "]);
  assert.deepEqual(pieces.flush(), ["you"]);
});

test("a sentence in a script without spaces does not wait for the end of the text", () => {
  const pieces = new SpeakPieces();
  assert.deepEqual(pieces.push("今日は。"), ["今日は。"]);
  assert.deepEqual(pieces.push("「元気ですか？」"), ["「元気ですか？」"]);
  assert.deepEqual(pieces.push("それは"), []);
  assert.deepEqual(pieces.push("何よりです！"), ["それは何よりです！"]);
  assert.deepEqual(pieces.push("申し訳ございませんが、"), ["申し訳ございませんが、"], "a clause that was cut");
});

test("blanks alone are never sent", () => {
  assert.deepEqual(cut("", " ", "\n"), []);
  assert.deepEqual(cut("  ", "Hi "), ["  Hi "]);
});

test("a long text is cut at spaces, and a word without end at the limit", () => {
  const sentence = "seven wonders ".repeat(400);
  const pieces = cut(sentence, "x".repeat(4500));
  assert.equal(pieces.join(""), sentence + "x".repeat(4500));
  assert.ok(pieces.every((piece) => piece.length <= PIECE_LIMIT));
  assert.ok(pieces.slice(0, 2).every((piece) => piece.endsWith(" ")));
});

test("whatever the pieces, they join to the text and keep the limit", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seeded(seed);
    const parts = Array.from(
      { length: 40 },
      () => ["word", " ", ". ", ".", "3", "é! ", "\n", "y".repeat(900)][Math.floor(random() * 8)]!,
    );
    const pieces = cut(...parts);
    assert.equal(pieces.join("").trim(), parts.join("").trim(), `seed ${seed}`);
    assert.ok(pieces.every((piece) => piece.trimEnd().length <= PIECE_LIMIT && piece.trim() !== ""), `seed ${seed}`);
  }
});

test("a socket takes no new reply after 20 flushes in a minute, near its character limit, or near its end", () => {
  const flushed = new SpeakBudget();
  for (let i = 0; i < 19; i++) flushed.noteFlush(1000 + i);
  assert.equal(flushed.allowsReply(2000, 2000), true);
  flushed.noteFlush(2000);
  assert.equal(flushed.allowsReply(2001, 2001), false);
  assert.equal(flushed.allowsReply(61_000, 61_000), true);

  const spoken = new SpeakBudget();
  spoken.noteSpeak(800, 0);
  assert.equal(spoken.allowsReply(1000, 1000), true);
  spoken.noteSpeak(1, 0);
  assert.equal(spoken.allowsReply(1000, 1000), false);
  assert.equal(spoken.allowsReply(60_000, 60_000), true);
  assert.equal(new SpeakBudget().allowsReply(0, 56 * 60_000), false);
});

test("text above the limit of a minute waits until enough of it is a minute old", () => {
  const budget = new SpeakBudget();
  budget.noteSpeak(1000, 0);
  budget.noteSpeak(1000, 10_000);
  assert.equal(budget.waitMs(CHARACTERS_PER_MINUTE - 2000, 20_000), 0);
  assert.equal(budget.waitMs(500, 20_000), 40_000);
  assert.equal(budget.waitMs(1900, 20_000), 50_000);
  assert.equal(budget.waitMs(500, 60_000), 0);
});
