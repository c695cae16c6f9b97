import assert from "node:assert/strict";
import * as z from "zod";
import { backgroundIn } from "../../lib/routing/background_languages.ts";
import { type RouteExamples, trainRouter } from "../../lib/routing/router.ts";
import { test } from "../case.ts";

const Config = z.object({
  routes: z.array(z.object({
    name: z.string(),
    utterances: z.array(z.string()),
    match: z.enum(["whole", "anywhere"]).default("whole"),
    then: z.string().default("continue"),
  })),
});

/** The routes of the example configuration. */
const ROUTES: RouteExamples[] = Config.parse(
  JSON.parse(Deno.readTextFileSync(new URL("../../config.json", import.meta.url))),
)
  .routes.map(({ then, ...route }) => ({ ...route, strict: then !== "continue" }));

/** Ten ways to say each that share few words with the examples. */
const PARAPHRASES: Readonly<Record<string, readonly string[]>> = {
  pricing: [
    "how much does it cost",
    "what's the price for an appointment",
    "could you tell me what you charge please",
    "what would that cost me",
    "um how much would a visit be",
    "how expensive is a consultation",
    "what are your rates",
    "is there a fee for the first visit",
    "can you give me a price",
    "what do I have to pay for a visit",
  ],
  who_are_you: [
    "are you a robot",
    "who is this",
    "am I speaking to a human",
    "is this a machine",
    "are you a real human being",
    "who am I talking to",
    "wait are you an AI",
    "is this a real person",
    "what is your name and who are you",
    "am I talking to a computer",
  ],
  stop: [
    "please stop calling me",
    "don't call me anymore",
    "take my number off your list",
    "remove me from your list",
    "stop calling this number",
    "never call me again",
    "quit calling me",
    "I want you to stop calling me",
    "please remove my number from your list",
    "take me off the calling list",
  ],
  emergency: [
    "my chest hurts and there is pain in my left arm",
    "he says he has a terrible pain in his chest",
    "help I can not breathe",
    "my husband can't breathe properly",
    "I think I'm having a heart attack",
    "hello I have really bad chest pains since this morning",
    "my daughter is having trouble breathing",
    "he is bleeding a lot from his leg",
    "this is a real emergency please hurry",
    "I wanted an appointment but my father is having a heart attack",
  ],
  opening_hours: [
    "what are your hours",
    "when do you open",
    "how late are you open",
    "until what time are you open today",
    "are you open on sundays",
    "what time do you open in the morning",
    "at what time are you closing",
    "can you tell me your business hours",
    "are you open this weekend",
    "when do you close on friday",
  ],
  location: [
    "where are you",
    "where is the clinic located",
    "can you give me the address",
    "what street are you on",
    "how can I get there",
    "where exactly is your office located",
    "what's the address of the clinic",
    "I need directions to your office",
    "could you tell me your address",
    "how do I find you",
  ],
};

/** What shares a word or a tune with a route, and means something else. */
const NEAR_MISSES = [
  "stop, let me finish",
  "the price of success",
  "how much longer",
  "how much time do I have",
  "how much does the baby weigh now",
  "how many people work there",
  "it cost me a lot of sleep",
  "I already paid the bill",
  "my insurance pays for everything",
  "who is my doctor",
  "who was that",
  "who are they",
  "who should I ask for",
  "who told you that",
  "I am talking to my wife",
  "are you sure",
  "are you there",
  "are you ready",
  "is this the right number",
  "this is my real name",
  "I work with robots",
  "stop",
  "wait stop",
  "please stop talking",
  "stop the music",
  "I could not stop laughing",
  "call me back tomorrow",
  "please call me again next week",
  "call me on my other number",
  "my number is five five five one two three",
  "take me through the list",
  "put me on the waiting list",
  "remove the appointment on friday",
  "I missed your call",
  "open the door",
  "my mouth does not open very well",
  "the window is open",
  "I opened an account",
  "are you open to suggestions",
  "is the position still open",
  "close my file please",
  "we are close friends",
  "what time is my appointment",
  "what time is it",
  "when are you calling me back",
  "when is the doctor back from holiday",
  "on saturday at ten please",
  "where are my test results",
  "where is my doctor",
  "where does it hurt",
  "where were we",
  "where did you get my number",
  "my address is twelve oak lane",
  "I moved to a new address",
  "how do I get my results",
  "how do I get a refund",
  "how do I get an appointment",
  "I don't have chest pain",
  "there was no bleeding at all",
  "it's a pain to fill in all these forms",
];

let training: ReturnType<typeof trainRouter> | undefined;
const trained = () => training ??= trainRouter(ROUTES);

/** Near misses that today's model takes for a route: each is a fault we know of, and there must not be more. */
const KNOWN_WRONG = ["are you open to suggestions", "who are they"];

test("no near miss but the known ones reaches a route", async () => {
  assert.equal(NEAR_MISSES.length, 60);
  const router = await trained();
  const wrong = NEAR_MISSES.map((said) => ({ said, ...router.decide(said) })).filter(({ said, route }) =>
    route !== undefined && !KNOWN_WRONG.includes(said)
  );
  assert.deepEqual(wrong.map(({ said, route, score }) => `${said} -> ${route} ${score.toFixed(2)}`), []);
});

test("paraphrases reach their route, and never another", async () => {
  const router = await trained();
  const missed: string[] = [], wrong: string[] = [];
  let said = 0;
  for (const [name, list] of Object.entries(PARAPHRASES)) {
    for (const text of list) {
      said++;
      const { route, score, ranked } = router.decide(text);
      if (route === undefined) missed.push(`${text} -> ${ranked[0]?.name} ${score.toFixed(2)}`);
      else if (route !== name) wrong.push(`${text} -> ${route} ${score.toFixed(2)}`);
    }
  }
  assert.equal(said, 60);
  assert.deepEqual(wrong, []);
  assert.ok(missed.length <= 12, `${missed.length} of 60 paraphrases missed:\n${missed.join("\n")}`);
});

test("a denied emergency is none, however it is denied", async () => {
  const router = await trained();
  for (
    const said of [
      "I don't think it's an emergency",
      "I wouldn't say this is an emergency",
      "it's not like it's an emergency",
      "it's not exactly an emergency",
      "it's not a life threatening emergency",
      "I have no trouble breathing",
      "I'm not having trouble breathing",
      "no chest pain, no trouble breathing",
      "I don't have chest pain or trouble breathing",
      "neither chest pain nor trouble breathing",
      "nobody has chest pain",
      "I did not take an overdose",
    ]
  ) assert.equal(router.decide(said).route, undefined, said);
});

test("a denial of something else does not hide an emergency", async () => {
  const router = await trained();
  for (
    const said of [
      "no this is an emergency",
      "no I have chest pain",
      "not only chest pain I can't breathe",
      "I don't feel well I have chest pain",
      "I'm not joking this is an emergency",
      "I don't care this is an emergency",
      "I don't think he is well he has chest pain",
      "I don't think I can breathe",
      "don't you think this is an emergency",
      "it is not good he has trouble breathing",
      "I don't know if it is an emergency but she's bleeding a lot",
      "it's not a joke it's an emergency",
      "it's not an emergency, but I have chest pain",
      "no chest pain, but he has trouble breathing",
      "she is not breathing",
      "nobody answers and he has chest pain",
      "I can't breathe or talk, this is an emergency",
    ]
  ) assert.equal(router.decide(said).route, "emergency", said);
});

test("who only mentions an emergency does not take its route", async () => {
  const router = await trained();
  for (
    const said of [
      "what should I do in an emergency",
      "in case of an emergency whom do I call",
      "my emergency contact is my wife",
      "what is your emergency number",
      "I was in the emergency room last week",
      "I had a heart attack two years ago",
      "my mother had chest pain last year",
    ]
  ) assert.equal(router.decide(said).route, undefined, said);
  for (
    const said of [
      "I had a heart attack two years ago and now I have chest pain",
      "we are in an emergency",
      "this is an emergency number five oak lane",
      "the emergency room is closed and he has chest pain",
      "chest pain as I had last year but worse, I had a stroke an hour ago",
    ]
  ) assert.equal(router.decide(said).route, "emergency", said);
  const own = await trainRouter([{
    name: "room",
    match: "anywhere",
    utterances: ["the emergency room", "in an emergency"],
  }]);
  assert.equal(own.decide("please tell me where the emergency room is").route, "room", "its own examples");
});

test("a no between marks answers a question, and denies nothing", async () => {
  const router = await trained();
  assert.equal(router.decide("No, chest pain!").route, "emergency");
  assert.equal(router.decide("No, no chest pain.").route, undefined);
  const spanish = await trainRouter([{ name: "urgent", match: "anywhere", utterances: ["es una emergencia"] }]);
  for (const said of ["No, es una emergencia.", "¿Una cita? No, ¡es una emergencia!"]) {
    assert.equal(spanish.decide(said).route, "urgent", said);
  }
  for (const said of ["No es una emergencia.", "No, no es una emergencia."]) {
    assert.equal(spanish.decide(said).route, undefined, said);
  }
});

test("a route that hangs up is not taken by who says the opposite", async () => {
  const router = await trained();
  for (const said of ["please call me again", "do not stop calling me", "don't take me off your list"]) {
    assert.equal(router.decide(said).route, undefined, said);
  }
  assert.equal(router.decide("don't ever call me again").route, "stop");
});

test("in other languages, too, a phrase counts anywhere, its small words count for nothing, and its denial counts", async () => {
  const anywhere = (...utterances: string[]) => trainRouter([{ name: "urgent", match: "anywhere", utterances }]);
  const german = await anywhere("das ist ein Notfall", "starke Schmerzen in der Brust", "Atemnot");
  for (const said of ["das ist gut", "das ist ein Termin", "das ist kein Notfall", "nein ich habe keine Atemnot"]) {
    assert.equal(german.decide(said).route, undefined, said);
  }
  assert.equal(german.decide("nein er hat Atemnot").route, "urgent");
  assert.equal(german.decide("hallo ich glaube das ist ein Notfall").route, "urgent");
  const french = await anywhere("c'est une urgence", "mal à la poitrine");
  assert.equal(french.decide("non c'est une urgence").route, "urgent");
  for (const said of ["c'est une question", "j'ai un rendez-vous", "il n'y a pas d'urgence"]) {
    assert.equal(french.decide(said).route, undefined, said);
  }
  const spanish = await anywhere("es una emergencia", "dolor en el pecho", "no puedo respirar");
  for (const said of ["es una cita", "no puedo ir el lunes"]) assert.equal(spanish.decide(said).route, undefined, said);
  assert.equal(spanish.decide("ayuda no puedo respirar").route, "urgent");
  assert.equal(spanish.decide("hola mi padre tiene un dolor en el pecho muy fuerte").route, "urgent");
});

test("Japanese, too, is routed by its words, though no space parts them", async () => {
  const router = await trainRouter([
    { name: "price", match: "whole", utterances: ["いくらですか", "料金を教えてください", "費用はどれくらいですか"] },
    {
      name: "hours",
      match: "whole",
      utterances: ["何時に開きますか", "営業時間を教えてください", "土曜日は開いていますか"],
    },
    { name: "urgent", match: "anywhere", utterances: ["胸が痛いです", "息ができません", "緊急です", "救急車を呼んで"] },
  ], { outOfScope: backgroundIn("ja") });
  for (
    const [said, route] of [
      ["すみません、料金はいくらですか", "price"],
      ["おいくらですか", "price"],
      ["営業時間は何時までですか", "hours"],
      ["明日は何時に開きますか", "hours"],
      ["すごく胸が痛いんです", "urgent"],
      ["母が胸が痛いと言っています", "urgent"],
      ["あの、息ができないんです", "urgent"],
      ["緊急なんです", "urgent"],
    ] as const
  ) assert.equal(router.decide(said).route, route, said);
  for (
    const said of [
      ...[
        "はい",
        "もしもし",
        "予約をお願いします",
        "折り返し電話してください",
        "誰が電話をくれましたか",
        "住所が変わりました",
      ],
      ...[
        "緊急ではありません",
        "胸は痛くないです",
        "どうすればいいですか",
        "もっとゆっくり話してください",
        "薬が足りません",
      ],
    ]
  ) assert.equal(router.decide(said).route, undefined, said);
});
