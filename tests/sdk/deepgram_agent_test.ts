import assert from "node:assert/strict";
import { DeepgramClient } from "@deepgram/sdk";
import { systemClock } from "../../lib/base/clock.ts";
import { frontDeskBrain } from "../../lib/rehearsal/brain.ts";
import { type AgentOptions, agentStandIn } from "../../lib/rehearsal/deepgram_agent.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { seeded, test } from "../case.ts";
import { canonical } from "../rehearsal/settings.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { feed, Inbox, silence, speech, until } from "./sockets.ts";

const GREETING = "Thanks for calling Acme, how can I help?";
const think = frontDeskBrain({
  name: "Acme",
  routes: [{ name: "pricing", utterances: ["how much is it"], text: "It is ninety dollars. That is all." }],
});

/** The stand-in on loopback, and the vendor's client with a socket to it. */
async function opened(options: Partial<AgentOptions> = {}, { apiKey = "key", reconnectAttempts = 0 } = {}) {
  const standIn = agentStandIn({
    ...{ clock: systemClock, random: seeded(1), voice: toneVoice(), think },
    ...{ applyMs: 5, greetingMs: 5, injectMs: 5, ackMs: 5, thinkMs: 5, confirmMs: 20, rateX: 20 },
    ...options,
  });
  const server = serveStandIns([standIn]);
  const client = new DeepgramClient({ apiKey, baseUrl: `http://${server.origin}` });
  const socket = await client.agent.v1.connect({ reconnectAttempts });
  const inbox = new Inbox(socket);
  socket.connect();
  const opens = socket.waitForOpen();
  opens.catch(() => {}); // whoever asks is told
  return {
    standIn,
    socket,
    inbox,
    opens,
    get session() {
      return standIn.sessions.at(-1)!;
    },
    /** Up to the end of the greeting. */
    async ready(change: (settings: ReturnType<typeof canonical>) => unknown = () => {}) {
      await opens;
      const settings = canonical();
      change(settings);
      socket.sendSettings(settings);
      await inbox.next("AgentAudioDone");
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("@deepgram/sdk holds a conversation with the agent stand-in", async () => {
  await using line = await opened();
  const { socket, inbox } = line;
  await line.ready();
  assert.deepEqual(inbox.messages.slice(0, 2).map(({ type }) => type), ["Welcome", "SettingsApplied"]);
  assert.match(inbox.messages[0].request_id, /^[0-9a-f-]{36}$/);
  assert.equal(await inbox.words(), GREETING);
  assert.equal(inbox.audioBytes, line.session.replies[0]!.sentBytes, "binary arrives as Blobs, not a byte missing");

  await feed((frame) => socket.sendMedia(frame), await speech("how much is it"));
  await feed((frame) => socket.sendMedia(frame), silence(8000), { done: () => inbox.of("AgentAudioDone").length > 1 });
  await inbox.next("AgentAudioDone", 2);
  assert.equal(inbox.of("UserStartedSpeaking").length, 1);
  assert.deepEqual(inbox.of("ConversationText").map(({ role, content }) => [role, content]), [
    ["assistant", GREETING],
    ["user", "how much is it"],
    ["assistant", "It is ninety dollars."],
    ["assistant", "That is all."],
  ]);
  assert.equal(await inbox.words(), `${GREETING} It is ninety dollars. That is all.`);
  assert.deepEqual(line.session.record.violations, []);

  socket.close();
  await until("the session's end", () => line.session.phase === "closed");
  assert.deepEqual([line.session.crashes, inbox.errors], [[], []]);
});

test("@deepgram/sdk is told that the caller interrupts, and the old reply ends", async () => {
  await using line = await opened({ rateX: 1 });
  const { socket, inbox } = line;
  await line.opens;
  socket.sendSettings(canonical());
  await until("the first audio of the greeting", () => inbox.audioBytes > 4000);
  await feed((frame) => socket.sendMedia(frame), await speech("how much is it"), { timesX: 2 });
  const started = await inbox.next("UserStartedSpeaking");
  assert.deepEqual(started, { type: "UserStartedSpeaking" });
  await feed((frame) => socket.sendMedia(frame), silence(8000), {
    timesX: 2,
    done: () => inbox.of("AgentAudioDone").length > 0,
  });
  const [greeting, answer] = line.session.replies;
  assert.equal(greeting!.state, "cut");
  assert.equal(answer!.sentences[0], "It is ninety dollars.");
});

test("@deepgram/sdk: functions, injections and updates get the vendor's answers", async () => {
  await using line = await opened();
  const { socket, inbox } = line;
  await line.ready((settings) =>
    settings.agent.think[0].functions.push({ name: "end_call", description: "Hang up", parameters: { type: "object" } })
  );
  socket.sendKeepAlive({ type: "KeepAlive" });
  socket.sendUpdatePrompt({ type: "UpdatePrompt", prompt: "The caller is known." });
  await inbox.next("PromptUpdated");
  socket.sendUpdateSpeak({
    type: "UpdateSpeak",
    speak: { provider: { type: "deepgram", version: "v1", model: "aura-2-luna-en" } },
  });
  await inbox.next("SpeakUpdated");
  socket.sendUpdateListen({
    type: "UpdateListen",
    listen: { provider: { type: "deepgram", version: "v2", model: "flux-general-en", eot_threshold: 0.8 } },
  });
  await inbox.next("ListenUpdated");
  socket.sendInjectAgentMessage({ type: "InjectAgentMessage", message: "Are you still there?" });
  await inbox.next("AgentAudioDone", 2);
  assert.match(await inbox.words(), /Are you still there\?$/);
  socket.sendInjectUserMessage({ type: "InjectUserMessage", content: "goodbye" });
  const { functions: [call] } = await inbox.next("FunctionCallRequest");
  assert.deepEqual([call.name, JSON.parse(call.arguments), call.client_side], ["end_call", {}, true]);
  socket.sendFunctionCallResponse({
    type: "FunctionCallResponse",
    id: call.id,
    name: call.name,
    content: '{"ok":true}',
  });
  await until("the answer's receipt", () => line.session.record.received.some(({ message }) => message.id === call.id));
  socket.sendUpdateThink({
    type: "UpdateThink",
    think: { provider: { type: "open_ai", model: "gpt-4o-mini" }, prompt: "You answer calls." },
  });
  await inbox.next("ThinkUpdated");
  assert.deepEqual([line.session.record.violations, inbox.of("Error"), inbox.of("Warning")], [[], [], []]);
});

test("@deepgram/sdk is refused a bad Settings, in the vendor's words", async () => {
  const bad: [name: string, change: (settings: ReturnType<typeof canonical>) => void, code: RegExp][] = [
    ["a key that does not exist", (s) => s.agent.colour = "red", /SETTINGS|UNPARSABLE/],
    ["the wrong rate", (s) => s.audio.input.sample_rate = "8000", /SETTINGS|UNPARSABLE/],
    ["a voice that does not exist", (s) => s.agent.speak[0].provider.model = "aura-2-nobody-en", /SETTINGS|SPEAK/],
    ["a model that does not exist", (s) => s.agent.think[0].provider.model = "gpt-nothing", /SETTINGS|THINK/],
  ];
  for (const [name, change, code] of bad) {
    await using line = await opened();
    await line.opens;
    const settings = canonical();
    change(settings);
    line.socket.sendSettings(settings);
    const error = await line.inbox.next("Error");
    assert.match(error.code, code, `${name}: ${JSON.stringify(error)}`);
    assert.equal(typeof error.description, "string");
    await until(`${name}: the end`, () => line.inbox.closes.length > 0);
    assert.equal(line.inbox.of("SettingsApplied").length, 0, name);
  }
});

test("@deepgram/sdk is refused audio before Settings", async () => {
  await using line = await opened();
  await line.opens;
  line.socket.sendMedia(new Uint8Array(160));
  assert.equal((await line.inbox.next("Error")).code, "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS");
});

test("@deepgram/sdk: a refused upgrade rejects waitForOpen with its status", async () => {
  for (const [options, status] of [[{ faults: { refuse: 400 } }, 400], [{ faults: { refuse: 429 } }, 429]] as const) {
    await using line = await opened(options);
    await assert.rejects(line.opens, `HTTP ${status}`);
    assert.ok(line.inbox.errors.some(({ message }) => message.includes(String(status))), String(line.inbox.errors));
    assert.deepEqual(line.standIn.refusals, [status]);
  }
  await using line = await opened({}, { apiKey: "bad" });
  await assert.rejects(line.opens);
  assert.deepEqual(line.standIn.refusals, [401]);
});

test("@deepgram/sdk: after a close 1011 it reconnects and is mute, unless told not to", async () => {
  const options = { faults: (session: number) => session === 1 ? { dropAfterMs: 60, dropCode: 1011 } : {} };
  const opens = async (reconnectAttempts: number) => {
    await using line = await opened(options, { reconnectAttempts });
    await line.opens;
    line.socket.sendSettings(canonical());
    await until("the close", () => line.inbox.closes.length > 0);
    if (reconnectAttempts > 0) await line.inbox.next("Welcome", 2);
    else await until("no second socket", () => line.socket.readyState === 3);
    return { sessions: line.standIn.sessions, closes: [...line.inbox.closes] };
  };
  const steady = await opens(0);
  assert.deepEqual([steady.sessions.length, steady.closes], [1, [1011]]);
  const again = await opens(3);
  assert.equal(again.sessions.length, 2);
  assert.deepEqual(again.sessions[1]!.record.received, [], "it sends no Settings of its own");
});
