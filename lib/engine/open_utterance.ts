/** What the caller is saying, until somebody has understood it: another agent must be able to hear it again. Pure. */

import { RecentAudio } from "../audio/recent_audio.ts";

/** Kept of the time before the agent noticed the caller (0.6 s), and at most of what the caller says (10 s). */
const LEAD_IN_FRAMES = 30;
const UTTERANCE_FRAMES = 500;
/** Sound that the agent has not noticed is kept for 8 s after it ended: a dead agent is found out within that time. */
const UNNOTICED_FRAMES = 400;
/** A caller who has been silent for less than 1 s may still be speaking. */
const PAUSE_FRAMES = 50;

/** The caller's audio from shortly before it was heard until the words are confirmed. */
export class OpenUtterance {
  /** The agent has noticed it. */
  open = false;
  readonly #audio = new RecentAudio();
  /** Frames since the caller was last audible. */
  #silent = UNNOTICED_FRAMES;

  /** The agent has noticed it, and the caller is speaking or was a moment ago. */
  get sounds(): boolean {
    return this.open && this.#silent < PAUSE_FRAMES;
  }

  /** What was kept, oldest first. */
  get frames(): Uint8Array[] {
    return this.#audio.frames();
  }

  hear(frame: Uint8Array, audible: boolean): void {
    this.#silent = audible ? 0 : this.#silent + 1;
    this.#audio.push(frame, this.open || this.#silent < UNNOTICED_FRAMES ? UTTERANCE_FRAMES : LEAD_IN_FRAMES);
  }

  begin(): void {
    this.open = true;
  }

  end(): void {
    this.open = false;
    this.#silent = UNNOTICED_FRAMES;
    this.#audio.clear();
  }
}
