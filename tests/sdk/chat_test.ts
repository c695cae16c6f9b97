import assert from "node:assert/strict";
import Groq from "groq-sdk";
import OpenAI from "openai";
import { systemClock } from "../../lib/base/clock.ts";
import { chatStandIn, type ChatStandInOptions } from "../../lib/rehearsal/chat.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { seeded, test } from "../case.ts";
import { until } from "./sockets.ts";

const TOOL = {
  type: "function" as const,
  function: {
    name: "book_table",
    description: "Book a table",
    parameters: {
      type: "object",
      properties: { size: { type: "integer" }, name: { type: "string" } },
      required: ["size", "name"],
    },
  },
};

/** What the two libraries have in common, as far as these tests go. */
type Client = OpenAI;

interface Served extends AsyncDisposable {
  standIn: ReturnType<typeof chatStandIn>;
  client: Client;
  model: string;
}

type Serve = (options?: Partial<ChatStandInOptions>, apiKey?: string) => Served;

function serve(make: (origin: string, apiKey: string) => Client, model: string): Serve {
  return (options = {}, apiKey = "key") => {
    const standIn = chatStandIn({
      ...{ clock: systemClock, random: seeded(3), key: "key", firstTokenMs: 5, tokensPerSecond: 1000 },
      ...options,
    });
    const server = serveStandIns([{ path: "/v1", ...standIn }, { path: "/openai/v1", ...standIn }]);
    const client = make(server.origin, apiKey);
    return { standIn, client, model, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };
}

const LIBRARIES: [name: string, serve: Serve][] = [
  [
    "openai",
    serve((origin, apiKey) => new OpenAI({ apiKey, maxRetries: 0, baseURL: `http://${origin}/v1` }), "gpt-4.1-mini"),
  ],
  [
    "groq-sdk",
    // The two share their generated types but for details that these tests do not touch.
    serve(
      (origin, apiKey) => new Groq({ apiKey, maxRetries: 0, baseURL: `http://${origin}` }) as unknown as Client,
      "openai/gpt-oss-20b",
    ),
  ],
];

for (const [name, serve] of LIBRARIES) {
  test(`${name}: a streamed answer is whole, whatever pieces its bytes come in`, async () => {
    for (const crlf of [false, true]) {
      await using line = serve({ crlf });
      const messages = [{ role: "system" as const, content: "Be kind." }, {
        role: "user" as const,
        content: "Zoë 🙂?",
      }];
      const stream = await line.client.chat.completions.create({ model: line.model, messages, stream: true });
      let text = "";
      const reasons: unknown[] = [];
      for await (const { choices: [choice] } of stream) {
        text += choice?.delta.content ?? "";
        if (choice?.finish_reason) reasons.push(choice.finish_reason);
      }
      assert.deepEqual([text, reasons], ["You said: Zoë 🙂?", ["stop"]]);
      assert.equal(line.standIn.open(), 0);
      const plain = await line.client.chat.completions.create({ model: line.model, messages });
      assert.equal(plain.choices[0]!.message.content, "You said: Zoë 🙂?");
      assert.ok(plain.usage!.total_tokens > 0);
    }
  });

  test(`${name}: a tool is called in pieces, and its answer is taken`, async () => {
    await using line = serve();
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "A table, please." }];
    const stream = await line.client.chat.completions.create({
      model: "toolcall",
      messages,
      tools: [TOOL],
      stream: true,
    });
    const calls: { id: string; name: string; json: string }[] = [];
    let reason: unknown;
    let pieces = 0;
    for await (const { choices: [choice] } of stream) {
      for (const { index, id, function: called } of choice?.delta.tool_calls ?? []) {
        const call = calls[index] ??= { id: id!, name: called!.name!, json: "" };
        call.json += called?.arguments ?? "";
        pieces++;
      }
      reason = choice?.finish_reason ?? reason;
    }
    assert.deepEqual([reason, calls.length, calls[0]!.name], ["tool_calls", 1, "book_table"]);
    const { size, name } = JSON.parse(calls[0]!.json);
    assert.deepEqual([typeof size, typeof name, pieces > 1], ["number", "string", true]);

    const [{ id, json }] = calls as [typeof calls[number]];
    messages.push({
      role: "assistant",
      content: null,
      tool_calls: [{ id, type: "function", function: { name: "book_table", arguments: json } }],
    }, { role: "tool", tool_call_id: id, content: "booked" });
    const after = await line.client.chat.completions.create({ model: "toolcall", messages, tools: [TOOL] });
    assert.equal(after.choices[0]!.message.content, "The answer is: booked.");
    const unanswered = line.client.chat.completions.create({ model: line.model, messages: messages.slice(0, 2) });
    await assert.rejects(unanswered, (error: { status?: number }) => error.status === 400);
  });

  test(`${name}: two calls at once come with their own indices`, async () => {
    const answer = () => ({
      calls: ["one", "two"].map((name) => ({ name: "book_table", arguments: { size: 2, name } })),
    });
    await using line = serve({ answer });
    const messages = [{ role: "user" as const, content: "Two tables." }];
    const stream = await line.client.chat.completions.create({
      model: line.model,
      messages,
      tools: [TOOL],
      stream: true,
    });
    const json: string[] = [];
    for await (const { choices: [choice] } of stream) {
      for (const { index, function: called } of choice?.delta.tool_calls ?? []) {
        json[index] = (json[index] ?? "") + (called?.arguments ?? "");
      }
    }
    assert.deepEqual(json.map((text) => JSON.parse(text).name), ["one", "two"]);
  });

  test(`${name}: refusals are the library's typed errors`, async () => {
    await using line = serve();
    const ask = (model: string) =>
      line.client.chat.completions.create({ model, messages: [{ role: "user", content: "Hi" }], stream: true });
    const classes: [model: string, status: number, type: string, code: RegExp][] = [
      ["e400", 400, "BadRequestError", /context_length_exceeded/],
      ["e401", 401, "AuthenticationError", /invalid_api_key/],
      ["no-such-model", 404, "NotFoundError", /model_not_found/],
      ["e429", 429, "RateLimitError", /rate_limit_exceeded/],
      ["e500", 500, "InternalServerError", /internal_error/],
      ["e503", 503, "InternalServerError", /unavailable/],
    ];
    for (const [model, status, type, code] of classes) {
      await assert.rejects(ask(model), (error: Error & { status: number; headers: Headers }) => {
        assert.deepEqual([error.constructor.name, error.status], [type, status], model);
        assert.match(JSON.stringify(error), code);
        if (status === 429) assert.equal(error.headers.get("retry-after"), "1");
        return true;
      });
    }
    await using locked = serve({}, "another");
    await assert.rejects(locked.client.models.list(), (error: { status?: number }) => error.status === 401);
  });

  test(`${name}: an error in the middle, a cut and a reset are not taken for an answer`, async () => {
    await using line = serve();
    const read = async (model: string) => {
      const messages = [{ role: "user" as const, content: "Say something that is long enough to be cut." }];
      const stream = await line.client.chat.completions.create({ model, messages, stream: true });
      let reason: unknown;
      let text = "";
      for await (const { choices: [choice] } of stream) {
        text += choice?.delta.content ?? "";
        reason = choice?.finish_reason ?? reason;
      }
      return { text, reason };
    };
    await assert.rejects(read("mid-error"), /The server had an error/);
    await assert.rejects(read("reset"));
    const cut = await read("cut");
    assert.ok(cut.text.length > 0 && cut.reason === undefined, "a cut stream ends without a finish reason");
    assert.deepEqual(await read("html"), { text: "", reason: undefined }, "a stranger's page is no answer either");
  });

  test(`${name}: an abort reaches the server at once`, async () => {
    await using line = serve({ tokensPerSecond: 20 });
    const messages = [{ role: "user" as const, content: "A long answer that takes its time, please, thank you." }];
    const stream = await line.client.chat.completions.create({ model: line.model, messages, stream: true });
    for await (const { choices: [choice] } of stream) if (choice?.delta.content) break;
    const leftAtMs = systemClock.monotonicMs();
    await until("the cancellation", () => line.standIn.requests[0]!.cancelledAtMs !== undefined);
    assert.ok(line.standIn.requests[0]!.cancelledAtMs! - leftAtMs < 500);
    assert.equal(line.standIn.open(), 0);
  });

  test(`${name}: usage comes when it is asked for, and the list of models is read`, async () => {
    await using line = serve();
    const stream = await line.client.chat.completions.create({
      ...{ model: line.model, messages: [{ role: "user", content: "Hi" }], stream: true },
      stream_options: { include_usage: true },
    });
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) usage = chunk.usage ?? usage;
    assert.equal(usage!.total_tokens, usage!.prompt_tokens + usage!.completion_tokens);
    const models = (await line.client.models.list()).data.map(({ id }) => id);
    assert.ok(models.includes(line.model), models.join());
  });
}

test("openai: a structured answer parses against its schema", async () => {
  await using line = LIBRARIES[0]![1]();
  const { choices: [choice] } = await line.client.chat.completions.create({
    model: line.model,
    messages: [{ role: "user", content: "Who, and how many?" }],
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "party",
        strict: true,
        schema: {
          type: "object",
          properties: { name: { type: "string" }, party: { type: "integer" } },
          required: ["name", "party"],
          additionalProperties: false,
        },
      },
    },
  });
  const { name, party } = JSON.parse(choice!.message.content!);
  assert.deepEqual([typeof name, typeof party], ["string", "number"]);
});
