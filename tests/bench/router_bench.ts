/** How long one query of the routes takes: a match, a near miss, a long sentence and a search within one. */

import { trainRouter } from "../../lib/routing/router.ts";

const router = await trainRouter([
  { name: "pricing", match: "whole", utterances: ["how much is it", "what does a visit cost", "what do you charge"] },
  { name: "who_are_you", match: "whole", utterances: ["who are you", "am I talking to a robot", "are you a machine"] },
  { name: "stop", match: "whole", strict: true, utterances: ["stop calling me", "take me off your list"] },
  { name: "hours", match: "whole", utterances: ["when are you open", "what are your opening hours"] },
  { name: "emergency", match: "anywhere", utterances: ["chest pain", "I can't breathe"] },
]);

const QUERIES = {
  "word for word": "what does a visit cost",
  "in other words": "could you tell me what you would charge me for a visit",
  "none of them": "I would like to move my appointment to next Tuesday",
  "an emergency in a sentence":
    "well I was gardening and then all of a sudden I had this chest pain and now I am a bit worried about it",
};

for (const [name, query] of Object.entries(QUERIES)) {
  Deno.bench(`route query: ${name}`, () => void router.decide(query));
}
