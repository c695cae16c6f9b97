/** `offhook audio`: recordings made, looked at and turned back into WAV. */

import { parseIndex } from "./audio/prompt_index.ts";
import { localVoice, type Voice } from "./audio/voice.ts";
import { PromptBuilder } from "./audio_build.ts";
import { audioInfo, audioToWav } from "./audio_info.ts";
import { systemClock } from "./base/clock.ts";
import { failure, readArgs, type Terminal, wrongUsage } from "./base/usage.ts";
import { describeNotes } from "./config.ts";
import { readText } from "./files.ts";
import { loadConfig } from "./load.ts";
import { INDEX_FILE } from "./prompt_voice.ts";

const AUDIO_HELP = `offhook audio build [NAME|FILE.wav]… [--voice configured|local]
offhook audio info [NAME]…
offhook audio wav NAME OUT.wav

build   makes assets/audio/NAME.mulaw of a WAV of any rate and kind, or of the text that config.json gives the line or
        route NAME. Without names: every recording that is missing or whose text has changed.
        --voice configured: the voice of the calls (it needs its vendor's key; the default where there is one)
        --voice local: the built-in voice
info    length, level, voice and text of recordings, and what is wrong with them
wav     writes a recording as a WAV file

Also: --config FILE, --json
`;

export interface AudioParts extends Terminal {
  /** Instead of the built-in voice. */
  voice?: Voice;
  fetch?: (request: Request) => Promise<Response>;
}

/** Run it. @returns the exit code: 0 done, 1 something could not be done, 2 wrong usage. */
export async function audio(args: string[], parts: AudioParts): Promise<number> {
  const { print, printError } = parts;
  const usage = (why: string) =>
    wrongUsage(why, { help: "See offhook audio --help.", json: args.includes("--json"), print, printError });
  const read = readArgs({
    args,
    options: {
      voice: { type: "string" },
      config: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (!read.ok) return usage(read.fault);
  const { values, positionals: [command, ...names] } = read.value;
  if (values.help) {
    print(AUDIO_HELP);
    return 0;
  }
  const json = values.json === true;
  const fail = (error: string) => failure(error, { json, print, printError });
  if (values.voice !== undefined && values.voice !== "configured" && values.voice !== "local") {
    return usage(`--voice takes "configured" or "local", not "${values.voice}"`);
  }
  if (command === "wav") {
    if (names.length !== 2) return usage("audio wav takes a name and a file, for example: audio wav greeting out.wav");
    return await audioToWav(names[0]!, names[1]!, { print, fail, json });
  }
  if (command === undefined) return usage("audio takes a command: build, info or wav.");
  if (command !== "build" && command !== "info") return usage(`There is no command "audio ${command}".`);
  // A recording can be made before any account is set.
  const loaded = loadConfig({ file: values.config, flags: { rehearse: true } });
  if (!loaded.ok) return fail(describeNotes(loaded.fault));
  const index = parseIndex(readText(INDEX_FILE) ?? "{}");
  if (!index) return fail(`${INDEX_FILE} is damaged. Restore it, or remove it: what recordings say is then not known.`);
  const { config } = loaded.value;
  if (command === "info") return audioInfo(names, { config, index, json, print });
  await using voice = parts.voice ?? localVoice({ clock: systemClock });
  const request = parts.fetch ?? ((request: Request) => fetch(request));
  const told = { print: json ? printError : print, printError };
  const builder = new PromptBuilder({ config, index, voice, choice: values.voice, ...told, fetch: request });
  const code = await builder.build(names);
  const { built, faults } = builder;
  if (json) print(JSON.stringify({ ok: code === 0, schema: 1, built, faults }));
  return code;
}
