/** Recordings by name: what the configuration wants recorded, and where it lies. */

import { RATE_HZ } from "./audio/frame.ts";
import { promptLevelDbfs } from "./audio/recording.ts";
import type { CallConfig, Config } from "./config.ts";
import { promptLines } from "./prompt_voice.ts";

export const AUDIO_FOLDER = "assets/audio";

/** What the configuration wants recorded under one name. */
export interface Wanted {
  /** Of `assets/audio/NAME.mulaw`. */
  name: string;
  text: string;
  /** Where in the configuration, for messages. */
  path: string;
  call: CallConfig;
  /** Whether the configuration plays the recording, or merely has the line. */
  named: boolean;
}

/** Every line of the configuration, under the name of its recording, or of itself where it names none. */
export function wantedBy(config: Config): Wanted[] {
  const calls: [string, CallConfig][] = [["", config.base]];
  for (const [number, call] of Object.entries(config.numbers)) calls.push([`numbers.${number}.`, call]);
  return calls.flatMap(([prefix, call]) =>
    promptLines(call).map(([path, { text, audio }]) => ({
      name: audio ?? nameOf(path),
      text,
      path: `${prefix}${path}`,
      call,
      named: audio !== undefined,
    }))
  );
}

/** The last word of a path, for example "stillThere" of "lines.stillThere", "fillers_0" of "lines.fillers[0]". */
export function nameOf(path: string): string {
  return path.replace(/^(lines|routes|tools)\./, "").replace(/\.whileWaiting$/, "").replace(/\[(\d+)\]/, "_$1");
}

/** The file of a recording. */
export function pathOf(name: string): string {
  return `${AUDIO_FOLDER}/${name}.mulaw`;
}

/** Length and level of raw mu-law, for people. */
export function describe(audio: Uint8Array): string {
  return `${(audio.length / RATE_HZ).toFixed(1)} s, ${promptLevelDbfs(audio).toFixed(1)} dBFS`;
}
