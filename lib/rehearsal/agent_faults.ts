/** How the Voice Agent stand-in behaves where the vendor leaves it open, and how it misbehaves when asked to. */

import type { DoorFaults, Drop } from "./deepgram_door.ts";

/** Times and habits. The defaults are what was published or seen (Deepgram reference, sections 2.1, 2.10 and 8.3). */
export interface AgentKnobs {
  /** `Settings` to `SettingsApplied`, ms. */
  applyMs: number;
  /** `SettingsApplied` to the greeting's audio, ms. */
  greetingMs: number;
  /** The greeting's text comes before `SettingsApplied`. */
  greetingFirst: boolean;
  /** Silence that ends the caller's speech, ms of audio. */
  endpointMs: number;
  /** End of speech to the confirmed turn, ms: until then the answer is speculation, and the caller may go on. */
  confirmMs: number;
  /** A thought's duration, ms, where the brain does not say. */
  thinkMs: number;
  /** `SLOW_THINK_REQUEST` comes this often while thinking, ms. */
  slowThinkMs: number;
  /** An update to its acknowledgement, ms; `ListenUpdated` takes half as long again, and two at once get one. */
  ackMs: number;
  /** An accepted injection to its text, ms. */
  injectMs: number;
  /** Audio leaves this many times faster than real time; `Infinity`: a reply in one burst. */
  rateX: number;
  /** Largest chunk of audio, bytes. Sizes are uneven, down to 1. */
  chunkBytes: number;
  /** Whether `KeepAlive` counts as a sign of life: reports say that it does not. */
  keepAliveCounts: boolean;
  /** Hard end of a session, ms. */
  sessionMs: number;
}

export const AGENT_KNOBS: AgentKnobs = {
  applyMs: 150,
  greetingMs: 400,
  greetingFirst: false,
  endpointMs: 500,
  confirmMs: 200,
  thinkMs: 250,
  slowThinkMs: 5000,
  ackMs: 220,
  injectMs: 250,
  rateX: 5,
  chunkBytes: 9600,
  keepAliveCounts: false,
  sessionMs: 2 * 3_600_000,
};

/** What goes wrong, all off by default but `staleFrames`. */
export interface AgentFaults extends DoorFaults {
  /** Take the socket and say nothing, ever. */
  silentAfterOpen: boolean;
  /** Never say `SettingsApplied`. */
  neverApply: boolean;
  /** End the socket this long after it opened, ms, as `dropCode` says. */
  dropAfterMs: number;
  /** End the socket in the n-th reply (the greeting is one), once so many bytes of it were sent. */
  dropMidReply: { reply: number; afterBytes: number };
  /** Default: "cut". */
  dropCode: Drop;
  /** Send this error: after `Welcome`, instead of `SettingsApplied`, instead of the first user text, or with the first audio of the first answer. */
  error: { code: string; at: "open" | "settings" | "turn" | "reply" };
  /** Pause this long in the middle of each reply's first sentence, ms. */
  stallMidReplyMs: number;
  /** Send malformed messages now and then. */
  garbage: boolean;
  /** The first audio of each reply comes so much later, ms. */
  slowFirstByteMs: number;
  /** Refuse every injection, or ignore it without a word. */
  rejectInjection: "refuse" | "silent";
  /** After a barge-in, from 0 to so many stale audio messages follow. Default: 5. */
  staleFrames: number;
  /** `AgentAudioDone` never comes. */
  missingAudioDone: boolean;
  /** `AgentAudioDone` comes even after a barge-in. */
  doneAfterBargeIn: boolean;
  /** A bare `stt_latency` report several times a second. */
  latencySpam: boolean;
  /** After a barge-in, one more sentence of the old reply comes as text. */
  lateAssistantText: boolean;
}
