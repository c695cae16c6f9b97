/** What rehearsal has instead of a language model: a few scripted answers, pure and always the same. */

import { exampleOf } from "./chat_request.ts";

/** What a brain is asked. */
export interface BrainTurn {
  prompt: string;
  /** What was said before, oldest first; the result of a call this turn has made is the last entry, of role `function`. */
  history: readonly BrainLine[];
  /** The caller's words of this turn; "" where someone spoke whom nobody can transcribe. */
  said: string;
  /** How long the caller spoke, ms. */
  spokeMs: number;
  functions: readonly BrainFunction[];
}

export interface BrainLine {
  role: "user" | "assistant" | "function";
  content: string;
}

export interface BrainFunction {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

/** What a brain does next. With a `call` it is asked once more, when the result has come. */
export interface BrainStep {
  say?: string;
  call?: { name: string; arguments: Record<string, unknown> };
  /** How long the thought takes. Default: the stand-in's. */
  thinkMs?: number;
}

export type Brain = (turn: BrainTurn) => BrainStep;

/** Who the scripted brain plays: plain data of the configuration. */
export interface Persona {
  name: string;
  routes: readonly { name: string; utterances: readonly string[]; text?: string }[];
  goodbye?: string;
}

const GOODBYES = ["goodbye", "good bye", "bye", "bye bye", "hang up"];
const GREETINGS = ["hello", "hi", "hey", "good morning", "good afternoon", "good evening"];
const THANKS = ["thank you", "thanks", "thank you very much", "many thanks"];
const WHO = [
  "who are you",
  "what are you",
  "are you a robot",
  "are you a bot",
  "are you human",
  "am i talking to a robot",
];
const HUMAN = [
  ...["talk to a human", "speak to a human", "talk to a person", "real person", "put me through", "transfer me"],
  "speak to someone",
];
const STORY = ["tell me a long story", "long story", "tell me a story"];

/** About 25 s of speech, to interrupt at leisure. */
const LONG_STORY = "Once upon a time there was a small telephone at the end of a very long road. " +
  "Every morning it rang once, and every morning nobody came to answer it in time. " +
  "One day a boy moved into the house beside it, and he could hear it through the open window. " +
  "He ran down the stairs, across the garden and over the wall, and still he came too late. " +
  "So he tied a string to the bell, and the other end of the string to his toe. " +
  "The next morning he was there at the first ring, and a voice said: good morning, this is your call.";

/**
 * The front desk of `persona`: answers with the best matching route, greets, says who it is, says goodbye (with `end_call`
 * where that function exists), puts through to a human (with `transfer_call`), tells a long story, else repeats what it heard.
 */
export function frontDeskBrain(persona: Persona): Brain {
  const goodbye = persona.goodbye ?? `Thank you for calling ${persona.name}. Goodbye.`;
  return ({ said, spokeMs, functions, history }) => {
    const result = history.at(-1);
    if (result?.role === "function") return afterCall(result.content);
    if (said.trim() === "") return { say: untranscribed(spokeMs) };
    const has = (name: string) => functions.some((candidate) => candidate.name === name);
    const is = (phrases: readonly string[]) => likeness(said, phrases) >= ENOUGH;

    const route = bestRoute(said, persona.routes);
    if (route?.text) return { say: route.text };
    if (is(STORY)) return { say: LONG_STORY };
    if (is(WHO)) return { say: `I am the AI assistant of ${persona.name}, in rehearsal. I am not a human.` };
    if (is(HUMAN)) {
      const transfer = functions.find(({ name }) => name === "transfer_call");
      if (!transfer) return { say: "In rehearsal there is nobody I could put you through to." };
      return {
        say: "One moment, I put you through.",
        call: { name: "transfer_call", arguments: exampleOf(transfer.parameters) as Record<string, unknown> },
      };
    }
    if (is(GOODBYES)) return { say: goodbye, ...(has("end_call") && { call: { name: "end_call", arguments: {} } }) };
    if (is(GREETINGS)) return { say: `Hello, this is ${persona.name}. How can I help you?` };
    if (is(THANKS)) return { say: "You are welcome. Is there anything else?" };
    return { say: `You said: ${withStop(said)} In rehearsal I only know a few answers.` };
  };
}

/** What a language model would say to the result of a call; nothing where all went well. */
function afterCall(result: string): BrainStep {
  return /error|refus|unknown|fail/i.test(result) ? { say: "I am sorry, that did not work." } : {};
}

function untranscribed(spokeMs: number): string {
  const seconds = Math.max(1, Math.round(spokeMs / 1000));
  return `I heard you speak for ${seconds === 1 ? "one second" : `${seconds} seconds`}. ` +
    "This is a rehearsal, so I cannot write down real speech, but the line works.";
}

/** A phrase counts as said when it shares this much of its words with what was said. */
const ENOUGH = 0.6;

function bestRoute(said: string, routes: Persona["routes"]): Persona["routes"][number] | undefined {
  let best: { route: Persona["routes"][number]; score: number } | undefined;
  for (const route of routes) {
    const score = likeness(said, route.utterances);
    if (score >= ENOUGH && score > (best?.score ?? 0)) best = { route, score };
  }
  return best?.route;
}

/** 0 to 1: how much of its words `said` shares with the phrase most like it. */
function likeness(said: string, phrases: readonly string[]): number {
  const words = new Set(wordsOf(said));
  return Math.max(
    0,
    ...phrases.map((phrase) => {
      const wanted = new Set(wordsOf(phrase));
      const shared = wanted.intersection(words).size;
      return shared / wanted.union(words).size;
    }),
  );
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().normalize("NFKC").match(/[\p{L}\p{N}']+/gu) ?? [];
}

function withStop(text: string): string {
  return /[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`;
}
