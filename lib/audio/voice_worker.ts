/// <reference lib="deno.worker" />
/** The local voice's thread: it holds the synthesiser's 21 MB of code and data, and blocks while it speaks. */

import { OWN } from "../base/own.ts";
import { messageOf } from "../base/result.ts";
import { speakFlite } from "./flite.ts";
import { PACKED_FLITE, readFlite, unpackFlite } from "./flite_package.ts";
import type { Utterance } from "./voice.ts";

export interface VoiceRequest {
  id: number;
  text: string;
}

/** Exactly one per request, in order. */
export type VoiceAnswer = { id: number; utterance: Utterance } | { id: number; error: string };

let module: Promise<WebAssembly.Module> | undefined;

async function load(): Promise<WebAssembly.Module> {
  const code = Deno.build.standalone
    ? await unpackFlite(await Deno.readFile(new URL(PACKED_FLITE, OWN)))
    : await readFlite();
  return await WebAssembly.compile(code);
}

async function answer({ id, text }: VoiceRequest): Promise<VoiceAnswer> {
  try {
    return { id, utterance: speakFlite(await (module ??= load()), text) };
  } catch (error) {
    module = undefined;
    return { id, error: messageOf(error) };
  }
}

self.onmessage = ({ data }: MessageEvent<VoiceRequest>) => {
  answer(data).then((reply) => self.postMessage(reply)).catch((error: unknown) => reportError(error));
};
