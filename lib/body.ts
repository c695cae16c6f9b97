/** The body of a request from anyone at all: of bounded length and time, whatever its sender claims. */

import { type Clock, systemClock } from "./base/clock.ts";
import { failed, ok, type Result } from "./base/result.ts";

/** Why there is no body: it is longer than allowed, it did not end in time, or its sender broke off. */
export type BodyFault = "too-large" | "late" | "broken-off";

export interface BodyLimits {
  limitBytes: number;
  limitMs?: number;
  clock?: Clock;
}

/** Twilio sends its 2 KB at once, and gives us 15 s for the whole answer. */
const BODY_LIMIT_MS = 10_000;

/** The body as text. No more than the limit is ever held: a chunked body does not say how long it is. */
export async function readBody(
  request: Request,
  { limitBytes, limitMs = BODY_LIMIT_MS, clock = systemClock }: BodyLimits,
): Promise<Result<string, BodyFault>> {
  if (Number(request.headers.get("content-length") ?? 0) > limitBytes) return failed("too-large");
  const reader = request.body?.getReader();
  if (!reader) return ok("");
  const leave = (why: BodyFault) => {
    reader.cancel().catch(() => {}); // it may be broken already
    return failed(why);
  };
  let late = false;
  using _deadline = clock.after(limitMs, () => void (late = true, leave("late")));
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length;
      if (bytes > limitBytes) return leave("too-large");
      text += decoder.decode(read.value, { stream: true });
    }
  } catch {
    return failed("broken-off");
  }
  return late ? failed("late") : ok(text + decoder.decode());
}
