/** Everything put together but listening, files and signals: one front desk that answers calls over any wire and clock. */

import { RecentCounts } from "./base/recent.ts";
import type { Clock } from "./base/clock.ts";
import type { Dial } from "./base/dial.ts";
import { PromptBook } from "./audio/prompts.ts";
import { tagUtterance } from "./audio/tag.ts";
import type { Voice } from "./audio/voice.ts";
import type { LineName } from "./call/machine.ts";
import type { CallNotice } from "./call/notice.ts";
import { type CallFacts, type CallPlan, Reception, type Refusal } from "./call/reception.ts";
import type { RoutedAnswer, SpokenLine } from "./call/session.ts";
import { type CallConfig, type Config, fillVariables, forNumber, type Line, type RouteConfig } from "./config.ts";
import { AgentEngine } from "./engine/agent.ts";
import { Pacer } from "./phone/pacer.ts";
import { deriveKey, mintToken, TokenGate } from "./phone/signature.ts";
import { TwilioLeg } from "./phone/twilio_leg.ts";
import { isOnly, Routers } from "./routers.ts";
import type { Decision } from "./routing/router.ts";
import { deepgramAgent, type VoiceAgentPlan } from "./providers/deepgram_agent.ts";

export interface HouseParts {
  clock: Clock;
  /** Random bytes as hex, for ids and nonces. */
  randomHex: (bytes: number) => string;
  dial: Dial;
  /** The configuration of this moment. */
  config: () => Config;
  /** Speaks what has no recording. */
  voice: Voice;
  readRecording: (name: string) => Uint8Array | undefined;
  observe: (notice: CallNotice) => void;
  refused: (reason: string, callSid: string) => void;
  unclaimed: (callSid: string) => void;
  version: string;
}

export interface House extends Disposable {
  reception: Reception;
  pacer: Pacer;
  prompts: PromptBook;
  mintToken: (callSid: string) => string;
  /** Learn the routes of the configuration. Until then nothing is routed. */
  trainRouters: () => Promise<void>;
  /** Read or speak every line of the configuration. @returns what could not be had. */
  loadPrompts: (signal: AbortSignal) => Promise<string[]>;
}

/** How long the states of a call may last, ms. The rest comes from the configuration. */
const SETUP_MS = 8000;
const ANSWER_MS = 15_000;
const CLOSING_MS = 12_000;
const NEARLY_OVER_MS = 30_000;

export function buildHouse(parts: HouseParts): House {
  const { clock, config } = parts;
  const routers = new Routers();
  const pacer = new Pacer(clock);
  const prompts = new PromptBook({ read: parts.readRecording, voice: parts.voice });
  const tokens = streamTokens(parts);
  const callers = new RecentCounts<string>({ clock, ttlMs: 3_600_000, limit: 10_000 });

  const reception = new Reception({
    clock,
    version: parts.version,
    newId: () => `call-${parts.randomHex(6)}`,
    maxCalls: () => maxCalls(config()),
    openLeg: (wire) => new TwilioLeg({ wire, clock, pacer, leadMs: config().server.pacerLeadMs }),
    plan: (facts) => planCall({ ...parts, prompts, routers }, facts),
    openEarly: config().rehearsal || config().keys.twilioAuthToken !== undefined,
    checkToken: tokens.check,
    checkLimits: ({ from }) => {
      if (from === "" || config().rehearsal) return undefined;
      return callers.count(from) > config().base.limits.callsPerCallerPerHour ? "caller-limit" : undefined;
    },
    report: parts.observe,
    refused: parts.refused,
    unclaimed: parts.unclaimed,
  });

  return {
    reception,
    pacer,
    prompts,
    mintToken: tokens.mint,
    trainRouters: () => routers.train(config()),
    loadPrompts: (signal) => prompts.load(allLines(config()), signal),
    [Symbol.dispose]: () => pacer[Symbol.dispose](),
  };
}

/** Without Twilio's token nobody is known to be Twilio: few calls at once then, but for rehearsals. */
function maxCalls({ server, keys, rehearsal }: Config): number {
  return keys.twilioAuthToken || rehearsal ? server.maxCalls : Math.min(UNSIGNED_CALLS, server.maxCalls);
}

/** Calls at once without signatures. Interfaces, section 2. */
export const UNSIGNED_CALLS = 3;

function streamTokens({ config, clock, randomHex }: HouseParts) {
  const secret = config().keys.twilioAuthToken;
  const key = deriveKey(secret ?? randomHex(32));
  const gate = new TokenGate({ key });
  return {
    mint: (callSid: string) => mintToken({ key, callSid, nowMs: clock.wallTime().getTime(), nonce: randomHex(16) }),
    check(token: string | undefined, callSid: string): Refusal | undefined {
      if (secret === undefined) return undefined;
      const admission = gate.admit(token, callSid, clock.wallTime().getTime());
      return admission === "ok" ? undefined : `token-${admission}`;
    },
  };
}

/** Everything that the plan of one call is made from. */
type PlanParts = HouseParts & { prompts: PromptBook; routers: Routers };

function planCall(parts: PlanParts, facts: CallFacts): CallPlan {
  const { prompts, routers } = parts;
  const config = parts.config();
  const call = forNumber(config, facts.to || undefined);
  const fill = (text: string) =>
    fillVariables(text, {
      now: parts.clock.wallTime(),
      timezone: call.timezone,
      caller: facts.from,
      called: facts.to,
    });
  const spoken = (line: Line | undefined): SpokenLine | undefined => {
    const audio = line && prompts.get(line);
    if (!line || !audio) return undefined;
    const text = fill(line.text);
    return { text, audio: config.rehearsal ? tagged(parts, text, audio) : audio, interruptible: line.interruptible };
  };
  // A greeting with a recording of its own is played by us, at once; any other is spoken by the agent.
  const greeting = call.greeting?.audio ? spoken(call.greeting) : undefined;
  return {
    route: (text) => routeOf(routers.of(call)?.decide(text), call, spoken),
    onlyInterrupts: (text) => isOnly(call.pipeline.turn.interruptionPhrases, text),
    transfer: () => {},
    engine: call.engine,
    configHash: config.hash,
    ...(greeting ? { greeting } : {}),
    deadlines: {
      "setup": SETUP_MS,
      "answer": ANSWER_MS,
      "false-start": call.pipeline.turn.falseInterruptionMs,
      "silence": call.silence.promptAfterMs,
      "nearly-over": Math.max(0, call.limits.callMinutes * 60_000 - NEARLY_OVER_MS),
      "time-limit": call.limits.callMinutes * 60_000,
      "closing": CLOSING_MS,
    },
    maxPrompts: call.silence.maxPrompts,
    line: (name) => spoken(lineOf(call, name)),
    runTool: ({ name }) => Promise.resolve(JSON.stringify({ error: `There is no tool "${name}".` })),
    openEngine: (host) =>
      new AgentEngine({
        host,
        clock: parts.clock,
        openAgent: deepgramAgent({
          dial: parts.dial,
          clock: parts.clock,
          url: config.urls.agent,
          key: config.keys.deepgram ?? "rehearsal",
          plan: agentPlan(call, fill, greeting?.text),
        }),
      }),
  };
}

/** What a decision means: the route's line, if it can be played now. */
function routeOf(
  decision: Decision | undefined,
  call: CallConfig,
  spoken: (line: Line) => SpokenLine | undefined,
): RoutedAnswer | undefined {
  const route = call.routes.find(({ name }) => name === decision?.route);
  const line = route && spoken(lineOfRoute(route));
  return route && line && { route: route.name, score: decision!.score, line, then: route.then };
}

function lineOfRoute({ text = "", audio, interruptible }: RouteConfig): Line {
  return { text, interruptible, ...(audio === undefined ? {} : { audio }) };
}

function agentPlan(call: CallConfig, fill: (text: string) => string, said: string | undefined): VoiceAgentPlan {
  return {
    prompt: fill(call.prompt),
    ...(call.greeting && said === undefined ? { greeting: fill(call.greeting.text) } : {}),
    listen: { ...call.agent.listen },
    think: call.agent.think.map((choice) => ({ ...choice })),
    speak: call.agent.speak.map((choice) => ({ ...choice })),
    functions: [],
    history: said === undefined ? [] : [{ role: "assistant", content: said }],
    vendorTraining: call.privacy.vendorTraining,
    tags: ["offhook"],
  };
}

function lineOf({ lines }: CallConfig, name: LineName): Line {
  return lines[name];
}

/** Every line that may be said without the engine, of every number. */
function allLines(config: Config): Line[] {
  return [config.base, ...Object.values(config.numbers)].flatMap(({ lines, greeting, routes }) => [
    ...(greeting?.audio ? [greeting] : []),
    ...routes.map(lineOfRoute),
    lines.apology,
    lines.goodbye,
    lines.stillThere,
    lines.timeUp,
  ]);
}

/** In rehearsal a recording tells its words too, so that the softphone can hear it. Each playing is a source of its own. */
function tagged({ randomHex }: HouseParts, text: string, audio: Uint8Array): Uint8Array {
  const words = text.split(/\s+/).filter(Boolean);
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0) || 1;
  const msPerLetter = audio.length / 8 / letters;
  let at = 0;
  const timed = words.map((word) => {
    const startMs = at;
    at += (word.length + 1) * msPerLetter;
    return { text: word, startMs, endMs: at };
  });
  return tagUtterance(audio, timed, parseInt(randomHex(2), 16), 0);
}
