/** A vendor socket over Deno's own connection: Nagle off on every version of Deno, frames by `ws`, nothing between. */

import type { DialRequest } from "../base/dial.ts";
import { failed, type Fault, messageOf, ok, type Result } from "../base/result.ts";
import { CLOSE_DEADLINE_MS, CLOSED_ABNORMALLY, Inlet, type Wire } from "../base/wire.ts";
import { type ByteStream, upgrade } from "./upgrade.ts";
import { type FrameReader, frameReader, frameWriter } from "./ws_frames.ts";

/** Longer messages end the socket. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
/** Room for what is read at once. */
const READ_BYTES = 8192;
const WRONG_FRAME = 1002;
const decoder = new TextDecoder();

/** Starts to open a socket and calls `settle` once. @returns a function that gives the attempt up. */
export type Opener = (request: DialRequest, settle: (result: Result<Wire>) => void) => () => void;

export const openQuick: Opener = ({ peer, url, headers }, settle) => {
  const attempt = new AbortController();
  open(peer, new URL(url), headers, attempt.signal).then(
    (result) => attempt.signal.aborted ? result.ok && result.value.terminate() : settle(result),
    (error: unknown) => {
      const detail = messageOf(error);
      if (!attempt.signal.aborted) settle(failed({ kind: "unreachable", peer, detail }));
    },
  );
  return () => attempt.abort();
};

async function open(
  peer: DialRequest["peer"],
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Result<Wire>> {
  const conn = await connect(url);
  const close = () => closeQuietly(conn);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    const answer = await upgrade(conn, url, headers);
    if (answer.open) return ok(quickWire(conn, answer.rest));
    close();
    return failed(refusal({ peer, ...answer }));
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** TLS comes after Nagle is off: a connection under TLS has no switch for it. */
async function connect({ protocol, hostname, port }: URL): Promise<Deno.Conn> {
  const isTls = protocol === "wss:";
  const plain = await Deno.connect({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (isTls ? 443 : 80),
  });
  plain.setNoDelay(true);
  return isTls ? await Deno.startTls(plain, { hostname }) : plain;
}

function closeQuietly(conn: Disposable): void {
  try {
    conn[Symbol.dispose]();
  } catch {
    // It was closed already.
  }
}

/** What waits for the connection, in order; `conn.write` may take a part only. Nothing more is written once it has failed. */
class Outflow {
  bytes = 0;
  readonly #stream: ByteStream;
  readonly #broken: () => void;
  /** What is being written first. */
  readonly #waiting: Uint8Array[] = [];
  #failed = false;

  constructor(stream: ByteStream, broken: () => void) {
    this.#stream = stream;
    this.#broken = broken;
  }

  push(bytes: Uint8Array): void {
    if (this.#failed) return;
    this.bytes += bytes.length;
    if (this.#waiting.push(bytes) === 1) this.#write(bytes);
  }

  /** No async function: each would leave three objects behind for each of the caller's frames. */
  #write(bytes: Uint8Array): void {
    this.#stream.write(bytes).then(this.#wrote, this.#fail);
  }

  readonly #wrote = (count: number): void => {
    const first = this.#waiting[0]!;
    this.bytes -= count;
    if (count < first.length) this.#waiting[0] = first.subarray(count);
    else this.#waiting.shift();
    const next = this.#waiting[0];
    if (next) this.#write(next);
  };

  readonly #fail = (): void => {
    this.#failed = true;
    this.#waiting.length = 0;
    this.bytes = 0;
    this.#broken();
  };
}

function quickWire(conn: Deno.Conn, rest: Uint8Array): Wire {
  const inlet = new Inlet();
  const reader = frameReader(MAX_PAYLOAD_BYTES);
  let closing = false;
  /** What the peer's close frame said. */
  let said: [code: number, reason: string] | undefined;
  let closeTimer: ReturnType<typeof setTimeout> | undefined;
  const end = (code: number, reason: string) => {
    clearTimeout(closeTimer);
    closeQuietly(conn);
    inlet.end(code, reason);
  };
  const endAsSaid = () => end(...said ?? [CLOSED_ABNORMALLY, ""]);
  // A peer that has gone may have said why: its close frame may be here, unread, when a write of ours finds it gone.
  const outflow = new Outflow(conn, () => {
    closeTimer ??= setTimeout(endAsSaid, CLOSE_DEADLINE_MS);
  });
  const writer = frameWriter({ cork() {}, uncork() {}, write: (bytes) => outflow.push(bytes) });
  const sayClose = (code: number | undefined, reason: string | undefined) => {
    if (closing) return;
    closing = true;
    writer.close(code, reason, true);
  };

  reader.on("message", (data, isBinary) => isBinary ? inlet.binary(data) : inlet.text(decoder.decode(data)));
  reader.on("ping", (data) => closing || writer.pong(data, true));
  reader.on("error", () => {
    if (said) return; // what comes behind a close frame counts for nothing
    sayClose(WRONG_FRAME, undefined);
    end(WRONG_FRAME, "a frame that is none");
  });
  reader.on("conclude", (code, reason) => {
    sayClose(code === 1005 ? undefined : code, undefined);
    said = [code, decoder.decode(reason)];
    // Our answer leaves before the connection goes: one turn of the loop writes it.
    clearTimeout(closeTimer);
    closeTimer = setTimeout(endAsSaid, 0);
  });
  read(conn, reader, rest).catch(reportError).finally(endAsSaid);

  return {
    get bufferedBytes() {
      return outflow.bytes;
    },
    send(data) {
      if (closing || inlet.ended) return;
      writer.send(data, { binary: typeof data !== "string", compress: false, fin: true, mask: true });
    },
    close(code, reason) {
      if (inlet.ended || closing) return;
      sayClose(code, reason);
      closeTimer ??= setTimeout(() => end(CLOSED_ABNORMALLY, "no answer to our close"), CLOSE_DEADLINE_MS);
    },
    terminate: () => end(CLOSED_ABNORMALLY, "terminated"),
    listen: (events) => inlet.listen(events),
  };
}

/** Everything the peer sends, until it ends. The reader keeps views of what it is given, so it gets a copy. @throws what a handler of ours throws. */
async function read(conn: ByteStream, reader: FrameReader, rest: Uint8Array): Promise<void> {
  if (rest.length > 0) reader.write(rest);
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    let size: number | null;
    try {
      size = await conn.read(buffer);
    } catch {
      return; // an end like any other
    }
    if (size === null) return;
    reader.write(buffer.slice(0, size));
  }
}

/** A refused request as a fault, with the vendor's explanation cut out of whatever JSON it sent. */
function refusal({ peer, status, body, retryAfter }: {
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
