/** The messages of Cartesia's voice socket, both ways (pure). Cartesia reference, sections 4, 5 and 7. */

import * as z from "zod";
import { parseJson } from "../base/json.ts";
import { failed, type Fault, ok, type Result } from "../base/result.ts";
import type { SpokenWord } from "./ports.ts";

/** The newest protocol version this follows. Error objects changed with it; the older form is read too. */
const VERSION = "2026-03-01";

/** Of every request, the opening of a socket included. */
export function cartesiaHeaders(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}`, "cartesia-version": VERSION };
}

/** The configured voice, in the vendor's names; what is not named here goes out as it is. */
export interface CartesiaProvider {
  model_id: string;
  /** The id of a voice, or the vendor's own voice object. */
  voice: string | Record<string, unknown>;
  language?: string;
  /** 0.6 to 1.5; sonic-3 and later. */
  speed?: number;
  [vendorField: string]: unknown;
}

/** What every message of a context repeats unchanged. */
export type Settings = Readonly<Record<string, unknown>>;

/** mu-law as a phone line takes it; whole clauses are sent, so the server need not wait for more. */
export function settingsOf(provider: CartesiaProvider): Settings {
  return {
    ...voiceOf(provider),
    max_buffer_delay_ms: 0,
    add_timestamps: true,
    use_normalized_timestamps: false,
  };
}

/** Model, voice and format, the same on the socket and for one whole utterance (section 8). */
export function voiceOf({ type: _type, voice, speed, ...vendor }: CartesiaProvider): Settings {
  return {
    ...vendor,
    voice: typeof voice === "string" ? { mode: "id", id: voice } : voice,
    ...(speed === undefined ? {} : { generation_config: { speed } }),
    output_format: { container: "raw", encoding: "pcm_mulaw", sample_rate: 8000 },
  };
}

export function serialiseText(settings: Settings, context: string, transcript: string): string {
  return JSON.stringify({ ...settings, context_id: context, transcript, continue: true });
}

/** No more text comes for `context`. Only for a context that got text: else the server answers with an error. */
export function serialiseFinish(settings: Settings, context: string): string {
  return JSON.stringify({ ...settings, context_id: context, transcript: "", continue: false });
}

export function serialiseCancel(context: string): string {
  return JSON.stringify({ context_id: context, cancel: true });
}

export type CartesiaMessage =
  | { kind: "audio"; context: string; bytes: Uint8Array }
  /** Times in ms from the start of the context's audio. */
  | { kind: "words"; context: string; words: SpokenWord[] }
  /** One submission was spoken to its end. */
  | { kind: "flushed"; context: string }
  | { kind: "done"; context: string }
  /** `again`: the same request may well succeed on a new context. Without `context` it is not known whose it is. */
  | { kind: "error"; context: string | undefined; status: number; fault: Fault; again: boolean }
  /** Something newer than this. */
  | { kind: "other" };

const Typed = z.object({ type: z.string() });
const Numbers = z.array(z.number());
const Inbound = z.discriminatedUnion("type", [
  z.object({ type: z.literal("chunk"), context_id: z.string(), data: z.string() }),
  z.object({
    type: z.literal("timestamps"),
    context_id: z.string(),
    word_timestamps: z.object({ words: z.array(z.string()), start: Numbers, end: Numbers }),
  }),
  z.object({ type: z.literal("flush_done"), context_id: z.string() }),
  z.object({ type: z.literal("done"), context_id: z.string() }),
  z.object({
    type: z.literal("error"),
    context_id: z.string().nullish(),
    status_code: z.number().catch(500),
    error_code: z.string().nullish(),
    title: z.string().nullish(),
    message: z.string().nullish(),
    error: z.string().nullish(),
  }),
]);
type ErrorMessage = Extract<z.infer<typeof Inbound>, { type: "error" }>;
const KNOWN_TYPES = new Set(["chunk", "timestamps", "flush_done", "done", "error"]);

/** Read one text message. Never throws; a `protocol` fault where it is not as the reference has it. */
export function parseCartesia(text: string): Result<CartesiaMessage> {
  const value = parseJson(text);
  const type = Typed.safeParse(value).data?.type;
  if (type !== undefined && !KNOWN_TYPES.has(type)) return ok({ kind: "other" });
  const parsed = Inbound.safeParse(value);
  if (!parsed.success) return odd(`its ${type ?? "message"} is not as documented`);
  const message = parsed.data;
  switch (message.type) {
    case "chunk": {
      const bytes = fromBase64(message.data);
      return bytes ? ok({ kind: "audio", context: message.context_id, bytes }) : odd("its audio is not base64");
    }
    case "timestamps":
      return ok({ kind: "words", context: message.context_id, words: wordsOf(message.word_timestamps) });
    case "flush_done":
      return ok({ kind: "flushed", context: message.context_id });
    case "done":
      return ok({ kind: "done", context: message.context_id });
    case "error":
      return ok({
        kind: "error",
        context: message.context_id ?? undefined,
        status: message.status_code,
        fault: faultOf(message),
        again: message.status_code === 429 || message.status_code >= 500,
      });
  }
}

/** What to do about the codes that mean a wrong configuration. */
const ADVICE: Readonly<Record<string, string>> = {
  model_not_found: "Check model_id",
  model_sunsetted: "This model was retired: set model_id to a current one",
  voice_not_found: "Check the voice id, or CARTESIA_VOICE_ID",
  voice_model_mismatch: "This voice needs another model_id",
  language_not_supported: "Check the language",
  plan_upgrade_required: "The account's plan does not include this",
};

/** An error in either shape as a fault: what concerns the account is `refused`, the rest `rejected`. Section 7. */
function faultOf({ status_code: status, error_code, title, message, error }: ErrorMessage): Fault {
  const words = error ?? [title, message].filter(Boolean).join(": ");
  const code = error_code ?? String(status);
  if (error_code === "quota_exceeded") return refusal(402, code, words);
  if ([401, 402, 403, 429].includes(status)) return refusal(status, code, words);
  const advice = ADVICE[code];
  return { kind: "rejected", peer: "cartesia", code, detail: advice ? `${words}. ${advice}` : words };
}

function refusal(status: number, code: string, words: string): Fault {
  return { kind: "refused", peer: "cartesia", status, detail: `${code}: ${words}` };
}

/** The fault of an HTTP answer, whose body may be the structured form or plain text. */
export function refusalOf(status: number, body: string): Fault {
  const value = parseJson(body);
  const { error_code, title, message } = z.object({
    error_code: z.string().nullish(),
    title: z.string().nullish(),
    message: z.string().nullish(),
  }).safeParse(value).data ?? {};
  const words = [title, message].filter(Boolean).join(": ") || body.trim();
  const detail = [error_code, words].filter(Boolean).join(": ").slice(0, 300);
  return { kind: "refused", peer: "cartesia", status, detail };
}

function wordsOf({ words, start, end }: { words: string[]; start: number[]; end: number[] }): SpokenWord[] {
  const count = Math.min(words.length, start.length, end.length);
  return words.slice(0, count).map((text, at) => (
    { text, startMs: Math.round(start[at]! * 1000), endMs: Math.round(end[at]! * 1000) }
  ));
}

function odd(detail: string): Result<never> {
  return failed({ kind: "protocol", peer: "cartesia", detail });
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}
