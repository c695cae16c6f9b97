/** What the caller does, in order: the steps of `call`. */

import { type Clock, sleep } from "../base/clock.ts";
import { raced } from "../base/raced.ts";
import { isSaidIn, type Talk } from "./talk.ts";

export type Step =
  /** `now`: without waiting for the agent to finish. */
  | { kind: "say"; text: string; now?: boolean }
  /** Recorded speech: mu-law at 8 kHz. It is sent as it is, without tags. `now`: without waiting for the agent to finish. */
  | { kind: "wav"; name: string; audio: Uint8Array; now?: boolean }
  /** 0-9 * # A-D; `w` waits half a second. `now`: without waiting for the agent to finish. */
  | { kind: "dtmf"; keys: string; now?: boolean }
  | { kind: "wait"; ms: number }
  /** Said while the agent speaks, once `afterMs` of its answer were played. */
  | { kind: "interrupt"; text: string; afterMs: number }
  /** What the agent answers must hold `text`. */
  | { kind: "expect"; text: string };

/** The agent gets this long to answer and finish; then the caller goes on. */
export const ANSWER_LIMIT_MS = 20_000;
/** An expectation waits this long after the agent has finished: an answer may follow a filler. */
const EXPECT_GRACE_MS = 3000;
const KEY_MS = 200;
const KEY_PAUSE_MS = 500;

export interface Expectation {
  text: string;
  met: boolean;
}

/** What the steps act on. */
export interface Stage {
  readonly clock: Clock;
  readonly talk: Talk;
  /** Aborted when the call has ended. */
  readonly over: AbortSignal;
  /** Wait for `test`, tried every 20 ms of the stream: `late` after `limitMs`. */
  until(test: () => boolean, limitMs: number): Promise<"met" | "late" | "ended">;
  /** The speech for `text`, tagged. */
  voice(text: string): Promise<Uint8Array>;
  /** Settles when the caller has said it. `interrupts`: the agent is meant to stop for it. */
  say(text: string, audio: Uint8Array, interrupts?: boolean): Promise<void>;
  press(key: string): void;
  expected(expectation: Expectation): void;
  /** Keys were pressed: this is a turn too. */
  pressed(keys: string): void;
  note(text: string): void;
}

/**
 * Do `steps` one after the other; once the call has ended, only expectations are still looked at. After a list of steps
 * the caller listens to the last answer; after steps that come as time goes by (typed ones), their end is the hang-up.
 */
export async function runSteps(steps: Iterable<Step> | AsyncIterable<Step>, stage: Stage): Promise<void> {
  let waived = -1; // the turn whose answer was not awaited any longer
  const finished = async () => {
    const turn = stage.talk.turns.length;
    if (waived === turn) return;
    if (await stage.until(() => stage.talk.finished, ANSWER_LIMIT_MS) === "late") {
      waived = turn;
      stage.note(`No answer that ends within ${ANSWER_LIMIT_MS / 1000} s: going on.`);
    }
  };
  const tried = (step: Step) =>
    doStep(step, stage, finished).catch((error) => {
      if (!stage.over.aborted) throw error; // else: speech that nobody waits for any longer
    });
  if (Symbol.asyncIterator in steps) {
    for await (const step of untilOver(steps, stage.over)) await tried(step);
    return;
  }
  let unsaid = false; // then nothing answers it
  for (const step of steps) {
    if (step.kind === "expect") {
      await expect(step.text, stage, unsaid);
      continue;
    }
    const turnsBefore = stage.talk.turns.length;
    const cameLate = stage.over.aborted;
    if (!cameLate) await tried(step);
    const isDone = step.kind === "wait" ? !cameLate : stage.talk.turns.length > turnsBefore;
    if (isDone || !stage.over.aborted) continue;
    stage.note(`The call has ended: "${step.kind}" was not done.`);
    unsaid ||= step.kind !== "wait";
  }
  await finished();
}

/** The steps that come before the call has ended: nobody waits for the next one longer than that. */
async function* untilOver(steps: AsyncIterable<Step>, over: AbortSignal): AsyncGenerator<Step, void, void> {
  const iterator = steps[Symbol.asyncIterator]();
  try {
    while (true) {
      const next = await raced(iterator.next(), over);
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

async function doStep(step: Step, stage: Stage, finished: () => Promise<void>): Promise<void> {
  switch (step.kind) {
    case "say": {
      const audio = await stage.voice(step.text);
      if (!step.now) await finished();
      return await stage.say(step.text, audio);
    }
    case "wav":
      if (!step.now) await finished();
      return await stage.say(`[${step.name}]`, step.audio);
    case "dtmf":
      if (!step.now) await finished();
      return await press(step.keys, stage);
    case "wait":
      await finished();
      return await sleep(stage.clock, step.ms, stage.over).catch(() => {}); // the call ended meanwhile
    case "interrupt":
      return await interrupt(step, stage);
    case "expect":
      return await expect(step.text, stage, false);
  }
}

async function press(keys: string, stage: Stage): Promise<void> {
  if (stage.over.aborted) return;
  stage.pressed(keys);
  for (const key of keys) {
    if (stage.over.aborted) return;
    if (key !== "w") stage.press(key.toUpperCase());
    await sleep(stage.clock, key === "w" ? KEY_PAUSE_MS : KEY_MS, stage.over).catch(() => {});
  }
}

async function interrupt({ text, afterMs }: { text: string; afterMs: number }, stage: Stage): Promise<void> {
  const { talk } = stage;
  const audio = await stage.voice(text);
  let speaking = false;
  const moment = () => {
    speaking = talk.agentSpeaking && talk.answerMs >= afterMs;
    return speaking || talk.finished;
  };
  if (await stage.until(moment, ANSWER_LIMIT_MS) === "ended") return;
  if (!speaking) stage.note(`The agent did not speak for ${afterMs} ms: there is nothing to interrupt.`);
  await stage.say(text, audio, speaking);
}

/** `unsaid`: the call has ended before what this is to answer was said. */
async function expect(text: string, stage: Stage, unsaid: boolean): Promise<void> {
  const met = () => !unsaid && isSaidIn(text, stage.talk.latest.heard);
  let quietSinceMs: number | undefined;
  const settled = () => {
    const nowMs = stage.clock.monotonicMs();
    quietSinceMs = stage.talk.finished ? quietSinceMs ?? nowMs : undefined;
    return quietSinceMs !== undefined && (met() || nowMs - quietSinceMs >= EXPECT_GRACE_MS);
  };
  await stage.until(settled, ANSWER_LIMIT_MS);
  const { playedBytes, taggedFrames } = stage.talk.latest;
  if (playedBytes > 0 && taggedFrames === 0) {
    stage.note("The answer's audio is not tagged, so its words are not known.");
  }
  stage.expected({ text, met: met() });
}
