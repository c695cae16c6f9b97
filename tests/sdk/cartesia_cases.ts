/** The cases of `cartesia_test.ts`, which runs them in a process that trusts the certificates it made. */

import assert from "node:assert/strict";
import { Cartesia } from "@cartesia/cartesia-js";
import { TTSWS } from "@cartesia/cartesia-js/resources/tts/ws";
import { systemClock } from "../../lib/base/clock.ts";
import { socketWire } from "../../lib/base/wire.ts";
import { cartesiaStandIn, type CartesiaStandInOptions } from "../../lib/rehearsal/cartesia.ts";
import { seeded, testWith } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { type Message, spokenIn, until } from "./sockets.ts";

const folder = Deno.env.get("CERTIFICATES") ?? "";
const needs = { present: folder !== "", missing: "no certificates, see cartesia_test.ts" };

const VOICE = {
  model_id: "sonic-3",
  voice: { mode: "id" as const, id: "694f9389-aac1-45b6-b726-9d9369183238" },
  output_format: { container: "raw" as const, encoding: "pcm_mulaw" as const, sample_rate: 8000 as const },
  language: "en" as const,
  add_timestamps: true,
};

/** The stand-in over TLS, and the vendor's client. */
function served(options: Partial<CartesiaStandInOptions> = {}, apiKey = "key") {
  const standIn = cartesiaStandIn({
    ...{ clock: systemClock, random: seeded(4), voice: toneVoice(), key: "key", firstChunkMs: 20, speed: 20 },
    ...options,
  });
  const refusals: number[] = [];
  const tls = { cert: Deno.readTextFileSync(`${folder}/cert.pem`), key: Deno.readTextFileSync(`${folder}/key.pem`) };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, (request) => {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return standIn.fetch(request);
    const answered = standIn.answer({ url: new URL(request.url), headers: new Headers(request.headers) });
    if ("refuse" in answered) {
      refusals.push(answered.refuse.status);
      return answered.refuse;
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => answered.accept(socketWire(socket));
    return response;
  });
  const client = new Cartesia({ apiKey, baseURL: `https://localhost:${server.addr.port}`, maxRetries: 0 });
  return { standIn, client, refusals, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A socket of the library that notes its errors: without a listener they would end the process. */
async function connected(line: ReturnType<typeof served>) {
  const errors: Error[] = [];
  const socket = await line.client.tts.websocket();
  socket.on("error", (error) => void errors.push(error));
  return {
    socket,
    errors,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => socket.socket.addEventListener("close", resolve));
      if (socket.socket.readyState > 1) return;
      socket.close();
      await closed;
    },
  };
}

/** What a context said: the words in its audio, the words of its timestamps, its events in order. */
async function gathered(events: AsyncIterable<Message>) {
  const audio: Uint8Array[] = [];
  const words: string[] = [];
  const types: string[] = [];
  for await (const event of events) {
    types.push(event.type);
    if (event.type === "chunk") audio.push(new Uint8Array(event.audio));
    if (event.type === "timestamps") words.push(...event.word_timestamps.words);
  }
  return { spoken: spokenIn(new Uint8Array(await new Blob(audio as BlobPart[]).arrayBuffer())), words, types };
}

testWith(needs, "one text: chunks, word timestamps, done", async () => {
  await using line = served();
  await using speaker = await connected(line);
  const events = speaker.socket.generate({ ...VOICE, transcript: "Hello there, caller." });
  const { spoken, words, types } = await gathered(events);
  assert.equal(spoken, "Hello there, caller.");
  assert.equal(words.join(" "), "Hello there, caller.");
  assert.equal(types.at(-1), "done");
  assert.deepEqual([speaker.errors, line.standIn.problems], [[], []]);
});

testWith(needs, "streamed text in one context, with a flush and an end", async () => {
  await using line = served();
  await using speaker = await connected(line);
  const context = speaker.socket.context({ ...VOICE, contextId: "reply-1", max_buffer_delay_ms: 0, timeout: 5000 });
  await context.push({ transcript: "Good morning. " });
  await context.push({ transcript: "How can ", flush: true });
  await context.push({ transcript: "I help?", generation_config: { speed: 1.1 } });
  await context.no_more_inputs();
  const { spoken, words, types } = await gathered(context.receive());
  assert.equal(spoken, "Good morning. How can I help?");
  assert.equal(words.join(" "), spoken);
  assert.ok(types.includes("flush_done"), types.join());
  assert.deepEqual(line.standIn.contexts.map(({ id, state }) => [id, state]), [["reply-1", "closed"]]);
  assert.deepEqual([speaker.errors, line.standIn.problems], [[], []]);
});

testWith(needs, "two contexts at once keep their words apart", async () => {
  await using line = served({ speed: 2 });
  await using speaker = await connected(line);
  const said = async (contextId: string, transcript: string) => {
    const context = speaker.socket.context({ ...VOICE, contextId, timeout: 5000 });
    await context.push({ transcript });
    await context.no_more_inputs();
    return (await gathered(context.receive())).spoken;
  };
  const both = await Promise.all([said("a", "alpha beta gamma"), said("b", "one two three")]);
  assert.deepEqual(both, ["alpha beta gamma", "one two three"]);
});

testWith(needs, "a cancelled context is cancelled, and the next one speaks", async () => {
  await using line = served({ speed: 1 });
  await using speaker = await connected(line);
  const context = speaker.socket.context({ ...VOICE, contextId: "cut", timeout: 5000 });
  await context.push({ transcript: "A sentence that nobody will hear to its end." });
  for await (const event of context.receive()) if (event.type === "chunk") break;
  await context.cancel();
  await until("the cancel", () => line.standIn.contexts[0]!.state === "cancelled");
  const next = await gathered(speaker.socket.generate({ ...VOICE, transcript: "New." }));
  assert.equal(next.spoken, "New.");
  assert.deepEqual(line.standIn.problems, []);
});

testWith(needs, "errors of a context come to the library in the vendor's shape", async () => {
  const busy = { status: 429, code: "concurrency_limited", title: "Too many requests", message: "too many contexts" };
  await using line = served({ faults: { errors: [busy] } });
  await using speaker = await connected(line);
  await assert.rejects(gathered(speaker.socket.generate({ ...VOICE, transcript: "Hello." })), /concurrency_limited/);
  const event = (speaker.errors[0] as Error & { error: Message }).error;
  assert.deepEqual([event.status_code, event.error_code, event.message], [429, busy.code, busy.message]);
  const empty = speaker.socket.generate({ ...VOICE, transcript: "" });
  await assert.rejects(gathered(empty), /invalid_request/);
  assert.equal((await gathered(speaker.socket.generate({ ...VOICE, transcript: "Again." }))).spoken, "Again.");
});

testWith(needs, "a bad key is refused at the handshake", async () => {
  await using line = served({}, "another");
  // `tts.websocket()` connects before anyone can listen for errors: a refusal would end the process.
  const socket = new TTSWS(line.client);
  const errors: Error[] = [];
  socket.on("error", (error) => void errors.push(error));
  await assert.rejects(socket.connect());
  assert.equal(errors.length, 1);
  assert.deepEqual(line.refusals, [401]);
  assert.equal(line.standIn.sockets, 0);
});

testWith(needs, "a whole utterance by plain request, and a typed refusal", async () => {
  await using line = served();
  const { add_timestamps: _, ...body } = VOICE;
  const response = await line.client.tts.generate({ ...body, transcript: "Good evening." });
  const audio = new Uint8Array(await response.arrayBuffer());
  assert.equal(audio.length, "Good evening.".length * 60 * 8);
  const refused = line.client.tts.generate({ ...body, transcript: "" });
  await assert.rejects(refused, (error: { status?: number }) => error.status === 400);
});
