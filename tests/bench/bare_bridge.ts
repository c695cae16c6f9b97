/**
 * The bridge and nothing else, on Deno with its own sockets: what stands in the peer's place with `--bare`, to tell what a
 * figure owes to the runtime. Like the Node peer it has an interval of 20 ms for each call; it keeps and records nothing.
 */

import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";

const FRAMES_PER_MARK = 10;
const SETTINGS = JSON.stringify({
  type: "Settings",
  audio: {
    input: { encoding: "mulaw", sample_rate: 8000 },
    output: { encoding: "mulaw", sample_rate: 8000, container: "none" },
  },
  agent: {
    listen: { provider: { type: "deepgram", model: "nova-3" } },
    think: { provider: { type: "open_ai", model: "gpt-4o-mini" }, prompt: "You answer the phone." },
    speak: { provider: { type: "deepgram", model: "aura-2-thalia-en" } },
  },
});

function bridge(phone: WebSocket, agent: WebSocket): void {
  let streamSid: string | undefined;
  let isReady = false;
  let queue = new Uint8Array(0);
  let frames = 0;

  const toPhone = (message: Record<string, unknown>) => phone.send(JSON.stringify({ ...message, streamSid }));
  const pacer = setInterval(() => {
    if (!streamSid || queue.length < FRAME_BYTES || phone.readyState !== WebSocket.OPEN) return;
    toPhone({ event: "media", media: { payload: queue.subarray(0, FRAME_BYTES).toBase64() } });
    queue = queue.subarray(FRAME_BYTES);
    if (++frames % FRAMES_PER_MARK === 0) toPhone({ event: "mark", mark: { name: `m${frames}` } });
  }, FRAME_MS);
  const end = () => {
    clearInterval(pacer);
    for (const socket of [phone, agent]) if (socket.readyState <= WebSocket.OPEN) socket.close();
  };

  agent.binaryType = "arraybuffer";
  agent.onmessage = ({ data }) => {
    if (typeof data !== "string") {
      const joined = new Uint8Array(queue.length + data.byteLength);
      joined.set(queue);
      joined.set(new Uint8Array(data), queue.length);
      queue = joined;
      return;
    }
    switch (JSON.parse(data).type) {
      case "Welcome":
        return agent.send(SETTINGS);
      case "SettingsApplied":
        isReady = true;
        return;
      case "UserStartedSpeaking":
        queue = new Uint8Array(0);
        return toPhone({ event: "clear" });
    }
  };
  phone.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.event === "start") streamSid = message.start.streamSid;
    else if (message.event === "media" && isReady) agent.send(Uint8Array.fromBase64(message.media.payload));
    else if (message.event === "stop") end();
  };
  phone.onclose = agent.onclose = end;
}

const { PORT, DEEPGRAM_AGENT_URL, DEEPGRAM_API_KEY } = Deno.env.toObject();
Deno.serve({ port: Number(PORT), hostname: "127.0.0.1" }, (request) => {
  if (new URL(request.url).pathname !== "/media-stream") return Response.json({ status: "healthy" });
  const { socket, response } = Deno.upgradeWebSocket(request);
  const headers = { Authorization: `Token ${DEEPGRAM_API_KEY}` };
  bridge(socket, new WebSocket(DEEPGRAM_AGENT_URL!, { headers }));
  return response;
});
