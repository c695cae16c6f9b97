/** What every language model must do, whoever serves it: one suite, run against each implementation through its stand-in. */

import assert from "node:assert/strict";
import { describeFault, type Fault, FaultError } from "../../lib/base/result.ts";
import type { ChatPart, ChatRequest, Llm } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";
import type { VirtualClock } from "../sim/clock.ts";

/**
 * How the far end behaves. `text` says `SAYS`, with reasoning before it where it can; `tools` says it and calls `book` and
 * `look_up` with `ARGUMENTS`, in pieces; `object` answers `OBJECT` where a schema is asked for. The others fail as they are named.
 */
export type LlmScene =
  | "text"
  | "tools"
  | "object"
  | "unauthorized"
  | "busy"
  | "broken"
  | "error-midway"
  | "cut"
  | "reset"
  | "slow"
  | "stall"
  | "unreachable";

export interface LlmRig {
  clock: VirtualClock;
  llm: Llm;
  /** Requests that the far end still serves. */
  openRequests(): number;
  /** A secret that no message may hold. */
  key: string;
}

export const SAYS = "Of course. A table for two, at half past seven — shall I book it in the name of Zoë? 👍";
export const ARGUMENTS = { book: { party: 2, name: "Zoë" }, look_up: { query: "free tables" } };
export const OBJECT = { name: "Ada", party: 2 };

const ASK: ChatRequest = {
  messages: [
    { role: "system", content: "You answer the phone." },
    { role: "user", content: "A table for tonight, please. My number is 555 0199." },
  ],
};
const TOOLS = ["book", "look_up"].map((name) => ({
  name,
  description: `${name} something`,
  parameters: { type: "object", properties: {}, additionalProperties: true },
}));
const SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, party: { type: "integer" } },
  required: ["name", "party"],
  additionalProperties: false,
};

/** Each failing scene, and the fault it must end in. */
const FAULTS: Partial<Record<LlmScene, (fault: Fault) => boolean>> = {
  "unauthorized": (fault) => fault.kind === "refused" && fault.status === 401,
  "busy": (fault) => fault.kind === "refused" && fault.status === 429 && fault.retryAfterMs === 1000,
  "broken": (fault) => fault.kind === "refused" && fault.status >= 500,
  "error-midway": (fault) => fault.kind === "rejected",
  "cut": (fault) => fault.kind === "lost",
  "reset": (fault) => fault.kind === "lost",
  "slow": (fault) => fault.kind === "deadline",
  "stall": (fault) => fault.kind === "deadline",
  "unreachable": (fault) => fault.kind === "unreachable",
};

/** Run the suite. `make` gives a fresh model whose far end plays `scene`. */
export function llmContract(name: string, make: (scene: LlmScene) => LlmRig): void {
  const check = (promise: string, scene: LlmScene, body: (rig: LlmRig) => Promise<void>) =>
    test(`${name}: ${promise}`, async () => {
      const rig = make(scene);
      await body(rig);
      await rig.clock.run(100);
      assert.equal(rig.clock.pending, 0, "a timer outlives the answer");
      assert.equal(rig.openRequests(), 0, "a request outlives the answer");
    });

  check("the text comes in pieces, whole, without reasoning, and finishes once", "text", async (rig) => {
    const reading = read(rig, ASK);
    await ended(rig, reading);
    assert.equal(textOf(reading.parts), SAYS);
    assert.ok(reading.parts.length > 8, `only ${reading.parts.length} parts`);
    const { kind, reason, usage } = finishOf(reading.parts);
    assert.deepEqual([kind, reason], ["finish", "stop"]);
    assert.ok(usage && usage.promptTokens > 0 && usage.completionTokens > 0);
  });

  check("the first text comes while the rest is still being made", "text", async (rig) => {
    const reading = read(rig, ASK);
    await rig.clock.runUntil(() => reading.parts.length > 0, 3000);
    assert.equal(rig.openRequests(), 1);
    assert.ok(textOf(reading.parts).length < SAYS.length / 2);
    await ended(rig, reading);
  });

  check("calls streamed in interleaved pieces come whole, after the text, each with an id", "tools", async (rig) => {
    const reading = read(rig, { ...ASK, tools: TOOLS });
    await ended(rig, reading);
    assert.equal(textOf(reading.parts), SAYS);
    const calls = reading.parts.flatMap((part) => part.kind === "tool-call" ? [part.call] : []);
    assert.deepEqual(calls.map(({ function: { name } }) => name), ["book", "look_up"]);
    assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments)), [ARGUMENTS.book, ARGUMENTS.look_up]);
    assert.equal(new Set(calls.map(({ id }) => id)).size, 2);
    assert.equal(finishOf(reading.parts).reason, "tool-calls");
  });

  check("abort in mid-stream closes the request at once and throws the reason", "text", async (rig) => {
    const reading = read(rig, ASK);
    await rig.clock.runUntil(() => reading.parts.length > 2, 3000);
    const reason = new Error("the caller speaks");
    reading.abort(reason);
    await rig.clock.run(0);
    assert.equal(reading.error, reason);
    assert.equal(rig.openRequests(), 0);
  });

  check("abort before the first token, and before the start, does the same", "slow", async (rig) => {
    const reading = read(rig, ASK);
    await rig.clock.run(50);
    assert.equal(rig.openRequests(), 1);
    const reason = new Error("hung up");
    reading.abort(reason);
    await rig.clock.run(0);
    assert.equal(reading.error, reason);
    assert.equal(rig.openRequests(), 0);
    const never = read(rig, ASK, AbortSignal.abort(reason));
    await rig.clock.run(0);
    assert.equal(never.error, reason);
    assert.equal(rig.openRequests(), 0);
  });

  check("leaving the loop closes the request at once", "text", async (rig) => {
    const left = (async () => {
      for await (const part of rig.llm.chat(ASK, new AbortController().signal)) if (part.kind === "text") return;
    })();
    await rig.clock.runFor(left, 3000);
    await rig.clock.run(0);
    assert.equal(rig.openRequests(), 0);
  });

  check("two answers at once do not mix", "text", async (rig) => {
    const readings = [read(rig, ASK), read(rig, ASK)];
    for (const reading of readings) await ended(rig, reading);
    assert.deepEqual(readings.map(({ parts }) => textOf(parts)), [SAYS, SAYS]);
  });

  check("an extraction gives the text of an object", "object", async (rig) => {
    const ask = rig.llm.extract({ ...ASK, schema: SCHEMA, schemaName: "booking" }, new AbortController().signal);
    assert.deepEqual(JSON.parse(await rig.clock.runFor(ask, 30_000)), OBJECT);
  });

  check("the models are listed", "text", async (rig) => {
    const listed = await rig.clock.runFor(rig.llm.models(new AbortController().signal), 30_000);
    assert.ok(listed.ok && listed.value.length > 0 && listed.value.every((id) => typeof id === "string"));
  });

  check("a refused list of models is a fault, as a value", "unauthorized", async (rig) => {
    const listed = await rig.clock.runFor(rig.llm.models(new AbortController().signal), 30_000);
    assert.ok(!listed.ok && listed.fault.kind === "refused" && listed.fault.status === 401);
  });

  for (const [scene, expected] of Object.entries(FAULTS) as [LlmScene, (fault: Fault) => boolean][]) {
    check(`"${scene}" ends in its own fault, told in words that help`, scene, async (rig) => {
      const reading = read(rig, { ...ASK, tools: TOOLS });
      await ended(rig, reading);
      assert.ok(reading.error instanceof FaultError, `${reading.error}`);
      const { fault, message } = reading.error;
      assert.ok(expected(fault), JSON.stringify(fault));
      assert.equal(message, describeFault(fault));
      assert.ok(message.length > 30, message);
      assert.ok(!message.includes(rig.key) && !message.includes("555 0199"), message);
      assert.ok(!reading.parts.some(({ kind }) => kind === "finish"));
    });
  }
}

export interface Reading {
  parts: ChatPart[];
  over: boolean;
  error: unknown;
  abort(reason: Error): void;
}

/** Read an answer to its end, in the background. */
export function read({ llm }: Pick<LlmRig, "llm">, request: ChatRequest, signal?: AbortSignal): Reading {
  const abort = new AbortController();
  const reading: Reading = { parts: [], over: false, error: undefined, abort: (reason) => abort.abort(reason) };
  (async () => {
    for await (const part of llm.chat(request, signal ?? abort.signal)) reading.parts.push(part);
  })().catch((error) => void (reading.error = error)).finally(() => void (reading.over = true));
  return reading;
}

export async function ended({ clock }: Pick<LlmRig, "clock">, reading: Reading): Promise<void> {
  await clock.runUntil(() => reading.over, 60_000);
}

export function textOf(parts: readonly ChatPart[]): string {
  return parts.map((part) => part.kind === "text" ? part.text : "").join("");
}

/** The one finish, which must be the last part. */
export function finishOf(parts: readonly ChatPart[]): Extract<ChatPart, { kind: "finish" }> {
  const finishes = parts.filter((part) => part.kind === "finish");
  assert.equal(finishes.length, 1);
  assert.equal(parts.at(-1), finishes[0]);
  return finishes[0]!;
}
