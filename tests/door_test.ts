import assert from "node:assert/strict";
import { sleep, systemClock } from "../lib/base/clock.ts";
import { listen } from "../lib/door.ts";
import { healthAtStart } from "../lib/health.ts";
import { parseConfig } from "../lib/config.ts";
import { test } from "./case.ts";

function configured() {
  const parsed = parseConfig({ text: '{"prompt": "x"}', file: "config.json", env: {}, readAsset: () => undefined });
  assert.ok(parsed.ok);
  return parsed.value.config;
}

function doorAt(port: number) {
  return listen({ port, bind: "127.0.0.1", health: () => healthAtStart(configured(), "1.2.3") });
}

test("before the house is built the door tells its health, and lets everybody else wait for an answer", async () => {
  const door = doorAt(0);
  assert.ok(!("problem" in door));
  await using _door = door;
  const url = `http://127.0.0.1:${door.port}`;
  let answered = 0;
  const call = fetch(`${url}/incoming-call`, { method: "POST", body: "CallSid=CA1" }).then((response) => {
    answered++;
    return response.text();
  });
  const page = fetch(url).then((response) => response.text());
  const posted = fetch(`${url}/health`, { method: "POST" }).then((response) => response.text());
  const health = await fetch(`${url}/health`);
  await door.asked;
  assert.equal(health.status, 200);
  assert.deepEqual(await health.json(), {
    status: "healthy",
    version: "1.2.3",
    activeCalls: 0,
    maxCalls: 40,
    engine: "agent",
    rehearsal: true,
    uptimeSeconds: 0,
    providers: [],
  });
  assert.equal(answered, 0);
  door.open(async (request, { remoteAddr }) =>
    new Response(`${remoteAddr.hostname} ${new URL(request.url).pathname} ${await request.text()}`)
  );
  assert.equal(await call, "127.0.0.1 /incoming-call CallSid=CA1");
  assert.equal(await page, "127.0.0.1 / ");
  assert.equal(await posted, "127.0.0.1 /health ");
  assert.equal(await (await fetch(`${url}/health`)).text(), "127.0.0.1 /health ");
});

test("a process that was out of file descriptors takes connections again once it has some", async () => {
  const door = new URL("../lib/door.ts", import.meta.url);
  const script = `
    import { listen } from "${door}";
    addEventListener("error", (event) => (event.preventDefault(), console.log("ended")));
    addEventListener("unhandledrejection", (event) => (event.preventDefault(), console.log("ended")));
    const door = listen({ port: 0, bind: "127.0.0.1", health: () => ({}) });
    console.log(door.port);`;
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", `ulimit -n 60; exec "$0" eval "$1"`, Deno.execPath(), script],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const output = child.stdout.getReader();
    const told = async () => new TextDecoder().decode((await output.read()).value).trim();
    const port = Number(await told());
    const connections: Deno.Conn[] = [];
    const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
    for (let n = 0; n < 80; n++) await connect().then((one) => connections.push(one), () => {});
    assert.match(await told(), /^ended/);
    output.releaseLock();
    await child.stdout.cancel();
    for (const one of connections) one.close();
    const isHealthy = async () => {
      using client = Deno.createHttpClient({});
      const response = await fetch(`http://127.0.0.1:${port}/health`, { client });
      await response.body?.cancel();
      return response.ok;
    };
    const untilMs = systemClock.monotonicMs() + 5000;
    while (!await isHealthy().catch(() => false)) {
      assert.ok(systemClock.monotonicMs() < untilMs, "nobody listens any more");
      await sleep(systemClock, 50);
    }
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
});

test("a port that is taken is told with what to do about it", async () => {
  const door = doorAt(0);
  assert.ok(!("problem" in door));
  await using _door = door;
  const second = doorAt(door.port);
  assert.ok("problem" in second);
  assert.match(second.problem, /is in use, perhaps by another Offhook\. Stop that one, or choose another/);
});
