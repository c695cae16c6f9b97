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
  assert.doesNotMatch(said("192.0.2.2"), /browser/, "its page is for this machine");
  for (const bind of ["0.0.0.0", "::", "127.0.0.1"]) {
    assert.match(said(bind), /here +http:\/\/localhost:5000\n/);
    assert.match(said(bind), /^ {2}Or talk to it in a browser: http:\/\/localhost:5000$/m);
  }
});

test("the banner tells that there is no greeting, and is silent about one", () => {
  const said = (more: object) => banner(config({ prompt: "x", ...more }), { port: 5000, version: "1" });
  assert.match(said({}), /greeting +none, so the caller has to speak first; set "greeting"/);
  assert.doesNotMatch(said({ greeting: "Good morning." }), /greeting/);
});

test("a rehearsal says why it is one, and which vendors are real", () => {
  const file = {
    prompt: "x",
    engine: "pipeline",
    pipeline: { think: { provider: { type: "groq", model: "m" } }, speak: { provider: { type: "cartesia" } } },
  };
  const said = (file: object, env: Record<string, string>, rehearse = false) => {
    const text = banner(config(file, { env, flags: { rehearse } }), { port: 5000, version: "1" });
    return /^REHEARSAL[^]*?(?=\n {2}Ring)/m.exec(text)?.[0].split("\n");
  };
  assert.deepEqual(said(file, { DEEPGRAM_API_KEY: "k" }), [
    "REHEARSAL, as neither PUBLIC_HOST nor any TWILIO_ variable is set: built-in stand-ins play the vendors that have no key.",
    "  Deepgram is the real one, and its calls may cost money",
    "  Groq is a stand-in; GROQ_API_KEY in .env turns the real one on",
    "  Cartesia is a stand-in; CARTESIA_API_KEY in .env turns the real one on",
  ]);
  assert.deepEqual(said({ prompt: "x" }, { DEEPGRAM_API_KEY: "k", PUBLIC_HOST: "a.example.com" }, true), [
    "REHEARSAL, as --rehearse asks: built-in stand-ins play the vendors that have no key.",
    "  Deepgram is the real one, and its calls may cost money",
  ]);
  assert.deepEqual(
    said({ ...file, engine: "agent", extraction: { summary: true } }, { GROQ_API_KEY: "k" })?.slice(1),
    [
      "  Deepgram is a stand-in; DEEPGRAM_API_KEY in .env turns the real one on",
      "  Groq is the real one, and its calls may cost money",
    ],
    "it finds the facts",
  );
});

test("the banner names the numbers that have settings of their own", () => {
  const said = (numbers: object) => banner(config({ prompt: "x", numbers }), { port: 5000, version: "1" });
  assert.match(said({ "+15550101": { name: "Desk" } }), /numbers +\+15550101 have settings of their own/);
  assert.doesNotMatch(said({}), /numbers/);
});

test("a rehearsal says which tools of one's own are not called, as long as no real model is there to call them", () => {
  const http = { url: "https://api.example.com/slots" };
  const tools = [{ name: "end_call" }, {
    name: "find_slots",
    description: "Free appointments.",
    parameters: { type: "object" },
    http,
  }];
  const think = { provider: { type: "groq", model: "m" } };
  const told = (file: object, env = {}) =>
    /^ {2}No stand-in calls tools of your own: (.*)/m.exec(
      banner(config({ prompt: "x", ...file }, { env }), { port: 5000, version: "1" }),
    )
      ?.[1];
  assert.equal(told({ tools }), "find_slots");
  assert.equal(told({ tools: [...tools, { ...tools[1], name: "book" }] }), "find_slots, book");
  assert.equal(told({ tools: tools.slice(0, 1) }), undefined);
  assert.equal(told({ tools }, { DEEPGRAM_API_KEY: "k" }), undefined);
  assert.equal(told({ tools, engine: "pipeline", pipeline: { think } }, { DEEPGRAM_API_KEY: "k" }), "find_slots");
  assert.equal(told({ tools, engine: "pipeline", pipeline: { think } }, { GROQ_API_KEY: "k" }), undefined);
  assert.equal(told({ tools, engine: "pipeline" }, { LLM_BASE_URL: "http://localhost:11434/v1" }), undefined);
});
