/** What a call needs from a phone line. */

/** What the line tells the call. Caller audio does not come this way: see `Leg.connect`. */
export type LegEvent =
  | { kind: "leg-started"; line: LineStart }
  /** One key of the caller's phone: 0-9, `*`, `#`, A-D. */
  | { kind: "digit"; digit: string }
  /** Every frame of this reply left us. */
  | { kind: "reply-sent"; reply: number }
  /** The last sample of this reply was played to the caller (`heardMs` of audio), or its echo is overdue. */
  | { kind: "reply-heard"; reply: number; heardMs: number }
  | { kind: "leg-ended"; how: LegEnd }
  /** Something the carrier's protocol does not describe; counted, never fatal. */
  | { kind: "carrier-odd"; what: string };

/** How a line ended: the carrier's `stop`, its socket gone without one, or us. */
export type LegEnd = "stop" | "socket-closed" | "we-closed" | "clogged" | "no-start";

/** What is known of a line when it starts. */
export interface LineStart {
  callSid: string;
  streamSid: string;
  /** Custom parameters of our TwiML. */
  parameters: Readonly<Record<string, string>>;
}

/** One party's phone line. */
export interface Leg extends AsyncDisposable {
  /** Where caller audio goes: 160 bytes (20 ms) of mu-law at a time, in order, gaps filled with silence. One receiver. */
  connect(hear: (frame: Uint8Array) => void): void;
  /** Queue audio of a reply: mu-law, any length. Ignored for a reply that was cleared or ended. Replies play in the order of their first audio. */
  play(reply: number, audio: Uint8Array): void;
  /** No more audio comes for `reply`: once all is played, `reply-heard` tells. */
  end(reply: number): void;
  /**
   * Silence a reply now. Once this returns, no frame of it leaves, and what the carrier still holds is discarded.
   * @returns ms of the reply that the caller has heard; biased by at most half a round trip + 20 ms.
   */
  clear(reply: number): number;
  /**
   * Play what the caller missed of the cleared `reply`, as the new reply `as`: from `fromMs` (of the old reply's audio) on.
   * @returns false if nothing of it is kept (30 s at most are).
   */
  resume(reply: number, as: number, fromMs: number): boolean;
  /** Let go of what was kept of a cleared reply: its interruption is confirmed. */
  forget(reply: number): void;
  /** Ms of `reply` heard so far. */
  heardMs(reply: number): number;
  /** Release the line (with `<Connect>` this lets the carrier's next step happen: by default, hang-up). */
  hangUp(): void;
}
