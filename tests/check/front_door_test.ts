import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { checkFrontDoor } from "../../lib/check/front_door.ts";
import { type Config, parseConfig } from "../../lib/config.ts";
import { socketKind, vendorDial } from "../../lib/providers/socket.ts";
import { openServer } from "../../lib/server.ts";
import { test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { folder } from "../store/make.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

function configOf(env: Record<string, string>): Config {
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "You answer the phone.", greeting: "Welcome." }),
    file: "config.json",
    env: { BIND: "127.0.0.1", LOG_LEVEL: "error", DEEPGRAM_API_KEY: "none", TWILIO_AUTH_TOKEN: TOKEN, ...env },
    flags: { rehearse: true },
    readAsset: () => undefined,
  });
  assert.ok(parsed.ok);
  return parsed.value.config;
}

function freePort(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return String(listener.addr.port);
}

const reach = {
  clock: systemClock,
  dial: vendorDial({ clock: systemClock, kind: socketKind("auto") }),
  fetch: (request: Request) => fetch(request),
};
const look = { offline: false, portState: () => "taken" as const };

test("our own server on real sockets: its port, its public name and its signature are recognised", async () => {
  using dir = folder();
  const port = freePort();
  const env = { PORT: port, DATA_DIR: dir.path, PUBLIC_HOST: `localhost:${port}` };
  const opened = openServer(configOf(env), { voice: toneVoice() });
  assert.ok(!("problem" in opened), "problem" in opened ? opened.problem : "");
  await using _server = opened;
  const items = await checkFrontDoor(reach, configOf(env), look);
  assert.deepEqual(items.map(({ state, finding }) => [state, finding]), [
    ["ok", "Offhook 0.1.0 answers there, with 0 calls"],
    ["ok", "answers, and a media stream opens through it"],
  ]);
  const [, stranger] = await checkFrontDoor(reach, configOf({ ...env, TWILIO_AUTH_TOKEN: "f".repeat(32) }), look);
  assert.equal(stranger!.state, "WRONG");
  assert.match(stranger!.finding, /does not accept our signature/);
});

test("our own server is asked where it listens", async () => {
  const asked: string[] = [];
  const fetch = (request: Request) => {
    asked.push(request.url);
    return Promise.resolve(Response.json({ status: "healthy", version: "1", activeCalls: 0 }));
  };
  for (const BIND of ["192.0.2.2", "2001:db8::2", "0.0.0.0", "::"]) {
    const [port] = await checkFrontDoor({ ...reach, fetch }, configOf({ BIND, PORT: "5001" }), look);
    assert.equal(port!.state, "ok");
  }
  assert.deepEqual(asked.map((url) => new URL(url).host), [
    "192.0.2.2:5001",
    "[2001:db8::2]:5001",
    "127.0.0.1:5001",
    "127.0.0.1:5001",
  ]);
});

test("a web server that knows no WebSocket is told from ours", async () => {
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("<html>"));
  const port = String(other.addr.port);
  const items = await checkFrontDoor(reach, configOf({ PORT: port, PUBLIC_HOST: `localhost:${port}` }), look);
  await other.shutdown();
  assert.deepEqual(items.map(({ name, state }) => [name, state]), [[`port ${port}`, "WRONG"], ["PUBLIC_HOST", "warn"]]);
});
