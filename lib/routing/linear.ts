/**
 * One-against-the-rest linear support vector machines with squared hinge loss, by dual coordinate descent (Hsieh et al. 2008,
 * "A Dual Coordinate Descent Method for Large-scale Linear SVM"). For few examples: exact, and trained in milliseconds. Pure.
 */
import type { Vector } from "./features.ts";
import type { TrainingSet } from "./network.ts";

export interface LinearOptions {
  /** Cost of an example on the wrong side of its margin; `noneCost` for those of the last class, which means none. */
  cost: number;
  noneCost: number;
  /** Passes over the examples, at most. */
  passes: number;
}

/** Stop when the largest and the smallest projected gradient of a pass are this close. */
const TOLERANCE = 0.05;

/** A weight for every feature and class, side by side for one feature. */
export class Linear {
  readonly #weights: Float32Array;
  readonly #classCount: number;

  /** `columns`: for each class the weights of all features, then the bias. */
  constructor(columns: readonly Float32Array[]) {
    this.#classCount = columns.length;
    this.#weights = new Float32Array(columns.length * (columns[0]?.length ?? 0));
    columns.forEach((column, k) => column.forEach((weight, id) => this.#weights[id * columns.length + k] = weight));
  }

  get bytes(): number {
    return this.#weights.byteLength;
  }

  /** Each class's margin: above 0 on its side. */
  scores({ ids, values }: Vector): Float32Array {
    const count = this.#classCount;
    const sums = this.#weights.slice(this.#weights.length - count);
    for (let i = 0; i < ids.length; i++) {
      const value = values[i]!, row = ids[i]! * count;
      for (let k = 0; k < count; k++) sums[k]! += this.#weights[row + k]! * value;
    }
    return sums;
  }
}

/** Train a machine for each class but the last, which means none; yields between passes. */
export function* trainLinear(set: TrainingSet, options: LinearOptions, random: () => number): Generator<void, Linear> {
  const columns: Float32Array[] = [];
  for (let k = 0; k < set.classCount - 1; k++) columns.push(yield* trainOne(set, k, { ...options, random }));
  return new Linear(columns);
}

function* trainOne(
  { vectors, classes, features, classCount }: TrainingSet,
  wanted: number,
  { cost, noneCost, passes, random }: LinearOptions & { random: () => number },
): Generator<void, Float32Array> {
  const weights = new Float32Array(features + 1), duals = new Float64Array(vectors.length);
  const slacks = Float64Array.from(classes, (k) => 0.5 / (k === classCount - 1 ? noneCost : cost));
  const curvature = vectors.map(({ values }, at) =>
    1 + slacks[at]! + values.reduce((sum, value) => sum + value * value, 0)
  );
  const order = Int32Array.from(vectors, (_, at) => at);
  for (let pass = 0; pass < passes; pass++) {
    let highest = -Infinity, lowest = Infinity;
    for (let n = 0; n < order.length; n++) {
      const other = n + Math.floor(random() * (order.length - n)), i = order[other]!;
      order[other] = order[n]!;
      order[n] = i;
      const { ids, values } = vectors[i]!, sign = classes[i] === wanted ? 1 : -1;
      let margin = weights[features]!;
      for (let at = 0; at < ids.length; at++) margin += weights[ids[at]!]! * values[at]!;
      const gradient = sign * margin - 1 + duals[i]! * slacks[i]!;
      const projected = duals[i] === 0 ? Math.min(0, gradient) : gradient;
      highest = Math.max(highest, projected);
      lowest = Math.min(lowest, projected);
      if (projected === 0) continue;
      const dual = Math.max(0, duals[i]! - gradient / curvature[i]!), step = (dual - duals[i]!) * sign;
      duals[i] = dual;
      weights[features]! += step;
      for (let at = 0; at < ids.length; at++) weights[ids[at]!]! += step * values[at]!;
    }
    yield;
    if (highest - lowest <= TOLERANCE) break;
  }
  return weights;
}
