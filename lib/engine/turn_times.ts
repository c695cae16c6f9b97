/** When the caller's last turn ended, as far as is known: since when an answer is waited for, and where the time went. Pure. */

import type { AnswerTimes } from "./answer.ts";
import type { LatencyParts } from "./engine.ts";
import { MORE_MS } from "./turn.ts";

/** A recogniser tells the end of a turn within this time, even where another one has to take over; what is told later was kept back. */
const FRESH_MS = 3000;
/** A turn that is answered later than so long after its end has waited for us to finish, not for more words. */
const PROMPT_MS = MORE_MS + 100;

export class TurnTimes {
  readonly #finalMs: number;
  readonly #speechEndMs: number | undefined;

  /** `finalMs`: when the turn was known to be over; `speechEndMs`: when the caller was last heard, if he spoke. Of the clock. */
  constructor(finalMs: number, speechEndMs?: number) {
    this.#finalMs = finalMs;
    this.#speechEndMs = speechEndMs;
  }

  /** Since when the caller waits for an answer that is begun at `nowMs`; what was said while we spoke is not waited for. */
  waitsSinceMs(nowMs: number): number {
    const endMs = this.#speechEndMs;
    const isFresh = endMs !== undefined && this.#finalMs - endMs < FRESH_MS && nowMs - this.#finalMs < PROMPT_MS;
    return isFresh ? endMs : nowMs;
  }

  /** Where the time went from the caller's last sound to our first. The model has taken its time once there is something to speak. */
  latency({ request, firstText, firstAudio = 0 }: AnswerTimes): LatencyParts {
    const stt = between(this.#speechEndMs, this.#finalMs);
    const model = between(request, firstText);
    const voice = between(firstText, firstAudio);
    const total = between(this.#speechEndMs ?? this.#finalMs, firstAudio) ?? 0;
    // A model that was asked before the turn was over worked beside the recogniser.
    const ours = Math.max(0, total - (stt ?? 0) - (model ?? 0) - (voice ?? 0));
    const parts = { stt, model, voice, ours, total };
    return Object.fromEntries(Object.entries(parts).filter(([, ms]) => ms !== undefined));
  }
}

function between(fromMs: number | undefined, toMs: number | undefined): number | undefined {
  return fromMs === undefined || toMs === undefined ? undefined : Math.max(0, Math.round(toMs - fromMs));
}
