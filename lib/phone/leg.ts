/** What a call needs from a phone line. */

/** What the line tells the call. Caller audio does not come this way: see `Leg.connect`. */
export type LegEvent =
  | { kind: "leg-started"; line: LineStart }
  /** One key of the caller's phone: 0-9, `*`, `#`, A-D. */
  | { kind: "digit"; digit: string }
  /** The first frame of this reply left us. */
  | { kind: "reply-first-sent"; reply: number }
  /** The last sample of this reply was played to the caller (`heardMs` of audio), or its echo is overdue. */
  | { kind: "reply-heard"; reply: number; heardMs: number }
  /** The carrier's acknowledgement of audio took this long beyond the audio itself, ms. */
  | { kind: "mark-round-trip"; ms: number }
  /** Silence put in for audio the carrier did not deliver, ms. */
  | { kind: "caller-gap"; ms: number }
  | { kind: "leg-ended"; how: LegEnd }
  /** Something the carrier's protocol does not describe; counted, never fatal by itself. */
  | { kind: "carrier-odd"; what: string };

/** How a line ended: by the carrier's `stop`, by its socket's end without one, by us, because the carrier takes no more data, or because no valid `start` came in time. */
export type LegEnd = "stop" | "socket-closed" | "we-closed" | "clogged" | "no-start" | "garbage";

/** What is known of a line when it starts. */
export interface LineStart {
  callSid: string;
  streamSid: string;
  /** Custom parameters of our TwiML. */
  parameters: Readonly<Record<string, string>>;
}

/** A reply that was cut off: how much of it the caller heard. */
export interface Cut {
  reply: number;
  heardMs: number;
}

/** Sees a line's audio and marks as they pass, for a recording. Must not throw, nor take long. */
export interface LineTap {
  /** Audio of the caller, and when it plays in the carrier's stream, ms. */
  caller(timestampMs: number, audio: Uint8Array): void;
  sent(audio: Uint8Array): void;
  marked(name: string): void;
  echoed(name: string): void;
  cleared(): void;
}

/** One party's phone line. */
export interface Leg extends AsyncDisposable {
  /** Where events go. One listener; events that came earlier are delivered now. */
  listen(post: (event: LegEvent) => void): void;
  /** Where caller audio goes: 160 bytes (20 ms) of mu-law at a time, in order, gaps filled with silence. A frame may change once `hear` returns. What came before (at most 2 s of it) is delivered now. */
  connect(hear: (frame: Uint8Array) => void): void;
  /**
   * Queue a copy of a reply's audio: mu-law, any length. Replies play one after the other, in the order of their first audio.
   * Audio of a cut reply is kept for `resume`; of an ended or forgotten one it is ignored.
   * @returns false if the line's queue is full (3 minutes) and the audio was dropped.
   */
  play(reply: number, audio: Uint8Array): boolean;
  /** No more audio comes for `reply`: once all is played, `reply-heard` tells. */
  end(reply: number): void;
  /**
   * Silence the line now. Once this returns, no frame of any open reply leaves, and what the carrier still holds is discarded.
   * @returns each reply that was not heard to its end, oldest first. The ms are biased by at most half a round trip + 20 ms.
   */
  clear(): Cut[];
  /**
   * Play what the caller missed of the replies cut by the last `clear`, as the new reply `as`: from `fromMs` (ms of the
   * first cut reply; before what was heard, to repeat a little) on.
   * @returns false if nothing is kept (30 s at most are).
   */
  resume(as: number, fromMs: number): boolean;
  /** Let go of what was kept of cut replies: the interruption is confirmed. */
  forget(): void;
  /** Show the line's audio and marks to `tap` from now on. */
  tap(tap: LineTap): void;
  /** Whether all audio given to the line was played. */
  readonly drained: boolean;
  /** Audio that came from the carrier and that left for it so far, bytes: neither made-up silence nor what was cut off before it left. */
  readonly traffic: { readonly inBytes: number; readonly outBytes: number };
  /** Release the line. The carrier then does what comes after `<Connect>`: by default it hangs up. */
  hangUp(): void;
}
