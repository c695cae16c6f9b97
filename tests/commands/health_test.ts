import assert from "node:assert/strict";
import { health, localUrl } from "../../lib/health_command.ts";
import { test } from "../case.ts";

async function ask(url: string): Promise<number> {
  const told: string[] = [];
  const code = await health(url, { print: () => {}, printError: (line) => void told.push(line) });
  assert.equal(told.length > 0, code !== 0, "what is wrong is said");
  return code;
}

test("health exits with 0 for a server that takes calls, 1 for one that does not, 3 where nothing answers", async () => {
  let status = 200;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("", { status }));
  const url = `http://127.0.0.1:${server.addr.port}`;
  assert.equal(await ask(url), 0);
  status = 503;
  assert.equal(await ask(url), 1);
  await server.shutdown();
  assert.equal(await ask(url), 3);
});

test("health exits with 2 for what is no address", async () => {
  for (const url of ["ftp://localhost", "localhost:5000", "http://", "file:///etc"]) {
    assert.equal(await ask(url), 2, url);
  }
});

test("with --json there is one document, whatever the answer", async () => {
  const found = { status: "draining", activeCalls: 1 };
  let status = 200;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => Response.json(found, { status }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const answer = async () => {
    const out: string[] = [];
    await health(url, { print: (line) => out.push(line), printError: () => {}, json: true });
    assert.equal(out.length, 1);
    return JSON.parse(out[0]!);
  };
  assert.deepEqual(await answer(), { ok: true, schema: 1, health: found });
  status = 503;
  const { error, ...draining } = await answer();
  assert.deepEqual(draining, { ok: false, schema: 1, health: found });
  assert.match(error, /HTTP 503/);
  await server.shutdown();
  assert.match((await answer()).error, /^No answer from/);
});

test("the server of this machine is asked where it listens, or a good one would be taken for dead", () => {
  const before = ["BIND", "PORT"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    Deno.env.set("PORT", "5001");
    for (
      const [bind, url] of [["", "localhost"], ["127.0.0.1", "localhost"], ["10.0.0.5", "10.0.0.5"], ["::1", "[::1]"]]
    ) {
      Deno.env.set("BIND", bind!);
      assert.equal(localUrl(assert.fail), `http://${url}:5001`);
    }
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
});
