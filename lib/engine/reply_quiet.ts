/** When a reply is over that its agent does not end: nothing has come of it for a while. Pure. */

/** How often to look. */
export const LOOK_MS = 200;
/** A reply is over when this long brought no audio. */
const QUIET_MS = 600;
/** Text whose audio has not begun may still get some for this long. */
const SILENT_TEXT_MS = 5000;

export class ReplyQuiet {
  #lastMs = 0;
  #hasSound = false;

  /** A reply begins. */
  begin(nowMs: number): void {
    this.#hasSound = false;
    this.#lastMs = nowMs;
  }

  /** Some of its audio came. */
  sounds(nowMs: number): void {
    this.#hasSound = true;
    this.#lastMs = nowMs;
  }

  /** To be asked every `LOOK_MS`. */
  isOver(nowMs: number): boolean {
    return nowMs - this.#lastMs >= (this.#hasSound ? QUIET_MS : SILENT_TEXT_MS);
  }
}
