import assert from "node:assert/strict";
import { Unanswered } from "../../lib/call/unanswered.ts";
import { test } from "../case.ts";

test("what was unanswered is asked once, when the engine is ready and the caller has heard that we are back", () => {
  const unanswered = new Unanswered("when are you open");
  unanswered.waitFor(3);
  assert.equal(unanswered.ready(), undefined);
  assert.equal(unanswered.heard(2), undefined, "another reply");
  assert.equal(unanswered.heard(3), "when are you open");
  assert.equal(unanswered.heard(4), undefined);
  assert.equal(unanswered.said("when are you", false), false);
  assert.ok(unanswered.said("when are you open", true), "what was asked comes back as understood");
  assert.ok(!unanswered.said("when are you open", true), "the second time it is the caller who says it");
});

test("without a word of ours before it, it is asked as soon as the engine is ready", () => {
  assert.equal(new Unanswered("hello").ready(), "hello");
  assert.equal(new Unanswered(undefined).ready(), undefined);
});

test("a caller who says something new is answered to that", () => {
  const unanswered = new Unanswered("when are you open");
  unanswered.waitFor(1);
  assert.ok(!unanswered.said("where are you", true));
  assert.equal(unanswered.ready(), undefined);
  assert.equal(unanswered.heard(1), undefined);
});
