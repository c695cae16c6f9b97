/** What a call has cost, roughly: published list prices, in US dollars. Discounts, free credits and taxes are unknown here. Pure. */

import type { CallRecord } from "../call/notice.ts";

/** When the prices below were read. */
const PRICES_AS_OF = "2026-11";

/** A minute of an inbound US call to a local number, and of its media stream. Twilio bills whole minutes. */
const CARRIER_PER_MINUTE = 0.0085;
const STREAM_PER_MINUTE = 0.004;
/** Deepgram's Voice Agent, 4.50 an hour: hearing, thinking with a managed model, and speaking. */
const AGENT_PER_MINUTE = 0.075;

/** Per minute heard, by the beginning of the model's name. */
const LISTEN: readonly (readonly [name: string, perMinute: number])[] = [["flux", 0.0077], ["nova", 0.0077]];
/** Per 1000 characters spoken. */
const SPEAK: readonly (readonly [name: string, perThousand: number])[] = [["aura-2", 0.03], ["aura", 0.015], [
  "sonic",
  0.065,
]];
/** Per million tokens, in and out; the longer name first. */
const THINK: readonly (readonly [name: string, input: number, output: number])[] = [
  ["openai/gpt-oss-20b", 0.075, 0.3],
  ["openai/gpt-oss-120b", 0.15, 0.6],
  ["gpt-4.1-nano", 0.1, 0.4],
  ["gpt-4.1-mini", 0.4, 1.6],
  ["gpt-4o-mini", 0.15, 0.6],
];

export interface CostEstimate {
  /** Of all parts whose price is known. */
  usd: number;
  parts: { carrier?: number; agent?: number; listen?: number; think?: number; speak?: number };
  /** Used, but without a price in our table. */
  unknown: string[];
  pricesAsOf: string;
}

/** The cost of a call that is over; of a live one, so far as it is known. */
export function estimateCost({ durationMs = 0, engine, models, usage }: CallRecord): CostEstimate {
  const minutes = Math.ceil(durationMs / 60_000);
  const parts: CostEstimate["parts"] = { carrier: minutes * (CARRIER_PER_MINUTE + STREAM_PER_MINUTE) };
  const unknown: string[] = [];
  const priceOf = <Price extends readonly [string, ...number[]]>(
    table: readonly Price[],
    model: string | undefined,
  ) => {
    const price = table.find(([name]) => model?.startsWith(name));
    if (!price) unknown.push(model ?? "a model that is not recorded");
    return price;
  };
  if (engine === "agent") parts.agent = durationMs / 60_000 * AGENT_PER_MINUTE;
  if (usage.sttSeconds && engine !== "agent") {
    parts.listen = usage.sttSeconds / 60 * (priceOf(LISTEN, models.listen)?.[1] ?? 0);
  }
  if (usage.voiceCharacters && engine !== "agent") {
    parts.speak = usage.voiceCharacters / 1000 * (priceOf(SPEAK, models.speak)?.[1] ?? 0);
  }
  const { promptTokens = 0, completionTokens = 0 } = usage;
  if (promptTokens + completionTokens > 0) {
    const [, input, output] = priceOf(THINK, models.think) ?? ["", 0, 0];
    parts.think = (promptTokens * input + completionTokens * output) / 1e6;
  }
  const usd = Object.values(parts).reduce((sum, part) => sum + part, 0);
  return { usd: Math.round(usd * 10_000) / 10_000, parts, unknown, pricesAsOf: PRICES_AS_OF };
}

/** A record as it is given away: with the estimate of its cost. */
export function withCost(record: CallRecord): CallRecord & { cost: CostEstimate } {
  return { ...record, cost: estimateCost(record) };
}
