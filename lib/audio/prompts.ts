/** Recordings of what we always say the same way: raw G.711 mu-law, 8 kHz, mono, loaded once and shared by all calls. */

import { FRAME_BYTES, SILENCE } from "./frame.ts";
import type { Voice } from "./voice.ts";

/** A line of the configuration, as far as sound is concerned. */
export interface PromptLine {
  text: string;
  /** Name of a recording: `assets/audio/NAME.mulaw`. */
  audio?: string | undefined;
}

export interface PromptParts {
  /** Bytes of `assets/audio/NAME.mulaw`, or undefined where there is none. */
  read: (name: string) => Uint8Array | undefined;
  /** Speaks lines that have no recording. */
  voice: Voice;
}

/** Longer recordings are a mistake: 2 minutes. */
export const PROMPT_LIMIT_BYTES = 120 * 8000;

/** Recordings and renderings by what they say. */
export class PromptBook {
  readonly #parts: PromptParts;
  readonly #audio = new Map<string, Uint8Array>();

  constructor(parts: PromptParts) {
    this.#parts = parts;
  }

  /** The audio of a line, if it is there already: whole frames. */
  get(line: PromptLine): Uint8Array | undefined {
    return this.#audio.get(keyOf(line));
  }

  /** Get ready: recordings are read at once, other lines spoken one after the other. @returns what could not be had. */
  async load(lines: readonly PromptLine[], signal: AbortSignal): Promise<string[]> {
    const faults: string[] = [];
    const missing = lines.filter((line) => !this.#audio.has(keyOf(line)) && !this.#loadRecording(line, faults));
    for (const line of missing) {
      if (signal.aborted) break;
      if (this.#audio.has(keyOf(line))) continue;
      try {
        this.#audio.set(keyOf(line), wholeFrames((await this.#parts.voice.speak(line.text, signal)).audio));
      } catch (error) {
        faults.push(`Cannot speak a line: ${String(error)}`);
      }
    }
    return faults;
  }

  #loadRecording(line: PromptLine, faults: string[]): boolean {
    const audio = line.audio && this.#parts.read(line.audio);
    if (!audio) return false;
    if (audio.length === 0 || audio.length > PROMPT_LIMIT_BYTES) {
      faults.push(`assets/audio/${line.audio}.mulaw is ${audio.length === 0 ? "empty" : "longer than 2 minutes"}.`);
      return false;
    }
    this.#audio.set(keyOf(line), wholeFrames(audio));
    return true;
  }
}

function keyOf({ text, audio }: PromptLine): string {
  return `${audio ?? ""}\n${text}`;
}

/** Padded with silence to whole frames. */
function wholeFrames(audio: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(audio.length / FRAME_BYTES) * FRAME_BYTES).fill(SILENCE);
  padded.set(audio);
  return padded;
}
