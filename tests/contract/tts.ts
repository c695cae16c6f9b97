/** What every voice must do, whoever makes it: one suite, run against each implementation through its stand-in. */

import assert from "node:assert/strict";
import { sleep } from "../../lib/base/clock.ts";
import { describeFault, type Fault, FaultError } from "../../lib/base/result.ts";
import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import type { SpokenWord, Tts } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";
import type { VirtualClock } from "../sim/clock.ts";

/** One voice and what surrounds it, made anew for each test. */
export interface TtsRig {
  clock: VirtualClock;
  tts: Tts;
  /** All text the far end was asked to speak, joined in the order it came. */
  asked(): string;
  /** Sockets that are open now (`countWires`); 0 for a voice without. */
  openWires(): number;
}

/**
 * How the far end fails: it refuses the socket; drops it, or says no more, in the middle of the first long reply; ends
 * every reply in good order and without a sound.
 */
export type TtsTrouble = "refuse" | "drop" | "stall" | "mute";

export interface TtsTraits {
  /** It yields the times of its words. */
  words: boolean;
  /** The latest first frame, ms after `speak`, socket included. */
  firstFrameMs: number;
  /** The kind of fault each trouble ends in; what cannot happen to this voice is left out. */
  faults: Partial<Record<TtsTrouble, Fault["kind"]>>;
}

const DEFAULTS: TtsTraits = {
  words: false,
  firstFrameMs: 250,
  faults: { refuse: "refused", drop: "lost", stall: "deadline", mute: "rejected" },
};

const SHORT = "Good morning, how can I help?";
const LONG = "We open at nine in the morning and close at six in the evening. On Saturdays we close at noon. " +
  "On Sundays nobody is here, but you can leave a message and we will call you back on Monday.";

/** Run the suite. `make` gives a fresh voice whose far end fails as `trouble` says, or not at all. */
export function ttsContract(
  name: string,
  make: (trouble?: TtsTrouble) => TtsRig | Promise<TtsRig>,
  traits: Partial<TtsTraits> = {},
): void {
  const { words, firstFrameMs, faults } = { ...DEFAULTS, ...traits };
  const check = (promise: string, body: (rig: TtsRig) => Promise<void>, trouble?: TtsTrouble) =>
    test(`${name}: ${promise}`, async () => {
      const rig = await make(trouble);
      await body(rig);
      await disposed(rig);
      await rig.clock.run(100);
      assert.equal(rig.clock.pending, 0, "a timer outlives the voice");
      assert.equal(rig.openWires(), 0, "a socket outlives the voice");
    });

  check("the first frame comes promptly", async (rig) => {
    const hearing = hear(rig, [SHORT]);
    await rig.clock.runUntil(() => hearing.frames.length > 0, firstFrameMs);
    await finished(rig, hearing);
  });

  check("every frame is 20 ms, whatever the far end's chunks", async (rig) => {
    const hearing = hear(rig, [LONG]);
    await finished(rig, hearing);
    assert.ok(
      hearing.frames.length * FRAME_MS > 1000,
      `only ${hearing.frames.length} frames for ${LONG.length} letters`,
    );
    assert.deepEqual(hearing.frames.filter((frame) => frame.length !== FRAME_BYTES), []);
  });

  check("text in pieces is joined verbatim", async (rig) => {
    const pieces = ["It", " costs", " 12", ".", "50 a", " month", ", Mr", "s. O", "'Neil.", " Shall", " we?"];
    await finished(rig, hear(rig, pieces));
    assert.equal(plain(rig.asked()), "It costs 12.50 a month, Mrs. O'Neil. Shall we?");
  });

  check("text that comes slowly is no fault", async (rig) => {
    const hearing = hear(rig, slowly(rig.clock, ["One moment, ", "please. ", "Here ", "it is."], 3000));
    await finished(rig, hearing);
    assert.equal(plain(rig.asked()), "One moment, please. Here it is.");
    assert.ok(hearing.frames.length > 0);
  });

  check("no text is no sound", async (rig) => {
    for (const pieces of [[], [""], ["", "  "]]) {
      const hearing = hear(rig, pieces);
      await finished(rig, hearing);
      assert.equal(hearing.frames.length, 0);
    }
    const after = hear(rig, [SHORT]);
    await finished(rig, after);
    assert.ok(after.frames.length > 0, "and the next reply is spoken");
  });

  check("replies follow each other whole", async (rig) => {
    const first = hear(rig, [SHORT]);
    await finished(rig, first);
    const second = hear(rig, [SHORT]);
    await finished(rig, second);
    assert.equal(second.frames.length, first.frames.length);
    assert.equal(plain(rig.asked().replaceAll("?", "? ")), `${SHORT} ${SHORT}`);
  });

  check("abort ends a reply within a frame", async (rig) => {
    const hearing = hear(rig, [LONG]);
    await rig.clock.runUntil(() => hearing.frames.length >= 5, 5000);
    const before = hearing.frames.length;
    hearing.abort();
    await rig.clock.run(FRAME_MS);
    assert.equal(hearing.state, "ended");
    assert.ok(hearing.frames.length <= before + 1, `${hearing.frames.length - before} frames after the abort`);
  });

  check("abort before the first text, and before the start, is silent", async (rig) => {
    const waiting = hear(rig, slowly(rig.clock, [SHORT], 5000));
    await rig.clock.run(100);
    waiting.abort();
    await rig.clock.run(FRAME_MS);
    assert.equal(waiting.state, "ended");
    const never = hear(rig, [SHORT], AbortSignal.abort());
    await rig.clock.run(FRAME_MS);
    assert.equal(never.state, "ended");
    assert.deepEqual([waiting.frames.length, never.frames.length], [0, 0]);
    await rig.clock.run(5000); // the slow text, which nobody waits for, runs out
  });

  check("nothing of an aborted reply is in the next one", async (rig) => {
    const whole = hear(rig, [SHORT]);
    await finished(rig, whole);
    for (const afterFrames of [0, 1, 4]) {
      const cut = hear(rig, [LONG]);
      await rig.clock.runUntil(() => cut.frames.length >= afterFrames, 5000, 5);
      cut.abort();
      const next = hear(rig, [SHORT]);
      await finished(rig, next);
      assert.equal(cut.state, "ended");
      assert.equal(next.frames.length, whole.frames.length, `after ${afterFrames} frames`);
    }
  });

  check("a listener who leaves the loop ends the reply", async (rig) => {
    const whole = hear(rig, [SHORT]);
    await finished(rig, whole);
    const left = (async () => {
      for await (const spoken of rig.tts.speak(pieces([LONG]), new AbortController().signal)) {
        if (spoken.kind === "audio") return;
      }
    })();
    await rig.clock.runFor(left, 5000);
    const next = hear(rig, [SHORT]);
    await finished(rig, next);
    assert.equal(next.frames.length, whole.frames.length);
  });

  check("a text source that fails ends the reply with its error", async (rig) => {
    const hearing = hear(
      rig,
      (async function* () {
        yield "Let me see. ";
        await sleep(rig.clock, 10);
        throw new Error("the model is gone");
      })(),
    );
    await rig.clock.runUntil(() => hearing.state !== "speaking", 10_000);
    assert.equal(hearing.state, "failed");
    assert.match(String(hearing.error), /the model is gone/);
    const next = hear(rig, [SHORT]);
    await finished(rig, next);
    assert.ok(next.frames.length > 0);
  });

  check("dispose ends a reply that is being spoken", async (rig) => {
    const hearing = hear(rig, [LONG]);
    await rig.clock.runUntil(() => hearing.frames.length >= 2, 5000);
    await disposed(rig);
    await rig.clock.run(FRAME_MS);
    assert.equal(hearing.state, "ended");
  });

  check("a voice that never spoke is disposed without a trace", async () => {});

  if (words) {
    check("the words come in order, with times inside the audio", async (rig) => {
      const hearing = hear(rig, [LONG]);
      await finished(rig, hearing);
      assert.equal(hearing.words.map(({ text }) => letters(text)).join(" "), letters(LONG));
      let lastMs = 0;
      for (const { startMs, endMs } of hearing.words) {
        assert.ok(startMs >= lastMs && endMs >= startMs, `${lastMs} ${startMs} ${endMs}`);
        lastMs = startMs;
      }
      assert.ok(hearing.words.at(-1)!.endMs <= hearing.frames.length * FRAME_MS + FRAME_MS);
    });
  }

  for (const [trouble, kind] of Object.entries(faults) as [TtsTrouble, Fault["kind"]][]) {
    check(`${trouble} raises a ${kind} fault and nothing more`, async (rig) => {
      const hearing = hear(rig, [LONG]);
      await rig.clock.runUntil(() => hearing.state !== "speaking", 60_000);
      assert.ok(hearing.error instanceof FaultError, `${hearing.state}: ${hearing.error}`);
      assert.equal(hearing.error.fault.kind, kind);
      assert.equal(hearing.error.message, describeFault(hearing.error.fault));
      assert.ok(hearing.error.message.length > 30, hearing.error.message);
      const { length } = hearing.frames;
      await rig.clock.run(5000);
      assert.equal(hearing.frames.length, length);
      assert.deepEqual(hearing.frames.filter((frame) => frame.length !== FRAME_BYTES), []);
    }, trouble);
  }
}

/** One reply as its listener has it so far. */
export interface Hearing {
  frames: Uint8Array[];
  words: SpokenWord[];
  state: "speaking" | "ended" | "failed";
  error: unknown;
  abort(): void;
}

/** Listen to `text`: no more than a piece each 20 ms of the rig's clock. */
export function hear(
  { clock, tts }: Pick<TtsRig, "clock" | "tts">,
  text: string[] | AsyncIterable<string>,
  signal?: AbortSignal,
): Hearing {
  const abort = new AbortController();
  const hearing: Hearing = {
    frames: [],
    words: [],
    state: "speaking",
    error: undefined,
    abort: () => abort.abort(),
  };
  const listen = async () => {
    const spoken = tts.speak(Array.isArray(text) ? pieces(text) : text, signal ?? abort.signal);
    for await (const part of spoken) {
      if (part.kind === "words") hearing.words.push(...part.words);
      else {
        hearing.frames.push(...cutIntoFrames(part.frames.slice()));
        await sleep(clock, FRAME_MS);
      }
    }
  };
  listen().then(
    () => void (hearing.state = "ended"),
    (error) => {
      hearing.state = "failed";
      hearing.error = error;
    },
  );
  return hearing;
}

/** The last one is shorter if it is not whole. */
export function cutIntoFrames(audio: Uint8Array): Uint8Array[] {
  return Array.from(
    { length: Math.ceil(audio.length / FRAME_BYTES) },
    (_, n) => audio.subarray(n * FRAME_BYTES, (n + 1) * FRAME_BYTES),
  );
}

/** Dispose the voice; doing so twice is allowed. */
function disposed({ clock, tts }: TtsRig): Promise<void> {
  return clock.runFor(Promise.resolve(tts[Symbol.asyncDispose]()), 10_000);
}

/** Let a reply run to its good end. */
export async function finished({ clock }: Pick<TtsRig, "clock">, hearing: Hearing): Promise<void> {
  await clock.runUntil(() => hearing.state !== "speaking", 120_000);
  if (hearing.state === "failed") throw hearing.error;
}

async function* pieces(texts: string[]): AsyncGenerator<string> {
  for (const text of texts) {
    yield text;
    await Promise.resolve();
  }
}

async function* slowly(clock: VirtualClock, texts: string[], gapMs: number): AsyncGenerator<string> {
  for (const text of texts) {
    await sleep(clock, gapMs);
    yield text;
  }
}

function plain(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function letters(text: string): string {
  return plain(text.toLowerCase().replace(/[^\p{L}\p{N}\s]/gu, ""));
}
