/** The conversation held by one remote Voice Agent: keeps caller audio until it is ready, and its replies apart. */

import { BoundedQueue } from "../base/queue.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { OpenVoiceAgent, VoiceAgent, VoiceAgentEvent } from "../providers/ports.ts";
import type { Engine, EngineHost } from "./engine.ts";
import { Fence, type FenceAction } from "./fence.ts";

/** Caller audio kept until the agent is ready: 10 s. */
const EARLY_FRAMES = 500;
/** Without a sign of a new reply the fence comes down by itself. */
const FENCE_LIMIT_MS = 10_000;
/** A reply without `AgentAudioDone` is over when this long brought no audio and all was played. */
const QUIET_MS = 600;
/** Text whose audio has not begun may still get some for this long. */
const SILENT_TEXT_MS = 5000;

export interface AgentEngineParts {
  openAgent: OpenVoiceAgent;
  host: EngineHost;
  clock: Clock;
}

export class AgentEngine implements Engine {
  readonly #host: EngineHost;
  readonly #clock: Clock;
  readonly #fence: Fence;
  readonly #agent: VoiceAgent;
  readonly #timers: TimerSet<"fence" | "quiet">;
  #early: BoundedQueue<Uint8Array> | undefined = new BoundedQueue({ limit: EARLY_FRAMES, whenFull: "drop-oldest" });
  #ended = false;
  #lastAudioMs = 0;
  #heardAudio = false;
  /** Texts we asked the agent to say: its own echo of them shows that it took the injection. */
  #injected: string[] = [];
  readonly #cancelled = new Set<string>();

  constructor({ openAgent, host, clock }: AgentEngineParts) {
    this.#host = host;
    this.#clock = clock;
    this.#fence = new Fence(() => host.newReply());
    this.#timers = new TimerSet(clock, (name) => name === "fence" ? this.#failSafe() : this.#checkQuiet());
    this.#agent = openAgent({ event: (event) => this.#event(event), audio: (bytes) => this.#audio(bytes) });
  }

  hear(frame: Uint8Array): void {
    if (this.#early) this.#early.push(frame);
    else this.#agent.hear(frame);
  }

  /** The agent has no message for keys; the model learns of them as typed text. */
  digit(digit: string): void {
    this.text(`[The caller pressed ${digit} on the keypad.]`);
  }

  text(text: string): void {
    this.#agent.injectCaller(text);
  }

  interrupt(): void {
    // The agent noticed the caller before we did; its history cannot be cut to what was heard (Deepgram reference, section 2.10).
  }

  resumed(_reply: number, as: number): void {
    for (const audio of this.#fence.takeKept()) this.#host.play(as, audio);
    this.#host.post({ kind: "reply-finished", reply: as });
  }

  say(text: string): void {
    this.#inject(text, "default");
  }

  answered(_reply: number, text: string): void {
    this.#perform(this.#fence.hold());
    this.#agent.inject(text, "interrupt");
  }

  toolResult(id: string, name: string, content: string): void {
    if (!this.#cancelled.delete(id)) this.#agent.functionResult(id, name, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timers[Symbol.dispose]();
    await this.#agent[Symbol.asyncDispose]();
  }

  #inject(text: string, behavior: "default" | "queue"): void {
    if (this.#injected.push(text) > 8) this.#injected.shift();
    this.#agent.inject(text, behavior);
  }

  #audio(bytes: Uint8Array): void {
    this.#lastAudioMs = this.#clock.monotonicMs();
    this.#heardAudio = true;
    this.#perform(this.#fence.audio(bytes));
  }

  #event(event: VoiceAgentEvent): void {
    if (this.#ended) return;
    switch (event.kind) {
      case "ready":
        return this.#ready(event.requestId);
      case "caller-started":
        this.#perform(this.#fence.callerStarted());
        this.#timers.arm("fence", FENCE_LIMIT_MS);
        return this.#host.post({ kind: "caller-spoke" });
      case "text":
        return event.role === "user" ? this.#callerText(event.content) : this.#agentText(event.content);
      case "answering":
        return this.#perform(this.#fence.answering());
      case "audio-done":
        return this.#perform(this.#fence.audioDone());
      case "function-calls":
        for (const call of event.calls) this.#host.post({ kind: "tool-call", ...call });
        return;
      case "functions-cancelled":
        for (const id of event.ids) this.#cancel(id);
        return;
      case "latency":
        return this.#host.post({ kind: "latency", parts: event.parts });
      case "warning":
        return this.#host.post({
          kind: "fault",
          fault: { kind: "rejected", peer: "deepgram-agent", code: event.code, detail: event.detail },
          fatal: false,
        });
      case "odd":
        return this.#host.post({
          kind: "fault",
          fault: { kind: "protocol", peer: "deepgram-agent", detail: event.detail },
          fatal: false,
        });
      case "ended":
        this.#timers[Symbol.dispose]();
        if (event.fault) this.#host.post({ kind: "fault", fault: event.fault, fatal: true });
        return;
      case "injection-refused":
        return void this.#injected.shift();
    }
  }

  #ready(requestId: string): void {
    const early = this.#early;
    this.#early = undefined;
    this.#host.post({ kind: "ready", requestId });
    if (!early) return;
    for (const frame of early.drain()) this.#agent.hear(frame);
    early[Symbol.dispose]();
  }

  #callerText(content: string): void {
    this.#timers.disarm("fence");
    this.#perform(this.#fence.callerText());
    this.#host.post({ kind: "caller-text", text: content, final: true });
  }

  #agentText(content: string): void {
    const injected = this.#injected.indexOf(content);
    if (injected >= 0) {
      this.#injected.splice(0, injected + 1);
      this.#perform(this.#fence.answering());
    }
    this.#perform(this.#fence.assistantText(content));
  }

  #cancel(id: string): void {
    this.#cancelled.add(id);
    if (this.#cancelled.size > 64) this.#cancelled.delete(this.#cancelled.values().next().value!);
    this.#host.post({ kind: "tool-cancelled", id });
  }

  #failSafe(): void {
    if (this.#fence.failSafe()) this.#host.post({ kind: "fence-timed-out" });
  }

  #checkQuiet(): void {
    const quietMs = this.#clock.monotonicMs() - this.#lastAudioMs;
    const limitMs = this.#heardAudio ? QUIET_MS : SILENT_TEXT_MS;
    if (quietMs >= limitMs && this.#host.drained()) this.#perform(this.#fence.quiet());
    else this.#timers.arm("quiet", QUIET_MS);
  }

  #perform(actions: FenceAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case "started":
          this.#heardAudio = false;
          this.#lastAudioMs = this.#clock.monotonicMs();
          this.#timers.arm("quiet", QUIET_MS);
          this.#host.post({ kind: "reply-started", reply: action.reply });
          break;
        case "play":
          this.#heardAudio = true;
          this.#host.play(action.reply, action.audio);
          break;
        case "text":
          this.#host.post({ kind: "reply-text", reply: action.reply, text: action.text });
          break;
        case "finished":
          this.#timers.disarm("quiet");
          this.#host.post({ kind: "reply-finished", reply: action.reply });
          break;
      }
    }
  }
}
