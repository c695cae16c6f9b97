import assert from "node:assert/strict";
import { chatStandIn, type ChatStandInOptions } from "../../lib/rehearsal/chat.ts";
import { exampleOf } from "../../lib/rehearsal/chat_request.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const USER = { role: "user", content: "Hello" };
const CALLING = {
  role: "assistant",
  content: null,
  tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
};
const RESULT = { role: "tool", tool_call_id: "a", content: "4" };
const TOOL = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const CLOSED = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
const strictly = (schema: unknown) => ({ type: "json_schema", json_schema: { name: "s", schema, strict: true } });

function standIn(options: Partial<ChatStandInOptions> = {}) {
  const clock = new VirtualClock();
  const random = seeded(1);
  const made = chatStandIn({ clock, random, ...options });
  const post = (
    body: unknown,
    path = "/v1/chat/completions",
    headers: Record<string, string> = { authorization: "Bearer k" },
  ) =>
    clock.runFor(made.fetch(
      new Request(`http://model.test${path}`, {
        method: "POST",
        headers,
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    ));
  return { clock, post, ...made };
}

const ask = (more: Record<string, unknown> = {}) => ({ model: "gpt-4.1-mini", messages: [USER], ...more });

const REFUSED: Record<string, { body: unknown; says: RegExp; path?: string }> = {
  "an unknown field": { body: ask({ colour: "red" }), says: /colour/ },
  "no messages": { body: ask({ messages: [] }), says: /messages/ },
  "no JSON": { body: "{half", says: /body/ },
  "an unknown role": { body: ask({ messages: [{ role: "boss", content: "" }] }), says: /role/ },
  "a result without a call": { body: ask({ messages: [USER, RESULT] }), says: /must be a response/ },
  "a result for another call": {
    body: ask({ messages: [USER, CALLING, { ...RESULT, tool_call_id: "b" }] }),
    says: /must be a response/,
  },
  "a result given twice": { body: ask({ messages: [USER, CALLING, RESULT, RESULT] }), says: /must be a response/ },
  "a call without a result": {
    body: ask({ messages: [USER, CALLING, USER] }),
    says: /did not have response messages: a/,
  },
  "a call whose arguments are no JSON object": {
    body: ask({
      messages: [USER, {
        ...CALLING,
        tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{" } }],
      }, RESULT],
    }),
    says: /arguments as JSON/,
  },
  "a call at the end": { body: ask({ messages: [USER, CALLING] }), says: /did not have response/ },
  "an empty assistant": {
    body: ask({ messages: [{ role: "assistant", content: "" }] }),
    says: /content or tool_calls/,
  },
  "a tool choice without tools": { body: ask({ tool_choice: "auto" }), says: /tool_choice/ },
  "a choice of no tool": {
    body: ask({ tools: [TOOL], tool_choice: { type: "function", function: { name: "g" } } }),
    says: /not found/,
  },
  "a bad function name": {
    body: ask({ tools: [{ type: "function", function: { name: "no spaces" } }] }),
    says: /must match/,
  },
  "json_object without the word": { body: ask({ response_format: { type: "json_object" } }), says: /word 'json'/ },
  "an open strict schema": {
    body: ask({ response_format: strictly({ type: "object", properties: {} }) }),
    says: /additionalProperties/,
  },
  "an optional key in a strict schema": {
    body: ask({ response_format: strictly({ ...CLOSED, required: [] }) }),
    says: /Missing 'a'/,
  },
  "a schema with tools, on Groq": {
    body: ask({ tools: [TOOL], response_format: strictly(CLOSED) }),
    path: "/openai/v1/chat/completions",
    says: /cannot be combined/,
  },
  "a temperature for a model that reasons": {
    body: ask({ model: "gpt-5.4-mini", temperature: 0 }),
    says: /Only the default \(1\) value/,
  },
  "the old bound of an answer for a model that reasons": {
    body: ask({ model: "gpt-5.4-mini", max_tokens: 9 }),
    says: /max_completion_tokens/,
  },
  "an effort that gpt-oss does not have, on Groq": {
    body: ask({ model: "openai/gpt-oss-20b", reasoning_effort: "none" }),
    path: "/openai/v1/chat/completions",
    says: /must be one of low, medium, high/,
  },
  "an effort that qwen3.6 does not have, on Groq": {
    body: ask({ model: "qwen/qwen3.6-27b", reasoning_effort: "low" }),
    path: "/openai/v1/chat/completions",
    says: /must be one of none, default/,
  },
  "temperature out of range": { body: ask({ temperature: 3 }), says: /temperature/ },
};

for (const [name, { body, says, path }] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, async () => {
    const response = await standIn().post(body, path);
    assert.equal(response.status, 400);
    const { error } = await response.json();
    assert.match(error.message, says);
    assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"]);
  });
}

test("taken: calls with their results, schemas that are closed, and tools with a schema at OpenAI", async () => {
  const bodies = [
    ask({ messages: [{ role: "system", content: "s" }, USER, CALLING, RESULT, USER] }),
    ask({ response_format: strictly(CLOSED) }),
    ask({ tools: [TOOL], response_format: strictly(CLOSED) }),
    ask({ max_completion_tokens: 5, reasoning_effort: "low", temperature: 0 }),
  ];
  for (const body of bodies) assert.equal((await standIn().post(body)).status, 200);
});

test("a key is wanted, and the right one where it has one", async () => {
  assert.equal((await standIn().post(ask(), undefined, {})).status, 401);
  assert.equal((await standIn({ key: "other" }).post(ask())).status, 401);
  assert.equal((await standIn({ key: "k" }).post(ask())).status, 200);
});

test("models are listed; one that it lacks is 404; unknown paths too", async () => {
  const server = standIn({ models: ["my-model"] });
  const get = new Request("http://model.test/openai/v1/models", { headers: { authorization: "Bearer k" } });
  const { data } = await (await server.fetch(get)).json();
  assert.ok(data.some(({ id }: { id: string }) => id === "my-model"));
  assert.equal((await server.post(ask({ model: "my-model" }))).status, 200);
  const missing = await server.post(ask({ model: "llama-3.1-8b-instant" }));
  assert.equal(missing.status, 404);
  assert.equal((await missing.json()).error.code, "model_not_found");
  assert.equal((await server.post({}, "/v1/responses")).status, 404);
});

test("the stream keeps to its pace, its order and its clock, however it is cut", async () => {
  for (const crlf of [false, true]) {
    const server = standIn({
      crlf,
      answer: () => ({ text: "Grüße 👋 aus Köln" }),
      firstTokenMs: 300,
      tokensPerSecond: 50,
    });
    const response = await server.post(ask({ stream: true, stream_options: { include_usage: true } }));
    const startMs = server.clock.monotonicMs();
    const text = await server.clock.runFor(response.text());
    assert.ok(server.clock.monotonicMs() - startMs >= 300);
    const datas = text.split(crlf ? "\r\n\r\n" : "\n\n").filter((one) => one.startsWith("data: ")).map((one) =>
      one.slice(6)
    );
    assert.equal(datas.pop(), "[DONE]");
    const chunks = datas.map((data) => JSON.parse(data));
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), "Grüße 👋 aus Köln");
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
    assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
    assert.ok(text.includes(": still here"));
    assert.equal(server.open(), 0);
  }
});

test("Groq's last chunk carries its usage", async () => {
  const server = standIn();
  const response = await server.post(ask({ stream: true }), "/openai/v1/chat/completions");
  const text = await server.clock.runFor(response.text());
  assert.match(text, /"x_groq":\{"id":"req_rehearsal","usage"/);
});

test("a client that goes away is noted with its time, and nothing runs on", async () => {
  const server = standIn({ answer: () => ({ text: "word ".repeat(100) }) });
  const response = await server.post(ask({ stream: true }));
  await server.clock.run(500);
  const goneMs = server.clock.monotonicMs();
  await response.body!.cancel();
  await server.clock.run(50);
  assert.equal(server.requests[0]!.cancelledAtMs, goneMs);
  assert.equal(server.requests[0]!.finishedAtMs, undefined);
  assert.equal(server.clock.pending, 0);
});

test("the brain sees messages and tools; its calls come out whole without streaming", async () => {
  const seen: unknown[] = [];
  const server = standIn({
    answer: (messages, tools) => {
      seen.push(messages.at(-1), tools);
      return { calls: [{ name: "f", arguments: { a: 1 } }] };
    },
  });
  const { choices } = await (await server.post(ask({ tools: [TOOL] }))).json();
  assert.deepEqual(seen, [USER, [{ name: "f", description: "", parameters: { type: "object", properties: {} } }]]);
  assert.equal(choices[0].finish_reason, "tool_calls");
  assert.equal(choices[0].message.tool_calls[0].function.arguments, '{"a":1}');
});

test("the scripted models do as they are named", async () => {
  const server = standIn();
  for (const status of [400, 401, 404, 429, 500, 503]) {
    const response = await server.post(ask({ model: `e${status}` }));
    assert.equal(response.status, status);
    assert.ok((await response.json()).error.message);
  }
  const { choices: [object] } = await (await server.post(ask({ model: "object" }))).json();
  assert.deepEqual(JSON.parse(object.message.content), { name: "Ada", party: 2 });
  const { choices: [tool] } = await (await server.post(ask({ model: "toolcall", tools: [TOOL] }))).json();
  assert.equal(tool.message.tool_calls[0].function.name, "f");
  const { choices: [bad] } = await (await server.post(ask({ model: "badjson", tools: [TOOL] }))).json();
  assert.throws(() => JSON.parse(bad.message.tool_calls[0].function.arguments));
});

test("the example of a schema is its smallest value", () => {
  const schema = {
    type: "object",
    properties: {
      name: { type: ["string", "null"] },
      kind: { enum: ["a", "b"] },
      party: { type: "integer", minimum: 1 },
      when: { anyOf: [{ type: "string" }, { type: "null" }] },
      tags: { type: "array", items: { type: "string" } },
      nested: { type: "object", properties: { on: { type: "boolean" } } },
    },
  };
  assert.deepEqual(exampleOf(schema), { name: null, kind: "a", party: 1, when: null, tags: [], nested: { on: false } });
});
