/** Deepgram's Voice Agent over one socket: a thin shell around its messages. Source: Deepgram reference, section 2. */

import { FRAME_MS } from "../audio/frame.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import type { Fault } from "../base/result.ts";
import type { Wire } from "../base/wire.ts";
import { eventOf, parseAgentMessage, settingsMessage, type VoiceAgentPlan } from "./deepgram_agent_messages.ts";
import { Gather } from "./gather.ts";
import type { OpenVoiceAgent, VoiceAgent, VoiceAgentHost } from "./ports.ts";

/** From the dial to `Welcome`, and from our settings to `SettingsApplied`: 160 ms once the socket is open (section 2.1). After that, another attempt is the better bet. */
const READY_DEADLINE_MS = 1500;
/** Unsent bytes at which the vendor is taken for gone: 16 s of audio. */
const CLOGGED_BYTES = 128 * 1024;

/** Errors of the agent that tell of our own mistake: a new session would make it again. After any other, known or not, it may do better. Deepgram reference, section 2.13. */
const OUR_MISTAKES = new Set([
  "UNPARSABLE_CLIENT_MESSAGE",
  "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS",
  "SETTINGS_ALREADY_APPLIED",
  "INVALID_SETTINGS",
  "USER_AUDIO_FORMAT",
  "AGENT_ID_NOT_SUPPORTED",
  "INVALID_AGENT_ID",
]);

/** Waits before the next attempts when the vendor is down, ms. */
const DOWN_MS = [0, 400, 1200];
/** Too many sessions: one more attempt, and the longest wait that a caller on the line is put to, ms. */
const BUSY_MS = 500;
const LONGEST_BUSY_MS = 3000;

/** When to open another session after `fault`, ms; undefined: never, it would fail the same way. `refusals`: how many attempts in a row were refused before. */
export function agentRetryMs(fault: Fault, refusals: number): number | undefined {
  switch (fault.kind) {
    case "lost":
    case "deadline":
    case "clogged":
      return 0;
    case "rejected":
      return OUR_MISTAKES.has(fault.code) ? undefined : 0;
    case "unreachable":
      return DOWN_MS[refusals];
    case "refused": {
      if (fault.status >= 500) return DOWN_MS[refusals];
      const waitMs = fault.retryAfterMs ?? BUSY_MS;
      return fault.status === 429 && refusals === 0 && waitMs <= LONGEST_BUSY_MS ? waitMs : undefined;
    }
    case "protocol":
      return undefined;
  }
}

export interface DeepgramAgentParts {
  dial: Dial;
  clock: Clock;
  url: string;
  key: string;
  /** Caller audio in one message, ms; 20 by default. */
  chunkMs?: number;
  /** Awaited once the agent has said welcome; while we wait for it, the agent is not late. */
  plan: VoiceAgentPlan | Promise<VoiceAgentPlan>;
}

/** Open sessions of Deepgram's Voice Agent. Strict order: Welcome, Settings, SettingsApplied, audio (section 2.1). */
export function deepgramAgent(parts: DeepgramAgentParts): OpenVoiceAgent {
  return (host) => new DeepgramAgentSession(parts, host);
}

class DeepgramAgentSession implements VoiceAgent {
  readonly #parts: DeepgramAgentParts;
  readonly #host: VoiceAgentHost;
  readonly #uplink: Gather;
  readonly #scope = new AbortController();
  #readyTimer: Timer;
  #wire: Wire | undefined;
  #openedMs = 0;
  #requestId = "";
  /** What it has not told yet of the greeting that we gave it. */
  #greeting = "";
  #ready = false;
  #ended = false;
  readonly #opening: Promise<void>;

  constructor(parts: DeepgramAgentParts, host: VoiceAgentHost) {
    this.#parts = parts;
    this.#host = host;
    this.#uplink = new Gather(parts.chunkMs ?? FRAME_MS, (chunk) => this.#put(chunk));
    // The dial has its own deadline; this one bounds dial and welcome together, whatever the dial does.
    this.#readyTimer = parts.clock.after(READY_DEADLINE_MS, () => this.#late());
    this.#opening = this.#open().catch((error) => {
      if (!this.#scope.signal.aborted) this.#odd(`opening failed: ${String(error)}`);
    });
  }

  hear(audio: Uint8Array): void {
    this.#uplink.push(audio);
  }

  inject(text: string): void {
    this.#send({ type: "InjectAgentMessage", message: text, behavior: "interrupt" });
  }

  injectCaller(text: string): void {
    this.#send({ type: "InjectUserMessage", content: text });
  }

  functionResult(id: string, name: string, content: string): void {
    this.#send({ type: "FunctionCallResponse", id, name, content });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await this.#opening;
  }

  async #open(): Promise<void> {
    const { dial, clock, url, key } = this.#parts;
    const headers = { Authorization: `Token ${key}` };
    const dialled = await dial({ peer: "deepgram-agent", url, headers }, this.#scope.signal);
    if (!dialled.ok) return this.#end(dialled.fault);
    if (this.#ended) return dialled.value.terminate();
    this.#wire = dialled.value;
    this.#openedMs = clock.monotonicMs();
    this.#wire.listen({
      text: (text) => this.#message(text),
      binary: (bytes) => this.#ended || this.#host.audio(bytes),
      close: (closeCode, reason) => this.#end(this.#lost(closeCode, reason)),
      crashed: (error) => {
        this.#end({ kind: "protocol", peer: "deepgram-agent", detail: "a message made us fail" });
        throw error;
      },
    });
  }

  #message(text: string): void {
    if (this.#ended) return;
    const message = parseAgentMessage(text);
    if (!message) return;
    if ("odd" in message) return this.#odd(message.odd);
    switch (message.type) {
      case "Welcome":
        this.#requestId = message.request_id;
        return void this.#settle().catch((error) => this.#odd(`no settings: ${String(error)}`));
      case "SettingsApplied":
        this.#readyTimer[Symbol.dispose]();
        this.#ready = true;
        return this.#host.event({ kind: "ready", requestId: this.#requestId });
      case "Error":
        return this.#end({
          kind: "rejected",
          peer: "deepgram-agent",
          code: message.code,
          detail: message.description,
        });
      default: {
        const event = eventOf(message);
        if (event) this.#host.event(event.kind === "text" && this.#greets(event) ? { ...event, greets: true } : event);
      }
    }
  }

  /** Its text comes in pieces. */
  #greets({ role, content }: { role: string; content: string }): boolean {
    if (role === "user" || content === "" || !this.#greeting.startsWith(content)) return false;
    this.#greeting = this.#greeting.slice(content.length).trimStart();
    return true;
  }

  async #settle(): Promise<void> {
    this.#readyTimer[Symbol.dispose]();
    try {
      const plan = await this.#parts.plan;
      this.#greeting = plan.greeting ?? "";
      this.#put(settingsMessage(plan));
    } finally {
      if (!this.#ended) this.#readyTimer = this.#parts.clock.after(READY_DEADLINE_MS, () => this.#late());
    }
  }

  #send(message: Record<string, unknown>): void {
    // Before `SettingsApplied` any other message would end the session.
    if (this.#ready) this.#put(JSON.stringify(message));
  }

  #put(data: string | Uint8Array): void {
    const wire = this.#wire;
    if (!wire || this.#ended) return;
    const bytes = wire.bufferedBytes;
    if (bytes > CLOGGED_BYTES) return this.#end({ kind: "clogged", peer: "deepgram-agent", bytes });
    wire.send(data);
  }

  #odd(detail: string): void {
    if (!this.#ended) this.#host.event({ kind: "odd", detail });
  }

  #late(): void {
    this.#end({ kind: "deadline", peer: "deepgram-agent", what: "SettingsApplied", limitMs: READY_DEADLINE_MS });
  }

  #lost(closeCode: number, reason: string): Fault {
    const openMs = this.#parts.clock.monotonicMs() - this.#openedMs;
    return { kind: "lost", peer: "deepgram-agent", closeCode, reason, openMs };
  }

  #end(fault: Fault): void {
    if (this.#ended) return;
    this.#close();
    this.#host.event({ kind: "ended", fault });
  }

  #close(): void {
    this.#ended = true;
    this.#readyTimer[Symbol.dispose]();
    this.#scope.abort();
    this.#wire?.close(1000);
  }
}
