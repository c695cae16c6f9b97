/** A phone and a scripted server in virtual time. */

import { type PhoneOptions, ringUp } from "../../lib/softphone/phone.ts";
import type { PhoneEvent } from "../../lib/softphone/monitor.ts";
import type { CallReport } from "../../lib/softphone/report.ts";
import { VirtualClock } from "../sim/clock.ts";
import { seeded } from "../case.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import type { Weather } from "../sim/wire.ts";
import { type Script, type TestServer, testServer } from "./server.ts";

export interface Rig {
  report: CallReport;
  server: TestServer;
  events: PhoneEvent[];
  clock: VirtualClock;
  wav: Uint8Array | undefined;
}

/** Run one call to its end. Nothing may be left behind on the clock. */
export async function callOnce(
  script: Script,
  options: Partial<PhoneOptions> & { weather?: Weather } = {},
): Promise<Rig> {
  const clock = new VirtualClock();
  const server = testServer(clock, script);
  const events: PhoneEvent[] = [];
  const call = ringUp({
    url: "https://test.example.com/incoming-call",
    clock,
    dial: simDial(clock, server.answer, options.weather),
    fetch: server.fetch,
    voice: toneVoice(),
    random: seeded(7),
    onEvent: (event) => events.push(event),
    ...options,
  });
  const report = await clock.runFor(call.report);
  await clock.run(2000);
  if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
  return { report, server, events, clock, wav: call.wav() };
}

export function codes({ report }: Rig): string[] {
  return report.offences.map(({ code }) => code);
}
