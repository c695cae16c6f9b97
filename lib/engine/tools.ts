/** The functions a model may call in one call: validated first, run once, bounded in time; a refusal is data for the model. */

import * as z from "zod";
import type { Clock } from "../base/clock.ts";
import { isObject } from "../base/json.ts";
import { raced } from "../base/raced.ts";
import { messageOf } from "../base/result.ts";
import type { ToolSchema } from "../providers/ports.ts";
import { agrees } from "./assent.ts";

/** One function: what the model is told of it, and what it does. */
export interface Tool {
  schema: ToolSchema;
  /** It changes something: it waits for the confirmed turn, and is not run from a guess. */
  sideEffect: boolean;
  /** Run only after the details were read back and the caller said yes. */
  confirm: boolean;
  timeoutMs: number;
  /** @returns what the model is told; if it is an object with an `error`, the tool has failed. @throws when it fails: the message goes to the model. */
  run: (args: Record<string, unknown>, signal: AbortSignal) => Promise<unknown>;
}

/** What a model asks for. */
export interface ToolRequest {
  id: string;
  name: string;
  /** JSON text as the model wrote it. */
  arguments: string;
}

/** What came of a request. */
export interface ToolResult {
  /** Text for the model: a result, or `{"error": …}`. */
  content: string;
  /** The tool did what it was asked, or will once the caller has said yes. */
  ok: boolean;
}

/** Longer results are cut: they would only slow the model down. */
const RESULT_LIMIT_CHARACTERS = 8192;
/** More do not run at once: the servers behind them are somebody's too. */
const AT_ONCE = 8;
/** Requests that are remembered, so that a repeated id runs nothing twice. */
const REMEMBERED = 200;

/** The tools of one live call. */
export class ToolBox implements Disposable {
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #clock: Clock;
  readonly #language: string;
  readonly #scope = new AbortController();
  readonly #results = new Map<string, Promise<ToolResult>>();
  readonly #running = new Map<string, AbortController>();
  /** Calls that wait for the caller's yes, by name and arguments. `read`: we have said something since. */
  readonly #asked = new Map<string, "asked" | "read" | "agreed">();

  /** `language`: the caller's, in which he says yes. */
  constructor({ tools, clock, language = "en" }: { tools: readonly Tool[]; clock: Clock; language?: string }) {
    this.#clock = clock;
    this.#language = language;
    this.#tools = new Map(tools.map((tool) => [tool.schema.name, tool]));
  }

  /** For the model: side effects marked to wait until the caller's turn is over. */
  get schemas(): (ToolSchema & { deferUntilEot: boolean })[] {
    return [...this.#tools.values()].map((tool) => ({ ...tool.schema, deferUntilEot: tool.sideEffect }));
  }

  /** We say something aloud: what waits for a yes may be read back in it. */
  weSay(): void {
    for (const [key, how] of this.#asked) if (how === "asked") this.#asked.set(key, "read");
  }

  /** We ask the caller something else: a yes is to that. */
  weAskElse(): void {
    for (const [key, how] of this.#asked) if (how === "read") this.#asked.delete(key);
  }

  /** What the caller just said: it may agree to what was read back, or refuse it. */
  callerSaid(text: string): void {
    const agreed = agrees(text, this.#language);
    for (const [key, how] of this.#asked) {
      if (!agreed) this.#asked.delete(key);
      else if (how === "read") this.#asked.set(key, "agreed");
    }
  }

  /** Run one request. Never rejects. The same id never runs twice. */
  run(request: ToolRequest): Promise<ToolResult> {
    const known = this.#results.get(request.id);
    if (known) return known;
    const result = this.#run(request).catch((error) => refusal(messageOf(error)));
    this.#results.set(request.id, result);
    if (this.#results.size > REMEMBERED) this.#results.delete(this.#results.keys().next().value!);
    return result;
  }

  /** The model, or the caller, has changed course: stop what this request does, if it can be stopped. */
  cancel(id: string): void {
    this.#running.get(id)?.abort(new Error("The request was withdrawn."));
  }

  [Symbol.dispose](): void {
    this.#scope.abort(new Error("The call is over."));
  }

  async #run({ id, name, arguments: text }: ToolRequest): Promise<ToolResult> {
    const tool = this.#tools.get(name);
    if (!tool) {
      return refusal(`There is no tool "${name}". There are: ${[...this.#tools.keys()].join(", ") || "none"}.`);
    }
    const args = readArguments(text, shapeOf(tool.schema.parameters));
    if (!args.ok) return refusal(args.why);
    if (this.#running.size >= AT_ONCE) {
      return refusal(`${AT_ONCE} requests are still running. Ask for this when they have been answered.`);
    }
    const unsettled = tool.confirm ? this.#unsettled(`${name} ${JSON.stringify(args.value)}`) : undefined;
    if (unsettled) return unsettled;
    const own = new AbortController();
    this.#running.set(id, own);
    using _late = this.#clock.after(
      tool.timeoutMs,
      () => own.abort(new Error(`No result within ${tool.timeoutMs} ms.`)),
    );
    try {
      const signal = AbortSignal.any([own.signal, this.#scope.signal]);
      const result = await raced(tool.run(args.value, signal), signal);
      return { content: resultText(result), ok: !(isObject(result) && Object.hasOwn(result, "error")) };
    } finally {
      this.#running.delete(id);
    }
  }

  /** What the model is told unless the caller said yes to exactly this. A yes counts once, and only one call at a time waits for one. */
  #unsettled(key: string): ToolResult | undefined {
    const asked = this.#asked;
    if (asked.get(key) === "agreed") return void asked.delete(key);
    // Another question follows: the next yes is to that one.
    for (const [other, how] of asked) if (how === "read" && other !== key) asked.delete(other);
    if (asked.has(key)) return CONFIRM_FIRST;
    if ([...asked.values()].includes("asked")) return ONE_AT_A_TIME;
    asked.set(key, "asked");
    return CONFIRM_FIRST;
  }
}

const CONFIRM_FIRST = notDoneYet(
  "Read the details back to the caller and ask whether they are right. Call this function again, with the same arguments, only after the caller has said yes.",
);
const ONE_AT_A_TIME = notDoneYet(
  "Another call waits for the caller's yes. Ask for that one alone. Call this function again when that one is done.",
);

function notDoneYet(instruction: string): ToolResult {
  return { content: JSON.stringify({ status: "not done yet", instruction }), ok: true };
}

function refusal(error: string): ToolResult {
  return { content: JSON.stringify({ error }), ok: false };
}

function resultText(result: unknown): string {
  const text = typeof result === "string" ? result : JSON.stringify(result ?? { status: "done" });
  return text.length <= RESULT_LIMIT_CHARACTERS ? text : `${text.slice(0, RESULT_LIMIT_CHARACTERS)}… (cut)`;
}

type Arguments = { ok: true; value: Record<string, unknown> } | { ok: false; why: string };

function readArguments(text: string, shape: z.ZodType): Arguments {
  let value: unknown;
  try {
    value = JSON.parse(text.trim() === "" ? "{}" : text);
  } catch {
    return { ok: false, why: "The arguments are not JSON." };
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data as Record<string, unknown> }; // the shape is an object's
  const why = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "arguments"}: ${message}`).join("; ");
  return { ok: false, why: `The arguments do not fit: ${why}` };
}

/** A JSON Schema as a check. One that Zod cannot read lets any object through: the tool's server judges then. */
function shapeOf(schema: Record<string, unknown>): z.ZodType {
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return z.record(z.string(), z.unknown());
  }
}
