import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { systemClock } from "../../lib/base/clock.ts";
import type { Wire } from "../../lib/base/wire.ts";
import { vendorDial } from "../../lib/providers/socket.ts";
import { type ByteStream, upgrade } from "../../lib/providers/upgrade.ts";
import { test } from "../case.ts";

type Handler = (request: Request) => Response | Promise<Response>;

/** A server on loopback for as long as a test runs. */
function serving(handler: Handler) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
  const url = `ws://127.0.0.1:${server.addr.port}/v1/agent?model=a`;
  return { url, [Symbol.asyncDispose]: () => server.shutdown() };
}

const dial = vendorDial({ clock: systemClock, kind: "ws", openDeadlineMs: 1000 });
const ask = (url: string, headers = {}) => dial({ peer: "deepgram-agent", url, headers }, new AbortController().signal);

/** What a wire tells, as one list, and its end. */
function listening(wire: Wire) {
  const told: unknown[] = [];
  const ended = Promise.withResolvers<[code: number, reason: string]>();
  const waits: [count: number, done: () => void][] = [];
  const note = (what: unknown) => {
    told.push(what);
    for (const [count, done] of waits) if (told.length >= count) done();
  };
  wire.listen({
    text: note,
    binary: (bytes) => note([...bytes]),
    close: (code, reason) => ended.resolve([code, reason]),
    crashed: (error) => note(error),
  });
  const messages = (count: number) =>
    new Promise<unknown[]>((done) => {
      if (told.length >= count) return done(told);
      waits.push([count, () => done(told)]);
    });
  return { told, ended: ended.promise, messages };
}

test("text and bytes go both ways, the path, the query and the headers arrive", async () => {
  const seen: string[] = [];
  const closed = Promise.withResolvers<number>();
  await using server = serving((request) => {
    seen.push(new URL(request.url).pathname + new URL(request.url).search, request.headers.get("authorization") ?? "");
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => {
      socket.send(data);
      if (data === "bye") socket.close(4001, "said bye");
    };
    socket.onclose = ({ code }) => closed.resolve(code);
    return response;
  });
  const dialled = await ask(server.url, { Authorization: "Token k" });
  assert.ok(dialled.ok);
  const { ended, messages } = listening(dialled.value);
  const long = new Uint8Array(70_000).map((_, at) => at % 251);
  dialled.value.send("grüß dich");
  dialled.value.send(new Uint8Array([1, 2, 255]));
  dialled.value.send(long);
  assert.deepEqual(await messages(3), ["grüß dich", [1, 2, 255], [...long]]);
  dialled.value.send("bye");
  assert.deepEqual(await ended, [4001, "said bye"]);
  assert.equal(await closed.promise, 4001, "its close was answered");
  assert.deepEqual(seen, ["/v1/agent?model=a", "Token k"]);
});

test("what is sent stays as it was: the mask is put on a copy", async () => {
  await using server = serving((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  const dialled = await ask(server.url);
  assert.ok(dialled.ok);
  const { ended, messages } = listening(dialled.value);
  const frame = new Uint8Array(160).fill(7);
  dialled.value.send(frame);
  await messages(1);
  assert.ok(frame.every((byte) => byte === 7));
  dialled.value.close(1000);
  assert.equal((await ended)[0], 1000);
});

test("a refusal tells its status, the vendor's words and when to come again", async () => {
  await using server = serving(() =>
    new Response(JSON.stringify({ err_msg: "too many sessions" }), { status: 429, headers: { "retry-after": "2" } })
  );
  assert.deepEqual(await ask(server.url), {
    ok: false,
    fault: {
      kind: "refused",
      peer: "deepgram-agent",
      status: 429,
      detail: "too many sessions",
      retryAfterMs: 2000,
    },
  });
});

test("a server that goes away without a word ends the wire with 1006", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const gone = (async () => {
    const { conn, head } = await shakenHand(listener);
    // The first message comes in one piece with the head, as it may.
    await conn.write(new Uint8Array([...head, 0x81, 2, 0x68, 0x69]));
    conn.close();
  })();
  const dialled = await ask(`ws://127.0.0.1:${listener.addr.port}/`);
  assert.ok(dialled.ok);
  const { told, ended } = listening(dialled.value);
  assert.deepEqual(await ended, [1006, ""]);
  assert.deepEqual(told, ["hi"]);
  await gone;
  listener.close();
});

test("what a server says as it goes is told, even if it goes at once and we are sending", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const CLOSE_1011_WHY = [0x88, 5, 0x03, 0xf3, ...new TextEncoder().encode("why")];
  for (let round = 0; round < 30; round++) {
    const gone = (async () => {
      const { conn, head } = await shakenHand(listener);
      await conn.write(head);
      await conn.read(new Uint8Array(10));
      await conn.write(new Uint8Array(CLOSE_1011_WHY));
      conn.close(); // with audio of ours unread: the kernel answers what comes after with a reset
    })();
    const dialled = await ask(`ws://127.0.0.1:${listener.addr.port}/`);
    assert.ok(dialled.ok);
    const wire = dialled.value;
    const { ended } = listening(wire);
    let over = false;
    ended.then(() => over = true);
    while (!over) {
      wire.send(new Uint8Array(160));
      await new Promise((done) => setTimeout(done, 0));
    }
    assert.deepEqual(await ended, [1011, "why"]);
    await gone;
  }
  listener.close();
});

/** The server's side of a handshake by hand: the head of the answer is still to be sent. */
async function shakenHand(listener: Deno.Listener): Promise<{ conn: Deno.Conn; head: Uint8Array }> {
  const conn = await listener.accept();
  const room = new Uint8Array(2000);
  const size = await conn.read(room) ?? 0;
  const key = /sec-websocket-key: (\S+)/i.exec(new TextDecoder().decode(room.subarray(0, size)))![1]!;
  const digest = await crypto.subtle.digest(
    "SHA-1",
    new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`),
  );
  const proof = new Uint8Array(digest).toBase64();
  const head =
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n\r\n`;
  return { conn, head: new TextEncoder().encode(head) };
}

test("nobody there, and an answer that is none, are told as unreachable", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  const nonsense = (async () => {
    const conn = await listener.accept();
    await conn.write(new TextEncoder().encode("220 mail.example.com ESMTP\r\n\r\n"));
    conn.close();
  })();
  const answered = await ask(`ws://127.0.0.1:${port}/`);
  assert.ok(!answered.ok && answered.fault.kind === "unreachable");
  assert.match(answered.fault.detail, /does not speak HTTP/);
  await nonsense;
  listener.close();
  const missing = await ask(`ws://127.0.0.1:${port}/`);
  assert.ok(!missing.ok && missing.fault.kind === "unreachable");
});

test("a peer that takes the connection and says nothing is given up in time", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const accepted = listener.accept();
  const impatient = vendorDial({ clock: systemClock, kind: "ws", openDeadlineMs: 30 });
  const url = `ws://127.0.0.1:${listener.addr.port}/`;
  const dialled = await impatient({ peer: "deepgram-agent", url, headers: {} }, new AbortController().signal);
  assert.ok(!dialled.ok && dialled.fault.kind === "deadline");
  const conn = await accepted;
  const room = new Uint8Array(2000);
  while (await conn.read(room) !== null); // our side has closed
  conn.close();
  listener.close();
});

test("a wire that was given up tells so at once, and sends nothing more", async () => {
  await using server = serving((request) => Deno.upgradeWebSocket(request).response);
  const dialled = await ask(server.url);
  assert.ok(dialled.ok);
  const { ended } = listening(dialled.value);
  dialled.value.terminate();
  dialled.value.send("nothing");
  assert.deepEqual(await ended, [1006, "terminated"]);
  assert.equal(dialled.value.bufferedBytes, 0);
});

/** A connection that answers with `answer`, a few bytes at a time. */
function scripted(answer: (request: string) => string, step: number): ByteStream {
  let request = "";
  let rest: Uint8Array | undefined;
  return {
    write(bytes) {
      const part = bytes.subarray(0, step);
      request += new TextDecoder().decode(part);
      return Promise.resolve(part.length);
    },
    read(room) {
      rest ??= new TextEncoder().encode(answer(request));
      if (rest.length === 0) return Promise.resolve(null);
      const part = rest.subarray(0, Math.min(step, room.length));
      room.set(part);
      rest = rest.subarray(part.length);
      return Promise.resolve(part.length);
    },
  };
}

for (const step of [1, 7, 4000]) {
  test(`a refusal in chunks and one without a length are read, ${step} bytes at a time`, async () => {
    const url = new URL("ws://vendor.example/v1");
    const chunked = scripted(
      () => "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nno go\r\n0\r\n\r\n",
      step,
    );
    assert.deepEqual(await upgrade(chunked, url, {}), { open: false, status: 403, body: "no go", retryAfter: null });
    const endless = scripted(() => "HTTP/1.0 502 Bad Gateway\r\n\r\nsorry", step);
    assert.deepEqual(await upgrade(endless, url, {}), { open: false, status: 502, body: "sorry", retryAfter: null });
  });
}

test("an accepted handshake with the wrong proof is refused, and a header cannot smuggle a line", async () => {
  const url = new URL("ws://vendor.example/v1");
  const wrong = scripted(
    () => "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    100,
  );
  await assert.rejects(upgrade(wrong, url, {}), /answered the handshake wrongly/);
  await assert.rejects(upgrade(scripted(() => "", 100), url, { Authorization: "Token a\r\nX-Evil: 1" }));
});

test("what a peer says behind its close frame does not change why the socket closed", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const server = (async () => {
    using conn = await listener.accept();
    conn.setNoDelay(true);
    const room = new Uint8Array(4096);
    const head = new TextDecoder().decode(room.subarray(0, (await conn.read(room))!));
    const key = /sec-websocket-key: (.*)\r\n/i.exec(head)![1]!;
    const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    await conn.write(new TextEncoder().encode(
      `HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    ));
    await conn.read(room); // the client is there: what follows comes as one piece
    // A close frame that fills our read of 8192 bytes to its end, after a long binary message; then more.
    const close = new Uint8Array([0x88, 2, 0x03, 0xF3]); // 1011
    const pad = 8192 - 4 - close.length;
    const frame = new Uint8Array(8192 + 200);
    frame.set([0x82, 126, pad >> 8, pad & 255]);
    frame.set(close, 4 + pad);
    frame.fill(0x81, 8192);
    await conn.write(frame);
    while (await conn.read(room).catch(() => null) !== null);
  })();
  const dial = vendorDial({ clock: systemClock, kind: "ws" });
  const { port } = listener.addr as Deno.NetAddr;
  const dialled = await dial(
    { peer: "deepgram-agent", url: `ws://127.0.0.1:${port}/`, headers: {} },
    new AbortController().signal,
  );
  assert.ok(dialled.ok);
  const closed = Promise.withResolvers<number>();
  dialled.value.listen({ text() {}, binary() {}, close: (code) => closed.resolve(code), crashed: assert.fail });
  dialled.value.send("ready");
  assert.equal(await closed.promise, 1011);
  await server;
});
