import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { agentStandIn } from "../../lib/rehearsal/deepgram_agent.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { seeded, test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { deskBrain } from "./agent.ts";
import { canonical } from "./settings.ts";

function served() {
  const standIn = agentStandIn({
    ...{ clock: systemClock, random: seeded(1), voice: toneVoice(), think: deskBrain },
    ...{ applyMs: 5, greetingMs: 5, injectMs: 5, ackMs: 5, rateX: Infinity },
  });
  const server = serveStandIns([standIn]);
  return { standIn, server, url: `ws://${server.origin}/v1/agent/converse` };
}

/** Until a message of `type` came; @returns all texts and the bytes of audio up to then. */
function until(socket: WebSocket, type: string): Promise<{ texts: string[]; bytes: number }> {
  const texts: string[] = [];
  let bytes = 0;
  return new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") bytes += data.byteLength;
      else texts.push(data);
      if (typeof data === "string" && JSON.parse(data).type === type) resolve({ texts, bytes });
    };
  });
}

test("over a real socket: Welcome, Settings, greeting, an injection, and a normal end", async () => {
  const { standIn, server, url } = served();
  await using _server = server;
  const socket = new WebSocket(url, ["token", "key"]);
  socket.binaryType = "arraybuffer";
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await until(socket, "Welcome");
  assert.equal(socket.protocol, "token");
  socket.send(JSON.stringify(canonical()));
  const { texts, bytes } = await until(socket, "AgentAudioDone");
  assert.ok(texts.some((text) => text.includes("how can I help?")));
  assert.equal(bytes, standIn.sessions[0]!.replies[0]!.sentBytes);
  socket.send(JSON.stringify({ type: "InjectAgentMessage", message: "Still there?" }));
  assert.ok((await until(socket, "AgentAudioDone")).bytes > 0);
  socket.close(1000);
  assert.equal((await closed).code, 1000);
});

test("over a real socket: an error ends it without a status, and a bad key is refused with 401", async () => {
  const { server, url } = served();
  await using _server = server;
  const socket = new WebSocket(url, ["token", "key"]);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await until(socket, "Welcome");
  const failed = until(socket, "Error");
  socket.send(new Uint8Array(160));
  assert.match((await failed).texts[0]!, /NON_SETTINGS_MESSAGE_BEFORE_SETTINGS/);
  assert.equal((await closed).code, 1005);

  const refused = new WebSocket(url, ["token", "bad"]);
  await new Promise<void>((resolve) => {
    refused.onerror = (event) => event.preventDefault();
    refused.onclose = () => resolve();
  });
});
