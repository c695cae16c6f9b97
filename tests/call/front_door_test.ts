import assert from "node:assert/strict";
import { signatureOf } from "../../lib/phone/signature.ts";
import { twilioSignature } from "../../lib/softphone/sign.ts";
import { test } from "../case.ts";
import { simHouse, type SimOptions } from "../sim/house.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const LIVE: Record<string, string> = {
  PUBLIC_HOST: "agent.example.com",
  TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000001",
  TWILIO_AUTH_TOKEN: TOKEN,
  DEEPGRAM_API_KEY: "key",
};
const URL_OF_WEBHOOK = "https://agent.example.com/incoming-call";

/** A house with a locked door, on which `LIVE` calls come in. */
const liveHouse = (options: SimOptions = {}) => simHouse({ ...options, env: { ...LIVE, ...options.env } });

function webhook(fields: Record<string, string>, signature?: string): Request {
  const body = new URLSearchParams(fields);
  return new Request(URL_OF_WEBHOOK, {
    method: "POST",
    body,
    headers: { "x-twilio-signature": signature ?? signatureOf(TOKEN, URL_OF_WEBHOOK, Object.entries(fields)) },
  });
}

const FIELDS = { CallSid: "CA00000000000000000000000000000001", From: "+15550100", To: "+15550101" };

test("a webhook without a valid signature gets 403, is counted, and opens nothing", async () => {
  await using sim = await liveHouse();
  for (
    const request of [
      webhook(FIELDS, "x"),
      webhook(FIELDS, ""),
      webhook({ ...FIELDS, From: "+1999" }, signatureOf(TOKEN, URL_OF_WEBHOOK, Object.entries(FIELDS))),
    ]
  ) {
    const response = await sim.fetch(request);
    assert.equal(response.status, 403);
    assert.match(await response.text(), /TWILIO_AUTH_TOKEN/);
  }
  assert.deepEqual(sim.refusals, ["unsigned", "unsigned", "unsigned"]);
  await sim.clock.run(1000);
  assert.equal(sim.agent.sessions.length, 0);
});

test("the address of a GET is signed as it was sent, also with an apostrophe that URL would write as %27", async () => {
  await using sim = await liveHouse();
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, sim.fetch);
  for (const city of ["O'FALLON", "O%27FALLON"]) {
    const target = `/incoming-call?${new URLSearchParams(FIELDS)}&FromCity=${city}`;
    for (const signed of [target, target.replace("'", "%27")]) {
      const signature = signatureOf(TOKEN, `https://agent.example.com${signed}`);
      const head = `GET ${target} HTTP/1.1\r\nhost: agent.example.com\r\nconnection: close\r\n`;
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
      await connection.write(new TextEncoder().encode(`${head}x-twilio-signature: ${signature}\r\n\r\n`));
      assert.match(await new Response(connection.readable).text(), /^HTTP\/1.1 200[^]*<Stream/, `${target}, ${signed}`);
    }
  }
  assert.deepEqual(sim.refusals, []);
});

test("an upgrade without a valid signature gets 403 before any socket", async () => {
  await using sim = await liveHouse();
  for (const path of ["/media-stream", "/ws"]) {
    const response = await sim.fetch(
      new Request(`https://agent.example.com${path}`, { headers: { upgrade: "websocket", connection: "Upgrade" } }),
    );
    assert.equal(response.status, 403);
    await response.body?.cancel();
  }
  assert.deepEqual(sim.refusals, ["unsigned", "unsigned"]);
});

/** Answer a signed webhook, and give the token of its TwiML. */
async function announce(sim: Awaited<ReturnType<typeof liveHouse>>, callSid: string): Promise<string> {
  const twiml = await (await sim.fetch(webhook({ ...FIELDS, CallSid: callSid }))).text();
  return /name="token" value="([^"]+)"/.exec(twiml)![1]!;
}

async function start(sim: Awaited<ReturnType<typeof liveHouse>>, callSid: string, token: string | undefined) {
  const dialled = await sim.phoneDial(
    { peer: "twilio", url: "wss://x/media-stream", headers: {} },
    new AbortController().signal,
  );
  assert.ok(dialled.ok);
  let closed = false;
  const wire = dialled.value;
  wire.listen({
    text: (text) => text.includes('"mark"') && wire.send(text), // it is there, though silent
    binary: () => {},
    close: () => void (closed = true),
    crashed: assert.fail,
  });
  wire.send(JSON.stringify({
    event: "start",
    streamSid: `MZ${callSid}`,
    start: {
      callSid,
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: token === undefined ? {} : { token },
    },
  }));
  await sim.clock.run(100);
  return { wire, closed: () => closed };
}

test("a stream needs our token: missing, forged, of another call, replayed or expired, it is turned away", async () => {
  await using sim = await liveHouse();
  const first = await announce(sim, "CA1");
  const other = await announce(sim, "CA2");
  assert.ok((await start(sim, "CA1", undefined)).closed());
  assert.ok((await start(sim, "CA1", `${first.slice(0, -2)}AA`)).closed());
  assert.ok((await start(sim, "CA1", other)).closed());
  const good = await start(sim, "CA1", first);
  assert.ok(!good.closed());
  assert.equal(sim.house.reception.active, 1);
  good.wire.send(JSON.stringify({ event: "stop" }));
  await sim.clock.run(200);
  assert.ok((await start(sim, "CA1", first)).closed());
  const late = await announce(sim, "CA3");
  await sim.clock.run(61_000);
  assert.ok((await start(sim, "CA3", late)).closed());
  const reasons = sim.refusals.filter((reason) => reason.startsWith("token"));
  assert.deepEqual(reasons, ["token-missing", "token-forged", "token-wrong-call", "token-replayed", "token-expired"]);
  assert.equal(sim.notices.filter(({ kind }) => kind === "call-started").length, 1);
});

test("the 41st call at once hears that all lines are busy, and the others go on", async () => {
  await using sim = await liveHouse({ config: { limits: { callsPerCallerPerHour: 1000 } } });
  for (let number = 1; number <= 40; number++) await announce(sim, `CA${number}`);
  const refused = await sim.fetch(webhook({ ...FIELDS, CallSid: "CA41" }));
  assert.equal(refused.status, 200);
  const twiml = await refused.text();
  assert.match(twiml, /<Say[^>]*>All our lines are busy/);
  assert.match(twiml, /<Hangup\/>/);
  assert.deepEqual(sim.refusals, ["full"]);
  // A repeated webhook of a call that is known keeps its place.
  assert.match(await (await sim.fetch(webhook({ ...FIELDS, CallSid: "CA40" }))).text(), /<Stream/);
  await sim.clock.run(16_000);
  assert.match(await (await sim.fetch(webhook({ ...FIELDS, CallSid: "CA41" }))).text(), /<Stream/);
});

test("who hangs up before his stream has come leaves his place at once", async () => {
  await using sim = await liveHouse({ env: { MAX_CALLS: "1" } });
  await announce(sim, "CA1");
  await sim.clock.run(1000);
  sim.house.reception.over("CA1");
  assert.match(await (await sim.fetch(webhook({ ...FIELDS, CallSid: "CA2" }))).text(), /<Stream/);
  sim.house.reception.over("CA2");
  await sim.clock.run(20_000);
  assert.deepEqual([sim.refusals, sim.clock.pending], [[], 0]);
});

test("a caller over his limit who calls again every few minutes, as he is told, is taken once his calls are an hour ago", async () => {
  await using sim = await liveHouse({ config: { limits: { callsPerCallerPerHour: 2 } } });
  for (const callSid of ["CA1", "CA2"]) await announce(sim, callSid);
  for (let number = 3; number <= 14; number++) {
    await sim.clock.run(300_000);
    const twiml = await (await sim.fetch(webhook({ ...FIELDS, CallSid: `CA${number}` }))).text();
    assert.match(twiml, number < 14 ? /<Hangup/ : /<Stream/, `CA${number}`);
  }
});

test("a caller's seventh call within an hour, and the first after the day's last minute, hear the busy line", async () => {
  await using sim = await liveHouse();
  for (let number = 1; number <= 6; number++) await announce(sim, `CA${number}`);
  await (await sim.fetch(webhook({ ...FIELDS, CallSid: "CA7" }))).text();
  assert.deepEqual(sim.refusals, ["caller-limit"]);

  for (const From of ["anonymous", "Restricted", "+266696687", "sip:+15550100@pbx.example"]) {
    for (let number = 1; number <= 7; number++) {
      await sim.fetch(webhook({ ...FIELDS, From, CallSid: `CB${From}${number}` }));
    }
  }
  assert.deepEqual(sim.refusals, ["caller-limit"], "who withholds the number is not one caller");

  await using short = await liveHouse({
    config: { limits: { minutesPerDay: 1 }, silence: { promptAfterMs: 600_000 } },
  });
  const token = await announce(short, "CA1");
  const { wire } = await start(short, "CA1", token);
  await short.clock.run(61_000);
  wire.send(JSON.stringify({ event: "stop" }));
  await short.clock.run(100);
  await (await short.fetch(webhook({ ...FIELDS, CallSid: "CA2" }))).text();
  assert.deepEqual(short.refusals, ["daily-limit"]);
  await short.clock.run(24 * 3_600_000);
  assert.match(await (await short.fetch(webhook({ ...FIELDS, CallSid: "CA3" }))).text(), /<Stream/);
});

test("a stream that nobody announced here is held to the same limits", async () => {
  const { TWILIO_AUTH_TOKEN: _, TWILIO_ACCOUNT_SID: __, ...env } = LIVE;
  const config = { limits: { minutesPerDay: 1 }, silence: { promptAfterMs: 600_000 } };
  await using sim = await simHouse({ env, config });
  const { wire } = await start(sim, "CA1", undefined);
  await sim.clock.run(61_000);
  wire.send(JSON.stringify({ event: "stop" }));
  await sim.clock.run(100);
  assert.ok((await start(sim, "CA2", undefined)).closed());
  assert.deepEqual(sim.refusals, ["daily-limit"]);
  assert.equal(sim.notices.filter(({ kind }) => kind === "call-started").length, 1);
});

test("the busy line is the called number's own, with its variables; of several languages none is named", async () => {
  const multi = { language: "multi", lines: { busy: "{{caller}}, you called {{called}}." } };
  await using sim = await liveHouse({ config: { language: "de", numbers: { "+15550101": multi } } });
  await sim.house.reception.drain(0);
  const busy = async (To: string) => await (await sim.fetch(webhook({ ...FIELDS, To }))).text();
  assert.match(await busy("+15550101"), /<Say>\+15550\d{3}, you called \+15550101\.<\/Say>/);
  assert.match(await busy("+15550199"), /<Say language="de">All our lines are busy/);
});

test("a call's sixteenth minute is not reached: it ends politely before", async () => {
  await using sim = await simHouse({ config: { silence: { promptAfterMs: 600_000 } } });
  const call = sim.ring({ steps: [{ kind: "wait", ms: 20 * 60_000 }], limitMs: 30 * 60_000 });
  const report = await sim.clock.runFor(call.report, 40 * 60_000);
  assert.equal(report.endedBy, "server");
  assert.ok(report.durationMs < 16 * 60_000);
  assert.match(report.turns.at(-1)!.heard!, /Goodbye\.$/);
});

test("without Twilio's token at most three calls at once get in from elsewhere, live and in rehearsal", async () => {
  const { TWILIO_AUTH_TOKEN: _, TWILIO_ACCOUNT_SID: __, ...env } = LIVE;
  for (const own of [env, {}]) {
    await using sim = await simHouse({ env: own });
    const answer = async (number: number) =>
      (await (await sim.fetch(webhook({ ...FIELDS, From: `+1555010${number}`, CallSid: `CA${number}` }, ""))).text())
        .includes("<Stream");
    for (let number = 1; number <= 4; number++) assert.equal(await answer(number), true, "from this machine");
    await sim.clock.run(16_000);
    sim.house.strangerRang();
    const answers = [];
    for (let number = 5; number <= 8; number++) answers.push(await answer(number));
    assert.deepEqual(answers, [true, true, true, false]);
  }
});

test("the softphone signs as Twilio does: a signed call goes through a locked door", async () => {
  await using sim = await liveHouse();
  const params = Object.entries(FIELDS);
  assert.equal(twilioSignature(TOKEN, URL_OF_WEBHOOK, params), signatureOf(TOKEN, URL_OF_WEBHOOK, params));
  const call = sim.ring({ url: URL_OF_WEBHOOK, authToken: TOKEN, steps: [{ kind: "say", text: "who are you" }] });
  const report = await sim.clock.runFor(call.report);
  assert.deepEqual(report.offences, []);
  assert.match(report.turns[1]!.heard!, /AI/);
});

test("on the server's own machine the softphone gets in with the token, and without it is told why not", async () => {
  await using sim = await liveHouse();
  const ringHere = async (authToken: string | undefined) => {
    const fetch = (request: Request) => {
      request.headers.set("host", new URL(request.url).host);
      return sim.fetch(request);
    };
    const steps = [{ kind: "say", text: "who are you" }] as const;
    const call = sim.ring({ fetch, steps, ...(authToken ? { authToken } : {}) });
    return await sim.clock.runFor(call.report);
  };
  const signed = await ringHere(TOKEN);
  assert.deepEqual(signed.offences, []);
  assert.match(signed.turns[1]!.heard!, /AI/);
  for (const token of [undefined, "f".repeat(32)]) {
    const [offence, ...others] = (await ringHere(token)).offences;
    assert.match(offence!.detail, /answered HTTP 403: The signature does not fit\. .*PUBLIC_HOST .*\(Twilio 11200\)$/);
    assert.deepEqual(others, []);
  }
});

test("a CallSid that no carrier gives gets 400 on every webhook, and nothing is announced", async () => {
  await using sim = await simHouse();
  const bad = ["a".repeat(65), "a".repeat(30_000), "\0\uFFFD", "CA 1", "CA|1", "CÄ1"];
  for (const callSid of bad) {
    for (const path of ["/incoming-call", "/after-stream", "/stream-status", "/call-status"]) {
      const body = new URLSearchParams({ CallSid: callSid });
      const response = await sim.fetch(new Request(`http://localhost${path}`, { method: "POST", body }));
      assert.equal(response.status, 400, `${path} ${callSid.slice(0, 20)}`);
      assert.doesNotMatch(await response.text(), /aaa/);
    }
  }
  assert.deepEqual(new Set(sim.refusals), new Set(["malformed"]));
  assert.equal(sim.agent.sessions.length, 0);
  for (const callSid of ["CA1", "v3:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ", "a@b.example;x=1"]) {
    const response = await sim.fetch(new Request(`http://localhost/twiml?CallSid=${encodeURIComponent(callSid)}`));
    assert.match(await response.text(), /<Stream/);
  }
});

test("who asks for a call without a CallSid is told how to ring, not that all lines are busy", async () => {
  await using sim = await simHouse();
  for (const request of [new Request("http://localhost/twiml"), webhook({ From: "+15550100" })]) {
    const response = await sim.fetch(request);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /a call of Twilio's has a CallSid.*offhook call/);
  }
  assert.deepEqual(sim.refusals, ["malformed", "malformed"]);
});

test("metrics are for this machine, asked by a name of it: a proxy need not say that it is one", async () => {
  await using sim = await liveHouse();
  const asked = ["localhost:5000", "127.0.0.1", "agent.example.com"].map((host) =>
    sim.fetch(new Request("http://localhost/metrics", { headers: { host } }))
  );
  assert.deepEqual((await Promise.all(asked)).map(({ status }) => status), [200, 200, 401]);
});

test("an upgrade without its other headers gets 400, and is no fault of ours", async () => {
  await using sim = await simHouse();
  for (const headers of [{}, { connection: "keep-alive" }, { connection: "Upgrade" }]) {
    const request = new Request("http://localhost/media-stream", { headers: { upgrade: "websocket", ...headers } });
    const response = await sim.fetch(request);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /handshake/);
  }
});

test("a request by what is no host's name gets 400, with what is wrong, on every webhook and socket", async () => {
  for (const env of [{}, LIVE, { ...LIVE, PUBLIC_HOST: "" }]) {
    await using sim = await simHouse({ env });
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, sim.fetch);
    for (
      const host of ["a?b", "a#b", "a/b", "a b", "[", "a:b", "a@b", "a%zz", "a:99999", "a,b", "<a>", '"', "0x.1.2.3.4"]
    ) {
      for (const [path, upgrade] of [["/incoming-call", ""], ["/ws", "upgrade: websocket\r\n"]] as const) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
        const target = `${path}?${new URLSearchParams(FIELDS)}`;
        const head = `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${upgrade}\r\n`;
        await connection.write(new TextEncoder().encode(head));
        const answer = await new Response(connection.readable).text();
        assert.match(answer, /^HTTP\/1.1 400[^]*names no host/, `${path} ${host}: ${answer}`);
      }
    }
    assert.deepEqual(new Set(sim.refusals), new Set(["malformed"]));
    for (
      const host of ["a.example", "A-1.example.:80", "10.0.0.1:5000", "[2001:db8::1]:5000", "my_proxy", "xn--nxasmq6b"]
    ) {
      const response = await sim.fetch(new Request("http://x/nothing", { headers: { host } }));
      assert.equal(response.status, 404, host);
    }
  }
});

test("a page of another site, in a browser on this machine, neither rings nor opens a stream", async () => {
  await using sim = await simHouse();
  const host = "localhost:5000";
  const ask = async (path: string, headers: Record<string, string>) =>
    (await sim.fetch(new Request(`http://${host}${path}`, { headers: { host, ...headers } }))).status;
  const upgrade = { upgrade: "websocket" };
  for (const origin of ["https://evil.example", "http://localhost:3000", "null"]) {
    assert.equal(await ask("/media-stream", { ...upgrade, origin }), 403, origin);
  }
  for (const site of ["cross-site", "same-site"]) {
    assert.equal(await ask("/incoming-call?CallSid=CA1", { "sec-fetch-site": site }), 403, site);
  }
  assert.deepEqual(new Set(sim.refusals), new Set(["foreign-page"]));
  assert.equal(sim.agent.sessions.length, 0);
  // Our own page does both; here its upgrade lacks the rest of the handshake.
  assert.equal(await ask("/media-stream", { ...upgrade, origin: `http://${host}` }), 400);
  assert.equal(await ask("/incoming-call?CallSid=CA1", { "sec-fetch-site": "same-origin" }), 200);
});
