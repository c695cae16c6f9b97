import assert from "node:assert/strict";
import { describeFault, type Fault, FaultError } from "../../lib/base/result.ts";
import { chatLlm, type ChatOptions } from "../../lib/providers/chat_llm.ts";
import { type ChatProvider, extractBody, quirksOf } from "../../lib/providers/chat_quirks.ts";
import { ChatAnswer, ThinkFilter } from "../../lib/providers/chat_stream.ts";
import type { ChatPart, ChatRequest } from "../../lib/providers/ports.ts";
import { chatStandIn, type ChatStandInOptions } from "../../lib/rehearsal/chat.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { seeded, test } from "../case.ts";
import { ended, finishOf, read, textOf } from "../contract/llm.ts";
import { VirtualClock } from "../sim/clock.ts";

const KEY = "gsk_secret0123456789";
const ASK: ChatRequest = { messages: [{ role: "user", content: "Hello there" }] };
const SCHEMA = {
  type: "object",
  properties: { name: { type: ["string", "null"] } },
  required: ["name"],
  additionalProperties: false,
};

/** A model with a far end of one's own: `respond` sees each request. */
function against(
  respond: (request: Request) => Response | Promise<Response>,
  options: Partial<ChatOptions> & { provider?: ChatProvider } = {},
) {
  const clock = new VirtualClock();
  const requests: Request[] = [];
  const llm = chatLlm({
    fetch: (request) => {
      requests.push(request.clone());
      return Promise.resolve(respond(request));
    },
    clock,
    baseUrl: "http://model.test/v1",
    key: KEY,
    provider: { type: "groq", model: "openai/gpt-oss-20b" },
    ...options,
  });
  return { clock, llm, requests };
}

/** The same with the stand-in behind it. */
function rehearsed(
  model: string,
  standInOptions: Partial<ChatStandInOptions> = {},
  options: Partial<ChatOptions> = {},
) {
  const clock = new VirtualClock();
  const standIn = chatStandIn({ clock, random: seeded(3), ...standInOptions });
  const provider = { type: "groq", model };
  const llm = chatLlm({
    fetch: standIn.fetch,
    clock,
    baseUrl: "http://model.test/openai/v1",
    key: KEY,
    provider,
    ...options,
  });
  return { clock, llm, standIn };
}

function events(...data: unknown[]): Response {
  const text = data.map((one) => `data: ${typeof one === "string" ? one : JSON.stringify(one)}\n\n`).join("");
  return new Response(text, { headers: { "content-type": "text/event-stream" } });
}

const delta = (delta: unknown, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});

async function partsOf(...data: unknown[]): Promise<ChatPart[]> {
  const rig = against(() => events(...data));
  const reading = read(rig, ASK);
  await ended(rig, reading);
  if (reading.error) throw reading.error;
  return reading.parts;
}

async function faultOf(
  response: () => Response | Promise<Response>,
  options: Partial<ChatOptions> = {},
): Promise<Fault> {
  const rig = against(response, options);
  const reading = read(rig, ASK);
  await ended(rig, reading);
  assert.ok(reading.error instanceof FaultError, `${reading.error}`);
  assert.equal(rig.clock.pending, 0);
  assert.ok(!describeFault(reading.error.fault).includes(KEY));
  return reading.error.fault;
}

const DEVIATIONS: Record<string, { data: unknown[]; text?: string; calls?: [string, string][]; reason?: string }> = {
  "role and first text together": { data: [delta({ role: "assistant", content: "Hi" }, "stop")], text: "Hi" },
  "content null": { data: [delta({ role: "assistant", content: null }), delta({ content: "Hi" }, "stop")], text: "Hi" },
  "empty first chunk, no choices": { data: [{ choices: [] }, {}, delta({ content: "Hi" }, "stop")], text: "Hi" },
  "delta null": { data: [delta({ content: "Hi" }), delta(null, "stop")], text: "Hi" },
  "an empty role": { data: [delta({ role: "", content: "Hi" }, "stop")], text: "Hi" },
  "content in parts": {
    data: [delta({ content: [{ type: "text", text: "Hi " }, { type: "text", text: "you" }] }, "stop")],
    text: "Hi you",
  },
  "no [DONE]": { data: [delta({ content: "Hi" }, "stop")], text: "Hi" },
  "a refusal is said": { data: [delta({ refusal: "I can not." }, "stop")], text: "I can not." },
  "reasoning fields": {
    data: [delta({ reasoning: "hm" }), delta({ reasoning_content: "hm" }), delta({ content: "Hi" }, "stop")],
    text: "Hi",
  },
  "think tags": { data: [delta({ content: "<thi" }), delta({ content: "nk>hm</think>\n\nHi" }, "stop")], text: "Hi" },
  "text that only looks like a tag": {
    data: [delta({ content: "1 <" }), delta({ content: " 2" }, "stop")],
    text: "1 < 2",
  },
  "text that ends like a tag": { data: [delta({ content: "a <th" }, "stop")], text: "a <th" },
  "a whole call in one piece, stop as reason": {
    data: [
      delta(
        { tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } }] },
        "stop",
      ),
    ],
    calls: [["f", '{"x":1}']],
    reason: "tool-calls",
  },
  "a call without index": {
    data: [
      delta({ tool_calls: [{ id: "a", function: { name: "f", arguments: "{" } }] }),
      delta({ tool_calls: [{ function: { arguments: "}" } }] }, "tool_calls"),
    ],
    calls: [["f", "{}"]],
    reason: "tool-calls",
  },
  "two calls without index": {
    data: [
      delta({ tool_calls: [{ id: "a", function: { name: "f", arguments: "{}" } }] }),
      delta({ tool_calls: [{ id: "b", function: { name: "g", arguments: "{}" } }] }, "tool_calls"),
    ],
    calls: [["f", "{}"], ["g", "{}"]],
    reason: "tool-calls",
  },
  "two calls, both numbered 0": {
    data: [
      delta({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "{}" } }] }),
      delta({ tool_calls: [{ index: 0, id: "b", function: { name: "g", arguments: "{}" } }] }, "tool_calls"),
    ],
    calls: [["f", "{}"], ["g", "{}"]],
    reason: "tool-calls",
  },
  "two calls in pieces, all numbered 0": {
    data: [
      delta({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "" } }] }),
      delta({ tool_calls: [{ index: 0, function: { arguments: '{"x":1}' } }] }),
      delta({ tool_calls: [{ index: 0, id: "b", function: { name: "g", arguments: "" } }] }),
      delta({ tool_calls: [{ index: 0, function: { arguments: '{"x":2}' } }] }, "tool_calls"),
    ],
    calls: [["f", '{"x":1}'], ["g", '{"x":2}']],
    reason: "tool-calls",
  },
  "two whole calls without index and id": {
    data: [
      delta({
        tool_calls: [{ function: { name: "f", arguments: '{"x":1}' } }, { function: { name: "g", arguments: "{}" } }],
      }, "tool_calls"),
    ],
    calls: [["f", '{"x":1}'], ["g", "{}"]],
    reason: "tool-calls",
  },
  "the name in a later piece, then blank": {
    data: [
      delta({ tool_calls: [{ index: 0, id: "a", function: { arguments: "" } }] }),
      delta({ tool_calls: [{ index: 0, function: { name: "f", arguments: "{" } }] }),
      delta({ tool_calls: [{ index: 0, function: { name: "", arguments: "}" } }] }, "tool_calls"),
    ],
    calls: [["f", "{}"]],
    reason: "tool-calls",
  },
  "arguments as an object": {
    data: [delta({ tool_calls: [{ index: 0, function: { name: "f", arguments: { x: 1 } } }] }, "stop")],
    calls: [["f", '{"x":1}']],
    reason: "tool-calls",
  },
  "no arguments at all": {
    data: [delta({ tool_calls: [{ index: 0, id: "a", function: { name: "f" } }] }, "tool_calls")],
    calls: [["f", "{}"]],
    reason: "tool-calls",
  },
  "an old finish reason": { data: [delta({ content: "Hi" }, "function_call")], text: "Hi" },
  "the token limit": { data: [delta({ content: "Hi" }, "length")], text: "Hi", reason: "length" },
  "a content filter": { data: [delta({}, "content_filter")], reason: "content-filter" },
  "strange usage": {
    data: [delta({ content: "Hi" }, "stop"), { choices: [], usage: { prompt_tokens: "many" } }],
    text: "Hi",
  },
};

for (const [name, { data, text = "", calls = [], reason = "stop" }] of Object.entries(DEVIATIONS)) {
  test(`tolerated: ${name}`, async () => {
    const parts = await partsOf(...data);
    assert.equal(textOf(parts), text);
    const got = parts.flatMap((part) => part.kind === "tool-call" ? [part.call] : []);
    assert.deepEqual(got.map(({ function: { name, arguments: json } }) => [name, json]), calls);
    assert.ok(got.every(({ id }) => id !== ""), "each call has an id");
    assert.equal(finishOf(parts).reason, reason);
  });
}

test("calls without an id get ids that no other call has, of whichever model", async () => {
  const call = delta({ tool_calls: [{ function: { name: "book" } }] }, "tool_calls");
  const parts = [...await partsOf(call), ...await partsOf(call)];
  const ids = parts.flatMap((part) => part.kind === "tool-call" ? [part.call.id] : []);
  assert.equal(new Set(ids).size, 2);
});

test("usage is read from `usage` and from `x_groq`", async () => {
  const usage = { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 7 } };
  const expected = { promptTokens: 9, completionTokens: 4 };
  const last = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }], x_groq: { id: "r", usage } };
  assert.deepEqual(finishOf(await partsOf(last, "[DONE]")).usage, expected);
  assert.deepEqual(finishOf(await partsOf(delta({}, "stop"), { choices: [], usage }, "[DONE]")).usage, expected);
});

test("think tags split at any two places are cut out", () => {
  const text = "<think>The caller says <hello>.</think>\n\nGood morning! <b>2 < 3</b>";
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second += 3) {
      const filter = new ThinkFilter();
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
      assert.equal(pieces.map((piece) => filter.push(piece)).join("") + filter.flush(), "Good morning! <b>2 < 3</b>");
    }
  }
});

test("no data makes the reader throw", () => {
  const random = seeded(11);
  const values = [null, 1, "x", [], {}, true, "[DONE]", { index: -1 }, [{ delta: 3 }], [{ delta: { content: 3 } }]];
  const pick = () => values[Math.floor(random() * values.length)];
  for (let round = 0; round < 2000; round++) {
    const answer = new ChatAnswer(() => "id");
    const result = answer.push(
      JSON.stringify({ choices: pick(), usage: pick(), x_groq: pick(), error: random() < 0.3 ? pick() : null }),
    );
    if (!result.ok) assert.ok(["protocol", "rejected"].includes(result.fault.kind));
    answer.push("{not json");
    answer.parts();
  }
});

test("each error status is refused with the server's words, whatever their form", async () => {
  const bodies: [BodyInit, string][] = [
    [
      JSON.stringify({ error: { message: "no such model", type: "t", code: "model_not_found" } }),
      "model_not_found: no such model",
    ],
    [JSON.stringify({ error: "just text" }), "error: just text"],
    [JSON.stringify({ detail: "Not Found" }), "error: Not Found"],
    [JSON.stringify({ message: "Unauthorized" }), "error: Unauthorized"],
    // FastAPI, before many a model, tells what it was sent along with what is wrong with it.
    [
      JSON.stringify({
        detail: [{ type: "missing", loc: ["body", "model"], msg: "Field required", input: "my secret" }],
      }),
      "error: body.model: Field required",
    ],
    [JSON.stringify({ error: { odd: "my secret" } }), "error: no message"],
    [JSON.stringify({ error: [["my secret"]] }), "error: an error of no form that we know"],
    [`bad key ${KEY}`, "bad key ***"],
    ["", ""],
  ];
  for (const [body, detail] of bodies) {
    const fault = await faultOf(() => new Response(body, { status: 404 }));
    assert.deepEqual(fault, { kind: "refused", peer: "llm", status: 404, detail });
  }
});

test("retry-after is read as seconds, as milliseconds and as a date", async () => {
  const soon = new Date(Date.UTC(2026, 0, 1, 12, 0, 3)).toUTCString();
  const cases: [Record<string, string>, number][] = [
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "2", "retry-after-ms": "250" }, 250],
    [{ "retry-after": soon }, 3000],
  ];
  for (const [headers, retryAfterMs] of cases) {
    const fault = await faultOf(() => new Response("", { status: 429, headers }));
    assert.ok(fault.kind === "refused" && fault.retryAfterMs === retryAfterMs, JSON.stringify(fault));
  }
});

test("a refusal is read up to 64 KB, and without waiting for its end", async () => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += 10_000;
      controller.enqueue(new Uint8Array(10_000).fill(65));
    },
  });
  assert.equal((await faultOf(() => new Response(endless, { status: 500 }))).kind, "refused");
  assert.ok(sent < 200_000);
  const silent = new ReadableStream<Uint8Array>();
  const fault = await faultOf(() => new Response(silent, { status: 500 }));
  assert.ok(fault.kind === "refused" && fault.detail === "");
});

test("a redirect is refused, not followed", async () => {
  const fault = await faultOf(() =>
    new Response(null, { status: 307, headers: { location: "http://elsewhere.test" } })
  );
  assert.ok(fault.kind === "refused" && fault.status === 307);
});

test("errors inside a stream of status 200 are rejections", async () => {
  const forms: [() => Response, string][] = [
    [() => events(delta({ content: "Hi" }), { error: { message: "overloaded", code: 503 } }, "[DONE]"), "503"],
    [() => events({ error: "no" }), "error"],
    [() => events({ choices: [], x_groq: { id: "r", error: "over capacity" } }), "error"],
    [() => events(delta({}, "error")), "error"],
    [() => new Response("event: error\ndata: gone\n\n", { headers: { "content-type": "text/event-stream" } }), "error"],
    [() => Response.json({ error: { message: "no", type: "server_error" } }), "server_error"],
  ];
  for (const [response, code] of forms) {
    const fault = await faultOf(response);
    assert.ok(fault.kind === "rejected" && fault.code === code, JSON.stringify(fault));
  }
});

test("what is no chat completion is a protocol fault", async () => {
  const page = () => new Response("<html>nginx</html>", { headers: { "content-type": "text/html" } });
  const fault = await faultOf(page);
  assert.ok(fault.kind === "protocol" && /text\/html/.test(fault.detail), JSON.stringify(fault));
  assert.equal((await faultOf(() => events("{half"))).kind, "protocol");
  const nameless = delta({ tool_calls: [{ index: 0, id: "a", function: { arguments: "{}" } }] }, "tool_calls");
  assert.equal((await faultOf(() => events(nameless))).kind, "protocol");
  const endless = "data: " + "x".repeat(3_000_000);
  const headers = { "content-type": "text/event-stream" };
  assert.equal((await faultOf(() => new Response(endless, { headers }))).kind, "protocol");
});

test("an answer that was not streamed is taken whole", async () => {
  const rig = rehearsed("whole", {
    answer: () => ({ text: "Here I am.", calls: [{ name: "f", arguments: { x: 1 } }] }),
  });
  const reading = read(rig, { ...ASK, tools: [{ name: "f", description: "", parameters: {} }] });
  await ended(rig, reading);
  assert.equal(textOf(reading.parts), "Here I am.");
  assert.equal(finishOf(reading.parts).reason, "tool-calls");
});

test("each deadline is its own, and names what was awaited", async () => {
  const cases: [string, Partial<ChatOptions>, string, number][] = [
    ["hang", {}, "an answer's headers", 1500],
    ["slow", {}, "the first token", 2500],
    ["stall", {}, "the next piece of its answer", 2000],
  ];
  for (const [model, options, what, limitMs] of cases) {
    const rig = rehearsed(model, { answer: () => ({ text: "one two three four five six seven eight" }) }, options);
    const reading = read(rig, ASK);
    await ended(rig, reading);
    assert.ok(reading.error instanceof FaultError);
    assert.deepEqual(reading.error.fault, { kind: "deadline", peer: "llm", what, limitMs });
    await rig.clock.run(0);
    assert.equal(rig.standIn.open(), 0);
  }
});

test("an answer that never stops meets the total deadline", async () => {
  const long = "word ".repeat(4000);
  const rig = rehearsed("gpt-4.1-mini", { answer: () => ({ text: long }), tokensPerSecond: 20 });
  const reading = read(rig, ASK);
  const startMs = rig.clock.monotonicMs();
  await ended(rig, reading);
  assert.ok(reading.error instanceof FaultError && reading.error.fault.kind === "deadline");
  assert.equal(reading.error.fault.limitMs, 20_000);
  assert.ok(rig.clock.monotonicMs() - startMs < 20_100);
});

test("reasoning is no first token", async () => {
  const rig = rehearsed("openai/gpt-oss-20b", { answer: () => ({ reasoning: "hm ".repeat(400), text: "Hi" }) });
  const reading = read(rig, ASK);
  await ended(rig, reading);
  assert.ok(reading.error instanceof FaultError && reading.error.fault.kind === "deadline");
  assert.equal(reading.error.fault.what, "the first token");
});

test("a reader who takes its time meets no deadline", async () => {
  const rig = rehearsed("openai/gpt-oss-20b", { answer: () => ({ text: "one two three four five six" }) });
  let text = "";
  const slowly = (async () => {
    for await (const part of rig.llm.chat(ASK, new AbortController().signal)) {
      if (part.kind === "text") text += part.text;
      await new Promise<void>((resolve) => void rig.clock.after(8000, resolve));
    }
  })();
  await rig.clock.runFor(slowly);
  assert.equal(text, "one two three four five six");
});

test("an empty finish reason ends no answer: what comes later is waited for", async () => {
  const rig = against(() => {
    const body = new ReadableStream({
      async start(controller) {
        const bytes = async (data: unknown) => new Uint8Array(await events(data).arrayBuffer());
        controller.enqueue(await bytes(delta({ content: "We are open " }, "")));
        await sleep(rig.clock, 400, new AbortController().signal);
        controller.enqueue(await bytes(delta({ content: "until six." }, "stop")));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const reading = read(rig, ASK);
  await ended(rig, reading);
  assert.equal(textOf(reading.parts), "We are open until six.");
});

test("a finish reason is enough where the stream then hangs", async () => {
  const rig = rehearsed("no-done", { answer: () => ({ text: "All said." }) });
  const reading = read(rig, ASK);
  await rig.clock.runUntil(() => reading.over, 2000);
  assert.equal(finishOf(reading.parts).reason, "stop");
  await rig.clock.run(0);
  assert.equal(rig.standIn.open(), 0);
});

test("the body follows the quirks of its server", async () => {
  const request = { ...ASK, maxTokens: 99, tools: [{ name: "f", description: "d", parameters: { type: "object" } }] };
  const bodyOf = async (provider: ChatProvider) => {
    const rig = against(() => events(delta({ content: "Hi" }, "stop")), { provider });
    await ended(rig, read(rig, request));
    return await rig.requests[0]!.json();
  };
  const groq = await bodyOf({ type: "groq", model: "openai/gpt-oss-20b", temperature: 0.5 });
  assert.deepEqual(groq, {
    reasoning_effort: "low",
    model: "openai/gpt-oss-20b",
    temperature: 0.5,
    messages: ASK.messages,
    max_completion_tokens: 99,
    stream: true,
    tools: [{ type: "function", function: { name: "f", description: "d", parameters: { type: "object" } } }],
    tool_choice: "auto",
  });
  assert.equal((await bodyOf({ type: "groq", model: "qwen/qwen3.8-27b" })).reasoning_effort, "none");
  assert.equal(
    (await bodyOf({ type: "groq", model: "qwen/qwen3.8-27b", reasoning_effort: "low" })).reasoning_effort,
    "low",
  );
  assert.deepEqual((await bodyOf({ type: "open_ai", model: "gpt-4.1-mini" })).stream_options, { include_usage: true });
  const own = await bodyOf({ type: "my-server", model: "m", top_k: 3, maxTokens: 5 });
  assert.deepEqual([own.max_tokens, own.top_k, own.type, own.maxTokens], [99, 3, undefined, undefined]);
});

test("key and further headers go out, and no key where there is none", async () => {
  const provider = { type: "vllm", model: "m", headers: { "x-tenant": "7" } };
  const rig = against(() => events(delta({}, "stop")), { provider });
  await ended(rig, read(rig, ASK));
  const { headers } = rig.requests[0]!;
  assert.deepEqual([headers.get("authorization"), headers.get("x-tenant")], [`Bearer ${KEY}`, "7"]);
  const open = against(() => events(delta({}, "stop")), { key: "" });
  await ended(open, read(open, ASK));
  assert.equal(open.requests[0]!.headers.get("authorization"), null);
  const own = against(() => events(delta({}, "stop")), {
    provider: { type: "vllm", model: "m", headers: { Authorization: "Basic x" } },
  });
  await ended(own, read(own, ASK));
  assert.equal(own.requests[0]!.headers.get("authorization"), "Basic x", "what is configured wins");
});

test("an extraction is strict, by tool or by prompt, as the server can, and never carries the tools", () => {
  const request = {
    ...ASK,
    tools: [{ name: "f", description: "", parameters: {} }],
    schema: SCHEMA,
    schemaName: "facts",
  };
  const modeOf = (type: string, model: string) => extractBody({ type, model }, quirksOf(type, model), request);
  const strict = modeOf("groq", "openai/gpt-oss-20b");
  assert.deepEqual(strict.response_format, {
    type: "json_schema",
    json_schema: { name: "facts", schema: SCHEMA, strict: true },
  });
  assert.deepEqual([strict.tools, strict.stream, strict.temperature], [undefined, false, 0]);
  const tool = modeOf("groq", "qwen/qwen3.8-27b");
  assert.deepEqual(tool.tool_choice, { type: "function", function: { name: "facts" } });
  assert.equal((tool.tools as unknown[]).length, 1);
  const prompt = modeOf("whoever", "m");
  assert.deepEqual(prompt.response_format, { type: "json_object" });
  assert.match(JSON.stringify(prompt.messages), /JSON Schema/);
});

test("extractions in each mode come back as text that parses, fences and thoughts removed", async () => {
  for (
    const [type, model] of [["groq", "openai/gpt-oss-20b"], ["groq", "qwen/qwen3.8-27b"], [
      "other",
      "gpt-4.1-mini",
    ]] as const
  ) {
    const rig = rehearsed(model, {}, { provider: { type, model } });
    const ask = rig.llm.extract({ ...ASK, schema: SCHEMA, schemaName: "facts" }, new AbortController().signal);
    const value = JSON.parse(await rig.clock.runFor(ask));
    assert.ok(type === "other" || value.name === null, JSON.stringify(value));
  }
  const answer = (content: string, finish_reason = "stop") => () =>
    Response.json({ choices: [{ index: 0, message: { role: "assistant", content }, finish_reason }] });
  const extract = (respond: () => Response) => {
    const rig = against(respond);
    return rig.clock.runFor(
      rig.llm.extract({ ...ASK, schema: SCHEMA, schemaName: "facts" }, new AbortController().signal),
    );
  };
  assert.equal(await extract(answer('<think>hm</think>```json\n{"name":null}\n```')), '{"name":null}');
  await assert.rejects(extract(answer('{"na', "length")), /token limit/);
  await assert.rejects(extract(answer("")), FaultError);
});

test("warming asks once in half a minute and swallows failures", async () => {
  const rig = against(() => new Response("", { status: 503 }));
  const { signal } = new AbortController();
  for (let round = 0; round < 3; round++) await rig.clock.runFor(rig.llm.warm(signal));
  assert.equal(rig.requests.length, 1);
  await rig.clock.run(31_000);
  await rig.clock.runFor(rig.llm.warm(signal));
  assert.equal(rig.requests.length, 2);
  assert.equal(rig.clock.pending, 0);
});

test("over a real socket an answer streams, and an abort reaches the server", async () => {
  const standIn = chatStandIn({ clock: systemClock, random: seeded(5), firstTokenMs: 1, tokensPerSecond: 1000 });
  await using server = serveStandIns([{ path: "/v1", fetch: standIn.fetch }]);
  const client = Deno.createHttpClient({});
  using _client = client;
  const options = { clock: systemClock, baseUrl: `http://${server.origin}/v1`, key: KEY };
  const fetchHere = (request: Request) => fetch(request, { client });
  const llm = chatLlm({ ...options, fetch: fetchHere, provider: { type: "open_ai", model: "gpt-4.1-mini" } });
  let text = "";
  for await (const part of llm.chat(ASK, new AbortController().signal)) if (part.kind === "text") text += part.text;
  assert.equal(text, "You said: Hello there");

  const stalled = chatLlm({ ...options, fetch: fetchHere, provider: { type: "open_ai", model: "stall" } });
  const abort = new AbortController();
  const reason = new Error("barge-in");
  await assert.rejects(async () => {
    for await (const part of stalled.chat(ASK, abort.signal)) if (part.kind === "text") abort.abort(reason);
  }, reason);
  while (standIn.open() > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(standIn.requests.at(-1)!.cancelledAtMs !== undefined);

  const cut = chatLlm({ ...options, fetch: fetchHere, provider: { type: "open_ai", model: "reset" } });
  await assert.rejects(async () => {
    for await (const part of cut.chat(ASK, new AbortController().signal)) void part;
  }, (error) => error instanceof FaultError && error.fault.kind === "lost");
  const nowhere = chatLlm({
    ...options,
    baseUrl: "http://127.0.0.1:1/v1",
    fetch: fetchHere,
    provider: { type: "open_ai", model: "m" },
  });
  const listed = await nowhere.models(new AbortController().signal);
  assert.ok(!listed.ok && listed.fault.kind === "unreachable", JSON.stringify(listed));
});

test("a function that the model called wrongly is a failure of this answer, not of the configuration", async () => {
  const refused = (status: number, code: string) => () =>
    Response.json({ error: { message: "Failed to call a function.", type: "t", code, failed_generation: "Ada" } }, {
      status,
    });
  for (const code of ["tool_use_failed", "json_validate_failed", "output_parse_failed"]) {
    assert.deepEqual(await faultOf(refused(400, code)), {
      kind: "rejected",
      peer: "llm",
      code,
      detail: "Failed to call a function.",
    });
  }
  assert.equal((await faultOf(refused(422, "unprocessable_entity"))).kind, "rejected");
  assert.equal((await faultOf(refused(498, "flex_tier_capacity_exceeded"))).kind, "rejected");
  assert.equal((await faultOf(refused(400, "invalid_request_error"))).kind, "refused");
});

const LOOK_UP = { id: "a", type: "function", function: { name: "look_up", arguments: "{}" } } as const;
const LONG: ChatRequest = {
  messages: [
    { role: "system", content: "You answer the phone." },
    { role: "assistant", content: "Hello." },
    { role: "user", content: "one" },
    { role: "assistant", content: null, tool_calls: [LOOK_UP] },
    { role: "tool", tool_call_id: "a", content: "x".repeat(8000) },
    { role: "assistant", content: "Yes." },
    { role: "user", content: "two" },
    { role: "assistant", content: null, tool_calls: [LOOK_UP] },
    { role: "tool", tool_call_id: "a", content: "a little" },
    { role: "assistant", content: "Yes." },
    { role: "user", content: "three" },
  ],
};

test("a history that is too long for the server is asked again without its older half, calls with their results", async () => {
  const refusals: [number, unknown][] = [
    [400, { error: { message: "the request is too long", type: "t", code: "context_length_exceeded" } }],
    [413, {
      error: { message: "Request too large for model, TPM limit 8000", type: "tokens", code: "rate_limit_exceeded" },
    }],
    [400, { error: { code: 400, message: "the request exceeds the available context size (4096 tokens)", type: "x" } }],
  ];
  for (const [status, body] of refusals) {
    const asked: ChatRequest["messages"][] = [];
    const rig = against(async (request) => {
      const { messages } = await request.json();
      asked.push(messages);
      return JSON.stringify(messages).length > 500
        ? Response.json(body, { status })
        : events(delta({ content: "Hi" }, "stop"));
    });
    const reading = read(rig, LONG);
    await ended(rig, reading);
    assert.equal(textOf(reading.parts), "Hi", `${status}`);
    const [system] = LONG.messages;
    assert.deepEqual(asked, [LONG.messages, [system, ...LONG.messages.slice(6)]]);
  }
});

test("what is too long however short the history is refused, after a few questions", async () => {
  const refused = () => Response.json({ error: { message: "too large" } }, { status: 413 });
  const rig = against(refused);
  const reading = read(rig, LONG);
  await ended(rig, reading);
  assert.ok(reading.error instanceof FaultError && reading.error.fault.kind === "refused");
  assert.deepEqual((await rig.requests.at(-1)!.json()).messages, [LONG.messages[0], LONG.messages.at(-1)]);
  assert.equal(rig.requests.length, 3);
});

test("a server that is free again within 0.3 s is waited for, once", async () => {
  const respond = (busy: number, retryAfterMs: number) => {
    let left = busy;
    return against(() =>
      left-- > 0
        ? new Response("", { status: 429, headers: { "retry-after-ms": `${retryAfterMs}` } })
        : events(delta({ content: "Hi" }, "stop"))
    );
  };
  const answered = respond(1, 250);
  const reading = read(answered, ASK);
  await ended(answered, reading);
  assert.deepEqual([textOf(reading.parts), answered.clock.monotonicMs() >= 250], ["Hi", true]);
  for (const [busy, retryAfterMs, asked] of [[2, 250, 2], [1, 400, 1]] as const) {
    const rig = respond(busy, retryAfterMs);
    const refused = read(rig, ASK);
    await ended(rig, refused);
    assert.ok(refused.error instanceof FaultError && refused.error.fault.kind === "refused");
    assert.equal(rig.requests.length, asked);
  }
});

test("arguments that a model broke off are not sent to servers that read those of earlier calls", async () => {
  for (const [wrote, sent] of [['{"half": ', "{}"], ["null", "{}"], ["", "{}"], ['{"x": 1}', '{"x": 1}']] as const) {
    const call = { id: "a", type: "function", function: { name: "f", arguments: wrote } } as const;
    const rig = rehearsed("openai/gpt-oss-20b");
    const reading = read(rig, {
      messages: [
        ...ASK.messages,
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "a", content: '{"error":"The arguments are not JSON."}' },
      ],
    });
    await ended(rig, reading);
    assert.equal(reading.error, undefined, wrote);
    const { messages } = rig.standIn.requests[0]!.body as { messages: typeof ASK.messages };
    assert.equal(messages[1]!.role === "assistant" && messages[1]!.tool_calls?.[0]?.function.arguments, sent);
  }
});

test("a server that numbers the calls of each answer from 0 does not use an id twice", async () => {
  const call = (id: string) => ({ id, function: { name: "book", arguments: "{}" } });
  const calls = [{ index: 0, ...call("book:0") }, { index: 1, ...call("book:1") }, { index: 2, ...call("book:1") }];
  const rig = against(() => events(delta({ tool_calls: calls }, "tool_calls")));
  const ids: string[] = [];
  const ask = async (request: ChatRequest) => {
    const reading = read(rig, request);
    await ended(rig, reading);
    for (const part of reading.parts) if (part.kind === "tool-call") ids.push(part.call.id);
  };
  await ask(ASK);
  await ask(ASK); // however short the history is that it gets to see
  assert.deepEqual(ids.slice(0, 2), ["book:0", "book:1"]);
  assert.equal(new Set(ids).size, 6);

  const other = against(() => events(delta({ tool_calls: calls.slice(0, 1) }, "tool_calls")));
  const reading = read(other, {
    messages: [
      ...ASK.messages,
      { role: "assistant", content: null, tool_calls: [{ ...call("book:0"), type: "function" }] },
      { role: "tool", tool_call_id: "book:0", content: "1" },
    ],
  });
  await ended(other, reading);
  const part = reading.parts.find(({ kind }) => kind === "tool-call");
  assert.ok(part?.kind === "tool-call" && part.call.id !== "book:0", "an id of another model's");
});

test("what a server sends along with a call goes back with it, and to no other server", async () => {
  const signed = { google: { thought_signature: "c2ln" } };
  const call = { id: "a", type: "function", function: { name: "book", arguments: "{}" } } as const;
  const pieces = [{ index: 0, ...call, extra_content: signed }, { index: 1, ...call, id: "b" }];
  const history: ChatRequest = {
    messages: [
      ...ASK.messages,
      { role: "assistant", content: null, tool_calls: [call, { ...call, id: "b" }] },
      { role: "tool", tool_call_id: "a", content: "1" },
      { role: "tool", tool_call_id: "b", content: "2" },
    ],
  };
  for (const [isSame, sent] of [[true, signed], [false, undefined]] as const) {
    const rig = against(() => events(delta({ tool_calls: pieces }, "tool_calls")));
    if (isSame) await ended(rig, read(rig, ASK));
    for (const _ of ["first", "again"]) {
      await ended(rig, read(rig, history));
      const { messages } = await rig.requests.at(-1)!.json();
      assert.deepEqual(messages[1].tool_calls, [sent ? { ...call, extra_content: sent } : call, { ...call, id: "b" }]);
    }
  }
});

test("a server that refuses the form of an extraction is asked in words, at its own temperature", async () => {
  const refusals = [
    { message: "Unsupported value: 'temperature' does not support 0 with this model.", code: "unsupported_value" },
    "'response_format.type' must be 'json_schema' or 'text'",
    { message: "Failed to call a function.", type: "invalid_request_error", code: "tool_use_failed" },
  ];
  for (const error of refusals) {
    for (const model of ["openai/gpt-oss-20b", "qwen/qwen3.8-27b", "other"]) {
      const asked: Record<string, unknown>[] = [];
      const rig = against(async (request) => {
        asked.push(await request.json());
        if (asked.length === 1) return Response.json({ error }, { status: 400 });
        const message = { role: "assistant", content: '```json\n{"name":null}\n```' };
        return Response.json({ choices: [{ index: 0, message, finish_reason: "stop" }] });
      }, { provider: { type: model === "other" ? "llm" : "groq", model } });
      const ask = rig.llm.extract({ ...ASK, schema: SCHEMA, schemaName: "facts" }, new AbortController().signal);
      assert.equal(await rig.clock.runFor(ask), '{"name":null}');
      const { temperature, response_format, tools, tool_choice, messages } = asked[1]!;
      assert.deepEqual([temperature, response_format, tools, tool_choice], Array(4).fill(undefined));
      assert.match(JSON.stringify(messages), /JSON Schema/);
    }
  }
  const rig = against(() => new Response("", { status: 401 }));
  const ask = rig.llm.extract({ ...ASK, schema: SCHEMA, schemaName: "facts" }, new AbortController().signal);
  await assert.rejects(rig.clock.runFor(ask), FaultError);
  assert.equal(rig.requests.length, 1, "a key that is refused is refused in any form");
});

test("facts are found by a model that takes no temperature but its own", async () => {
  const rig = rehearsed("gpt-5.4-mini", {}, {
    baseUrl: "http://model.test/v1",
    provider: { type: "open_ai", model: "gpt-5.4-mini" },
  });
  const ask = rig.llm.extract({ ...ASK, schema: SCHEMA, schemaName: "facts" }, new AbortController().signal);
  await rig.clock.runFor(ask);
  assert.deepEqual(rig.standIn.requests.map(({ status }) => status), [400, 200]);
});
