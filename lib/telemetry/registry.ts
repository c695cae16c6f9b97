/** Counters, gauges and histograms, in Prometheus' text format 0.0.4 and as JSON. */

/** Of what `Registry.render()` gives. */
export const METERS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Kind = "counter" | "gauge" | "histogram";
type Labels<Name extends string> = Readonly<Record<Name, string>>;
/** Meters without labels take none; the others take all of theirs. */
type Rest<Name extends string> = [Name] extends [never] ? [] : [labels: Labels<Name>];

/** A meter never throws while it measures: a number that makes no sense is left out. */
export interface Counter<Name extends string = never> {
  /** `amount` below 0 is left out. */
  add(amount: number, ...labels: Rest<Name>): void;
}

export interface Gauge<Name extends string = never> {
  set(value: number, ...labels: Rest<Name>): void;
}

export interface Histogram<Name extends string = never> {
  observe(value: number, ...labels: Rest<Name>): void;
}

export interface MeterOptions<Name extends string> {
  name: string;
  help: string;
  labels?: readonly Name[];
}

/** One line of values. `buckets` counts what is at most `le`, cumulative, without the last (+Inf), which is `count`. */
export interface Series {
  labels: Record<string, string>;
  value?: number;
  count?: number;
  sum?: number;
  buckets?: { le: number; count: number }[];
}

export type MetersJson = Record<string, { type: Kind; help: string; series: Series[] }>;

/** Each meter keeps this many series; a new combination of labels beyond is counted under "other". */
const SERIES_LIMIT = 200;

export class Registry {
  readonly #meters = new Map<string, Meter>();

  counter<Name extends string = never>(options: MeterOptions<Name>): Counter<Name> {
    const meter = this.#register("counter", options);
    return {
      add(amount, ...[labels]) {
        if (amount >= 0 && amount < Infinity) meter.series(labels).sum += amount;
      },
    };
  }

  gauge<Name extends string = never>(options: MeterOptions<Name>): Gauge<Name> {
    const meter = this.#register("gauge", options);
    return {
      set(value, ...[labels]) {
        if (Number.isFinite(value)) meter.series(labels).sum = value;
      },
    };
  }

  /** @throws {RangeError} if `buckets` (upper bounds) do not grow. */
  histogram<Name extends string = never>(
    options: MeterOptions<Name> & { buckets: readonly number[] },
  ): Histogram<Name> {
    const { buckets, name } = options;
    if (buckets.some((bound, index) => !(bound > (buckets[index - 1] ?? -Infinity)) || !Number.isFinite(bound))) {
      throw new RangeError(`the buckets of ${name} do not grow`);
    }
    const meter = this.#register("histogram", options, buckets);
    return {
      observe(value, ...[labels]) {
        if (!Number.isFinite(value)) return;
        const series = meter.series(labels);
        series.count++;
        series.sum += value;
        const bucket = buckets.findIndex((bound) => value <= bound);
        if (bucket >= 0) series.inBucket[bucket]!++;
      },
    };
  }

  /** All meters in the text format, in the order in which they were declared. */
  render(): string {
    return [...this.#meters.values()].map((meter) => meter.render()).join("");
  }

  toJSON(): MetersJson {
    return Object.fromEntries([...this.#meters.values()].map((meter) => [meter.name, meter.toJSON()]));
  }

  #register(kind: Kind, options: MeterOptions<string>, buckets: readonly number[] = []): Meter {
    const names = [options.name, ...options.labels ?? []];
    const odd = names.find((name) => !/^[a-z][a-z0-9_]*$/.test(name));
    if (odd !== undefined) throw new RangeError(`"${odd}" is no name for a meter or label`);
    if (this.#meters.has(options.name)) throw new RangeError(`${options.name} is declared twice`);
    const meter = new Meter(kind, options, buckets);
    this.#meters.set(options.name, meter);
    return meter;
  }
}

/** `sum` is the value of a counter or gauge. `inBucket` is not cumulative. */
interface Values {
  labels: Record<string, string>;
  count: number;
  sum: number;
  inBucket: number[];
}

class Meter {
  readonly name: string;
  readonly #kind: Kind;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, Values>();

  constructor(kind: Kind, { name, help, labels = [] }: MeterOptions<string>, buckets: readonly number[]) {
    this.name = name;
    this.#kind = kind;
    this.#help = help;
    this.#labels = labels;
    this.#buckets = buckets;
    if (labels.length === 0) this.series(undefined); // shown as 0 from the start
  }

  series(labels: Labels<string> | undefined): Values {
    let values = this.#labels.map((name) => labels?.[name] ?? "");
    let key = JSON.stringify(values);
    if (this.#series.size >= SERIES_LIMIT && !this.#series.has(key)) {
      values = values.map(() => "other");
      key = JSON.stringify(values);
    }
    let series = this.#series.get(key);
    if (!series) {
      const named = Object.fromEntries(this.#labels.map((name, index) => [name, values[index]!]));
      series = { labels: named, count: 0, sum: 0, inBucket: this.#buckets.map(() => 0) };
      this.#series.set(key, series);
    }
    return series;
  }

  render(): string {
    const head = [`# HELP ${this.name} ${escapeHelp(this.#help)}`, `# TYPE ${this.name} ${this.#kind}`];
    return [...head, ...this.#lines(), ""].join("\n");
  }

  *#lines(): Generator<string> {
    for (const { labels, value, count, sum, buckets } of this.toJSON().series) {
      if (value !== undefined) yield `${this.name}${braces(labels)} ${value}`;
      if (!buckets) continue;
      for (const bucket of buckets) {
        yield `${this.name}_bucket${braces({ ...labels, le: String(bucket.le) })} ${bucket.count}`;
      }
      yield `${this.name}_bucket${braces({ ...labels, le: "+Inf" })} ${count}`;
      yield `${this.name}_sum${braces(labels)} ${sum}`;
      yield `${this.name}_count${braces(labels)} ${count}`;
    }
  }

  toJSON(): MetersJson[string] {
    const series = [...this.#series.values()].map((values): Series => {
      const { labels, count, sum } = values;
      return this.#kind === "histogram"
        ? { labels, count, sum, buckets: this.#cumulative(values) }
        : { labels, value: sum };
    });
    return { type: this.#kind, help: this.#help, series };
  }

  #cumulative({ inBucket }: Values): { le: number; count: number }[] {
    let count = 0;
    return this.#buckets.map((le, index) => ({ le, count: count += inBucket[index]! }));
  }
}

function braces(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
