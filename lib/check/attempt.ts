/** One try over the network: it has 3 s, and whatever becomes of it is an item. */

import type { Clock } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { describeFault, type Fault, FaultError, whyUnanswered } from "../base/result.ts";
import { type CheckItem, warn, wrong } from "./item.ts";

/** What tries need. */
export interface Reach {
  clock: Clock;
  dial: Dial;
  fetch: (request: Request) => Promise<Response>;
}

/** How long one try may take, in ms. */
const ATTEMPT_MS = 3000;
const LATE_REMEDY = "Check the address and the network, or try again.";

/** Run `work` with a signal that aborts after 3 s. Never rejects: what it throws is an item called `name`. */
export async function attempt(
  { clock }: Pick<Reach, "clock">,
  name: string,
  work: (signal: AbortSignal) => Promise<CheckItem[]>,
): Promise<CheckItem[]> {
  const scope = new AbortController();
  const late = Promise.withResolvers<CheckItem[]>();
  using _limit = clock.after(ATTEMPT_MS, () => {
    const seconds = ATTEMPT_MS / 1000;
    late.resolve([
      wrong(name, `gives no answer within ${seconds} s`, LATE_REMEDY),
    ]);
    scope.abort();
  });
  const working = work(scope.signal).catch((error): CheckItem[] => [
    error instanceof FaultError
      ? faultItem(name, error.fault)
      : wrong(name, `the try failed: ${whyUnanswered(error)}`, "Try again."),
  ]);
  return await Promise.race([working, late.promise]);
}

/** A fault as an item: only a warning if it may pass by itself, or if a limit was reached. */
export function faultItem(name: string, fault: Fault): CheckItem {
  const [finding, remedy] = fault.kind === "deadline"
    ? [describeFault(fault), LATE_REMEDY]
    : split(describeFault(fault));
  const passes = fault.kind === "refused" && (fault.status === 429 || fault.status >= 500);
  return (passes ? warn : wrong)(name, finding, remedy);
}

/** Whether the other end does not accept who we are. */
export function isUnauthorised(fault: Fault): boolean {
  return fault.kind === "refused" && (fault.status === 401 || fault.status === 403);
}

/** `describeFault` ends with what to do, where it knows. */
function split(text: string): [finding: string, remedy: string] {
  const at = text.search(/ (?:Check|Too many|The account is|The trouble) /);
  if (at < 0) return [text, "Look at the entry that it concerns, then check again."];
  return [text.slice(0, at), text.slice(at + 1)];
}
