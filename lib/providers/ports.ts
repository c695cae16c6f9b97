/** The narrow interfaces behind which the remote services stand: what the engine needs, not what a vendor offers. */

import type { Fault, Result } from "../base/result.ts";

/** One word as a voice speaks it; times in ms from the start of the reply's audio. */
export interface SpokenWord {
  text: string;
  startMs: number;
  endMs: number;
}

/** What a voice yields, in any mixture: whole 20 ms frames of G.711 mu-law at 8 kHz, and the times of words already or soon audible. */
export type Spoken = { kind: "audio"; frames: Uint8Array } | { kind: "words"; words: SpokenWord[] };

/** Text to speech. */
export interface Tts extends AsyncDisposable {
  readonly name: string;
  /**
   * Speak text as it comes. The pieces are joined verbatim, so they carry their own spaces. The first frame comes as
   * soon as there is one; the last is padded with silence. Ends within a frame of `signal`'s abort.
   * @throws {FaultError} when the voice fails; frames already yielded are good.
   */
  speak(text: AsyncIterable<string>, signal: AbortSignal): AsyncIterable<Spoken>;
}

/** What a recogniser says. `text` is the whole turn so far where the vendor keeps turns, else the open utterance. */
export type SttEvent =
  /** Someone makes sound like speech; no word is known yet. */
  | { kind: "spoke" }
  /** A guess that later events replace; "" takes back what was guessed. */
  | { kind: "interim"; text: string }
  /** These words are certain. `endOfTurn`: the recogniser takes the caller's turn to be over. */
  | { kind: "final"; text: string; endOfTurn: boolean }
  /** The turn is probably over: a reply may be prepared, unheard. */
  | { kind: "eager"; text: string }
  /** The eager end was wrong: the caller goes on. */
  | { kind: "resumed" }
  /** Its connection was lost, and another one goes on: nothing that was said is lost. */
  | { kind: "replaced"; fault: Fault }
  /** The recogniser is gone; nothing follows. Without `fault` we asked for it. */
  | { kind: "ended"; fault?: Fault };

/** Speech to text of one call. */
export interface Stt extends AsyncDisposable {
  /** Caller audio, 20 ms of mu-law at 8 kHz, which may change once this returns. Some seconds of it are kept while the connection opens. Never throws. */
  hear(frame: Uint8Array): void;
  /** Ask to be told the rest of what was said now, as a final. */
  finish(): void;
}

/** Opens a recogniser at once (it may still be connecting: faults come as `ended`; `opened` tells that it is connected). */
export type OpenStt = (listen: (event: SttEvent) => void, opened?: () => void) => Stt;

/** One message of the history, in the form of OpenAI chat completions. */
export type ChatMessage =
  | { role: "system" | "user"; content: string }
  | { role: "assistant"; content: string | null; tool_calls?: ChatToolCall[] }
  | { role: "tool"; tool_call_id: string; content: string };

export interface ChatToolCall {
  id: string;
  type: "function";
  /** `arguments` is JSON text as the model wrote it, which may not parse. */
  function: { name: string; arguments: string };
}

/** A function the model may call: JSON Schema `parameters`, as chat completions and the Voice Agent both take it. */
export interface ToolSchema {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export interface ChatRequest {
  messages: ChatMessage[];
  tools?: ToolSchema[];
  maxTokens?: number;
}

/** One whole answer in a form of ours. */
export interface ExtractRequest extends ChatRequest {
  schema: Record<string, unknown>;
  schemaName: string;
  /** Told what the answer has cost, where the server says so. */
  usage?: (usage: ChatUsage) => void;
}

/** What a language model yields. Exactly one `finish` ends a good answer. */
export type ChatPart =
  | { kind: "text"; text: string }
  /** It writes a call, which comes whole at the end: what it has said until then is complete. Once. */
  | { kind: "calling" }
  | { kind: "tool-call"; call: ChatToolCall }
  | { kind: "finish"; reason: "stop" | "length" | "tool-calls" | "content-filter"; usage?: ChatUsage };

export interface ChatUsage {
  promptTokens: number;
  completionTokens: number;
}

/** A language model. */
export interface Llm {
  readonly name: string;
  /**
   * Answer, streamed. Reasoning is never yielded. The request is closed as soon as `signal` aborts or the loop is left.
   * @throws {FaultError} refused, unreachable, deadline (first token, gap, total), rejected (error in mid-stream), lost (no finish reason seen).
   */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatPart>;
  /** One whole answer that satisfies a JSON Schema, as text still to be parsed and checked. For work in the background. @throws {FaultError} */
  extract(
    request: ExtractRequest,
    signal: AbortSignal,
  ): Promise<string>;
  /** The ids of the models that exist there; for start-up and `check`. */
  models(signal: AbortSignal): Promise<Result<string[]>>;
}

/** What a remote conversation agent says. Its audio goes to `VoiceAgentHost.audio`, in order with these. */
export type VoiceAgentEvent =
  /** It has taken our settings: audio may flow. */
  | { kind: "ready"; requestId: string }
  | { kind: "caller-started" }
  /** `greets`: it is of the greeting, which answers nobody. */
  | { kind: "text"; role: "user" | "assistant"; content: string; greets?: true }
  /** It begins to answer; not every agent says so. */
  | { kind: "answering" }
  /** It has sent the last audio of what it says now. */
  | { kind: "audio-done" }
  | { kind: "function-calls"; calls: { id: string; name: string; arguments: string }[] }
  | { kind: "functions-cancelled"; ids: string[] }
  /** Seconds turned into ms; parts come in any grouping. */
  | { kind: "latency"; parts: { stt?: number; model?: number; voice?: number; total?: number } }
  | { kind: "warning"; code: string; detail: string }
  /** It sent a message outside its protocol, and goes on. */
  | { kind: "odd"; detail: string }
  /** It is gone, and not because we closed it; nothing follows. */
  | { kind: "ended"; fault: Fault };

export interface VoiceAgentHost {
  event(event: VoiceAgentEvent): void;
  /** Audio of the agent: mu-law 8 kHz, any chunking, faster than real time. */
  audio(bytes: Uint8Array): void;
}

/** A remote agent that hears, thinks and speaks over one socket. */
export interface VoiceAgent extends AsyncDisposable {
  /** Caller audio, which may change once this returns. Only after `ready`. */
  hear(audio: Uint8Array): void;
  /** Let it believe that it says `text` now, in place of words of its own. */
  inject(text: string): void;
  /** As if the caller had said `text`. */
  injectCaller(text: string): void;
  functionResult(id: string, name: string, content: string): void;
}

/** Opens a remote agent at once; it is still connecting when this returns, and faults come as `ended`. */
export type OpenVoiceAgent = (host: VoiceAgentHost) => VoiceAgent;
