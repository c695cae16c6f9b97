import assert from "node:assert/strict";
import { describeFault, type Fault, type Result } from "../../lib/base/result.ts";
import { ATTEMPT_LIMIT_MS, type FetchRequest } from "../../lib/phone/twilio_http.ts";
import { type TwilioRest, twilioRest } from "../../lib/phone/twilio_rest.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { test } from "../case.ts";
import { type TwilioRestFaults, twilioRestStandIn } from "../rehearsal/twilio_rest.ts";
import { VirtualClock } from "../sim/clock.ts";

const ACCOUNT = "AC00000000000000000000000000000001";
const CALL = "CA00000000000000000000000000000001";
const UNKNOWN_CALL = "CA00000000000000000000000000000009";
const TOKEN = "0123456789abcdef0123456789abcdef";
const NEVER = new AbortController().signal;

function rehearsal(faults: Partial<TwilioRestFaults> = {}, authToken = TOKEN) {
  const clock = new VirtualClock();
  const done: string[] = [];
  let status = "in-progress";
  const api = twilioRestStandIn({
    clock,
    accountSid: ACCOUNT,
    authToken: TOKEN,
    faults,
    numbers: ["+155501010", "+15550101"],
    control: (callSid) =>
      callSid !== CALL ? undefined : {
        status: () => status,
        durationSeconds: () => status === "completed" ? 7 : undefined,
        endCall() {
          done.push("ended");
          status = "completed";
        },
      },
  });
  const rest = client(api.fetch, clock, authToken);
  /** Runs one request to its end, and sees that nothing of it is left. */
  async function settle<T>(asking: Promise<T>): Promise<T> {
    const value = await clock.runFor(asking, 60_000);
    assert.equal(clock.pending, 0, "no timer is left");
    return value;
  }
  return { api, clock, done, rest, settle };
}

function client(fetch: FetchRequest, clock: VirtualClock, authToken = TOKEN): TwilioRest {
  const baseUrl = "https://api.twilio.com/";
  return twilioRest({ fetch, clock, random: () => 0.5, accountSid: ACCOUNT, authToken, baseUrl });
}

function faultOf<T>(result: Result<T>): Fault {
  assert.ok(!result.ok, "expected a fault");
  assert.equal(result.fault.peer, "twilio");
  return result.fault;
}

/** A `fetch` that answers `responses` one after the other, the last one for ever. */
function scripted(...responses: (() => Response)[]): FetchRequest & { requests: Request[] } {
  const requests: Request[] = [];
  const fetch = (request: Request) => {
    requests.push(request);
    return Promise.resolve(responses[Math.min(requests.length, responses.length) - 1]!());
  };
  return Object.assign(fetch, { requests });
}

test("a hang-up ends the call, and a second one finds it ended", async () => {
  const { api, done, rest, settle } = rehearsal();
  assert.deepEqual(await settle(rest.hangUp(CALL, NEVER)), { ok: true, value: "ended" });
  assert.deepEqual(await settle(rest.hangUp(CALL, NEVER)), { ok: true, value: "already-ended" });
  assert.deepEqual(done, ["ended"]);
  assert.deepEqual(api.requests[0], {
    atMs: 0,
    method: "POST",
    target: `/2010-04-01/Accounts/${ACCOUNT}/Calls/${CALL}.json`,
    form: { Status: "completed" },
  });
});

test("hanging up a call that Twilio does not know is done; looking at it is a fault with a remedy", async () => {
  const { api, rest, settle } = rehearsal();
  assert.deepEqual(await settle(rest.hangUp(UNKNOWN_CALL, NEVER)), { ok: true, value: "already-ended" });
  const fault = faultOf(await settle(rest.callStatus(UNKNOWN_CALL, NEVER)));
  assert.match(describeFault(fault), /Twilio reported 20404: .* was not found\. Check that the call/);
  assert.equal(api.requests.length, 2, "neither was tried again");
});

test("a call is looked at, before and after its end", async () => {
  const { rest, settle } = rehearsal();
  assert.deepEqual(await settle(rest.callStatus(CALL, NEVER)), { ok: true, value: "in-progress" });
  await settle(rest.hangUp(CALL, NEVER));
  assert.deepEqual(await settle(rest.callStatus(CALL, NEVER)), {
    ok: true,
    value: "completed",
  });
});

test("a number is found exactly, pointed here, and reported as it then is", async () => {
  const { api, rest, settle } = rehearsal();
  const listed = await settle(rest.numbers(NEVER));
  assert.ok(listed.ok);
  const before = listed.value.find(({ e164 }) => e164 === "+15550101");
  assert.equal(before?.voiceUrl, "");
  const hooks = {
    voiceUrl: "https://h.example/incoming-call",
    fallbackUrl: "https://h.example/fallback?a=1&b=2",
    statusCallbackUrl: "https://h.example/call-status",
  };
  const after = await settle(rest.updateNumber("+15550101", hooks, NEVER));
  assert.deepEqual(after, { ok: true, value: { ...before, ...hooks } });
  assert.equal(api.numbers[1]!["voice_fallback_url"], hooks.fallbackUrl);
  assert.equal(api.numbers[0]!["voice_url"], "", "not its longer neighbour");
  const { form } = api.requests.find(({ method }) => method === "POST")!;
  assert.equal(form["VoiceApplicationSid"], "", "an application would take the calls instead");
  assert.deepEqual(await settle(rest.updateNumber("+15550101", { voiceUrl: hooks.voiceUrl }, NEVER)), after, "kept");
});

test("an account's thousand numbers are all listed", async () => {
  const clock = new VirtualClock();
  const numbers = Array.from({ length: 1000 }, (_, index) => `+1555${String(index).padStart(7, "0")}`);
  const control = () => undefined;
  const api = twilioRestStandIn({ clock, accountSid: ACCOUNT, authToken: TOKEN, control, numbers });
  for (const number of api.numbers) {
    Object.assign(number, { voice_url: "https://agent.example.com/incoming-call", friendly_name: "é".repeat(64) });
  }
  const listed = await clock.runFor(client(api.fetch, clock).numbers(NEVER));
  assert.ok(listed.ok, listed.ok ? "" : describeFault(listed.fault));
  assert.deepEqual(listed.value.map(({ e164 }) => e164), numbers);
});

test("a number that the account does not have is named", async () => {
  const { rest, settle } = rehearsal();
  const fault = faultOf(await settle(rest.updateNumber("+15550199", { voiceUrl: "https://h/" }, NEVER)));
  assert.match(describeFault(fault), /no number \+15550199\. Check/);
});

test("429 is tried three times in all, whatever was asked, with growing waits", async () => {
  const twice = rehearsal({ tooMany: 2 });
  assert.deepEqual(await twice.settle(twice.rest.hangUp(CALL, NEVER)), { ok: true, value: "ended" });
  assert.deepEqual(twice.api.requests.map(({ atMs }) => atMs), [0, 100, 300]);
  const always = rehearsal({ tooMany: 9 });
  const fault = faultOf(await always.settle(always.rest.hangUp(CALL, NEVER)));
  assert.ok(fault.kind === "refused" && fault.status === 429);
  assert.match(describeFault(fault), /20429 Too Many Requests.*lower MAX_CALLS/);
  assert.equal(always.api.requests.length, 3);
});

test("Retry-After is honoured when short, and reported when long", async () => {
  const short = rehearsal({ tooMany: 1, retryAfterSeconds: 2 });
  assert.ok((await short.settle(short.rest.hangUp(CALL, NEVER))).ok);
  assert.deepEqual(short.api.requests.map(({ atMs }) => atMs), [0, 2000]);
  const long = rehearsal({ tooMany: 1, retryAfterSeconds: 60 });
  const fault = faultOf(await long.settle(long.rest.hangUp(CALL, NEVER)));
  assert.ok(fault.kind === "refused" && fault.retryAfterMs === 60_000);
  assert.equal(long.api.requests.length, 1);
});

test("a 500 in HTML is tolerated: what was asked is tried once more", async () => {
  const once = rehearsal({ serverErrors: 1 });
  assert.deepEqual(await once.settle(once.rest.hangUp(CALL, NEVER)), { ok: true, value: "ended" });
  const always = rehearsal({ serverErrors: 9 });
  const fault = faultOf(await always.settle(always.rest.hangUp(CALL, NEVER)));
  assert.equal(
    describeFault(fault),
    "Cannot open Twilio: HTTP 500 (500 Server Error). The trouble is on their side; it usually passes.",
  );
  assert.equal(always.api.requests.length, 2);
});

test("no connection is tried three times, whatever was asked", async () => {
  const twice = rehearsal({ unreachable: 2 });
  assert.ok((await twice.settle(twice.rest.hangUp(CALL, NEVER))).ok);
  const always = rehearsal({ unreachable: 9 });
  const fault = faultOf(await always.settle(always.rest.hangUp(CALL, NEVER)));
  assert.match(describeFault(fault), /^Cannot reach Twilio: client error \(Connect\): .*refused/);
  assert.equal(always.api.requests.length, 3);
});

test("a cut connection repeats a request once, whether it was done or not", async () => {
  const reset = rehearsal({ resets: 1 });
  assert.deepEqual(await reset.settle(reset.rest.hangUp(CALL, NEVER)), { ok: true, value: "ended" });
  const lost = rehearsal({ lostAnswers: 1 });
  assert.deepEqual(await lost.settle(lost.rest.hangUp(CALL, NEVER)), { ok: true, value: "already-ended" });
  const always = rehearsal({ resets: 9 });
  faultOf(await always.settle(always.rest.callStatus(CALL, NEVER)));
  assert.equal(always.api.requests.length, 2);
});

test("each try has its deadline of 5 s", async () => {
  const slow = rehearsal({ latencyMs: ATTEMPT_LIMIT_MS + 1 });
  const fault = faultOf(await slow.settle(slow.rest.hangUp(CALL, NEVER)));
  assert.deepEqual(fault, {
    kind: "deadline",
    peer: "twilio",
    what: `the answer to "hang up"`,
    limitMs: ATTEMPT_LIMIT_MS,
  });
  assert.deepEqual(slow.api.requests.map(({ atMs }) => atMs), [0, 5100]);
  const inTime = rehearsal({ latencyMs: ATTEMPT_LIMIT_MS - 100 });
  assert.ok((await inTime.settle(inTime.rest.hangUp(CALL, NEVER))).ok);
});

test("the deadline covers a body that never ends", async () => {
  const clock = new VirtualClock();
  const rest = client((request) => {
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => request.signal.addEventListener("abort", () => stream.error(request.signal.reason)),
    });
    return Promise.resolve(new Response(body));
  }, clock);
  assert.equal(faultOf(await clock.runFor(rest.hangUp(CALL, NEVER), 20_000)).kind, "deadline");
  assert.equal(clock.pending, 0);
});

test("an abort rejects with its reason, while asking and while waiting", async () => {
  for (const faults of [{ latencyMs: 1000 }, { tooMany: 9, retryAfterSeconds: 1 }]) {
    const { clock, done, rest } = rehearsal(faults);
    const scope = new AbortController();
    const rejected = assert.rejects(rest.hangUp(CALL, scope.signal), /call is over/);
    await clock.run(50);
    scope.abort(new Error("call is over"));
    await clock.runFor(rejected);
    assert.equal(clock.pending, 0);
    assert.deepEqual(done, []);
  }
  const { api, rest } = rehearsal();
  await assert.rejects(rest.hangUp(CALL, AbortSignal.abort(new Error("before"))), /before/);
  assert.equal(api.requests.length, 0);
});

test("wrong credentials say which variables to check", async () => {
  const { rest, settle } = rehearsal({}, "wrong");
  const fault = faultOf(await settle(rest.numbers(NEVER)));
  assert.match(
    describeFault(fault),
    /HTTP 401 \(20003 Authenticate\)\. Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN/,
  );
  assert.ok(!describeFault(fault).includes("wrong"), "no secret in the message");
});

test("a SID or number of another form never becomes part of a request", async () => {
  const { api, rest, settle } = rehearsal();
  const bad = ["", "CA1", `${CALL}/../x`, `../${CALL}`, ` ${CALL}`, `${CALL}\n`, CALL.replace("CA", "MZ"), `${CALL}0`];
  for (const callSid of bad) {
    for (
      const asking of [
        rest.hangUp(callSid, NEVER),
        rest.callStatus(callSid, NEVER),
      ]
    ) {
      assert.equal(faultOf(await settle<Result<unknown>>(asking)).kind, "protocol", JSON.stringify(callSid));
    }
  }
  for (const e164 of ["", "15550101", "+0155501", "+1555&PageSize=1", "client:bob"]) {
    assert.equal(faultOf(await settle(rest.updateNumber(e164, { voiceUrl: "https://h/" }, NEVER))).kind, "protocol");
  }
  assert.equal(api.requests.length, 0);
  for (const accountSid of ["", "AC1", `${ACCOUNT}/Calls`, `${ACCOUNT}\n`, CALL]) {
    const options = { fetch: api.fetch, clock: systemClock, authToken: TOKEN, baseUrl: "https://api.twilio.com" };
    assert.throws(() => twilioRest({ ...options, accountSid }), RangeError, accountSid);
  }
});

test("answers of another form are faults, never exceptions", async () => {
  const clock = new VirtualClock();
  const bodies = [
    "",
    "null",
    "[]",
    "7",
    "{",
    `{"status":1}`,
    `{"status":""}`,
    "\u0000",
    "<html>",
    `{"incoming_phone_numbers":[{}]}`,
  ];
  for (const body of bodies) {
    for (const status of [200, 201, 302, 400, 404, 418, 503]) {
      const rest = client(scripted(() => new Response(body, { status })), clock);
      for (const asking of [rest.callStatus(CALL, NEVER), rest.numbers(NEVER)]) {
        const fault = faultOf(await clock.runFor<Result<unknown>>(asking));
        assert.equal(fault.kind, status < 300 ? "protocol" : "refused", `${status} ${body}`);
      }
      const hangUp = await clock.runFor(rest.hangUp(CALL, NEVER));
      assert.equal(hangUp.ok, status < 300, "a 404 that is not Twilio's own proves nothing");
    }
  }
});

test("an endless answer is read up to 64 KB and then let go", async () => {
  const clock = new VirtualClock();
  let pulled = 0;
  let cancelled = false;
  const endless = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(stream) {
          pulled += 4096;
          stream.enqueue(new Uint8Array(4096).fill(0x61));
        },
        cancel: () => void (cancelled = true),
      }),
      { status: 400 },
    );
  const fault = faultOf(await clock.runFor(client(scripted(endless), clock).hangUp(CALL, NEVER)));
  assert.ok(fault.kind === "refused" && fault.detail.length <= 200);
  assert.ok(pulled <= 80 * 1024, `${pulled} bytes pulled`);
  assert.ok(cancelled);
});

test("credentials are not sent after a redirect of the HTTP kind", async () => {
  const clock = new VirtualClock();
  const fetch = scripted(() =>
    new Response(null, { status: 307, headers: { location: "https://elsewhere.example/" } })
  );
  const fault = faultOf(await clock.runFor(client(fetch, clock).hangUp(CALL, NEVER)));
  assert.ok(fault.kind === "refused" && fault.status === 307);
  assert.equal(fetch.requests[0]!.redirect, "manual");
  assert.equal(fetch.requests.length, 1);
});

test("the platform's own fetch reaches a real port, and an empty one is tried and named", async () => {
  const { api, done } = rehearsal();
  const options = {
    fetch: globalThis.fetch,
    clock: systemClock,
    random: () => 0,
    accountSid: ACCOUNT,
    authToken: TOKEN,
  };
  {
    await using server = serveStandIns([{ path: "/2010-04-01", fetch: api.fetch }]);
    const rest = twilioRest({ ...options, baseUrl: `http://${server.origin}` });
    assert.deepEqual(await rest.hangUp(CALL, NEVER), { ok: true, value: "ended" });
  }
  assert.deepEqual(done, ["ended"]);
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const baseUrl = `http://127.0.0.1:${closed.addr.port}`;
  closed.close();
  let tries = 0;
  const counting = (request: Request) => {
    tries++;
    return fetch(request);
  };
  const fault = faultOf(await twilioRest({ ...options, baseUrl, fetch: counting }).hangUp(CALL, NEVER));
  assert.match(describeFault(fault), /^Cannot reach Twilio: client error \(Connect\)/);
  assert.equal(tries, 3, "a refused connection is recognised as one");
});

test("the deadline lets go of a real connection, before and within the answer", async () => {
  for (const head of ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"]) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const asked = Promise.withResolvers<void>();
    const serving = (async () => {
      using connection = await listener.accept();
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(head));
      asked.resolve();
      while (await connection.read(new Uint8Array(4096)) !== null);
    })().catch(() => {}); // a reset is a way to let go, too
    const clock = new VirtualClock();
    const baseUrl = `http://127.0.0.1:${listener.addr.port}`;
    const rest = twilioRest({ fetch, clock, accountSid: ACCOUNT, authToken: TOKEN, baseUrl });
    const scope = new AbortController();
    const asking = rest.hangUp(CALL, scope.signal);
    await asked.promise;
    await clock.run(ATTEMPT_LIMIT_MS);
    await serving;
    scope.abort(); // it would be tried once more
    await assert.rejects(asking, { name: "AbortError" });
  }
});
