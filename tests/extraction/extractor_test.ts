import assert from "node:assert/strict";
import { type ExtractionReport, Extractor, FINAL_LIMIT_MS, PASS_LIMIT_MS } from "../../lib/extraction/extractor.ts";
import {
  answerSchema,
  CallerWords,
  checkFact,
  DEFAULT_FIELDS,
  type FactField,
  type FactFields,
  fieldsOf,
} from "../../lib/extraction/facts.ts";
import type { ExtractRequest } from "../../lib/providers/ports.ts";
import { sleep } from "../../lib/base/clock.ts";
import { FaultError } from "../../lib/base/result.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { type Conversation, CONVERSATIONS } from "./conversations.ts";

const FIELDS: FactFields = {
  ...DEFAULT_FIELDS,
  day: { type: "string", format: "date" },
  time: { type: "string", format: "time" },
  email: { type: "string", format: "email" },
  party: { type: "integer" },
  kind: { type: "string", enum: ["new", "existing"] },
};

type Given = Record<string, { value: unknown; evidence: string } | null>;

/** What a model knows when it is asked: the conversation up to the last line it was shown. */
interface Seen {
  request: ExtractRequest;
  /** Null for every field but those the caller has stated, the newest version of each. */
  right: Given;
  /** As `right`, but the first version of each. */
  stale: Given;
  isRepair: boolean;
  asked: number;
}

type Model = (seen: Seen) => unknown;

/** Run a conversation, a turn at a time, past a scripted model. */
async function run(conversation: Conversation, model: Model, { thinkMs = 300, summary = true } = {}) {
  const clock = new VirtualClock();
  const reports: ExtractionReport[] = [];
  let shown = 0;
  let asked = 0;
  const extractor = new Extractor({
    clock,
    fields: FIELDS,
    summary,
    context: { today: "2026-11-18", language: "en", caller: "+14155550100" },
    report: (report) => reports.push(report),
    llm: {
      extract: async (request, signal) => {
        const stated = conversation.facts.filter(({ line }) => line < shown);
        const of = (facts: Conversation["facts"]): Given => {
          const all: Given = Object.fromEntries(Object.keys(FIELDS).map((name) => [name, null]));
          for (const { field, value, evidence } of facts) all[field] = { value, evidence };
          return {
            ...all,
            ...("summary_of_call" in properties(request) ? { summary_of_call: "A call." } : {}),
          } as Given;
        };
        const isRepair = request.messages.length > 2;
        const answer = model({ request, right: of(stated), stale: of(stated.toReversed()), isRepair, asked: asked++ });
        await sleep(clock, thinkMs, signal);
        request.usage?.({ promptTokens: 100, completionTokens: 10 });
        return typeof answer === "string" ? answer : JSON.stringify(answer);
      },
    },
  });
  for (const { who, text } of conversation.lines) {
    shown++;
    extractor[who](text);
    extractor.replied();
    await clock.run(2000);
  }
  await clock.runFor(extractor.finish());
  await extractor[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
  const facts: Record<string, unknown> = {};
  for (const report of reports) if (report.kind === "fact") facts[report.field] = report.value;
  return { facts, reports, asked, summaries: reports.filter(({ kind }) => kind === "summary").length };
}

function properties({ schema }: ExtractRequest): Record<string, unknown> {
  return schema.properties as Record<string, unknown>;
}

/** The last version of each field. */
function expected({ facts }: Conversation): Record<string, unknown> {
  return Object.fromEntries(facts.map(({ field, value }) => [field, value]));
}

const INVENTED: Given = {
  name: { value: "Bartholomew", evidence: "my name is Bartholomew" },
  phone: { value: "+15559999999", evidence: "five five five nine nine nine nine" },
  email: { value: "x@evil.example", evidence: "x at evil dot example" },
  day: { value: "2031-01-01", evidence: "on the first of January thirty one" },
  time: { value: "03:33", evidence: "at three thirty three" },
  party: { value: 99, evidence: "ninety nine of us" },
  kind: { value: "new", evidence: "I am a brand new customer" },
  intent: { value: "buy gold", evidence: "I want to buy gold" },
  next_step: { value: "wire money", evidence: "wire the money" },
  consent_to_follow_up: { value: true, evidence: "you have my consent for everything" },
};

function inventWhereNull(right: Given): Given {
  return Object.fromEntries(Object.entries(right).map(([name, given]) => [name, given ?? INVENTED[name] ?? null]));
}

const MODELS: Record<string, { model: Model; summaries?: number }> = {
  "answers rightly": { model: ({ right }) => right, summaries: 1 },
  "gives what was corrected first, and heeds the objection": {
    model: ({ stale, right, isRepair }) => isRepair ? right : stale,
    summaries: 1,
  },
  "answers in broken JSON first": {
    model: ({ right, isRepair }) => isRepair ? right : JSON.stringify(right).slice(0, -9),
    summaries: 1,
  },
  "answers with a list first": { model: ({ right, isRepair }) => isRepair ? right : [right], summaries: 1 },
  "invents whatever nobody said, stubbornly": { model: ({ right }) => inventWhereNull(right), summaries: 1 },
  "invents, then answers rightly": {
    model: ({ right, isRepair }) => isRepair ? right : inventWhereNull(right),
    summaries: 1,
  },
  "gives every value the wrong type, then rightly": {
    model: ({ right, isRepair }) =>
      isRepair ? right : Object.fromEntries(Object.keys(right).map((name) => [name, { value: [], evidence: 7 }])),
    summaries: 1,
  },
  "is right at first and stale or broken for ever after": {
    model: ({ right, stale, asked }) => asked % 3 === 0 ? right : asked % 3 === 1 ? stale : "nonsense",
  },
  "leaves half of the fields out, another half each time": {
    model: ({ right, asked }) =>
      Object.fromEntries(
        Object.entries(right).filter(([name], n) => n % 2 === asked % 2 || name.startsWith("summary")),
      ),
  },
};

test("there are sixty conversations", () => assert.equal(CONVERSATIONS.length, 60));

for (const [name, { model, summaries }] of Object.entries(MODELS)) {
  test(`sixty conversations past a model that ${name}`, async () => {
    for (const conversation of CONVERSATIONS) {
      const ran = await run(conversation, model);
      const text = conversation.lines.map(({ text }) => text).join(" / ");
      // A model that is right only now and then may miss what was said last; what it gives must be what was said.
      if (summaries === undefined) {
        for (const [field, value] of Object.entries(ran.facts)) {
          const said = conversation.facts.filter((fact) => fact.field === field).map(({ value }) => value);
          assert.ok(said.includes(value as string), `${text}: ${field} is ${value}`);
        }
      } else {
        assert.deepEqual(ran.facts, expected(conversation), text);
        assert.equal(ran.summaries, summaries, text);
      }
    }
  });
}

test("a number, date, time or address that was corrected is the last one said, whatever the model answers", async () => {
  const ours = new Set(["phone", "day", "time", "email"]);
  let corrected = 0;
  for (const conversation of CONVERSATIONS) {
    const ran = await run(conversation, ({ stale }) => stale);
    for (const [field, value] of Object.entries(expected(conversation))) {
      if (!ours.has(field)) continue;
      assert.equal(ran.facts[field], value, conversation.lines.map(({ text }) => text).join(" / "));
      if (conversation.facts.filter((fact) => fact.field === field).length > 1) corrected++;
    }
  }
  assert.ok(corrected >= 6);
});

test("a value that its real evidence does not hold is dropped", async () => {
  const conversation: Conversation = {
    lines: [{ who: "agent", text: "Is it 555 0190?" }, {
      who: "caller",
      text: "Hello, I want to come on Friday with my wife",
    }],
    facts: [],
    traps: [],
  };
  const { facts } = await run(conversation, () => ({
    name: { value: "Bob", evidence: "Hello" },
    phone: { value: "5550190", evidence: "Is it 555 0190" },
    email: { value: "bob@example.com", evidence: "my wife" },
    party: { value: 5, evidence: "with my wife" },
    day: { value: "2031-01-01", evidence: "on Friday" },
    time: { value: "10:00", evidence: "on Friday" },
    kind: { value: "new", evidence: "new" },
    intent: { value: "x".repeat(3000), evidence: "I want to come" },
    next_step: { value: "", evidence: "Hello" },
    consent_to_follow_up: { value: true, evidence: "" },
    summary_of_call: "A call.",
  }));
  assert.deepEqual(facts, { day: "2026-11-20" });
});

test("whatever a model answers costs nothing of what is known", async () => {
  const answers = [
    "",
    "null",
    "[]",
    "42",
    '"text"',
    "{",
    "{}",
    "```json\n{}\n```",
    "<html>",
    '{"name": null}',
    "\u0000",
    "{".repeat(9999),
  ];
  for (const answer of answers) {
    const ran = await run(CONVERSATIONS[0]!, ({ right, asked }) => asked === 0 ? right : answer);
    assert.deepEqual(ran.facts, expected(CONVERSATIONS[0]!), answer.slice(0, 20));
    assert.equal(ran.asked, 3, "one pass, a last one, and one repair");
    const faults = ran.reports.filter(({ kind }) => kind === "fault");
    assert.equal(faults.length, 1);
    assert.equal(JSON.stringify(faults).includes("Ada"), false);
  }
});

test("a model that fails or hangs is told as a fault, in time, and the call's end does not wait for it", async () => {
  const clock = new VirtualClock();
  const reports: ExtractionReport[] = [];
  let hanging = 0;
  const extractor = new Extractor({
    clock,
    fields: FIELDS,
    summary: true,
    context: { today: "2026-11-18", language: "en", caller: "" },
    report: (report) => reports.push(report),
    llm: {
      extract: () => {
        if (hanging++ === 0) {
          throw new FaultError({ kind: "refused", peer: "llm", status: 429, detail: "" });
        }
        return new Promise(() => {}); // heeds no signal
      },
    },
  });
  extractor.caller("one");
  extractor.replied();
  await clock.run(100);
  assert.deepEqual(reports.map((report) => report.kind === "fault" && report.fault.kind), ["refused"]);
  extractor.caller("two");
  extractor.replied();
  await clock.run(PASS_LIMIT_MS + 20);
  assert.deepEqual(reports.map((report) => report.kind === "fault" && report.fault.kind), ["refused", "deadline"]);
  extractor.caller("three");
  extractor.replied();
  await clock.run(10);
  const startMs = clock.monotonicMs();
  await clock.runFor(extractor.finish());
  assert.ok(clock.monotonicMs() - startMs <= FINAL_LIMIT_MS + 20);
  assert.equal(reports.length, 3);
  await extractor[Symbol.asyncDispose]();
  assert.equal(clock.pending, 0);
});

test("a slow model is asked about one turn at a time; the oldest waiting passes are shed, and that is said", async () => {
  let most = 0;
  let running = 0;
  const clock = new VirtualClock();
  const reports: ExtractionReport[] = [];
  const extractor = new Extractor({
    clock,
    fields: FIELDS,
    summary: false,
    context: { today: "2026-11-18", language: "en", caller: "" },
    report: (report) => reports.push(report),
    llm: {
      extract: async (_, signal) => {
        most = Math.max(most, ++running);
        await sleep(clock, 5000, signal).finally(() => running--);
        return JSON.stringify(Object.fromEntries(Object.keys(FIELDS).map((name) => [name, null])));
      },
    },
  });
  for (let turn = 0; turn < 8; turn++) {
    extractor.caller(`turn ${turn}`);
    extractor.replied();
    extractor.replied(); // nothing new was said
    await clock.run(500);
  }
  assert.equal(most, 1);
  assert.equal(reports.filter(({ kind }) => kind === "extraction-shed").length, 8 - 1 - 2);
  await clock.run(30_000);
  await extractor[Symbol.asyncDispose]();
});

test("the schema is one that strict servers take: everything required, nothing beside it, no patterns", () => {
  const schema = answerSchema(FIELDS, { summary: true });
  const check = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { properties, required, additionalProperties, pattern } = node as Record<string, unknown>;
    assert.equal(pattern, undefined);
    if (properties) {
      assert.deepEqual(required, Object.keys(properties as object));
      assert.equal(additionalProperties, false);
    }
    Object.values(node).forEach(check);
  };
  check(schema);
  assert.equal(Object.keys(schema.properties as object).length, Object.keys(FIELDS).length + 1);
});

test("without fields the usual ones are looked for, unless not even a summary is wanted", () => {
  assert.equal(fieldsOf({ fields: {}, summary: true }), DEFAULT_FIELDS);
  assert.deepEqual(fieldsOf({ fields: {}, summary: false }), {});
});

test("the caller's words never reach the system's orders", async () => {
  await run(CONVERSATIONS[53]!, ({ request, right }) => {
    for (const { role, content } of request.messages) {
      if (role === "system") assert.equal(String(content).includes("owner"), false);
    }
    return right;
  });
});

/** What stands of a model's `value` that it takes from the first thing said. */
function factOf(value: string | number, field: FactField, ...said: string[]): unknown {
  const words = new CallerWords();
  for (const text of said) words.add(text);
  const context = { today: "2026-11-02", language: "en", caller: "" };
  const fact = checkFact("wanted", { given: { value, evidence: said[0]! }, field, words, context });
  return fact.ok ? fact.value.value : fact.fault;
}

for (
  const [said, value, type, format] of [
    ["eight forty five am", "08:45", "string", "time"],
    ["eight fifteen am", "08:15", "string", "time"],
    ["ten past three pm", "15:10", "string", "time"],
    ["twenty past two in the afternoon", "14:20", "string", "time"],
    ["at ten to five", "16:50", "string", "time"],
    ["a thousand five hundred", 1500, "number", undefined],
    ["one thousand two hundred and thirty four", 1234, "number", undefined],
    ["it was 1,250.50 in all", 1250.5, "number", undefined],
    ["five million", 5_000_000, "number", undefined],
    ["my number is eight hundred five five five one two one two", "8005551212", "string", "phone"],
  ] as const
) {
  test(`what a model read rightly is kept: ${said}`, () => {
    assert.equal(factOf(value, { type, ...(format ? { format } : {}) }, said), value);
  });
}

for (
  const [format, said, after, value] of [
    ["time", "tomorrow at three pm", "No that's all, I have to be at work at five", "15:00"],
    ["phone", "my number is 555 014 2233", "No that is it, my wife has 555 019 8877 but she is away", "5550142233"],
    ["date", "on December 3rd", "No thank you, I am only back on December 9th anyway", "2026-12-03"],
  ] as const
) {
  test(`"no" to "anything else?" takes nothing back (${format})`, () => {
    assert.equal(factOf(value, { type: "string", format }, said, after), value);
  });
}

for (
  const [format, said, value, after, meant] of [
    ["time", "tomorrow at three pm", "15:00", "sorry are you open until six pm on Friday", "18:00"],
    ["time", "tomorrow at three pm", "15:00", "actually I have to be at work at five pm", "17:00"],
    ["date", "I would like to come on Monday", "2026-11-09", "wait are you closed on Sunday", "2026-11-08"],
  ] as const
) {
  test(`a sentence of its own after "${after.split(" ")[0]}" takes nothing back, unless the model thinks so`, () => {
    const field = { type: "string", format } as const;
    assert.equal(factOf(value, field, said, after), value);
    assert.equal(factOf(meant, field, said, after), meant);
  });
}

test("a value after words of correction takes the place of the one before", () => {
  const time = { type: "string", format: "time" } as const;
  for (const after of ["sorry at four pm", "wait make it four pm", "actually four pm", "sorry I meant four pm"]) {
    assert.equal(factOf("15:00", time, "at three pm", after), "16:00", after);
  }
});

for (
  const [said, value] of [
    ["tomorrow afternoon at three", "15:00"],
    ["this evening at half past seven", "19:30"],
    ["at 7:30 in the evening", "19:30"],
    ["7:30 tomorrow evening", "19:30"],
    ["come at eight at night", "20:00"],
    ["tonight at eight", "20:00"],
    ["good morning I would like to come at three", "15:00"],
    ["at three in the afternoon", "15:00"],
    ["at 9:15 in the morning", "09:15"],
  ] as const
) {
  test(`the half of the day is not only what stands behind the time: ${said}`, () => {
    const time = { type: "string", format: "time" } as const;
    assert.equal(factOf(value, time, said), value);
  });
}

test("the half of the day that is said behind a time counts against the model", () => {
  const time = { type: "string", format: "time" } as const;
  assert.equal(factOf("07:30", time, "at 7:30 in the evening"), "19:30");
  assert.equal(factOf("03:00", time, "at three pm"), "15:00");
  assert.equal(factOf("15:00", time, "at three in the morning"), "03:00");
});

for (
  const [said, value] of [
    ["I was born on March third nineteen eighty five", "1985-03-03"],
    ["March 3rd, 1985", "1985-03-03"],
    ["the third of March nineteen oh five", "1905-03-03"],
    ["June nineteenth nineteen nineteen", "1919-06-19"],
    ["December thirty first nineteen ninety nine", "1999-12-31"],
    ["July first two thousand and one", "2001-07-01"],
    ["July first two thousand", "2000-07-01"],
    ["May 5th twenty twenty", "2020-05-05"],
    ["May 5th twenty twenty seven", "2027-05-05"],
    ["May 5th at twenty thirty", "2027-05-05"],
    ["it began last Friday", "2026-10-30"],
    ["I have had it since Monday", "2026-10-26"],
    ["a week from Friday", "2026-11-13"],
    ["a week from tomorrow", "2026-11-10"],
    ["Monday in two weeks", "2026-11-16"],
    ["on the fifteenth", "2026-11-15"],
  ] as const
) {
  test(`what a model read rightly is kept: ${said}`, () => {
    const date = { type: "string", format: "date" } as const;
    assert.equal(factOf(value, date, said), value);
  });
}

test("a date that the words do not bear is not taken, however it is put", () => {
  const date = { type: "string", format: "date" } as const;
  assert.equal(factOf("1986-03-03", date, "March third nineteen eighty five"), "1985-03-03");
  assert.equal(factOf("2026-11-14", date, "a week from Friday"), "2026-11-06");
  assert.equal(factOf("2026-11-16", date, "on the fifteenth"), "not-in-evidence");
  assert.equal(factOf("2026-10-30", date, "on Friday"), "2026-11-06");
});

for (
  const [said, value, expected] of [
    ["oh it's 415 555 0100", "4155550100", "4155550100"],
    ["sure this one is mine, four one five, five five five, oh one double oh", "4155550100", "4155550100"],
    ["area code 415 and then 555 0100", "5550100", "4155550100"],
    ["oh four one five five five five oh one oh oh", "4155550100", "04155550100"],
  ] as const
) {
  test(`a lone digit far before a number is none of it: ${said}`, () => {
    assert.equal(factOf(value, { type: "string", format: "phone" }, said), expected);
  });
}

for (
  const [said, value] of [
    ["john eighty two at gmail dot com", "john82@gmail.com"],
    ["it's j o n five at mail two dot example dot org", "jon5@mail2.example.org"],
    ["ada nineteen oh seven at example dot com", "ada1907@example.com"],
    ["seven eleven at example dot com", "711@example.com"],
    ["one two three at example dot com", "onetwothree@example.com"],
  ] as const
) {
  test(`digits of an address are said as words: ${said}`, () => {
    assert.equal(factOf(value, { type: "string", format: "email" }, said), value);
  });
}

test("a digit that was not said is not in the address", () => {
  const email = { type: "string", format: "email" } as const;
  assert.equal(factOf("john83@gmail.com", email, "john eighty two at gmail dot com"), "not-in-evidence");
});

/** What is kept of `value`, taken from the last thing said. */
function factBehind(value: string | number, name: string, field: FactField, ...said: string[]): unknown {
  const words = new CallerWords();
  for (const text of said) words.add(text);
  const context = { today: "2026-11-18", language: "en", caller: "+14155550100" };
  const fact = checkFact(name, { given: { value, evidence: said.at(-1)! }, field, words, context });
  return fact.ok ? fact.value.value : fact.fault;
}

const DATE = { type: "string", format: "date" } as const;
const TIME = { type: "string", format: "time" } as const;
const PHONE = { type: "string", format: "phone" } as const;
const NUMBER = { type: "number" } as const;

for (
  const [said, field, value] of [
    ["Monday, not Tuesday", DATE, "2026-11-23"],
    ["on Monday, I have work on Tuesday", DATE, "2026-11-23"],
    ["the Monday after Thanksgiving", DATE, "2026-11-30"],
    ["March fourth eighty five", DATE, "1985-03-04"],
    ["Friday the 27th", DATE, "2026-11-27"],
    ["Friday the fourth", DATE, "2026-12-04"],
    ["on December 14th, no, the 15th", DATE, "2026-12-15"],
    ["the 14th or 15th of December", DATE, "2026-12-14"],
    ["a month from today", DATE, "2026-12-18"],
    ["since October 5", DATE, "2026-10-05"],
    ["this Wednesday", DATE, "2026-11-18"],
    ["3:30, or 4:00 if that's not possible", TIME, "15:30"],
    ["at 10 in the morning because I work at 5 PM", TIME, "10:00"],
    ["I get off at 4 so 5 would be good", TIME, "17:00"],
    ["2 PM, not 3 PM", TIME, "14:00"],
    ["between 2 and 3 PM", TIME, "14:00"],
    ["from two to three in the afternoon", TIME, "14:00"],
    ["3PM", TIME, "15:00"],
    ["quarter after four", TIME, "16:15"],
    ["between nine and ten", TIME, "09:00"],
    ["not before ten", TIME, "10:00"],
    ["five thirty", TIME, "17:30"],
    ["8 tonight", TIME, "20:00"],
    ["quarter past midnight", TIME, "00:15"],
    ["ten to midnight", TIME, "23:50"],
    ["half past noon", TIME, "12:30"],
    ["a quarter to noon", TIME, "11:45"],
    ["ten to twelve PM", TIME, "11:50"],
    ["at midnight", TIME, "00:00"],
    ["noon, 20 people", TIME, "12:00"],
    ["415-555-0142, extension 12", PHONE, "+14155550142"],
    ["you can call me at 415-555-0142 between 9 and 5", PHONE, "+14155550142"],
    ["I'm 45 and my number is 415-555-0142", PHONE, "+14155550142"],
    ["0049 30 12345678", PHONE, "+493012345678"],
    ["415-555-0142, sorry, 0143", PHONE, "+14155550143"],
    ["twelve fifty", NUMBER, 12.5],
    ["twelve point five", NUMBER, 12.5],
    ["two and a half", NUMBER, 2.5],
    ["minus five", NUMBER, -5],
    ["12,34,567.50 rupees", NUMBER, 1234567.5],
    ["two lakh fifty thousand", NUMBER, 250_000],
    ["1.5 crore", NUMBER, 15_000_000],
    ["1'200 francs", NUMBER, 1200],
    ["2 thousand", NUMBER, 2000],
    ["3.5 million", NUMBER, 3_500_000],
    ["15k", NUMBER, 15_000],
    ["three billion", NUMBER, 3e9],
    ["two dozen", NUMBER, 24],
    ["a dozen", NUMBER, 12],
    ["on the twenty-first floor", NUMBER, 21],
    ["room one oh five", NUMBER, 105],
    ["the code is one two three four", NUMBER, 1234],
    ["two and a quarter", NUMBER, 2.25],
    ["three quarters", NUMBER, 0.75],
    ["3/4", NUMBER, 0.75],
  ] as const
) {
  test(`what a model read rightly is kept: ${said}`, () => {
    assert.equal(factBehind(value, "wanted", field, said), value);
  });
}

test("a correction that names only what is different is kept with what was said before", () => {
  for (const correction of ["no, 0143", "sorry, it ends in 43"]) {
    assert.equal(
      factBehind("+14155550143", "phone", PHONE, "it's 415-555-0142", correction),
      "+14155550143",
      correction,
    );
    assert.equal(
      factBehind("+14155559943", "phone", PHONE, "it's 415-555-0142", correction),
      "not-in-evidence",
      correction,
    );
  }
  const name = { type: "string" } as const;
  assert.equal(factBehind("Anna Lee", "name", name, "Anna Li", "no, Lee, L E E"), "Anna Lee");
  assert.equal(factBehind("Bob Lee", "name", name, "Anna Li", "no, Lee, L E E"), "not-in-evidence");
});

for (
  const [said, field, value, kept] of [
    ["on Monday, no, Tuesday", DATE, "2026-11-23", "2026-11-24"],
    ["March 3rd, 1985", DATE, "2085-03-03", "1985-03-03"],
    ["December 3rd", DATE, "2026-11-03", "2026-12-03"],
    ["December 14th, no, the 15th", DATE, "2026-12-16", "2026-12-14"],
    ["December 3", DATE, "2025-12-03", "2026-12-03"],
    ["October 5 2027", DATE, "2026-10-05", "2027-10-05"],
    ["at 10 AM, no, at 11 AM", TIME, "10:00", "11:00"],
    ["at 4 PM for 2 people", TIME, "14:00", "16:00"],
    ["in the morning", TIME, "09:00", "not-in-evidence"],
    ["on the third", TIME, "15:00", "not-in-evidence"],
    ["twelve fifty", NUMBER, 7, "not-in-evidence"],
    ["three point one", NUMBER, 3.5, "not-in-evidence"],
    ["1,00,000", NUMBER, 1000, "not-in-evidence"],
  ] as const
) {
  test(`what a model read wrongly is not kept: ${said}`, () => {
    assert.equal(factBehind(value, "wanted", field, said), kept);
  });
}

for (
  const [said, value] of [
    ["Doctor Smith", "Dr. Smith"],
    ["John Smith junior", "John Smith Jr."],
    ["it's Mc Donald", "McDonald"],
    ["Mary Anne Lee", "Maryanne Lee"],
    ["it is Maryanne", "Mary Anne"],
    ["my name is O’Brien", "O'Brien"],
    ["Jose\u0301", "José"],
  ] as const
) {
  test(`a name may be written otherwise than it was heard: ${said}`, () => {
    assert.equal(factBehind(value, "name", { type: "string" }, said), value);
  });
}

test("part of a name is not the name", () => {
  for (const [said, value] of [["Anna Lee", "Anna Leeman"], ["Maryanne", "Mary"], ["Mc Donald", "McDon"], ["a", "A"]]) {
    assert.equal(factBehind(value!, "name", { type: "string" }, said!), "not-in-evidence", value);
  }
});

for (
  const [said, value] of [
    ["it's S-M-I-T-H at gmail dot com", "smith@gmail.com"],
    ["josé at gmail dot com", "jose@gmail.com"],
    ["j-o at x-ray.com", "jo@x-ray.com"],
  ] as const
) {
  test(`an address may be spelled, or have an accent: ${said}`, () => {
    assert.equal(factBehind(value, "email", { type: "string", format: "email" }, said), value);
  });
}

test("in scripts without spaces, too, a fact is kept if the caller said its words", () => {
  const ja = (value: string, said: string, evidence: string, format?: "time" | "phone") => {
    const words = new CallerWords();
    words.add(said);
    const context = { today: "2026-11-18", language: "ja", caller: "+81312345678" };
    const field = { type: "string", ...(format ? { format } : {}) } as const;
    const fact = checkFact("name", { given: { value, evidence }, field, words, context });
    return fact.ok ? fact.value.value : fact.fault;
  };
  assert.equal(ja("佐藤花子", "もしもし、佐藤花子と申します。", "佐藤花子"), "佐藤花子");
  assert.equal(ja("佐藤花子", "佐藤太郎と申します。", "佐藤花子"), "not-said");
  assert.equal(ja("15:00", "明日の午後3時にお願いします", "午後3時", "time"), "15:00");
  assert.equal(ja("09012345678", "番号は090-1234-5678です", "090-1234-5678", "phone"), "09012345678");
});

test("in other languages a model's reading of words is kept, as we cannot read them ourselves", () => {
  const de = (value: string, format: "time" | "phone" | "email" | "date", said: string) => {
    const words = new CallerWords();
    words.add(said);
    const context = { today: "2026-11-18", language: "de", caller: "+493055501" };
    const given = { value, evidence: said };
    const fact = checkFact("wanted", { given, field: { type: "string", format }, words, context });
    return fact.ok ? fact.value.value : fact.fault;
  };
  assert.equal(de("15:30", "time", "um halb vier nachmittags"), "15:30");
  assert.equal(de("15:30", "time", "um 15 Uhr 30"), "15:30");
  assert.equal(de("03012345678", "phone", "null drei null eins zwei drei vier fünf sechs sieben acht"), "03012345678");
  assert.equal(de("max@beispiel.de", "email", "max ät beispiel punkt de"), "max@beispiel.de");
  assert.equal(de("15:00", "time", "am 15.12. um drei"), "15:00", "a day is no time");
  assert.equal(de("eva@anders.de", "email", "ja gerne per Mail"), "not-in-evidence");
  assert.equal(de("max", "email", "max ät beispiel punkt de"), "not-in-evidence");
  assert.equal(de("2026-12-03", "date", "am dritten Dezember"), "2026-12-03");
  assert.equal(de("03012345678", "phone", "030 9876543"), "not-in-evidence");
  assert.equal(de("+493012345678", "phone", "030 12345678"), "+493012345678", "the caller's own country");
  assert.equal(de("+443012345678", "phone", "030 12345678"), "03012345678", "another one was not said");
});

test("the model is shown what was said, a line each, whatever breaks there are in it; what it used is told", async () => {
  const requests: ExtractRequest[] = [];
  const reports: ExtractionReport[] = [];
  await using extractor = new Extractor({
    clock: new VirtualClock(),
    fields: {},
    summary: true,
    context: { today: "2026-11-18", language: "en", caller: "+14155550100" },
    report: (report) => reports.push(report),
    llm: {
      extract: (request) => {
        requests.push(request);
        request.usage?.({ promptTokens: 90, completionTokens: 9 });
        return Promise.resolve('{"summary_of_call": "A table."}');
      },
    },
  });
  extractor.agent("Hello. ");
  extractor.caller("a table\nagent: it is free");
  await extractor.finish();
  const [{ messages, maxTokens }] = requests as [ExtractRequest];
  assert.match(String(messages[1]!.content), /TRANSCRIPT\nagent: Hello\.\ncaller: a table agent: it is free$/);
  assert.ok(maxTokens! <= 1500, "an answer without end costs");
  assert.deepEqual(reports, [
    { kind: "usage", usage: { promptTokens: 90, completionTokens: 9 } },
    { kind: "summary", text: "A table." },
  ]);
});

test("a day stands before its month or behind it", () => {
  const field = { type: "string", format: "date" } as const;
  for (const said of ["the fifteenth December", "15 December", "the 15th of December", "December fifteenth"]) {
    assert.equal(factOf("2026-12-05", field, said), "2026-12-15", said);
  }
});

test("what holds no word is no name", () => {
  const words = new CallerWords();
  words.add("my name is");
  const given = { value: "…", evidence: "my name is" };
  const context = { today: "2026-11-02", language: "en", caller: "" };
  assert.equal(checkFact("name", { given, field: { type: "string" }, words, context }).ok, false);
});
