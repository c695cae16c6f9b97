/** `offhook audio build`: recordings made of WAV files, or of the configuration's texts by a voice. */

import { RATE_HZ } from "./audio/frame.ts";
import { decode } from "./audio/mulaw.ts";
import { entryOf, hashOf, LOCAL_VOICE, OWN_RECORDING, type PromptIndex, writeIndex } from "./audio/prompt_index.ts";
import { buildFromWav, trimSpeech } from "./audio/recording.ts";
import { writeWav } from "./audio/wav.ts";
import type { Voice } from "./audio/voice.ts";
import { AUDIO_FOLDER, describe, pathOf, type Wanted, wantedBy } from "./audio_names.ts";
import { systemClock } from "./base/clock.ts";
import { describeFault, failed, messageOf, ok, type Result } from "./base/result.ts";
import type { Config } from "./config.ts";
import { readBytes } from "./files.ts";
import { whyNotRead } from "./permissions.ts";
import { INDEX_FILE, promptVoice, speakingVoice } from "./prompt_voice.ts";

export interface BuilderParts {
  config: Config;
  index: PromptIndex;
  voice: Voice;
  /** Undefined: configured where it has a key, else local. */
  choice: "configured" | "local" | undefined;
  print: (line: string) => void;
  printError: (line: string) => void;
  fetch: (request: Request) => Promise<Response>;
}

/** A recording that was made, for `--json`. */
export interface BuiltPrompt {
  name: string;
  file: string;
  seconds: number;
  voice: string;
}

interface Built {
  audio: Uint8Array;
  /** What it was made of. */
  source: Uint8Array;
  text: string;
  voice: string;
}

/** Makes what it is asked for, one after the other; what fails is told, and the rest is made. */
export class PromptBuilder {
  readonly #given: BuilderParts;
  readonly #wanted: Wanted[];
  /** What was made so far, and what could not be. */
  readonly built: BuiltPrompt[] = [];
  readonly faults: { name: string; error: string }[] = [];

  constructor(given: BuilderParts) {
    this.#given = given;
    this.#wanted = wantedBy(given.config);
  }

  /** Names of lines, or WAV files; none: what is missing or outdated. @returns the exit code. */
  async build(names: readonly string[]): Promise<number> {
    const { print, printError } = this.#given;
    const orders = names.length > 0 ? names : this.#stale();
    if (orders.length === 0) print("Every recording of the configuration is there and says its text.");
    for (const order of orders) {
      const isWav = /\.wav$/i.test(order);
      const built = isWav ? this.#fromFile(order) : await this.#fromText(order);
      const name = isWav ? baseName(order) : this.#find(order)?.recording ?? order;
      const kept = built.ok ? this.#keep(name, built.value) : built;
      if (kept.ok) print(kept.value);
      else {
        printError(`${order}: ${kept.fault}`);
        this.faults.push({ name: order, error: kept.fault });
      }
    }
    return this.faults.length === 0 ? 0 : 1;
  }

  /** Names of recordings that are missing, or were spoken from a text that has changed. A person's are only told of. */
  #stale(): string[] {
    const { index, printError } = this.#given;
    const named = new Map(
      this.#wanted.flatMap((line) => line.audio === undefined ? [] : [[line.audio, line] as const]),
    );
    return [...named].flatMap(([name, { text }]) => {
      const audio = readBytes(pathOf(name));
      if (!audio) return [name];
      const known = entryOf(index, name, audio);
      if (!known || text === "" || known.text === text) return [];
      if (known.voice !== OWN_RECORDING) return [name];
      printError(
        `${pathOf(name)} was recorded with another text than config.json has now. Record it again, ` +
          `or have it spoken: offhook audio build ${name}`,
      );
      return [];
    });
  }

  /** The line called `name`: by its recording, or by its own name. */
  #find(name: string): Wanted | undefined {
    return this.#wanted.find(({ audio }) => audio === name) ?? this.#wanted.find((wanted) => wanted.name === name);
  }

  #fromFile(file: string): Result<Built, string> {
    const name = baseName(file);
    if (!/^[a-z0-9][a-z0-9_-]*$/i.test(name)) {
      return failed(`"${name}" cannot be the name of a recording. Rename the file: letters, digits, "_" and "-" only.`);
    }
    let source: Uint8Array | undefined;
    try {
      source = readBytes(file);
    } catch (error) {
      return failed(`It cannot be read: ${whyNotRead(error)}`);
    }
    if (!source) return failed("There is no such file.");
    const audio = buildFromWav(source);
    if (!audio.ok) return audio;
    const { text = "" } = this.#find(name) ?? {};
    return ok({ audio: audio.value, source, text, voice: OWN_RECORDING });
  }

  async #fromText(name: string): Promise<Result<Built, string>> {
    const wanted = this.#find(name);
    if (!wanted) {
      const names = [...new Set(this.#wanted.map(({ recording }) => recording))].join(", ");
      return failed(`config.json has no line or route of this name. It has: ${names}`);
    }
    if (wanted.text === "") {
      return failed(`${wanted.key} has no text. Write one, or build it from a WAV: offhook audio build ${name}.wav`);
    }
    const { audio: shared } = wanted;
    const other = this.#wanted.find((one) =>
      one.audio !== undefined && one.audio === shared && one.text !== wanted.text
    );
    if (other) {
      return failed(`${wanted.key} and ${other.key} share this recording, but not their text. Give each its own.`);
    }
    if (wanted.text.includes("{{")) {
      return failed(`${wanted.key} has {{ }} in its text, and a recording is the same on every call. Remove it.`);
    }
    const spoken = await this.#speak(wanted);
    if (!spoken.ok) return spoken;
    const audio = trimSpeech(spoken.value.audio);
    if (audio.length === 0) return failed(`Nothing of "${wanted.text}" can be spoken by ${spoken.value.voice}.`);
    const source = writeWav({ rateHz: RATE_HZ, channels: [decode(audio)] });
    return ok({ audio, source, text: wanted.text, voice: spoken.value.voice });
  }

  async #speak({ text, call }: Wanted): Promise<Result<{ audio: Uint8Array; voice: string }, string>> {
    const { config, voice, choice, fetch } = this.#given;
    const configured = choice === "local" ? undefined : promptVoice(config, call, { clock: systemClock, fetch });
    if (choice === "configured" && !configured) {
      const name = speakingVoice(config, call);
      return failed(
        name === LOCAL_VOICE
          ? "The configured voice needs its vendor's key: set DEEPGRAM_API_KEY or CARTESIA_API_KEY, or use --voice local."
          : `The configured voice (${name}) cannot be asked for a recording. Use --voice local, or a WAV of your own.`,
      );
    }
    try {
      if (!configured) return ok({ audio: (await voice.speak(text)).audio, voice: LOCAL_VOICE });
      const rendered = await configured.render(text, new AbortController().signal);
      return rendered.ok
        ? ok({ audio: rendered.value, voice: configured.name })
        : failed(`${describeFault(rendered.fault)} Or use --voice local.`);
    } catch (error) {
      return failed(messageOf(error));
    }
  }

  /** Write recording, source and index. @returns what was made, for people. */
  #keep(name: string, { audio, source, text, voice }: Built): Result<string, string> {
    const { index } = this.#given;
    try {
      Deno.mkdirSync(`${AUDIO_FOLDER}/source`, { recursive: true });
      Deno.writeFileSync(`${AUDIO_FOLDER}/source/${name}.wav`, source);
      Deno.writeFileSync(pathOf(name), audio);
      index[name] = { text, voice, hash: hashOf(audio) };
      Deno.writeTextFileSync(INDEX_FILE, writeIndex(index));
    } catch (error) {
      return failed(`It cannot be written: ${messageOf(error)}`);
    }
    this.built.push({ name, file: pathOf(name), seconds: audio.length / RATE_HZ, voice });
    const unused = this.#wanted.some((wanted) => wanted.audio === name)
      ? ""
      : `. No line plays it yet: write "audio": "${name}" beside the text`;
    return ok(`${pathOf(name)}: ${describe(audio)}, ${voice}${unused}`);
  }
}

function baseName(file: string): string {
  return file.replace(/^.*[/\\]/, "").replace(/\.wav$/i, "");
}
