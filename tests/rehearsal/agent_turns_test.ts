import assert from "node:assert/strict";
import { FRAME_MS } from "../../lib/audio/frame.ts";
import { tagUtterance } from "../../lib/audio/tag.ts";
import type { AgentPhase } from "../../lib/rehearsal/agent_phase.ts";
import type { Brain } from "../../lib/rehearsal/brain.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { agentClient, type Client, deskBrain } from "./agent.ts";
import { canonical } from "./settings.ts";

/** A story long enough to be in the middle of it. */
const storyTold = async (client: Client) => {
  await client.say("tell me a long story");
  await client.until(() => client.session.phase === "speaking" && client.session.replies.at(-1)!.sentBytes > 8000);
};

test("a turn: UserStartedSpeaking, the caller's text once confirmed, then the answer sentence by sentence", async () => {
  const client = await agentClient({ random: () => 0.9 });
  await client.ready();
  await client.say("how much is it");
  assert.equal(client.session.phase, "speculating");
  await client.until(() => client.find("AgentAudioDone", 1) !== undefined);
  assert.deepEqual(client.types(), [
    ...["UserStartedSpeaking", "ConversationText", "History", "ConversationText", "History"],
    ...["LatencyReport", "LatencyReport", "LatencyReport", "LatencyReport", "binary"],
    ...["ConversationText", "History", "binary", "AgentAudioDone"],
  ]);
  const texts = client.got.filter(({ message }) => message?.type === "ConversationText").map(({ message }) => message);
  assert.deepEqual(texts.slice(1).map(({ role, content }) => [role, content]), [
    ["user", "how much is it"],
    ["assistant", "It is ninety dollars."],
    ["assistant", "That is all."],
  ]);
  assert.match(client.tags.text, /It is ninety dollars\. That is all\.$/);
  assert.equal(client.session.phase, "idle");
  assert.deepEqual(client.session.crashes, []);
  await client.close();
  assert.equal(client.clock.pending, 0);
});

test("200 seeded calls: audio comes in uneven chunks, ahead of real time, and no frame is lost, doubled or altered", async () => {
  const sizes = new Set<number>();
  for (let seed = 1; seed <= 200; seed++) {
    const client = await agentClient({}, seed);
    await client.ready();
    client.send({ type: "InjectUserMessage", content: "how much is it" });
    const fromMs = client.clock.monotonicMs();
    await client.until(() => client.find("AgentAudioDone", 1) !== undefined, 10_000);
    const reply = client.session.replies[1]!;
    assert.ok(client.clock.monotonicMs() - fromMs < reply.sentBytes / 8 / 2, "at least twice as fast as it plays");
    for (const { bytes } of client.got) if (bytes !== undefined) sizes.add(bytes);
    assert.deepEqual(
      client.tags.sources.map(({ source, frames, lost, duplicated, reordered, altered }) => [
        ...[source, frames, lost, duplicated, reordered, altered],
      ]),
      client.session.replies.map(({ source, sentBytes }) => [source, sentBytes / 160, 0, 0, 0, 0]),
    );
    await client.close();
    assert.equal(client.clock.pending, 0);
  }
  assert.ok(Math.min(...sizes) < 10 && Math.max(...sizes) > 9000 && [...sizes].some((size) => size % 2 === 1));
});

test("a reply may come in one burst", async () => {
  const client = await agentClient({ rateX: Infinity });
  await client.ready();
  const at = client.got.filter(({ bytes }) => bytes !== undefined).map(({ atMs }) => atMs);
  assert.ok(at.length > 1 && new Set(at).size === 1);
});

test("speech is heard in any chunking of the audio", async () => {
  const random = seeded(3);
  for (let run = 0; run < 20; run++) {
    const client = await agentClient();
    await client.ready();
    const { audio, words } = await toneVoice().speak("how much is it");
    const tagged = tagUtterance(audio, words, 77, 0);
    for (let sent = 0; sent < tagged.length;) {
      const chunk = tagged.subarray(sent, sent + 1 + Math.floor(random() * 1600));
      client.sendAudio(chunk);
      sent += chunk.length;
      await client.clock.run(chunk.length / 8);
    }
    await client.hear(400);
    assert.equal(client.find("ConversationText", 1)?.message.content, "how much is it");
    const { frames, lost, altered } = client.session.ear.tags.sources[0]!;
    assert.deepEqual([frames, lost, altered], [tagged.length / 160, 0, 0]);
    assert.equal(client.session.record.audio.bytes % 160, 0);
    await client.close();
  }
});

test("without the last frame, silence ends the speech after endpointMs of audio", async () => {
  const client = await agentClient({ endpointMs: 700 });
  await client.ready();
  const { audio, words } = await toneVoice().speak("hello there");
  await client.hear(tagUtterance(audio, words, 9, 0).slice(0, -160));
  const fromMs = client.clock.monotonicMs();
  await client.clock.run(3000); // no audio: no time passes for the ear
  assert.equal(client.session.phase, "user-speaking");
  await client.until(() => client.session.phase === "speculating");
  assert.equal(client.clock.monotonicMs() - fromMs, 3000 + 700);
});

test("a caller who speaks again before the turn is confirmed is heard as one turn", async () => {
  const client = await agentClient({ confirmMs: 600 });
  await client.ready();
  await client.say("how much");
  await client.hear(300);
  await client.say("is it");
  await client.until(() => client.find("AgentAudioDone", 1) !== undefined);
  assert.equal(client.got.filter(({ message }) => message?.type === "UserStartedSpeaking").length, 2);
  assert.equal(client.find("ConversationText", 1)!.message.content, "how much is it");
  assert.equal(client.find("ConversationText", 2)!.message.content, "It is ninety dollars.");
});

test("200 seeded barge-ins: the reply stops, at most five stale chunks follow, no AgentAudioDone", async () => {
  const stale = new Set<number>();
  for (let seed = 1; seed <= 200; seed++) {
    const client = await agentClient({}, seed);
    await client.ready();
    await storyTold(client);
    await client.hear(FRAME_MS * Math.floor(seeded(seed)() * 20));
    client.types();
    await client.say("stop");
    const types = client.types();
    const from = client.got.findLastIndex(({ message }) => message?.type === "UserStartedSpeaking");
    const late = client.got.slice(from + 1).filter(({ bytes }) => bytes !== undefined);
    stale.add(late.length);
    assert.ok(late.length <= 5);
    assert.ok(late.every(({ atMs }) => atMs - client.got[from]!.atMs <= 40));
    assert.ok(types.includes("UserStartedSpeaking") && !types.includes("AgentAudioDone"));
    assert.equal(client.session.replies.at(-1)!.state, "cut");
    await client.until(() => client.session.phase === "idle");
    assert.deepEqual(client.session.crashes, []);
    await client.close();
    assert.equal(client.clock.pending, 0);
  }
  assert.deepEqual([...stale].sort(), [0, 1, 2, 3, 4, 5]);
});

test("knobs of a barge-in: no stale frames, AgentAudioDone after all, a late sentence of the old reply", async () => {
  const client = await agentClient({ faults: { staleFrames: 0, doneAfterBargeIn: true, lateAssistantText: true } });
  await client.ready();
  await storyTold(client);
  client.types();
  await client.say("stop it");
  assert.deepEqual(client.types().slice(-4), ["UserStartedSpeaking", "ConversationText", "History", "AgentAudioDone"]);
});

test("AgentAudioDone may never come, and latency may be spammed", async () => {
  const client = await agentClient({ faults: { missingAudioDone: true, latencySpam: true } });
  await client.ready((settings) => delete settings.agent.greeting);
  client.send({ type: "InjectUserMessage", content: "how much is it" });
  await client.hear(6000);
  assert.equal(client.session.replies[0]!.state, "done");
  assert.equal(client.find("AgentAudioDone"), undefined);
  assert.ok(client.got.filter(({ message }) => message?.stt_latency).length >= 18);
});

test("a slow first byte and a stall in mid reply delay the audio, and lose none", async () => {
  const plain = await agentClient();
  const slow = await agentClient({ faults: { slowFirstByteMs: 1500, stallMidReplyMs: 2000 } });
  const times: number[][] = [];
  for (const client of [plain, slow]) {
    await client.ready();
    times.push(client.got.filter(({ bytes }) => bytes !== undefined).map(({ atMs }) => atMs));
    assert.equal(client.tags.sources[0]!.lost, 0);
  }
  const span = (at: number[]) => at.at(-1)! - at[0]!;
  assert.equal(times[1]![0]! - times[0]![0]!, 1500);
  assert.ok(span(times[1]!) - span(times[0]!) > 1900);
});

test("a false start stops the reply, and nothing follows", async () => {
  const client = await agentClient({ faults: { staleFrames: 0 } });
  await client.ready();
  await storyTold(client);
  client.types();
  client.session.falseStart();
  assert.equal(client.session.phase, "user-speaking");
  await client.hear(3000);
  assert.deepEqual(client.types(), ["UserStartedSpeaking"]);
  assert.equal(client.session.phase, "idle");
});

test("a false start while the turn is not confirmed delays it, and loses no word", async () => {
  const client = await agentClient({ confirmMs: 600 });
  await client.ready();
  await client.say("how much is it");
  client.session.falseStart();
  await client.until(() => client.find("AgentAudioDone", 1) !== undefined);
  assert.equal(client.find("ConversationText", 1)!.message.content, "how much is it");
});

test("a test may speak for the caller without audio", async () => {
  const client = await agentClient();
  await client.ready();
  client.session.callerSays("who are you");
  await client.until(() => client.find("AgentAudioDone", 1) !== undefined);
  assert.equal(client.find("ConversationText", 1)!.message.content, "who are you");
  assert.match(client.tags.text, /AI assistant of Acme/);
});

test("ForceEndTurn ends the caller's turn at once with Flux, and the session without", async () => {
  const client = await agentClient({ confirmMs: 5000 });
  await client.ready();
  await client.say("how much is it");
  client.send({ type: "ForceEndTurn" });
  await client.hear(40);
  assert.equal(client.find("ConversationText", 1)?.message.content, "how much is it");

  const nova = await agentClient();
  await nova.ready((settings) => settings.agent.listen.provider = { type: "deepgram", model: "nova-3" });
  nova.send({ type: "ForceEndTurn" });
  await nova.hear(40);
  assert.equal(nova.find("Error")?.message.code, "UNPARSABLE_CLIENT_MESSAGE");
});

/** The table of Deepgram reference, section 2.10. */
const INJECTIONS: [phase: AgentPhase, behavior: string | undefined, outcome: "spoken" | "refused"][] = [
  ["idle", undefined, "spoken"],
  ["idle", "default", "spoken"],
  ["idle", "queue", "spoken"],
  ["idle", "interrupt", "spoken"],
  ["user-speaking", undefined, "refused"],
  ["user-speaking", "queue", "refused"],
  ["user-speaking", "interrupt", "spoken"],
  ["speculating", "default", "refused"],
  ["speculating", "queue", "refused"],
  ["thinking", "default", "refused"],
  ["thinking", "queue", "spoken"],
  ["thinking", "interrupt", "spoken"],
  ["speaking", "default", "refused"],
  ["speaking", "queue", "spoken"],
  ["speaking", "interrupt", "spoken"],
];

async function reach(client: Client, phase: AgentPhase): Promise<void> {
  await client.ready();
  if (phase === "speaking") return await storyTold(client);
  if (phase === "idle") return;
  const { audio, words } = await toneVoice().speak("how much is it");
  await client.hear(tagUtterance(audio, words, 3, 0).slice(0, phase === "user-speaking" ? 3200 : undefined));
  await client.until(() => client.session.phase === phase);
}

for (const [phase, behavior, outcome] of INJECTIONS) {
  test(`InjectAgentMessage ${behavior ?? "without behavior"} while ${phase} is ${outcome}`, async () => {
    const slow: Brain = ({ said }) =>
      said.includes("story") ? { say: "One. Two is longer. And three is the end of this long story." } : {
        say: "Ninety.",
        thinkMs: 2000,
      };
    const client = await agentClient({ think: slow, confirmMs: 300 });
    await reach(client, phase);
    const before = client.session.replies.at(-1)!;
    client.types();
    client.send({ type: "InjectAgentMessage", message: "One moment.", ...(behavior && { behavior }) });
    await client.hear(100);
    await client.until(() => client.session.phase === "idle");
    const refused = client.find("InjectionRefused") !== undefined;
    const spoken = client.got.some(({ message }) => message?.content === "One moment." && message.role === "assistant");
    assert.equal(refused ? "refused" : spoken ? "spoken" : "ignored", outcome);
    assert.equal(spoken, outcome === "spoken");
    if (phase === "speaking") assert.equal(before.state, behavior === "interrupt" ? "cut" : "done");
    if (phase === "speaking" && behavior === "queue") assert.equal(before.sentences.at(-1), "One moment.");
    assert.deepEqual(client.session.crashes, []);
    await client.close();
    assert.equal(client.clock.pending, 0);
  });
}

test("an injection that interrupts the caller is cut as the caller speaks on", async () => {
  const client = await agentClient({ faults: { staleFrames: 0 } });
  await client.ready();
  const { audio, words } = await toneVoice().speak("a rather long question about the price");
  const tagged = tagUtterance(audio, words, 3, 0);
  await client.hear(tagged.slice(0, 1600));
  client.types();
  client.send({ type: "InjectAgentMessage", message: "One moment please.", behavior: "interrupt" });
  await client.hear(tagged.slice(1600, 1600 + 4800));
  assert.deepEqual(
    client.types().filter((type) => type !== "History"),
    ["ConversationText", "binary", "UserStartedSpeaking"],
  );
  assert.equal(client.session.replies.at(-1)!.state, "cut");
});

test("injections may be refused or ignored on demand", async () => {
  for (const rejectInjection of ["refuse", "silent"] as const) {
    const client = await agentClient({ faults: { rejectInjection } });
    await client.ready();
    client.send({ type: "InjectAgentMessage", message: "Hello.", behavior: "interrupt" });
    await client.hear(2000);
    assert.deepEqual(client.types(), rejectInjection === "refuse" ? ["InjectionRefused"] : []);
  }
});

test("slow thoughts bring a warning every 5 s, and a filler can be queued meanwhile", async () => {
  const client = await agentClient({ think: () => ({ say: "Ninety.", thinkMs: 12_000 }) });
  await client.ready();
  await client.say("how much is it");
  await client.hear(1000);
  client.send({ type: "InjectAgentMessage", message: "One moment.", behavior: "queue" });
  await client.until(() => client.tags.text.endsWith("One moment. Ninety."));
  const warnings = client.got.filter(({ message }) => message?.code === "SLOW_THINK_REQUEST");
  assert.equal(warnings.length, 2);
  assert.equal(warnings[1]!.atMs - warnings[0]!.atMs, 5000);
});

const booking = (defer: boolean, endpoint?: unknown) => (settings: ReturnType<typeof canonical>) =>
  settings.agent.think[0].functions = [
    {
      name: "book",
      description: "Book",
      parameters: { type: "object" },
      defer_until_eot: defer,
      ...(endpoint ? { endpoint } : {}),
    },
  ];
const bookingBrain: Brain = ({ history, functions }) => {
  assert.equal(functions[0]?.name, "book");
  const last = history.at(-1);
  if (last?.role === "function") return { say: `It is booked: ${last.content}.` };
  return { say: "I book that.", call: { name: "book", arguments: { size: 4 } } };
};

test("a function may be called before the turn is confirmed; its answer brings the second part", async () => {
  const client = await agentClient({ think: bookingBrain, confirmMs: 1000 });
  await client.ready(booking(false));
  await client.say("a table for four");
  await client.hear(400);
  const request = client.find("FunctionCallRequest")!.message.functions;
  assert.equal(client.find("ConversationText", 1), undefined, "not confirmed yet");
  assert.deepEqual(request, [{ id: "fc_1_1", name: "book", arguments: '{"size":4}', client_side: true }]);
  await client.hear(3000);
  assert.equal(client.session.phase, "waiting-function");
  client.send({ type: "FunctionCallResponse", id: "fc_9", name: "book", content: "wrong" });
  client.send({ type: "FunctionCallResponse", id: "fc_1_1", name: "book", content: "table 7" });
  await client.until(() => client.session.phase === "idle");
  assert.match(client.tags.text, /I book that\. It is booked: table 7\.$/);
  const calls = client.got.find(({ message }) => message?.function_calls)!.message.function_calls;
  assert.deepEqual(calls, [{ ...request[0], response: "table 7" }]);
  assert.deepEqual(client.session.record.violations, ["FunctionCallResponse for fc_9, which nobody waits for"]);
});

test("a deferred function is called only once the turn is confirmed", async () => {
  const client = await agentClient({ think: bookingBrain, confirmMs: 1000 });
  await client.ready(booking(true));
  await client.say("a table for four");
  await client.until(() => client.find("FunctionCallRequest") !== undefined);
  assert.ok(client.find("ConversationText", 1)!.atMs <= client.find("FunctionCallRequest")!.atMs);
});

test("a caller who goes on calls off the speculative function, whose late answer is dropped", async () => {
  const client = await agentClient({ think: bookingBrain, confirmMs: 1000 });
  await client.ready(booking(false));
  await client.say("a table for four");
  await client.hear(400);
  client.types();
  await client.say("or five");
  assert.deepEqual(client.types().slice(0, 2), ["UserStartedSpeaking", "FunctionCallCancelled"]);
  assert.deepEqual(client.find("FunctionCallCancelled")!.message.functions, [{ id: "fc_1_1", name: "book" }]);
  client.send({ type: "FunctionCallResponse", id: "fc_1_1", name: "book", content: "late" });
  await client.until(() => client.find("FunctionCallRequest", 1) !== undefined);
  client.send({ type: "FunctionCallResponse", id: "fc_1_2", name: "book", content: "table 8" });
  await client.until(() => client.session.phase === "idle");
  assert.ok(client.tags.text.includes("table 8") && !client.tags.text.includes("late"));
  assert.equal(client.find("ConversationText", 1)!.message.content, "a table for four or five");
});

test("a server-side function is announced, answered by the stand-in itself, and never called", async () => {
  const client = await agentClient({ think: bookingBrain });
  await client.ready(booking(false, { url: "https://api.example/book", method: "post" }));
  await client.say("a table for four");
  await client.until(() => client.find("FunctionCallResponse") !== undefined);
  assert.equal(client.find("FunctionCallRequest")!.message.functions[0].client_side, false);
  await client.until(() => client.tags.text.includes("this function was not called"));
});

test("a function that was never declared ends the session", async () => {
  const client = await agentClient({ think: () => ({ call: { name: "fly", arguments: {} } }) });
  await client.ready();
  await client.say("fly");
  await client.hear(1000);
  assert.equal(client.find("Error")?.message.code, "NON_EXISTENT_FUNCTION_CALLED");
  assert.deepEqual(client.session.crashes, []);
});

test("the brain sees the prompt, the resumed history and what was said since", async () => {
  const seen: Parameters<Brain>[0][] = [];
  const client = await agentClient({
    think: (turn) => {
      seen.push({ ...turn, history: [...turn.history] });
      return { say: "Yes." };
    },
  });
  await client.ready((settings) => {
    delete settings.agent.greeting;
    settings.agent.context = { messages: [{ type: "History", role: "user", content: "before" }] };
  });
  for (const text of ["one", "two"]) {
    await client.say(text);
    await client.until(() => client.session.phase === "idle");
  }
  assert.equal(seen[1]!.prompt, "You answer calls for Acme.");
  assert.equal(seen[1]!.said, "two");
  assert.deepEqual(seen[1]!.history.map(({ role, content }) => `${role}: ${content}`), [
    ...["user: before", "user: one", "assistant: Yes."],
  ]);
  assert.equal(seen[1]!.functions[0]!.name, "book_table");
});

test("goodbye is spoken while end_call is asked for", async () => {
  const client = await agentClient();
  await client.ready((settings) =>
    settings.agent.think[0].functions = [{ name: "end_call", description: "Hang up", defer_until_eot: true }]
  );
  await client.say("goodbye");
  await client.until(() => client.find("FunctionCallRequest") !== undefined);
  client.send({ type: "FunctionCallResponse", id: "fc_1_1", name: "end_call", content: '{"ok":true}' });
  await client.until(() => client.session.phase === "idle");
  assert.match(client.tags.text, /Goodbye\.$/);
});

test("a brain that throws ends only its session, and the mistake is kept", async () => {
  const client = await agentClient({
    think: () => {
      throw new Error("no idea");
    },
  });
  await client.ready();
  await client.say("hello");
  await client.hear(500);
  assert.equal(client.find("Error")?.message.code, "INTERNAL_SERVER_ERROR");
  assert.equal(client.session.crashes.length, 1);
  assert.equal(client.clock.pending, 0);
});

test("gaps in the caller's audio are measured", async () => {
  const client = await agentClient();
  await client.ready();
  await client.clock.run(900);
  await client.hear(100);
  const { gaps, longestGapMs, messages, bytes } = client.session.record.audio;
  assert.deepEqual([gaps, longestGapMs, bytes / messages], [1, 920, 160]);
});

test("a voice that fails ends the session with FAILED_TO_SPEAK", async () => {
  const voice = { ...toneVoice(), speak: () => Promise.reject(new Error("hoarse")) };
  const client = await agentClient({ voice });
  client.send(canonical());
  await client.clock.run(1000);
  assert.equal(client.find("Error")?.message.code, "FAILED_TO_SPEAK");
  assert.equal(client.session.crashes.length, 1);
});

/** Anything a client may do in a sound session, in any order. */
const ACTIONS: ((client: Client, random: () => number) => void | Promise<void>)[] = [
  (client) => client.say("how much is it"),
  (client) => client.say("go on"),
  (client) => client.say("tell me a long story"),
  (client, random) => client.hear(20 * Math.floor(random() * 60)),
  (client, random) => client.hear(20 * Math.floor(random() * 200)),
  (client) => client.session.falseStart(),
  (client) => client.session.callerSays("who are you"),
  (client) => client.send({ type: "InjectUserMessage", content: "hello" }),
  (client) => client.send({ type: "InjectAgentMessage", message: "One moment." }),
  (client) => client.send({ type: "InjectAgentMessage", message: "One moment.", behavior: "queue" }),
  (client) => client.send({ type: "InjectAgentMessage", message: "One moment.", behavior: "interrupt" }),
  (client) => client.send({ type: "ForceEndTurn" }),
  (client) => client.send({ type: "UpdatePrompt", prompt: "a" }),
  (client) => client.send({ type: "KeepAlive" }),
  answerCalls,
];

function answerCalls(client: Client): void {
  for (const { message } of client.got) {
    if (message?.type !== "FunctionCallRequest") continue;
    client.send({ type: "FunctionCallResponse", id: message.functions[0].id, name: "book", content: "done" });
  }
}

test("50 seeded sessions of 30 random actions: sound audio, calls that end once, and quiet in the end", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    const client = await agentClient({
      faults: { staleFrames: 5, lateAssistantText: random() < 0.3, doneAfterBargeIn: random() < 0.3 },
      think: (turn) =>
        turn.said === "go on" && turn.history.at(-1)?.role !== "function"
          ? { say: "I look.", call: { name: "book", arguments: {} } }
          : { ...deskBrain(turn), thinkMs: 100 + 3000 * random() },
    }, seed);
    await client.ready(booking(random() < 0.5, random() < 0.3 ? { url: "https://api.example/book" } : undefined));
    for (let n = 0; n < 30; n++) await ACTIONS[Math.floor(random() * ACTIONS.length)]!(client, random);
    await client.hear(20); // the last action arrives
    for (let n = 0; n < 10 && client.session.phase !== "idle"; n++) {
      await client.hear(10_000);
      answerCalls(client);
    }
    await client.hear(1000);

    const where = `seed ${seed}`;
    assert.equal(client.session.phase, "idle", where);
    assert.deepEqual([client.session.crashes, client.closed], [[], undefined], where);
    const ids = (type: string) =>
      client.got.filter(({ message }) => message?.type === type).map(({ message }) => message.functions[0].id);
    const answered = client.got.filter(({ message }) => message?.function_calls).map(({ message }) =>
      message.function_calls[0].id
    );
    assert.deepEqual([...answered, ...ids("FunctionCallCancelled")].sort(), ids("FunctionCallRequest").sort(), where);
    for (const { state, source, sentBytes } of client.session.replies) {
      if (state === "done") {
        assert.equal(client.tags.sources.find((of) => of.source === source)?.frames, sentBytes / 160, where);
      } else assert.equal(state, "cut", where);
    }
    assert.ok(
      client.tags.sources.every(({ lost, duplicated, reordered }) => lost + duplicated + reordered === 0),
      where,
    );
    await client.close();
    assert.equal(client.clock.pending, 0, where);
  }
});
