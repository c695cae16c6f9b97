/** How many calls are taken. Without Twilio's token anybody could pose as Twilio: so only a few, once another machine has rung. Pure. */

import type { Config } from "./config.ts";

/** Calls at once, and minutes a day, without signatures. Interfaces, section 2. */
const UNSIGNED_CALLS = 3;
const UNSIGNED_MINUTES = 60;

export interface CallLimits {
  callsAtOnce: number;
  minutesPerDay: number;
}

/** The limits of a process; `strangers`: whether another machine has rung, or could have, through a proxy. */
export function limitsOf(config: Config, { strangers }: { strangers: boolean }): CallLimits {
  const { server, base, keys, rehearsal, rehearsalAsked } = config;
  const isCapped = strangers && !keys.twilioAuthToken && !rehearsalAsked;
  const minutes = rehearsal ? Infinity : base.limits.minutesPerDay;
  return {
    callsAtOnce: isCapped ? Math.min(UNSIGNED_CALLS, server.maxCalls) : server.maxCalls,
    minutesPerDay: isCapped ? Math.min(UNSIGNED_MINUTES, base.limits.minutesPerDay) : minutes,
  };
}
