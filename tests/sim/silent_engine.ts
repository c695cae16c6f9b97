import type { Engine } from "../../lib/engine/engine.ts";

const nothing = () => {};

/** An engine that does nothing but what `does` says. */
export function silentEngine(does: Partial<Engine> = {}): Engine {
  return {
    hear: nothing,
    digit: nothing,
    takeKeys: () => "",
    text: nothing,
    interrupt: nothing,
    goesOn: nothing,
    resumed: nothing,
    answered: nothing,
    unanswered: nothing,
    ending: nothing,
    toolResult: nothing,
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...does,
  };
}
