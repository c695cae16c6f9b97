import type { Clock } from "../../lib/base/clock.ts";
import type { AnswerHandshake, Dial } from "../../lib/base/dial.ts";
import { failed, ok } from "../../lib/base/result.ts";
import { type Weather, type WirePair, wirePair } from "./wire.ts";

/** A `Dial` that reaches `answer` over an in-memory wire. `pairs` lists every socket opened, to cut or stall it. */
export function simDial(
  clock: Clock,
  answer: AnswerHandshake,
  weather: Weather & { openMs?: number } = {},
): Dial & { pairs: WirePair[] } {
  const pairs: WirePair[] = [];
  const dial: Dial = async ({ peer, url, headers }, signal) => {
    if (weather.openMs) await new Promise<void>((resolve) => void clock.after(weather.openMs!, resolve));
    signal.throwIfAborted();
    const answered = answer({ url: new URL(url), headers: new Headers({ ...headers }) });
    if ("refuse" in answered) {
      const { status } = answered.refuse;
      const retryAfter = answered.refuse.headers.get("retry-after");
      const detail = await answered.refuse.text();
      return failed({
        kind: "refused",
        peer,
        status,
        detail,
        ...(retryAfter ? { retryAfterMs: Number(retryAfter) * 1000 } : {}),
      });
    }
    const pair = wirePair(clock, weather);
    pairs.push(pair);
    answered.accept(pair.server);
    return ok(pair.client);
  };
  return Object.assign(dial, { pairs });
}
