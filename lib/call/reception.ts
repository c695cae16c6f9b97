/** Where calls come in: the webhook announces one, the media stream brings it, and both must agree before it starts. */

import type { Clock } from "../base/clock.ts";
import type { Wire } from "../base/wire.ts";
import type { Engine, EngineHost } from "../engine/engine.ts";
import type { Leg, LegEvent, LineStart } from "../phone/leg.ts";
import { EarlyEngine } from "./early.ts";
import type { EndReason } from "./machine.ts";
import type { CallNotice, NoticeBody } from "./notice.ts";
import { type Caller, Registry } from "./registry.ts";
import { type CallParts, type LiveCall, runCall } from "./session.ts";

/** Why a stream or a call was turned away: the label of a counter. */
export type Refusal =
  | "full"
  | "draining"
  | "sockets-before-start"
  | "token-missing"
  | "token-malformed"
  | "token-forged"
  | "token-expired"
  | "token-wrong-call"
  | "token-replayed"
  | "token-busy"
  | "already-live"
  | "caller-limit"
  | "daily-limit";

/** Facts of a call that decide how it is answered. */
export interface CallFacts extends Caller {
  id: string;
  callSid: string;
}

/** How one call is to be answered: everything of `CallParts` that depends on its configuration. */
export type CallPlan =
  & Pick<
    CallParts,
    "deadlines" | "maxPrompts" | "line" | "greeting" | "route" | "onlyInterrupts" | "transfer" | "runTool"
  >
  & {
    openEngine: (host: EngineHost) => Engine;
    engine: string;
    configHash: string;
  };

export interface ReceptionParts {
  clock: Clock;
  version: string;
  newId: () => string;
  maxCalls: () => number;
  openLeg: (wire: Wire) => Leg;
  /** The plan for one call, from the configuration of this moment. */
  plan: (facts: CallFacts) => CallPlan;
  /** Whether the engine may be opened at the webhook: its signature was checked, or this is a rehearsal. */
  openEarly: boolean;
  /** Checks the token that our TwiML gave the stream; undefined lets it in. */
  checkToken: (token: string | undefined, callSid: string) => Refusal | undefined;
  /** Limits of this caller and this day; undefined lets the call in. */
  checkLimits: (caller: Caller) => Refusal | undefined;
  report: (notice: CallNotice) => void;
  refused: (reason: Refusal, callSid: string) => void;
  unclaimed: (callSid: string) => void;
}

/** Sockets without a `start` yet, in the whole process; a socket more is refused before it is opened. */
export const SOCKETS_BEFORE_START = 64;

interface PreparedCall extends AsyncDisposable {
  facts: CallFacts;
  plan: CallPlan;
  early: EarlyEngine | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

export class Reception {
  readonly #parts: ReceptionParts;
  readonly #registry: Registry<PreparedCall>;
  #waiting = 0;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
    this.#registry = new Registry({ clock: parts.clock, maxCalls: parts.maxCalls, unclaimed: parts.unclaimed });
  }

  get active(): number {
    return this.#registry.active;
  }

  get draining(): boolean {
    return this.#registry.draining;
  }

  /** The carrier announces a call. @returns why it cannot be taken; else it has a place and its engine opens already. */
  announce(callSid: string, caller: Caller): Refusal | undefined {
    const admitted = this.#registry.admits(callSid);
    const refusal = admitted === "yes" ? this.#parts.checkLimits(caller) : admitted;
    if (refusal) {
      this.#parts.refused(refusal, callSid);
      return refusal;
    }
    this.#registry.expect(callSid, caller, () => this.#prepare(callSid, caller, this.#parts.openEarly));
    return undefined;
  }

  /** Whether one more socket may be opened; says why not. */
  admitsSocket(): Refusal | undefined {
    if (this.#registry.draining && this.#registry.awaited === 0) return this.#turnAway("draining");
    if (this.#waiting >= SOCKETS_BEFORE_START) return this.#turnAway("sockets-before-start");
    return undefined;
  }

  /** A media stream is open. It ends by itself if it brings no call of ours in time. */
  stream(wire: Wire): void {
    const leg = this.#parts.openLeg(wire);
    this.#waiting++;
    let waiting = true;
    const noLongerWaits = () => {
      if (waiting) this.#waiting--;
      waiting = false;
    };
    leg.listen((event: LegEvent) => {
      if (event.kind === "leg-ended") noLongerWaits();
      if (event.kind !== "leg-started") return;
      noLongerWaits();
      const refusal = this.#start(leg, event.line);
      if (!refusal) return;
      this.#parts.refused(refusal, event.line.callSid);
      leg.hangUp();
    });
  }

  /** End one live call. @returns false if it is not here. */
  end(callSid: string, reason: EndReason): boolean {
    return this.#registry.end(callSid, reason);
  }

  drain(graceMs: number): Promise<void> {
    return this.#registry.drain(graceMs);
  }

  #start(leg: Leg, line: LineStart): Refusal | undefined {
    const { callSid, parameters } = line;
    const refusal = this.#parts.checkToken(parameters.token, callSid);
    if (refusal) return refusal;
    if (this.#registry.isLive(callSid)) return "already-live";
    const caller = { from: parameters.from ?? "", to: parameters.to ?? "" };
    const claimed = this.#registry.claim(callSid);
    // Without an announcement here another process answered the webhook, or nobody did: it counts as a call of its own.
    const admitted = claimed ? "yes" : this.#registry.admits(callSid);
    if (admitted !== "yes") return admitted;
    const prepared = claimed?.prepared ?? this.#prepare(callSid, claimed ?? caller, false);
    this.#registry.add(callSid, this.#run(leg, line, prepared));
    return undefined;
  }

  #prepare(callSid: string, caller: Caller, openNow: boolean): PreparedCall {
    const facts = { id: this.#parts.newId(), callSid, from: caller.from, to: caller.to };
    const plan = this.#parts.plan(facts);
    const early = openNow ? new EarlyEngine(plan.openEngine, this.#parts.clock) : undefined;
    return { facts, plan, early, [Symbol.asyncDispose]: () => early?.[Symbol.asyncDispose]() ?? Promise.resolve() };
  }

  #run(leg: Leg, line: LineStart, { facts, plan, early }: PreparedCall): LiveCall {
    const { clock, version } = this.#parts;
    const startedMs = clock.monotonicMs();
    const report = (notice: NoticeBody) =>
      this.#parts.report({ ...notice, call: facts.id, atMs: clock.monotonicMs() - startedMs });
    report({
      kind: "call-started",
      startedAt: clock.wallTime().toISOString(),
      callSid: line.callSid,
      streamSid: line.streamSid,
      from: facts.from,
      to: facts.to,
      engine: plan.engine,
      version,
      configHash: plan.configHash,
    });
    let replies = 0;
    return runCall({
      ...plan,
      id: facts.id,
      leg,
      clock,
      report,
      newReply: early?.newReply ?? (() => ++replies),
      openEngine: (host) => early?.adopt(host) ?? plan.openEngine(host),
    });
  }

  #turnAway(reason: Refusal): Refusal {
    this.#parts.refused(reason, "");
    return reason;
  }
}
