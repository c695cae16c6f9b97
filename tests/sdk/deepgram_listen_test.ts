import assert from "node:assert/strict";
import { DeepgramClient } from "@deepgram/sdk";
import { systemClock } from "../../lib/base/clock.ts";
import { openFlux } from "../../lib/providers/deepgram_flux.ts";
import { openListen } from "../../lib/providers/deepgram_listen.ts";
import type { Stt, SttEvent } from "../../lib/providers/ports.ts";
import { deepgramFluxStandIn, type FluxStandInOptions } from "../../lib/rehearsal/deepgram_flux.ts";
import { deepgramListenStandIn, type ListenStandInOptions } from "../../lib/rehearsal/deepgram_listen.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { test } from "../case.ts";
import { dialThenWait, feed, Inbox, silence, speech, until } from "./sockets.ts";

const NOVA = {
  ...{ model: "nova-3", encoding: "mulaw", sample_rate: 8000, channels: 1, language: "en" },
  ...{ interim_results: "true", endpointing: 300, utterance_end_ms: 1000, vad_events: "true", smart_format: "true" },
} as const;
const FLUX = {
  ...{ model: "flux-general-en", encoding: "mulaw", sample_rate: 8000 },
  ...{ eot_threshold: 0.7, eager_eot_threshold: 0.5, eot_timeout_ms: 5000 },
} as const;

/** Both recognisers on loopback, and the vendor's client. */
function served(options: Partial<ListenStandInOptions & FluxStandInOptions> = {}, apiKey = "key") {
  const nova = deepgramListenStandIn({ clock: systemClock, key: "key", ...options as Partial<ListenStandInOptions> });
  const flux = deepgramFluxStandIn({ clock: systemClock, key: "key", ...options as Partial<FluxStandInOptions> });
  const server = serveStandIns([{ path: "/v1/listen", ...nova }, { path: "/v2/listen", ...flux }]);
  const client = new DeepgramClient({ apiKey, baseUrl: `http://${server.origin}` });
  return { nova, flux, client, origin: server.origin, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

// deno-lint-ignore no-explicit-any -- a test reads what it expects there
const transcript = (result: any): string => result.channel.alternatives[0].transcript;

test("@deepgram/sdk listen v1: interims, a final that ends the speech, UtteranceEnd, Metadata and a normal end", async () => {
  await using line = served();
  const socket = await line.client.listen.v1.connect({ ...NOVA, reconnectAttempts: 0 });
  const inbox = new Inbox(socket);
  socket.connect();
  await socket.waitForOpen();
  const send = (frame: Uint8Array) => socket.sendMedia(frame);
  await feed(send, [...silence(200), ...await speech("Table for four, please."), ...silence(1600)]);
  await inbox.next("UtteranceEnd");
  assert.equal(inbox.of("SpeechStarted").length, 1);
  const results = inbox.of("Results");
  assert.ok(results.some(({ is_final }) => !is_final), "there are interims");
  const final = results.find(({ is_final, speech_final }) => is_final && speech_final);
  assert.equal(transcript(final), "Table for four, please.");
  assert.deepEqual(
    final.channel.alternatives[0].words.map(({ punctuated_word }: { punctuated_word: string }) => punctuated_word),
    ["Table", "for", "four,", "please."],
  );

  // Finalize fixes what is pending, KeepAlive gets no answer, CloseStream gets Metadata and a close.
  await feed(send, await speech("Thank you"));
  const before = inbox.of("Results").length;
  socket.sendFinalize({ type: "Finalize" });
  await until("the finalized result", () => inbox.of("Results").some(({ from_finalize }) => from_finalize));
  const finalized = inbox.of("Results").slice(before).findLast(({ from_finalize }) => from_finalize);
  assert.deepEqual([finalized.is_final, transcript(finalized)], [true, "Thank you"]);
  socket.sendKeepAlive({ type: "KeepAlive" });
  socket.sendCloseStream({ type: "CloseStream" });
  const metadata = await inbox.next("Metadata");
  assert.ok(metadata.duration > 2 && metadata.channels === 1, JSON.stringify(metadata));
  await until("the close", () => inbox.closes.length > 0);
  assert.deepEqual([inbox.closes, inbox.errors], [[1000], []]);
  const [session] = line.nova.sessions;
  assert.deepEqual(session!.crashes, []);
  assert.deepEqual(session!.texts.map((text) => JSON.parse(text).type), ["Finalize", "KeepAlive", "CloseStream"]);
});

test("@deepgram/sdk listen v1: the message names and fields are those of the SDK's types", async () => {
  await using line = served();
  const socket = await line.client.listen.v1.connect({ ...NOVA, reconnectAttempts: 0 });
  const inbox = new Inbox(socket);
  socket.connect();
  await socket.waitForOpen();
  await feed((frame) => socket.sendMedia(frame), [...await speech("Hello"), ...silence(600)]);
  const fields = (value: object) => Object.keys(value).sort().join(" ");
  await until("a final", () => inbox.of("Results").some(({ is_final }) => is_final));
  const result = inbox.of("Results").find(({ is_final }) => is_final);
  assert.equal(
    fields(result),
    "channel channel_index duration from_finalize is_final metadata speech_final start type",
  );
  assert.equal(fields(result.metadata), "model_info model_uuid request_id");
  assert.equal(fields(result.metadata.model_info), "arch name version");
  const [alternative] = result.channel.alternatives;
  assert.equal(fields(alternative).replace(" languages", ""), "confidence transcript words");
  assert.equal(fields(alternative.words[0]).replace(" language", ""), "confidence end punctuated_word start word");
  socket.close();
});

test("@deepgram/sdk: keys and parameters that the vendor refuses reject waitForOpen", async () => {
  const refused = async (line: ReturnType<typeof served>, status: number, open: "nova" | "flux", extra: object) => {
    const args = { reconnectAttempts: 0, queryParams: { ...extra } };
    const socket = open === "nova"
      ? await line.client.listen.v1.connect({ ...NOVA, ...args })
      : await line.client.listen.v2.connect({ ...FLUX, ...args });
    const inbox = new Inbox(socket);
    socket.connect();
    await assert.rejects(socket.waitForOpen(), `${open} ${status}`);
    assert.ok(inbox.errors.some(({ message }) => message.includes(String(status))), String(inbox.errors));
    socket.close();
  };
  {
    await using line = served({}, "another");
    await refused(line, 401, "nova", {});
    await refused(line, 401, "flux", {});
  }
  await using line = served();
  await refused(line, 400, "nova", { eot_threshold: 0.7 });
  await refused(line, 400, "flux", { interim_results: "true" });
  assert.deepEqual([line.nova.sessions, line.flux.sessions], [[], []]);
  // What the SDK refuses by itself never reaches the network.
  await assert.rejects(line.client.listen.v1.connect({ ...NOVA, keywords: "bell" }), /400|keyword/i);
});

test("@deepgram/sdk listen v2: Connected, the events of a turn in order, sequence numbers without a gap", async () => {
  await using line = served();
  const socket = await line.client.listen.v2.connect({ ...FLUX, keyterm: ["Acme", "Bell"], reconnectAttempts: 0 });
  const inbox = new Inbox(socket);
  socket.connect();
  await socket.waitForOpen();
  const send = (frame: Uint8Array) => socket.sendMedia(frame);
  await feed(send, [...silence(300), ...await speech("I want to"), ...silence(300), ...await speech("cancel.")]);
  await feed(send, silence(1000));
  const turns = () => inbox.of("TurnInfo").filter(({ event }) => event !== "Update");
  await until("the end of the turn", () => turns().some(({ event }) => event === "EndOfTurn"));
  assert.deepEqual(turns().map(({ event }) => event), [
    ...["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"],
  ]);
  const end = turns().at(-1);
  assert.deepEqual([end.transcript, end.trigger, end.turn_index], ["I want to cancel.", "model", 0]);
  assert.equal(inbox.messages[0].type, "Connected");

  socket.sendConfigure({ type: "Configure", thresholds: { eot_threshold: 0.8 }, keyterms: [] });
  const configured = await inbox.next("ConfigureSuccess");
  assert.equal(configured.thresholds.eot_threshold, 0.8);
  socket.sendConfigure({ type: "Configure", thresholds: { eot_threshold: 3 } });
  await inbox.next("ConfigureFailure");
  await feed(send, await speech("And also"));
  socket.sendForceEndTurn({ type: "ForceEndTurn" });
  await until("the forced end", () => turns().at(-1).trigger === "manual");
  assert.equal(turns().at(-1).transcript, "And also");
  assert.deepEqual(inbox.messages.map(({ sequence_id }) => sequence_id), inbox.messages.map((_, n) => n));
  socket.close();
  await until("the end", () => line.flux.sessions[0]!.closed !== undefined);
  assert.deepEqual(line.flux.sessions[0]!.crashes, []);
});

test("@deepgram/sdk listen v2: CloseStream ends without a code, and nothing is opened anew", async () => {
  await using line = served();
  const socket = await line.client.listen.v2.connect({ ...FLUX });
  const inbox = new Inbox(socket);
  socket.connect();
  await socket.waitForOpen();
  await feed((frame) => socket.sendMedia(frame), await speech("So long and"));
  socket.sendCloseStream({ type: "CloseStream" });
  await until("the close", () => inbox.closes.length > 0);
  assert.deepEqual(inbox.closes, [1005]);
  assert.equal(inbox.of("TurnInfo").at(-1).transcript, "So long and");
  await feed(() => {}, silence(2500), { timesX: 1 }); // its reconnection comes after two seconds
  assert.equal(line.flux.sessions.length, 1);
  socket.close();
});

test("@deepgram/sdk listen v2: the vendor's error and its close are told", async () => {
  await using line = served({ faults: { errorAfterMs: 200, errorCode: "INTERNAL_SERVER_ERROR" } });
  const socket = await line.client.listen.v2.connect({ ...FLUX, reconnectAttempts: 0 });
  const inbox = new Inbox(socket);
  socket.connect();
  await socket.waitForOpen();
  await feed((frame) => socket.sendMedia(frame), silence(400), { done: () => inbox.of("Error").length > 0 });
  assert.equal((await inbox.next("Error")).code, "INTERNAL_SERVER_ERROR");
  await until("the close", () => inbox.closes.length > 0);
});

test("our own clients make the same of the same speech as @deepgram/sdk", async () => {
  await using line = served();
  const SAID = "Table for four, please.";
  const common = { dial: dialThenWait(0), clock: systemClock, key: "key" };
  const heard = async (open: (listen: (event: SttEvent) => void) => Stt) => {
    const finals: string[] = [];
    await using stt = open((event) => {
      if (event.kind === "final" && event.endOfTurn) finals.push(event.text);
    });
    await feed((frame) => stt.hear(frame), [...silence(200), ...await speech(SAID), ...silence(1600)]);
    await until("the end of the turn", () => finals.length > 0);
    return finals;
  };
  const url = (version: number) => `ws://${line.origin}/v${version}/listen`;
  const nova = { model: "nova-3", endpointing: 300, smart_format: true };
  const flux = { model: "flux-general-en" };
  assert.deepEqual(await heard((listen) => openListen({ ...common, url: url(1), provider: nova, listen })), [SAID]);
  assert.deepEqual(await heard((listen) => openFlux({ ...common, url: url(2), provider: flux, listen })), [SAID]);
});
