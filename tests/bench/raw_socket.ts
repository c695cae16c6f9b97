/** A WebSocket client with next to no cost: the phones must not become what is measured. RFC 6455, no extensions. */

const LIMIT_QUEUED = 1000;
const OPEN_DEADLINE_MS = 5000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface RawSocketEvents {
  text(text: string): void;
  /** Once, last of all; not after our own `close`. */
  lost(why: string): void;
}

export class RawSocket {
  readonly #conn: Deno.TcpConn;
  readonly #events: RawSocketEvents;
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];
  #writing = false;
  #closed = false;

  private constructor(conn: Deno.TcpConn, events: RawSocketEvents) {
    this.#conn = conn;
    this.#events = events;
  }

  /** @throws with the server's status line if it refuses. */
  static async open(url: URL, events: RawSocketEvents): Promise<RawSocket> {
    const conn = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
    const giveUp = setTimeout(() => conn.close(), OPEN_DEADLINE_MS);
    conn.setNoDelay(true);
    const request = [
      `GET ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${crypto.getRandomValues(new Uint8Array(16)).toBase64()}`,
      "Sec-WebSocket-Version: 13",
      "User-Agent: TwilioMediaStreams/1.0",
    ];
    await conn.write(encoder.encode(request.join("\r\n") + "\r\n\r\n"));
    const buffer = new Uint8Array(65_536);
    let length = 0;
    let head = "";
    while (!head.includes("\r\n\r\n")) {
      const read = await conn.read(buffer.subarray(length));
      if (read === null) throw new Error("the server closed the connection instead of answering");
      length += read;
      head = decoder.decode(buffer.subarray(0, length));
    }
    clearTimeout(giveUp);
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(head.slice(0, head.indexOf("\r\n")));
    const socket = new RawSocket(conn, events);
    const rest = buffer.slice(head.indexOf("\r\n\r\n") + 4, length); // heads are ASCII: characters are bytes
    socket.#read(buffer, rest).catch((error) => socket.#lose(String(error)));
    return socket;
  }

  send(text: string): void {
    this.#put(frameOf(1, text));
  }

  close(): void {
    if (this.#closed) return;
    this.#put(frameOf(8, ""));
    this.#closed = true;
    setTimeout(() => this.#hangUp(), 200);
  }

  #put(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    if (this.#queue.push(frame) > LIMIT_QUEUED) return this.#lose("the server stopped reading");
    if (!this.#writing) this.#write().catch((error) => this.#lose(String(error)));
  }

  async #write(): Promise<void> {
    this.#writing = true;
    for (let frame = this.#queue.shift(); frame; frame = this.#queue.shift()) {
      for (let at = 0; at < frame.length;) at += await this.#conn.write(frame.subarray(at));
    }
    this.#writing = false;
  }

  async #read(buffer: Uint8Array<ArrayBuffer>, rest: Uint8Array): Promise<void> {
    buffer.set(rest);
    let length = rest.length;
    for (;;) {
      let at = 0;
      for (let end = this.#frame(buffer, at, length); end > 0; end = this.#frame(buffer, at, length)) at = end;
      if (at > 0) buffer.copyWithin(0, at, length);
      length -= at;
      if (length === buffer.length) return this.#lose("a message of more than 64 KiB");
      const read = await this.#conn.read(buffer.subarray(length));
      if (read === null) return this.#lose("the connection ended");
      length += read;
    }
  }

  /** Handle the frame at `at`. @returns where it ends; 0 if it is not whole yet. */
  #frame(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < 2) return 0;
    let size = bytes[at + 1]! & 0x7F;
    let from = at + 2;
    if (size === 126) {
      if (end - at < 4) return 0;
      size = bytes[at + 2]! << 8 | bytes[at + 3]!;
      from = at + 4;
    }
    if (from + size > end) return 0;
    const kind = bytes[at]! & 0x0F;
    if (kind === 1) this.#events.text(decoder.decode(bytes.subarray(from, from + size)));
    else if (kind === 9) this.#put(frameOf(10, decoder.decode(bytes.subarray(from, from + size))));
    else if (kind === 8) this.#lose("the server closed the socket");
    return from + size;
  }

  #lose(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#hangUp();
    this.#events.lost(why);
  }

  #hangUp(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed by the other side already.
    }
  }
}

/** One masked frame. The mask is 0: a real peer's is random, but it costs the server the same and us nothing. */
function frameOf(kind: number, text: string): Uint8Array<ArrayBuffer> {
  const long = text.length > 125;
  const head = long ? 8 : 6;
  const frame = new Uint8Array(head + text.length); // all we send is ASCII
  frame[0] = 0x80 | kind;
  frame[1] = 0x80 | (long ? 126 : text.length);
  if (long) {
    frame[2] = text.length >> 8;
    frame[3] = text.length;
  }
  encoder.encodeInto(text, frame.subarray(head));
  return frame;
}
