/** The stand-ins behind a real socket on loopback: one listener, a path for each of them. */

import type { AnswerHandshake } from "../base/dial.ts";
import { socketWire } from "../base/wire.ts";

/** What one stand-in answers: sockets, plain requests, or both. */
export interface StandIn {
  /** The path it serves, and everything below it. */
  path: string;
  answer?: AnswerHandshake;
  fetch?: (request: Request) => Response | Promise<Response>;
}

/** Serve `standIns` on loopback. `port` 0 picks a free one; `origin` is `127.0.0.1:PORT`. Disposing stops listening. */
export function serveStandIns(standIns: StandIn[], port = 0): AsyncDisposable & { origin: string } {
  const sockets = new Set<WebSocket>();
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    const standIn = standIns.find(({ path }) => url.pathname === path || url.pathname.startsWith(`${path}/`));
    if (!standIn) return new Response("no such stand-in\n", { status: 404 });
    const upgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
    if (!upgrade || !standIn.answer) {
      return standIn.fetch?.(request) ?? new Response("expected a WebSocket upgrade\n", { status: 426 });
    }
    const answered = standIn.answer({ url, headers: new Headers(request.headers) });
    if ("refuse" in answered) return answered.refuse;
    const { socket, response } = Deno.upgradeWebSocket(request, {
      idleTimeout: 0,
      ...(answered.protocol ? { protocol: answered.protocol } : {}),
    });
    sockets.add(socket);
    socket.onopen = () => answered.accept(socketWire(socket));
    socket.addEventListener("close", () => sockets.delete(socket));
    return response;
  });
  return {
    origin: `127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await server.shutdown();
    },
  };
}
