/** The opening handshake of a WebSocket client over any connection. Source: RFC 6455, section 4. */

/** The fixed key suffix of RFC 6455, section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** A longer answer head is no WebSocket server's. */
const HEAD_LIMIT_BYTES = 16_384;
/** What is read of a refusal's body. */
const REFUSAL_BYTES = 4096;

/** What a handshake needs of a connection. */
export interface ByteStream {
  /** @returns the number of bytes read, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** The server's answer: an open socket with the bytes that came behind the head, or its refusal. */
export type Upgrade =
  | { open: true; rest: Uint8Array }
  | { open: false; status: number; body: string; retryAfter: string | null };

/**
 * Ask for a WebSocket. Waits as long as the peer makes it wait: the caller has the deadline.
 * @throws {Error} if the answer is not HTTP, or is one that accepts something else.
 */
export async function upgrade(
  stream: ByteStream,
  url: URL,
  headers: Readonly<Record<string, string>>,
): Promise<Upgrade> {
  const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  await writeAll(stream, new TextEncoder().encode(requestHead(url, headers, key)));
  const { head, rest } = await readHead(stream);
  const [status, fields] = parseHead(head);
  if (status !== 101) {
    const body = await readBody(stream, rest, Number(fields.get("content-length") ?? NaN));
    return { open: false, status, body, retryAfter: fields.get("retry-after") };
  }
  if (
    fields.get("upgrade")?.toLowerCase() !== "websocket" || fields.get("sec-websocket-accept") !== await accept(key)
  ) {
    throw new Error("the peer answered the handshake wrongly");
  }
  return { open: true, rest };
}

/** Write all of `bytes`, in as many pieces as the connection takes. */
async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await stream.write(rest));
}

function requestHead(url: URL, headers: Readonly<Record<string, string>>, key: string): string {
  const fields = new Headers({ ...headers }); // refuses line breaks in values
  const own = {
    host: url.host,
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": key,
    "sec-websocket-version": "13",
  };
  for (const [name, value] of Object.entries(own)) fields.set(name, value);
  const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

async function readHead(stream: ByteStream): Promise<{ head: string; rest: Uint8Array }> {
  const buffer = new Uint8Array(HEAD_LIMIT_BYTES);
  for (let size = 0; size < buffer.length;) {
    const read = await stream.read(buffer.subarray(size));
    if (read === null) throw new Error("the socket closed while opening");
    const end = headEnd(buffer, Math.max(0, size - 3), size += read);
    if (end >= 0) return { head: new TextDecoder().decode(buffer.subarray(0, end)), rest: buffer.slice(end, size) };
  }
  throw new Error("the peer's answer to the handshake is too long");
}

/** Where the empty line ends, or -1. */
function headEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at + 4 <= to; at++) {
    if (bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return -1;
}

function parseHead(head: string): [status: number, fields: Headers] {
  const [first = "", ...lines] = head.trimEnd().split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (!status) throw new Error("the peer does not speak HTTP");
  const fields = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return [Number(status), fields];
}

/** The beginning of a refusal's body: to its stated length, the connection's end, or `REFUSAL_BYTES`. */
async function readBody(stream: ByteStream, begun: Uint8Array, length: number): Promise<string> {
  const buffer = new Uint8Array(REFUSAL_BYTES);
  buffer.set(begun.subarray(0, buffer.length));
  let size = Math.min(begun.length, buffer.length);
  const whole = Math.min(Number.isFinite(length) ? length : Infinity, buffer.length);
  while (size < whole) {
    const read = await stream.read(buffer.subarray(size)).catch(() => null);
    if (read === null) break;
    size += read;
    if (!Number.isFinite(length) && endsChunked(buffer, size)) break;
  }
  return unchunked(new TextDecoder().decode(buffer.subarray(0, size)));
}

/** A body in chunks ends with one of length 0. RFC 9112, section 7.1. */
function endsChunked(bytes: Uint8Array, size: number): boolean {
  return new TextDecoder().decode(bytes.subarray(Math.max(0, size - 5), size)) === "0\r\n\r\n";
}

/** The text of the first chunk, where the body came in chunks: explanations are short. */
function unchunked(body: string): string {
  const first = /^([0-9a-f]{1,8})\r\n/i.exec(body);
  return first ? body.slice(first[0].length, first[0].length + parseInt(first[1]!, 16)) : body;
}

async function accept(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return new Uint8Array(digest).toBase64();
}
