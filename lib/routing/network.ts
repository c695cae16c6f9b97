/**
 * A small network for many examples: sparse text vector -> one hidden layer -> a softmax over the classes. Trained by AdaGrad
 * with dropout on both layers; kept in one byte per weight. Pure and, for one seed, the same everywhere.
 */
import type { Vector } from "./features.ts";

export interface NetworkOptions {
  hidden: number;
  epochs: number;
  rate: number;
  /** Share of the text's features, and of the hidden units, left out at each step. */
  inputDropout: number;
  hiddenDropout: number;
}

export interface TrainingSet {
  readonly vectors: readonly Vector[];
  /** The class of each vector. */
  readonly classes: Int32Array;
  readonly features: number;
  readonly classCount: number;
}

/** Examples between two yields: about 5 ms of work. */
const SLICE = 64;
/** A gradient smaller than this is not worth a pass over the hidden units. */
const NEGLIGIBLE = 1e-4;

/** The trained network. */
export class Network {
  readonly #hidden: number;
  readonly #input: Int8Array;
  readonly #inputScale: Float32Array;
  readonly #inputBias: Float32Array;
  readonly #output: Float32Array;
  readonly #outputBias: Float32Array;

  constructor(weights: Weights) {
    this.#hidden = weights.hidden;
    [this.#input, this.#inputScale] = quantised(weights.input, weights.hidden);
    this.#inputBias = weights.inputBias;
    this.#output = weights.output;
    this.#outputBias = weights.outputBias;
  }

  get bytes(): number {
    return this.#input.length +
      4 * (this.#inputScale.length + this.#inputBias.length + this.#output.length + this.#outputBias.length);
  }

  /** The unnormalised log-probability of each class. */
  scores({ ids, values }: Vector): Float32Array {
    const hidden = Float32Array.from(this.#inputBias), size = this.#hidden;
    for (let i = 0; i < ids.length; i++) {
      const scale = values[i]! * this.#inputScale[ids[i]!]!, row = ids[i]! * size;
      for (let j = 0; j < size; j++) hidden[j]! += this.#input[row + j]! * scale;
    }
    return Float32Array.from(this.#outputBias, (bias, k) => {
      let sum = bias;
      for (let j = 0, row = k * size; j < size; j++) if (hidden[j]! > 0) sum += this.#output[row + j]! * hidden[j]!;
      return sum;
    });
  }
}

interface Weights {
  hidden: number;
  input: Float32Array;
  inputBias: Float32Array;
  output: Float32Array;
  outputBias: Float32Array;
}

/** One byte a weight, with a scale for each row of `width`. */
function quantised(weights: Float32Array, width: number): [Int8Array, Float32Array] {
  const bytes = new Int8Array(weights.length), scales = new Float32Array(weights.length / width);
  for (let row = 0; row < scales.length; row++) {
    const values = weights.subarray(row * width, (row + 1) * width);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
    scales[row] = largest / 127;
    for (let j = 0; j < width; j++) bytes[row * width + j] = Math.round(values[j]! / largest * 127);
  }
  return [bytes, scales];
}

/** Train on `set`, yielding every few milliseconds so that a server's event loop can breathe. */
export function* trainNetwork(
  set: TrainingSet,
  options: NetworkOptions,
  random: () => number,
): Generator<void, Network> {
  const trainer = new Trainer(set, options, random);
  const order = Int32Array.from(set.vectors, (_, at) => at);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    shuffle(order, random);
    const rate = options.rate * (1 - epoch / options.epochs);
    for (let n = 0; n < order.length; n++) {
      trainer.learn(set.vectors[order[n]!]!, set.classes[order[n]!]!, rate);
      if (n % SLICE === SLICE - 1) yield;
    }
  }
  return new Network(trainer.weights);
}

function shuffle(order: Int32Array, random: () => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1)), held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
}

class Trainer {
  readonly weights: Weights;
  readonly #options: NetworkOptions;
  readonly #random: () => number;
  readonly #classCount: number;
  /** Sums of squared gradients (AdaGrad): one for each feature's row, each class's row and each class's bias. */
  readonly #featureSquares: Float32Array;
  readonly #classSquares: Float32Array;
  readonly #biasSquares: Float32Array;
  readonly #activation: Float32Array;
  /** The units that are on, and how many they are. */
  readonly #on: Int32Array;
  #onCount = 0;
  readonly #error: Float32Array;
  readonly #probability: Float32Array;
  #ids = new Int32Array(512);
  #values = new Float32Array(512);

  constructor({ features, classCount }: TrainingSet, options: NetworkOptions, random: () => number) {
    const { hidden } = options;
    const normal = () => (random() + random() + random() + random() + random() + random() - 3) * Math.SQRT2;
    const start = () => normal() / Math.sqrt(hidden);
    this.weights = {
      hidden,
      input: new Float32Array(features * hidden).map(start),
      inputBias: new Float32Array(hidden),
      output: new Float32Array(classCount * hidden).map(start),
      outputBias: new Float32Array(classCount),
    };
    this.#options = options;
    this.#random = random;
    this.#classCount = classCount;
    this.#featureSquares = new Float32Array(features).fill(1e-4);
    this.#classSquares = new Float32Array(classCount).fill(1e-4);
    this.#biasSquares = new Float32Array(classCount).fill(0.1);
    this.#activation = new Float32Array(hidden);
    this.#on = new Int32Array(hidden);
    this.#error = new Float32Array(hidden);
    this.#probability = new Float32Array(classCount);
  }

  learn(vector: Vector, wanted: number, rate: number): void {
    const kept = this.#thinOut(vector);
    const activity = this.#activate(kept);
    this.#classify();
    this.#learnOutput(wanted, rate, activity);
    this.#learnInput(kept, rate);
  }

  /** Copies the features that dropout spares; returns how many. */
  #thinOut({ ids, values }: Vector): number {
    if (this.#ids.length < ids.length + 3) {
      this.#ids = new Int32Array(ids.length + 3);
      this.#values = new Float32Array(ids.length + 3);
    }
    const { inputDropout } = this.#options;
    let kept = 0;
    for (let i = 0; i < ids.length; i++) {
      if (this.#random() < inputDropout) continue;
      this.#ids[kept] = ids[i]!;
      this.#values[kept++] = values[i]! / (1 - inputDropout);
    }
    return kept;
  }

  /** The hidden layer after rectifier and dropout: lists the units that are on and returns their mean square. */
  #activate(kept: number): number {
    const activation = this.#activation, on = this.#on, { input, inputBias, hidden } = this.weights;
    const { hiddenDropout } = this.#options;
    activation.set(inputBias);
    const ids = this.#ids, values = this.#values;
    ids.fill(0, kept, kept + 3);
    values.fill(0, kept, kept + 3);
    for (let i = 0; i < kept; i += 4) { // four rows at a time: twice as fast as one
      const a = ids[i]! * hidden, b = ids[i + 1]! * hidden, c = ids[i + 2]! * hidden, d = ids[i + 3]! * hidden;
      const va = values[i]!, vb = values[i + 1]!, vc = values[i + 2]!, vd = values[i + 3]!;
      for (let j = 0; j < hidden; j++) {
        activation[j]! += va * input[a + j]! + vb * input[b + j]! + vc * input[c + j]! + vd * input[d + j]!;
      }
    }
    let squares = 0;
    this.#onCount = 0;
    for (let j = 0; j < hidden; j++) {
      if (activation[j]! <= 0 || this.#random() < hiddenDropout) continue;
      activation[j]! /= 1 - hiddenDropout;
      squares += activation[j]! * activation[j]!;
      on[this.#onCount++] = j;
    }
    return squares / hidden;
  }

  #classify(): void {
    const activation = this.#activation, on = this.#on, probability = this.#probability;
    const { output, outputBias, hidden } = this.weights;
    let largest = -Infinity, total = 0;
    for (let k = 0; k < this.#classCount; k++) {
      const row = k * hidden;
      let sum = outputBias[k]!;
      for (let n = 0; n < this.#onCount; n++) sum += output[row + on[n]!]! * activation[on[n]!]!;
      probability[k] = sum;
      if (sum > largest) largest = sum;
    }
    for (let k = 0; k < this.#classCount; k++) total += probability[k] = Math.exp(probability[k]! - largest);
    for (let k = 0; k < this.#classCount; k++) probability[k]! /= total;
  }

  #learnOutput(wanted: number, rate: number, activity: number): void {
    const activation = this.#activation,
      on = this.#on,
      error = this.#error,
      { output, outputBias, hidden } = this.weights;
    error.fill(0);
    for (let k = 0; k < this.#classCount; k++) {
      const gradient = this.#probability[k]! - (k === wanted ? 1 : 0);
      if (Math.abs(gradient) < NEGLIGIBLE) continue;
      this.#classSquares[k]! += gradient * gradient * activity;
      this.#biasSquares[k]! += gradient * gradient;
      outputBias[k]! -= rate * gradient / Math.sqrt(this.#biasSquares[k]!);
      const step = rate * gradient / Math.sqrt(this.#classSquares[k]!), row = k * hidden;
      for (let n = 0; n < this.#onCount; n++) {
        const j = on[n]!, weight = output[row + j]!;
        error[j]! += gradient * weight;
        output[row + j] = weight - step * activation[j]!;
      }
    }
  }

  #learnInput(kept: number, rate: number): void {
    const error = this.#error, on = this.#on, onCount = this.#onCount, { input, inputBias, hidden } = this.weights;
    const { hiddenDropout } = this.#options;
    let squares = 0;
    for (let n = 0; n < onCount; n++) {
      const j = on[n]!, value = error[j]! / (1 - hiddenDropout);
      error[j] = value;
      squares += value * value;
      inputBias[j]! -= rate * 0.1 * value;
    }
    squares /= hidden;
    for (let i = 0; i < kept; i++) {
      const id = this.#ids[i]!, value = this.#values[i]!, row = id * hidden;
      this.#featureSquares[id]! += squares * value * value;
      const step = rate * value / Math.sqrt(this.#featureSquares[id]!);
      for (let n = 0; n < onCount; n++) input[row + on[n]!]! -= step * error[on[n]!]!;
    }
  }
}
