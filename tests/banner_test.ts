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

test("the banner's address is the one where the server listens", () => {
  const said = (BIND: string) => banner(config({ prompt: "x" }, { env: { BIND } }), { port: 5000, version: "1" });
  assert.match(said("192.0.2.2"), /here +http:\/\/192\.0\.2\.2:5000\n/);
  assert.match(said("192.0.2.2"), /call http:\/\/192\.0\.2\.2:5000 --say/);
  for (const bind of ["0.0.0.0", "::", "127.0.0.1"]) assert.match(said(bind), /here +http:\/\/localhost:5000\n/);
});

test("the banner tells that there is no greeting, and is silent about one", () => {
  const said = (more: object) => banner(config({ prompt: "x", ...more }), { port: 5000, version: "1" });
  assert.match(said({}), /greeting +none, so the caller has to speak first; set "greeting"/);
  assert.doesNotMatch(said({ greeting: "Good morning." }), /greeting/);
});
