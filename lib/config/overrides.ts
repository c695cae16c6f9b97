/** What the environment lays over a call's part of the file, before it is read. Pure. */

import { isObject } from "../base/json.ts";
import type { Overrides } from "./environment.ts";
import { objectOf, type Raw } from "./objects.ts";
import { effortsAtGroq } from "./providers.ts";
import { fluxFor } from "./spoken_language.ts";

interface Override {
  variable: string;
  /** Where it shows in a `CallConfig`; lists count as one value. */
  path: string;
  apply: (raw: Raw) => Raw;
}

/** `raw` with the overrides in their places; `raw` itself stays as it is. */
export function applyOverrides(raw: Raw, overrides: Overrides): Raw {
  return listed(overrides).reduce((changed, { apply }) => apply(changed), raw);
}

/** The variables that change `raw`, by the path of what they change. */
export function overrideOrigins(raw: Raw, overrides: Overrides): Record<string, string> {
  const changing = listed(overrides).filter(({ apply }) => JSON.stringify(apply(raw)) !== JSON.stringify(raw));
  return Object.fromEntries(changing.map(({ path, variable }) => [path, `environment ${variable}`]));
}

/** Variables that name a model or a voice of a vendor that no entry of the pipeline uses: they do nothing. */
export function idleOverrides(raw: Raw, overrides: Overrides): { variable: string; vendor: string }[] {
  const idle: { variable: string; vendor: string }[] = [];
  const uses = (list: unknown, type: string) => entriesOf(list).some((entry) => typeOf(entry) === type);
  if (overrides.groqModel !== undefined && !uses(thinkOf(raw), "groq")) {
    idle.push({ variable: "GROQ_MODEL", vendor: "groq" });
  }
  if (
    overrides.cartesiaVoiceId !== undefined && objectOf(raw.pipeline).speak !== undefined &&
    !uses(objectOf(raw.pipeline).speak, "cartesia")
  ) {
    idle.push({ variable: "CARTESIA_VOICE_ID", vendor: "cartesia" });
  }
  return idle;
}

function listed(overrides: Overrides): Override[] {
  const { groqModel, maxHistoryTurns, promptAfterMs, minInterruptionWords, useFlux, cartesiaVoiceId } = overrides;
  const all: (Override | false)[] = [
    groqModel !== undefined && {
      variable: "GROQ_MODEL",
      path: "pipeline.think",
      apply: (raw) =>
        put(raw, ["pipeline", "think"], withField(thinkOf(raw), "groq", (it) => withModel(it, groqModel))),
    },
    cartesiaVoiceId !== undefined && {
      variable: "CARTESIA_VOICE_ID",
      path: "pipeline.speak",
      apply: (raw) => {
        const speak = objectOf(raw.pipeline).speak;
        return speak === undefined
          ? raw
          : put(raw, ["pipeline", "speak"], withField(speak, "cartesia", (it) => ({ ...it, voice: cartesiaVoiceId })));
      },
    },
    maxHistoryTurns !== undefined && set("MAX_HISTORY_TURNS", ["pipeline", "turn", "maxHistoryTurns"], maxHistoryTurns),
    minInterruptionWords !== undefined &&
    set("MIN_INTERRUPTION_WORDS", ["pipeline", "turn", "minInterruptionWords"], minInterruptionWords),
    promptAfterMs !== undefined && set("SILENCE_TIMEOUT_SECONDS", ["silence", "promptAfterMs"], promptAfterMs),
    useFlux === true && { variable: "USE_DEEPGRAM_FLUX", path: "pipeline.listen.provider.model", apply: withFlux },
  ];
  return all.filter((one) => one !== false);
}

function set(variable: string, path: string[], value: unknown): Override {
  return { variable, path: path.join("."), apply: (raw) => put(raw, path, value) };
}

/** A copy with `value` at `path`. What stands in the way and is not an object stays, to be found wrong. */
function put(raw: Raw, [key, ...rest]: string[], value: unknown): Raw {
  if (key === undefined) return raw;
  if (rest.length === 0) return { ...raw, [key]: value };
  const inner = raw[key] ?? {};
  return isObject(inner) ? { ...raw, [key]: put(inner, rest, value) } : raw;
}

/** The pipeline's models as written, or the default that the schema would put there. */
function thinkOf(raw: Raw): unknown {
  return objectOf(raw.pipeline).think ?? [{ provider: { type: "groq", model: "openai/gpt-oss-20b" } }];
}

/** The model replaced; an effort that the new one does not take was written for the old one. */
function withModel({ reasoning_effort: effort, ...provider }: Raw, model: string): Raw {
  const isTaken = effort !== undefined && effortsAtGroq(model)?.includes(String(effort)) !== false;
  return { ...provider, model, ...(isTaken ? { reasoning_effort: effort } : {}) };
}

/** The provider of the first entry of that type, changed. */
function withField(list: unknown, type: string, change: (provider: Raw) => Raw): unknown {
  const entries = entriesOf(list);
  const at = entries.findIndex((entry) => typeOf(entry) === type);
  if (at < 0) return list;
  return entries.map((entry, i) =>
    i === at && isObject(entry) ? { ...entry, provider: change(objectOf(entry.provider)) } : entry
  );
}

/** Fields of a Nova recogniser that Flux refuses. */
const NOVA_ONLY = ["language", "smart_format", "endpointing", "utterance_end_ms", "punctuate", "version"];

/** The pipeline's recogniser made a Flux one, unless it is one already. */
function withFlux(raw: Raw): Raw {
  const provider = objectOf(objectOf(objectOf(raw.pipeline).listen).provider);
  if (typeof provider.model === "string" && provider.model.startsWith("flux")) return raw;
  const kept = Object.entries(provider).filter(([key]) => !NOVA_ONLY.includes(key));
  return put(raw, ["pipeline", "listen", "provider"], {
    type: "deepgram",
    ...Object.fromEntries(kept),
    ...fluxFor(typeof raw.language === "string" ? raw.language : "en") ?? { model: "flux-general-multi" },
  });
}

function entriesOf(list: unknown): unknown[] {
  return Array.isArray(list) ? list : list === undefined ? [] : [list];
}

function typeOf(entry: unknown): unknown {
  return objectOf(objectOf(entry).provider).type;
}
