import assert from "node:assert/strict";
import { type Config, describeNotes, parseConfig } from "../lib/config.ts";
import { Routers } from "../lib/routers.ts";
import { test } from "./case.ts";

function configOf(settings: object): Config {
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "You answer the phone.", ...settings }),
    file: "config.json",
    env: {},
    readAsset: () => undefined,
  });
  if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
  return parsed.value.config;
}

test("of two reloads the later one's routes count, however long the earlier one takes to learn", async () => {
  const asked = (utterance: string) =>
    configOf({
      greeting: "Hello.",
      routes: [{ name: "hours", utterances: [utterance, `${utterance} please`], text: "From nine to five." }],
    });
  const routers = new Routers();
  const [first, second] = [asked("what are your opening hours"), asked("when do you open in the morning")];
  const gate = Promise.withResolvers<void>();
  const earlier = routers.train(first, () => gate.promise);
  await routers.train(second);
  assert.ok(routers.of(second.base), "the later one is there");
  gate.resolve();
  await earlier;
  assert.ok(routers.of(second.base), "and stays");
});

const GERMAN = [
  {
    name: "price",
    utterances: ["was kostet das", "wie viel kostet ein Termin", "wie hoch sind Ihre Preise"],
    text: "90.",
  },
  {
    name: "hours",
    utterances: ["wann haben Sie geöffnet", "wie lange haben Sie auf", "haben Sie am Samstag offen"],
    text: "9-5.",
  },
  { name: "who", utterances: ["wer sind Sie", "spreche ich mit einem Roboter", "sind Sie ein Mensch"], text: "Ich." },
  {
    name: "stop",
    utterances: ["rufen Sie mich nicht mehr an", "ich will keine Anrufe mehr", "hören Sie auf mich anzurufen"],
    text: "Gut.",
    then: "hangup",
  },
];

test("what means no route is known in the language of the call", async () => {
  const config = configOf({ greeting: "Hallo.", language: "de", routes: GERMAN });
  const routers = new Routers();
  await routers.train(config);
  const routeOf = (said: string) => routers.of(config.base)?.decide(said).route;
  for (
    const said of [
      "hören Sie mich denn",
      "was ist das denn",
      "haben Sie meine Nachricht bekommen",
      "nehmen Sie mich als Patient",
      "sind Sie am Montag da",
      "wie lange muss ich warten",
      "ich will keine Probleme",
      "was haben Sie gefragt",
    ]
  ) assert.equal(routeOf(said), undefined, said);
  for (
    const [said, route] of [
      ["was kostet ein Termin bei Ihnen", "price"],
      ["wann haben Sie offen", "hours"],
      ["sind Sie ein Roboter", "who"],
      ["bitte rufen Sie mich nicht mehr an", "stop"],
      ["keine Anrufe mehr bitte", "stop"],
    ]
  ) assert.equal(routeOf(said!), route, said);
});

test("each number's own routes have a router of their own, equal ones share one", async () => {
  const routes = (name: string, ...utterances: string[]) => [{ name, utterances, text: "Yes." }];
  const price = routes("price", "how much is it", "what does it cost");
  const config = configOf({
    routes: price,
    numbers: {
      "+15550101": { routes: routes("who", "who are you", "are you a robot") },
      "+15550102": { name: "Desk" },
    },
  });
  const routers = new Routers();
  await routers.train(config);
  const [own, same] = Object.values(config.numbers);
  assert.equal(routers.of(own!)?.decide("who are you").route, "who");
  assert.equal(routers.of(config.base)?.decide("how much is it").route, "price");
  assert.equal(routers.of(same!), routers.of(config.base));
});
