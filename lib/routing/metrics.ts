/** How good a router with rejection is: figures over scored utterances. Pure. */

/** One scored utterance. */
export interface Scored {
  score: number;
  /** Whether the best-scored route is the right one; false for what is out of scope. */
  right: boolean;
  /** Whether some route is right. */
  inScope: boolean;
}

export interface OperatingPoint {
  threshold: number;
  /** Share of in-scope utterances that are answered, and rightly: a rejected one is an error. */
  inScopeAccuracy: number;
  /** Share of out-of-scope utterances that are rejected. */
  oosRecall: number;
}

/** What happens when scores of at least `threshold` are answered. */
export function operatingPoint(scored: readonly Scored[], threshold: number): OperatingPoint {
  const inside = scored.filter(({ inScope }) => inScope), outside = scored.filter(({ inScope }) => !inScope);
  return {
    threshold,
    inScopeAccuracy: share(inside, ({ right, score }) => right && score >= threshold),
    oosRecall: share(outside, ({ score }) => score < threshold),
  };
}

/** The point with the lowest threshold that rejects at least `recall` of what is out of scope. */
export function pointAtRecall(scored: readonly Scored[], recall: number): OperatingPoint {
  const outside = scored.filter(({ inScope }) => !inScope).map(({ score }) => score).sort((a, b) => a - b);
  const highest = outside[Math.ceil(recall * outside.length) - 1];
  return operatingPoint(scored, highest === undefined ? 0 : justAbove(highest));
}

/** The threshold with the best mean of in-scope accuracy and out-of-scope recall. */
export function balancedThreshold(scored: readonly Scored[]): number {
  const sorted = [...scored].sort((a, b) => b.score - a.score);
  const inside = scored.filter(({ inScope }) => inScope).length || 1, outside = scored.length - inside || 1;
  let rightAnswers = 0, wrongAnswers = 0, best = -1, threshold = 1;
  sorted.forEach(({ score, right, inScope }, at) => {
    if (right) rightAnswers++;
    if (!inScope) wrongAnswers++;
    const value = rightAnswers / inside - wrongAnswers / outside, next = sorted[at + 1]?.score ?? 0;
    if (next === score || value <= best) return;
    best = value;
    threshold = (score + next) / 2;
  });
  return threshold;
}

/** The lowest threshold at which at most `rate` of all utterances get a wrong answer. */
export function thresholdAtWrongRate(scored: readonly Scored[], rate: number): number {
  const wrong = scored.filter(({ right }) => !right).map(({ score }) => score).sort((a, b) => b - a);
  const refused = wrong[Math.floor(rate * scored.length)];
  return refused === undefined ? 0 : justAbove(refused);
}

/** The area under the receiver operating characteristic: how often an in-scope utterance scores above one out of scope. */
export function areaUnderRoc(scored: readonly Scored[]): number {
  const outside = scored.filter(({ inScope }) => !inScope).map(({ score }) => score).sort((a, b) => a - b);
  const inside = scored.filter(({ inScope }) => inScope);
  const below = (score: number, orEqual: boolean) => {
    let low = 0, high = outside.length;
    while (low < high) {
      const middle = (low + high) >> 1, value = outside[middle]!;
      if (value < score || (orEqual && value === score)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const wins = inside.reduce((sum, { score }) => sum + (below(score, false) + below(score, true)) / 2, 0);
  return wins / (inside.length * outside.length);
}

/** The value at `portion` (0 to 1) of the sorted `values`. */
export function quantile(values: readonly number[], portion: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(portion * sorted.length))] ?? 0;
}

export function share<T>(values: readonly T[], holds: (value: T) => boolean): number {
  return values.length === 0 ? 0 : values.filter(holds).length / values.length;
}

function justAbove(score: number): number {
  return score + 1e-9;
}
