/** An observer that counts what notices tell. */

import type { CallNotice } from "../call/notice.ts";
import { offhookMeters } from "./meters.ts";

const MS = 1 / 1000;

/** Frames of live calls are counted when the call ends. */
export function callMeters() {
  const meters = offhookMeters();
  /** By call: the end of the caller's last turn, whether any audio was sent, and why the last session ended. */
  const open = new Map<string, { callerDoneMs: number | undefined; spoke: boolean; ended?: string }>();

  function observe(notice: CallNotice): void {
    switch (notice.kind) {
      case "call-started":
        open.set(notice.call, { callerDoneMs: undefined, spoke: false });
        return meters.callsStarted.add(1);
      case "caller-text": {
        const call = open.get(notice.call);
        if (call && notice.final) call.callerDoneMs = notice.interruption ? undefined : notice.atMs;
        return;
      }
      case "reply-first-sent":
        return firstSent(notice.call, notice.atMs);
      case "latency":
        for (const [part, ms] of Object.entries(notice.parts)) meters.replySeconds.observe(ms * MS, { part });
        return;
      case "reply-interrupted":
        if (!notice.byUs) meters.bargeIns.add(1);
        return;
      case "event-lost":
        return meters.eventsLost.add(1);
      case "fault":
        return meters.providerFaults.add(1, { provider: notice.fault.peer, kind: notice.fault.kind });
      case "carrier-odd":
        return meters.providerFaults.add(1, { provider: "twilio", kind: "protocol" });
      case "fence-timed-out":
        return meters.providerFaults.add(1, { provider: "deepgram-agent", kind: "deadline" });
      case "mark-round-trip":
        return meters.markRoundTripSeconds.observe(notice.ms * MS);
      case "call-ended": {
        const call = open.get(notice.call);
        if (call) call.ended = notice.reason;
        meters.frames.add(notice.framesIn, { direction: "in" });
        meters.frames.add(notice.framesOut, { direction: "out" });
        return;
      }
      case "call-over": {
        const reason = open.get(notice.call)?.ended;
        open.delete(notice.call);
        if (reason !== undefined) meters.callsEnded.add(1, { reason });
        return;
      }
    }
  }

  function firstSent(id: string, atMs: number): void {
    const call = open.get(id);
    if (!call) return;
    if (!call.spoke) meters.firstAudioSeconds.observe(atMs * MS);
    call.spoke = true;
    if (call.callerDoneMs !== undefined) {
      meters.replySeconds.observe((atMs - call.callerDoneMs) * MS, { part: "answer" });
    }
    call.callerDoneMs = undefined;
  }

  return {
    observe,
    lost: (events: number) => meters.eventsLost.add(events),
    refused: (reason: string) => meters.streamRefused.add(1, { reason }),
    pacerLateness: (ms: number) => meters.pacerLatenessSeconds.observe(ms * MS),
    loopLag: (ms: number) => meters.loopLagSeconds.observe(ms * MS),
    render: (active: () => number) => ({
      text() {
        meters.callsActive.set(active());
        return meters.registry.render();
      },
      json() {
        meters.callsActive.set(active());
        return meters.registry.toJSON();
      },
    }),
  };
}
