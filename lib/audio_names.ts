/** Recordings by name: what the configuration wants recorded, and where it lies. */

import { RATE_HZ } from "./audio/frame.ts";
import { promptLevelDbfs } from "./audio/recording.ts";
import { type CallConfig, type CallLine, callsOf, type Config, linesOf } from "./config.ts";

export const AUDIO_FOLDER = "assets/audio";

/** A line of the configuration, and the call that says it. */
export interface Wanted extends CallLine {
  /** Its file is `assets/audio/RECORDING.mulaw`: the recording that the line names, or else the line's own name. */
  recording: string;
  text: string;
  call: CallConfig;
}

/** Every line of the configuration. */
export function wantedBy(config: Config): Wanted[] {
  return callsOf(config).flatMap(([prefix, call]) =>
    linesOf(call).map(({ text = "", ...line }) => ({
      ...line,
      key: `${prefix}${line.key}`,
      recording: line.audio ?? line.name,
      text,
      call,
    }))
  );
}

/** The file of a recording. */
export function pathOf(name: string): string {
  return `${AUDIO_FOLDER}/${name}.mulaw`;
}

/** Length and level of raw mu-law, for people. */
export function describe(audio: Uint8Array): string {
  return `${(audio.length / RATE_HZ).toFixed(1)} s, ${promptLevelDbfs(audio).toFixed(1)} dBFS`;
}
