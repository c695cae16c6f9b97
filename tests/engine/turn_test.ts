import assert from "node:assert/strict";
import fc from "fast-check";
import { holdsPhrase, isOnly, leavesOpen } from "../../lib/engine/phrases.ts";
import {
  NO_TURN,
  type TurnAction,
  type TurnEvent,
  type TurnRules,
  type TurnState,
  turnStep,
  type TurnTimer,
} from "../../lib/engine/turn.ts";
import { test } from "../case.ts";

const RULES: TurnRules = {
  minInterruptionWords: 3,
  interruptionPhrases: ["stop", "wait", "hang on"],
  acknowledgementPhrases: ["mhm", "yeah", "okay", "uh-huh"],
  eager: false,
  firmInterims: false,
};
const EAGER = { ...RULES, eager: true, firmInterims: true };

// While we are silent: a guess, a fixed piece, the end of the turn. The same while we speak.
const guess = (text: string): TurnEvent => ({ kind: "interim", text, playing: false });
const piece = (text: string): TurnEvent => ({ kind: "final", text, endOfTurn: false, playing: false });
const final = (text: string): TurnEvent => ({ kind: "final", text, endOfTurn: true, playing: false });
const guessOver = (text: string): TurnEvent => ({ kind: "interim", text, playing: true });
const pieceOver = (text: string): TurnEvent => ({ kind: "final", text, endOfTurn: false, playing: true });
const finalOver = (text: string): TurnEvent => ({ kind: "final", text, endOfTurn: true, playing: true });
const eager = (text: string): TurnEvent => ({ kind: "eager", text });
const resumed: TurnEvent = { kind: "resumed" };
const begun: TurnEvent = { kind: "begun" };
const falseStart: TurnEvent = { kind: "false-start" };
const key = (digit: string, playing = false): TurnEvent => ({ kind: "digit", digit, playing });
const typed = (text: string, playing = false): TurnEvent => ({ kind: "typed", text, playing });
const timer = (name: TurnTimer, playing = false): TurnEvent => ({ kind: "timer", name, playing });

/** What is done, but for timers: "answer: text". */
function shown(actions: readonly TurnAction[]): string[] {
  return actions.filter(({ kind }) => kind !== "arm" && kind !== "disarm")
    .map((action) => "text" in action ? `${action.kind}: ${action.text}` : action.kind);
}

/** An event and what it does, one after the other, and the floor at the end. */
interface Case {
  name: string;
  rules?: TurnRules;
  steps: [TurnEvent, ...string[]][];
  ends: TurnState["floor"]["kind"];
}

const CASES: Case[] = [
  // The caller's turn while we are silent.
  {
    name: "one utterance is answered when the recogniser ends the turn",
    steps: [[guess("are you"), "interim: are you"], [final("are you open"), "answer: are you open"]],
    ends: "answering",
  },
  {
    name: "a final without a guess before it is a turn",
    steps: [[final("hello"), "answer: hello"]],
    ends: "answering",
  },
  {
    name: "several pieces make one turn",
    steps: [[piece("I need"), "interim: I need"], [guess("I need a table"), "interim: I need a table"], [
      final("I need a table for four"),
      "answer: I need a table for four",
    ]],
    ends: "answering",
  },
  {
    name: "a guess that says the same again is not told twice",
    steps: [[guess("are you open"), "interim: are you open"], [piece("are you open")]],
    ends: "caller",
  },
  { name: "an empty guess is nothing", steps: [[guess("")], [final("?")]], ends: "quiet" },
  { name: "one word is a turn when we are silent", steps: [[final("no"), "answer: no"]], ends: "answering" },
  {
    name: "an acknowledgement is an answer when we are silent",
    steps: [[final("yeah"), "answer: yeah"]],
    ends: "answering",
  },
  {
    name: '"stop" is an ordinary turn when we are silent',
    steps: [[final("stop"), "answer: stop"]],
    ends: "answering",
  },
  {
    name: "speech during the silence prompt takes the turn with enough words",
    steps: [[guessOver("yes I am"), "barge-in"], [final("yes I am still here"), "answer: yes I am still here"]],
    ends: "answering",
  },
  {
    name: "a short word during the silence prompt is answered when the prompt is over",
    steps: [[guessOver("hello")], [final("hello"), "answer: hello"]],
    ends: "answering",
  },

  // Turns that are not over, whatever the recogniser thinks.
  {
    name: 'a turn that ends in "and" waits for more',
    steps: [[final("a table for four and"), "interim: a table for four and"], [
      final("a high chair"),
      "answer: a table for four and a high chair",
    ]],
    ends: "answering",
  },
  {
    name: 'a turn that ends in "and" is answered when nothing more comes',
    steps: [[final("my name is um"), "interim: my name is um"], [timer("more"), "answer: my name is um"]],
    ends: "answering",
  },
  {
    name: "a question mark ends even such a turn",
    steps: [[final("This or?"), "answer: This or?"]],
    ends: "answering",
  },
  {
    name: "a recogniser that falls silent is asked for the rest",
    steps: [[guess("I would like"), "interim: I would like"], [timer("rest"), "finish"], [
      final("I would like tea"),
      "answer: I would like tea",
    ]],
    ends: "answering",
  },
  {
    name: "a recogniser that does not answer even then: the words as they stand are the turn",
    steps: [[guess("I would like"), "interim: I would like"], [timer("rest"), "finish"], [
      timer("last"),
      "answer: I would like",
    ]],
    ends: "answering",
  },

  // Guesses that come to nothing.
  {
    name: "a guess that was taken back is answered by nobody",
    steps: [[guess("yeah"), "interim: yeah"], [guess("")], [timer("rest")], [timer("last")]],
    ends: "quiet",
  },
  {
    name: "a guess that was taken back and comes again is a turn",
    steps: [[guess("I"), "interim: I"], [guess("")], [guess("I would"), "interim: I would"], [
      final("I would like tea"),
      "answer: I would like tea",
    ]],
    ends: "answering",
  },
  {
    name: "what was said before a guess that was taken back is answered",
    steps: [[final("a table and"), "interim: a table and"], [guess("uh"), "interim: a table and uh"], [
      guess(""),
      "answer: a table and",
    ]],
    ends: "answering",
  },
  {
    name: "an answer called off for a guess that was taken back is made after all",
    steps: [[final("a table"), "answer: a table"], [guess("hm"), "call-off", "interim: hm"], [guess(""), "answer: "]],
    ends: "answering",
  },
  {
    name: "a guess that was taken back while we speak leaves the short word before it",
    steps: [[finalOver("ten")], [guessOver("uh")], [guessOver("")], [timer("floor"), "answer: ten"]],
    ends: "answering",
  },
  {
    name: "a guess that was taken back while we speak leaves nothing",
    steps: [[guessOver("uh")], [guessOver("")], [timer("floor")]],
    ends: "quiet",
  },
  {
    name: "an interruption that was taken back can still be borne out",
    steps: [[guessOver("stop"), "barge-in"], [guess("")], [final("stop"), "listen: stop"]],
    ends: "quiet",
  },

  // Two finals in a row.
  {
    name: "two finals in a row: the second joins, the draft is given up",
    steps: [[final("a table"), "answer: a table"], [final("for four"), "call-off", "answer: for four"]],
    ends: "answering",
  },
  {
    name: "words before the answer begins call it off at once",
    steps: [[final("a table"), "answer: a table"], [guess("for"), "call-off", "interim: for"], [
      guess("for four"),
      "interim: for four",
    ], [final("for four"), "answer: for four"]],
    ends: "answering",
  },
  {
    name: "an answer called off for noise is made after all",
    steps: [
      [final("a table"), "answer: a table"],
      [guess("hm"), "call-off", "interim: hm"],
      [timer("rest"), "finish"],
      [
        timer("last"),
        "answer: hm",
      ],
    ],
    ends: "answering",
  },
  {
    name: "a second final after the answer began is a turn of its own",
    steps: [[final("a table"), "answer: a table"], [begun], [final("for four please"), "answer: for four please"]],
    ends: "answering",
  },
  {
    name: "an answer that never began gives the floor back",
    steps: [[final("hello"), "answer: hello"], [begun]],
    ends: "quiet",
  },

  // Barge-in.
  {
    name: "enough words interrupt, and a second guess confirms it",
    steps: [[guessOver("no I want"), "barge-in"], [guess("no I want the blue"), "interim: no I want the blue"], [
      final("no I want the blue one"),
      "answer: no I want the blue one",
    ]],
    ends: "answering",
  },
  {
    name: "enough words interrupt, and a final confirms it",
    steps: [[guessOver("no I want"), "barge-in"], [final("no I want"), "answer: no I want"]],
    ends: "answering",
  },
  { name: "two words do not interrupt", steps: [[guessOver("no I")]], ends: "overheard" },
  {
    name: "words add up over the guesses of one utterance",
    steps: [[guessOver("no")], [guessOver("no I")], [guessOver("no I want"), "barge-in"]],
    ends: "guess",
  },
  {
    name: "the same guess again confirms nothing",
    steps: [[guessOver("no I want"), "barge-in"], [guess("no I want")]],
    ends: "guess",
  },
  {
    name: "a guess that shrinks confirms nothing",
    steps: [[guessOver("no I want"), "barge-in"], [guess("noise")]],
    ends: "guess",
  },
  {
    name: "a false start: we speak on, and nothing was said",
    steps: [[guessOver("no I want"), "barge-in"], [falseStart]],
    ends: "quiet",
  },
  {
    name: "after a false start the caller can interrupt again",
    steps: [[guessOver("no I want"), "barge-in"], [falseStart], [guessOver("please stop now"), "barge-in"]],
    ends: "guess",
  },
  {
    name: "an interruption that nothing follows is forgotten",
    steps: [[guessOver("no I want"), "barge-in"], [timer("rest")]],
    ends: "quiet",
  },
  {
    name: "a recogniser whose words are certain confirms at once",
    rules: EAGER,
    steps: [[guessOver("no I want"), "barge-in", "interim: no I want"]],
    ends: "caller",
  },
  {
    name: "a final that comes without guesses interrupts too",
    steps: [[finalOver("no I want that"), "barge-in", "answer: no I want that"]],
    ends: "answering",
  },
  {
    name: "a fixed piece interrupts and is certain",
    steps: [[pieceOver("no I want"), "barge-in", "interim: no I want"]],
    ends: "caller",
  },
  {
    name: "interruption in the first word: a phrase needs no count",
    steps: [[guessOver("wait"), "barge-in"]],
    ends: "guess",
  },
  {
    name: "an interruption phrase of two words",
    steps: [[guessOver("hang")], [guessOver("hang on"), "barge-in"]],
    ends: "guess",
  },
  { name: "only whole words are phrases", steps: [[guessOver("stopwatch")]], ends: "overheard" },
  { name: "punctuation and capitals do not hide a phrase", steps: [[guessOver("Stop!"), "barge-in"]], ends: "guess" },
  {
    name: "the caller interrupts and our voice cannot be stopped: what was said is answered all the same",
    steps: [[guessOver("no I want"), "barge-in"], [guessOver("no I want the"), "interim: no I want the"], [
      finalOver("no I want the blue one"),
      "answer: no I want the blue one",
    ]],
    ends: "answering",
  },

  // "Stop".
  {
    name: '"stop" alone stops us, and is not answered',
    steps: [[guessOver("stop"), "barge-in"], [final("Stop."), "listen: Stop."]],
    ends: "quiet",
  },
  {
    name: '"wait wait okay" is no more than that',
    steps: [[guessOver("wait wait"), "barge-in"], [final("wait wait okay"), "listen: wait wait okay"]],
    ends: "quiet",
  },
  {
    name: '"stop" and a wish is a wish',
    steps: [[guessOver("stop"), "barge-in"], [final("stop I want tea"), "answer: stop I want tea"]],
    ends: "answering",
  },
  {
    name: 'after "stop" the next words are a turn of their own',
    steps: [[finalOver("stop"), "barge-in", "listen: stop"], [final("I want tea"), "answer: I want tea"]],
    ends: "answering",
  },

  // Acknowledgements and short words while we speak.
  { name: "a backchannel is dropped", steps: [[guessOver("mhm")], [finalOver("mhm")]], ends: "quiet" },
  {
    name: "many backchannels are no interruption either",
    steps: [[guessOver("yeah yeah okay uh-huh")], [finalOver("yeah yeah okay uh huh")]],
    ends: "quiet",
  },
  {
    name: "a backchannel that goes on becomes an interruption",
    steps: [[guessOver("yeah")], [guessOver("yeah but I"), "barge-in"]],
    ends: "guess",
  },
  {
    name: "an acknowledgement that ends after we did is an answer",
    steps: [[guessOver("yeah")], [final("yeah"), "answer: yeah"]],
    ends: "answering",
  },
  {
    name: "a short word while we speak waits until we have finished",
    steps: [[finalOver("ten")], [timer("floor", true)], [timer("floor"), "answer: ten"]],
    ends: "answering",
  },
  {
    name: "short words add up to an interruption",
    steps: [[finalOver("no")], [guessOver("not that"), "barge-in"], [final("not that"), "answer: no not that"]],
    ends: "answering",
  },
  {
    name: "a short word joins what is said after we have finished",
    steps: [[finalOver("ten")], [guess("please"), "interim: ten please"], [final("please"), "answer: ten please"]],
    ends: "answering",
  },
  {
    name: "a backchannel after a short word takes nothing from it",
    steps: [[finalOver("ten")], [finalOver("yeah")], [timer("floor"), "answer: ten"]],
    ends: "answering",
  },
  {
    name: "we finish while a short word is being said: it goes on as a turn",
    steps: [[finalOver("ten")], [guessOver("o'clock")], [timer("floor")], [final("o'clock"), "answer: ten o'clock"]],
    ends: "answering",
  },
  {
    name: "an answer that begins in the middle of the caller's words is stopped by the next ones",
    steps: [[guess("no"), "interim: no"], [guessOver("no wait"), "barge-in", "interim: no wait"], [
      finalOver("no wait stop"),
      "answer: no wait stop",
    ]],
    ends: "answering",
  },
  {
    name: "too few words are no reason to stop an answer that begins in the middle of them",
    steps: [[guess("a"), "interim: a"], [guessOver("a visit"), "interim: a visit"], [
      guessOver("a visit on"),
      "barge-in",
      "interim: a visit on",
    ], [finalOver("a visit on Monday"), "answer: a visit on Monday"]],
    ends: "answering",
  },

  // While a filler sounds and the answer is awaited.
  {
    name: "a backchannel on a filler leaves the answer alone",
    steps: [[final("a table"), "answer: a table"], [finalOver("okay")]],
    ends: "answering",
  },
  {
    name: "words on a filler stop both the filler and the answer",
    steps: [[final("a table"), "answer: a table"], [
      guessOver("no for five"),
      "call-off",
      "barge-in",
      "interim: no for five",
    ], [
      final("no for five"),
      "answer: no for five",
    ]],
    ends: "answering",
  },

  // Eager.
  {
    name: "eager off: nothing is prepared",
    steps: [[guess("a table"), "interim: a table"], [eager("a table")]],
    ends: "caller",
  },
  {
    name: "an eager end prepares an answer, and the end of the turn releases it",
    rules: EAGER,
    steps: [[guess("a table"), "interim: a table"], [eager("a table"), "speculate: a table"], [
      final("a table"),
      "answer: a table",
    ]],
    ends: "answering",
  },
  {
    name: "a resumed eager turn throws the draft away",
    rules: EAGER,
    steps: [
      [guess("a table"), "interim: a table"],
      [eager("a table"), "speculate: a table"],
      [resumed, "discard"],
      [
        guess("a table for four"),
        "interim: a table for four",
      ],
      [eager("a table for four"), "speculate: a table for four"],
      [final("a table for four"), "answer: a table for four"],
    ],
    ends: "answering",
  },
  {
    name: "a turn that ends with other words than the draft's starts anew",
    rules: EAGER,
    steps: [[guess("a table"), "interim: a table"], [eager("a table"), "speculate: a table"], [
      final("a table for four"),
      "discard",
      "answer: a table for four",
    ]],
    ends: "answering",
  },
  {
    name: "nothing is prepared for a turn that leaves something open",
    rules: EAGER,
    steps: [[guess("a table and"), "interim: a table and"], [eager("a table and")]],
    ends: "caller",
  },
  {
    name: 'nothing is prepared for "stop"',
    rules: EAGER,
    steps: [[guessOver("stop"), "barge-in", "interim: stop"], [eager("stop")], [final("stop"), "listen: stop"]],
    ends: "quiet",
  },
  {
    name: "nothing is prepared while we speak on",
    rules: EAGER,
    steps: [[guessOver("ten")], [eager("ten")]],
    ends: "overheard",
  },
  {
    name: "resumed without a draft is nothing",
    rules: EAGER,
    steps: [[guess("a"), "interim: a"], [resumed]],
    ends: "caller",
  },

  // Keys and typed words.
  {
    name: "a key is told after a pause",
    steps: [[key("1")], [timer("digits"), "answer: [The caller pressed 1.]"]],
    ends: "answering",
  },
  {
    name: "keys in a row are one number",
    steps: [[key("4")], [key("2")], [timer("digits"), "answer: [The caller pressed 42.]"]],
    ends: "answering",
  },
  {
    name: "# ends a number at once",
    steps: [[key("4")], [key("#"), "answer: [The caller pressed 4#.]"]],
    ends: "answering",
  },
  {
    name: "a key pressed in mid-reply interrupts it",
    steps: [[key("1", true)], [timer("digits", true), "barge-in", "answer: [The caller pressed 1.]"]],
    ends: "answering",
  },
  {
    name: "a key pressed while the caller speaks joins the turn",
    steps: [[guess("my number"), "interim: my number"], [key("7")], [timer("digits")], [
      final("my number"),
      "answer: [The caller pressed 7.] my number",
    ]],
    ends: "answering",
  },
  {
    name: "a key pressed before the answer begins is part of the turn",
    steps: [[final("sales"), "answer: sales"], [key("2")], [
      timer("digits"),
      "call-off",
      "answer: [The caller pressed 2.]",
    ]],
    ends: "answering",
  },
  { name: "typed words are a turn", steps: [[typed("are you open"), "answer: are you open"]], ends: "answering" },
  {
    name: "typed words interrupt us",
    steps: [[typed("no", true), "barge-in", "answer: no"]],
    ends: "answering",
  },
  { name: "nothing typed is nothing", steps: [[typed("  ")]], ends: "quiet" },
];

test(`turn-taking: ${CASES.length} cases`, () => {
  assert.ok(CASES.length >= 40);
  assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length);
  for (const { name, rules = RULES, steps, ends } of CASES) {
    let state = NO_TURN;
    for (const [index, [event, ...expected]] of steps.entries()) {
      const [next, actions] = turnStep(state, event, rules);
      assert.deepEqual(shown(actions), expected, `${name}, step ${index + 1}`);
      state = next;
    }
    assert.equal(state.floor.kind, ends, name);
  }
});

const someText = fc.array(fc.constantFrom("stop", "wait", "yeah", "mhm", "ten", "and", "I", "want", "tea", "um"), {
  maxLength: 6,
}).map((words) => words.join(" "));
const someEvent: fc.Arbitrary<TurnEvent> = fc.oneof(
  fc.record({ kind: fc.constant("interim" as const), text: someText, playing: fc.boolean() }),
  fc.record({ kind: fc.constant("final" as const), text: someText, endOfTurn: fc.boolean(), playing: fc.boolean() }),
  fc.record({ kind: fc.constant("eager" as const), text: someText }),
  fc.record({ kind: fc.constant("digit" as const), digit: fc.constantFrom("1", "2", "#"), playing: fc.boolean() }),
  fc.record({ kind: fc.constant("typed" as const), text: someText, playing: fc.boolean() }),
  fc.constantFrom(resumed, begun, falseStart),
  fc.record({
    kind: fc.constant("timer" as const),
    name: fc.constantFrom<TurnTimer>("digits", "floor", "more", "rest", "last"),
    playing: fc.boolean(),
  }),
);

test("whatever comes, every state has a way out, and a draft lives only in the caller's turn", () => {
  const run = fc.property(fc.array(someEvent, { maxLength: 40 }), fc.constantFrom(RULES, EAGER), (events, rules) => {
    let state = NO_TURN;
    let draft = false;
    for (const event of events) {
      const [next, actions] = turnStep(state, event, rules);
      for (const action of actions) {
        if (action.kind === "speculate") {
          assert.ok(rules.eager);
          draft = true;
        }
        if (action.kind === "discard") draft = false;
        if (action.kind === "answer" || action.kind === "listen") draft = false;
        if (action.kind === "barge-in") assert.ok("playing" in event && event.playing);
        if (action.kind === "listen") {
          assert.ok(isOnly(action.text, [...rules.interruptionPhrases, ...rules.acknowledgementPhrases]));
        }
      }
      if (draft) assert.equal(next.floor.kind, "caller");
      state = next;
    }
    for (const name of ["digits", "floor", "more", "rest", "last"] as const) {
      state = turnStep(state, timer(name), rules)[0];
    }
    for (const name of ["rest", "last"] as const) state = turnStep(state, timer(name), rules)[0];
    assert.ok(state.floor.kind === "quiet" || state.floor.kind === "answering", state.floor.kind);
  });
  fc.assert(run, { numRuns: 2000, seed: 3 });
});

test("nothing that was said is lost: every final that is no mere acknowledgement reaches an answer", () => {
  const said = fc.array(
    fc.record({ text: someText, playing: fc.boolean(), guesses: fc.array(someText, { maxLength: 2 }) }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(said, (finals) => {
      let state = NO_TURN;
      const told: string[] = [];
      const take = (event: TurnEvent) => {
        const [next, actions] = turnStep(state, event, RULES);
        state = next;
        for (const action of actions) if (action.kind === "answer" || action.kind === "listen") told.push(action.text);
      };
      const expected: string[] = [];
      for (const { text, playing, guesses } of finals) {
        take({ kind: "final", text, endOfTurn: true, playing });
        for (const guess of guesses) take({ kind: "interim", text: guess, playing });
        take({ kind: "interim", text: "", playing });
        if (text && !(playing && isOnly(text, RULES.acknowledgementPhrases))) expected.push(text);
      }
      for (const name of ["more", "rest", "last", "floor"] as const) take(timer(name));
      const words = told.join(" ").split(" ").filter(Boolean);
      // An acknowledgement may stand in it too: it was said when the caller held the floor already.
      let at = 0;
      for (const word of expected.join(" ").split(" ").filter(Boolean)) {
        at = words.indexOf(word, at) + 1;
        assert.ok(at > 0, `${word} of ${JSON.stringify(finals)} is not in ${told.join(" | ")}`);
      }
    }),
    { numRuns: 2000, seed: 5 },
  );
});

test("in a script without spaces words count too, and phrases are found among them", () => {
  const rules = { ...RULES, interruptionPhrases: ["待って"], acknowledgementPhrases: ["はい", "うん"] };
  const over = (text: string) => shown(turnStep(NO_TURN, finalOver(text), rules)[1]);
  assert.deepEqual(over("明日の予約を変更したいです"), ["barge-in", "answer: 明日の予約を変更したいです"]);
  assert.deepEqual(over("ちょっと待って"), ["barge-in", "answer: ちょっと待って"]);
  assert.deepEqual(over("待って"), ["barge-in", "listen: 待って"]);
  assert.deepEqual([over("はいはい"), over("うん。"), over("電話")], [[], [], []]);
  assert.ok(holdsPhrase("少々お待ちください、確認します", ["お待ちください"]), "as one who asks for patience says it");
  assert.ok(holdsPhrase("等一下，我看看", ["等一下"]) && !isOnly("等一下，我看看", ["等一下"]));
});

test("a turn that is left open is told by its last word", () => {
  for (const text of ["and", "I want the", "my name is, um…", "A table for my"]) assert.ok(leavesOpen(text), text);
  for (const text of ["yes", "the band", "is it this or?", ""]) assert.ok(!leavesOpen(text), text);
});

const WAITS: [what: string, events: TurnEvent[], waits: { timer: TurnTimer; ms: number }[], rules?: TurnRules][] = [
  ["open words wait 6 s for news", [guess("are you")], [{ timer: "rest", ms: 6000 }]],
  ["or as long as the rules say", [guess("are you")], [{ timer: "rest", ms: 900 }], { ...RULES, restMs: 900 }],
  ["3 s where an answer was called off", [final("are you open"), guess("on")], [{ timer: "rest", ms: 3000 }]],
  ["the recogniser's last word 1.5 s", [guess("are you"), timer("rest")], [{ timer: "last", ms: 1500 }]],
  ["a turn that sounds unfinished 0.7 s", [final("my name is um")], [{ timer: "more", ms: 700 }]],
  ["keys 1.2 s for the next one", [key("1")], [{ timer: "digits", ms: 1200 }]],
  ["short words while we speak 0.1 s", [finalOver("and monday")], [{ timer: "floor", ms: 100 }]],
];

for (const [what, events, waits, rules = RULES] of WAITS) {
  test(`how long is waited: ${what}`, () => {
    let state = NO_TURN;
    let done: readonly TurnAction[] = [];
    for (const event of events) [state, done] = turnStep(state, event, rules);
    assert.deepEqual(done.flatMap((act) => act.kind === "arm" ? [{ timer: act.timer, ms: act.ms }] : []), waits);
  });
}
