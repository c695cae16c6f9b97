import assert from "node:assert/strict";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { type CallControl, twilioRestStandIn, type TwilioRestStandInOptions } from "./twilio_rest.ts";

const ACCOUNT = "AC00000000000000000000000000000001";
const CALL = "CA00000000000000000000000000000001";
const TOKEN = "0123456789abcdef0123456789abcdef";
const ROOT = `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}`;
const AUTHORIZATION = `Basic ${btoa(`${ACCOUNT}:${TOKEN}`)}`;

interface Asked {
  form?: Record<string, string>;
  authorization?: string;
}

function rehearsal(options: Partial<TwilioRestStandInOptions> & { status?: string } = {}) {
  const done: string[] = [];
  let status = options.status ?? "in-progress";
  const call: CallControl = {
    status: () => status,
    durationSeconds: () => status === "completed" ? 42 : undefined,
    endCall() {
      done.push("ended");
      status = "completed";
    },
  };
  const clock = new VirtualClock();
  const api = twilioRestStandIn({
    clock,
    accountSid: ACCOUNT,
    authToken: TOKEN,
    control: (callSid) => callSid === CALL ? call : undefined,
    ...options,
  });
  async function ask(path: string, { form, authorization = AUTHORIZATION }: Asked = {}) {
    const response = await api.fetch(
      new Request(path.startsWith("http") ? path : ROOT + path, {
        method: form ? "POST" : "GET",
        headers: { authorization },
        ...(form ? { body: new URLSearchParams(form) } : {}),
      }),
    );
    const { code = 0, ...body } = await response.json() as Record<string, unknown>;
    return { status: response.status, code, body };
  }
  return { api, ask, clock, done };
}

test("credentials are checked first", async () => {
  const { ask, done } = rehearsal();
  for (
    const authorization of ["", "Basic", `Bearer ${TOKEN}`, `Basic ${btoa(`${ACCOUNT}:wrong`)}`, AUTHORIZATION + "="]
  ) {
    const { status, code } = await ask(`/Calls/${CALL}.json`, { authorization, form: { Status: "completed" } });
    assert.deepEqual([status, code], [401, 20003], authorization);
  }
  assert.deepEqual(done, []);
});

test("what does not exist is 404, code 20404", async () => {
  const { ask } = rehearsal();
  const other = "00000000000000000000000000000009";
  for (
    const path of [`/Calls/CA${other}.json`, `/Calls/${CALL}`, "/Nothing.json", `/IncomingPhoneNumbers/PN${other}.json`]
  ) assert.deepEqual(await ask(path).then(({ status, code }) => [status, code]), [404, 20404], path);
  assert.equal((await ask(`https://api.twilio.com/2010-04-01/Accounts/AC${other}/Calls/${CALL}.json`)).status, 404);
  assert.equal((await ask("https://api.twilio.com/")).status, 404);
});

test("a call is ended and looked at", async () => {
  const { ask, done } = rehearsal();
  const path = `/Calls/${CALL}.json`;
  const live = await ask(path);
  assert.deepEqual([live.status, live.body["status"], live.body["duration"]], [200, "in-progress", null]);
  assert.equal((await ask(path, { form: { Status: "completed" } })).body["status"], "completed");
  assert.deepEqual(done, ["ended"]);
  assert.equal((await ask(path)).body["duration"], "42");
});

test("a call that has ended is in the wrong state", async () => {
  for (const status of ["completed", "busy", "failed", "no-answer", "canceled"]) {
    const { ask, done } = rehearsal({ status });
    const refused = await ask(`/Calls/${CALL}.json`, { form: { Status: "completed" } });
    assert.deepEqual([refused.status, refused.code], [400, 21220], status);
    assert.deepEqual(done, []);
  }
});

test("a wrong update is refused and does nothing", async () => {
  const { api, ask, done } = rehearsal();
  const path = `/Calls/${CALL}.json`;
  assert.equal((await ask(path, { form: { Status: "over" } })).status, 400);
  const json = new Request(ROOT + path, {
    method: "POST",
    headers: { authorization: AUTHORIZATION, "content-type": "application/json" },
    body: `{"Status":"completed"}`,
  });
  assert.equal((await api.fetch(json)).status, 400);
  assert.equal(
    (await api.fetch(new Request(ROOT + path, { method: "DELETE", headers: { authorization: AUTHORIZATION } }))).status,
    405,
  );
  assert.deepEqual(done, []);
});

test("numbers are listed by pattern and changed", async () => {
  const { api, ask } = rehearsal({ numbers: ["+15550101", "+15550102"] });
  const list = async (filter: string) =>
    ((await ask(`/IncomingPhoneNumbers.json?PhoneNumber=${filter}`)).body["incoming_phone_numbers"] as {
      sid: string;
    }[])
      .map(({ sid }) => sid);
  const [first, second] = await list("");
  assert.deepEqual(await list("%2B1555010"), [first, second]);
  assert.deepEqual(await list("%2B15550102"), [second]);
  assert.deepEqual(await list("%2B49"), []);
  const changed = await ask(`/IncomingPhoneNumbers/${second}.json`, {
    form: { VoiceUrl: "https://h/incoming-call", StatusCallback: "https://h/call-status", Sid: "PN1", Odd: "x" },
  });
  assert.equal(changed.body["voice_url"], "https://h/incoming-call");
  assert.equal(changed.body["status_callback"], "https://h/call-status");
  assert.equal(changed.body["sid"], second);
  assert.equal(api.numbers[0]!["voice_url"], "");
  assert.equal((await ask(`/IncomingPhoneNumbers/${second}.json`, { form: { VoiceUrl: "no" } })).code, 21205);
});

test("faults come in their order, are used up, and nothing is done under them but for a lost answer", async () => {
  const { api, ask, done } = rehearsal({
    faults: { unreachable: 1, resets: 1, tooMany: 1, retryAfterSeconds: 2, serverErrors: 1, lostAnswers: 1 },
  });
  const form = { Status: "completed" };
  const path = `/Calls/${CALL}.json`;
  await assert.rejects(ask(path, { form }), /client error \(Connect\)/);
  await assert.rejects(ask(path, { form }), /client error \(SendRequest\)/);
  assert.equal((await ask(path, { form })).code, 20429);
  const response = await api.fetch(new Request(ROOT + path, { headers: { authorization: AUTHORIZATION } }));
  assert.deepEqual([response.status, response.headers.get("content-type")], [500, "text/html"]);
  await response.body?.cancel();
  assert.deepEqual(done, []);
  await assert.rejects(ask(path, { form }), TypeError);
  assert.deepEqual(done, ["ended"], "done, though nobody was told");
  assert.equal((await ask(path)).body["status"], "completed");
  assert.equal(api.requests.length, 6);
});

test("a slow answer takes its time and ends with its request", async () => {
  const { api, ask, clock } = rehearsal({ faults: { latencyMs: 700 } });
  const asked = ask(`/Calls/${CALL}.json`);
  await clock.runFor(asked);
  assert.ok(clock.monotonicMs() >= 700);
  const given = new AbortController();
  const request = new Request(`${ROOT}/Calls/${CALL}.json`, { signal: given.signal });
  const dropped = assert.rejects(api.fetch(request), { name: "AbortError" });
  await clock.run(10);
  given.abort();
  await dropped;
  assert.equal(clock.pending, 0);
});

test("it serves on a real port", async () => {
  const { api, done } = rehearsal();
  await using server = serveStandIns([{ path: "/2010-04-01", fetch: api.fetch }]);
  const response = await fetch(`http://${server.origin}/2010-04-01/Accounts/${ACCOUNT}/Calls/${CALL}.json`, {
    method: "POST",
    headers: { authorization: AUTHORIZATION },
    body: new URLSearchParams({ Status: "completed" }),
  });
  assert.equal(response.status, 200);
  await response.body?.cancel();
  assert.deepEqual(done, ["ended"]);
});
