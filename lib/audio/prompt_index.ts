/** `assets/audio/index.json`: what each recording says and who speaks it. Pure. */

import { createHash } from "node:crypto";
import * as z from "zod";

/** The voice of a recording that a person made. */
export const OWN_RECORDING = "recording";
/** The voice that is built in; `local_voice.ts` speaks with it unless told otherwise. */
export const LOCAL_VOICE = "local rms";

const Entry = z.object({
  text: z.string(),
  /** As `PromptVoice.name`, `LOCAL_VOICE` or `OWN_RECORDING`. */
  voice: z.string(),
  /** Of the file: an entry says nothing about another one that took its place. */
  hash: z.string(),
});

export type IndexEntry = z.infer<typeof Entry>;
/** By the name of the recording. */
export type PromptIndex = Record<string, IndexEntry>;

/** Read the sidecar; undefined if it is not one. */
export function parseIndex(text: string): PromptIndex | undefined {
  try {
    const parsed = z.record(z.string(), Entry).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** The sidecar's text, names in order. */
export function writeIndex(index: PromptIndex): string {
  const sorted = Object.entries(index).sort(([a], [b]) => a < b ? -1 : 1);
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

/** What the index knows of the file `audio` called `name`: nothing if the file is another by now. */
export function entryOf(index: PromptIndex, name: string, audio: Uint8Array): IndexEntry | undefined {
  const entry = Object.hasOwn(index, name) ? index[name] : undefined;
  return entry?.hash === hashOf(audio) ? entry : undefined;
}

/** SHA-256 of a recording, the first 16 bytes in hex. */
export function hashOf(audio: Uint8Array): string {
  return createHash("sha256").update(audio).digest("hex").slice(0, 32);
}

/** The name under which what `voice` said is kept. */
export function renderingHash(voice: string, text: string): string {
  return createHash("sha256").update(`${voice}\n${text}`).digest("hex").slice(0, 32);
}
