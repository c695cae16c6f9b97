/** All parts put together, without port, files and signals: they answer calls over any wire and clock. */

import { Breakers, type ProviderHealth } from "./base/breaker.ts";
import { RecentCounts } from "./base/recent.ts";
import { PromptBook, type PromptLine } from "./audio/prompts.ts";
import { DailyMinutes } from "./call/daily.ts";
import type { CallNotice } from "./call/notice.ts";
import { Reception, type ReceptionParts, type Refusal } from "./call/reception.ts";
import { planCall, type PlanParts, tellsOfRecording } from "./call_plan.ts";
import { type CallConfig, type Config, fillVariables, forNumber } from "./config.ts";
import { Pacer } from "./phone/pacer.ts";
import { deriveKey, mintToken, TokenGate } from "./phone/signature.ts";
import { TwilioLeg } from "./phone/twilio_leg.ts";
import { type LineSource, playedLines } from "./prompt_voice.ts";
import { Routers } from "./routers.ts";
import { type CallLimits, limitsOf } from "./unsigned.ts";

export interface HouseParts
  extends
    Omit<PlanParts, "prompts" | "routers" | "breakers" | "putThrough">,
    Pick<ReceptionParts, "confirmEnded" | "carrierStatus"> {
  /** Minutes of the calls from before this start that began at `ms` (since 1970) or later. */
  minutesSince?: (ms: number) => number;
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
  /** How many calls are taken at the moment. */
  limits: () => CallLimits;
  /** A call, or one that pretends to be, comes from another machine than ours. */
  strangerRang: () => void;
  /** How each vendor has been doing, for all calls together. */
  providers: () => ProviderHealth[];
  mintToken: (callSid: string) => string;
  /** What the carrier says to a caller whom we cannot take; without `language` where the number has several. */
  busyLine: (caller: { from: string; to: string }) => { text: string; language?: string };
  /** Learn the routes of the configuration. Until then nothing is routed. */
  trainRouters: (pause?: () => Promise<void> | void) => Promise<void>;
  /** Read or speak every line of the configuration. @returns what could not be had. */
  loadPrompts: (signal: AbortSignal) => Promise<string[]>;
}

export function buildHouse(parts: HouseParts): House {
  const { clock, config } = parts;
  const routers = new Routers();
  const breakers = new Breakers(clock);
  const minutes = new DailyMinutes({
    clock,
    timezone: () => config().base.timezone,
    usedSince: parts.minutesSince,
  });
  const pacer = new Pacer(clock);
  const prompts = new PromptBook({ read: parts.readRecording, voice: parts.voice, ...parts.lineSource });
  const tokens = streamTokens(parts);
  const callers = new RecentCounts<string>({ clock, ttlMs: 3_600_000, limit: 10_000 });
  let strangers = false;
  const limits = () => limitsOf(config(), { strangers });

  const reception: Reception = new Reception({
    clock,
    version: parts.version,
    newId: () => `call-${parts.randomHex(6)}`,
    maxCalls: () => limits().callsAtOnce,
    openLeg: (wire) => new TwilioLeg({ wire, clock, pacer, leadMs: config().server.pacerLeadMs }),
    plan: (facts) =>
      planCall({
        ...parts,
        prompts,
        routers,
        breakers,
        putThrough: (callSid, destination) => reception.putThrough(callSid, destination),
      }, facts),
    openEarly: config().rehearsal || config().keys.twilioAuthToken !== undefined,
    checkToken: tokens.check,
    checkLimits: ({ from }) => {
      if (minutes.used >= limits().minutesPerDay) return "daily-limit";
      if (config().rehearsal || !isNumber(from)) return undefined;
      if (callers.of(from) >= config().base.limits.callsPerCallerPerHour) return "caller-limit";
      callers.count(from); // only what is taken: the busy line asks him to call again
      return undefined;
    },
    report: (notice) => {
      noteHealth(breakers, notice);
      minutes.observe(notice);
      parts.observe(notice);
    },
    refused: parts.refused,
    unclaimed: parts.unclaimed,
    ...(parts.confirmEnded ? { confirmEnded: parts.confirmEnded } : {}),
    ...(parts.carrierStatus ? { carrierStatus: parts.carrierStatus } : {}),
  });

  return {
    reception,
    pacer,
    prompts,
    limits,
    strangerRang: () => void (strangers = true),
    providers: () => breakers.health(),
    mintToken: tokens.mint,
    busyLine({ from, to }) {
      const { lines, language, timezone } = forNumber(config(), to);
      const text = lines.busy.text || prompts.textOf(lines.busy);
      const filled = fillVariables(text, { now: clock.wallTime(), timezone, caller: from, called: to });
      return { text: filled, ...(language === "multi" ? {} : { language }) };
    },
    trainRouters: (pause) => routers.train(config(), pause),
    loadPrompts: (signal) => prompts.load(allLines(config(), parts.lineSource), signal),
    [Symbol.dispose]: () => pacer[Symbol.dispose](),
  };
}

/** What carriers give as the number of a caller who withholds it, where they give one: "anonymous" in digits. */
const ANONYMOUS = "+266696687";

/** Whether this is the number of one caller. Twilio reference, section 2.1: a withheld one may be any text. */
function isNumber(from: string): boolean {
  return /^\+[1-9]\d{1,14}$/.test(from) && from !== ANONYMOUS;
}

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

/** The pipeline's vendors tell their breakers themselves; the agent's sessions are known by their notices. */
function noteHealth(breakers: Breakers, notice: CallNotice): void {
  if (notice.kind === "fault" && notice.fault.peer === "deepgram-agent") {
    const { fault, fatal } = notice;
    // A warning, or an error after which another agent takes over: how that goes is told next.
    const isPassing = fault.kind === "protocol" || (fault.kind === "rejected" && !fatal);
    if (!isPassing) breakers.of("deepgram-agent").failed(fault);
  }
  if (notice.kind === "engine-ready" && notice.requestId !== "") breakers.of("deepgram-agent").worked();
}

/**
 * Every line that may be said without the engine, of every number, and who speaks it if there is no recording. What tells of
 * a recording comes first: until it is there, nothing is recorded.
 */
function allLines(config: Config, source: LineSource | undefined): PromptLine[] {
  const linesOf = (pick: (call: CallConfig) => PromptLine[]) =>
    [config.base, ...Object.values(config.numbers)].flatMap((call) => {
      const voice = source?.voiceOf(call);
      return pick(call).map((line) => ({ ...line, voice }));
    });
  const telling = linesOf((call) => call.privacy.recording ? [tellsOfRecording(call)!] : []); // the rules want one
  return [...telling, ...linesOf(playedLines)];
}
