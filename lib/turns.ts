/** Where the time of each answer went, for the softphone's table. */

import type { CallRecord } from "./call/notice.ts";
import type { Store } from "./store.ts";
import type { TurnRecord } from "./softphone/report.ts";

/** The turns of the call with just this CallSid; undefined where there is none. */
export function turnsIn(store: Pick<Store, "get">, callSid: string): TurnRecord[] | undefined {
  const found = store.get(callSid);
  return found.ok && found.value.callSid === callSid ? turnsOf(found.value) : undefined;
}

/** The caller's turns of a record, each with what answered it. */
function turnsOf({ transcript }: Pick<CallRecord, "transcript">): TurnRecord[] {
  return transcript.flatMap((line, index): TurnRecord[] => {
    if (line.who !== "caller") return [];
    const next = transcript.findIndex(({ who }, at) => at > index && who === "caller");
    const answers = transcript.slice(index + 1, next < 0 ? undefined : next);
    const answer = answers.find(({ route, parts }) => route !== undefined || parts !== undefined) ?? answers[0];
    const { stt, model, voice } = answer?.parts ?? {};
    const rounded = (ms: number | undefined) => ms === undefined ? null : Math.round(ms);
    return [{
      said: line.text,
      route: answer?.route ?? null,
      parts: answer
        ? { stt: rounded(stt), model: rounded(model), voice: rounded(voice), ours: rounded(answer.parts?.ours) }
        : null,
    }];
  });
}
