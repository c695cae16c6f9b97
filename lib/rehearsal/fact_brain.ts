/** What rehearsal has instead of a model that reads transcripts: a few plain rules. Pure. It sees only what a vendor would be sent. */

import type { ChatThought } from "./chat.ts";
import { type ChatRole, plainText } from "./chat_request.ts";

interface Found {
  value: string | boolean;
  evidence: string;
}

const NUMBER_WORD = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple|\\d+";

/** How each field is found in one thing the caller said: the first group is the value. */
const RULES: Readonly<Record<string, (said: string) => Found | undefined>> = {
  name: byPattern(/\b(?:my name is|this is|i am called|my name's)\s+(\p{L}[\p{L}'-]*(?:\s+\p{Lu}[\p{L}'-]*)?)/iu),
  phone: byPattern(new RegExp(`((?:\\+?(?:${NUMBER_WORD})[\\s.-]*){7,})`, "i")),
  intent: byPattern(
    /\b(?:i would like to|i'd like to|i want to|i need to|i'm calling to|i am calling to)\s+([^.,;!?]+)/i,
  ),
  next_step: byPattern(/\b(?:please|could you|can you)\s+((?:call|send|book|text|email|write)\b[^.,;!?]*)/i),
  consent_to_follow_up: (said) => {
    const no = said.match(/\b(?:do not|don't|never)\s+(?:call|contact|text|write)\b[^.,;!?]*/i)?.[0];
    if (no) return { value: false, evidence: no };
    const yes = said.match(/\byou (?:may|can)\s+(?:call|contact|text|write)\b[^.,;!?]*/i)?.[0];
    return yes ? { value: true, evidence: yes } : undefined;
  },
};

function byPattern(pattern: RegExp): (said: string) => Found | undefined {
  return (said) => {
    const value = said.match(pattern)?.[1]?.trim();
    return value ? { value, evidence: value } : undefined;
  };
}

/** Whether these messages ask for facts: an order to read a transcript, and the transcript. */
export function asksForFacts(messages: readonly ChatRole[]): boolean {
  return messages.some(({ role, content }) => role === "user" && /^TRANSCRIPT$/m.test(plainText(content)));
}

/** The facts in the transcript, as JSON, for each field of `schema`; the newest wins. Fields it has no rule for are null. */
export function factBrain(messages: readonly ChatRole[], schema: Record<string, unknown>): ChatThought {
  const asked = messages.find(({ role, content }) => role === "user" && /^TRANSCRIPT$/m.test(plainText(content)));
  const lines = plainText(asked?.content).split(/^TRANSCRIPT$/m)[1]?.trim().split("\n") ?? [];
  const said = lines.flatMap((line) => line.match(/^caller: (.*)$/)?.[1] ?? []);
  const properties = typeof schema.properties === "object" && schema.properties !== null ? schema.properties : {};
  const facts: Record<string, unknown> = {};
  for (const field of Object.keys(properties)) {
    const rule = Object.hasOwn(RULES, field) ? RULES[field] : undefined;
    facts[field] = said.reduce<Found | null>((found, text) => rule?.(text) ?? found, null);
    if (field.startsWith("summary")) {
      facts[field] = `The caller spoke ${said.length} time${said.length === 1 ? "" : "s"}. (Rehearsal)`;
    }
  }
  return { text: JSON.stringify(facts) };
}
