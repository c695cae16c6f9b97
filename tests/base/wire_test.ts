import assert from "node:assert/strict";
import { Inlet, socketWire } from "../../lib/base/wire.ts";
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
