/**
 * A process that plays the pipeline's vendors for every call of a bench: Deepgram's recogniser, a model, Cartesia's voice.
 * Scripted and light: it must not be what is measured. Whenever the caller makes a sound, that is a sentence; the answer's
 * audio is `replyMs` long, so calls speak as much as those with `agent.ts`. Started by `run.ts`, with the same plan.
 */

import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import type { AgentPlan } from "./agent.ts";
import { Histogram } from "./histogram.ts";
import { machineMs, serveClock } from "./machine_clock.ts";
import { ownLine, speakLine } from "./own_voice.ts";
import { type AgentResult, orders, tell, type Window } from "./talk.ts";
import { Uplink } from "./uplink.ts";

const TICK_MS = 5;
/** Guesses at what the caller says, ms after the first sound. */
const GUESSES: readonly [atMs: number, text: string][] = [
  [200, "I would"],
  [400, "I would like to know"],
  [600, "I would like to know about my"],
];
/** In turns: a caller who says the same four times in a row is held to be a machine. */
const SENTENCES = ["I would like to know about my appointment.", "I would like to know about my bill."] as const;
/** So much silence ends a sentence. */
const SILENCE_MS = 100;
/** Windows without words come this often. Deepgram reference, section 3.3. */
const EMPTY_MS = 1000;
const ANSWER = [
  ..."Of course, I can look that up for you right now. Your appointment is on Tuesday at ten. ".split(/(?<= )/),
  ..."Would you like me to change it to another day?".split(/(?<= )/),
];
const FIRST_TOKEN_MS = 100;
const TOKEN_MS = 10;

const plan = JSON.parse(Deno.args[0]!) as AgentPlan;
const { manner } = plan;
const BYTES_PER_CHARACTER = manner.replyMs * 8 / ANSWER.join("").trim().length;
const uplink = new Histogram();
const callers = new Set<Caller>();
const voices = new Set<Voice>();
let window: Window = { fromMs: Infinity, untilMs: Infinity };

const parts = {
  nowMs: machineMs,
  uplink,
  measured: (ms: number) => ms >= window.fromMs && ms < window.untilMs,
};

/** One socket of the recogniser. */
class Caller {
  readonly uplink = new Uplink(parts);
  readonly #send: (text: string) => void;
  readonly #startMs = machineMs();
  /** Where the open window begins. */
  #windowMs = this.#startMs;
  #emptyMs = this.#startMs + EMPTY_MS;
  #soundMs = 0;
  /** Since when the caller speaks, and how many guesses were made. */
  #sentence: { fromMs: number; guesses: number } | undefined;
  #said = 0;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  hear(audio: Uint8Array): void {
    const before = this.uplink.heard.next;
    this.uplink.hear(audio);
    if (this.uplink.heard.next === before) return;
    this.#soundMs = machineMs();
    if (this.#sentence) return;
    this.#sentence = { fromMs: this.#soundMs, guesses: 0 };
    const timestamp = (this.#soundMs - this.#startMs) / 1000;
    this.#send(JSON.stringify({ type: "SpeechStarted", channel: [0], timestamp }));
  }

  tick(ms: number): void {
    const sentence = this.#sentence;
    if (!sentence) return ms < this.#emptyMs ? undefined : this.#results("", true, ms);
    if (ms >= this.#soundMs + SILENCE_MS) {
      this.#sentence = undefined;
      return this.#results(SENTENCES[this.#said++ % SENTENCES.length]!, true, ms);
    }
    const guess = GUESSES[sentence.guesses];
    if (!guess || ms < sentence.fromMs + guess[0]) return;
    sentence.guesses++;
    this.#results(guess[1], false, ms);
  }

  #results(transcript: string, isFinal: boolean, ms: number): void {
    const words = transcript === "" ? [] : transcript.split(" ").map((word, at) => (
      { word, start: at / 4, end: (at + 1) / 4, confidence: 0.99, punctuated_word: word }
    ));
    this.#send(JSON.stringify({
      type: "Results",
      channel_index: [0, 1],
      duration: (ms - this.#windowMs) / 1000,
      start: (this.#windowMs - this.#startMs) / 1000,
      is_final: isFinal,
      speech_final: isFinal && transcript !== "",
      channel: { alternatives: [{ transcript, confidence: transcript === "" ? 0 : 0.99, words }] },
      from_finalize: false,
    }));
    if (!isFinal) return;
    this.#windowMs = ms;
    this.#emptyMs = ms + EMPTY_MS;
  }
}

interface Piece {
  context: string;
  text: string;
  leftBytes: number;
  /** Nothing follows: the context ends. */
  last: boolean;
}

/** One socket of the voice: its pieces one after the other, in uneven chunks faster than real time. */
class Voice {
  readonly #send: (text: string) => void;
  readonly #pieces: Piece[] = [];
  readonly #spokenBytes = new Map<string, number>();
  #nextMs = 0;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  hear(message: { context_id: string; transcript?: string; continue?: boolean; cancel?: boolean }): void {
    const { context_id: context, transcript: text = "", cancel } = message;
    if (cancel) {
      for (let at = this.#pieces.length - 1; at >= 0; at--) {
        if (this.#pieces[at]!.context === context) this.#pieces.splice(at, 1);
      }
      return void this.#spokenBytes.delete(context);
    }
    const leftBytes = Math.round(text.trim().length * BYTES_PER_CHARACTER / FRAME_BYTES) * FRAME_BYTES;
    this.#pieces.push({ context, text, leftBytes, last: message.continue === false });
  }

  tick(ms: number): void {
    const piece = this.#pieces[0];
    if (!piece || ms < this.#nextMs) return;
    const { context } = piece;
    const spoken = this.#spokenBytes.get(context) ?? 0;
    const bytes = Math.min(piece.leftBytes, Math.round(manner.chunkBytes * (0.5 + Math.random())));
    if (bytes > 0) {
      const data = ownLine(spoken, bytes).toBase64();
      this.#tell({ type: "chunk", context_id: context, data, done: false, status_code: 206, step_time: 12.5 });
      this.#spokenBytes.set(context, spoken + bytes);
      if (piece.text !== "") this.#words(piece, spoken);
      piece.text = "";
    }
    piece.leftBytes -= bytes;
    this.#nextMs = Math.max(ms, this.#nextMs + bytes / 8 / manner.rate);
    if (piece.leftBytes > 0) return;
    this.#pieces.shift();
    if (!piece.last) {
      return this.#tell({ type: "flush_done", context_id: context, done: false, flush_done: true, status_code: 206 });
    }
    this.#spokenBytes.delete(context);
    this.#tell({ type: "done", context_id: context, done: true, status_code: 200 });
  }

  /** The times of a piece's words, from the start of its context. */
  #words({ context, text, leftBytes }: Piece, spokenBytes: number): void {
    const words = text.trim().split(" ");
    const seconds = (at: number) => (spokenBytes + leftBytes * at / words.length) / 8000;
    this.#tell({
      type: "timestamps",
      context_id: context,
      status_code: 206,
      done: false,
      word_timestamps: { words, start: words.map((_, at) => seconds(at)), end: words.map((_, at) => seconds(at + 1)) },
    });
  }

  #tell(message: object): void {
    this.#send(JSON.stringify(message));
  }
}

/** The model: always the same answer, token by token. */
function complete(): Response {
  const head = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1767225600, model: "bench" };
  const event = (delta: object, finish_reason: string | null) =>
    encoder.encode(`data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
  let at = 0;
  let gone = false;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      const next = () => {
        if (gone) return;
        const token = ANSWER[at++];
        if (token !== undefined) {
          controller.enqueue(event({ content: token }, null));
          return void setTimeout(next, TOKEN_MS);
        }
        controller.enqueue(event({}, "stop"));
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        controller.close();
      };
      setTimeout(next, FIRST_TOKEN_MS);
    },
    cancel() {
      gone = true;
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const encoder = new TextEncoder();

function listen(socket: WebSocket): void {
  const caller = new Caller((text) => socket.readyState === WebSocket.OPEN && socket.send(text));
  socket.onopen = () => callers.add(caller);
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return caller.hear(new Uint8Array(data));
    if (data.includes("CloseStream")) socket.close(1000);
    else if (data.includes("Finalize")) {
      socket.send(
        '{"type":"Results","channel_index":[0,1],"duration":0,"start":0,"is_final":true,"speech_final":false,"from_finalize":true,"channel":{"alternatives":[{"transcript":"","confidence":0,"words":[]}]}}',
      );
    }
  };
}

function speak(socket: WebSocket): void {
  const voice = new Voice((text) => socket.readyState === WebSocket.OPEN && socket.send(text));
  socket.onopen = () => voices.add(voice);
  socket.onmessage = ({ data }) => voice.hear(JSON.parse(data));
  socket.onclose = () => voices.delete(voice);
}

const server = Deno.serve(
  { hostname: "127.0.0.1", port: plan.port, onListen: () => {}, ...plan.tls },
  (request) => {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("/models")) return Response.json({ object: "list", data: [{ id: "openai/gpt-oss-20b" }] });
    if (pathname.endsWith("/chat/completions")) return complete();
    if (request.method === "POST") return speakLine(request);
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return new Response("a WebSocket\n");
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    socket.onerror = (event) => event.preventDefault();
    if (pathname.startsWith("/tts")) speak(socket);
    else listen(socket);
    return response;
  },
);

function tick(): void {
  const ms = machineMs();
  for (const caller of callers) caller.tick(ms);
  for (const voice of voices) voice.tick(ms);
  setTimeout(tick, TICK_MS);
}

function result(): AgentResult {
  return { kind: "result", calls: [...callers].map(({ uplink }) => uplink.result), replies: [], uplink };
}

tick();
tell({ kind: "ready", port: server.addr.port, clockPort: serveClock().port });
for await (const order of orders()) {
  if (order.kind === "measure") window = order;
  if (order.kind === "stop") {
    tell(result());
    break;
  }
}
Deno.exit(0);
