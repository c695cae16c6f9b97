// The peer of `deno task bench --peer`: a Twilio media stream joined to Deepgram's Voice Agent in Node, as such servers
// are commonly written: fastify, ws, JSON both ways, and an interval of 20 ms for each call.

import fastifyFormBody from "@fastify/formbody";
import fastifyWebsocket from "@fastify/websocket";
import Fastify from "fastify";
import WebSocket from "ws";

const { PORT = "5000", BIND = "127.0.0.1", DEEPGRAM_API_KEY, DEEPGRAM_AGENT_URL } = process.env;
const FRAME_BYTES = 160;
const FRAME_MS = 20;
const FRAMES_PER_MARK = 10;

const settings = {
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
};

const fastify = Fastify({ logger: { level: "info" }, disableRequestLogging: true });
fastify.register(fastifyFormBody);
fastify.register(fastifyWebsocket);

fastify.get("/health", () => Promise.resolve({ status: "healthy" }));

fastify.all("/incoming-call", (request, reply) => {
  return reply.type("text/xml").send(
    `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://${request.headers.host}/media-stream"/></Connect></Response>`,
  );
});

fastify.register((fastify, _options, done) => {
  fastify.get("/media-stream", { websocket: true }, (phone) => {
    let streamSid;
    let ready = false;
    let early = [];
    let queue = Buffer.alloc(0);
    let sinceMark = 0;
    let marks = 0;

    const agent = new WebSocket(DEEPGRAM_AGENT_URL, { headers: { Authorization: `Token ${DEEPGRAM_API_KEY}` } });

    const pacer = setInterval(() => {
      if (!streamSid || queue.length < FRAME_BYTES || phone.readyState !== WebSocket.OPEN) return;
      const frame = queue.subarray(0, FRAME_BYTES);
      queue = queue.subarray(FRAME_BYTES);
      phone.send(JSON.stringify({ event: "media", streamSid, media: { payload: frame.toString("base64") } }));
      if (++sinceMark >= FRAMES_PER_MARK) {
        sinceMark = 0;
        phone.send(JSON.stringify({ event: "mark", streamSid, mark: { name: `m${++marks}` } }));
      }
    }, FRAME_MS);

    const end = () => {
      clearInterval(pacer);
      if (agent.readyState === WebSocket.OPEN || agent.readyState === WebSocket.CONNECTING) agent.close();
    };

    agent.on("message", (data, isBinary) => {
      if (isBinary) {
        queue = Buffer.concat([queue, data]);
        return;
      }
      const message = JSON.parse(data.toString());
      switch (message.type) {
        case "Welcome":
          agent.send(JSON.stringify(settings));
          break;
        case "SettingsApplied":
          ready = true;
          for (const audio of early) agent.send(audio);
          early = [];
          break;
        case "UserStartedSpeaking":
          queue = Buffer.alloc(0);
          if (streamSid) phone.send(JSON.stringify({ event: "clear", streamSid }));
          break;
        case "ConversationText":
          fastify.log.info({ role: message.role }, "said");
          break;
        case "Error":
          fastify.log.error(message);
          break;
      }
    });
    agent.on("error", (error) => fastify.log.error(error));
    agent.on("close", () => {
      clearInterval(pacer);
      phone.close();
    });

    phone.on("message", (text) => {
      const message = JSON.parse(text);
      switch (message.event) {
        case "start":
          streamSid = message.start.streamSid;
          break;
        case "media": {
          const audio = Buffer.from(message.media.payload, "base64");
          if (ready && agent.readyState === WebSocket.OPEN) agent.send(audio);
          else early.push(audio);
          break;
        }
        case "stop":
          end();
          break;
      }
    });
    phone.on("close", end);
    phone.on("error", end);
  });
  done();
});

await fastify.listen({ port: Number(PORT), host: BIND });
process.on("SIGTERM", () => process.exit(0));
