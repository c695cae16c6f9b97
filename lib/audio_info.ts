/** `offhook audio info` and `audio wav`: what recordings there are, and what is wrong with them. */

import { RATE_HZ } from "./audio/frame.ts";
import { decode } from "./audio/mulaw.ts";
import { entryOf, parseIndex, type PromptIndex } from "./audio/prompt_index.ts";
import { promptLevelDbfs, readRecording } from "./audio/recording.ts";
import { writeWav } from "./audio/wav.ts";
import { describe, pathOf, type Wanted, wantedBy } from "./audio_names.ts";
import { failed } from "./base/result.ts";
import type { Terminal } from "./base/usage.ts";
import type { Config } from "./config.ts";
import { readBytes, readText } from "./files.ts";
import { whyNotWritten } from "./permissions.ts";
import { INDEX_FILE } from "./prompt_voice.ts";

interface InfoParts extends Pick<Terminal, "print"> {
  config: Config;
  index: PromptIndex;
  json: boolean;
}

interface PromptInfo {
  name: string;
  seconds: number | null;
  levelDbfs: number | null;
  voice: string | null;
  text: string | null;
  warnings: string[];
}

/** Tell of these recordings, or of all. @returns the exit code: 1 if one is missing or cannot be played. */
export function audioInfo(names: readonly string[], { config, index, json, print }: InfoParts): number {
  const wanted = wantedBy(config);
  const all = [...new Set([...wanted.flatMap(({ audio }) => audio ?? []), ...Object.keys(index)])].sort();
  const infos = (names.length > 0 ? names : all).map((name) =>
    infoOf(name, index, { wanted: wanted.find(({ audio }) => audio === name), all })
  );
  if (json) print(JSON.stringify({ schema: 1, prompts: infos }));
  else for (const one of infos) print(rowOf(one));
  return infos.some(({ seconds }) => seconds === null) ? 1 : 0;
}

function infoOf(
  name: string,
  index: PromptIndex,
  { wanted, all }: { wanted: Wanted | undefined; all: readonly string[] },
): PromptInfo {
  const path = pathOf(name);
  const bytes = readBytes(path);
  const nothing = (why: string): PromptInfo => (
    { name, seconds: null, levelDbfs: null, voice: null, text: wanted?.text ?? null, warnings: [why] }
  );
  if (!bytes && !all.includes(name)) return nothing(unknown(name, all));
  if (!bytes) return nothing(`${path} is missing. Build it: offhook audio build ${name}${wanted?.text ? "" : ".wav"}`);
  const read = readRecording(bytes, path);
  if (!read.ok) return nothing(read.fault);
  const known = entryOf(index, name, bytes);
  const stale = known && wanted?.text && known.text !== wanted.text;
  const level = promptLevelDbfs(read.value.audio);
  return {
    name,
    seconds: read.value.audio.length / RATE_HZ,
    levelDbfs: Number.isFinite(level) ? level : null,
    voice: known?.voice ?? null,
    text: known?.text ?? wanted?.text ?? null,
    warnings: [
      ...read.value.warnings,
      ...(stale ? [`${path} says another text than ${wanted.key}. Build it again: offhook audio build ${name}`] : []),
    ],
  };
}

function unknown(name: string, all: readonly string[]): string {
  return `There is no recording "${name}". There are: ${all.join(", ") || "none"}.`;
}

function rowOf({ name, seconds, levelDbfs, voice, text, warnings }: PromptInfo): string {
  const figures = seconds === null
    ? ""
    : `${seconds.toFixed(1).padStart(5)} s  ${levelDbfs === null ? "silent" : `${levelDbfs.toFixed(1)} dBFS`}  ${
      voice ?? "voice not known"
    }`;
  const quoted = text ? `  "${text}"` : "";
  return [`${name.padEnd(16)}  ${figures}${quoted}`.trimEnd(), ...warnings.map((warning) => `  ${warning}`)].join("\n");
}

/** Write a recording as a WAV file; `fail` tells why not. @returns the exit code. */
export async function audioToWav(
  name: string,
  file: string,
  { print, fail, json }: { print: (line: string) => void; fail: (why: string) => number; json: boolean },
): Promise<number> {
  const path = pathOf(name);
  const bytes = readBytes(path);
  const made = Object.keys(parseIndex(readText(INDEX_FILE) ?? "{}") ?? {}).sort();
  const read = bytes ? readRecording(bytes, path) : failed(unknown(name, made));
  if (!read.ok) return fail(read.fault);
  try {
    await Deno.writeFile(file, writeWav({ rateHz: RATE_HZ, channels: [decode(read.value.audio)] }));
  } catch (error) {
    return fail(`Cannot write ${file}: ${whyNotWritten(error)}`);
  }
  const seconds = read.value.audio.length / RATE_HZ;
  print(json ? JSON.stringify({ ok: true, schema: 1, name, file, seconds }) : `${file}: ${describe(read.value.audio)}`);
  return 0;
}
