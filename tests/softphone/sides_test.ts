import assert from "node:assert/strict";
import { SILENCE } from "../../lib/audio/frame.ts";
import { loudnessDbfs } from "../../lib/audio/mulaw.ts";
import { readWav } from "../../lib/audio/wav.ts";
import { AUDIBLE_DBFS, Mouth } from "../../lib/softphone/mouth.ts";
import { Recorder } from "../../lib/softphone/recorder.ts";
import { seeded, test } from "../case.ts";

test("a caller who is silent sends pure silence, or the noise of his room, which nobody takes for speech", () => {
  for (const roomTone of ["silence", "noise"] as const) {
    const mouth = new Mouth({ roomTone, random: seeded(1) });
    const { frame, silent } = mouth.next();
    assert.equal(silent, true);
    assert.equal(frame.every((byte) => byte === SILENCE), roomTone === "silence");
    assert.ok(loudnessDbfs(frame) < AUDIBLE_DBFS);
  }
});

test("both sides of a recording stand at their time, also where one goes from one minute to the next", () => {
  const recorder = new Recorder();
  recorder.caller(59_980, new Uint8Array(480).fill(0x80));
  recorder.agent(20, new Uint8Array(160).fill(0x80));
  const wav = readWav(recorder.wav());
  assert.ok(wav.ok);
  const loud = wav.value.channels.map((samples) => {
    const at = [...samples.keys()].filter((n) => Math.abs(samples[n]!) > 0.5);
    return [at[0], at.length, samples.length];
  });
  assert.deepEqual(loud, [[59_980 * 8, 480, 60_040 * 8], [160, 160, 60_040 * 8]]);
});
