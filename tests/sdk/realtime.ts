/** A small stand-in of OpenAI's Realtime API: what a phone call needs of it. OpenAI Realtime reference, sections 4 to 8 and 12. */

import { Buffer } from "node:buffer";
import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import { readTag } from "../../lib/audio/tag.ts";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import type { AnswerHandshake } from "../../lib/base/dial.ts";
import type { Wire } from "../../lib/base/wire.ts";
import type { StandIn } from "../../lib/rehearsal/serve.ts";
import { type Message, speech } from "./sockets.ts";

/** Audio of one delta, and how much faster than it sounds the deltas come. */
const DELTA_MS = 200;
const TIMES_REAL = 4;
/** Silence that ends the caller's turn. */
const SILENCE_MS = 300;

export interface RealtimeStandIn extends StandIn {
  readonly sessions: RealtimeSession[];
}

/** `answer` says what the model says; "" is the greeting's question. */
export function realtimeStandIn(answer: (said: string) => string): RealtimeStandIn {
  const sessions: RealtimeSession[] = [];
  const handshake: AnswerHandshake = ({ headers }) => {
    if (!headers.get("authorization")?.startsWith("Bearer ")) {
      return { refuse: Response.json({ error: { code: "invalid_api_key" } }, { status: 401 }) };
    }
    return { accept: (wire) => void sessions.push(new RealtimeSession(wire, answer)) };
  };
  return { path: "/v1/realtime", answer: handshake, sessions };
}

interface Item {
  id: string;
  generatedMs: number;
}

export class RealtimeSession {
  /** Types of the client's events but for audio, in order. */
  readonly received: string[] = [];
  /** Codes of the errors sent. */
  readonly errors: string[] = [];
  /** What the client said was heard of an item that it cut short. */
  readonly truncated: { id: string; generatedMs: number; audioEndMs: number }[] = [];
  /** How each response ended. */
  readonly ends: string[] = [];
  closed = false;
  readonly #wire: Wire;
  readonly #answer: (said: string) => string;
  readonly #items = new Map<string, Item>();
  #session: Message = { type: "realtime", audio: { input: {}, output: {} }, tracing: null };
  #response: { id: string; gone: AbortController } | undefined;
  #ids = 0;
  #appendedMs = 0;
  #said = "";
  #userItem: string | undefined;
  #quietMs = 0;

  constructor(wire: Wire, answer: (said: string) => string) {
    this.#wire = wire;
    this.#answer = answer;
    wire.listen({
      text: (text) => this.#hear(JSON.parse(text)),
      binary: () => this.#error("invalid_event", "text only"),
      close: () => {
        this.closed = true;
        this.#response?.gone.abort();
      },
      crashed: () => wire.close(1011, "internal error"),
    });
    this.#send("session.created", { session: this.#session });
  }

  #id(kind: string): string {
    return `${kind}_${++this.#ids}`;
  }

  #send(type: string, fields: Record<string, unknown>): void {
    this.#wire.send(JSON.stringify({ type, event_id: this.#id("event"), ...fields }));
  }

  #error(code: string | null, message: string): void {
    this.errors.push(code ?? message);
    this.#send("error", { error: { type: "invalid_request_error", code, message, param: null } });
  }

  #hear(event: Message): void {
    if (event.type !== "input_audio_buffer.append") this.received.push(event.type);
    switch (event.type) {
      case "session.update":
        return this.#update(event.session);
      case "input_audio_buffer.append":
        return this.#append(Buffer.from(event.audio, "base64"));
      case "response.create":
        if (this.#response) return this.#error("conversation_already_has_active_response", "a response is active");
        return this.#respond("");
      case "response.cancel":
        if (!this.#response) {
          return this.#error("response_cancel_not_active", "Cancellation failed: no active response");
        }
        return this.#cancel("client_cancelled");
      case "conversation.item.truncate":
        return this.#truncate(event);
      case "conversation.item.retrieve": {
        const assistant = this.#items.has(event.item_id);
        const content = assistant
          ? [{ type: "output_audio", transcript: "" }]
          : [{ type: "input_audio", transcript: "" }];
        const item = { id: event.item_id, type: "message", role: assistant ? "assistant" : "user", content };
        return this.#send("conversation.item.retrieved", { item: { ...item, status: "completed" } });
      }
      default:
        return this.#error("invalid_value", `unknown event ${event.type}`);
    }
  }

  #update(session: Message): void {
    if (session.type !== "realtime") return this.#error("invalid_value", "session.type must be realtime");
    for (const side of ["input", "output"] as const) {
      const format = session.audio?.[side]?.format;
      if (format?.type === "audio/pcm" && !format.rate) return this.#error("missing_required_parameter", "rate");
    }
    this.#session = merged(this.#session, session);
    this.#send("session.updated", { session: this.#session });
  }

  /** Audio of the caller: tagged frames are speech. */
  #append(audio: Uint8Array): void {
    for (let at = 0; at < audio.length; at += FRAME_BYTES) {
      this.#appendedMs += FRAME_MS;
      const frame = audio.subarray(at, at + FRAME_BYTES);
      const tag = frame.length === FRAME_BYTES ? readTag(frame) : undefined;
      if (tag) this.#speech(tag.last ? `${tag.words} ` : tag.words);
      else if (this.#userItem && (this.#quietMs += FRAME_MS) >= SILENCE_MS) this.#endOfTurn(this.#userItem);
    }
  }

  #speech(words: string): void {
    this.#said += words;
    this.#quietMs = 0;
    if (this.#userItem) return;
    this.#userItem = this.#id("item");
    this.#send("input_audio_buffer.speech_started", { audio_start_ms: this.#appendedMs, item_id: this.#userItem });
    const { interrupt_response = true } = this.#session.audio.input.turn_detection ?? {};
    if (interrupt_response && this.#response) this.#cancel("turn_detected");
  }

  #endOfTurn(item_id: string): void {
    const transcript = this.#said.trim();
    this.#userItem = undefined;
    this.#said = "";
    this.#send("input_audio_buffer.speech_stopped", { audio_end_ms: this.#appendedMs, item_id });
    this.#send("input_audio_buffer.committed", { item_id, previous_item_id: null });
    const item = {
      id: item_id,
      type: "message",
      role: "user",
      status: "completed",
      content: [{ type: "input_audio", audio: null, transcript: null }],
    };
    this.#send("conversation.item.added", { item, previous_item_id: null });
    this.#send("conversation.item.input_audio_transcription.completed", {
      ...{ item_id, content_index: 0, transcript, usage: { type: "duration", seconds: 1 } },
    });
    if (!this.#response) this.#respond(transcript);
  }

  #respond(said: string): void {
    const { input, output } = this.#session.audio;
    if (input.format?.type !== "audio/pcmu" || output.format?.type !== "audio/pcmu") {
      return this.#error("invalid_value", "this stand-in speaks audio/pcmu only");
    }
    const response = this.#response = { id: this.#id("resp"), gone: new AbortController() };
    this.#speak(response, this.#answer(said)).catch((error) => {
      if (!response.gone.signal.aborted) this.#error(null, String(error));
    });
  }

  async #speak(response: { id: string; gone: AbortController }, text: string): Promise<void> {
    const item: Item = { id: this.#id("item"), generatedMs: 0 };
    const where = { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 };
    const message = { id: item.id, type: "message", role: "assistant", status: "in_progress", content: [] };
    const frames = await speech(text);
    response.gone.signal.throwIfAborted();
    this.#items.set(item.id, item);
    this.#send("response.created", {
      response: { id: response.id, object: "realtime.response", status: "in_progress" },
    });
    this.#send("response.output_item.added", { response_id: response.id, output_index: 0, item: message });
    this.#send("conversation.item.added", { item: message, previous_item_id: null });
    const perDelta = DELTA_MS / FRAME_MS;
    for (let at = 0; at < frames.length; at += perDelta) {
      const some = frames.slice(at, at + perDelta);
      item.generatedMs += some.length * FRAME_MS;
      this.#send("response.output_audio.delta", { ...where, delta: Buffer.concat(some).toString("base64") });
      await sleep(systemClock, DELTA_MS / TIMES_REAL, response.gone.signal);
    }
    this.#send("response.output_audio.done", where);
    this.#finish(response.id, "completed", null);
  }

  #cancel(reason: string): void {
    const { id, gone } = this.#response!; // the callers have looked
    gone.abort();
    this.#finish(id, "cancelled", { type: "cancelled", reason });
  }

  #finish(id: string, status: string, status_details: unknown): void {
    this.#response = undefined;
    this.ends.push(status);
    this.#send("response.done", {
      response: { id, object: "realtime.response", status, status_details, output: [], usage: null },
    });
  }

  /** Section 8: what was not generated cannot have been heard. */
  #truncate({ item_id, audio_end_ms }: Message): void {
    const item = this.#items.get(item_id);
    if (!item) return this.#error("item_truncate_invalid_item_id", item_id);
    if (!Number.isInteger(audio_end_ms)) return this.#error("invalid_type", "audio_end_ms");
    if (audio_end_ms < 0) return this.#error("integer_below_min_value", "audio_end_ms");
    if (audio_end_ms > item.generatedMs) {
      return this.#error(null, `Audio content of ${item.generatedMs}ms is already shorter than ${audio_end_ms}ms`);
    }
    this.truncated.push({ id: item_id, generatedMs: item.generatedMs, audioEndMs: audio_end_ms });
    this.#send("conversation.item.truncated", { item_id, content_index: 0, audio_end_ms });
  }
}

/** `change` over `base`, objects merged, all else replaced. */
function merged(base: Message, change: Message): Message {
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(base) || !isObject(change)) return change;
  return { ...base, ...Object.fromEntries(Object.entries(change).map(([key, to]) => [key, merged(base[key], to)])) };
}
