/** The routers of all numbers: trained in the background, each set of routes once. */

import type { CallConfig, Config } from "./config.ts";
import { backgroundIn } from "./routing/background_languages.ts";
import { type Router, trainRouter } from "./routing/router.ts";

export class Routers {
  /** By the routes they were trained from, and the language: numbers often share them. */
  #trained = new Map<string, Router>();
  /** Counts the configurations: only the newest one's routers are kept, even if an older training ends later. */
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
          await trainRouter(call.routes.map(examplesOf), {
            outOfScope: backgroundIn(call.language),
            ...(pause ? { pause } : {}),
          }),
      );
    }
    if (turn === this.#newest) this.#trained = trained;
  }
}

function examplesOf({ name, utterances, match, threshold, then }: CallConfig["routes"][number]) {
  return { name, utterances, match, strict: then !== "continue", ...(threshold === undefined ? {} : { threshold }) };
}

function keyOf({ routes, language }: CallConfig): string {
  return JSON.stringify([language, ...routes.map(examplesOf)]);
}
