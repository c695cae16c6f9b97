import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { describeNotes, parseConfig } from "../../lib/config.ts";
import type { CallNotice } from "../../lib/call/notice.ts";
import { vendorDial } from "../../lib/providers/socket.ts";
import { openServer, type Server } from "../../lib/server.ts";
import { type PhoneOptions, ringUp } from "../../lib/softphone/phone.ts";
import { seeded, test } from "../case.ts";
import { conversation, folder } from "../store/make.ts";
import { toneVoice } from "../sim/tone_voice.ts";

/** A server in rehearsal on a free port of loopback, with a voice of tones. Its records go to `DATA_DIR`. */
function rehearsing(env: { DATA_DIR: string } & Record<string, string>): Server {
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "You answer the phone.", greeting: "Welcome." }),
    file: "config.json",
    env: { BIND: "127.0.0.1", PORT: "0", LOG_LEVEL: "error", ...env },
    readAsset: () => undefined,
  });
  if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
  const server = openServer(parsed.value.config, { voice: toneVoice() });
  if ("problem" in server) throw new Error(server.problem);
  return server;
}

let rung = 0;

function ring(server: Server, options: Partial<PhoneOptions>) {
  return ringUp({
    url: `http://127.0.0.1:${server.port}/incoming-call`,
    clock: systemClock,
    dial: vendorDial({ clock: systemClock, kind: "native" }),
    fetch,
    voice: toneVoice(),
    random: seeded(++rung),
    openDelayMs: 0,
    ...options,
  }).report;
}

test("20 calls at once over real sockets: each is answered, interrupted, and loses nothing", async () => {
  using dir = folder();
  await using server = rehearsing({ DATA_DIR: dir.path });
  const notices: CallNotice[] = [];
  server.observers.push((notice) => notices.push(notice));
  const reports = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      ring(server, {
        from: `+155501${String(index).padStart(2, "0")}`,
        steps: [{ kind: "say", text: "tell me a long story" }, {
          kind: "interrupt",
          text: "stop now",
          afterMs: 300 + index * 50,
        }],
      })),
  );
  for (const report of reports) {
    assert.deepEqual(report.offences, []);
    assert.equal(report.staleFrames, 0, JSON.stringify(report));
    assert.equal(report.lostFrames, 0);
    assert.match(report.turns[0]!.heard!, /Welcome/);
  }
  assert.equal(notices.filter(({ kind }) => kind === "event-lost").length, 0);
  assert.equal(notices.filter(({ kind }) => kind === "reply-interrupted").length, 20);
  assert.equal(server.reception.active, 0);
});

test("health, metrics and unknown paths answer as documented", async () => {
  using dir = folder();
  await using server = rehearsing({ DATA_DIR: dir.path });
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: response.status, text: await response.text() };
  };
  const health = await get("/health");
  assert.equal(health.status, 200);
  const { status, activeCalls, rehearsal } = JSON.parse(health.text);
  assert.deepEqual({ status, activeCalls, rehearsal }, { status: "healthy", activeCalls: 0, rehearsal: true });
  const metrics = await get("/metrics");
  assert.match(metrics.text, /^# TYPE offhook_calls_started_total counter$/m);
  const json = await get("/metrics", { headers: { accept: "application/json" } });
  assert.ok("offhook_calls_active" in JSON.parse(json.text));
  assert.equal((await get("/nothing-here")).status, 404);
  assert.equal((await get("/health", { method: "POST" })).status, 405);
  assert.equal((await get("/media-stream")).status, 426);
});

test("every path that is there answers another method with 405 and those it takes", async () => {
  using dir = folder();
  await using server = rehearsing({ DATA_DIR: dir.path });
  const paths = {
    "/": "GET",
    "/media-stream": "GET",
    "/ws": "GET",
    "/incoming-call": "GET, POST",
    "/call-status": "POST",
  };
  const stored = { "/calls": "GET", "/calls/CA1": "DELETE, GET" };
  for (const [path, takes] of Object.entries({ ...paths, ...stored })) {
    const { status, headers, body } = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: "PUT" });
    await body?.cancel();
    assert.deepEqual([path, status, headers.get("allow")], [path, 405, takes]);
  }
});

test("the scheme of a bearer may be written in any case", async () => {
  const token = "administrator-secret-of-32-chars";
  using dir = folder();
  await using server = rehearsing({ DATA_DIR: dir.path, ADMIN_TOKEN: token });
  const statuses = ["Bearer", "bearer", "BEARER", "Basic"].map(async (scheme) => {
    const headers = { authorization: `${scheme} ${token}` };
    const { status, body } = await fetch(`http://127.0.0.1:${server.port}/calls`, { headers });
    await body?.cancel();
    return status;
  });
  assert.deepEqual(await Promise.all(statuses), [200, 200, 200, 401]);
});

test("what a caller said is told in rehearsal only, and of a call whose whole CallSid is known", async () => {
  using dir = folder();
  for (const env of [{}, { PUBLIC_HOST: "agent.example.com", DEEPGRAM_API_KEY: "none" }]) {
    await using server = rehearsing({ DATA_DIR: dir.path, ...env });
    const notices = conversation({ id: "call-1" });
    for (const notice of notices) server.observers.forEach((observe) => observe(notice));
    const callSid = notices.map((notice) => notice.kind === "call-started" ? notice.callSid : "").join("");
    const asked = ["last", callSid.slice(0, 10), callSid].map(async (call) => {
      const response = await fetch(`http://127.0.0.1:${server.port}/phone/turns?call=${call}`);
      await response.body?.cancel();
      return response.status;
    });
    assert.deepEqual(await Promise.all(asked), [404, 404, "PUBLIC_HOST" in env ? 404 : 200]);
  }
});

test("a draining server is busy for new calls and lets live ones finish", async () => {
  using dir = folder();
  await using server = rehearsing({ DATA_DIR: dir.path });
  const connected = Promise.withResolvers<void>();
  const live = ring(server, {
    steps: [{ kind: "wait", ms: 700 }],
    onEvent: (event) => event.kind === "connected" && connected.resolve(),
  });
  await connected.promise;
  const drained = server.reception.drain(5000);
  const refused = await ring(server, { from: "+15550199" });
  // The busy line is spoken to it, then the server lets it go.
  assert.deepEqual([refused.endedBy, refused.streamSid], ["refused", null]);
  const health = await fetch(`http://127.0.0.1:${server.port}/health`);
  assert.equal(health.status, 503);
  assert.equal((await health.json()).status, "draining");
  assert.equal((await live).endedBy, "caller");
  await drained;
});
