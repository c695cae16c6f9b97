/** Hands every notice to whoever listens at the moment: observers that come and go while calls run. */

import type { CallNotice } from "../call/notice.ts";

export class NoticeHub {
  readonly #listeners = new Set<(notice: CallNotice) => void>();

  /** An observer like any other: pass it to the house. */
  readonly observe = (notice: CallNotice): void => {
    for (const listener of [...this.#listeners]) listener(notice);
  };

  /** `listener` gets every notice of every call from now on, until it is disposed. It must not throw, nor take long. */
  readonly subscribe = (listener: (notice: CallNotice) => void): Disposable => {
    const own = (notice: CallNotice) => listener(notice);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  };

  get listeners(): number {
    return this.#listeners.size;
  }
}
