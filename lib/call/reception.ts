/** Where calls come in: the webhook announces one, the media stream brings it, and both must agree before it starts. */

import type { Clock } from "../base/clock.ts";
import type { Wire } from "../base/wire.ts";
import type { Leg, LegEnd, LineStart } from "../phone/leg.ts";
import { EarlyEngine } from "./early.ts";
import { heardOutIn, historyOf, unansweredIn } from "./history.ts";
import type { CallTools, LiveCall } from "./live_call.ts";
import type { EndReason } from "./machine.ts";
import { type CallNotice, type NoticeBody, RecordFold } from "./notice.ts";
import { type Destination, type Leaving, Parking } from "./parking.ts";
import type { Caller, CallFacts, CallPlan, Resumption } from "./plan.ts";
import { Reaper } from "./reaper.ts";
import { Registry } from "./registry.ts";
import { runCall } from "./session.ts";
import { Unasked } from "./unasked.ts";

/** Why a stream or a call was turned away: the label of a counter. */
export type Refusal =
  | "full"
  | "draining"
  | "sockets-before-start"
  | "no-start"
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

/** What the carrier is to do with a call whose stream has ended. */
export type AfterStream = { kind: "hang-up" } | { kind: "connect" } | { kind: "dial"; destination: Destination };

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
  /** Makes sure that a call we ended is over at the carrier too. @returns its status there. Never rejects. */
  confirmEnded?: (callSid: string) => Promise<string>;
  /** The carrier's status of a call, by which calls are found that ended without our knowledge; undefined if the carrier does not say. */
  carrierStatus?: (callSid: string, signal: AbortSignal) => Promise<string | undefined>;
}

/** Reasons for which it is we who end the call: the carrier may still hold it. */
const OUR_ENDS: readonly EndReason[] = [
  "agent-hung-up",
  "silence",
  "time-limit",
  "engine-failed",
  "engine-not-ready",
  "drained",
  "loop",
];

/** A call that is live, or was until a moment ago. */
interface Present extends Leaving {
  facts: CallFacts;
  fold: RecordFold;
  startedMs: number;
  /** When this session of it began. */
  sinceMs: number;
  limitMs: number;
  live: LiveCall;
  tools: CallTools;
}

/** Ends of a line that are ours, because of what its peer sends or does not send. */
const GIVEN_UP: readonly LegEnd[] = ["no-start", "garbage"];

/** Sockets of the whole process that have brought no `start` yet; one more is refused before it is opened. */
const SOCKETS_BEFORE_START = 64;

interface PreparedCall extends AsyncDisposable {
  facts: CallFacts;
  plan: CallPlan;
  early: EarlyEngine | undefined;
  back: Returning | undefined;
}

/** What a returning call brings along. */
interface Returning extends Pick<Present, "facts" | "fold" | "startedMs" | "fellBack"> {
  resumed: Resumption;
}

export class Reception {
  readonly #parts: ReceptionParts;
  readonly #registry: Registry<PreparedCall>;
  /** Lines that have brought no `start` yet. */
  readonly #waiting = new Set<Leg>();
  readonly #present = new Map<string, Present>();
  readonly #parking: Parking<Present>;
  readonly #unasked: Unasked;
  readonly #reaper: Reaper;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
    this.#parking = new Parking(parts.clock, (present) => this.#close(present));
    this.#unasked = new Unasked(parts.clock);
    this.#reaper = new Reaper({
      clock: parts.clock,
      calls: () => this.#watched(),
      status: parts.carrierStatus,
      over: (callSid, status) => this.#reap(callSid, status),
      late: (callSid) => this.#present.get(callSid)?.live.end("time-limit"),
      stuck: (callSid) => this.#giveUp(callSid),
    });
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
    const refusal = this.#judge(callSid, caller);
    if (refusal) {
      this.#parts.refused(refusal, callSid);
      return refusal;
    }
    this.#registry.expect(callSid, () => this.#prepare(callSid, caller, { openNow: this.#parts.openEarly }));
    return undefined;
  }

  /** Whether one more socket may be opened; says why not. */
  admitsSocket(): Refusal | undefined {
    if (this.#registry.draining && this.#registry.awaited === 0) return this.#turnAway("draining");
    if (this.#waiting.size >= SOCKETS_BEFORE_START) return this.#turnAway("sockets-before-start");
    return undefined;
  }

  /** A media stream is open. It ends by itself if it brings no call of ours in time. */
  stream(wire: Wire): void {
    const leg = this.#parts.openLeg(wire);
    this.#waiting.add(leg);
    leg.listen((event) => {
      if (event.kind !== "leg-started" && event.kind !== "leg-ended") return;
      const waited = this.#waiting.delete(leg);
      if (event.kind === "leg-ended") {
        if (waited && GIVEN_UP.includes(event.how)) this.#turnAway("no-start");
        return;
      }
      const refusal = this.#start(leg, event.line);
      if (!refusal) return;
      this.#parts.refused(refusal, event.line.callSid);
      leg.hangUp();
    });
  }

  /** When the line of this call is let go, the caller is put through. */
  putThrough(callSid: string, destination: Destination): void {
    this.#parking.putThrough(callSid, destination);
  }

  /**
   * A stream has ended and the carrier asks what next, or a transfer has. `dialStatus`: Twilio's `DialCallStatus`, if this is
   * about a transfer. A call whose line broke comes back to us; one that was put through is dialled, and comes back if nobody answers.
   */
  afterStream(callSid: string, dialStatus: string | undefined): AfterStream {
    this.#unasked.delete(callSid);
    const present = this.#present.get(callSid);
    if (present && dialStatus === undefined) {
      // The carrier noticed the end of the stream before we did.
      this.#present.delete(callSid);
      this.#parking.park(callSid, present, present.live.reason ?? "line-lost");
      present.live.lose();
    }
    const parked = this.#parking.get(callSid);
    // Its new stream did not open: it may yet, as long as it is awaited.
    if (!parked) return { kind: this.#registry.expected(callSid)?.back ? "connect" : "hang-up" };
    if (parked.destination && dialStatus === undefined) return { kind: "dial", destination: parked.destination };
    if (dialStatus === "completed" || dialStatus === "answered") {
      this.#parking.forget(callSid);
      return { kind: "hang-up" };
    }
    this.#parking.take(callSid);
    return this.#comeBack(callSid, parked.call, dialStatus === undefined ? "line-lost" : "no-answer");
  }

  /** The carrier says that a call is over: nothing of it comes back. */
  over(callSid: string): void {
    this.#unasked.delete(callSid);
    this.#registry.drop(callSid);
    this.#parking.forget(callSid);
    this.#bury(callSid, "caller-hung-up");
  }

  async drain(graceMs: number): Promise<void> {
    await this.#registry.drain(graceMs, () => this.#unasked.settled());
    await this.#unasked.settled();
    this.#parking.forgetAll();
  }

  /** All calls end, without a word: by the next turn of the event loop their ends are reported. */
  cutOff(): void {
    for (const callSid of this.#present.keys()) this.#bury(callSid, "drained");
  }

  #start(leg: Leg, line: LineStart): Refusal | undefined {
    const { callSid, parameters } = line;
    const refusal = this.#parts.checkToken(parameters.token, callSid);
    if (refusal) return refusal;
    if (this.#registry.isLive(callSid)) return "already-live";
    const caller = { from: parameters.from ?? "", to: parameters.to ?? "" };
    const claimed = this.#registry.claim(callSid);
    // Without an announcement here another process answered the webhook, or nobody did: it counts as a call of its own.
    const unfit = claimed ? undefined : this.#judge(callSid, caller);
    if (unfit) return unfit;
    const prepared = claimed ?? this.#prepare(callSid, caller, { openNow: false });
    this.#registry.add(callSid, this.#run(leg, line, prepared));
    return undefined;
  }

  /** Why a call cannot be taken. One that is known already keeps its place, and counts once for its caller. */
  #judge(callSid: string, caller: Caller): Refusal | undefined {
    const admitted = this.#registry.admits(callSid);
    if (admitted !== "yes") return admitted;
    return this.#registry.knows(callSid) ? undefined : this.#parts.checkLimits(caller);
  }

  #prepare(callSid: string, caller: Caller, { openNow, back }: { openNow: boolean; back?: Returning }): PreparedCall {
    const id = back?.facts.id ?? this.#parts.newId();
    const facts: CallFacts = {
      id,
      callSid,
      from: caller.from,
      to: caller.to,
      ...(back ? { resumed: back.resumed } : {}),
    };
    const plan = this.#parts.plan(facts);
    const early = openNow ? new EarlyEngine(plan.openEngine, this.#parts.clock) : undefined;
    return {
      facts,
      plan,
      early,
      back,
      [Symbol.asyncDispose]: () => {
        plan.tools[Symbol.dispose]();
        if (back) this.#report(back, { kind: "call-over" });
        return early?.[Symbol.asyncDispose]() ?? Promise.resolve();
      },
    };
  }

  #run(leg: Leg, line: LineStart, prepared: PreparedCall): LiveCall {
    const { facts, plan, early, back } = prepared;
    const { clock } = this.#parts;
    const startedMs = back?.startedMs ?? clock.monotonicMs();
    const fold = back?.fold ?? new RecordFold(facts.id);
    const report = (body: NoticeBody) => this.#report({ facts, fold, startedMs }, body);
    report(this.#beginning(prepared, line.streamSid));
    plan.begun?.(report);
    const live = runCall({
      ...plan,
      leg,
      clock,
      report,
      history: () => historyOf(fold.record),
      unanswered: facts.resumed?.unanswered || undefined,
      newReply: early?.newReply ?? counter(),
      openEngine: (host) => early?.adopt(host) ?? plan.openEngine(host),
    });
    const present: Present = {
      facts,
      fold,
      startedMs,
      sinceMs: clock.monotonicMs(),
      limitMs: plan.deadlines["time-limit"],
      live,
      tools: plan.tools,
      fallback: plan.fallback,
      fellBack: back?.fellBack ?? false,
    };
    this.#present.set(line.callSid, present);
    this.#reaper.update();
    if (early) live.done.finally(() => early[Symbol.asyncDispose]()).catch(reportError);
    live.done.then((reason) => this.#finished(line.callSid, present, reason)).then(
      (status) => status && report({ kind: "carrier-confirmed", status }),
      reportError,
    );
    return live;
  }

  #beginning({ facts, plan, back }: PreparedCall, streamSid: string): NoticeBody {
    if (back) return { kind: "call-resumed", why: back.resumed.why, streamSid };
    const { callSid, from, to } = facts;
    const { engine, models, configHash } = plan;
    const { clock, version } = this.#parts;
    const startedAt = clock.wallTime().toISOString();
    return { kind: "call-started", startedAt, callSid, streamSid, from, to, engine, models, version, configHash };
  }

  /** A session is over. @returns what the carrier says of a call that we ended. */
  async #finished(callSid: string, present: Present, reason: EndReason): Promise<string | undefined> {
    // If it is not, the carrier has asked what comes next already: see `afterStream`.
    const isFirst = this.#present.get(callSid) === present;
    if (isFirst) {
      this.#present.delete(callSid);
      this.#parking.park(callSid, present, reason);
    }
    this.#reaper.update();
    const isParked = this.#parking.get(callSid) !== undefined;
    const isOurs = OUR_ENDS.includes(reason);
    if (isFirst && (isParked || isOurs)) this.#unasked.add(callSid);
    return isOurs && !isParked ? await this.#parts.confirmEnded?.(callSid) : undefined;
  }

  /** The call does not come back: its tools are let go, and `call-over` is reported once its session has ended. */
  #close(present: Present): void {
    present.tools[Symbol.dispose]();
    const over = () => this.#report(present, { kind: "call-over" });
    present.live.done.then(over, over);
  }

  /** Let a call that left us in again, with its memory. */
  #comeBack(callSid: string, left: Present, why: Resumption["why"]): AfterStream {
    const { facts, fold, startedMs, tools, fellBack } = left;
    if (this.#registry.admits(callSid, { isBack: true }) !== "yes") {
      this.#close(left);
      return { kind: "hang-up" };
    }
    this.#registry.leave(callSid);
    const resumed: Resumption = {
      why,
      history: historyOf(fold.record),
      heardOut: heardOutIn(fold.record),
      tools,
      unanswered: why === "line-lost" ? unansweredIn(fold.record) : undefined,
    };
    const back: Returning = { facts, fold, startedMs, resumed, fellBack };
    this.#registry.expect(callSid, () => this.#prepare(callSid, facts, { openNow: this.#parts.openEarly, back }));
    return { kind: "connect" };
  }

  #watched() {
    const nowMs = this.#parts.clock.monotonicMs();
    return [...this.#present].map(([callSid, { sinceMs, limitMs }]) => ({ callSid, ageMs: nowMs - sinceMs, limitMs }));
  }

  /** The carrier says that this call is over, and nobody had told us. */
  #reap(callSid: string, status: string): void {
    const present = this.#present.get(callSid);
    if (!present || present.over) return;
    this.#report(present, { kind: "carrier-confirmed", status });
    this.#bury(callSid, "reaped");
  }

  /** A call that outlives even its goodbye is ended at once; if its session still hangs after that, its place is freed. */
  #giveUp(callSid: string): void {
    const present = this.#present.get(callSid);
    if (!present) return;
    if (!present.over) return this.#bury(callSid, "time-limit");
    this.#present.delete(callSid);
    this.#registry.leave(callSid);
    present.tools[Symbol.dispose]();
    this.#report(present, { kind: "call-over" }); // its session hangs
  }

  #bury(callSid: string, reason: EndReason): void {
    const present = this.#present.get(callSid);
    if (!present) return;
    present.over = true;
    present.live.bury(reason);
  }

  #report({ facts, fold, startedMs }: Pick<Present, "facts" | "fold" | "startedMs">, body: NoticeBody): void {
    const notice = { ...body, call: facts.id, atMs: this.#parts.clock.monotonicMs() - startedMs };
    fold.add(notice);
    this.#parts.report(notice);
  }

  #turnAway(reason: Refusal): Refusal {
    this.#parts.refused(reason, "");
    return reason;
  }
}

function counter(): () => number {
  let count = 0;
  return () => ++count;
}
