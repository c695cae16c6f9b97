/** One socket of the voice's stand-in: text is spoken at each sentence's end and at `Flush`. */

import { BYTES_PER_MS, FRAME_BYTES } from "../audio/frame.ts";
import { tagUtterance } from "../audio/tag.ts";
import type { Voice } from "../audio/voice.ts";
import { type Clock, sleep, type Timer } from "../base/clock.ts";
import { parseObject } from "../base/json.ts";
import type { Wire } from "../base/wire.ts";
import { dropWire, KEPT_MESSAGES, requestId } from "./deepgram_door.ts";
import { type SpeakFaults, type SpeakKnobs, TEXT_LIMIT } from "./deepgram_speak.ts";

const MINUTE_MS = 60_000;
const CHARACTERS_PER_MINUTE = 2400;
const FLUSHES_PER_MINUTE = 20;
const LIFE_MS = 60 * MINUTE_MS;

export interface SpeakSessionOptions {
  wire: Wire;
  clock: Clock;
  random: () => number;
  voice: Voice;
  model: string;
  /** Of tagged audio: one for what is said up to a `Flush` or a `Clear`, so that a listener can tell replies apart. */
  newSource: () => number;
  knobs: SpeakKnobs;
  faults: Partial<SpeakFaults>;
  n: number;
}

type Job = { kind: "speak"; text: string } | { kind: "flushed" };

export class SpeakSession {
  /** Text messages as they came: the last ones. */
  readonly messages: string[] = [];
  /** All text of `Speak`, joined. */
  text = "";
  sentBytes = 0;
  closed: number | undefined;
  readonly crashes: unknown[] = [];
  readonly #o: SpeakSessionOptions;
  readonly #life: Timer;
  #spoken: { atMs: number; characters: number }[] = [];
  #flushes: number[] = [];
  #buffer = "";
  #jobs: Job[] = [];
  /** The scope of what is being spoken: aborted by `Clear` and by the end of the socket. */
  #round = new AbortController();
  #working = false;
  #sequence = 0;
  #source: number;
  #frames = 0;
  #mute = false;

  constructor(options: SpeakSessionOptions) {
    const { wire, clock, model, newSource, n } = options;
    this.#o = options;
    this.#source = newSource();
    this.#life = clock.after(LIFE_MS, () => wire.close(1011, "NET-0003"));
    wire.listen({
      text: (text) => this.#text(text),
      binary: () => wire.close(1003, "MESSAGE-0000"),
      close: (code) => {
        this.closed = code;
        this.#life[Symbol.dispose]();
        this.#stop();
      },
      crashed: (error) => this.#crash(error),
    });
    this.#send({
      type: "Metadata",
      request_id: requestId(n),
      model_name: model,
      model_version: "2025-01-01.0",
      model_uuid: requestId(0),
      additional_model_uuids: [],
    });
  }

  #text(text: string): void {
    if (this.messages.push(text) > KEPT_MESSAGES) this.messages.shift();
    const message = parseObject(text);
    switch (message?.type) {
      case "Speak":
        return this.#speak(message.text);
      case "Flush":
        return this.#flush();
      case "Clear":
        return this.#clear();
      case "Close":
        return this.#o.wire.close(1000);
      default:
        return this.#o.wire.close(1008, "DATA-0000");
    }
  }

  #speak(text: unknown): void {
    const { wire, clock } = this.#o;
    if (typeof text !== "string") return wire.close(1008, "DATA-0000");
    if (text.length > TEXT_LIMIT) return wire.close(1009, "BIG-0001");
    const nowMs = clock.monotonicMs();
    this.#spoken = this.#spoken.filter(({ atMs }) => nowMs - atMs < MINUTE_MS);
    this.#spoken.push({ atMs: nowMs, characters: text.length });
    const inMinute = this.#spoken.reduce((sum, { characters }) => sum + characters, 0);
    if (inMinute > CHARACTERS_PER_MINUTE) return wire.close(1008, "DATA-0001");
    this.text += text;
    this.#buffer += text;
    const end = sentenceEnd(this.#buffer);
    if (end === 0) return;
    this.#add({ kind: "speak", text: this.#buffer.slice(0, end) });
    this.#buffer = this.#buffer.slice(end);
  }

  #flush(): void {
    const nowMs = this.#o.clock.monotonicMs();
    this.#flushes = this.#flushes.filter((atMs) => nowMs - atMs < MINUTE_MS);
    if (this.#flushes.length >= FLUSHES_PER_MINUTE) {
      const description = "Too many Flush messages in 60 seconds; this one is ignored.";
      return this.#send({ type: "Warning", code: "FLUSH_LIMIT", description });
    }
    this.#flushes.push(nowMs);
    if (this.#buffer.trim() !== "") this.#add({ kind: "speak", text: this.#buffer });
    this.#buffer = "";
    this.#add({ kind: "flushed" });
  }

  #clear(): void {
    const { clock, knobs, faults, random } = this.#o;
    const owed = this.#jobs.some(({ kind }) => kind === "flushed");
    const wasSpeaking = this.#working;
    this.#stop();
    this.#buffer = "";
    this.#endReply();
    for (let i = 0; wasSpeaking && i < knobs.lateChunks; i++) {
      this.#audio(new Uint8Array(1 + 3 * FRAME_BYTES * random()));
    }
    if (faults.neverCleared) return;
    const scope = this.#round.signal;
    sleep(clock, knobs.clearMs, scope).then(async () => {
      this.#send({ type: "Cleared", sequence_id: this.#sequence++ });
      if (!owed || knobs.staleFlushedMs === Infinity) return;
      await sleep(clock, knobs.staleFlushedMs, scope);
      this.#send({ type: "Flushed", sequence_id: this.#sequence++ });
    }).catch(() => {}); // the socket ended before
  }

  #stop(): void {
    this.#jobs = [];
    this.#working = false;
    this.#round.abort();
    this.#round = new AbortController();
    if (this.closed !== undefined) this.#round.abort();
  }

  #add(job: Job): void {
    this.#jobs.push(job);
    if (this.#working) return;
    this.#working = true;
    const { signal } = this.#round;
    this.#work(signal).catch((error) => signal.aborted || this.#crash(error));
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { clock, knobs, voice } = this.#o;
    await sleep(clock, knobs.firstByteMs, signal);
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      if (job.kind === "speak") {
        const { audio, words } = await voice.speak(job.text.trim(), signal);
        signal.throwIfAborted();
        const tagged = tagUtterance(audio, words, this.#source, this.#frames);
        this.#frames += tagged.length / FRAME_BYTES;
        await this.#pour(tagged, signal);
      } else {
        this.#send({ type: "Flushed", sequence_id: this.#sequence++ });
        this.#endReply();
      }
      this.#jobs.shift();
    }
    this.#working = false;
  }

  #endReply(): void {
    this.#source = this.#o.newSource();
    this.#frames = 0;
  }

  /** Send audio in uneven chunks, faster than real time. */
  async #pour(audio: Uint8Array, signal: AbortSignal): Promise<void> {
    const { clock, knobs, random } = this.#o;
    for (let at = 0; at < audio.length;) {
      const chunk = audio.subarray(at, at + 1 + Math.floor(random() * knobs.chunkBytes));
      at += chunk.length;
      this.#audio(chunk);
      this.#misbehave();
      await sleep(clock, chunk.length / BYTES_PER_MS / knobs.rateX, signal);
    }
  }

  #audio(chunk: Uint8Array): void {
    this.#mute ||= this.sentBytes >= (this.#o.faults.stallAfterBytes ?? Infinity);
    if (this.#mute) return;
    this.sentBytes += chunk.length;
    this.#o.wire.send(chunk);
  }

  #misbehave(): void {
    const { faults, wire } = this.#o;
    if (this.#mute) return;
    if (this.sentBytes >= (faults.garbageAfterBytes ?? Infinity)) wire.send("<html>502 Bad Gateway</html>");
    if (this.sentBytes >= (faults.dropAfterBytes ?? Infinity)) {
      dropWire(wire, faults.dropCode ?? "cut", faults.dropReason);
    }
    this.#mute = this.sentBytes >= (faults.garbageAfterBytes ?? Infinity);
  }

  #crash(error: unknown): void {
    this.crashes.push(error);
    this.#o.wire.close(1011, "NET-0000");
  }

  #send(message: Record<string, unknown>): void {
    if (!this.#mute) this.#o.wire.send(JSON.stringify(message));
  }
}

/** Where the last whole sentence of `text` ends; 0 if there is none. */
function sentenceEnd(text: string): number {
  let end = 0;
  for (const match of text.matchAll(/[.!?…]["')\]]*\s/g)) end = match.index + match[0].length;
  return end;
}
