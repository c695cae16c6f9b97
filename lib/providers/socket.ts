/** Client sockets to vendors: an open deadline, the vendor's own words when it refuses, small frames sent at once. */

// @ts-types="@types/ws"
import { type ClientOptions, type RawData, WebSocket as NodeSocket } from "ws";
import type { Clock } from "../base/clock.ts";
import type { Dial, DialRequest } from "../base/dial.ts";
import { failed, type Fault, ok, type Result } from "../base/result.ts";
import { CLOSE_DEADLINE_MS, CLOSED_ABNORMALLY, Inlet, socketWire, type Wire } from "../base/wire.ts";

/** `auto` is `ws` on Deno 2.7 and later, `native` below and on Deno Deploy, where older `ws` leaks over TLS. */
export type VendorSocket = "auto" | "native" | "ws";

/** How long name lookup, TCP, TLS and the upgrade may take together, ms. */
export const OPEN_DEADLINE_MS = 3000;
/** What is read of a refusal's body. */
const REFUSAL_BYTES = 4096;

/** Which of the two implementations `kind` means here. The native one leaves Nagle's algorithm on and hides refusals (deno.md section 1). */
export function socketKind(kind: VendorSocket, denoVersion: string, onDeploy: boolean): "native" | "ws" {
  if (kind !== "auto") return kind;
  const [major = 0, minor = 0] = denoVersion.split(".").map(Number);
  return onDeploy || major < 2 || (major === 2 && minor < 7) ? "native" : "ws";
}

export function vendorDial({ clock, kind, openDeadlineMs = OPEN_DEADLINE_MS }: {
  clock: Clock;
  kind: "native" | "ws";
  openDeadlineMs?: number;
}): Dial {
  const open = kind === "ws" ? openNode : openNative;
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

type Opener = (request: DialRequest, settle: (result: Result<Wire>) => void) => () => void;

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

const openNode: Opener = ({ peer, url, headers }, settle) => {
  const options: ClientOptions = {
    headers: { ...headers },
    perMessageDeflate: false,
    maxPayload: 16 * 1024 * 1024,
    skipUTF8Validation: true,
  };
  const socket = new NodeSocket(url, options);
  let settled = false;
  const once = (result: Result<Wire>) => {
    if (settled) return;
    settled = true;
    settle(result);
  };
  socket.on("open", () => once(ok(nodeWire(socket))));
  socket.on("error", (error) => once(failed({ kind: "unreachable", peer, detail: error.message })));
  socket.on("close", () => once(failed({ kind: "unreachable", peer, detail: "the socket closed while opening" })));
  socket.on("unexpected-response", (_request, response) => {
    let detail = "";
    response.on("data", (chunk: Uint8Array) => {
      if (detail.length < REFUSAL_BYTES) detail += new TextDecoder().decode(chunk);
    });
    const refuse = () => {
      once(
        failed(
          refusal({
            peer,
            status: response.statusCode ?? 0,
            body: detail,
            retryAfter: response.headers["retry-after"],
          }),
        ),
      );
      socket.terminate();
    };
    response.on("end", refuse);
    response.on("error", refuse);
  });
  return () => {
    settled = true;
    socket.terminate();
  };
};

/** A refused request as a fault, with the vendor's explanation cut out of whatever JSON it sent. */
export function refusal({ peer, status, body, retryAfter }: {
  peer: DialRequest["peer"];
  status: number;
  body: string;
  retryAfter: string | null | undefined;
}): Fault {
  const retryAfterMs = retryAfter ? Number(retryAfter) * 1000 : NaN;
  return {
    kind: "refused",
    peer,
    status,
    detail: explanation(body),
    ...(Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
  };
}

function explanation(body: string): string {
  try {
    const { err_msg, message, error, title } = JSON.parse(body) as Record<string, unknown>;
    const nested = (error as { message?: unknown } | undefined)?.message;
    const found = [err_msg, message, nested, title].find((text) => typeof text === "string");
    return String(found ?? "").slice(0, 200);
  } catch {
    return body.trim().split("\n")[0]!.slice(0, 200);
  }
}

function nodeWire(socket: NodeSocket): Wire {
  const inlet = new Inlet();
  let closeTimer: ReturnType<typeof setTimeout> | undefined;
  const end = (code: number, reason: string) => {
    clearTimeout(closeTimer);
    inlet.end(code, reason);
  };
  socket.on("message", (data: RawData, isBinary: boolean) => {
    // `ws` gives a Buffer for the default binaryType "nodebuffer".
    const bytes = data as Uint8Array;
    isBinary ? inlet.binary(bytes) : inlet.text(decoder.decode(bytes));
  });
  socket.on("close", (code, reason) => end(code, reason.toString()));

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(data) {
      if (socket.readyState === NodeSocket.OPEN) socket.send(data);
    },
    close(code, reason) {
      if (inlet.ended) return;
      closeTimer ??= setTimeout(() => {
        socket.terminate();
        end(CLOSED_ABNORMALLY, "no answer to our close");
      }, CLOSE_DEADLINE_MS);
      socket.close(code, reason);
    },
    terminate() {
      socket.terminate();
      end(CLOSED_ABNORMALLY, "terminated");
    },
    listen: (events) => inlet.listen(events),
  };
}

const decoder = new TextDecoder();
