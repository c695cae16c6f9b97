import assert from "node:assert/strict";
import { test } from "./case.ts";
import { fuzzChat, fuzzSocket, type SocketPeer, SOCKETS } from "./faults/fuzz_peers.ts";

const COUNT = 10_000;

for (const peer of Object.keys(SOCKETS) as SocketPeer[]) {
  test(`${peer}: ${COUNT} messages that are nearly right neither break, stop nor hang its client`, async () => {
    const report = await fuzzSocket(peer, COUNT, 11);
    assert.deepEqual(report.findings, []);
    assert.equal(report.messages, COUNT);
    assert.ok(report.probed > 50, "too few clients were asked whether frames still pass");
  });
}

test(`chat: ${COUNT} events that are nearly right neither break nor hang an answer`, async () => {
  const report = await fuzzChat(COUNT, 11);
  assert.deepEqual(report.findings, []);
  assert.ok(report.messages >= COUNT);
});
