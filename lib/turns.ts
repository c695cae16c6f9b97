/** Where the time of each answer went, for the softphone's table: of this machine's own calls only. */

import type { Hono } from "hono";
import type { CallRecord } from "./call/notice.ts";
import type { Store } from "./store.ts";
import type { TurnRecord } from "./softphone/report.ts";

export interface TurnsRoute {
  store: Pick<Store, "get">;
  isLoopback: (request: Request) => boolean;
}

/** `GET /phone/turns?call=CA…`; pass the result to the app's `extend`, before the browser phone. */
export function turnsRoute({ store, isLoopback }: TurnsRoute): (app: Hono) => void {
  return (app) =>
    app.get("/phone/turns", (c) => {
      if (!isLoopback(c.req.raw)) return c.text("Only for this machine.\n", 403);
      const found = store.get(c.req.query("call") ?? "");
      return found.ok ? c.json(turnsOf(found.value)) : c.json([], 404);
    });
}

/** The caller's turns of a record, each with what answered it. */
export function turnsOf({ transcript }: Pick<CallRecord, "transcript">): TurnRecord[] {
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
