/** Client sockets to vendors: an open deadline, the vendor's own words when it refuses, small frames sent at once. */

import type { Clock } from "../base/clock.ts";
import type { Dial, DialRequest } from "../base/dial.ts";
import { failed, type Fault, ok, type Result } from "../base/result.ts";
import { socketWire, type Wire } from "../base/wire.ts";
import { type Opener, openQuick } from "./quick_socket.ts";

/** `ws`: frames by the `ws` library over a connection of ours. `native`: the platform's `WebSocket`. `auto`: `ws` on Deno 2.6 and later, `native` below (not tried there) and on Deno Deploy. */
export type VendorSocket = "auto" | "native" | "ws";

/** How long name lookup, TCP, TLS and the upgrade may take together, ms. */
const OPEN_DEADLINE_MS = 3000;

/** Which of the two implementations `kind` means on this Deno. The native one leaves Nagle's algorithm on and hides refusals (deno.md section 1). */
export function socketKind(kind: VendorSocket, { onDeploy = false } = {}): "native" | "ws" {
  if (kind !== "auto") return kind;
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  return onDeploy || major < 2 || (major === 2 && minor < 6) ? "native" : "ws";
}

export function vendorDial({ clock, kind, openDeadlineMs = OPEN_DEADLINE_MS }: {
  clock: Clock;
  kind: "native" | "ws";
  openDeadlineMs?: number;
}): Dial {
  const open = kind === "ws" ? openQuick : openNative;
  return (request, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const settle = (result: Result<Wire>) => {
        deadline[Symbol.dispose]();
        signal.removeEventListener("abort", abort);
        resolve(result);
      };
      const giveUp = open(request, settle);
      const deadline = clock.after(openDeadlineMs, () => {
        giveUp();
        settle(failed({ kind: "deadline", peer: request.peer, what: "an open socket", limitMs: openDeadlineMs }));
      });
      const abort = () => {
        giveUp();
        deadline[Symbol.dispose]();
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
    });
}

const openNative: Opener = ({ peer, url, headers }, settle) => {
  // Deno takes headers here; the DOM's types do not know them.
  const Socket = WebSocket as unknown as new (url: string, options: { headers: HeadersInit }) => WebSocket;
  const socket = new Socket(url, { headers: { ...headers } });
  let settled = false;
  const once = (result: Result<Wire>) => {
    if (settled) return;
    settled = true;
    settle(result);
  };
  socket.onopen = () => settled ? socket.close() : once(ok(socketWire(socket)));
  socket.onerror = (event) => {
    event.preventDefault();
    once(failed(nativeFault(peer, event instanceof ErrorEvent ? event.message : "")));
  };
  socket.onclose = () => once(failed({ kind: "unreachable", peer, detail: "the socket closed while opening" }));
  return () => {
    settled = true;
    socket.close();
  };
};

/** Deno tells the status of a refused handshake in its message only, and neither body nor headers. */
function nativeFault(peer: DialRequest["peer"], message: string): Fault {
  const status = /status code: (\d{3})/.exec(message)?.[1];
  if (status) return { kind: "refused", peer, status: Number(status), detail: "" };
  return { kind: "unreachable", peer, detail: message.replace(/^NetworkError: /, "") || "no connection" };
}
