/** The voice that speaks a call's prepared lines: the one it speaks with otherwise, if that one can be asked for a whole text. */

import { LOCAL_VOICE, parseIndex } from "./audio/prompt_index.ts";
import type { PromptLine, PromptParts, PromptVoice, RenderingCache } from "./audio/prompts.ts";
import type { Clock } from "./base/clock.ts";
import { type CallConfig, type Config, isPlayed, linesOf } from "./config.ts";
import { readText } from "./files.ts";
import { recordsPlace } from "./permissions.ts";
import { renderCartesia } from "./providers/cartesia.ts";
import { renderDeepgram } from "./providers/deepgram_render.ts";
import { OWN_FOLDER, removeFile } from "./store/place.ts";

type Fetch = (request: Request) => Promise<Response>;

/** Where the recordings' texts and voices are noted. */
export const INDEX_FILE = "assets/audio/index.json";

/** Where prepared lines come from besides the recordings and the local voice. */
export interface LineSource extends Pick<PromptParts, "index" | "cache"> {
  /** Who speaks the lines of a call that have no recording; undefined: the local voice. */
  voiceOf: (call: CallConfig) => PromptVoice | undefined;
}

/** The vendors of `config`; what they spoke is kept in DATA_DIR/voice, or nowhere if we may not write there. */
export function lineSource(config: Config, options: { fetch: Fetch; clock: Clock }): LineSource {
  const { dataDir, onDeploy } = config.server;
  const place = recordsPlace(dataDir, { onDeploy });
  return {
    index: () => parseIndex(readText(INDEX_FILE) ?? "{}"),
    voiceOf: (call) => promptVoice(config, call, options),
    ...("kind" in place && place.kind === "disk" ? { cache: diskCache(`${place.folder}/voice`) } : {}),
  };
}

/** What a call's voice is: the first of its engine's. */
type Choice = CallConfig["agent"]["speak"][number] | CallConfig["pipeline"]["speak"][number];

/** The name of the voice that `call` speaks with; the local voice where its vendor has no key and a stand-in speaks. */
export function speakingVoice({ keys }: Pick<Config, "keys">, call: CallConfig): string {
  const { provider } = choiceOf(call);
  switch (provider.type) {
    case "deepgram":
      return keys.deepgram ? nameOf("deepgram", provider.model, provider.speed) : LOCAL_VOICE;
    case "cartesia":
      return call.engine === "pipeline" && !keys.cartesia
        ? LOCAL_VOICE
        : nameOf("cartesia", provider.model_id, voiceId(provider), provider.language);
    case "eleven_labs":
      return `eleven_labs ${provider.model_id}`;
    default:
      return `${provider.type} ${provider.voice}`;
  }
}

/** That voice, ready to be asked; undefined where it has no key, or cannot be asked for whole texts. */
export function promptVoice(
  config: Pick<Config, "keys" | "urls">,
  call: CallConfig,
  { fetch, clock }: { fetch: Fetch; clock: Clock },
): PromptVoice | undefined {
  const { keys, urls } = config;
  const { provider } = choiceOf(call);
  const name = speakingVoice(config, call);
  if (provider.type === "deepgram" && keys.deepgram && provider.model.startsWith("aura-")) {
    const url = urls.speak.replace(/^ws/, "http");
    const { model, speed } = provider;
    const mip_opt_out = !call.privacy.vendorTraining;
    const options = { fetch, clock, url, key: keys.deepgram, provider: { model, speed, mip_opt_out } };
    return { name, render: (text, signal) => renderDeepgram(options, text, signal) };
  }
  if (provider.type === "cartesia" && keys.cartesia) {
    const { language } = provider;
    const options = {
      fetch,
      clock,
      url: urls.cartesia.replace(/\/tts\/websocket\/?$/, ""), // the path is added again
      key: keys.cartesia,
      model: provider.model_id,
      voice: voiceId(provider),
      ...(language === undefined ? {} : { language }),
    };
    return { name, render: (text, signal) => renderCartesia(options, text, signal) };
  }
  return undefined;
}

/** The lines that we play ourselves. */
export function playedLines(call: CallConfig): PromptLine[] {
  return linesOf(call).filter(isPlayed).map(({ text = "", audio }) => ({ text, audio }));
}

/** Renderings that are kept, of some 40 KB: far more than a configuration has lines. */
const KEPT_LIMIT = 2000;

/** A cache in `folder`, made when it is first written to. Of more than `limit` renderings the oldest go. */
export function diskCache(folder: string, limit: number = KEPT_LIMIT): RenderingCache {
  const fileOf = (hash: string) => `${folder}/${hash}.mulaw`;
  return {
    async read(hash) {
      try {
        return await Deno.readFile(fileOf(hash));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async write(hash, audio) {
      await Deno.mkdir(folder, { recursive: true, mode: OWN_FOLDER });
      const unfinished = `${fileOf(hash)}.${crypto.randomUUID()}`;
      try {
        await Deno.writeFile(unfinished, audio);
        await Deno.rename(unfinished, fileOf(hash));
      } catch (error) {
        removeFile(unfinished); // on a full disk each start would leave another one
        throw error;
      }
      await removeOldest(folder, limit).catch(() => {}); // another process may do the same
    },
  };
}

async function removeOldest(folder: string, limit: number): Promise<void> {
  const paths = [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
  if (paths.length <= limit) return;
  const files: { path: string; changedMs: number }[] = [];
  for (const path of paths) files.push({ path, changedMs: (await Deno.stat(path)).mtime?.getTime() ?? 0 });
  files.sort((a, b) => a.changedMs - b.changedMs);
  for (const { path } of files.slice(0, -limit)) removeFile(path);
}

function choiceOf({ engine, agent, pipeline }: CallConfig): Choice {
  return (engine === "agent" ? agent.speak : pipeline.speak)[0]!; // the schema wants at least one
}

function nameOf(...parts: (string | number | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(" ");
}

function voiceId({ voice }: Extract<Choice["provider"], { type: "cartesia" }>): string {
  return typeof voice === "string" ? voice : voice.id;
}
