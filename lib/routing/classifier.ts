/** From example texts to calibrated scores: few examples by linear machines, many by a small network. Pure. */
import { Coverage } from "./coverage.ts";
import { Features, Likeness, type Vector } from "./features.ts";
import { type Linear, trainLinear } from "./linear.ts";
import { type Network, trainNetwork } from "./network.ts";
import { tokens } from "./text.ts";

/** Scores of all routes for one utterance. */
export interface Classifier {
  /** For each route how sure it is that `words` mean it, 0 to 1. */
  scores(words: readonly string[]): number[];
  /** How like each of `others` is to `words`: the cosine of their features. */
  likeness(words: readonly string[], others: readonly (readonly string[])[]): number[];
  /** Memory of weights and vocabulary. */
  readonly bytes: number;
}

/** From this many examples on, a network tells the routes apart better than linear machines do (see lib/README.md). */
const MANY_EXAMPLES = 2000;
/** A background text this like an example of a route is no counter-example. */
const TOO_LIKE = 0.6;

/** Train on `examples` (one list for each route) and `none`, texts that mean none of them, yielding every few milliseconds. */
export function trainClassifier(
  examples: readonly (readonly string[])[],
  none: readonly string[],
): Generator<void, Classifier> {
  const count = examples.reduce((sum, list) => sum + list.length, 0);
  return count >= MANY_EXAMPLES ? trainMany(examples, none) : trainFew(examples, none);
}

function* trainMany(
  examples: readonly (readonly string[])[],
  none: readonly string[],
): Generator<void, Classifier> {
  const classes = [...examples, none];
  const features = yield* Features.learn(classes.flat(), { minTexts: 2, unknown: 0, conceptLength: 0.7 });
  const vectors = yield* vectorsOf(classes.flat(), features);
  const set = { vectors, classes: labels(classes), features: features.size, classCount: classes.length };
  const network: Network = yield* trainNetwork(set, NETWORK, randomNumbers());
  return {
    bytes: network.bytes + features.bytes,
    likeness: (words, others) => likenesses(words, others, features),
    scores(words) {
      const outputs = network.scores(features.vector(words)), toNone = outputs[examples.length]!;
      return examples.map((_, k) => logistic(MANY.slope * (outputs[k]! - toNone - MANY.middle)));
    },
  };
}

function* trainFew(
  examples: readonly (readonly string[])[],
  none: readonly string[],
): Generator<void, Classifier> {
  const features = yield* Features.learn([...examples.flat(), ...none], {
    minTexts: 1,
    unknown: 0.5,
    conceptLength: 1.2,
  });
  const routed = examples.map((list) => list.map((text) => features.vector(tokens(text))));
  const coverages = examples.map((list) => new Coverage(list.map(tokens)));
  const alike = routed.flat().map((example) => new Likeness(example, features.size));
  const against = (yield* vectorsOf(none, features)).filter((vector) =>
    alike.every((like) => like.to(vector) <= TOO_LIKE)
  );
  const classes = [...routed, against];
  const set = {
    vectors: classes.flat(),
    classes: labels(classes),
    features: features.size,
    classCount: classes.length,
  };
  const linear: Linear = yield* trainLinear(set, LINEAR, randomNumbers());
  return {
    bytes: linear.bytes + features.bytes,
    likeness: (words, others) => likenesses(words, others, features),
    scores(words) {
      const margins = linear.scores(features.vector(words));
      return coverages.map((coverage, k) => {
        const covered = coverage.of(words, (word) => features.rarity(word));
        return logistic(FEW.slope * (margins[k]! + FEW.coverage * covered - FEW.middle));
      });
    },
  };
}

const NETWORK = { hidden: 128, epochs: 10, rate: 0.05, inputDropout: 0.2, hiddenDropout: 0.3 };
/** A routed example weighs as much as ten that mean none: there are so few. */
const LINEAR = { cost: 1, noneCost: 0.1, passes: 30 };
/** From the difference of a route's output and none's to a score. */
const MANY = { slope: 0.5, middle: 0 };
const FEW = { slope: 4, coverage: 0.5, middle: 0.15 };

function likenesses(words: readonly string[], others: readonly (readonly string[])[], features: Features): number[] {
  const like = new Likeness(features.vector(words), features.size);
  return others.map((other) => like.to(features.vector(other)));
}

function* vectorsOf(texts: readonly string[], features: Features): Generator<void, Vector[]> {
  const vectors: Vector[] = [];
  for (const text of texts) {
    vectors.push(features.vector(tokens(text)));
    if (vectors.length % TEXTS_A_SLICE === 0) yield;
  }
  return vectors;
}

const TEXTS_A_SLICE = 100;

function labels(classes: readonly (readonly unknown[])[]): Int32Array {
  return Int32Array.from(classes.flatMap((list, k) => list.map(() => k)));
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** A small generator (mulberry32), always from the same seed: uniform numbers in [0, 1). */
function randomNumbers(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
