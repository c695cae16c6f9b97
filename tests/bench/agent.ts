/** A process that plays Deepgram's Voice Agent for every call of a bench. Started by `main.ts`. */

import { AgentCall, type Manner } from "./agent_script.ts";
import { Histogram } from "./histogram.ts";
import { machineMs, serveClock } from "./machine_clock.ts";
import { speakLine } from "./own_voice.ts";
import { type AgentResult, orders, tell, type Window } from "./talk.ts";

/** Given as the one argument, in JSON. */
export interface AgentPlan {
  /** 0: a free one. */
  port: number;
  manner: Manner;
  /** PEM; with it the agent is reached over TLS. */
  tls?: { cert: string; key: string };
}

const TICK_MS = 2;

const plan = JSON.parse(Deno.args[0]!) as AgentPlan;
const calls = new Set<AgentCall>();
const uplink = new Histogram();
let window: Window = { fromMs: Infinity, untilMs: Infinity };
let finishing = false;

const parts = {
  nowMs: machineMs,
  manner: plan.manner,
  uplink,
  measured: (ms: number) => ms >= window.fromMs && ms < window.untilMs,
  random: Math.random,
};

function converse(socket: WebSocket): void {
  const send = (data: string | Uint8Array<ArrayBuffer>) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  };
  let call: AgentCall | undefined;
  socket.onopen = () => send('{"type":"Welcome","request_id":"fc553ec9-5874-49ca-a47c-b670d525a4b3"}');
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return call?.hear(new Uint8Array(data));
    if (call || !data.includes('"Settings"')) return;
    send('{"type":"SettingsApplied"}');
    call = new AgentCall({ ...parts, sendText: (message) => send(JSON.stringify(message)), sendAudio: send });
    call.finishing = finishing;
    calls.add(call);
  };
  socket.onerror = (event) => event.preventDefault();
}

const server = Deno.serve(
  { hostname: "127.0.0.1", port: plan.port, onListen: () => {}, ...plan.tls },
  (request) => {
    if (request.method === "POST") return speakLine(request);
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return new Response("a WebSocket\n");
    const protocol = request.headers.get("sec-websocket-protocol")?.split(",")[0]?.trim();
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0, ...(protocol ? { protocol } : {}) });
    converse(socket);
    return response;
  },
);

function tick(): void {
  for (const call of calls) call.tick();
  setTimeout(tick, TICK_MS);
}

function result(): AgentResult {
  return {
    kind: "result",
    calls: [...calls].map((call) => call.uplink.result),
    replies: [...calls].flatMap(({ call, replies }) => replies.map((reply) => ({ call, ...reply }))),
    uplink,
  };
}

tick();
tell({ kind: "ready", port: server.addr.port, clockPort: serveClock().port });
for await (const order of orders()) {
  if (order.kind === "measure") window = order;
  if (order.kind === "finish") {
    finishing = true;
    for (const call of calls) call.finishing = true;
  }
  if (order.kind === "stop") {
    tell(result());
    break;
  }
}
Deno.exit(0);
