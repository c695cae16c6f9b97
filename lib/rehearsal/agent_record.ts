/** What a session of the Voice Agent stand-in saw, for tests and for a look at a rehearsed call. */

import { parseObject } from "../base/json.ts";

/** Newest entries kept of each list. */
const KEPT = 1000;
/** A gap between two audio messages that counts, ms: the vendor advises 20 to 100 ms of audio in each. */
const GAP_MS = 250;

export interface Noted {
  atMs: number;
  message: Record<string, unknown>;
}

export class SessionRecord {
  /** Text messages received and sent, as JSON; what was no JSON object is under `unparsable`. */
  readonly received: Noted[] = [];
  readonly sent: Noted[] = [];
  /** Rules of the protocol that the client broke, fatal or not, in plain words. */
  readonly violations: string[] = [];
  /** Caller audio: how much, in how many messages, and how evenly it came. */
  readonly audio = { bytes: 0, messages: 0, lastMs: 0, longestGapMs: 0, gaps: 0 };

  noteReceived(atMs: number, text: string): void {
    keep(this.received, { atMs, message: parseObject(text) ?? { unparsable: text.slice(0, 1000) } });
  }

  noteSent(atMs: number, message: Record<string, unknown>): void {
    keep(this.sent, { atMs, message });
  }

  noteViolation(what: string): void {
    keep(this.violations, what);
  }

  noteAudio(atMs: number, bytes: number): void {
    const { audio } = this;
    if (audio.messages > 0) {
      const gapMs = atMs - audio.lastMs;
      audio.longestGapMs = Math.max(audio.longestGapMs, gapMs);
      if (gapMs > GAP_MS) audio.gaps++;
    }
    audio.lastMs = atMs;
    audio.messages++;
    audio.bytes += bytes;
  }
}

function keep<T>(list: T[], entry: T): void {
  list.push(entry);
  if (list.length > KEPT) list.shift();
}
