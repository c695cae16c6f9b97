import assert from "node:assert/strict";
import { Hono } from "hono";
import { TagReader } from "../lib/audio/tag.ts";
import { isOwnMachine } from "../lib/app.ts";
import type { Voice } from "../lib/audio/voice.ts";
import { FaultError } from "../lib/base/result.ts";
import { browserPhone } from "../lib/browser_phone.ts";
import type { CallNotice, NoticeBody } from "../lib/call/notice.ts";
import { NoticeHub } from "../lib/telemetry/hub.ts";
import { test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";
import { toneVoice } from "./sim/tone_voice.ts";

const HOST = { host: "localhost:5000" };
const readAsset = (path: string) => Deno.readFileSync(new URL(`../${path}`, import.meta.url));

function rig({ here = true, voice = toneVoice() }: { here?: boolean; voice?: Voice } = {}) {
  const hub = new NoticeHub();
  const clock = new VirtualClock();
  const app = new Hono();
  const address = here ? "127.0.0.1" : "192.168.0.7";
  const isLoopback = (request: Request) => isOwnMachine(request, { address, trustProxy: false });
  const turns = (callSid: string) => callSid === "CA1" ? [{ said: "a secret", route: null, parts: null }] : undefined;
  browserPhone({ readAsset, voice, subscribe: hub.subscribe, isLoopback, turns, clock })(app);
  const get = async (path: string, headers: Record<string, string> = {}) =>
    await app.request(`http://localhost:5000${path}`, { headers: { ...HOST, ...headers } });
  const say = async (body: unknown, headers: Record<string, string> = {}) =>
    await app.request("http://localhost:5000/phone/say", {
      method: "POST",
      headers: { ...HOST, "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const tell = (call: string, notice: NoticeBody) => hub.observe({ ...notice, call, atMs: 0 } as CallNotice);
  return { hub, clock, get, say, tell };
}

const started = (callSid: string): NoticeBody => ({
  kind: "call-started",
  startedAt: "2026-01-01T00:00:00Z",
  callSid,
  streamSid: "MZ1",
  from: "",
  to: "",
  engine: "agent",
  version: "0",
  configHash: "",
});

test("the page comes with a policy that lets nothing foreign in", async () => {
  const { get } = rig();
  const page = await get("/");
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>Offhook/);
  const policy = page.headers.get("content-security-policy")!;
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  for (
    const [name, type] of [["phone.js", "text/javascript"], ["phone.css", "text/css"], [
      "icon.svg",
      "image/svg",
    ]] as const
  ) {
    const asset = await get(`/phone/${name}`);
    assert.ok(asset.headers.get("content-type")!.startsWith(type), name);
    assert.equal(asset.headers.get("x-content-type-options"), "nosniff");
    await asset.body!.cancel();
  }
  for (const path of ["check.json", "worklet.d.ts", "screenshot.png", "..%2f..%2fdeno.json", ".env"]) {
    assert.equal((await get(`/phone/${path}`)).status, 404, path);
  }
});

test("from elsewhere there is a status page that tells nothing, and no phone", async () => {
  for (
    const { get, say, host } of [{ ...rig({ here: false }), host: HOST }, { ...rig(), host: { host: "evil.example" } }]
  ) {
    const page = await get("/", host);
    assert.equal(page.status, 200);
    assert.doesNotMatch(await page.text(), /offhook|rehearsal|phone\.js/i);
    for (const path of ["/phone/phone.js", "/phone/events?call=CA1", "/phone/turns?call=CA1"]) {
      assert.equal((await get(path, host)).status, 403);
    }
    assert.equal((await say({ text: "hello" }, host)).status, 403);
  }
  const { get, say } = rig();
  assert.equal((await say({ text: "hello" }, { "sec-fetch-site": "cross-site" })).status, 403);
  for (const path of ["/phone/events?call=CA1", "/phone/turns?call=CA1"]) {
    assert.equal((await get(path, { "sec-fetch-site": "same-site" })).status, 403);
  }
  assert.equal((await get("/phone/turns?call=CA1")).status, 200);
});

test("a request is from this machine when its address and its host are, and no proxy speaks for it", () => {
  const plain = new Request("http://localhost/", { headers: HOST });
  const forwarded = new Request("http://localhost/", { headers: { ...HOST, "x-forwarded-for": "203.0.113.9" } });
  const named = new Request("http://localhost/", { headers: { host: "agent.example.com" } });
  const own = (request: Request, address: string | undefined, trustProxy = false) =>
    isOwnMachine(request, { address, trustProxy });
  for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) assert.equal(own(plain, address), true);
  for (const address of ["192.168.0.7", "::2", "::ffff:10.0.0.1", undefined]) assert.equal(own(plain, address), false);
  assert.equal(own(forwarded, "127.0.0.1"), false);
  assert.equal(own(named, "127.0.0.1"), false);
  assert.equal(own(plain, "127.0.0.1", true), false);
});

test("a typed line comes back as audio that says what it is", async () => {
  const { say } = rig();
  const response = await say({ callSid: "CA1", text: " who are you " });
  assert.equal(response.headers.get("content-type"), "audio/basic");
  const audio = new Uint8Array(await response.arrayBuffer());
  const reader = new TagReader();
  for (let at = 0; at < audio.length; at += 160) reader.push(audio.subarray(at, at + 160));
  assert.equal(reader.text, "who are you");
});

test("what cannot be said is refused with a reason", async () => {
  const { say } = rig();
  for (const body of [{}, { text: "  " }, { text: "a".repeat(501) }, "{", "null"]) {
    const response = await say(body);
    assert.equal(response.status, 400);
    assert.notEqual(await response.text(), "");
  }
  assert.equal((await say({ text: "x" }, { "content-type": "text/plain" })).status, 415);
  assert.equal((await say({ text: "x" }, { "content-length": "9999" })).status, 413);
  const failing: Voice = {
    speak: () => Promise.reject(new FaultError({ kind: "clogged", peer: "local-voice", bytes: 7 })),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  assert.equal((await rig({ voice: failing }).say({ text: "x" })).status, 503);
  assert.equal((await rig().get("/phone/say")).status, 405);
});

test("the events of one call: its notices and its transcript, to its end, and nothing of others", async () => {
  const { get, hub, tell } = rig();
  const response = await get("/phone/events?call=CA1");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  tell("b", started("CA2"));
  tell("a", started("CA1"));
  tell("b", { kind: "caller-text", text: "a secret", final: true });
  tell("a", { kind: "caller-text", text: "hello", final: true });
  tell("a", { kind: "reply-started", reply: 1, source: "engine" });
  tell("a", { kind: "reply-text", reply: 1, text: "Good morning" });
  tell("a", { kind: "reply-interrupted", reply: 1, heardMs: 300 });
  tell("a", { kind: "call-ended", reason: "caller-hung-up", durationMs: 1, framesIn: 1, framesOut: 1 });
  const text = await response.text();
  assert.doesNotMatch(text, /secret|CA2/);
  const events = text.trim().split("\n\n").map((event) => {
    const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(event)!;
    return { name, data: JSON.parse(data!) };
  });
  assert.deepEqual(events.filter(({ name }) => name === "notice").map(({ data }) => data.kind), [
    ...["call-started", "caller-text", "reply-started", "reply-text", "reply-interrupted", "call-ended"],
  ]);
  const said = events.filter(({ name }) => name === "utterance").map(({ data }) => data.utterance);
  assert.deepEqual(said.map(({ who, text, interrupted }) => [who, text, interrupted]), [
    ["caller", "hello", undefined],
    ["agent", "Good morning", true],
  ]);
  assert.deepEqual(events.at(-1), { name: "end", data: "call-ended" });
  assert.equal(hub.listeners, 0);
});

test("a slow reader loses notices and is told; its transcript stays whole", async () => {
  const { get, tell } = rig();
  const response = await get("/phone/events?call=CA1");
  tell("a", started("CA1"));
  for (let n = 0; n < 400; n++) tell("a", { kind: "caller-text", text: `line ${n}`, final: true });
  tell("a", { kind: "call-ended", reason: "caller-hung-up", durationMs: 1, framesIn: 1, framesOut: 1 });
  const text = await response.text();
  const [, lost] = /event: lost\ndata: (\d+)/.exec(text)!;
  assert.equal(text.match(/event: notice/g)!.length + Number(lost), 402);
  assert.equal(text.match(/event: utterance/g)!.length, 400);
});

test("a stream of events beats while nothing happens, gives up without a call, and is let go of when it is left", async () => {
  const { get, clock, hub, tell } = rig();
  const waiting = await get("/phone/events?call=CA1");
  const text = waiting.text();
  await clock.run(31_000);
  assert.match(await text, /^(: still here\n\n){2,3}event: end\ndata: "no-call"\n\n$/);
  assert.equal(hub.listeners, 0);

  const left = await get("/phone/events?call=CA2");
  const reader = left.body!.getReader();
  tell("c", started("CA2"));
  assert.match(new TextDecoder().decode((await reader.read()).value), /call-started/);
  await reader.cancel();
  assert.equal(hub.listeners, 0);

  const many = await Promise.all(Array.from({ length: 33 }, (_, n) => get(`/phone/events?call=CB${n}`)));
  assert.deepEqual(many.map(({ status }) => status).filter((status) => status !== 200), [503]);
  await Promise.all(many.map(({ body }) => body!.cancel()));
  assert.equal(hub.listeners, 0);
});
