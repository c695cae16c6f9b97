import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { CLOSE_DEADLINE_MS, Inlet, socketWire } from "../../lib/base/wire.ts";
import { test } from "../case.ts";

test("what came before there was a listener comes in order, and nothing after the close", () => {
  for (const givesUp of [true, false]) {
    const inlet = new Inlet();
    for (const text of ["one", "two", "three"]) inlet.text(text);
    const told: string[] = [];
    inlet.listen({
      text(text) {
        told.push(text);
        if (givesUp && text === "two") inlet.end(1006, "given up");
      },
      binary() {},
      close: (code) => told.push(String(code)),
      crashed: assert.fail,
    });
    inlet.end(1000, "");
    assert.deepEqual(told, givesUp ? ["one", "two", "1006"] : ["one", "two", "three", "1000"]);
  }
});

test("a handler that throws is told to its own wire, and what comes next is delivered", () => {
  const inlet = new Inlet();
  const told: unknown[] = [];
  inlet.listen({
    text() {
      throw "broken";
    },
    binary: (bytes) => told.push(bytes.length),
    close: (code) => told.push(code),
    crashed: (error) => told.push(error),
  });
  inlet.text("one");
  inlet.binary(new Uint8Array(2));
  inlet.end(0, "");
  assert.deepEqual(told, ["broken", 2, 1006]);
});

test("a peer that does not answer our close: nothing more is sent, and the end comes at the deadline", async () => {
  const asked: unknown[][] = [];
  const socket = {
    readyState: WebSocket.OPEN,
    send: (data: string) => asked.push(["send", data]),
    close(...how: unknown[]) {
      asked.push(["close", ...how]);
      if (how[0] === 1001) throw new DOMException("a client may not say that", "InvalidAccessError");
    },
  };
  const { setTimeout } = globalThis;
  let deadline: [action: () => void, ms: number | undefined] | undefined;
  globalThis.setTimeout = ((action: () => void, ms?: number) => {
    deadline = [action, ms];
    return setTimeout(() => {}, ms);
  }) as unknown as typeof setTimeout;
  try {
    const wire = socketWire(socket as unknown as WebSocket);
    const ends: unknown[][] = [];
    wire.listen({ text() {}, binary() {}, close: (...end) => ends.push(end), crashed: assert.fail });
    wire.send("one");
    wire.close(1001, "enough");
    wire.close(1000, "twice");
    wire.send("two");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(asked, [["send", "one"], ["close", 1001, "enough"], ["close"]]);
    assert.deepEqual([ends, deadline![1]], [[], CLOSE_DEADLINE_MS]);
    deadline![0]();
    assert.deepEqual(ends, [[1006, "no answer to our close"]]);
    wire.terminate();
    assert.equal(ends.length, 1);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

test("a peer that talks until we close its socket sees the close, each time", async () => {
  const peers = 200;
  let closed = 0;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    const wire = socketWire(socket);
    wire.listen({ text() {}, binary() {}, close: () => closed++, crashed: assert.fail });
    socket.onopen = () => setTimeout(() => wire.close(1000, "enough"), 50 + Math.random() * 20);
    return response;
  });
  const thread = new Worker(new URL("./talking_peers.ts", import.meta.url), { type: "module" });
  const codes = await new Promise<number[]>((resolve, reject) => {
    thread.onmessage = ({ data }) => resolve(data);
    thread.onerror = reject;
    thread.postMessage({ url: `ws://127.0.0.1:${server.addr.port}/`, peers });
  });
  thread.terminate();
  assert.deepEqual(codes.filter((code) => code !== 1000), []);
  assert.deepEqual([codes.length, closed], [peers, peers]);
});
