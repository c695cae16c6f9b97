/** Every meter of this program, declared in one place: what `/metrics` shows. */

import { Registry } from "./registry.ts";

/** What a caller waits for, in seconds: fine where a conversation feels quick or slow. */
const WAIT_SECONDS = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10];

/** What should be next to nothing, in seconds: 60 ms less than the pacer's lead (200 ms) is still inaudible. */
const SLIP_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.14, 0.2, 0.5, 1];

/** The meters, all at 0, and the registry that renders them. */
export function offhookMeters() {
  const registry = new Registry();
  return {
    registry,
    callsStarted: registry.counter({ name: "offhook_calls_started_total", help: "Calls whose stream started." }),
    callsEnded: registry.counter({
      name: "offhook_calls_ended_total",
      help: "Calls that ended, by reason.",
      labels: ["reason"],
    }),
    callsActive: registry.gauge({ name: "offhook_calls_active", help: "Calls live now." }),
    frames: registry.counter({
      name: "offhook_frames_total",
      help: "20 ms audio frames, in from the caller and out to the caller.",
      labels: ["direction"],
    }),
    bargeIns: registry.counter({ name: "offhook_barge_ins_total", help: "Replies that a caller interrupted." }),
    eventsLost: registry.counter({ name: "offhook_events_lost_total", help: "Events that a full queue refused." }),
    firstAudioSeconds: registry.histogram({
      name: "offhook_first_audio_seconds",
      help: "From the start of the stream to the first audio sent.",
      buckets: WAIT_SECONDS,
    }),
    replySeconds: registry.histogram({
      name: "offhook_reply_seconds",
      help:
        "From the end of the caller's turn to the reply's first audio, by the part that took it; answer: since we knew the words.",
      labels: ["part"],
      buckets: WAIT_SECONDS,
    }),
    markRoundTripSeconds: registry.histogram({
      name: "offhook_mark_round_trip_seconds",
      help: "From the moment a mark was due to play to its echo.",
      buckets: WAIT_SECONDS,
    }),
    pacerLatenessSeconds: registry.histogram({
      name: "offhook_pacer_lateness_seconds",
      help: "How much later than due the pacer woke.",
      buckets: SLIP_SECONDS,
    }),
    loopLagSeconds: registry.histogram({
      name: "offhook_loop_lag_seconds",
      help: "How much later than due the event loop ran a timer.",
      buckets: SLIP_SECONDS,
    }),
    providerFaults: registry.counter({
      name: "offhook_provider_faults_total",
      help: "Faults of remote services.",
      labels: ["provider", "kind"],
    }),
    streamRefused: registry.counter({
      name: "offhook_stream_refused_total",
      help: "Media sockets turned away, or awaited in vain, by reason.",
      labels: ["reason"],
    }),
  };
}
