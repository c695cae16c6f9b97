// @ts-check
/// <reference path="./worklet.d.ts" />
/**
 * The telephone line, on the audio thread: its clock is the sound card's, so a busy page delays frames, but loses none and
 * skips no time. Up: microphone, or typed speech, as 20 ms frames of mu-law. Down: the carrier's buffer to the ear.
 */

import { decodeSample, encodeSample, FRAME_BYTES, levelDb, SILENCE } from "./mulaw.js";
import { Resampler } from "./resampler.js";
import { Speaker } from "./speaker.js";

const LINE_HZ = 8000;

/** Ring of samples on their way to the ear. */
class Output {
  #samples = new Float32Array(8192);
  #read = 0;
  #write = 0;

  get length() {
    return this.#write - this.#read;
  }

  /** @param {number} sample */
  put(sample) {
    this.#samples[this.#write++ & 8191] = sample;
  }

  /** @returns {number} */
  take() {
    return this.#samples[this.#read++ & 8191] ?? 0;
  }
}

/**
 * Takes `{kind: "open" | "clear" | "close"}`, `{kind: "media" | "say", audio}`, `{kind: "mark", name}`, `{kind: "mute",
 * muted}`. Tells `{kind: "up", frame, level, typed}` and `{kind: "down", frame, level, queuedMs, playing, echoes}` every
 * 20 ms, `{kind: "echo", names}`, `{kind: "cleared", names, droppedMs}` and `{kind: "said"}` (all typed speech is sent).
 */
class LineProcessor extends AudioWorkletProcessor {
  #speaker = new Speaker();
  #down = new Resampler(LINE_HZ, sampleRate);
  #up = new Resampler(sampleRate, LINE_HZ);
  #output = new Output();
  #frame = new Uint8Array(FRAME_BYTES);
  #filled = 0;
  /** Typed speech that waits, in whole frames. @type {Uint8Array[]} */
  #typed = [];
  #muted = false;
  #state = /** @type {"waiting" | "open" | "closed"} */ ("waiting");
  #still = new Float32Array(128);
  #toEar = (/** @type {number} */ sample) => this.#output.put(sample);
  #fromMouth = (/** @type {number} */ sample) => this.#spoken(sample);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#told(data);
  }

  /**
   * @param {Float32Array[][]} inputs
   * @param {Float32Array[][]} outputs
   */
  process(inputs, outputs) {
    const out = outputs[0]?.[0];
    if (this.#state === "closed") return false;
    if (this.#state === "waiting" || !out) return true;
    this.#up.push(inputs[0]?.[0] ?? this.#still, this.#fromMouth);
    while (this.#output.length < out.length) this.#slot();
    for (let i = 0; i < out.length; i++) out[i] = this.#output.take();
    return true;
  }

  /** @param {any} message of our own page */
  #told(message) {
    switch (message.kind) {
      case "open":
        this.#state = "open";
        break;
      case "close":
        this.#state = "closed";
        break;
      case "media":
        this.#speaker.media(message.audio);
        break;
      case "mark":
        return this.#echo(this.#speaker.mark(message.name));
      case "clear": {
        const { echoes, droppedBytes } = this.#speaker.clear();
        return this.port.postMessage({ kind: "cleared", names: echoes, droppedMs: droppedBytes / 8 });
      }
      case "say":
        for (let at = 0; at < message.audio.length; at += FRAME_BYTES) {
          this.#typed.push(message.audio.slice(at, at + FRAME_BYTES));
        }
        break;
      case "mute":
        this.#muted = message.muted;
        break;
    }
  }

  /** 20 ms of the ear begin. */
  #slot() {
    const { audio, playedBytes, echoes } = this.#speaker.tick();
    this.#down.push(Float32Array.from(audio, decodeSample), this.#toEar);
    this.port.postMessage({
      kind: "down",
      frame: audio,
      level: levelDb(audio),
      queuedMs: this.#speaker.queuedBytes / 8,
      playing: playedBytes > 0,
      echoes,
    });
  }

  /** @param {number} sample */
  #spoken(sample) {
    this.#frame[this.#filled++] = this.#muted ? SILENCE : encodeSample(sample);
    if (this.#filled < FRAME_BYTES) return;
    this.#filled = 0;
    const typed = this.#typed.shift();
    const frame = typed ?? this.#frame.slice();
    this.port.postMessage({ kind: "up", frame, level: levelDb(frame), typed: typed !== undefined });
    if (typed && this.#typed.length === 0) this.port.postMessage({ kind: "said" });
  }

  /** @param {string[]} names */
  #echo(names) {
    if (names.length > 0) this.port.postMessage({ kind: "echo", names });
  }
}

registerProcessor("line", LineProcessor);
