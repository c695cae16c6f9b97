import assert from "node:assert/strict";
import type { AgentFaults } from "../../lib/rehearsal/agent_faults.ts";
import { agentStandIn } from "../../lib/rehearsal/deepgram_agent.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { agentClient, deskBrain } from "./agent.ts";
import { canonical } from "./settings.ts";

const KEYS: [headers: Record<string, string>, status: number][] = [
  [{ authorization: "Token key" }, 101],
  [{ authorization: "token key" }, 101],
  [{ authorization: "Bearer a.b.c" }, 101],
  [{ "sec-websocket-protocol": "token, key" }, 101],
  [{ "sec-websocket-protocol": "bearer, a.b.c" }, 101],
  [{}, 401],
  [{ authorization: "Token bad" }, 401],
  [{ authorization: "Token" }, 401],
  [{ authorization: "Bearer raw-key" }, 401],
  [{ authorization: "Basic key" }, 401],
  [{ "sec-websocket-protocol": "token, bad" }, 401],
];

function quietStandIn(faults: Partial<AgentFaults> = {}, sessionLimit = Infinity) {
  const clock = new VirtualClock();
  const standIn = agentStandIn({
    clock,
    random: seeded(1),
    voice: toneVoice(),
    think: deskBrain,
    faults,
    sessionLimit,
  });
  return { clock, standIn };
}

test("a handshake is taken with a key or a token, from the header or the sub-protocol, and refused otherwise", async () => {
  for (const [headers, status] of KEYS) {
    const { standIn } = quietStandIn();
    const answer = standIn.answer({ url: new URL("wss://a.example/v1/agent/converse"), headers: new Headers(headers) });
    assert.equal("refuse" in answer ? answer.refuse.status : 101, status, JSON.stringify(headers));
    if ("refuse" in answer) {
      const { err_code, err_msg, request_id } = await answer.refuse.json();
      assert.deepEqual([err_code, err_msg], ["INVALID_AUTH", "Invalid credentials."]);
      assert.equal(answer.refuse.headers.get("dg-request-id"), request_id);
      assert.ok(answer.refuse.headers.get("dg-error"));
    } else if (!headers.authorization) {
      assert.equal(answer.protocol, headers["sec-websocket-protocol"]!.split(",")[0]);
    }
  }
});

test("a handshake is refused with any status asked for, 429 with a time to wait", async () => {
  for (const status of [401, 402, 403, 429, 503]) {
    const { clock, standIn } = quietStandIn({ refuse: status, retryAfterSeconds: 7 });
    const opened = await simDial(clock, standIn.answer)(
      { peer: "deepgram-agent", url: "wss://a.example/v1/agent/converse", headers: { authorization: "Token key" } },
      new AbortController().signal,
    );
    assert.ok(!opened.ok && opened.fault.kind === "refused");
    assert.equal(opened.fault.status, status);
    assert.equal(opened.fault.retryAfterMs, 7000);
    assert.deepEqual(standIn.refusals, [status]);
  }
});

test("one session more than the limit gets 429", async () => {
  const { clock, standIn } = quietStandIn({}, 1);
  const dial = simDial(clock, standIn.answer);
  const request = { peer: "deepgram-agent", url: "wss://a.example/", headers: { authorization: "Token k" } } as const;
  const first = await dial(request, new AbortController().signal);
  const second = await dial(request, new AbortController().signal);
  assert.ok(first.ok && !second.ok);
  first.value.close(1000);
  await clock.run(10);
  assert.ok((await dial(request, new AbortController().signal)).ok, "a closed session makes room");
});

test("Welcome, Settings, SettingsApplied, greeting text, audio, AgentAudioDone", async () => {
  const client = await agentClient({ random: () => 0.9 });
  assert.deepEqual(client.types(), ["Welcome"]);
  assert.match(
    client.got[0]!.message.request_id,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  client.send(canonical());
  await client.clock.runUntil(() => client.find("SettingsApplied") !== undefined, 1000);
  assert.equal(client.find("SettingsApplied")!.atMs, 150);
  await client.until(() => client.find("AgentAudioDone") !== undefined);
  assert.deepEqual(
    client.types(),
    ["SettingsApplied", "SessionInsight", "ConversationText", "History", "binary", "AgentAudioDone"],
  );
  assert.equal(client.find("ConversationText")!.message.content, "Thanks for calling Acme, how can I help?");
  assert.equal(client.tags.text, "Thanks for calling Acme, how can I help?");
  assert.equal(client.session.phase, "idle");
  await client.close();
  assert.equal(client.clock.pending, 0, "no timer outlives the session");
});

test("the greeting's text may come before SettingsApplied, and only once", async () => {
  const client = await agentClient({ greetingFirst: true });
  await client.ready();
  const types = client.got.map(({ message }) => message?.type);
  assert.ok(types.indexOf("ConversationText") < types.indexOf("SettingsApplied"));
  assert.equal(types.filter((type) => type === "ConversationText").length, 1);
  assert.ok(client.audioBytes() > 0);
});

test("without History and without a greeting neither comes", async () => {
  const client = await agentClient();
  await client.ready((settings) => {
    settings.flags.history = false;
    delete settings.agent.greeting;
  });
  await client.hear(2000);
  assert.equal(client.find("History"), undefined);
  assert.equal(client.audioBytes(), 0);
});

const EARLY: [what: string, send: string | Uint8Array, code: string][] = [
  ["audio", new Uint8Array(160), "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"],
  ["KeepAlive", '{"type":"KeepAlive"}', "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"],
  ["an injection", '{"type":"InjectUserMessage","content":"a"}', "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"],
  ["no JSON", "[object Blob]", "UNPARSABLE_CLIENT_MESSAGE"],
  ["an unknown type", '{"type":"Hello"}', "UNPARSABLE_CLIENT_MESSAGE"],
];

for (const [what, send, code] of EARLY) {
  test(`${what} before Settings ends the session with ${code}`, async () => {
    const client = await agentClient();
    typeof send === "string" ? client.send(send) : client.sendAudio(send);
    await client.clock.run(20);
    assert.equal(client.find("Error")?.message.code, code);
    assert.deepEqual(client.closed, { code: 1005, reason: "" });
    assert.ok(client.session.record.violations.length > 0);
    assert.equal(client.clock.pending, 0);
  });
}

test("audio between Settings and SettingsApplied ends the session", async () => {
  const client = await agentClient();
  client.send(canonical());
  await client.clock.run(50);
  client.sendAudio(new Uint8Array(160));
  await client.clock.run(20);
  assert.equal(client.find("Error")?.message.code, "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS");
  assert.equal(client.session.phase, "closed");
});

test("bad Settings are answered with the code and end the session; a bad speed only once they are applied", async () => {
  for (
    const [field, code, applied] of [
      ["aura-2-nobody-en", "INVALID_SETTINGS", false],
      [7, "UNPARSABLE_CLIENT_MESSAGE", false],
      [undefined, "FAILED_TO_SPEAK", true],
    ] as const
  ) {
    const client = await agentClient();
    const settings = canonical();
    if (field) settings.agent.speak[0].provider.model = field;
    else settings.agent.speak[0].provider.speed = 9;
    client.send(settings);
    await client.clock.run(20);
    assert.equal(client.find("Error")?.message.code, code);
    assert.equal(client.find("SettingsApplied") !== undefined, applied);
    assert.equal(client.closed?.code, 1005);
  }
});

test("a second Settings ends the session", async () => {
  const client = await agentClient();
  await client.ready();
  client.send(canonical());
  await client.clock.run(20);
  assert.equal(client.find("Error")?.message.code, "SETTINGS_ALREADY_APPLIED");
  assert.equal(client.closed?.code, 1005);
});

test("10 s without audio end the session, whatever KeepAlive says, unless told to count it", async () => {
  for (const keepAliveCounts of [false, true]) {
    const client = await agentClient({ keepAliveCounts });
    await client.ready();
    const fromMs = client.clock.monotonicMs();
    for (let ms = 0; ms < 15_000 && !client.closed; ms += 1000) {
      client.send({ type: "KeepAlive" });
      await client.clock.run(1000);
    }
    assert.equal(client.find("Error")?.message.code, keepAliveCounts ? undefined : "CLIENT_MESSAGE_TIMEOUT");
    if (!keepAliveCounts) {
      assert.match(client.find("Error")!.message.description, /^We waited too long for a websocket message\./);
      assert.ok(Math.abs(client.find("Error")!.atMs - fromMs - 10_000) <= 20);
    }
  }
});

test("a session ends after its longest duration, whatever the traffic", async () => {
  const client = await agentClient({ sessionMs: 30_000 });
  await client.ready();
  await client.hear(31_000);
  assert.equal(client.find("Error")?.message.code, "SESSION_DURATION_LIMIT");
});

test("updates are acknowledged; two of listen at once get one answer; the prompt is added to", async () => {
  const client = await agentClient();
  await client.ready();
  client.send({ type: "UpdatePrompt", prompt: "Caller is verified." });
  client.send({ type: "UpdateSpeak", speak: { provider: { type: "deepgram", model: "aura-2-luna-en" } } });
  const listen = { provider: { type: "deepgram", version: "v2", eot_threshold: 0.85 } };
  client.send({ type: "UpdateListen", listen });
  client.send({ type: "UpdateListen", listen });
  await client.hear(1000);
  assert.deepEqual(client.types(), ["PromptUpdated", "SpeakUpdated", "ListenUpdated"]);
  assert.equal(client.session.mind.prompt, "You answer calls for Acme.\nCaller is verified.");
  client.send({ type: "UpdateThink", think: { provider: { type: "open_ai", model: "gpt-4o" }, prompt: "New." } });
  await client.hear(1000);
  assert.deepEqual(client.types(), ["ThinkUpdated"]);
  assert.equal(client.session.mind.prompt, "New.");
  client.send({ type: "UpdateThink", think: { provider: { type: "open_ai", model: "gpt-3" } } });
  await client.hear(100);
  assert.equal(client.find("Error")?.message.code, "INVALID_SETTINGS");
});

test("a prompt of more than 25,000 characters is cut with a warning", async () => {
  const client = await agentClient();
  await client.ready((settings) => settings.agent.think[0].prompt = "x".repeat(25_001));
  assert.equal(client.find("Warning")?.message.code, "PROMPT_TOO_LONG");
  assert.equal(client.session.mind.prompt.length, 25_000);
});

const ERRORS = [
  ...["INTERNAL_SERVER_ERROR", "FAILED_TO_START_LISTENING", "ASR_CONNECTION_CLOSED", "ASR_DRIVER_TIMEOUT"],
  ...["USER_AUDIO_FORMAT", "FAILED_TO_SPEAK", "FAILED_TO_THINK", "SERVER_GOING_AWAY"],
];

test("any error can be had at any point, and each is the last that is heard", async () => {
  for (const at of ["open", "settings", "turn", "reply"] as const) {
    for (const code of ERRORS) {
      const client = await agentClient({ faults: { error: { code, at } } });
      if (at !== "open") client.send(canonical());
      if (at === "turn" || at === "reply") {
        await client.clock.runUntil(() => client.find("SettingsApplied") !== undefined);
        await client.until(() => client.find("AgentAudioDone") !== undefined);
        client.send({ type: "InjectUserMessage", content: "how much is it" });
      }
      for (let ms = 0; ms < 3000 && !client.closed; ms += 20) await client.clock.run(20);
      assert.equal(client.got.at(-1)!.message?.code, code, `${code} at ${at}`);
      assert.equal(client.closed?.code, 1005);
      assert.equal(client.find("SettingsApplied") !== undefined, at === "turn" || at === "reply");
      assert.equal(client.got.some(({ message }) => message?.role === "user"), at === "reply");
      assert.equal(client.clock.pending, 0);
    }
  }
});

test("a silent session says nothing, and one that never applies stops after Welcome", async () => {
  const silent = await agentClient({ faults: { silentAfterOpen: true } });
  silent.send(canonical());
  await silent.clock.run(30_000);
  assert.deepEqual(silent.types(), []);
  const stuck = await agentClient({ faults: { neverApply: true } });
  stuck.send(canonical());
  await stuck.clock.run(9000);
  assert.deepEqual(stuck.types(), ["Welcome"]);
});

test("a session drops in time or in mid reply, with a code or without a close frame", async () => {
  for (const [dropCode, code] of [[undefined, 1006], ["cut", 1006], [1011, 1011], [1008, 1008]] as const) {
    const faults: Partial<AgentFaults> = dropCode === undefined ? {} : { dropCode };
    const timed = await agentClient({ faults: { ...faults, dropAfterMs: 3000 } });
    await timed.clock.run(2990);
    assert.notEqual(timed.session.phase, "closed");
    await timed.clock.run(20);
    assert.equal(timed.closed?.code, code);

    const early = await agentClient({ faults: { ...faults, dropMidReply: { reply: 1, afterBytes: 5000 } } });
    early.send(canonical());
    await early.clock.run(5000);
    assert.equal(early.closed?.code, code);
    assert.ok(early.audioBytes() >= 5000 && early.audioBytes() < 5000 + 9600, `${early.audioBytes()} bytes`);
    assert.equal(early.find("AgentAudioDone"), undefined);
    assert.equal(early.clock.pending, 0);
  }
});

test("garbage is sent around a sound session", async () => {
  const client = await agentClient({ faults: { garbage: true } });
  await client.ready();
  assert.ok(client.got.some(({ text }) => text === '{"type":"Conv'));
  assert.ok(client.got.some(({ bytes }) => bytes === 0));
  await client.say("how much is it");
  await client.until(() => client.find("AgentAudioDone", 1) !== undefined);
  assert.match(client.tags.text, /It is ninety dollars\. That is all\.$/);
});

test("faults may differ from session to session, and ended sessions are forgotten", async () => {
  const clock = new VirtualClock();
  const faults = (session: number) => session === 1 ? { refuse: 503 } : {};
  const standIn = agentStandIn({ clock, random: seeded(1), voice: toneVoice(), think: deskBrain, faults });
  const dial = simDial(clock, standIn.answer);
  for (let n = 1; n <= 80; n++) {
    const opened = await dial(
      { peer: "deepgram-agent", url: "wss://a.example/", headers: { authorization: "Token k" } },
      new AbortController().signal,
    );
    assert.equal(opened.ok, n > 1);
    if (opened.ok) opened.value.close(1000);
    await clock.run(10);
  }
  assert.ok(standIn.sessions.length <= 65);
  assert.equal(standIn.sessions.at(-1)!.number, 80);
});
