import assert from "node:assert/strict";
import { deepgramFluxStandIn, type FluxStandInOptions } from "../../lib/rehearsal/deepgram_flux.ts";
import { FluxRules, type TurnMessage } from "../../lib/rehearsal/flux_rules.ts";
import { say as sayTo, senseLoudness, silence as silenceTo } from "../contract/stt.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { connect, refusedBy, typed } from "./raw_client.ts";

const PHONE = "model=flux-general-en&encoding=mulaw&sample_rate=8000";
const EAGER = `${PHONE}&eot_threshold=0.7&eager_eot_threshold=0.5&eot_timeout_ms=5000`;
const at = (query: string) => `wss://api.deepgram.com/v2/listen?${query}`;

function open(query = EAGER, options: Partial<FluxStandInOptions> = {}) {
  const clock = new VirtualClock();
  const { answer, sessions } = deepgramFluxStandIn({ clock, openSense: senseLoudness, ...options });
  const raw = connect(clock, answer, at(query));
  const stt = { hear: (frame: Uint8Array) => raw.wire.send(frame) } as Parameters<typeof sayTo>[0]["stt"];
  const say = (text: string) => sayTo({ clock, stt }, text);
  const silence = (ms: number) => silenceTo({ clock, stt }, ms);
  return { clock, raw, say, silence, session: sessions[0]! };
}

const events = ({ raw }: ReturnType<typeof open>) =>
  typed(raw, "TurnInfo").map(({ event }) => event).filter((event) => event !== "Update");

test("flux stand-in: parameters, good and bad", () => {
  const { answer } = deepgramFluxStandIn({ clock: new VirtualClock() });
  const good = [PHONE, EAGER, "model=flux-general-en", `${PHONE}&keyterm=a&keyterm=b`];
  good.push("model=flux-general-multi&encoding=linear16&sample_rate=16000&language_hint=en&language_hint=es");
  for (const query of good) assert.equal(refusedBy(answer, at(query)), undefined, query);
  const bad = [
    "encoding=mulaw&sample_rate=8000",
    "model=flux",
    "model=nova-3&encoding=mulaw&sample_rate=8000",
    "model=flux-general-en&encoding=mulaw",
    `${PHONE}&language=en`,
    `${PHONE}&interim_results=true`,
    `${PHONE}&endpointing=300`,
    `${PHONE}&smart_format=true`,
    `${PHONE}&punctuate=true`,
    `${PHONE}&eot_threshold=0.4`,
    `${PHONE}&eager_eot_threshold=0.2`,
    `${PHONE}&eot_threshold=0.6&eager_eot_threshold=0.8`,
    `${PHONE}&eot_timeout_ms=100`,
    `${PHONE}&language_hint=en`,
    "model=flux-general-multi&language_hint=",
    PHONE + "&keyterm=a".repeat(101),
  ];
  for (const query of bad) assert.equal(refusedBy(answer, at(query))?.status, 400, query);
});

test("flux stand-in: a turn, with sequence numbers from 0 and updates every 250 ms of audio, also in silence", async () => {
  const parts = open();
  await parts.silence(1000);
  assert.equal(parts.raw.messages[0]!.type, "Connected");
  assert.equal(typed(parts.raw, "TurnInfo").length, 4);
  assert.ok(typed(parts.raw, "TurnInfo").every(({ event, transcript }) => event === "Update" && transcript === ""));
  await parts.say("Cancel my booking.");
  await parts.silence(1000);
  assert.deepEqual(events(parts), ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]);
  assert.deepEqual(parts.raw.messages.map(({ sequence_id }) => sequence_id), parts.raw.messages.map((_, i) => i));
  const end = typed(parts.raw, "TurnInfo").find(({ event }) => event === "EndOfTurn")!;
  assert.deepEqual([end.transcript, end.trigger, end.turn_index], ["Cancel my booking.", "model", 0]);
  await parts.say("Thanks.");
  await parts.silence(1000);
  assert.deepEqual(new Set(typed(parts.raw, "TurnInfo").map(({ turn_index }) => turn_index)), new Set([0, 1, 2]));
});

test("flux stand-in: the confidence follows the silence: eager at 200 ms, end at 400 ms, else the time-out", async () => {
  const after = async (query: string, event: string) => {
    const parts = open(query);
    await parts.say("Good morning.");
    for (let ms = 0; ms <= 4000; ms += 20) {
      if (events(parts).includes(event)) return ms;
      await parts.silence(20);
    }
    return Infinity;
  };
  assert.ok(Math.abs(await after(EAGER, "EagerEndOfTurn") - 200) <= 40);
  assert.ok(Math.abs(await after(EAGER, "EndOfTurn") - 400) <= 40);
  assert.ok(await after(`${PHONE}&eot_threshold=0.9`, "EndOfTurn") > 700);
  assert.equal(await after(PHONE, "EagerEndOfTurn"), Infinity);
  assert.ok(Math.abs(await after(`${PHONE}&eot_threshold=1.0&eot_timeout_ms=2000`, "EndOfTurn") - 2000) <= 40);
});

test("flux stand-in: an eager end is resumed when more is said", async () => {
  const parts = open();
  await parts.say("I want to");
  await parts.silence(300);
  await parts.say("cancel.");
  await parts.silence(1000);
  assert.deepEqual(events(parts), ["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"]);
});

test("flux stand-in: without audio no turn ever ends, and after 25 s the socket does", async () => {
  const parts = open();
  await parts.say("Hello");
  await parts.silence(60);
  await parts.clock.run(24_000);
  assert.deepEqual(events(parts), ["StartOfTurn"]);
  await parts.clock.run(2000);
  assert.deepEqual(parts.raw.closed, [1005, ""]);
});

test("flux stand-in: CloseStream gives a last Update, no EndOfTurn and a close without a code", async () => {
  const parts = open();
  await parts.say("So long and");
  parts.raw.send({ type: "CloseStream" });
  await parts.clock.run(10);
  const last = parts.raw.messages.at(-1)!;
  assert.deepEqual([last.event, last.transcript], ["Update", "So long and"]);
  assert.deepEqual(parts.raw.closed, [1005, ""]);
  assert.equal(parts.clock.pending, 0);
});

test("flux stand-in: ForceEndTurn ends a turn by hand, or warns that there is none", async () => {
  const parts = open();
  parts.raw.send({ type: "ForceEndTurn" });
  await parts.say("Stop right");
  parts.raw.send({ type: "ForceEndTurn" });
  await parts.clock.run(10);
  assert.equal(typed(parts.raw, "Warning")[0]!.code, "FORCE_END_TURN_NO_ACTIVE_TURN");
  const last = parts.raw.messages.at(-1)!;
  assert.deepEqual([last.event, last.trigger, last.transcript], ["EndOfTurn", "manual", "Stop right"]);
});

test("flux stand-in: KeepAlive and other unknown messages kill the stream", async () => {
  for (const text of ['{"type":"KeepAlive"}', '{"type":"Finalize"}', "nonsense", "[]"]) {
    const { raw, clock } = open();
    raw.wire.send(text);
    await clock.run(10);
    assert.equal(raw.messages.at(-1)!.code, "UNPARSABLE_CLIENT_MESSAGE", text);
    assert.deepEqual(raw.closed, [1005, ""]);
  }
});

test("flux stand-in: Configure is applied, or refused and the old settings stay", async () => {
  const parts = open(PHONE);
  parts.raw.send({ type: "Configure", thresholds: { eager_eot_threshold: 0.5 }, keyterms: ["Acme"] });
  parts.raw.send({ type: "Configure", thresholds: { eot_threshold: 0.2 } });
  await parts.clock.run(10);
  const [good] = typed(parts.raw, "ConfigureSuccess");
  assert.deepEqual([good!.thresholds, good!.keyterms], [
    { eot_threshold: 0.7, eot_timeout_ms: 5000, eager_eot_threshold: 0.5 },
    ["Acme"],
  ]);
  assert.equal(typed(parts.raw, "ConfigureFailure")[0]!.code, "INVALID_THRESHOLD");
  await parts.say("Hello.");
  await parts.silence(600);
  assert.deepEqual(events(parts), ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]);
});

test("flux stand-in: 60 seeded talks with pauses of any length keep the vendor's seven promises", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = seeded(seed);
    const parts = open(random() < 0.5 ? EAGER : PHONE);
    for (let i = 0; i < 6; i++) {
      await parts.say(["yes", "I think so", "well, you know", "No!"][Math.floor(random() * 4)]!);
      await parts.silence(Math.floor(random() * 700));
      if (random() < 0.1) parts.raw.send({ type: "ForceEndTurn" });
    }
    assert.deepEqual(parts.session.crashes, [], `seed ${seed}`);
    assert.equal(parts.raw.closed, undefined);
  }
});

test("the rules of Flux notice each way to break them", () => {
  const message = (event: TurnMessage["event"], more: Partial<TurnMessage> = {}): TurnMessage => ({
    event,
    turn_index: 0,
    transcript: "hi",
    ...(event === "EndOfTurn" ? { trigger: "model" } : {}),
    ...more,
  });
  const start = message("StartOfTurn");
  const eager = message("EagerEndOfTurn");
  const broken: TurnMessage[][] = [
    [message("Update")],
    [message("StartOfTurn", { transcript: "" })],
    [start, start],
    [eager],
    [start, message("TurnResumed")],
    [start, eager, eager],
    [start, eager, message("Update", { transcript: "hi there" })],
    [start, eager, message("EndOfTurn", { transcript: "hi there" })],
    [start, { event: "EndOfTurn", turn_index: 0, transcript: "hi" }],
    [message("StartOfTurn", { trigger: "model" })],
    [start, message("EndOfTurn"), message("Update", { transcript: "" })],
    [message("StartOfTurn", { turn_index: 1 })],
  ];
  for (const messages of broken) {
    const rules = new FluxRules(() => true);
    const all = () => messages.forEach((each) => rules.check(each));
    assert.throws(all, /broke a rule/, JSON.stringify(messages));
  }
  const withoutEager = new FluxRules(() => false);
  withoutEager.check(start);
  assert.throws(() => withoutEager.check(eager), /only with eager_eot_threshold/);
});
