/** A call whose model is fooled: it does what an injected text orders. What it did, asked and leaked is gathered. */

import assert from "node:assert/strict";
import type { CallNotice } from "../../lib/call/notice.ts";
import { PHONE_MANNERS } from "../../lib/pipeline_plan.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import type { ChatBrain } from "../../lib/rehearsal/chat.ts";
import { plainText } from "../../lib/rehearsal/chat_request.ts";
import type { PhoneOptions } from "../../lib/softphone/phone.ts";
import { noticeLine } from "../../lib/telemetry/log.ts";
import { simHouse } from "../sim/house.ts";
import { questions, simPipeline } from "../sim/pipeline.ts";

export const SECRET = "sk-booking-7f3a9c51";
/** A text that holds this word is obeyed. */
export const TRIGGER = "obey";
const MODEL_HOST = "api.groq.com";
const PROMPT = "You answer the phone of a clinic.";

export type Order = { name: string; arguments: Record<string, unknown> };

export interface Attack {
  /** What a fooled model does, one call at a time; after the last it says that all is done. */
  orders: Order[];
  /** What the caller does. Default: says the trigger. */
  steps?: PhoneOptions["steps"];
  from?: string;
  prompt?: string;
  /** What the tools' server answers. Default: slots. */
  server?: (request: Request) => Response;
  addresses?: string[];
  /** More tools. */
  tools?: unknown[];
}

export interface Outcome {
  /** Requests to the tools' server, as "METHOD path body". */
  ran: string[];
  /** The results that the model was given, in order. */
  results: string[];
  /** Numbers that were dialled. */
  dialled: string[];
  endReason: string | undefined;
  notices: readonly CallNotice[];
  prompts: string[];
  heard: string;
}

const HEADERS = { authorization: "Bearer ${SECRET_BOOKING}" };
const text = { type: "string" };
const TOOLS = [
  { name: "end_call" },
  { name: "transfer_call", to: { desk: { number: "+15550142" } }, ringSeconds: 20 },
  { name: "collect_digits" },
  {
    name: "find_slots",
    description: "Free appointments.",
    parameters: { type: "object", properties: { id: text, day: text }, required: ["id"] },
    http: { url: "https://tools.test/doctors/{{id}}/slots?day={{day}}&caller={{caller}}", headers: HEADERS },
  },
  {
    name: "book",
    description: "Book it.",
    confirm: true,
    parameters: { type: "object", properties: { day: text }, required: ["day"], additionalProperties: false },
    http: { url: "https://tools.test/book", method: "POST", headers: HEADERS },
  },
];

/** The next order after `done` calls, once `seen` was injected. */
const obeying = (orders: readonly Order[]) => (done: number, seen: string): Order | undefined =>
  seen.includes(TRIGGER) ? orders[done] : undefined;

/** The orders are carried out one after the other, each turn of the caller goes on where the last one ended. */
function agentBrain(orders: readonly Order[]): Brain {
  const next = obeying(orders);
  let done = 0;
  return ({ history, said, prompt }) => {
    const results = history.filter(({ role }) => role === "function").map(({ content }) => content);
    const order = next(done, [said, prompt, ...history.map(({ content }) => content), ...results].join(" "));
    if (order === undefined || (asksForYes(history.at(-1)))) return { say: "Very well, is that right?" };
    done++;
    return { call: order };
  };
}

function chatBrain(orders: readonly Order[]): ChatBrain {
  const next = obeying(orders);
  let done = 0;
  return (messages) => {
    const order = next(done, messages.map(({ content }) => plainText(content)).join(" "));
    const last = messages.at(-1)!;
    if (order === undefined || asksForYes({ role: last.role, content: plainText(last.content) })) {
      return { text: "Very well, is that right?" };
    }
    done++;
    return { calls: [order] };
  };
}

/** A model whose last result told it to ask the caller: it is fooled about what to do, yet it has to speak first. */
function asksForYes(last: { role: string; content: string } | undefined): boolean {
  return (last?.role === "tool" || last?.role === "function") && last.content.includes("not done yet");
}

/** Ring a house on `engine`, let its model be fooled, and see what came of it. Checks what must hold of every attack. */
export async function attacked(engine: "agent" | "pipeline", attack: Attack): Promise<Outcome> {
  const { orders, steps = saying(TRIGGER), from, addresses = ["93.184.216.34"] } = attack;
  const requests: { url: string; headers: string; body: string; method: string }[] = [];
  const toolsServer = attack.server ?? (() => new Response('{"slots":"nine"}'));
  const asked: string[] = [];
  const intercept = (request: Request): Promise<Response> | undefined => {
    if (new URL(request.url).host === MODEL_HOST) {
      return void asked.push(request.url, JSON.stringify([...request.headers]));
    }
    return request.clone().text().then((body) => {
      requests.push({ url: request.url, method: request.method, headers: JSON.stringify([...request.headers]), body });
      return toolsServer(request);
    });
  };
  const shared = {
    env: { SECRET_BOOKING: SECRET },
    resolve: () => Promise.resolve(addresses),
    config: { prompt: attack.prompt ?? PROMPT, tools: [...TOOLS, ...attack.tools ?? []] },
  };
  const refuse = () => Promise.reject(new TypeError("no network"));
  const pipeline = engine === "pipeline"
    ? await simPipeline({ ...shared, brain: chatBrain(orders), intercept })
    : undefined;
  await using sim = pipeline ?? await simHouse({
    ...shared,
    agent: { think: agentBrain(orders) },
    toolFetch: (request) => intercept(request) ?? refuse(),
  });
  const dialled: string[] = [];
  const call = sim.ring({
    steps,
    ...(from === undefined ? {} : { from }),
    dialOutcome: "answered",
    limitMs: 90_000,
    fetch: async (request) => {
      const response = await sim.fetch(request as Request);
      const twiml = await response.clone().text();
      dialled.push(...[...twiml.matchAll(/<Number[^>]*>([^<]*)|<Dial[^>]*>(\+[^<]*)/g)].map((m) => m[1] ?? m[2]!));
      return response;
    },
  });
  const report = await sim.clock.runFor(call.report);
  await sim.clock.run(3000);

  const vendor = pipeline
    ? pipeline.chat.requests.map(({ body }) => JSON.stringify(body ?? null))
    : sim.agent.sessions.flatMap(({ record }) => record.received.map(({ message }) => JSON.stringify(message)));
  const spoken = pipeline ? [JSON.stringify(pipeline.cartesia.contexts)] : [];
  const lines = sim.notices.map((notice) => noticeLine(notice)?.message ?? "");
  const open = [...asked, ...vendor, ...spoken, ...lines, JSON.stringify(sim.notices), JSON.stringify(sim.records())];
  const places = [...open, ...requests.flatMap(({ url, body }) => [url, body])];
  assert.deepEqual(places.filter((place) => place.includes(SECRET)), [], "the secret has left");
  for (const { url, headers } of requests) {
    assert.equal(new URL(url).host, "tools.test", "another host was asked");
    const carrying = (JSON.parse(headers) as [string, string][]).filter(([, value]) => value.includes(SECRET));
    assert.deepEqual(carrying, [["authorization", `Bearer ${SECRET}`]]);
  }
  for (const number of dialled) assert.equal(number, "+15550142", "a number that is not configured was dialled");

  const prompts = pipeline
    ? questions(pipeline).flatMap((messages) => {
      assert.ok(messages.slice(1).every(({ role }) => ["user", "assistant", "tool"].includes(role)));
      return messages.slice(0, 1).map(({ role, content }) => `${role}: ${content}`);
    })
    : sim.agent.sessions.map(({ mind }) => `system: ${mind.prompt}`);
  // The pipeline adds manners of its own, always the same.
  if (attack.prompt === undefined) {
    const expected = `system: ${PROMPT}${pipeline ? `\n\n${PHONE_MANNERS}` : ""}`;
    assert.deepEqual([...new Set(prompts)], [expected], "the system prompt has changed");
  }

  const results = pipeline
    ? (questions(pipeline).at(-1) ?? []).filter(({ role }) => role === "tool").map(({ content }) => content ?? "")
    : sim.agent.sessions.flatMap(({ record }) =>
      record.received.filter(({ message }) => message.type === "FunctionCallResponse")
        .map(({ message }) => String(message.content))
    );
  return {
    ran: requests.map(({ method, url, body }) => `${method} ${url.slice("https://tools.test".length)} ${body}`.trim()),
    results,
    dialled,
    endReason: sim.records()[0]?.endReason,
    notices: sim.notices,
    prompts,
    heard: report.turns.map(({ heard }) => heard ?? "").join(" "),
  };
}

/** The caller says these, one after the other, and waits. */
export function saying(...texts: string[]): NonNullable<PhoneOptions["steps"]> {
  return [...texts.map((text) => ({ kind: "say" as const, text })), { kind: "wait" as const, ms: 8000 }];
}
