/** How one call is answered: its lines, routes, tools and engine, put together from the configuration of its moment. */

import type { Clock } from "./base/clock.ts";
import type { Dial } from "./base/dial.ts";
import type { Breakers } from "./base/breaker.ts";
import type { Fault, Result } from "./base/result.ts";
import type { PromptBook } from "./audio/prompts.ts";
import { tagUtterance } from "./audio/tag.ts";
import type { Voice } from "./audio/voice.ts";
import { lookUpCaller } from "./before_call.ts";
import type { CallDeadlines, Recording, RoutedAnswer, SpokenLine } from "./call/live_call.ts";
import type { CallModels } from "./call/notice.ts";
import type { Destination } from "./call/parking.ts";
import type { CallFacts, CallPlan } from "./call/plan.ts";
import { ConfiguredTools, destinationOf } from "./call_tools.ts";
import { type CallConfig, type Config, fillVariables, forNumber, type Line, type RouteConfig } from "./config.ts";
import { AgentEngine } from "./engine/agent.ts";
import type { Engine, EngineHost } from "./engine/engine.ts";
import type { HttpToolParts } from "./engine/http_tool.ts";
import { holdsPhrase, isOnly } from "./engine/phrases.ts";
import { openPipeline } from "./pipeline_plan.ts";
import type { LineSource } from "./prompt_voice.ts";
import { agentRetryMs, deepgramAgent } from "./providers/deepgram_agent.ts";
import type { VoiceAgentPlan } from "./providers/deepgram_agent_messages.ts";
import { UsageMeter } from "./providers/usage.ts";
import type { Routers } from "./routers.ts";
import type { Decision } from "./routing/router.ts";

/** Everything that the plan of one call is made from. */
export interface PlanParts extends Pick<HttpToolParts, "fetch" | "resolve"> {
  clock: Clock;
  /** Random bytes as hex, for ids and nonces. */
  randomHex: (bytes: number) => string;
  dial: Dial;
  /** Hands a caller's message over to people. */
  takeMessage: (message: Record<string, unknown>, signal: AbortSignal) => Promise<Result<void>>;
  /** Opens the recording of a call; undefined where nothing can be kept. */
  record?: (call: string) => Recording;
  /** The configuration of this moment. */
  config: () => Config;
  /** Speaks what has no recording. */
  voice: Voice;
  lineSource?: LineSource;
  prompts: PromptBook;
  routers: Routers;
  breakers: Breakers;
  putThrough: (callSid: string, destination: Destination) => void;
}

/** How long the states of a call may last, ms. The rest comes from the configuration. */
const SETUP_MS = 8000;
const ANSWER_MS = 30_000;
const FILLER_MS = 1500;
const CLOSING_MS = 12_000;
const NEARLY_OVER_MS = 30_000;
const LAST_WORDS_MS = 1500;
const HANG_UP_MS = 700;

/** How a call is to be answered, from the configuration of this moment. */
export function planCall(parts: PlanParts, facts: CallFacts): CallPlan {
  const { prompts, routers } = parts;
  const config = parts.config();
  const call = forNumber(config, facts.to || undefined);
  const vars: Record<string, string> = {};
  const fill = (text: string) =>
    fillVariables(text, {
      now: parts.clock.wallTime(),
      timezone: call.timezone,
      caller: facts.from,
      called: facts.to,
      vars,
    });
  const spoken = (line: Line | undefined): SpokenLine | undefined => {
    const prompt = line && { ...line, voice: parts.lineSource?.voiceOf(call) };
    const audio = prompt && prompts.get(prompt);
    if (!line || !audio) return undefined;
    const text = prompts.textOf(prompt);
    return { text, audio: config.rehearsal ? tagged(parts, text, audio) : audio, interruptible: line.interruptible };
  };
  const before = facts.resumed?.tools;
  const tools = before instanceof ConfiguredTools ? before : new ConfiguredTools({
    call,
    clock: parts.clock,
    fetch: parts.fetch,
    resolve: parts.resolve,
    secrets: config.secrets,
    variable: (name) => fill(`{{${name}}}`),
    spoken: (name) => spoken(call.tools.find((tool) => tool.name === name)?.whileWaiting),
    park: (destination) => parts.putThrough(facts.callSid, destination),
    takeMessage: (message, signal) => parts.takeMessage({ ...message, call: facts.id, from: facts.from }, signal),
  });
  const lookup = call.beforeCall &&
    lookUpCaller(call.beforeCall, { ...parts, secrets: config.secrets, variable: (name) => fill(`{{${name}}}`) });
  const known = Promise.resolve(lookup).then((found) => void Object.assign(vars, found?.known));
  // A greeting with a recording of its own is played by us, at once; any other is spoken by the agent.
  const greeting = facts.resumed
    ? spoken(facts.resumed.why === "no-answer" ? call.lines.noAnswer : call.lines.reconnected)
    : call.greeting?.audio
    ? spoken(call.greeting)
    : undefined;
  const usage = new UsageMeter();
  // Only a caller who has been told, or is being told now, is recorded.
  const { recording } = call.privacy;
  const telling = recording ? spoken(tellsOfRecording(call)) : undefined;
  const wasTold = telling !== undefined && facts.resumed?.heardOut.includes(telling.text);
  const notice = !recording || wasTold ? undefined : facts.resumed ? telling : spoken(call.lines.recordingNotice);
  const open = (name: string) => {
    const destination = destinationOf(call, name, parts.clock.wallTime());
    return destination.ok ? destination.value : undefined;
  };
  const fallback = call.fallback && open(call.fallback.transferTo);
  let router = routers.of(call); // kept here: a later configuration forgets the routers that it does not need
  return {
    route: (text, before) => routeOf((router ??= routers.of(call))?.decide(text, before), { call, spoken, open }),
    onlyInterrupts: (text) => isOnly(text, call.pipeline.turn.interruptionPhrases),
    tools,
    // The pipeline covers its own waits.
    filler: call.engine === "agent" ? fillerOf(call, spoken) : () => undefined,
    engine: call.engine,
    models: modelsOf(call),
    ...(call.engine === "pipeline" ? { usage: () => usage.used } : {}),
    configHash: config.hash,
    ...(greeting ? { greeting } : {}),
    ...(fallback ? { fallback } : {}),
    ...(notice ? { notice } : {}),
    ...(telling && parts.record ? { record: () => parts.record!(facts.id) } : {}),
    begun(report) {
      const tell = (fault: Fault) => report({ kind: "fault", fault, fatal: false });
      if (recording && !telling && parts.record) tell(UNTOLD);
      lookup?.then(({ fault }) => fault && tell(fault)).catch(reportError);
    },
    deadlines: deadlinesOf(call),
    patienceMs: (text) => holdsPhrase(text, call.silence.patiencePhrases) ? call.silence.patienceMs : 0,
    maxPrompts: call.silence.maxPrompts,
    line: (name) => spoken(call.lines[name]),
    openEngine: call.engine === "pipeline" ? openPipelineEngine : openAgentEngine,
  };

  function openPipelineEngine(host: EngineHost): Engine {
    return openPipeline({
      ...parts,
      config,
      call,
      fill,
      known,
      host,
      fillers: fillerOf(call, spoken),
      localVoice: parts.voice,
      usage,
      tools: tools.schemas,
      said: greeting?.text,
      history: facts.resumed?.history ?? [],
    });
  }

  function openAgentEngine(host: EngineHost): Engine {
    const { dial, clock } = parts;
    return new AgentEngine({
      host,
      clock,
      retryMs: agentRetryMs,
      openAgent: (agentHost, resumed) =>
        deepgramAgent({
          dial,
          clock,
          url: config.urls.agent,
          key: config.keys.deepgram ?? "rehearsal",
          ...(config.server.uplinkMs === undefined ? {} : { chunkMs: config.server.uplinkMs }),
          plan: known.then(() =>
            agentPlan(call, fill, {
              said: resumed ? "" : greeting?.text,
              functions: tools.schemas,
              history: resumed ?? facts.resumed?.history ?? [],
            })
          ),
        })(agentHost),
    });
  }
}

function deadlinesOf({ pipeline, silence, limits }: CallConfig): CallDeadlines {
  const callMs = limits.callMinutes * 60_000;
  return {
    "setup": SETUP_MS,
    "answer": ANSWER_MS,
    "filler": FILLER_MS,
    "false-start": pipeline.turn.falseInterruptionMs,
    "silence": silence.promptAfterMs,
    "nearly-over": Math.max(0, callMs - NEARLY_OVER_MS),
    "time-limit": callMs,
    "closing": CLOSING_MS,
    "last-words": LAST_WORDS_MS,
    "hang-up": HANG_UP_MS,
  };
}

/** The first of each kind: what a call is priced by. An agent is priced by the minute, and the model that finds facts beside it by tokens. */
function modelsOf({ engine, pipeline: { listen, think, speak } }: CallConfig): CallModels {
  const model = think[0]?.provider.model;
  const thinks = model === undefined ? {} : { think: model };
  if (engine === "agent") return thinks;
  const voice = speak[0]?.provider;
  return {
    ...thinks,
    listen: listen.provider.model,
    ...(voice ? { speak: voice.type === "cartesia" ? voice.model_id : voice.model } : {}),
  };
}

/** The line that tells the caller of the recording, and must be heard out: the notice, or else the greeting, which then has audio. */
export function tellsOfRecording({ lines, greeting }: CallConfig): Line | undefined {
  return [lines.recordingNotice, greeting].find((line) => line?.interruptible === false);
}

const UNTOLD: Fault = {
  kind: "rejected",
  peer: "store",
  code: "not-recorded",
  detail: "no line that tells the caller of the recording can be played now, so the call is not recorded",
};

/** One filler after the other of those that can be played now. Those with the same words are one. */
function fillerOf({ lines }: CallConfig, spoken: (line: Line) => SpokenLine | undefined): () => SpokenLine | undefined {
  const fillers = [...new Map(lines.fillers.map((line) => [line.audio ?? line.text, line])).values()];
  let next = 0;
  return () => {
    for (const _ of fillers) {
      const filler = spoken(fillers[next++ % fillers.length]!);
      if (filler) return filler;
    }
    return undefined;
  };
}

/** The answer that a decision means; undefined if its line cannot be played now, or if it promises a transfer that is not possible now. */
function routeOf(decision: Decision | undefined, { call, spoken, open }: {
  call: CallConfig;
  spoken: (line: Line) => SpokenLine | undefined;
  open: (name: string) => Destination | undefined;
}): RoutedAnswer | undefined {
  const route = call.routes.find(({ name }) => name === decision?.route);
  const line = route && spoken(lineOfRoute(route));
  if (!route || !line) return undefined;
  const { name, then, transferTo } = route;
  if (then === "transfer" && !open(transferTo ?? "")) return undefined;
  return { route: name, score: decision!.score, line, then, ...(transferTo === undefined ? {} : { transferTo }) };
}

function lineOfRoute({ text = "", audio, interruptible }: RouteConfig): Line {
  return { text, interruptible, ...(audio === undefined ? {} : { audio }) };
}

function agentPlan(call: CallConfig, fill: (text: string) => string, { said, functions, history }: {
  /** What the caller hears first from us; "" is nothing, and the agent is not to greet either. */
  said: string | undefined;
  functions: VoiceAgentPlan["functions"];
  history: VoiceAgentPlan["history"];
}): VoiceAgentPlan {
  return {
    prompt: fill(call.prompt),
    ...(call.greeting && said === undefined ? { greeting: fill(call.greeting.text) } : {}),
    ...call.agent,
    functions,
    history: said ? [...history, { role: "assistant", content: said }] : history,
    vendorTraining: call.privacy.vendorTraining,
    tags: ["offhook"],
  };
}

/** In rehearsal a recording tells its words too, so that the softphone can hear it. Each playing is a source of its own. */
function tagged({ randomHex }: Pick<PlanParts, "randomHex">, text: string, audio: Uint8Array): Uint8Array {
  const words = text.split(/\s+/).filter(Boolean);
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0);
  const msPerLetter = audio.length / 8 / letters;
  let at = 0;
  const timed = words.map((word) => {
    const startMs = at;
    at += (word.length + 1) * msPerLetter;
    return { text: word, startMs, endMs: at };
  });
  return tagUtterance(audio, timed, parseInt(randomHex(2), 16), 0);
}
