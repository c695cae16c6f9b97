/** The people who ring during a soak: so many at once, each call short and of one of a few kinds. */

import { sleep, systemClock } from "../../lib/base/clock.ts";
import { vendorDial } from "../../lib/providers/socket.ts";
import type { HangUpWay } from "../../lib/softphone/line.ts";
import { type PlacedCall, ringUp } from "../../lib/softphone/phone.ts";
import type { CallReport } from "../../lib/softphone/report.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { seeded } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";

/** Numbers that are rung: the agent engine, the pipeline, and the agent engine with a recording kept. */
export const NUMBERS = { agent: "+15550101", pipeline: "+15550102", recorded: "+15550103" } as const;

export interface CallersPlan {
  accountSid: string;
  authToken: string;
  atOnce: number;
  seed: number;
  /** A call has ended, or could not be made. */
  ended: (call: EndedCall) => void;
}

export interface EndedCall {
  /** Undefined: it could not be made. */
  report: CallReport | undefined;
  /** What went wrong: it could not be made, or had to be given up. */
  broken: string | undefined;
  /** Not the side that its kind lets end it has ended it: the server gave up, or did not let go. */
  otherwise: string | undefined;
}

type Kind = keyof typeof KINDS;

/** How often each kind of call comes, what its caller does, and how it must end. */
const KINDS = {
  "talks": {
    share: 0.45,
    steps: () => [say("good morning to you"), say("what are your opening hours"), say("thank you very much")],
    endedBy: "caller",
  },
  "interrupts": {
    share: 0.15,
    steps: () => [say("tell me a long story"), { kind: "interrupt", text: "stop that please now", afterMs: 1500 }],
    endedBy: "caller",
  },
  "is let go": { share: 0.15, steps: () => [say("goodbye"), { kind: "wait", ms: 5000 }], endedBy: "server" },
  "hangs up": {
    share: 0.15,
    steps: (random) => [{ kind: "wait", ms: Math.floor(random() * 4000) }],
    endedBy: "caller",
  },
  "vanishes": {
    share: 0.1,
    steps: (random) => [{ kind: "wait", ms: Math.floor(random() * 8000) }],
    endedBy: "caller",
    hangUpWay: "reset",
  },
} satisfies Record<string, {
  share: number;
  steps: (random: () => number) => Step[];
  endedBy: CallReport["endedBy"];
  hangUpWay?: HangUpWay;
}>;

const CALL_LIMIT_MS = 90_000;
/** A call more every so often, until all are there. */
const APART_MS = 400;
/** Ended calls that the carrier's REST API still tells of. */
const KEPT = 500;

const say = (text: string): Step => ({ kind: "say", text });

export class Callers {
  readonly #plan: CallersPlan;
  readonly #random: () => number;
  readonly #calls = new Map<string, PlacedCall>();
  readonly #voice = toneVoice();
  readonly #dial = vendorDial({ clock: systemClock, kind: "ws" });

  constructor(plan: CallersPlan) {
    this.#plan = plan;
    this.#random = seeded(plan.seed);
  }

  /** A call that is or was here lately. */
  call(callSid: string): PlacedCall | undefined {
    return this.#calls.get(callSid);
  }

  /** Ring the webhook `url` until `signal` aborts; then everybody hangs up. Settles once the last call is over. */
  async run(url: string, signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#plan.atOnce }, async (_, n) => {
      await sleep(systemClock, n * APART_MS, signal).catch(() => {});
      while (!signal.aborted) await this.#one(url, signal);
    }));
  }

  async #one(url: string, signal: AbortSignal): Promise<void> {
    const kind = this.#kind();
    const { steps, endedBy, ...way } = KINDS[kind];
    try {
      const to = this.#number();
      const call = ringUp({
        url,
        from: `+1555${Math.floor(this.#random() * 1e7).toString().padStart(7, "0")}`,
        to,
        steps: steps(this.#random),
        clock: systemClock,
        dial: this.#dial,
        fetch,
        voice: this.#voice,
        random: this.#random,
        accountSid: this.#plan.accountSid,
        authToken: this.#plan.authToken,
        openDelayMs: 50,
        limitMs: CALL_LIMIT_MS,
        signal,
        ...("hangUpWay" in way ? { hangUpWay: way.hangUpWay } : {}),
      });
      this.#remember(call);
      const report = await call.report;
      const how = `${kind}: ended by ${report.endedBy} (${report.callSid})`;
      this.#plan.ended({
        report,
        broken: report.endedBy === "limit" ? how : undefined,
        otherwise: report.endedBy === endedBy || signal.aborted ? undefined : how,
      });
    } catch (error) {
      this.#plan.ended({ report: undefined, broken: `${kind}: ${error}`, otherwise: undefined });
      await sleep(systemClock, 1000);
    }
  }

  #remember(call: PlacedCall): void {
    this.#calls.set(call.callSid, call);
    if (this.#calls.size > KEPT) this.#calls.delete(this.#calls.keys().next().value!);
  }

  #kind(): Kind {
    let left = this.#random();
    for (const [kind, { share }] of Object.entries(KINDS)) {
      left -= share;
      if (left < 0) return kind as Kind; // the keys of a literal of that very type
    }
    return "talks";
  }

  #number(): string {
    const at = this.#random();
    return at < 0.7 ? NUMBERS.agent : at < 0.9 ? NUMBERS.pipeline : NUMBERS.recorded;
  }
}
