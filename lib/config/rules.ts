/** What holds between the sections of one call's configuration. Pure; takes whatever sections could be read. */

import { isPlayed, linesOf } from "./lines.ts";
import { type ConfigNote, nearest, quote } from "./notes.ts";
import { secretsOfText } from "./texts.ts";
import type { CallConfig } from "./types.ts";
import { placeholders, secretNames, VARIABLES } from "./variables.ts";

export interface RuleContext {
  /** The sections as written. */
  raw: Record<string, unknown>;
  file: string;
  secrets: Readonly<Record<string, string>>;
  hasAsset?: (path: string) => boolean;
  rehearsal: boolean;
}

export interface RuleNotes {
  faults: ConfigNote[];
  warnings: ConfigNote[];
}

type Tell = (key: string, problem: string, remedy: string) => void;

/** The longest prompt that a model managed by Deepgram takes whole, in characters (Deepgram reference, section 2.4). */
const MANAGED_PROMPT_CHARS = 25_000;

export function checkCall(call: Partial<CallConfig>, context: RuleContext): RuleNotes {
  const notes: RuleNotes = { faults: [], warnings: [] };
  const into = (list: ConfigNote[]): Tell => (key, problem, remedy) =>
    list.push({ file: context.file, key, problem, remedy });
  const fault = into(notes.faults);
  const warn = into(notes.warnings);
  uniqueNames(call, fault);
  transfers(call, fault);
  recordingNotice(call, fault);
  secrets(call, context, fault);
  lookupVariables(call, fault);
  sharedUtterances(call, warn);
  unknownVariables(call, warn);
  varyingLines(call, warn);
  missingAssets(call, context, warn);
  oldVoices(call, warn);
  oldModels(call, warn);
  otherTongues(call, warn);
  longPrompt(call, warn);
  if (!context.rehearsal) exampleNumbers(call, warn);
  return notes;
}

function uniqueNames({ routes = [], tools = [] }: Partial<CallConfig>, fault: Tell): void {
  for (const [section, list] of [["routes", routes], ["tools", tools]] as const) {
    list.forEach(({ name }, i) => {
      const first = list.findIndex((other) => other.name === name);
      if (first < i) {
        fault(`${section}[${i}].name`, `is ${quote(name)}, as in ${section}[${first}]`, "Give each its own name.");
      }
    });
  }
}

function transfers(call: Partial<CallConfig>, fault: Tell): void {
  if (call.tools === undefined) return; // unreadable: told already
  const tool = call.tools.find((one) => one.kind === "transfer_call");
  const names = Object.keys(tool?.to ?? {});
  const check = (key: string, name: string) => {
    if (names.includes(name)) return;
    const near = nearest(name, names);
    const remedy = tool === undefined
      ? `Add the tool transfer_call with "to": { ${quote(name)}: { "number": "+15550142" } }.`
      : near === undefined
      ? `Name one of ${names.join(", ")}.`
      : `Did you mean "${near}"?`;
    fault(key, `is ${quote(name)}, which transfer_call does not know`, remedy);
  };
  call.routes?.forEach((route, i) =>
    route.transferTo !== undefined && check(`routes[${i}].transferTo`, route.transferTo)
  );
  if (call.fallback) check("fallback.transferTo", call.fallback.transferTo);
}

/** A caller who is recorded must be told so, by a line that he cannot interrupt. */
function recordingNotice({ privacy, lines, greeting }: Partial<CallConfig>, fault: Tell): void {
  if (!privacy?.recording || lines === undefined) return;
  // A greeting without audio is spoken by the engine, and what that speaks can be interrupted.
  const isHeardOut = greeting?.audio !== undefined && greeting.interruptible === false;
  if (lines.recordingNotice?.interruptible === false || isHeardOut) return;
  fault(
    "privacy.recording",
    "is true, and no line that is always heard out tells the caller",
    `Write lines.recordingNotice, for example "This call is recorded.", or say so in a greeting with "audio" and "interruptible": false.`,
  );
}

const SECRET_PLACES = ["tools", "beforeCall", "agent", "pipeline"];

const TEXT_PLACES = ["greeting", "lines", "routes"];

function secrets({ prompt }: Partial<CallConfig>, { raw, secrets }: RuleContext, fault: Tell): void {
  const check = (value: unknown, place: string, namesIn: (text: string) => string[]) => {
    for (const [key, text] of textsIn(value, place)) {
      const [bare] = text.match(/\$SECRET_[A-Za-z0-9_]+/) ?? [];
      if (bare) fault(key, `uses ${bare} without braces`, `Write \${${bare.slice(1)}}.`);
      for (const name of namesIn(text)) {
        if (!Object.hasOwn(secrets, name)) fault(key, ...missingSecret(name, Object.keys(secrets)));
      }
    }
  };
  for (const place of SECRET_PLACES) check(raw[place], place, secretNames);
  for (const place of TEXT_PLACES) check(raw[place], place, secretsOfText);
  check(prompt, "prompt", secretsOfText);
}

/** Every text within `value`, with its path. */
function* textsIn(value: unknown, path: string): Generator<[path: string, text: string]> {
  if (typeof value === "string") yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    yield* textsIn(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
  }
}

function missingSecret(name: string, known: readonly string[]): [problem: string, remedy: string] {
  if (!/^SECRET_[A-Za-z0-9_]+$/.test(name)) {
    const better = `SECRET_${name.replace(/\W/g, "_").toUpperCase()}`;
    return [`uses \${${name}}`, `Only variables that begin with SECRET_ may be used: ${better}.`];
  }
  const near = nearest(name, known);
  const remedy = near ? `Did you mean ${near}?` : `Set the variable ${name}, for example in .env.`;
  return [`uses ${name}, which is not set`, remedy];
}

function lookupVariables({ beforeCall }: Partial<CallConfig>, fault: Tell): void {
  if (!beforeCall) return;
  for (const name of placeholders(beforeCall.url)) {
    if (VARIABLES.includes(name)) continue;
    fault("beforeCall.url", `uses {{${name}}}`, `${meant(name)}Known before a call: ${KNOWN}.`);
  }
}

const KNOWN = VARIABLES.map((name) => `{{${name}}}`).join(" ");

function meant(name: string): string {
  const near = nearest(name, VARIABLES);
  return near ? `Did you mean {{${near}}}? ` : "";
}

function sharedUtterances({ routes = [] }: Partial<CallConfig>, warn: Tell): void {
  const owners = new Map<string, number>();
  for (const [i, { utterances }] of routes.entries()) {
    for (const utterance of utterances) {
      const plain = utterance.toLowerCase().trim();
      const owner = owners.get(plain) ?? i;
      owners.set(plain, owner);
      if (owner === i) continue;
      const problem = `has ${quote(utterance)}, as routes[${owner}] has`;
      warn(`routes[${i}].utterances`, problem, "Keep it in one of the two.");
    }
  }
}

/** What becomes empty in what the agent is told, and in the lines that are filled for each call. */
function unknownVariables(call: Partial<CallConfig>, warn: Tell): void {
  const filled = [{ key: "prompt", text: call.prompt }, ...linesOf(call).filter((line) => !isPlayed(line))];
  for (const { key, text = "" } of filled) {
    for (const name of placeholders(text)) {
      if (VARIABLES.includes(name) || (name.startsWith("vars.") && call.beforeCall)) continue;
      const remedy = name.startsWith("vars.")
        ? "Write beforeCall, whose answer gives it a value, or remove it."
        : `${meant(name)}Known are ${KNOWN} and {{vars.…}}.`;
      warn(key, `uses {{${name}}}, which is left out: nothing gives it a value`, remedy);
    }
  }
}

/** A line that is spoken once for all calls cannot hold call variables. */
function varyingLines(call: Partial<CallConfig>, warn: Tell): void {
  for (const { key, text = "" } of linesOf(call).filter(isPlayed)) {
    const [name] = placeholders(text);
    if (name === undefined) continue;
    warn(key, `holds {{${name}}}, and is spoken once for all calls`, "Remove it: what stands in {{ }} is left out.");
  }
}

function missingAssets(call: Partial<CallConfig>, { hasAsset }: RuleContext, warn: Tell): void {
  if (!hasAsset) return;
  for (const { key, text, audio } of linesOf(call)) {
    if (audio === undefined || hasAsset(`assets/audio/${audio}.mulaw`)) continue;
    const problem = `is ${quote(audio)}, and there is no assets/audio/${audio}.mulaw`;
    warn(
      `${key}.audio`,
      problem,
      text === undefined
        ? `Write a text to be spoken instead, or run: offhook audio build ${audio}`
        : `The text will be spoken instead. To record it, run: offhook audio build ${audio}`,
    );
  }
}

/** Cartesia stopped these after 20 October 2026 (Cartesia reference, section 3). */
function oldVoices({ pipeline }: Partial<CallConfig>, warn: Tell): void {
  pipeline?.speak.forEach(({ provider }, i) => {
    if (
      provider.type !== "cartesia" ||
      !/^sonic(-2|-turbo|-english|-multilingual|-3-2025-10-27$|$)/.test(provider.model_id)
    ) return;
    warn(
      `pipeline.speak[${i}].provider.model_id`,
      `is ${quote(provider.model_id)}, which Cartesia has retired`,
      `Write "sonic-3.5".`,
    );
  });
}

/** Groq retired these on 17 July and 16 August 2026 (LLM reference, section 6). */
function oldModels({ engine, pipeline }: Partial<CallConfig>, warn: Tell): void {
  pipeline?.think.forEach(({ provider: { type, model } }, i) => {
    if (engine !== "pipeline" || type !== "groq" || !/^(llama-3|meta-llama\/llama-4-scout)/.test(model)) return;
    warn(
      `pipeline.think[${i}].provider.model`,
      `is ${quote(model)}, which Groq has retired`,
      `Write "openai/gpt-oss-20b".`,
    );
  });
}

/** A voice reads every language as if it were its own, and Flux for English hears only English. */
function otherTongues({ engine, agent, pipeline, language = "multi" }: Partial<CallConfig>, warn: Tell): void {
  const parts = engine === "pipeline" ? pipeline : agent;
  const bare = language.split("-")[0]!;
  if (parts === undefined || bare === "multi") return;
  const { listen, speak } = parts;
  if (listen.provider.model === "flux-general-en" && bare !== "en") {
    const problem = `is "flux-general-en", which hears English, and language is ${quote(language)}`;
    warn(`${engine}.listen.provider.model`, problem, 'Write "flux-general-multi".');
  }
  speak.forEach(({ provider }, i) => {
    if (provider.type !== "deepgram") return;
    const [, own = bare] = /-([a-z]{2})$/.exec(provider.model) ?? [];
    if (own === bare) return;
    warn(
      `${engine}.speak[${i}].provider.model`,
      `is ${quote(provider.model)}, a voice for ${quote(own)}, and language is ${quote(language)}`,
      `Name one that ends in "-${bare}" where Deepgram has such, or a voice of another vendor.`,
    );
  });
}

function longPrompt({ engine, agent, prompt }: Partial<CallConfig>, warn: Tell): void {
  if (engine !== "agent" || prompt === undefined || prompt.length <= MANAGED_PROMPT_CHARS) return;
  if (agent?.think.every(({ endpoint }) => endpoint !== undefined)) return;
  warn(
    "prompt",
    `has ${prompt.length} characters`,
    `Deepgram's managed models take ${MANAGED_PROMPT_CHARS} and cut the rest: shorten it.`,
  );
}

/** The North American numbers kept for fiction, and the short form our example uses. */
const EXAMPLE = /^\+1(\d{3})?55501\d\d$/;

function exampleNumbers({ tools = [] }: Partial<CallConfig>, warn: Tell): void {
  tools.forEach((tool, i) => {
    for (const [name, { number }] of Object.entries(tool.kind === "transfer_call" ? tool.to : {})) {
      if (!EXAMPLE.test(number)) continue;
      warn(
        `tools[${i}].to.${name}.number`,
        `is ${quote(number)}, an example that nobody answers`,
        "Write the number of a real desk.",
      );
    }
  });
}
