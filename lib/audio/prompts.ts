/** Recordings of what we always say the same way: raw G.711 mu-law, 8 kHz, mono, loaded once and shared by all calls. */

import { describeFault, failed, messageOf, type Result } from "../base/result.ts";
import { wholeFrames } from "./frame.ts";
import { entryOf, LOCAL_VOICE, OWN_RECORDING, type PromptIndex, renderingHash } from "./prompt_index.ts";
import { readRecording } from "./recording.ts";
import type { Voice } from "./voice.ts";

/** The voice that a call speaks with otherwise, asked for whole texts. */
export interface PromptVoice {
  /** What tells it from every other voice, for example `deepgram aura-2-thalia-en`. */
  name: string;
  /** `text` as raw mu-law. @throws `signal.reason` on abort. */
  render: (text: string, signal: AbortSignal) => Promise<Result<Uint8Array>>;
}

/** A line of the configuration, as far as sound is concerned. */
export interface PromptLine {
  text: string;
  /** Name of a recording: `assets/audio/NAME.mulaw`. */
  audio?: string | undefined;
  /** Who speaks it if there is no recording; the local voice by default. */
  voice?: PromptVoice | undefined;
}

/** Keeps what a voice spoke, by hash of voice and text, from one start to the next. */
export interface RenderingCache {
  read: (hash: string) => Promise<Uint8Array | undefined>;
  write: (hash: string, audio: Uint8Array) => Promise<void>;
}

export interface PromptParts {
  /** Bytes of `assets/audio/NAME.mulaw`, or undefined where there is none. */
  read: (name: string) => Uint8Array | undefined;
  /** The local voice: speaks lines that neither a recording nor their own voice can. */
  voice: Voice;
  /** What the recordings say, as it is now; undefined if what is written there makes no sense. */
  index?: () => PromptIndex | undefined;
  cache?: RenderingCache;
}

interface Prompt {
  audio: Uint8Array;
  text: string;
  voice: string;
}

/** Lines of earlier configurations that calls may still ask for. */
export const EARLIER_LIMIT = 200;

/** A voice that failed this often while lines were prepared is not asked for the others. */
const FAILURES_LIMIT = 2;

/** Recordings and renderings by what they say. */
export class PromptBook {
  readonly #parts: PromptParts;
  readonly #prompts = new Map<string, Prompt>();

  constructor(parts: PromptParts) {
    this.#parts = parts;
  }

  /** Lines held now. */
  get size(): number {
    return this.#prompts.size;
  }

  /** The audio of a line, if it is there already: whole frames, shared, not to be written to. */
  get(line: PromptLine): Uint8Array | undefined {
    return this.#prompts.get(keyOf(line))?.audio;
  }

  /** What is heard of a line; of one without text, what its recording is known to say. */
  textOf(line: PromptLine): string {
    return withoutVariables(line.text) || (this.#prompts.get(keyOf(line))?.text ?? "");
  }

  /** Who speaks a line that is there: the name of a voice, or "recording" where it is unknown. */
  voiceOf(line: PromptLine): string | undefined {
    return this.#prompts.get(keyOf(line))?.voice;
  }

  /**
   * Get ready: recordings are read at once, and again each time; other lines are spoken one after the other, each once, but
   * for those whose own voice could not speak them. What is already there stays if its file breaks, or its voice fails
   * again. @returns what could not be had, a sentence each with its remedy.
   */
  async load(lines: readonly PromptLine[], signal: AbortSignal): Promise<string[]> {
    const notes = new Set<string>();
    const index = this.#parts.index ? this.#parts.index() : {};
    if (!index) notes.add("assets/audio/index.json is damaged. Restore it, or remove it and run: offhook audio build");
    const missing = lines.filter((line) => !this.#loadRecording(line, index ?? {}, notes) && !this.#isReady(line));
    const failures = new Map<string, number>();
    for (const line of missing) {
      if (signal.aborted) break;
      if (this.#isReady(line)) continue;
      const prompt = await this.#speak(line, { signal, notes, failures, index: index ?? {} });
      if (prompt) this.#prompts.set(keyOf(line), prompt);
    }
    this.#forgetEarlier(lines);
    return [...notes];
  }

  /** Of what is in none of `lines` the oldest goes. */
  #forgetEarlier(lines: readonly PromptLine[]): void {
    const current = new Set(lines.map(keyOf));
    const earlier = [...this.#prompts.keys()].filter((key) => !current.has(key));
    for (const key of earlier.slice(0, -EARLIER_LIMIT)) this.#prompts.delete(key);
  }

  /** Whether the line is there, and in its own voice as far as that is known. */
  #isReady(line: PromptLine): boolean {
    const voice = this.voiceOf(line);
    return voice !== undefined && (voice !== LOCAL_VOICE || line.voice === undefined);
  }

  /** @returns whether the line is as its recording says it. */
  #loadRecording(line: PromptLine, index: PromptIndex, notes: Set<string>): boolean {
    if (!line.audio) return false;
    const path = pathOf(line.audio);
    const bytes = this.#read(line.audio, notes);
    if (!bytes) {
      if (!line.text) notes.add(`${path} is missing, and its line has no text. Build it: offhook audio build FILE.wav`);
      return false;
    }
    const known = entryOf(index, line.audio, bytes);
    if (known && line.text && known.text !== line.text) {
      const kept = known.voice === OWN_RECORDING;
      notes.add(
        `${path} says another text than the configuration${kept ? "" : ", whose text is spoken instead"}. ` +
          (kept ? "Record it again, or change the text." : `Build it again: offhook audio build ${line.audio}`),
      );
      if (!kept) return false;
    }
    const read = readRecording(bytes, path);
    if (!read.ok) {
      notes.add(read.fault);
      return false;
    }
    for (const warning of read.value.warnings) notes.add(warning);
    const { text = "", voice = OWN_RECORDING } = known ?? {};
    this.#prompts.set(keyOf(line), { audio: read.value.audio, text, voice });
    return true;
  }

  #read(name: string, notes: Set<string>): Uint8Array | undefined {
    try {
      return this.#parts.read(name);
    } catch (error) {
      notes.add(`${pathOf(name)} cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #speak(line: PromptLine, { signal, notes, failures, index }: Speaking): Promise<Prompt | undefined> {
    const text = withoutVariables(line.text);
    if (text === "") return undefined;
    const { voice } = line;
    if (voice && (failures.get(voice.name) ?? 0) < FAILURES_LIMIT) {
      const audio = await this.#render(text, voice, { signal, notes });
      if (audio) return { audio: wholeFrames(audio), text, voice: voice.name };
      failures.set(voice.name, (failures.get(voice.name) ?? 0) + 1);
    }
    if (signal.aborted || this.get(line)) return undefined;
    const audio = this.#recorded(text, index, notes) ?? await this.#kept(LOCAL_VOICE, text, notes) ??
      await this.#speakLocally(text, { signal, notes });
    return audio && { audio: wholeFrames(audio), text, voice: LOCAL_VOICE };
  }

  /** A recording in which the local voice says just this: it need not be loaded for it. */
  #recorded(text: string, index: PromptIndex, notes: Set<string>): Uint8Array | undefined {
    for (const [name, entry] of Object.entries(index)) {
      if (entry.text !== text || entry.voice !== LOCAL_VOICE) continue;
      const audio = this.#read(name, notes);
      if (audio && entryOf(index, name, audio)) return audio;
    }
    return undefined;
  }

  async #speakLocally(text: string, { signal, notes }: Asked): Promise<Uint8Array | undefined> {
    try {
      const { audio } = await this.#parts.voice.speak(text, signal);
      if (audio.length === 0) {
        notes.add(
          `Nothing of the line "${text}" can be spoken by the local voice. Record it: offhook audio build FILE.wav`,
        );
        return undefined;
      }
      // Where it cannot be kept, it is spoken again at the next start: nobody waits for that.
      await this.#parts.cache?.write(renderingHash(LOCAL_VOICE, text), audio).catch(() => {});
      return audio;
    } catch (error) {
      if (!signal.aborted) notes.add(`Cannot speak the line "${text}": ${messageOf(error)}`);
      return undefined;
    }
  }

  async #render(text: string, voice: PromptVoice, { signal, notes }: Asked): Promise<Uint8Array | undefined> {
    const kept = await this.#kept(voice.name, text, notes);
    if (kept) return kept;
    try {
      const rendered = await voice.render(text, signal);
      const checked = rendered.ok
        ? readRecording(rendered.value, `What ${voice.name} spoke`)
        : failed(describeFault(rendered.fault));
      if (!checked.ok) {
        notes.add(`${checked.fault} The local voice speaks instead.`);
        return undefined;
      }
      const { audio } = checked.value;
      await this.#parts.cache?.write(renderingHash(voice.name, text), audio).catch((error) =>
        notes.add(`Cannot keep what ${voice.name} spoke, so it is asked again at the next start: ${messageOf(error)}`)
      );
      return audio;
    } catch (error) {
      if (!signal.aborted) notes.add(`${voice.name} failed: ${messageOf(error)}. The local voice speaks instead.`);
      return undefined;
    }
  }

  /** What `voice` spoke at an earlier start. */
  async #kept(voice: string, text: string, notes: Set<string>): Promise<Uint8Array | undefined> {
    const hash = renderingHash(voice, text);
    try {
      const kept = await this.#parts.cache?.read(hash);
      return kept && readRecording(kept, hash).ok ? kept : undefined;
    } catch (error) {
      notes.add(`Cannot read what was spoken before: ${messageOf(error)}`);
      return undefined;
    }
  }
}

interface Asked {
  signal: AbortSignal;
  notes: Set<string>;
}

interface Speaking extends Asked {
  index: PromptIndex;
  /** By name of the voice. */
  failures: Map<string, number>;
}

function pathOf(recording: string): string {
  return `assets/audio/${recording}.mulaw`;
}

function keyOf({ text, audio, voice }: PromptLine): string {
  return [audio ?? "", voice?.name ?? "", text].join("\n");
}

/** A line is spoken once for all calls: what stands in {{ }} is left out, as the configuration's warnings say. */
function withoutVariables(text: string): string {
  return text.replace(/\{\{[^}]*\}\}/g, " ").replace(/\s+/g, " ").trim();
}
