/** The tools of one call, from its configuration: what is built in acts on the call, the rest asks web servers. */

import type { Clock, Timer } from "./base/clock.ts";
import { canonicalJson } from "./base/json.ts";
import { raced } from "./base/raced.ts";
import { describeFault, failed, messageOf, ok, type Result } from "./base/result.ts";
import { withoutKeys } from "./call/echoes.ts";
import type { CallControl, CallTools, SpokenLine, ToolCall } from "./call/live_call.ts";
import type { Destination } from "./call/parking.ts";
import { type CallConfig, openAt, type ToolConfig, withSecrets } from "./config.ts";
import {
  type CallActions,
  COLLECT_DIGITS,
  collectDigitsTool,
  type DigitsWanted,
  endCallTool,
  takeMessageTool,
  transferTool,
} from "./engine/builtin_tools.ts";
import { isOnly, wordsOf } from "./engine/phrases.ts";
import { httpTool, type HttpToolParts } from "./engine/http_tool.ts";
import { type Tool, ToolBox, type ToolResult } from "./engine/tools.ts";
import type { ToolSchema } from "./providers/ports.ts";

export interface CallToolsParts extends HttpToolParts {
  call: CallConfig;
  clock: Clock;
  secrets: Readonly<Record<string, string>>;
  spoken: (name: string) => SpokenLine | undefined;
  /** Where the caller goes when the line is let go. */
  park: (destination: Destination) => void;
  takeMessage: (message: Record<string, unknown>, signal: AbortSignal) => Promise<Result<void>>;
}

/** One request of a model, kept as long as it may matter. */
interface Ran {
  id: string;
  result: Promise<ToolResult>;
  settled: boolean;
}

/** Who types a number of known length may end it all the same, within this long. */
const LATE_END_MS = 3000;
/** Requests that are remembered, of each kind; the oldest goes first. */
const REMEMBERED = 50;

export class ConfiguredTools implements CallTools, CallActions {
  readonly #parts: CallToolsParts;
  readonly #box: ToolBox;
  #call: CallControl | undefined;
  /** What the model asked for since the caller's last turn, by name and arguments. */
  readonly #recent = new Map<string, Ran>();
  /**
   * What ran when the line broke or the engine was lost: the model that asks for the same again gets its result, once, and
   * not after the caller's next turn, to which it may be out of date.
   */
  #before = new Map<string, Ran>();
  #digits: { wanted: DigitsWanted; keys: string; done: (keys: string) => void; timer: Timer } | undefined;
  /** The key that would have ended the last input, which was complete without it. */
  #lateEnd: { key: string; untilMs: number } | undefined;

  constructor(parts: CallToolsParts) {
    this.#parts = parts;
    const { clock, call } = parts;
    this.#box = new ToolBox({ clock, language: call.language, tools: call.tools.map((tool) => this.#toolOf(tool)) });
  }

  get schemas(): (ToolSchema & { deferUntilEot: boolean })[] {
    return this.#box.schemas;
  }

  attach(call: CallControl): void {
    this.#call = call;
    this.succeeded();
  }

  succeeded(): void {
    this.#before = new Map([...this.#before, ...this.#recent].slice(-REMEMBERED));
    this.#recent.clear();
  }

  run(call: ToolCall): Promise<ToolResult> {
    const key = keyOf(call);
    const before = this.#before.get(key);
    if (before) {
      this.#before.delete(key);
      this.#recent.set(key, before); // the line may break once more
      return before.result;
    }
    const result = this.#box.run(call)
      .then(({ content, ok }) => ({ content: withoutSecrets(content, this.#parts.secrets), ok }));
    const ran: Ran = { id: call.id, result, settled: false };
    this.#recent.set(key, ran);
    if (this.#recent.size > REMEMBERED) this.#recent.delete(this.#recent.keys().next().value!);
    result.finally(() => ran.settled = true).catch(reportError); // it never rejects
    return result;
  }

  cancel(id: string): void {
    // A run that was cancelled gives no result to a later request for the same.
    for (const [key, ran] of this.#recent) if (ran.id === id && !ran.settled) this.#recent.delete(key);
    this.#box.cancel(id);
  }

  callerSaid(text: string): void {
    for (const ran of [this.#recent, this.#before]) {
      for (const [key, { settled }] of ran) if (settled) ran.delete(key);
    }
    this.#box.callerSaid(text);
    // Who speaks instead of typing waits for an answer; "okay" is none, nor are keys that came before we asked.
    const said = withoutKeys(text);
    const { acknowledgementPhrases } = this.#parts.call.pipeline.turn;
    if (wordsOf(said).length > 0 && !isOnly(said, acknowledgementPhrases)) this.#finishDigits();
  }

  weSay(): void {
    this.#box.weSay();
  }

  weAskElse(): void {
    this.#box.weAskElse();
  }

  waiting(name: string): SpokenLine | undefined {
    return this.#parts.spoken(name);
  }

  asksCaller(name: string): boolean {
    return name === COLLECT_DIGITS;
  }

  digit(digit: string): boolean {
    const open = this.#digits;
    const nowMs = this.#parts.clock.monotonicMs();
    if (!open) {
      const lateEnd = this.#lateEnd;
      this.#lateEnd = undefined;
      return digit === lateEnd?.key && nowMs < lateEnd.untilMs;
    }
    const { terminator, length } = open.wanted;
    if (digit !== terminator) open.keys += digit;
    if (digit === terminator || open.keys.length >= length) this.#finishDigits();
    if (digit !== terminator && !this.#digits) this.#lateEnd = { key: terminator, untilMs: nowMs + LATE_END_MS };
    return true;
  }

  [Symbol.dispose](): void {
    this.#finishDigits();
    this.#box[Symbol.dispose]();
  }

  // What the built-in tools do.

  end(): void {
    this.#call?.end("agent-hung-up");
  }

  transfer(name: string): Promise<Result<void, string>> {
    const { call, clock, park } = this.#parts;
    const destination = destinationOf(call, name, clock.wallTime());
    if (!destination.ok) return Promise.resolve(destination);
    park(destination.value);
    this.#call?.end("transferred");
    return Promise.resolve(ok(undefined));
  }

  collectDigits(wanted: DigitsWanted, signal: AbortSignal): Promise<string> {
    this.#finishDigits();
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(wanted.timeoutMs, () => this.#finishDigits());
      this.#digits = { wanted, keys: "", done: resolve, timer };
      signal.addEventListener("abort", () => this.#finishDigits(), { once: true });
      for (const key of this.#call?.takeKeys() ?? "") this.digit(key); // he did not wait to be asked
    });
  }

  async takeMessage(message: Record<string, unknown>, signal: AbortSignal): Promise<Result<void>> {
    const taken = { text: String(message.message), ...words(message, "name"), ...words(message, "phone") };
    const urgent = typeof message.urgent === "boolean" ? { urgent: message.urgent } : {};
    const note = (how: { delivered: boolean; why?: string }) =>
      this.#call?.report({ kind: "message", ...how, ...taken, ...urgent });
    try {
      const delivered = await raced(this.#parts.takeMessage(message, signal), signal);
      note(delivered.ok ? { delivered: true } : { delivered: false, why: describeFault(delivered.fault) });
      return delivered;
    } catch (error) {
      note({ delivered: false, why: messageOf(error) });
      throw error;
    }
  }

  #finishDigits(): void {
    const open = this.#digits;
    this.#digits = undefined;
    open?.timer[Symbol.dispose]();
    open?.done(open.keys);
  }

  #toolOf(tool: ToolConfig): Tool {
    const base = {
      confirm: tool.confirm,
      ...(tool.description === undefined ? {} : { description: tool.description }),
    };
    switch (tool.kind) {
      case "end_call":
        return endCallTool(base, this);
      case "transfer_call":
        return transferTool({ ...base, names: Object.keys(tool.to) }, this);
      case "collect_digits":
        return collectDigitsTool(base, this);
      case "take_message":
        return takeMessageTool(base, this);
      case "http": {
        const { name, description, parameters, confirm, http } = tool;
        const { secrets } = this.#parts;
        return httpTool({ name, description, parameters, confirm, ...withSecrets(http, secrets) }, this.#parts);
      }
    }
  }
}

/** Where a caller can be put through to now. The fault says why he cannot. */
export function destinationOf({ tools, timezone }: CallConfig, name: string, now: Date): Result<Destination, string> {
  const tool = tools.find((tool) => tool.kind === "transfer_call");
  const destination = tool && Object.hasOwn(tool.to, name) ? tool.to[name] : undefined;
  if (!tool || !destination) return failed(`Nobody here is called "${name}".`);
  const { number, hours } = destination;
  if (hours && !openAt(hours, now, timezone)) return failed(`"${name}" is not there now. Hours: ${hours.text}.`);
  return ok({ name, number, ringSeconds: tool.ringSeconds });
}

/** A key that two requests for the same share, in whatever order their arguments come. */
function keyOf({ name, arguments: text }: ToolCall): string {
  try {
    return `${name} ${canonicalJson(JSON.parse(text))}`;
  } catch {
    return `${name} ${text}`;
  }
}

function words<K extends string>(message: Record<string, unknown>, key: K): Partial<Record<K, string>> {
  const value = message[key];
  return typeof value === "string" ? { [key]: value } as Record<K, string> : {}; // a computed key loses its type
}

/** A server may repeat what it was sent, and an error the address: with this no model, and so no caller, learns a secret. */
function withoutSecrets(text: string, secrets: Readonly<Record<string, string>>): string {
  const values = Object.values(secrets).filter((value) => value !== "");
  const spellings = values.flatMap((value) => [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]);
  return spellings.reduce((rest, spelling) => rest.replaceAll(spelling, "[secret]"), text);
}
