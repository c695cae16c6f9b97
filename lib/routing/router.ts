/**
 * What the caller said -> the route that answers it at once, or none. Trained from the routes' example utterances against the
 * shipped background; deciding is synchronous and takes well under 5 ms. Pure but for the pauses in training.
 */
import { breather } from "../base/breather.ts";
import { backgroundUtterances } from "./background.ts";
import { type Classifier, trainClassifier } from "./classifier.ts";
import { questions } from "./questions.ts";
import { hasDenial, spottings, statedWords } from "./spotting.ts";
import { tokens } from "./text.ts";

export interface RouteExamples {
  name: string;
  utterances: readonly string[];
  /** "whole": the utterance as a whole means this; "anywhere": a phrase within a longer utterance counts (emergencies). */
  match: "whole" | "anywhere";
  /** Least score, 0 to 1, that routes; by default `DEFAULT_THRESHOLD`, or `STRICT_THRESHOLD` for a strict route. */
  threshold?: number;
  /** For a route that cannot be taken back, as one that hangs up. */
  strict?: boolean;
}

export interface Decision {
  /** Name of the route taken; undefined is "none". */
  readonly route: string | undefined;
  /** Calibrated likeness to the best route, 0 to 1. */
  readonly score: number;
  /** What `score` had to reach. */
  readonly threshold: number;
  /** The best route's most similar example, with their cosine. Computed when asked for. */
  readonly nearest: { readonly utterance: string; readonly similarity: number } | undefined;
  /** The best routes, best first, at most five. */
  readonly ranked: readonly { readonly name: string; readonly score: number }[];
}

export interface TrainOptions {
  /** Further utterances that mean none of the routes. */
  outOfScope?: readonly string[];
  /** Whether the shipped background utterances count as none. Default true. */
  background?: boolean;
  /** Lets the event loop run between slices of training. Default: every 8 ms of work, until the next timer. */
  pause?: () => Promise<void> | void;
}

/** At most about one utterance in two hundred that means no route reaches this (see lib/README.md, "Routes"). */
const DEFAULT_THRESHOLD = 0.5;
/** For routes that hang up: about one in a thousand. */
const STRICT_THRESHOLD = 0.75;

const RANKED = 5;
/** A whole utterance may be twice as long as the route's longest example, and this much longer. */
const LEEWAY_WORDS = 4;

const NOTHING: Decision = { route: undefined, score: 0, threshold: DEFAULT_THRESHOLD, nearest: undefined, ranked: [] };

/**
 * Train a router. Until it is there, the caller treats every utterance as none. A route without utterances never matches;
 * no routes at all give a router that always says none.
 */
export async function trainRouter(routes: readonly RouteExamples[], options: TrainOptions = {}): Promise<Router> {
  const pause = options.pause ?? breather();
  const none = [...(options.background === false ? [] : backgroundUtterances()), ...(options.outOfScope ?? [])];
  const training = trainClassifier(routes.map((route) => route.utterances), none);
  for (;;) {
    const step = training.next();
    if (step.done) return new Router(routes, step.value);
    await pause();
  }
}

/** One line for `routes test`: what was decided, and why. */
export function explain({ route, score, threshold, nearest, ranked }: Decision): string {
  const best = ranked[0];
  if (!best) return "none: there is no route, or nothing was said";
  const like = nearest ? `; nearest example "${nearest.utterance}" (cosine ${nearest.similarity.toFixed(2)})` : "";
  const others = ranked.slice(1).map(({ name, score }) => `${name} ${score.toFixed(2)}`).join(", ");
  const verdict = route
    ? `${route}: score ${score.toFixed(2)} reaches`
    : `none: best is ${best.name}, score ${score.toFixed(2)} below`;
  return `${verdict} the threshold ${threshold.toFixed(2)}${like}${others && `; then ${others}`}`;
}

/** Decides by a trained classifier. Made by `trainRouter`; knows no route while there are none. */
export class Router {
  readonly #routes: readonly RouteExamples[];
  readonly #classifier: Classifier;
  /** Examples word for word: these always reach their route. */
  readonly #verbatim = new Map<string, number>();
  readonly #longestWords: readonly number[];

  constructor(routes: readonly RouteExamples[], classifier: Classifier) {
    this.#routes = routes;
    this.#classifier = classifier;
    const examples = routes.map((route) => route.utterances.map(tokens));
    examples.forEach((list, k) =>
      list.forEach((words) => this.#verbatim.set(words.join(" "), this.#verbatim.get(words.join(" ")) ?? k))
    );
    this.#longestWords = examples.map((list) => list.reduce((most, words) => Math.max(most, words.length), 0));
  }

  /** Size of the model: weights and vocabulary. */
  get bytes(): number {
    return this.#classifier.bytes;
  }

  /** What `text` means; `before`: what the same caller has said that nobody has begun to answer. Never throws; the empty text means none. */
  decide(text: string, before = ""): Decision {
    const words = tokens(text);
    const scores = this.#score(words, text, this.#asked(words, text, before));
    const order = scores.map((_, k) => k).sort((a, b) => scores[b]! - scores[a]!);
    const best = order[0];
    if (best === undefined || words.length === 0) return NOTHING;
    const route = this.#routes[best]!, score = scores[best]!;
    const threshold = route.threshold ?? (route.strict ? STRICT_THRESHOLD : DEFAULT_THRESHOLD);
    const nearest = () => this.#nearest(words, route);
    return {
      route: score >= threshold ? route.name : undefined,
      score,
      threshold,
      get nearest() {
        return nearest();
      },
      ranked: order.slice(0, RANKED).map((k) => ({ name: this.#routes[k]!.name, score: scores[k]! })),
    };
  }

  /** The questions that wait for an answer, where it matters how many: an example is one, whatever it asks. */
  #asked(words: readonly string[], text: string, before: string): (readonly string[])[] {
    const open = questions(before);
    const own = questions(text);
    if (open.length === 0) return this.#verbatim.has(words.join(" ")) ? [] : own;
    return [...open, ...(own.length > 0 ? own : [words])];
  }

  /** Of several questions (`asked`) a route answers each, or the model answers them all; one that ends the call, or counts anywhere, waits for none. */
  #score(words: readonly string[], text: string, asked: (readonly string[])[]): number[] {
    if (words.length === 0) return [];
    const said = this.#verbatim.get(words.join(" "));
    const whole = this.#classifier.scores(words);
    const each = asked.length > 1 ? asked.map((question) => this.#classifier.scores(question)) : [];
    return this.#routes.map((route, k) => {
      const least = route.strict || route.match === "anywhere" ? 1 : Math.min(1, ...each.map((scores) => scores[k]!));
      if (said !== undefined) return k === said ? least : 0;
      if (route.match === "anywhere") return this.#spot(statedWords(text, route.utterances), k);
      if (words.length > 2 * this.#longestWords[k]! + LEEWAY_WORDS) return 0;
      if (route.strict && whole[k]! >= DEFAULT_THRESHOLD && this.#saysOpposite(words, route)) return 0;
      return Math.min(whole[k]!, least);
    });
  }

  /** "Do not take me off your list" is like "take me off your list" in all but what it says. */
  #saysOpposite(words: readonly string[], route: RouteExamples): boolean {
    return hasDenial(words) !== hasDenial(tokens(this.#nearest(words, route)?.utterance ?? ""));
  }

  /** The best score of route `k` in any stretch of `words` that is not denied. */
  #spot(words: readonly string[], k: number): number {
    let best = 0;
    for (const stretch of spottings(words, this.#routes[k]!.utterances)) {
      const score = this.#verbatim.get(stretch.join(" ")) === k ? 1 : this.#classifier.scores(stretch)[k]!;
      best = Math.max(best, score);
    }
    return best;
  }

  #nearest(words: readonly string[], route: RouteExamples): Decision["nearest"] {
    const cosines = this.#classifier.likeness(words, route.utterances.map(tokens));
    let nearest: Decision["nearest"];
    for (const [at, similarity] of cosines.entries()) {
      if (!nearest || similarity > nearest.similarity) nearest = { utterance: route.utterances[at]!, similarity };
    }
    return nearest;
  }
}
