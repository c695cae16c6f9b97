import assert from "node:assert/strict";
import { httpTool } from "../../lib/engine/http_tool.ts";
import { type Tool, ToolBox } from "../../lib/engine/tools.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const SPEC = {
  name: "look",
  description: "Looks.",
  parameters: { type: "object", properties: {} },
  url: "https://api.example.com/x",
  method: "GET",
  headers: {},
  timeoutMs: 2000,
  confirm: false,
} as const;

/** What the model is told of an answer, by a box of tools. */
async function told(tool: Tool): Promise<string> {
  using box = new ToolBox({ tools: [tool], clock: new VirtualClock() });
  return (await box.run({ id: "1", name: tool.schema.name, arguments: "{}" })).content;
}

function askingFor(fetch: () => Promise<Response>, addresses = ["93.184.216.34"]): Tool {
  return httpTool(SPEC, { fetch, resolve: () => Promise.resolve(addresses), variable: () => "" });
}

test("of an answer of 5 MB 8 KB are read and told, and the rest is not waited for", async () => {
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(4096).fill(0x78));
      if (++pulled > 1280) controller.close();
    },
    cancel: () => void (cancelled = true),
  });
  const text = await told(askingFor(() => Promise.resolve(new Response(body))));
  assert.ok(text.startsWith("x".repeat(8000)) && text.length < 8300, `${text.length} characters`);
  assert.deepEqual([pulled < 10, cancelled], [true, true], `${pulled} pieces`);
});

test("whatever a tool gives, the model is told 8 KB at most", async () => {
  const schema = { name: "long", description: "", parameters: { type: "object", properties: {} } };
  const run = () => Promise.resolve({ words: "y".repeat(100_000) });
  const text = await told({ schema, sideEffect: false, confirm: false, timeoutMs: 1000, run });
  assert.ok(text.length <= 8200 && text.endsWith("(cut)"), `${text.length} characters`);
});

test("a tool that is not there did not do what it was asked", async () => {
  using box = new ToolBox({ tools: [], clock: new VirtualClock() });
  const { content, ok } = await box.run({ id: "1", name: "look", arguments: "{}" });
  assert.match(content, /There is no tool/);
  assert.equal(ok, false);
});

test("a model that is talked into two hundred requests at once sends eight, and the others when these are done", async () => {
  const open: ((response: Response) => void)[] = [];
  const parameters = { type: "object", properties: { id: { type: "string" } } };
  const tool = httpTool({ ...SPEC, parameters, url: "https://api.example.com/{{id}}" }, {
    fetch: () => new Promise<Response>((resolve) => void open.push(resolve)),
    resolve: () => Promise.resolve(["93.184.216.34"]),
    variable: () => "",
  });
  using box = new ToolBox({ tools: [tool], clock: new VirtualClock() });
  const ask = (id: number) => box.run({ id: String(id), name: "look", arguments: `{"id":"${id}"}` });
  const results = Array.from({ length: 200 }, (_, id) => ask(id));
  for (const refused of results.slice(8)) assert.match((await refused).content, /error.*8 requests/);
  assert.deepEqual([open.length], [8]);
  open.splice(0).forEach((answer) => answer(new Response("done")));
  assert.deepEqual(await Promise.all(results.slice(0, 8)), Array(8).fill({ content: "done", ok: true }));
  const later = ask(200);
  for (let n = 0; n < 20 && open.length === 0; n++) await Promise.resolve();
  open[0]!(new Response("done"));
  assert.equal((await later).content, "done");
});

test("of a server that is not reached the model is told why, and not the address, which may hold a secret", async () => {
  const why = "error sending request for url (https://api.example.com/x?key=it%27s): client error (Connect): dns error";
  for (const thrown of [new TypeError(why), new TypeError("fetch failed", { cause: new Error(why) })]) {
    const text = await told(askingFor(() => Promise.reject(thrown)));
    assert.equal(text, '{"error":"client error (Connect): dns error"}');
  }
});

test("no tool reaches an address of a private, shared or special network", async () => {
  const hidden = [
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
  ];
  const others = ["127.0.0.2", "224.0.0.1", "255.255.255.255", "::", "::1", "fc00::1", "fe80::1", "::ffff:192.168.0.1"];
  others.push("::ffff:7f00:1", "::7f00:1", "fec0::1", "ff02::1", "64:ff9b:1::a00:1", "2002:7f00:1::", "100::1");
  others.push("198.18.0.1", "192.0.0.8", "192.0.2.1", "198.51.100.1", "203.0.113.9", "240.0.0.1", "192.88.99.1");
  others.push("64:ff9b::a00:1", "64:FF9B::169.254.169.254", "64:ff9b::1", "::ffff:198.19.0.1", "2001::7f00:1");
  others.push("2001:1ff::1", "2001:db8::1", "3fff::1", "5f00::1");
  for (const address of [...hidden, ...others]) {
    let asked = false;
    const fetch = () => {
      asked = true;
      return Promise.resolve(new Response("secret"));
    };
    assert.match(await told(askingFor(fetch, ["93.184.216.34", address])), /private address/, address);
    assert.equal(asked, false, address);
  }
  const open = ["172.32.0.1", "100.128.0.1", "192.169.0.1", "198.20.0.1", "192.0.1.1", "2606:4700::1", "2001:4860::1"];
  for (const address of [...open, "2001:200::1", "3ffe::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]) {
    assert.equal(await told(askingFor(() => Promise.resolve(new Response("open")), [address])), "open", address);
  }
});

test("an argument in the path is neither empty nor a step: one booking's address never becomes that of all", async () => {
  const asked: string[] = [];
  const fetch = (request: Request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    return Promise.resolve(new Response("done"));
  };
  const parts = { fetch, resolve: () => Promise.resolve(["93.184.216.34"]), variable: () => "" };
  const parameters = { type: "object", properties: { id: { type: "string" }, q: { type: "string" } } };
  const tool = (path: string) =>
    httpTool({ ...SPEC, parameters, url: `https://api.example.com/${path}`, method: "DELETE" }, parts);
  const run = (path: string, args: Record<string, unknown>) =>
    tool(path).run(args, new AbortController().signal).then(() => "done", (error: Error) => error.message);
  for (const path of ["bookings/{{id}}", "bookings/{{id}}/", "bookings/{{ id }}?by=phone#x", "a/{{caller}}/b"]) {
    for (const id of ["", ".", ".."]) {
      if (path.includes("caller") && id !== "") continue;
      assert.match(await run(path, { id }), /empty|step/, `${path} with "${id}"`);
    }
  }
  assert.deepEqual(asked, []);
  assert.equal(await run("bookings/{{id}}", { id: "7/../8" }), "done");
  assert.equal(await run("bookings//day-{{id}}/?q={{q}}", { id: "", q: "" }), "done");
  assert.deepEqual(asked, ["DELETE /bookings/7%2F..%2F8", "DELETE /bookings//day-/"]);
});

test("a header's placeholders are filled as an address's are, and no value makes another header", async () => {
  const sent: [string | null, string | null][] = [];
  const fetch = ({ headers }: Request) => {
    sent.push([headers.get("x-caller"), headers.get("x-note")]);
    return Promise.resolve(new Response("done"));
  };
  const variable = (name: string) => name === "caller" ? "+15550100" : "";
  const tool = httpTool({
    ...SPEC,
    parameters: { type: "object", properties: { note: { type: "string" } } },
    headers: { "x-caller": "tel:{{caller}}", "x-note": "{{ note }}" },
  }, { fetch, resolve: () => Promise.resolve(["93.184.216.34"]), variable });
  const run = (args: Record<string, unknown>) => tool.run(args, new AbortController().signal);
  await run({ note: "soon {{caller}}", caller: "+15550199" });
  await assert.rejects(run({ note: "soon\r\nx-admin: 1" }), TypeError);
  assert.deepEqual(sent, [["tel:+15550100", "soon {{caller}}"]]);
});

test("a request has its arguments for a body, unless its method has none", async () => {
  const sent: string[] = [];
  const fetch = async (request: Request) => {
    sent.push(`${request.method} ${await request.text()} ${request.headers.get("content-type") ?? ""}`.trim());
    return new Response("done");
  };
  const parts = { fetch, resolve: () => Promise.resolve(["93.184.216.34"]), variable: () => "" };
  for (const method of ["GET", "DELETE", "POST", "PUT", "PATCH"] as const) {
    await httpTool({ ...SPEC, method }, parts).run({ day: 1 }, new AbortController().signal);
  }
  const body = '{"day":1} application/json';
  assert.deepEqual(sent, ["GET", "DELETE", `POST ${body}`, `PUT ${body}`, `PATCH ${body}`]);
});

test("a request runs once, and is remembered while two hundred others are asked for", async () => {
  let ran = 0;
  const tool: Tool = {
    schema: { name: "count", description: "", parameters: { type: "object", properties: {} } },
    sideEffect: true,
    confirm: false,
    timeoutMs: 1000,
    run: () => Promise.resolve(++ran),
  };
  using box = new ToolBox({ tools: [tool], clock: new VirtualClock() });
  const ask = (id: number) => box.run({ id: String(id), name: "count", arguments: " " });
  for (let id = 0; id < 200; id++) await ask(id);
  await ask(0);
  assert.equal(ran, 200);
  await ask(200);
  await ask(0);
  assert.equal(ran, 202);
});
