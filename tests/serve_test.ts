import assert from "node:assert/strict";
import { sleep, systemClock } from "../lib/base/clock.ts";
import { vendorDial } from "../lib/providers/socket.ts";
import { ringUp } from "../lib/softphone/phone.ts";
import { seeded, test } from "./case.ts";
import { emptyDirectory, fromSource, run, startServer } from "./executable/harness.ts";
import { toneVoice } from "./sim/tone_voice.ts";

/** Takes the record of a call, and never says so. */
function deafWebhook() {
  const posted = Promise.withResolvers<void>();
  const scope = new AbortController();
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {}, signal: scope.signal };
  const server = Deno.serve(options, () => {
    posted.resolve();
    return new Promise<Response>(() => {});
  });
  const close = () => {
    scope.abort();
    return server.finished;
  };
  return { url: `http://127.0.0.1:${server.addr.port}/`, posted: posted.promise, [Symbol.asyncDispose]: close };
}

/** Settles once the server has heard the signal: it takes no calls any more, or is gone. */
async function heardOf(url: string): Promise<void> {
  const isServing = async () => {
    const response = await fetch(`${url}/health`);
    await response.body?.cancel();
    return response.ok;
  };
  while (await isServing().catch(() => false)) await sleep(systemClock, 50);
}

/** A caller who hangs up after `ms`, once he is connected. */
function caller(url: string, ms: number) {
  const connected = Promise.withResolvers<void>();
  const call = ringUp({
    url: `${url}/incoming-call`,
    clock: systemClock,
    dial: vendorDial({ clock: systemClock, kind: "native" }),
    fetch,
    voice: toneVoice(),
    random: seeded(1),
    steps: [{ kind: "wait", ms }],
    onEvent: (event) => event.kind === "connected" && connected.resolve(),
  });
  return { ...call, connected: connected.promise };
}

test("whoever reads the log may stall: the server goes on", async () => {
  using empty = emptyDirectory();
  const { command, args } = fromSource("-A");
  const env = { PORT: "0", BIND: "127.0.0.1" };
  const child = new Deno.Command(command, {
    args: [...args, "serve", "--json"],
    cwd: empty.path,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    const log = child.stderr.getReader();
    let said = "";
    while (!/localhost:\d+/.test(said)) said += new TextDecoder().decode((await log.read()).value);
    const url = `http://${/localhost:\d+/.exec(said)![0]}`;
    const ask = async (path: string, body?: URLSearchParams) => {
      const response = await fetch(url + path, {
        signal: AbortSignal.timeout(5000),
        ...(body ? { method: "POST", body } : {}),
      });
      await response.body?.cancel();
      return response.status;
    };
    // Each is told in a line of 120 bytes, and a pipe holds 64 KB.
    for (let n = 0; n < 800; n++) {
      assert.equal(await ask("/call-status", new URLSearchParams({ CallSid: "no id" })), 400);
    }
    assert.equal(await ask("/health"), 200);
    log.releaseLock();
    await child.stderr.cancel();
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
});

test("a terminal that is closed cuts no call: SIGHUP waits for those that are live, as SIGTERM does", async () => {
  using empty = emptyDirectory();
  await using server = await startServer(fromSource("-A"), { cwd: empty.path, env: { BIND: "127.0.0.1" } });
  const call = caller(server.url, 1000);
  await call.connected;
  const { code } = await server.stop("SIGHUP");
  const { endedBy, offences } = await call.report;
  assert.deepEqual({ code, endedBy, offences }, { code: 0, endedBy: "caller", offences: [] });
});

for (const what of ["a live call", "a record that is being posted"] as const) {
  test(`a second signal ends at once, whatever is still waited for: ${what}`, async () => {
    using empty = emptyDirectory();
    await using webhook = deafWebhook();
    const env = { CALL_WEBHOOK_URL: webhook.url, BIND: "127.0.0.1" };
    await using server = await startServer(fromSource("-A"), { cwd: empty.path, env });
    const isLive = what === "a live call";
    const call = caller(server.url, isLive ? 30_000 : 100);
    await (isLive ? call.connected : webhook.posted);
    const stopped = server.stop("SIGTERM");
    await heardOf(server.url);
    await sleep(systemClock, 500); // at once it would be the same press
    Deno.kill(server.pid, "SIGTERM");
    const { code } = await stopped;
    await call.report;
    assert.equal(code, 130, "only the second signal ends it so");
    const { stdout } = await run(fromSource("-A"), ["calls", "--json"], { cwd: empty.path });
    const kept = JSON.parse(stdout).calls.map((row: Record<string, unknown>) => [row.live, row.outcome]);
    assert.deepEqual(kept, [[false, isLive ? "drained" : "caller-hung-up"]]);
  });
}
