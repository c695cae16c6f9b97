/** Each peer's real client, fed messages that are nearly right. What throws, hangs or stops hearing is a finding. */

import { SILENT_FRAME } from "../../lib/audio/frame.ts";
import type { Dial } from "../../lib/base/dial.ts";
import { FaultError, ok } from "../../lib/base/result.ts";
import { CLOSED_ABNORMALLY, type Wire, type WireEvents } from "../../lib/base/wire.ts";
import { Pacer } from "../../lib/phone/pacer.ts";
import { TwilioLeg } from "../../lib/phone/twilio_leg.ts";
import { cartesiaTts } from "../../lib/providers/cartesia.ts";
import { chatLlm } from "../../lib/providers/chat_llm.ts";
import { deepgramAgent } from "../../lib/providers/deepgram_agent.ts";
import { openFlux } from "../../lib/providers/deepgram_flux.ts";
import { openListen } from "../../lib/providers/deepgram_listen.ts";
import { deepgramSpeak } from "../../lib/providers/deepgram_speak.ts";
import type { Stt, Tts } from "../../lib/providers/ports.ts";
import { seeded } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { mutated } from "./mutate.ts";

/** A socket whose far end is the fuzzer. */
class FuzzWire implements Wire {
  readonly bufferedBytes = 0;
  readonly sent: string[] = [];
  sentMedia = 0;
  closed = false;
  events: WireEvents | undefined;

  send(data: string | Uint8Array): void {
    if (typeof data !== "string" || data.includes('"media"')) this.sentMedia++;
    if (typeof data === "string" && this.sent.push(data) > 20) this.sent.shift();
  }
  close(code = 1005): void {
    this.#end(code);
  }
  terminate(): void {
    this.#end(CLOSED_ABNORMALLY);
  }
  listen(events: WireEvents): void {
    this.events = events;
  }
  #end(code: number): void {
    if (this.closed) return;
    this.closed = true;
    this.events?.close(code, "");
  }
}

/** One client under fire; made anew once it has given its socket up, which is its right. */
interface Target {
  wire: () => FuzzWire | undefined;
  /** Valid messages, to be changed. */
  corpus: readonly string[];
  /** What of its work it does no more, asked while its socket is open: a frame that goes in must come out. */
  stuck: () => string | undefined | Promise<string | undefined>;
  over: () => boolean;
  dispose: () => Promise<void>;
}

export interface FuzzReport {
  peer: string;
  messages: number;
  /** Sockets that the client gave up. */
  reopened: number;
  /** Sockets that were still open after their messages, and whose frames were followed through. */
  probed: number;
  /** The most memory held at any look, garbage collected, above that of the start, MB. 0 where V8 does not let us collect. */
  heapGrowthMb: number;
  findings: string[];
}

/** More than this on top of the start is held by somebody. */
const HEAP_GROWTH_LIMIT_MB = 24;
const LOOKS = 10;

/** Looks at the heap a few times in a run of `count` messages. */
class HeapWatch {
  readonly #report: FuzzReport;
  readonly #every: number;
  readonly #startMb = heapMb();
  #next: number;

  constructor(report: FuzzReport, count: number) {
    this.#report = report;
    this.#next = this.#every = Math.max(1, Math.floor(count / LOOKS));
  }

  look(): void {
    if (this.#report.messages < this.#next) return;
    this.#next += this.#every;
    const growthMb = heapMb() - this.#startMb;
    this.#report.heapGrowthMb = Math.max(this.#report.heapGrowthMb, growthMb);
    if (growthMb > HEAP_GROWTH_LIMIT_MB) this.#report.findings.push(`the heap has grown by ${growthMb} MB`);
  }
}

/** What is held once garbage is collected, MB; 0 without --expose-gc: then nothing can be said. */
export function heapMb(): number {
  const { gc } = globalThis as { gc?: () => void }; // of --expose-gc
  if (!gc) return 0;
  gc();
  return Math.round(Deno.memoryUsage().heapUsed / 1e6);
}

const json = (value: unknown) => JSON.stringify(value);
const audio64 = SILENT_FRAME.toBase64();

function opening(): { dial: Dial; wire: () => FuzzWire | undefined } {
  let wire: FuzzWire | undefined;
  return { dial: () => Promise.resolve(ok(wire = new FuzzWire())), wire: () => wire };
}

function twilio(clock: VirtualClock): Target {
  const wire = new FuzzWire();
  const pacer = new Pacer(clock);
  let ended = false;
  let heard = 0;
  const leg = new TwilioLeg({ wire, clock, pacer, leadMs: 200 });
  leg.listen((event) => void (ended ||= event.kind === "leg-ended"));
  leg.connect(() => heard++);
  const start = json({
    event: "start",
    sequenceNumber: "1",
    streamSid: "MZ1",
    start: {
      accountSid: "AC1",
      callSid: "CA1",
      streamSid: "MZ1",
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: { token: "t" },
    },
  });
  const media = (timestamp: number) =>
    json({
      event: "media",
      streamSid: "MZ1",
      media: { track: "inbound", chunk: "1", timestamp: String(timestamp), payload: audio64 },
    });
  wire.events!.text(start);
  return {
    wire: () => wire,
    corpus: [
      media(0),
      media(20),
      media(100_000),
      json({ event: "mark", streamSid: "MZ1", mark: { name: "1" } }),
      json({ event: "dtmf", streamSid: "MZ1", dtmf: { track: "inbound_track", digit: "5" } }),
      json({ event: "connected", protocol: "Call", version: "1.0.0" }),
      start,
    ],
    stuck() {
      const before = heard;
      for (let frame = 0; frame < 3; frame++) wire.events!.text(media(200_000_000 + frame * 20));
      if (heard < before + 3 && !ended) return `of 3 frames of the caller ${heard - before} arrived`;
      const sent = wire.sentMedia;
      leg.play(1, SILENT_FRAME);
      return wire.sentMedia > sent || ended ? undefined : "a frame for the caller does not leave";
    },
    over: () => ended || wire.closed,
    async dispose() {
      await leg[Symbol.asyncDispose]();
      pacer[Symbol.dispose]();
    },
  };
}

function agent(clock: VirtualClock): Target {
  const { dial, wire } = opening();
  let ended = false;
  let played = 0;
  const session = deepgramAgent({
    dial,
    clock,
    url: "ws://localhost/agent",
    key: "k",
    plan: {
      prompt: "",
      listen: {},
      think: [{}],
      speak: [{}],
      functions: [],
      history: [],
      vendorTraining: false,
      tags: [],
    },
  })({ event: (event) => void (ended ||= event.kind === "ended"), audio: () => void played++ });
  return {
    wire,
    stuck() {
      const { sentMedia } = wire()!;
      session.hear(SILENT_FRAME);
      if (wire()!.sentMedia === sentMedia && !ended) return "a frame of the caller does not leave";
      const before = played;
      wire()!.events!.binary(SILENT_FRAME);
      return played > before || ended ? undefined : "the agent's audio does not arrive";
    },
    corpus: [
      { type: "Welcome", request_id: "r" },
      { type: "SettingsApplied" },
      { type: "ConversationText", role: "user", content: "hello there" },
      { type: "UserStartedSpeaking" },
      { type: "AgentThinking", content: "so" },
      { type: "AgentStartedSpeaking", total_latency: 1.2, tts_latency: 0.3, ttt_latency: 0.4 },
      { type: "AgentAudioDone" },
      { type: "FunctionCallRequest", functions: [{ id: "1", name: "f", arguments: "{}", client_side: true }] },
      { type: "InjectionRefused", message: "m" },
      { type: "Warning", code: "SLOW_THINK_REQUEST", description: "d" },
    ].map(json),
    over: () => ended,
    dispose: async () => await session[Symbol.asyncDispose](),
  };
}

function listen(clock: VirtualClock): Target {
  const { dial, wire } = opening();
  let ended = false;
  let events = 0;
  const provider = { model: "nova-3" };
  const stt = openListen({
    dial,
    clock,
    url: "ws://localhost/l",
    key: "k",
    provider,
    listen(event) {
      events++;
      ended ||= event.kind === "ended";
    },
  });
  const results = {
    type: "Results",
    start: 0,
    duration: 1.5,
    is_final: true,
    speech_final: false,
    from_finalize: false,
    channel: { alternatives: [{ transcript: "hello there", confidence: 0.9, words: [] }] },
  };
  return {
    wire,
    corpus: [
      results,
      { ...results, is_final: false, start: 1.5 },
      { ...results, speech_final: true, start: 3 },
      { type: "SpeechStarted", timestamp: 1 },
      { type: "UtteranceEnd", last_word_end: 2 },
      { type: "Metadata", request_id: "r", duration: 1 },
    ].map(json),
    stuck: () =>
      recogniserStuck({
        stt,
        wire: wire()!,
        events: () => events,
        words: json({
          ...results,
          start: 500,
          channel: { alternatives: [{ transcript: "are you there", confidence: 1, words: [] }] },
        }),
      }),
    over: () => ended,
    dispose: async () => await stt[Symbol.asyncDispose](),
  };
}

/** A frame must leave, and words must come back as an event. */
function recogniserStuck({ stt, wire, events, words }: {
  stt: Stt;
  wire: FuzzWire;
  events: () => number;
  words: string;
}): string | undefined {
  const { sentMedia } = wire;
  for (let frame = 0; frame < 4; frame++) stt.hear(SILENT_FRAME);
  if (wire.sentMedia === sentMedia) return "four frames of the caller do not leave";
  const before = events();
  wire.events!.text(words);
  return events() > before ? undefined : "words do not arrive";
}

function flux(clock: VirtualClock): Target {
  const { dial, wire } = opening();
  let ended = false;
  let events = 0;
  const stt = openFlux({
    dial,
    clock,
    url: "ws://localhost/f",
    key: "k",
    provider: { model: "flux-general-en" },
    listen(event) {
      events++;
      ended ||= event.kind === "ended";
    },
  });
  const turn = (event: string, transcript = "hello there") => ({
    type: "TurnInfo",
    event,
    turn_index: 1,
    transcript,
    words: [{ word: "hello", confidence: 0.9 }],
    end_of_turn_confidence: 0.5,
  });
  return {
    wire,
    corpus: [
      { type: "Connected", request_id: "r" },
      ...["StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"].map((event) => turn(event)),
      { type: "Warning", code: "W", description: "d" },
    ].map(json),
    stuck: () =>
      recogniserStuck({
        stt,
        wire: wire()!,
        events: () => events,
        words: json(turn("EndOfTurn", "are you there")),
      }),
    over: () => ended,
    dispose: async () => await stt[Symbol.asyncDispose](),
  };
}

/** A voice that is speaking. `audio` has it hear five frames of its vendor. */
function voice(tts: Tts, { wire, corpus, audio }: {
  wire: () => FuzzWire | undefined;
  corpus: () => readonly string[];
  audio: (wire: FuzzWire) => void;
}): Target {
  let over = false;
  let frames = 0;
  const stop = new AbortController();
  const run = async () => {
    for await (const spoken of tts.speak(textOnce(), stop.signal)) if (spoken.kind === "audio") frames++;
  };
  const running = run().catch((error: unknown) => {
    if (!(error instanceof FaultError)) throw error;
  }).finally(() => over = true);
  return {
    wire,
    get corpus() {
      return corpus();
    },
    async stuck() {
      const before = frames;
      audio(wire()!);
      for (let turns = 0; turns < 40 && frames === before && !over; turns++) await Promise.resolve();
      return frames > before || over ? undefined : "audio of the voice does not arrive";
    },
    over: () => over,
    async dispose() {
      stop.abort();
      await Promise.all([running, tts[Symbol.asyncDispose]()]);
    },
  };
}

async function* textOnce() {
  yield "One sentence to be spoken. ";
  await Promise.resolve();
  yield "And another one.";
}

function speak(clock: VirtualClock): Target {
  const { dial, wire } = opening();
  const tts = deepgramSpeak({
    dial,
    clock,
    url: "ws://localhost/s",
    key: "k",
    provider: { model: "aura-2-thalia-en" },
  });
  const corpus = [
    { type: "Metadata", request_id: "r", model_name: "aura" },
    { type: "Warning", code: "W", description: "d" },
    { type: "Cleared", sequence_id: 1 },
    { type: "Flushed", sequence_id: 1 },
  ].map(json);
  return voice(tts, { wire, corpus: () => corpus, audio: ({ events }) => events!.binary(new Uint8Array(800)) });
}

function cartesia(clock: VirtualClock): Target {
  const { dial, wire } = opening();
  const provider = { model_id: "sonic-3", voice: { mode: "id" as const, id: "v" } };
  const tts = cartesiaTts({ dial, clock, url: "ws://localhost", key: "k", provider });
  const head = () => {
    const context_id = /"context_id":"([^"]+)"/.exec(wire()?.sent.at(-1) ?? "")?.[1] ?? "c";
    return { context_id, status_code: 206, done: false };
  };
  const chunk = (data: string) => ({ type: "chunk", ...head(), data, step_time: 1, flush_id: 1 });
  const corpus = () =>
    [
      chunk(audio64),
      {
        type: "timestamps",
        ...head(),
        word_timestamps: { words: ["One", "sentence"], start: [0, 0.2], end: [0.2, 0.5] },
      },
      { type: "flush_done", ...head(), flush_id: 1, flush_done: true },
      { type: "error", ...head(), done: true, status_code: 500, title: "t", message: "m", error_code: "x" },
    ].map(json);
  const audio = ({ events }: FuzzWire) => events!.text(json(chunk(new Uint8Array(800).toBase64())));
  return voice(tts, { wire, corpus, audio });
}

export const SOCKETS = { twilio, agent, listen, flux, speak, cartesia };
export type SocketPeer = keyof typeof SOCKETS;
/** Clients that take their leave together. */
const TOGETHER = 50;
/** Messages to one socket; short ones too, or a client that gives up early would never be asked whether it works. */
const BATCHES = [1, 3, 20, 200];

/** `count` messages to one peer's client. */
export async function fuzzSocket(peer: SocketPeer, count: number, seed: number): Promise<FuzzReport> {
  const random = seeded(seed);
  const clock = new VirtualClock();
  const report: FuzzReport = { peer, messages: 0, reopened: -1, probed: 0, heapGrowthMb: 0, findings: [] };
  const heap = new HeapWatch(report, count);
  const found = (what: string) => report.findings.length < 20 && report.findings.push(what);
  let leaving: { gone: boolean }[] = [];
  /** All that were disposed of must have gone by now, without a trace. */
  const farewell = async () => {
    await clock.run(3000);
    for (const { gone } of leaving) if (!gone) found("it does not end");
    if (clock.pending > 0) found(`${clock.pending} timers are left`);
    leaving = [];
    heap.look();
  };
  while (report.messages < count && report.findings.length < 20) {
    const target = SOCKETS[peer](clock);
    report.reopened++;
    for (let turns = 0; turns < 40 && !target.wire()?.events; turns++) await Promise.resolve();
    const wire = target.wire();
    if (wire) wire.events!.crashed = (error) => found(`crashed: ${error}`);
    const batch = BATCHES[Math.floor(random() * BATCHES.length)]!;
    for (let n = 0; n < batch && report.messages < count && wire && !wire.closed && !target.over(); n++) {
      report.messages++;
      const message = mutated(random, target.corpus);
      try {
        if (peer !== "twilio" && random() < 0.05) wire.events!.binary(new Uint8Array(Math.floor(random() * 400)));
        else wire.events!.text(message);
      } catch (error) {
        found(`${error} on ${message.slice(0, 300)}`);
      }
      if (n % 50 === 49) await clock.run(20);
    }
    if (wire && !wire.closed && !target.over()) await clock.run(300); // a second try may be under way
    if (wire && !wire.closed && !target.over()) {
      report.probed++;
      const stuck = await target.stuck();
      if (stuck) found(stuck);
    }
    const guest = { gone: false };
    leaving.push(guest);
    target.dispose().then(() => guest.gone = true, (error) => found(`at its end: ${error}`));
    if (leaving.length >= TOGETHER) await farewell();
  }
  await farewell();
  return report;
}

const chunk = (delta: unknown, finish_reason: string | null = null) => ({
  id: "c",
  object: "chat.completion.chunk",
  created: 1,
  model: "m",
  choices: [{ index: 0, delta, finish_reason }],
});
const CHUNKS = [
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "Hello " }),
  chunk({ content: "there. " }),
  chunk({ tool_calls: [{ index: 0, id: "1", type: "function", function: { name: "f", arguments: '{"a":' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] }),
  chunk({}, "stop"),
  { id: "c", choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
  { error: { message: "m", code: "x" } },
].map(json);

/** `count` events of a chat stream, some in each answer. */
export async function fuzzChat(count: number, seed: number): Promise<FuzzReport> {
  const random = seeded(seed);
  const clock = new VirtualClock();
  const report: FuzzReport = { peer: "chat", messages: 0, reopened: -1, probed: 0, heapGrowthMb: 0, findings: [] };
  const heap = new HeapWatch(report, count);
  const encoder = new TextEncoder();
  let isProbe = false;
  const answer = () => {
    let body = isProbe ? `data: ${CHUNKS[1]}\n\ndata: ${CHUNKS[2]}\n\n` : "";
    for (let events = 1 + Math.floor(random() * 12); events > 0; events--) {
      report.messages++;
      const data = mutated(random, CHUNKS);
      body += random() < 0.05 ? `${data}\n` : `data: ${data}${random() < 0.1 ? "\r\n\r\n" : "\n\n"}`;
    }
    if (random() < 0.7) body += "data: [DONE]\n\n";
    const bytes = encoder.encode(body);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let from = 0; from < bytes.length;) {
          const to = from + 1 + Math.floor(random() * 400);
          controller.enqueue(bytes.subarray(from, to));
          from = to;
        }
        controller.close();
      },
    });
    return Promise.resolve(new Response(stream, { headers: { "content-type": "text/event-stream" } }));
  };
  const llm = chatLlm({
    fetch: answer,
    clock,
    baseUrl: "http://localhost/v1",
    key: "k",
    provider: { type: "groq", model: "m" },
  });
  while (report.messages < count && report.findings.length < 20) {
    report.reopened++;
    isProbe = random() < 0.1;
    let over = false;
    let text = "";
    const run = async () => {
      for await (const part of llm.chat({ messages: [] }, new AbortController().signal)) {
        if (part.kind === "text") text += part.text;
      }
    };
    run().catch((error: unknown) => {
      if (!(error instanceof FaultError)) report.findings.push(String(error));
    }).finally(() => over = true);
    for (let turns = 0; turns < 50 && !over; turns++) await clock.run(over ? 0 : 500);
    if (!over) report.findings.push("an answer that never ends");
    if (isProbe) report.probed++;
    if (isProbe && !text.startsWith("Hello there. ")) {
      report.findings.push(`good words before bad ones arrive as "${text}"`);
    }
    if (clock.pending > 0) report.findings.push(`${clock.pending} timers are left`);
    heap.look();
  }
  return report;
}
