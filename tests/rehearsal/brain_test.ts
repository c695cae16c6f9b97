import assert from "node:assert/strict";
import { type BrainLine, type BrainStep, frontDeskBrain } from "../../lib/rehearsal/brain.ts";
import { type CallActions, transferTool } from "../../lib/engine/builtin_tools.ts";
import { test } from "../case.ts";

const brain = frontDeskBrain({
  name: "Green Street Clinic",
  routes: [
    {
      name: "pricing",
      utterances: ["how much is it", "what does a visit cost"],
      text: "A first visit is ninety dollars.",
    },
    { name: "hours", utterances: ["when are you open", "opening hours"], text: "We are open from nine to five." },
    { name: "silent", utterances: ["play the jingle"] },
  ],
});
const named = (...names: string[]) => names.map((name) => ({ name, description: "", parameters: {} }));
const ask = (said: string, { functions = named(), history = [] as BrainLine[], spokeMs = 1000 } = {}): BrainStep =>
  brain({ prompt: "", said, functions, history, spokeMs });

test("the brain answers with the best matching route", () => {
  assert.equal(ask("How much is it?").say, "A first visit is ninety dollars.");
  assert.equal(ask("what does a visit cost please").say, "A first visit is ninety dollars.");
  assert.equal(ask("Your opening hours").say, "We are open from nine to five.");
});

test("the brain says that it is an AI in rehearsal", () => {
  assert.match(ask("Who are you?").say!, /AI assistant of Green Street Clinic, in rehearsal/);
});

test("the brain repeats what it does not know, also for a route without a text", () => {
  assert.equal(ask("purple giraffe").say, "You said: purple giraffe. In rehearsal I only know a few answers.");
  assert.match(ask("play the jingle").say!, /^You said: play the jingle\./);
});

test("the brain greets and takes thanks", () => {
  assert.match(ask("Hello!").say!, /How can I help/);
  assert.match(ask("thanks").say!, /welcome/);
});

test("goodbye ends the call only where that function exists", () => {
  assert.equal(ask("goodbye").call, undefined);
  assert.deepEqual(ask("Goodbye.", { functions: named("end_call") }).call, { name: "end_call", arguments: {} });
});

test("a human is called only where transfer_call exists, and a failure is told", () => {
  assert.match(ask("talk to a human").say!, /nobody/);
  const functions = named("transfer_call");
  assert.equal(ask("talk to a human", { functions }).call?.name, "transfer_call");
  const { schema } = transferTool({ names: ["desk", "night"], confirm: false }, {} as CallActions);
  assert.deepEqual(ask("talk to a human", { functions: [schema] }).call?.arguments, { to: "desk" });
  assert.deepEqual(ask("talk to a human", { functions, history: [{ role: "function", content: '{"ok":true}' }] }), {});
  assert.match(
    ask("talk to a human", { functions, history: [{ role: "function", content: '{"error":"closed"}' }] }).say!,
    /did not work/,
  );
});

test("the long story lasts about 25 seconds at 15 characters a second", () => {
  const seconds = ask("tell me a long story").say!.length / 15;
  assert.ok(seconds > 20 && seconds < 40, `${seconds} s`);
});

test("speech without words is owned up to", () => {
  assert.match(ask("", { spokeMs: 3200 }).say!, /3 seconds.*cannot write down real speech/s);
  assert.match(ask("", { spokeMs: 400 }).say!, /one second/);
});
