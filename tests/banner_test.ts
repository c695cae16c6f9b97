import assert from "node:assert/strict";
import { banner } from "../lib/banner.ts";
import { test } from "./case.ts";
import { config } from "./config/make.ts";

test("in rehearsal the banner says how this server is rung", () => {
  const hint = (port: number, standalone: boolean) =>
    /Ring it from another terminal: (.*)/.exec(banner(config({ prompt: "x" }), { port, version: "1", standalone }))
      ?.[1];
  assert.equal(hint(5000, false), 'deno task call --say "who are you"');
  assert.equal(hint(5001, false), 'deno task call http://localhost:5001 --say "who are you"');
  assert.equal(hint(5000, true), 'offhook call --say "who are you"');
  assert.equal(hint(5001, true), 'offhook call http://localhost:5001 --say "who are you"');
});
