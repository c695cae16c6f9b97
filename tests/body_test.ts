import assert from "node:assert/strict";
import { readBody } from "../lib/body.ts";
import { test } from "./case.ts";
import { simHouse } from "./sim/house.ts";
import { VirtualClock } from "./sim/clock.ts";

/** A POST whose body comes piece by piece, its length unsaid; tells how many pieces were asked for, and whether it was left. */
function chunked(piece: () => Uint8Array | undefined | Promise<never>, url = "http://localhost/incoming-call") {
  const seen = { pieces: 0, left: false };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      seen.pieces++;
      const bytes = await piece();
      if (bytes) controller.enqueue(bytes);
      else controller.close();
    },
    cancel: () => void (seen.left = true),
  });
  return { seen, request: new Request(url, { method: "POST", body }) };
}

test("a chunked form without end is left at the limit, with 413", async () => {
  await using sim = await simHouse();
  const { seen, request } = chunked(() => new Uint8Array(16_384));
  const response = await sim.fetch(request);
  assert.equal(response.status, 413);
  assert.deepEqual(sim.refusals, ["too-large"]);
  assert.ok(seen.left);
  assert.ok(seen.pieces <= 6, `${seen.pieces} pieces of 16 KB were taken`);
});

test("a form of thousands of fields is left unread, with 413: to look for its signature would hold every call up", async () => {
  await using sim = await simHouse();
  const post = (fields: number) => {
    const names = Array.from({ length: fields }, (_, n) => `f${n}=`);
    const body = new URLSearchParams(["CallSid=CA1", ...names].join("&"));
    return sim.fetch(new Request("http://localhost/incoming-call", { method: "POST", body }));
  };
  assert.deepEqual([(await post(400)).status, (await post(5000)).status], [200, 413]);
  assert.deepEqual(sim.refusals, ["too-large"]);
});

test("a body is what its pieces say, in UTF-8 that may be cut anywhere", async () => {
  const bytes = [...new TextEncoder().encode("From=ä€😀")];
  const { request } = chunked(() => bytes.length > 0 ? Uint8Array.of(bytes.shift()!) : undefined);
  assert.deepEqual(await readBody(request, { limitBytes: 14 }), { ok: true, value: "From=ä€😀" });
});

test("a body that does not end in time is left", async () => {
  const clock = new VirtualClock();
  const { seen, request } = chunked(() => new Promise<never>(() => {}));
  const read = readBody(request, { limitBytes: 100, clock });
  await clock.run(9_990);
  assert.ok(!seen.left);
  await clock.run(20);
  assert.deepEqual(await read, { ok: false, fault: "late" });
  assert.ok(seen.left);
});

test("a client that breaks off in mid-body gets 400, and is no fault of ours", async () => {
  await using sim = await simHouse();
  const { request } = chunked(() => Promise.reject(new Error("error reading a body from connection")));
  assert.equal((await sim.fetch(request)).status, 400);
});
