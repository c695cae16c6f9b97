import assert from "node:assert/strict";
import { explain, type RouteExamples, type Router, trainRouter } from "../../lib/routing/router.ts";
import { seeded, test } from "../case.ts";

const ROUTES: RouteExamples[] = [
  { name: "pricing", utterances: ["how much is it", "what does a visit cost"], match: "whole" },
  { name: "who_are_you", utterances: ["who are you", "am I talking to a robot"], match: "whole" },
  { name: "stop", utterances: ["stop calling me", "take me off your list"], match: "whole", strict: true },
  { name: "emergency", utterances: ["chest pain", "I can't breathe"], match: "anywhere" },
];

let trained: Promise<Router> | undefined;
const router = () => trained ??= trainRouter(ROUTES);

test("an example always reaches its route, however it is written", async () => {
  for (const route of ROUTES) {
    for (const said of route.utterances) {
      const decision = (await router()).decide(`Um, ${said.toUpperCase()}!`);
      assert.equal(decision.route, route.name);
      assert.equal(decision.score, 1);
    }
  }
});

test("what has nothing to do with the routes is none", async () => {
  for (
    const said of [
      "",
      "   ",
      "?!",
      "I'd like to book an appointment for Tuesday",
      "my dog ate the remote control",
      "okay",
    ]
  ) {
    assert.equal((await router()).decide(said).route, undefined, said);
  }
});

test("a long utterance that merely holds the phrase is not hijacked", async () => {
  const said =
    "so I went to the shop and asked how much is it and the man there only laughed at me and gave me his card";
  assert.equal((await router()).decide(said).route, undefined);
});

test("of two questions a route answers both, or the model does", async () => {
  const decider = await router();
  const routed = (text: string, before?: string) => decider.decide(text, before).route;
  for (const text of ["Do you have parking, and how much is it?", "What does a visit cost? And do you have parking?"]) {
    assert.equal(routed(text), undefined, text);
  }
  assert.equal(routed("how much is it", "Do you have parking?"), undefined, "said one after the other");
  assert.equal(routed("how much is it, and what does a visit cost"), "pricing");
  assert.equal(routed("what does a visit cost", "hello, how much is it"), "pricing");
  for (const before of ["", "good morning", "my name is Ann", "I have a question"]) {
    assert.equal(routed("how much is it", before), "pricing", before);
  }
  assert.equal(routed("stop calling me", "do you have parking"), "stop", "who ends the call waits for no answer");
  assert.equal(routed("is it normal to have chest pain and how much is it"), "emergency");
});

test("an emergency counts anywhere in a longer utterance", async () => {
  const { route } = (await router()).decide(
    "hello yes I wanted to ask about my bill but right now I have terrible chest pain and my arm feels strange",
  );
  assert.equal(route, "emergency");
});

test("a denied emergency is none", async () => {
  for (const said of ["I don't have chest pain", "no chest pain today", "without any chest pain"]) {
    assert.equal((await router()).decide(said).route, undefined, said);
  }
  assert.equal((await router()).decide("no I have chest pain").route, "emergency");
  assert.equal((await router()).decide("I don't have chest pain but I can't breathe").route, "emergency");
});

test("no routes, and routes without utterances, give a router that says none", async () => {
  assert.equal((await trainRouter([])).decide("how much is it").route, undefined);
  for (const match of ["whole", "anywhere"] as const) {
    const empty = await trainRouter([{ name: "empty", utterances: [], match }]);
    assert.equal(empty.decide("how much is it").route, undefined);
  }
});

test("training lets the event loop run", async () => {
  let pauses = 0;
  await trainRouter(ROUTES, { pause: () => Promise.resolve(void pauses++) });
  assert.ok(pauses > 10, `${pauses} pauses`);
});

test("the explanation names verdict, score, threshold and the nearest example", async () => {
  const text = explain((await router()).decide("tell me how much is it"));
  assert.match(text, /pricing.*score \d\.\d\d.*threshold \d\.\d\d.*"how much is it" \(cosine \d\.\d\d\)/);
  assert.match(explain((await router()).decide("")), /^none/);
});

test("no string makes it throw, and scores stay within 0 and 1", async () => {
  const random = seeded(7), decider = await router();
  const pieces = [
    "how much",
    "chest pain",
    "'s",
    "n't",
    "\u{1F600}",
    "\ud800",
    "٣",
    "ß",
    "İ",
    "\0",
    "constructor",
    "__proto__",
    " ",
    "你好",
    "e\u0301",
    "$",
    "-",
  ];
  for (let n = 0; n < 10_000; n++) {
    const text = Array.from(
      { length: Math.floor(random() * 12) },
      () => random() < 0.5 ? pieces[Math.floor(random() * pieces.length)]! : String.fromCharCode(random() * 65536),
    ).join("");
    const { score } = decider.decide(text);
    assert.ok(score >= 0 && score <= 1, JSON.stringify(text));
  }
});
