/**
 * Old and foreign forms of the file brought into today's: a bare Deepgram `Settings` message, and the renames of Deepgram's
 * Voice Agent (Deepgram reference, sections 2.2 to 2.9). Pure. What cannot be brought over stays, to be found wrong.
 */

import { isObject } from "../base/json.ts";
import { type ConfigNote, quote } from "./notes.ts";
import { objectOf, type Raw } from "./objects.ts";
import { isBuiltIn } from "./tools.ts";

export interface Modern {
  raw: Raw;
  faults: ConfigNote[];
  warnings: ConfigNote[];
}

/** `written` in today's form. */
export function modernise(written: Raw, file: string): Modern {
  const lift = new Lift(structuredClone(written), file);
  lift.run();
  return { raw: lift.raw, faults: lift.faults, warnings: lift.warnings };
}

class Lift {
  readonly faults: ConfigNote[] = [];
  readonly warnings: ConfigNote[] = [];
  constructor(readonly raw: Raw, readonly file: string) {}

  run(): void {
    if (this.#isSettings()) this.#settings();
    this.#trainingOptOut(this.raw, "mip_opt_out");
    if (isObject(this.raw.agent)) this.#agent(this.raw.agent);
    if (isObject(this.raw.pipeline)) this.#listen(this.raw.pipeline, "pipeline.listen");
  }

  #isSettings(): boolean {
    return this.raw.type === "Settings" || this.raw.type === "SettingsConfiguration" ||
      (this.raw.type === undefined && isObject(this.raw.audio) && this.raw.agent !== undefined);
  }

  #settings(): void {
    const { raw } = this;
    if (raw.type === "SettingsConfiguration") {
      this.#warn("type", `is "SettingsConfiguration", the old name`, `Write "Settings".`);
    }
    delete raw.type;
    this.#audio(raw.audio);
    delete raw.audio;
    this.#language();
    for (const key of ["tags", "experimental", "flags"]) {
      if (raw[key] === undefined) continue;
      if (!this.#isDefaultFlag(key, raw[key])) {
        this.#warn(key, "is not carried over", "Remove it: the engine writes this part of Settings itself.");
      }
      delete raw[key];
    }
    if (typeof raw.agent === "string") {
      this.#fault(
        "agent",
        "is the id of a saved agent configuration",
        "Write the agent here: { listen, think, speak }. Routes and tools need its parts.",
      );
      delete raw.agent;
      raw.prompt ??= "You answer the phone.";
    }
  }

  /** Since `agent.language` is deprecated (section 2.2), only the recogniser may say what is spoken: our own lines need to know it too. */
  #language(): void {
    const agent = objectOf(this.raw.agent);
    const { language, language_hints: hints } = objectOf(objectOf(agent.listen).provider);
    const spoken = language ?? (Array.isArray(hints) && hints.length === 1 ? hints[0] : undefined);
    if (agent.language === undefined && typeof spoken === "string") this.raw.language ??= spoken;
  }

  #isDefaultFlag(key: string, value: unknown): boolean {
    if (key === "experimental") return value === false;
    return key === "flags" && isObject(value) &&
      Object.keys(value).every((flag) => flag === "history" && value[flag] === true);
  }

  /** A phone line is mu-law at 8 kHz, both ways, without a container. */
  #audio(audio: unknown): void {
    const right: Record<string, Raw> = {
      input: { encoding: "mulaw", sample_rate: 8000 },
      output: { encoding: "mulaw", sample_rate: 8000, container: "none" },
    };
    this.#unknown("audio", objectOf(audio), right);
    for (const [side, fields] of Object.entries(right)) {
      const written = objectOf(objectOf(audio)[side]);
      this.#unknown(`audio.${side}`, written, fields);
      for (const [field, value] of Object.entries(fields)) {
        if (written[field] === undefined || written[field] === value) continue;
        this.#warn(
          `audio.${side}.${field}`,
          `is ${quote(written[field])}; corrected to ${quote(value)}`,
          "A phone line carries mulaw, 8000 Hz, no container. Remove audio, or correct it.",
        );
      }
    }
  }

  #unknown(path: string, written: Raw, known: Raw): void {
    for (const key of Object.keys(written)) {
      if (!Object.hasOwn(known, key)) this.#warn(`${path}.${key}`, "is not carried over", "Remove it.");
    }
  }

  #agent(agent: Raw): void {
    for (const key of ["language", "greeting", "instructions"] as const) this.#move(agent, key, `agent.${key}`);
    this.#trainingOptOut(agent, "agent.mip_opt_out");
    if (agent.context !== undefined) {
      this.#warn("agent.context", "is not carried over", "Remove it: every call starts its own history.");
      delete agent.context;
    }
    this.#oldModels(agent);
    this.#listen(agent, "agent.listen");
    for (const part of ["think", "speak"] as const) {
      const list = agent[part];
      if (Array.isArray(list)) list.forEach((entry, i) => this.#entry(part, entry, `agent.${part}[${i}]`));
      else this.#entry(part, list, `agent.${part}`);
    }
  }

  /** Move a value, if there is one, to the top of the file, where it is written once for both engines. */
  #move(from: Raw, key: "language" | "greeting" | "instructions" | "prompt", path: string): void {
    const value = from[key];
    if (value === undefined) return;
    delete from[key];
    const to = key === "instructions" ? "prompt" : key;
    if (this.raw[to] !== undefined) {
      if (JSON.stringify(this.raw[to]) !== JSON.stringify(value)) {
        this.#warn(path, `is not used: ${to} is there too`, `Remove it, or remove ${to}.`);
      }
      return;
    }
    this.raw[to] = value;
    const isUsual = key === "greeting" || key === "prompt"; // that is where Deepgram wants them
    if (!isUsual) this.#warn(path, `is read as ${to}`, `Write it as ${to}, at the top of the file.`);
  }

  #trainingOptOut(holder: Raw, path: string): void {
    if (holder.mip_opt_out === undefined) return;
    const isOut = holder.mip_opt_out;
    delete holder.mip_opt_out;
    if (typeof isOut !== "boolean") {
      return this.#fault(path, `is ${quote(isOut)}`, `Write "privacy": { "vendorTraining": false }.`);
    }
    this.raw.privacy = { vendorTraining: !isOut, ...objectOf(this.raw.privacy) };
    this.#warn(
      path,
      `is read as privacy.vendorTraining ${!isOut}`,
      `Write "privacy": { "vendorTraining": ${!isOut} }.`,
    );
  }

  /** `agent.think_model` and `agent.think.model`, from before there were providers. */
  #oldModels(agent: Raw): void {
    for (const part of ["listen", "think", "speak"]) {
      const flat = `${part}_model`;
      if (agent[flat] !== undefined) {
        const provider = this.#providerOf(part, agent[flat], `agent.${flat}`);
        delete agent[flat];
        if (provider) agent[part] = { ...objectOf(agent[part]), provider };
      }
      const old = agent[part];
      if (isObject(old) && old.model !== undefined && old.provider === undefined) {
        const { model, ...rest } = old;
        const provider = this.#providerOf(part, model, `agent.${part}.model`);
        if (provider) agent[part] = { ...rest, provider };
      }
    }
  }

  #providerOf(part: string, model: unknown, path: string): Raw | undefined {
    const type = part === "think" ? thinkTypeOf(String(model)) : "deepgram";
    if (type === undefined) {
      this.#fault(
        path,
        `is ${quote(model)}, of a vendor we cannot tell`,
        `Write "think": { "provider": { "type": "open_ai", "model": "gpt-4o-mini" } }.`,
      );
      return undefined;
    }
    const provider = { type, model };
    this.#warn(
      path,
      `is read as agent.${part}.provider`,
      `Write "${part}": { "provider": ${JSON.stringify(provider)} }.`,
    );
    return provider;
  }

  #listen(holder: Raw, path: string): void {
    const provider = objectOf(holder.listen).provider;
    if (!isObject(provider)) return;
    this.#rename(provider, "keyterm", "keyterms", `${path}.provider`);
    this.#rename(provider, "language_hint", "language_hints", `${path}.provider`);
  }

  /** A singular field that is a list now. */
  #rename(provider: Raw, old: string, now: string, path: string): void {
    if (provider[old] === undefined) return;
    const value = provider[old];
    delete provider[old];
    provider[now] ??= Array.isArray(value) ? value : [value];
    this.#warn(`${path}.${old}`, `is read as ${now}`, `Write "${now}": ${quote(provider[now])}.`);
  }

  #entry(part: "think" | "speak", entry: unknown, path: string): void {
    if (!isObject(entry)) return;
    const provider = entry.provider;
    if (isObject(provider) && provider.endpoint !== undefined) {
      entry.endpoint ??= provider.endpoint;
      delete provider.endpoint;
      this.#warn(`${path}.provider.endpoint`, `is read as ${path}.endpoint`, "Write endpoint beside provider.");
    }
    if (part === "speak" && isObject(provider)) return this.#voice(provider, `${path}.provider`);
    for (const key of ["instructions", "prompt"] as const) this.#move(entry, key, `${path}.${key}`);
    if (entry.functions !== undefined) this.#functions(entry, path);
  }

  #voice(provider: Raw, path: string): void {
    if (provider.language_code !== undefined) {
      provider.language ??= provider.language_code;
      delete provider.language_code;
      this.#warn(`${path}.language_code`, "is read as language", "Write language.");
    }
    const credentials = provider.credentials;
    if (isObject(credentials) && typeof credentials.type === "string" && /[A-Z]/.test(credentials.type)) {
      const lower = credentials.type.toLowerCase();
      this.#warn(
        `${path}.credentials.type`,
        `is ${quote(credentials.type)}; read as ${quote(lower)}`,
        "Write it in lower case.",
      );
      credentials.type = lower;
    }
  }

  #functions(entry: Raw, path: string): void {
    const { functions } = entry;
    if (!Array.isArray(functions)) {
      return this.#fault(`${path}.functions`, "is not a list", "Write tools, at the top of the file.");
    }
    delete entry.functions;
    if (this.raw.tools !== undefined && !Array.isArray(this.raw.tools)) return;
    const tools: unknown[] = Array.isArray(this.raw.tools) ? this.raw.tools : [];
    functions.forEach((one: unknown, i) => {
      const tool = this.#tool(one, `${path}.functions[${i}]`);
      if (tool && !tools.some((other) => objectOf(other).name === objectOf(tool).name)) tools.push(tool);
    });
    this.raw.tools = tools;
  }

  /** A function of the Voice Agent as a tool of ours; undefined if nobody here could run it. */
  #tool(written: unknown, path: string): unknown {
    if (!isObject(written)) return written;
    const { endpoint, url, method, headers, client_side: clientSide, defer_until_eot: defer, ...tool } = written;
    if (clientSide !== undefined) {
      this.#warn(`${path}.client_side`, "is not carried over", "Remove it: Deepgram refuses it in Settings.");
    }
    if (defer !== undefined) this.#warn(`${path}.defer_until_eot`, "is not carried over", "Remove it.");
    if (url !== undefined) {
      this.#warn(
        `${path}.url`,
        "is read as endpoint.url",
        "Write endpoint { url, method, headers }, or a tool with http.",
      );
    }
    const address = isObject(endpoint) ? endpoint : url === undefined ? undefined : { url, method, headers };
    if (address !== undefined) {
      const verb = typeof address.method === "string" ? address.method.toUpperCase() : "POST";
      const http = {
        url: address.url,
        method: verb,
        ...(address.headers !== undefined && { headers: address.headers }),
      };
      return { ...tool, http };
    }
    if (isBuiltIn(String(tool.name))) {
      const { parameters: _, ...builtIn } = tool;
      return builtIn;
    }
    this.#warn(
      path,
      `(${quote(tool.name)}) has no address, so nobody here can run it and the model is not offered it`,
      "Write it as a tool with http.url.",
    );
    return undefined;
  }

  #warn(key: string, problem: string, remedy: string): void {
    this.warnings.push({ file: this.file, key, problem, remedy });
  }

  #fault(key: string, problem: string, remedy: string): void {
    this.faults.push({ file: this.file, key, problem, remedy });
  }
}

function thinkTypeOf(model: string): string | undefined {
  if (/^(gpt-|o\d)/.test(model)) return "open_ai";
  if (model.startsWith("claude")) return "anthropic";
  if (model.startsWith("gemini")) return "google";
  return undefined;
}
