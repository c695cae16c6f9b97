/** What every recogniser must do, whoever makes it: one suite, run against each implementation through its stand-in. */

import assert from "node:assert/strict";
import { FRAME_BYTES, FRAME_MS, SILENT_FRAME } from "../../lib/audio/frame.ts";
import { loudnessDbfs } from "../../lib/audio/mulaw.ts";
import { tagUtterance } from "../../lib/audio/tag.ts";
import { SpeechGate } from "../../lib/audio/vad.ts";
import { describeFault, type Fault } from "../../lib/base/result.ts";
import type { Stt, SttEvent } from "../../lib/providers/ports.ts";
import type { SpeechSense } from "../../lib/rehearsal/ear.ts";
import { test } from "../case.ts";
import type { VirtualClock } from "../sim/clock.ts";
import { toneVoice } from "../sim/tone_voice.ts";

/** One recogniser and what surrounds it, made anew for each test. */
export interface SttRig {
  clock: VirtualClock;
  stt: Stt;
  /** All it told, in order. */
  events: SttEvent[];
  /** The audio that the far end received, joined. */
  received(): Uint8Array;
  openWires(): number;
}

/** How the far end fails: it refuses the socket; after a second of audio it drops it, goes mute, or talks nonsense. */
export type SttTrouble = "refuse" | "drop" | "stall" | "garbage";

export interface SttMaking {
  trouble?: SttTrouble;
  /** How long the socket takes to open. */
  openMs?: number;
}

const FAULTS: Record<SttTrouble, Fault["kind"]> = {
  refuse: "refused",
  drop: "lost",
  stall: "deadline",
  garbage: "protocol",
};

export function sttContract(name: string, make: (making: SttMaking) => SttRig | Promise<SttRig>): void {
  const check = (promise: string, body: (rig: SttRig) => Promise<void>, making: SttMaking = {}) =>
    test(`${name}: ${promise}`, async () => {
      const rig = await make(making);
      await body(rig);
      await disposed(rig);
      await rig.clock.run(100);
      assert.equal(rig.clock.pending, 0, "a timer outlives the recogniser");
      assert.equal(rig.openWires(), 0, "a socket outlives the recogniser");
    });

  check("what is said becomes interims and one final that ends the turn", async (rig) => {
    await say(rig, "I would like a table for four.");
    await silence(rig, 2000);
    assert.equal(rig.events[0]?.kind, "spoke");
    const interims = rig.events.flatMap((event) => event.kind === "interim" ? [event.text] : []);
    assert.ok(interims.length > 1, "interims come while the caller speaks");
    for (const text of interims) assert.ok("I would like a table for four.".startsWith(text), text);
    assert.deepEqual(turns(rig), ["I would like a table for four."]);
  });

  check("turn follows turn", async (rig) => {
    for (const text of ["Good morning.", "Do you have a room?", "For two nights."]) {
      await say(rig, text);
      await silence(rig, 1500);
    }
    assert.deepEqual(turns(rig), ["Good morning.", "Do you have a room?", "For two nights."]);
  });

  check("silence is nothing said", async (rig) => {
    await silence(rig, 12_000);
    assert.deepEqual(rig.events, []);
  });

  check("audio goes out untouched and in order", async (rig) => {
    await rig.clock.run(100);
    const sent = numbered(40);
    for (const frame of sent) {
      rig.stt.hear(frame);
      await rig.clock.run(FRAME_MS);
    }
    assert.deepEqual(rig.received(), joined(sent));
  });

  check("audio heard before the socket is open is kept in order", async (rig) => {
    const sent = numbered(40);
    for (const frame of sent) {
      rig.stt.hear(frame);
      await rig.clock.run(FRAME_MS);
    }
    await rig.clock.run(1000);
    assert.deepEqual(rig.received(), joined(sent));
  }, { openMs: 500 });

  check("of a long opening the last two seconds are kept", async (rig) => {
    const sent = numbered(160);
    for (const frame of sent) {
      rig.stt.hear(frame);
      await rig.clock.run(FRAME_MS);
    }
    assert.equal(rig.received().length, 0);
    await rig.clock.run(1000);
    assert.deepEqual(rig.received(), joined(sent.slice(-100)));
  }, { openMs: 3500 });

  check("the sender may reuse its frame", async (rig) => {
    const frame = new Uint8Array(FRAME_BYTES);
    for (let i = 0; i < 8; i++) rig.stt.hear(frame.fill(i));
    frame.fill(99);
    await rig.clock.run(200);
    assert.deepEqual([...new Set(rig.received())], [0, 1, 2, 3, 4, 5, 6, 7]);
  }, { openMs: 50 });

  check("finish gives what was said so far as a final", async (rig) => {
    await say(rig, "Yes please");
    rig.stt.finish();
    await rig.clock.run(1500);
    assert.deepEqual(turns(rig), ["Yes please"]);
  });

  check("finish before the socket is open is kept too", async (rig) => {
    await say(rig, "No.");
    rig.stt.finish();
    await rig.clock.run(3000);
    assert.deepEqual(turns(rig), ["No."]);
  }, { openMs: 1500 });

  check("finish without a word said tells nothing", async (rig) => {
    await silence(rig, 500);
    rig.stt.finish();
    await rig.clock.run(2000);
    assert.deepEqual(rig.events, []);
    await say(rig, "Hello?");
    await silence(rig, 1500);
    assert.deepEqual(turns(rig), ["Hello?"]);
  });

  check("dispose in the middle of a word is silent", async (rig) => {
    await say(rig, "I wanted to");
    const before = rig.events.length;
    await disposed(rig);
    rig.stt.hear(SILENT_FRAME);
    rig.stt.finish();
    await rig.clock.run(3000);
    assert.equal(rig.events.length, before);
  });

  check("dispose while the socket opens is silent", async (rig) => {
    rig.stt.hear(SILENT_FRAME);
    await disposed(rig);
    await rig.clock.run(2000);
    assert.deepEqual(rig.events, []);
  }, { openMs: 1000 });

  for (const [trouble, kind] of Object.entries(FAULTS) as [SttTrouble, Fault["kind"]][]) {
    check(`${trouble} ends it once, with a ${kind} fault that says what to do`, async (rig) => {
      await say(rig, "Is anybody there?");
      await silence(rig, 25_000);
      rig.stt.finish();
      await rig.clock.run(2000);
      const ended = rig.events.filter((event) => event.kind === "ended");
      assert.equal(ended.length, 1);
      assert.equal(rig.events.at(-1), ended[0], "nothing follows");
      const fault = ended[0]!.fault!;
      assert.equal(fault.kind, kind);
      assert.match(describeFault(fault), /Deepgram/);
    }, { trouble });
  }
}

/** Speak tagged words into the recogniser, in real time. */
export async function say({ clock, stt }: Pick<SttRig, "clock" | "stt">, text: string): Promise<void> {
  const { audio, words } = await toneVoice().speak(text);
  const tagged = tagUtterance(audio, words, 7, spokenFrames);
  spokenFrames += tagged.length / FRAME_BYTES;
  for (let at = 0; at < tagged.length; at += FRAME_BYTES) {
    stt.hear(tagged.subarray(at, at + FRAME_BYTES));
    await clock.run(FRAME_MS);
  }
}
let spokenFrames = 0;

export async function silence({ clock, stt }: Pick<SttRig, "clock" | "stt">, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += FRAME_MS) {
    stt.hear(SILENT_FRAME);
    await clock.run(FRAME_MS);
  }
}

/** A sense for untagged audio that needs nothing loaded: whatever is loud is speech. */
export function senseLoudness(): Promise<SpeechSense> {
  const gate = new SpeechGate({ stopMs: 200 });
  return Promise.resolve({
    speech(frame) {
      const isLoud = loudnessDbfs(frame) > -45;
      gate.push(isLoud);
      return gate.speaking;
    },
    [Symbol.dispose]() {},
  });
}

/** The texts of the turns that ended. */
export function turns({ events }: Pick<SttRig, "events">): string[] {
  return events.flatMap((event) => event.kind === "final" && event.endOfTurn ? [event.text] : []);
}

/** Dispose the recogniser; doing so twice is allowed. */
function disposed({ clock, stt }: SttRig): Promise<void> {
  return clock.runFor(Promise.resolve(stt[Symbol.asyncDispose]()), 10_000);
}

function numbered(frames: number): Uint8Array[] {
  return Array.from({ length: frames }, (_, i) => new Uint8Array(FRAME_BYTES).fill(i % 251));
}

export function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
