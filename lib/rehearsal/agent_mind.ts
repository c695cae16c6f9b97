/** What a session of the Voice Agent stand-in knows: its settings as the updates left them, and what was said. */

import { isFlux } from "./agent_models.ts";
import { type AgentFunctionSettings, type AgentSettings, thinkEntries } from "./agent_settings.ts";
import type { Brain, BrainLine, BrainStep } from "./brain.ts";
import type { Speech } from "./ear.ts";

/** Prompts of managed models are cut here. Deepgram reference, section 2.4. */
const PROMPT_LIMIT = 25_000;

export class AgentMind {
  settings: AgentSettings | undefined;
  prompt = "";
  functions: AgentFunctionSettings[] = [];
  /** The listen provider is Flux, and of its models the multilingual one. */
  flux = false;
  multilingual = false;
  readonly history: BrainLine[] = [];

  /** @returns whether the prompt was too long and is cut. */
  takeSettings(settings: AgentSettings): boolean {
    this.settings = settings;
    const { listen, think, context } = settings.agent;
    if (listen) this.takeListen(listen.provider);
    for (const line of context?.messages ?? []) {
      if ("role" in line) this.history.push({ role: line.role, content: line.content });
    }
    return this.takeThink(think);
  }

  /** Of several think entries the first is used. @returns whether the prompt was too long and is cut. */
  takeThink(think: AgentSettings["agent"]["think"]): boolean {
    const { prompt = "", functions = [], endpoint } = thinkEntries(think)[0] ?? {};
    const isTooLong = !endpoint && prompt.length > PROMPT_LIMIT;
    this.prompt = isTooLong ? prompt.slice(0, PROMPT_LIMIT) : prompt;
    this.functions = functions;
    return isTooLong;
  }

  /** What an update leaves out stays. */
  takeListen(provider: { model?: string | undefined }): void {
    if (provider.model === undefined) return;
    this.flux = isFlux(provider);
    this.multilingual = provider.model === "flux-general-multi";
  }

  functionNamed(name: string): AgentFunctionSettings | undefined {
    return this.functions.find((known) => known.name === name);
  }

  /** Ask `brain` what to do about a turn; `results`: what the turn's calls brought so far. */
  ask(brain: Brain, { words, spokeMs }: Speech, results: BrainLine[]): BrainStep {
    return brain({
      ...{ prompt: this.prompt, history: [...this.history, ...results], said: words, spokeMs },
      functions: this.functions.map(({ name, description = "", parameters = {} }) => ({
        ...{ name, description, parameters },
      })),
    });
  }
}
