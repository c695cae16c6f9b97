import assert from "node:assert/strict";
import { DueQueue, type Packet, type Profile, Uplink } from "../../lib/softphone/network.ts";
import { seeded, test } from "../case.ts";

/** 30 s of a caller who speaks every other second. */
function travel(profile: Profile, seed = 1): Packet[] {
  const uplink = new Uplink(profile, seeded(seed));
  return Array.from({ length: 1500 }, (_, n) => n).flatMap((n) =>
    uplink.push(n, { frame: new Uint8Array(160).fill(n % 256), silent: n % 100 >= 50 }, 1000 + 20 * n)
  );
}

test("steady: every frame when it is due, timestamps from 100 by 20", () => {
  travel("steady").forEach(({ dueMs, timestampMs, payload }, n) => {
    assert.deepEqual([dueMs, timestampMs, payload.length, payload[0]], [1000 + 20 * n, 100 + 20 * n, 160, n % 256]);
  });
});

test("every profile keeps the order, and nothing is early", () => {
  for (const profile of ["steady", "jitter", "bunch", "loss", "dtx", "odd"] as const) {
    const packets = travel(profile);
    packets.reduce((before, packet) => {
      assert.ok(packet.dueMs >= before.dueMs, profile);
      assert.ok(packet.timestampMs > before.timestampMs, profile);
      const frameMs = packet.timestampMs - packet.timestampMs % 20; // an odd payload may begin within a frame
      assert.ok(packet.dueMs >= 1000 + frameMs - 100, profile);
      return packet;
    });
  }
});

test("jitter is about half-normal with 5 ms", () => {
  const late = travel("jitter").map(({ dueMs }, n) => dueMs - 1000 - 20 * n);
  const mean = late.reduce((sum, ms) => sum + ms, 0) / late.length;
  assert.ok(mean > 3 && mean < 5, `${mean}`); // 5 * sqrt(2 / pi) = 3.99
});

test("bunch: stalls of 233 ms, then all at once, and nothing is lost", () => {
  const packets = travel("bunch");
  assert.equal(packets.length, 1500);
  assert.equal(packets.at(-1)!.timestampMs, 100 + 20 * 1499);
  const byTime = Map.groupBy(packets, ({ dueMs }) => dueMs);
  const bunches = [...byTime.values()].filter((bunch) => bunch.length >= 11);
  assert.ok(bunches.length >= 3);
});

test("loss: the timestamp jumps where frames are missing", () => {
  const packets = travel("loss");
  const lost = 1500 - packets.length;
  assert.ok(lost > 20 && lost < 150, `${lost}`);
  const jumps = packets.slice(1).map((packet, n) => packet.timestampMs - packets[n]!.timestampMs);
  assert.ok(jumps.every((ms) => ms % 20 === 0 && ms >= 20) && jumps.some((ms) => ms > 20));
});

test("dtx: nothing is sent while the caller is silent", () => {
  assert.equal(travel("dtx").length, 750);
});

test("odd: the same bytes in payloads of 80, 240 and 320", () => {
  const packets = travel("odd");
  assert.deepEqual([...new Set(packets.map(({ payload }) => payload.length))].sort((a, b) => a - b), [80, 240, 320]);
  const bytes = packets.flatMap(({ payload }) => [...payload]);
  assert.ok(bytes.every((byte, n) => byte === Math.floor(n / 160) % 256));
  packets.reduce((bytes, { timestampMs, payload }) => {
    assert.equal(timestampMs, 100 + bytes / 8);
    return bytes + payload.length;
  }, 0);
});

test("the same seed travels the same way", () => {
  assert.deepEqual(travel("jitter", 5), travel("jitter", 5));
  assert.notDeepEqual(travel("jitter", 5), travel("jitter", 6));
});

test("a due queue gives what is due, never out of order", () => {
  const queue = new DueQueue<string>();
  queue.put(10, "a");
  queue.put(5, "b");
  assert.equal(queue.nextMs, 10);
  assert.deepEqual([queue.take(9), queue.take(10), queue.nextMs], [[], ["a", "b"], Infinity]);
});
