import assert from "node:assert/strict";
import { TextFeed } from "../../lib/engine/flow.ts";
import { test } from "../case.ts";

test("a text is read while it grows, each piece as it comes", async () => {
  const feed = new TextFeed();
  feed.add("One. ");
  const reader = feed.read(2);
  assert.equal((await reader.next()).value, "e. ");
  const next = reader.next();
  feed.add("Two.");
  assert.equal((await next).value, "Two.");
  feed.end();
  assert.equal((await reader.next()).done, true);
});
