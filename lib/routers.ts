/** The routers of all numbers: trained in the background, each set of routes once. */

import type { CallConfig, Config } from "./config.ts";
import { type Router, trainRouter } from "./routing/router.ts";

export class Routers {
  /** By the routes they were trained from: numbers often share them. */
  #trained = new Map<string, Router>();
  /** Counts configurations: the newest one's routers are kept, whichever training ends last. */
  #newest = 0;

  /** The router of a call, once it is trained; undefined until then, and where routing is off. */
  of(call: CallConfig): Router | undefined {
    return call.routerEnabled ? this.#trained.get(keyOf(call)) : undefined;
  }

  /** Train what `config` needs and is not trained yet; forget what it does not need any more. `pause` runs between slices of the work; if it rejects, so does this. */
  async train(config: Config, pause?: () => Promise<void> | void): Promise<void> {
    const calls = [config.base, ...Object.values(config.numbers)].filter((call) =>
      call.routerEnabled && call.routes.length > 0
    );
    const turn = ++this.#newest;
    const trained = new Map<string, Router>();
    for (const call of calls) {
      const key = keyOf(call);
      trained.set(
        key,
        trained.get(key) ?? this.#trained.get(key) ??
          await trainRouter(call.routes.map(examplesOf), pause ? { pause } : {}),
      );
    }
    if (turn === this.#newest) this.#trained = trained;
  }
}

function examplesOf({ name, utterances, match, threshold, then }: CallConfig["routes"][number]) {
  return { name, utterances, match, strict: then !== "continue", ...(threshold === undefined ? {} : { threshold }) };
}

function keyOf({ routes }: CallConfig): string {
  return JSON.stringify(routes.map(examplesOf));
}

/** Whether `text` consists of nothing but these phrases, in any order and number. */
export function isOnly(phrases: readonly string[], text: string): boolean {
  let rest = ` ${normalise(text)} `;
  if (rest.trim() === "") return false;
  for (const phrase of [...phrases].map(normalise).sort((a, b) => b.length - a.length)) {
    while (rest.includes(` ${phrase} `)) rest = rest.replace(` ${phrase} `, " ");
  }
  return rest.trim() === "";
}

/** Whether one of these phrases stands in `text`, in whole words. */
export function mentions(phrases: readonly string[], text: string): boolean {
  const said = ` ${normalise(text)} `;
  return phrases.some((phrase) => said.includes(` ${normalise(phrase)} `));
}

/** Lower-case words with one space between. */
function normalise(text: string): string {
  return (text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []).join(" ");
}
