/** Threads of this program. */

import { OWN } from "./own.ts";

/** What is used of a `Worker`. */
export interface Thread<Request, Answer> {
  postMessage(request: Request): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<Answer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** Run the module at `path` below the program's own folder; `lib/compile.ts` puts it into the executable. */
export function startThread<Request, Answer>(path: string, name: string): Thread<Request, Answer> {
  return new Worker(new URL(path, OWN), { type: "module", name });
}
