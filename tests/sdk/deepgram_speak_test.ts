import assert from "node:assert/strict";
import { DeepgramClient } from "@deepgram/sdk";
import { systemClock } from "../../lib/base/clock.ts";
import { deepgramSpeakStandIn, type SpeakStandInOptions } from "../../lib/rehearsal/deepgram_speak.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { Inbox, spokenIn, until } from "./sockets.ts";

const PHONE = { model: "aura-2-thalia-en", encoding: "mulaw", sample_rate: "8000" } as const;

/** The voice on loopback, and a socket of the vendor's client to it. */
async function opened(options: Partial<SpeakStandInOptions> = {}) {
  const speak = deepgramSpeakStandIn({
    ...{ clock: systemClock, random: seeded(9), voice: toneVoice(), key: "key" },
    ...options,
  });
  const server = serveStandIns([{ path: "/v1/speak", ...speak }]);
  const client = new DeepgramClient({ apiKey: "key", baseUrl: `http://${server.origin}` });
  const socket = await client.speak.v1.connect({ ...PHONE, reconnectAttempts: 0 });
  const inbox = new Inbox(socket);
  socket.connect();
  await socket.waitForOpen();
  return {
    speak,
    client,
    socket,
    inbox,
    async [Symbol.asyncDispose]() {
      socket.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("@deepgram/sdk speak v1: Metadata, audio as Blobs, Flushed after the last of it, a normal end", async () => {
  await using line = await opened();
  const { socket, inbox } = line;
  const metadata = await inbox.next("Metadata");
  assert.equal(metadata.model_name, "aura-2-thalia-en");
  socket.sendText({ type: "Speak", text: "Hello there. " });
  socket.sendText({ type: "Speak", text: "How are you today?" });
  socket.sendFlush({ type: "Flush" });
  assert.deepEqual(await inbox.next("Flushed"), { type: "Flushed", sequence_id: 0 });
  assert.equal(await inbox.words(), "Hello there. How are you today?");
  const [session] = line.speak.sessions;
  socket.sendClose({ type: "Close" });
  await until("the close", () => inbox.closes.length > 0);
  assert.deepEqual([inbox.closes, inbox.errors, session!.crashes], [[1000], [], []]);
});

test("@deepgram/sdk speak v1: Clear drops the rest, its number follows, the next text is spoken", async () => {
  await using line = await opened({ knobs: { rateX: 1 } });
  const { socket, inbox } = line;
  socket.sendText({ type: "Speak", text: "This is a sentence that nobody will ever hear to its very end." });
  socket.sendFlush({ type: "Flush" });
  await until("the first audio", () => inbox.audio.length > 0);
  socket.sendClear({ type: "Clear" });
  assert.deepEqual(await inbox.next("Cleared"), { type: "Cleared", sequence_id: 0 });
  assert.ok(!(await inbox.words()).includes("end."));
  inbox.audio.length = 0;
  socket.sendText({ type: "Speak", text: "New." });
  socket.sendFlush({ type: "Flush" });
  assert.deepEqual(await inbox.next("Flushed"), { type: "Flushed", sequence_id: 1 });
  assert.equal(await inbox.words(), "New.");
});

test("@deepgram/sdk speak v1: what breaks the vendor's limits closes the socket", async () => {
  await using line = await opened();
  line.socket.sendText({ type: "Speak", text: "x".repeat(2001) });
  await until("the close", () => line.inbox.closes.length > 0);
  assert.deepEqual(line.inbox.closes, [1009]);
});

test("@deepgram/sdk speak by plain request: whole audio, and a typed refusal", async () => {
  await using line = await opened();
  const response = await line.client.speak.v1.audio.generate({
    ...{ text: "Good morning.", model: "aura-2-thalia-en", encoding: "mulaw", sample_rate: 8000, container: "none" },
  });
  assert.equal(spokenIn(new Uint8Array(await response.arrayBuffer())), "Good morning.");
  await assert.rejects(
    line.client.speak.v1.audio.generate(
      { text: "x".repeat(2001), model: "aura-2-thalia-en", encoding: "mulaw", sample_rate: 8000 },
      { maxRetries: 0 },
    ),
    (error: { statusCode?: number }) => error.statusCode === 413,
  );
});
