/** One connection of the Voice Agent stand-in: the protocol seen from the vendor's side (Deepgram reference, sections 2 and 8.3). */

import { FRAME_BYTES } from "../audio/frame.ts";
import type { Voice } from "../audio/voice.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Wire } from "../base/wire.ts";
import type { AgentFaults, AgentKnobs } from "./agent_faults.ts";
import { AgentMind } from "./agent_mind.ts";
import { Mouth, type Sentence, sentencesOf, type SpokenReply } from "./agent_mouth.ts";
import { type AgentPhase, injectionOutcome } from "./agent_phase.ts";
import { SessionRecord } from "./agent_record.ts";
import { type ClientMessage, readClientMessage } from "./agent_settings.ts";
import { Turn } from "./agent_turn.ts";
import type { Brain } from "./brain.ts";
import { type Drop, dropWire, seconds } from "./deepgram_door.ts";
import { Ear, type Speech, type SpeechSense } from "./ear.ts";

/** What a session needs of the stand-in that opened it. */
export interface SessionParts {
  clock: Clock;
  /** Uniform numbers in [0, 1); seeded, a run repeats. */
  random: () => number;
  voice: Voice;
  think: Brain;
  openSense: () => Promise<SpeechSense>;
  knobs: AgentKnobs;
  faults: Partial<AgentFaults>;
  newSource: () => number;
}

type MessageOf<Type extends ClientMessage["type"]> = Extract<ClientMessage, { type: Type }>;

/** Without a binary message for so long the session ends with `CLIENT_MESSAGE_TIMEOUT`, ms. */
const IDLE_MS = 10_000;
/** The caller's text where nobody can tell what was said. */
const UNTRANSCRIBED = "(speech)";

export class AgentSession {
  /** Counts the stand-in's sessions from 1. */
  readonly number: number;
  readonly requestId: string;
  readonly record = new SessionRecord();
  /** What was said, oldest first. */
  readonly replies: SpokenReply[] = [];
  /** Mistakes of our own: none in a healthy stand-in. */
  readonly crashes: unknown[] = [];
  readonly ear: Ear;
  readonly mind = new AgentMind();
  /** How the connection ended, as the client closed it or as we did. */
  ended: { code: number; reason: string } | undefined;

  readonly #wire: Wire;
  readonly #parts: SessionParts;
  readonly #mouth: Mouth;
  readonly #later = new Set<Timer>();
  #listenUpdate: Timer | undefined;
  #falseStart: Timer | undefined;
  #stage: "settings" | "applying" | "ready" | "closed" = "settings";
  #turn: Turn | undefined;
  /** What the caller said before going on: part of the turn to come. */
  #carried: Speech = { words: "", spokeMs: 0 };
  /** Someone is taken to be speaking, though there is no audio of it. */
  #silentSpeech = false;
  #turnEndedMs = 0;
  #lastBinaryMs = 0;
  #calls = 0;

  constructor(wire: Wire, { number, parts }: { number: number; parts: SessionParts }) {
    this.number = number;
    this.#wire = wire;
    this.#parts = parts;
    const { clock, random, voice, knobs, faults, newSource } = parts;
    this.requestId = uuid(random);
    const crashed = (error: unknown) => this.#crash(error);
    this.ear = new Ear({
      events: {
        started: () => this.#callerStarted(),
        voiced: () => this.#callerVoiced(),
        ended: (speech) => this.#callerEnded(speech),
      },
      ...{ endpointMs: knobs.endpointMs, openSense: parts.openSense, crashed },
    });
    this.#mouth = new Mouth({
      ...{ clock, random, voice, newSource, rateX: knobs.rateX, chunkBytes: knobs.chunkBytes },
      ...{ slowFirstByteMs: faults.slowFirstByteMs ?? 0, stallMs: faults.stallMidReplyMs ?? 0 },
      text: ({ text, announced }) => {
        if (!announced) this.#showSentence(text);
      },
      audio: (bytes, reply) => this.#audioLeaves(bytes, reply),
      failed: (error) => {
        this.crashes.push(error);
        this.fail("FAILED_TO_SPEAK", "The voice failed.");
      },
      done: () => {
        if (!faults.missingAudioDone) this.#send({ type: "AgentAudioDone" });
      },
    });
    this.#open();
  }

  get phase(): AgentPhase {
    if (this.#stage === "closed") return "closed";
    if (this.#stage === "settings") return "awaiting-settings";
    if (this.#stage === "applying") return "applying";
    if (this.#userSpeaking) return "user-speaking";
    if (this.#turn && !this.#turn.confirmed) return "speculating";
    if (this.#mouth.active) return "speaking";
    if (this.#turn?.waiting) return "waiting-function";
    return this.#turn ? "thinking" : "idle";
  }

  // What a test or a demonstration may make happen.

  /** Noise is taken for speech: `UserStartedSpeaking`, and no words follow. */
  falseStart(): void {
    if (this.#stage !== "ready" || this.#userSpeaking) return;
    this.#callerStarted();
    this.#silentSpeech = true;
    this.#falseStart = this.#after(this.#parts.knobs.endpointMs, () => {
      this.#silentSpeech = false;
      this.#callerEnded({ words: "", spokeMs: 0 });
    });
  }

  /** As if the caller had said this, within `ms`, without any audio. */
  callerSays(words: string, ms = 500): void {
    if (this.#stage !== "ready" || this.#userSpeaking) return;
    this.#callerStarted();
    this.#silentSpeech = true;
    this.#after(ms, () => {
      this.#silentSpeech = false;
      this.#callerEnded({ words, spokeMs: ms });
    });
  }

  /** Report an error and close without a status, as the vendor does after every error. */
  fail(code: string, description = "The stand-in was told to fail."): void {
    this.#send({ type: "Error", code, description });
    this.#wire.close();
    this.#close(1005, code);
  }

  /** End the socket with a close code, or without any close frame. */
  drop(how: Drop): void {
    dropWire(this.#wire, how);
    this.#close(how === "cut" ? 1006 : how, "dropped");
  }

  /** Send anything at all. */
  sendRaw(data: string | Uint8Array): void {
    this.#wire.send(data);
  }

  #open(): void {
    const { faults, knobs } = this.#parts;
    this.#wire.listen({
      text: (text) => this.#hearText(text),
      binary: (bytes) => this.#hearBinary(bytes),
      close: (code, reason) => this.#close(code, reason),
      crashed: (error) => this.#crash(error),
    });
    if (this.#stage === "closed") return; // it was gone already
    if (faults.dropAfterMs !== undefined) this.#after(faults.dropAfterMs, () => this.drop(faults.dropCode ?? "cut"));
    if (faults.silentAfterOpen) return;
    this.#lastBinaryMs = this.#nowMs;
    this.#after(IDLE_MS, () => this.#checkIdle());
    // The vendor's code for this was not in our sources.
    const capped = "The session has reached its longest duration.";
    this.#after(knobs.sessionMs, () => this.fail("SESSION_DURATION_LIMIT", capped));
    this.#send({ type: "Welcome", request_id: this.requestId });
    this.#failIfTold("open");
  }

  get #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  get #userSpeaking(): boolean {
    return this.ear.speaking || this.#silentSpeech;
  }

  // What the client sends.

  #hearBinary(bytes: Uint8Array): void {
    if (this.#stage === "closed" || this.#parts.faults.silentAfterOpen) return;
    this.record.noteAudio(this.#nowMs, bytes.length);
    if (this.#stage !== "ready") return this.#tooEarly("audio");
    this.#lastBinaryMs = this.#nowMs;
    if (this.#parts.faults.latencySpam && this.record.audio.messages % 15 === 0) {
      this.#send({ type: "LatencyReport", stt_latency: seconds(80 + 60 * this.#parts.random()) });
    }
    this.ear.push(bytes);
  }

  #hearText(text: string): void {
    if (this.#stage === "closed" || this.#parts.faults.silentAfterOpen) return;
    this.record.noteReceived(this.#nowMs, text);
    const read = readClientMessage(text);
    if (!read.ok) return this.#refuse(read.rejection);
    const { message } = read;
    if (message.type === "Settings") return this.#takeSettings(message);
    if (this.#stage === "settings") return this.#tooEarly(message.type);
    if (this.#stage === "applying" && message.type !== "KeepAlive") return this.#tooEarly(message.type);
    this.#obey(message);
  }

  #refuse({ code, description }: { code: string; description: string }): void {
    this.record.noteViolation(`${code}: ${description}`);
    if (code === "FAILED_TO_SPEAK" && this.#stage === "settings") this.#send({ type: "SettingsApplied" });
    this.fail(code, description);
  }

  #tooEarly(what: string): void {
    const description = this.#stage === "settings"
      ? "A message other than Settings was received first."
      : "A message was received before the settings were applied.";
    this.record.noteViolation(`${what} before ${this.#stage === "settings" ? "Settings" : "SettingsApplied"}`);
    this.fail("NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", description);
  }

  #obey(message: Exclude<ClientMessage, { type: "Settings" }>): void {
    const { knobs } = this.#parts;
    switch (message.type) {
      case "KeepAlive":
        if (knobs.keepAliveCounts) this.#lastBinaryMs = this.#nowMs;
        return;
      case "UpdatePrompt":
        this.mind.prompt += `\n${message.prompt}`;
        return this.#acknowledge("PromptUpdated");
      case "UpdateThink":
        this.#warnIfCut(this.mind.takeThink(message.think));
        return this.#acknowledge("ThinkUpdated");
      case "UpdateSpeak":
        return this.#acknowledge("SpeakUpdated");
      case "UpdateListen":
        this.mind.takeListen(message.listen.provider);
        this.#listenUpdate?.[Symbol.dispose]();
        this.#listenUpdate = this.#after(knobs.ackMs * 1.5, () => this.#send({ type: "ListenUpdated" }));
        return;
      case "InjectUserMessage":
        return this.#takeTyped(message.content);
      case "InjectAgentMessage":
        return this.#inject(message);
      case "FunctionCallResponse":
        if (!this.#turn?.respond(message.id, message.content)) {
          this.record.noteViolation(`FunctionCallResponse for ${message.id}, which nobody waits for`);
        }
        return;
      case "ForceEndTurn":
        return this.#forceEndTurn();
    }
  }

  #takeSettings(settings: MessageOf<"Settings">): void {
    if (this.#stage !== "settings") {
      this.record.noteViolation("a second Settings");
      return this.fail("SETTINGS_ALREADY_APPLIED", "Settings have already been applied.");
    }
    this.#stage = "applying";
    this.#warnIfCut(this.mind.takeSettings(settings));
    const { greeting } = settings.agent;
    if (greeting && this.#parts.knobs.greetingFirst) this.#showSentence(greeting);
    if (!this.#parts.faults.neverApply) this.#after(this.#parts.knobs.applyMs, () => this.#applied());
  }

  #applied(): void {
    if (this.#failIfTold("settings")) return;
    const { knobs } = this.#parts;
    this.#stage = "ready";
    this.#lastBinaryMs = this.#nowMs;
    this.#send({ type: "SettingsApplied" });
    this.#send({ type: "SessionInsight", detail: { build: "rehearsal", region: null } }); // a type nobody knows, in every run
    this.#garbage();
    const greeting = this.mind.settings?.agent.greeting;
    if (greeting) this.#say({ text: greeting, leadMs: knobs.greetingMs, announced: knobs.greetingFirst });
  }

  #warnIfCut(cut: boolean): void {
    if (cut) this.#send({ type: "Warning", code: "PROMPT_TOO_LONG", description: "The prompt was cut." });
  }

  #acknowledge(type: string): void {
    this.#after(this.#parts.knobs.ackMs, () => this.#send({ type }));
  }

  #forceEndTurn(): void {
    if (!this.mind.flux) {
      this.record.noteViolation("ForceEndTurn without a Flux listen provider");
      return this.fail(
        "UNPARSABLE_CLIENT_MESSAGE",
        "Text message received from client did not match any of the formats we expect.",
      );
    }
    this.ear.forceEnd();
    this.#turn?.confirmNow();
  }

  #inject({ message, behavior = "default" }: MessageOf<"InjectAgentMessage">): void {
    const { rejectInjection } = this.#parts.faults;
    if (rejectInjection === "silent") return;
    const outcome = injectionOutcome(this.phase, behavior);
    if (rejectInjection === "refuse" || outcome === "refused-user" || outcome === "refused-agent") {
      const who = outcome === "refused-user" ? "user" : "agent";
      return this.#send({ type: "InjectionRefused", message: `The message was not injected: the ${who} is mid-turn.` });
    }
    if (behavior === "interrupt") this.#breakOff();
    if (outcome === "replaced") this.#dropTurn();
    this.#say({ text: message, leadMs: this.#parts.knobs.injectMs });
  }

  /** Typed text is a turn of its own, confirmed as it comes. */
  #takeTyped(content: string): void {
    this.#breakOff();
    this.#answer({ words: content, spokeMs: 0 }, 0);
  }

  // The caller's voice.

  #callerStarted(): void {
    if (this.#silentSpeech) { // announced already
      this.#silentSpeech = false;
      return this.#falseStart?.[Symbol.dispose]();
    }
    const unconfirmed = this.#turn && !this.#turn.confirmed ? this.#turn.speech : undefined;
    if (unconfirmed) this.#carried = unconfirmed;
    this.#bargeIn();
    this.#dropTurn();
  }

  /** Speech goes on: it cuts what was injected meanwhile. */
  #callerVoiced(): void {
    if (!this.#mouth.sounding) return;
    this.#bargeIn();
    this.#dropTurn();
  }

  #callerEnded(speech: Speech): void {
    if (this.#stage !== "ready") return;
    const whole = {
      words: [this.#carried.words, speech.words].filter(Boolean).join(" "),
      spokeMs: this.#carried.spokeMs + speech.spokeMs,
    };
    this.#carried = { words: "", spokeMs: 0 };
    if (whole.spokeMs > 0) this.#answer(whole, this.#parts.knobs.confirmMs);
  }

  /** Stop speaking without telling the client. The frame is still filled, because what follows must begin with a frame of its own. */
  #breakOff(): void {
    const { audio } = this.#mouth.stop();
    if (audio.length % FRAME_BYTES > 0) this.#wire.send(audio.subarray(0, audio.length % FRAME_BYTES));
  }

  #bargeIn(): void {
    const { faults, random } = this.#parts;
    const wasSounding = this.#mouth.sounding;
    const { audio, sentences } = this.#mouth.stop();
    this.#send({ type: "UserStartedSpeaking" });
    if (!wasSounding) return;
    const stale = Math.floor(random() * ((faults.staleFrames ?? 5) + 1));
    let rest = audio;
    for (let n = 1; n <= stale && rest.length > 0; n++) {
      const chunk = rest.subarray(0, 1 + Math.floor(random() * 800));
      rest = rest.subarray(chunk.length);
      this.#after(n * 8, () => this.#wire.send(chunk));
    }
    if (faults.lateAssistantText) {
      const late = sentences[0]?.text ?? "And there is one more thing.";
      this.#after(60, () => this.#showSentence(late));
    }
    if (faults.doneAfterBargeIn) this.#after(80, () => this.#send({ type: "AgentAudioDone" }));
  }

  #dropTurn(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
  }

  #answer(speech: Speech, confirmMs: number): void {
    this.#dropTurn();
    this.#turnEndedMs = this.#nowMs;
    const { clock, knobs, think } = this.#parts;
    const turn: Turn = this.#turn = new Turn({
      ...{ clock, thinkMs: knobs.thinkMs, slowThinkMs: knobs.slowThinkMs },
      think: (said, results) => this.mind.ask(think, said, results),
      functionNamed: (name) => this.mind.functionNamed(name),
      newCallId: () => `fc_${this.number}_${++this.#calls}`,
      send: (message) => this.#send(message),
      confirmed: (said) => this.#turnConfirmed(said),
      say: (text) => this.#say(...sentencesOf(text).map((sentence) => ({ text: sentence }))),
      noSuchFunction: (name) => this.fail("NON_EXISTENT_FUNCTION_CALLED", `The function ${name} does not exist.`),
    }, speech);
    turn.run(confirmMs).then(
      () => {
        if (this.#turn === turn) this.#turn = undefined;
      },
      (error) => {
        if (!turn.cancelled) this.#crash(error);
      },
    );
  }

  #turnConfirmed({ words }: Speech): void {
    if (this.#failIfTold("turn")) return;
    const content = words || UNTRANSCRIBED;
    const languages = this.mind.multilingual ? { languages: ["en"], languages_hinted: [] } : {};
    this.mind.history.push({ role: "user", content });
    this.#send({ type: "ConversationText", role: "user", content, ...languages });
    this.#send({ type: "History", role: "user", content });
    if (this.#parts.random() < 0.5) this.#send({ type: "AgentThinking", content: "How shall I answer this?" });
  }

  // What we say.

  #say(...sentences: Sentence[]): void {
    if (sentences.length === 0) return;
    const reply = this.#mouth.say(...sentences);
    if (this.replies.at(-1) !== reply) this.replies.push(reply);
  }

  #showSentence(content: string): void {
    this.mind.history.push({ role: "assistant", content });
    this.#send({ type: "ConversationText", role: "assistant", content });
    this.#send({ type: "History", role: "assistant", content });
  }

  #audioLeaves(bytes: Uint8Array, reply: SpokenReply): void {
    if (reply.sentBytes === bytes.length) this.#firstAudio();
    this.#wire.send(bytes);
    const { dropMidReply, dropCode } = this.#parts.faults;
    if (dropMidReply && this.replies.length >= dropMidReply.reply && reply.sentBytes >= dropMidReply.afterBytes) {
      this.drop(dropCode ?? "cut");
    }
  }

  /** The reports about a turn come now, each figure in a message of its own. */
  #firstAudio(): void {
    this.#garbage();
    if (this.#turnEndedMs === 0 || this.#failIfTold("reply")) return;
    const totalMs = this.#nowMs - this.#turnEndedMs;
    this.#turnEndedMs = 0;
    const parts = { tts_latency: 0.2 * totalMs, ttt_text_latency: 0.6 * totalMs, stt_latency: 0.2 * totalMs };
    if (this.#parts.random() < 0.5) {
      const [total, tts, ttt] = [totalMs, parts.tts_latency, parts.ttt_text_latency].map(seconds);
      this.#send({ type: "AgentStartedSpeaking", total_latency: total, tts_latency: tts, ttt_latency: ttt });
    }
    for (const [name, ms] of Object.entries({ ...parts, total_latency: totalMs })) {
      this.#send({ type: "LatencyReport", [name]: seconds(ms) });
    }
  }

  #send(message: Record<string, unknown>): void {
    if (this.#stage === "closed") return;
    if (message.type === "History" && this.mind.settings?.flags?.history === false) return;
    this.record.noteSent(this.#nowMs, message);
    this.#wire.send(JSON.stringify(message));
  }

  // What goes wrong, and the end.

  #garbage(): void {
    if (!this.#parts.faults.garbage) return;
    for (const text of GARBAGE) this.#wire.send(text);
    this.#wire.send(new Uint8Array());
  }

  #failIfTold(at: NonNullable<AgentFaults["error"]>["at"]): boolean {
    const { error } = this.#parts.faults;
    if (error?.at !== at) return false;
    this.fail(error.code);
    return true;
  }

  /** Look again when the time could be up, instead of moving the timer 50 times a second. */
  #checkIdle(): void {
    const leftMs = this.#lastBinaryMs + IDLE_MS - this.#nowMs;
    if (leftMs > 0) return void this.#after(leftMs, () => this.#checkIdle());
    this.record.noteViolation(`no audio for ${IDLE_MS} ms`);
    this.fail(
      "CLIENT_MESSAGE_TIMEOUT",
      "We waited too long for a websocket message. Please ensure that you're sending binary messages containing user speech.",
    );
  }

  #after(ms: number, action: () => void): Timer {
    const timer = this.#parts.clock.after(ms, () => {
      this.#later.delete(timer);
      action();
    });
    this.#later.add(timer);
    return timer;
  }

  #crash(error: unknown): void {
    this.crashes.push(error);
    if (this.#stage !== "closed") this.fail("INTERNAL_SERVER_ERROR", "The stand-in itself failed.");
  }

  #close(code: number, reason: string): void {
    if (this.#stage === "closed") return;
    this.#dropTurn();
    this.#stage = "closed";
    this.ended = { code, reason };
    this.#mouth.stop();
    this.ear[Symbol.dispose]();
    for (const timer of this.#later) timer[Symbol.dispose]();
    this.#later.clear();
  }
}

/** What a client must survive: no JSON, no object, known types with wrong fields. */
const GARBAGE = [
  '{"type":"Conv',
  "42",
  "null",
  "[]",
  '{"kind":1}',
  '{"type":"ConversationText"}',
  '{"type":"ConversationText","role":"nobody","content":7}',
  '{"type":"FunctionCallRequest","functions":"none"}',
  '{"type":"LatencyReport","total_latency":"fast"}',
];

/** A UUID of version 4 from `random`, so that a seeded run repeats. */
function uuid(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join("");
  const variant = "89ab"[Math.floor(random() * 4)];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
