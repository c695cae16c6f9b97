import assert from "node:assert/strict";
import { health } from "../../lib/health_command.ts";
import { test } from "../case.ts";

async function ask(url: string): Promise<number> {
  return await health(url, { print: () => {}, printError: () => {} });
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
