/** What the carrier knows of our calls, and ends for us, by Twilio's REST API. */

import { type Clock, sleep } from "./base/clock.ts";
import { describeFault } from "./base/result.ts";
import { isOver } from "./call/reaper.ts";
import type { ReceptionParts } from "./call/reception.ts";
import type { Config } from "./config.ts";
import { twilioRest } from "./phone/twilio_rest.ts";
import { log } from "./telemetry/log.ts";

/** How long the carrier gets to end a call by itself once we have let it go. */
const ENDING_MS = 2000;

/** Nothing where Twilio's keys are not set. */
export function carrierOf(
  { keys, urls }: Config,
  clock: Clock,
): Pick<ReceptionParts, "confirmEnded" | "carrierStatus"> {
  if (!keys.twilioAccountSid || !keys.twilioAuthToken) return {};
  const rest = twilioRest({
    fetch: (request) => fetch(request),
    clock,
    accountSid: keys.twilioAccountSid,
    authToken: keys.twilioAuthToken,
    baseUrl: urls.twilioApi,
  });
  return {
    async confirmEnded(callSid) {
      const { signal } = new AbortController();
      await sleep(clock, ENDING_MS);
      const status = await rest.callStatus(callSid, signal);
      if (status.ok && isOver(status.value)) return status.value;
      const ended = await rest.hangUp(callSid, signal);
      if (ended.ok) return ended.value;
      log("error", `${callSid} may still be live at the carrier: ${describeFault(ended.fault)}`);
      return "unknown";
    },
    async carrierStatus(callSid, signal) {
      const status = await rest.callStatus(callSid, signal);
      return status.ok ? status.value : undefined;
    },
  };
}
