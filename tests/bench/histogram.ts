/** Durations in 930 buckets, each 2 % wider than the one before: any number of samples in little memory, ends within 1 %. Pure. */

const LEAST_MS = 0.001;
const STEP = Math.log(1.02);
const BUCKETS = 931;

/** What is told of many durations, ms. `n` 0: nothing was measured and the rest is 0. */
export interface Spread {
  n: number;
  p50: number;
  p99: number;
  max: number;
}

export class Histogram {
  readonly counts: number[];
  n = 0;
  max = 0;

  /** `counts`, `max`: those of a histogram of another process. */
  constructor({ counts, max }: { counts?: number[]; max?: number } = {}) {
    this.counts = counts ?? Array<number>(BUCKETS).fill(0);
    this.n = this.counts.reduce((sum, count) => sum + count, 0);
    this.max = max ?? 0;
  }

  add(ms: number): void {
    const bucket = ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log(ms / LEAST_MS) / STEP));
    this.counts[bucket]!++;
    this.n++;
    if (ms > this.max) this.max = ms;
  }

  /** The least duration that `part` (0 to 1) of all do not exceed, ms. */
  quantile(part: number): number {
    let left = Math.ceil(this.n * part);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.counts[bucket]!;
      if (left <= 0 && this.n > 0) return Math.min(this.max, LEAST_MS * Math.exp(STEP * (bucket + 0.5)));
    }
    return 0;
  }

  get spread(): Spread {
    return { n: this.n, p50: this.quantile(0.5), p99: this.quantile(0.99), max: this.max };
  }
}
