import assert from "node:assert/strict";
import { describeFault, FaultError } from "../../lib/base/result.ts";
import { SpokenReply } from "../../lib/providers/spoken_reply.ts";
import { test } from "../case.ts";
import { cutIntoFrames } from "../contract/tts.ts";

async function all(reply: SpokenReply): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const whole of reply.frames) frames.push(...cutIntoFrames(whole));
  return frames;
}

test("audio in any chunks becomes whole frames, the last one padded with silence", async () => {
  const reply = new SpokenReply("cartesia");
  for (const bytes of [1, 159, 100, 200, 40]) reply.audio(new Uint8Array(bytes).fill(7));
  reply.finish();
  const frames = await all(reply);
  assert.deepEqual(frames.map(({ length }) => length), [160, 160, 160, 160]);
  const last = [...frames[3]!];
  assert.deepEqual([last.filter((byte) => byte === 7).length, last.filter((byte) => byte === 0xFF).length], [20, 140]);
  await reply.over;
});

test("after a failure what came is still heard; after a cancel nothing is", async () => {
  const failing = new SpokenReply("cartesia");
  failing.audio(new Uint8Array(400));
  failing.fail(new Error("gone"));
  failing.finish();
  failing.audio(new Uint8Array(400));
  assert.equal((await all(failing)).length, 2);
  assert.match(String(failing.error), /gone/);

  const cancelled = new SpokenReply("cartesia");
  cancelled.audio(new Uint8Array(400));
  cancelled.cancel();
  cancelled.fail(new Error("too late"));
  assert.deepEqual([await all(cancelled), cancelled.error], [[], undefined]);
});

test("ten minutes of unheard audio are too much", () => {
  const reply = new SpokenReply("deepgram-speak");
  for (let minute = 0; minute <= 10; minute++) reply.audio(new Uint8Array(60 * 8000));
  assert.ok(reply.error instanceof FaultError);
  assert.match(describeFault(reply.error.fault), /takes our data too slowly: \d+ bytes wait/);
});
