/** Voices that need no vendor: text in, a whole utterance out. */

import type { TimedWord } from "./tag.ts";

export { localVoice, type LocalVoiceOptions } from "./local_voice.ts";

/** Something said, whole: G.711 mu-law at 8 kHz, of any length, and when each word of the text is heard in it. */
export interface Utterance {
  audio: Uint8Array;
  words: TimedWord[];
}

export interface Voice extends AsyncDisposable {
  /**
   * Speak `text`. Text without a letter or digit gives audio that may be empty, and so do its words.
   * @throws {FaultError} of peer `local-voice`; `signal.reason` on abort.
   */
  speak(text: string, signal?: AbortSignal): Promise<Utterance>;
}
