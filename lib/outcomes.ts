/** What calls may be asked for by how they ended. */

import { END_REASONS } from "./call/machine.ts";
import { PROCESS_DIED } from "./store.ts";

const OUTCOMES: readonly string[] = [...END_REASONS, PROCESS_DIED];

/** What is wrong with an outcome to look for: no call could have it. */
export function outcomeFault(outcome: string | undefined): string | undefined {
  if (outcome === undefined || OUTCOMES.includes(outcome)) return undefined;
  return `takes one of ${OUTCOMES.join(", ")}, not "${outcome}".`;
}
