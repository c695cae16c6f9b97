/** The tools that act on the call itself. */

import { describeFault, type Result } from "../base/result.ts";
import type { Tool } from "./tools.ts";

/** What the built-in tools may do with their call. */
export interface CallActions {
  /** End the call once what is being said was heard. */
  end(): void;
  /** Leave the line to a configured destination once what is being said was heard. */
  transfer(name: string): Promise<Result<void, string>>;
  /** The keys the caller presses from now on, until `length`, `terminator` or the time-out, or until he speaks instead. */
  collectDigits(wanted: DigitsWanted, signal: AbortSignal): Promise<string>;
  /** Hand a message over to people. */
  takeMessage(message: Record<string, unknown>, signal: AbortSignal): Promise<Result<void>>;
}

export interface DigitsWanted {
  /** Keys at most. */
  length: number;
  /** This key ends the input and is not part of it. */
  terminator: string;
  timeoutMs: number;
}

export const COLLECT_DIGITS = "collect_digits";

const NOTHING = { type: "object", properties: {}, additionalProperties: false };
const ACTION_MS = 5000;
const DIGITS_MS = 30_000;

type BuiltIn = { description?: string; confirm: boolean };

export function endCallTool({ description, confirm }: BuiltIn, actions: CallActions): Tool {
  return {
    schema: {
      name: "end_call",
      description: description ??
        "End the call. Only when the caller has said goodbye or asks to end it; say goodbye first.",
      parameters: NOTHING,
    },
    sideEffect: true,
    confirm,
    timeoutMs: ACTION_MS,
    run: () => {
      actions.end();
      return Promise.resolve({ status: "The call ends once your last words were heard." });
    },
  };
}

export function transferTool(
  { description, confirm, names }: BuiltIn & { names: readonly string[] },
  actions: CallActions,
): Tool {
  return {
    schema: {
      name: "transfer_call",
      description: description ?? "Connect the caller with a person. Say so first.",
      parameters: {
        type: "object",
        properties: { to: { type: "string", enum: names, description: "Who to connect with." } },
        required: ["to"],
        additionalProperties: false,
      },
    },
    sideEffect: true,
    confirm,
    timeoutMs: ACTION_MS,
    run: async ({ to }) => {
      const done = await actions.transfer(String(to));
      return done.ok ? { status: "The caller is being connected." } : { error: done.fault };
    },
  };
}

export function collectDigitsTool({ description, confirm }: BuiltIn, actions: CallActions): Tool {
  return {
    schema: {
      name: COLLECT_DIGITS,
      description: description ?? "Let the caller type digits on the phone's keypad. Ask for them first.",
      parameters: {
        type: "object",
        properties: {
          length: { type: "integer", minimum: 1, maximum: 32, description: "How many keys at most." },
          terminator: { type: "string", enum: ["#", "*"], description: "The key that ends the input." },
          timeout_seconds: { type: "integer", minimum: 2, maximum: 25 },
        },
        required: ["length"],
        additionalProperties: false,
      },
    },
    sideEffect: true,
    confirm,
    timeoutMs: DIGITS_MS,
    run: async ({ length, terminator, timeout_seconds }, signal) => {
      const digits = await actions.collectDigits({
        length: Number(length),
        terminator: typeof terminator === "string" ? terminator : "#",
        timeoutMs: (typeof timeout_seconds === "number" ? timeout_seconds : 15) * 1000,
      }, signal);
      return { digits, complete: digits.length === Number(length) };
    },
  };
}

export function takeMessageTool({ description, confirm }: BuiltIn, actions: CallActions): Tool {
  return {
    schema: {
      name: "take_message",
      description: description ??
        "Leave a message for the people here. Ask for name, number and what it is about first.",
      parameters: {
        type: "object",
        properties: {
          message: { type: "string", maxLength: 2000 },
          name: { type: "string", maxLength: 200 },
          phone: { type: "string", maxLength: 40 },
          urgent: { type: "boolean" },
        },
        required: ["message"],
        additionalProperties: false,
      },
    },
    sideEffect: true,
    confirm,
    timeoutMs: 10_000,
    run: async (args, signal) => {
      const delivered = await actions.takeMessage(args, signal);
      if (delivered.ok) return { status: "The message was handed over." };
      return {
        error: `The message was not handed over: ${describeFault(delivered.fault)}`,
        instruction: "Tell the caller so. What was said is in the record of this call; do not promise more.",
      };
    },
  };
}
