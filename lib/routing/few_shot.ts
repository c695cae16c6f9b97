/**
 * `routes eval --few-shot`: the router as users have it, with few examples. Each seeded draw makes 3 intents with 5 training
 * utterances each the routes; every other utterance of the data set is out of scope. Counter-examples are the shipped
 * background only. The threshold comes from the validation splits, the figures from the test splits.
 */
import { type IntentData, type Labelled, readIntentData, routesOf } from "./eval.ts";
import { quantile, type Scored, share, thresholdAtWrongRate } from "./metrics.ts";
import { type RouteExamples, type Router, trainRouter } from "./router.ts";

export interface FewShotOptions {
  file: string;
  json?: boolean;
  print: (line: string) => void;
}

const DRAWS = 200;
const SEED = 1;
const ROUTES = 3;
const UTTERANCES = 5;
/** Wrong answers allowed, as a share of all utterances. */
const WRONG_RATE = 0.005;

/** Mean recall (in-scope utterances answered rightly) over the draws, and the share of all utterances answered wrongly. */
export interface FewShotPoint {
  recall: number;
  wrong: number;
}

export interface FewShotReport {
  schema: 1;
  draws: number;
  /** With one threshold for all draws, chosen on the validation utterances of all. */
  common: FewShotPoint & { threshold: number };
  /** With each draw's own threshold, chosen on the validation utterances. */
  own: FewShotPoint;
  /** With the router's default threshold. */
  byDefault: FewShotPoint;
  trainMs: { p50: number; max: number };
}

interface Draw {
  val: Scored[];
  test: Scored[];
  answeredByDefault: boolean[];
}

/** Run the protocol. @throws Error naming the file, if it cannot be read. */
export async function runFewShot({ file, json = false, print }: FewShotOptions): Promise<FewShotReport> {
  const data = await readIntentData(file);
  const random = seeded(SEED), trainMs: number[] = [], all: Draw[] = [];
  for (let n = 0; n < DRAWS; n++) {
    const routes = drawRoutes(data, random);
    const startedMs = performance.now();
    const router = await trainRouter(routes);
    trainMs.push(performance.now() - startedMs);
    all.push(drawScores(router, routes, data));
  }
  const report = summarise(all, trainMs);
  print(json ? JSON.stringify(report) : describe(report));
  return report;
}

function drawRoutes(data: IntentData, random: () => number): RouteExamples[] {
  return pick(routesOf(data.train), ROUTES, random).map((route) => ({
    ...route,
    utterances: pick(route.utterances, UTTERANCES, random),
  }));
}

function drawScores(router: Router, routes: readonly RouteExamples[], data: IntentData): Draw {
  const names = new Set(routes.map(({ name }) => name));
  const scoredBy = (labelled: readonly Labelled[]) =>
    labelled.map(([text, intent]) => ({ decision: router.decide(text), intent }));
  const plain = ({ decision, intent }: ReturnType<typeof scoredBy>[number]): Scored => ({
    score: decision.score,
    right: decision.ranked[0]?.name === intent,
    inScope: names.has(intent),
  });
  const test = scoredBy([...data.test, ...data.oosTest]);
  return {
    val: scoredBy([...data.val, ...data.oosVal]).map(plain),
    test: test.map(plain),
    answeredByDefault: test.map(({ decision }) => decision.route !== undefined),
  };
}

function summarise(all: readonly Draw[], trainMs: readonly number[]): FewShotReport {
  const common = thresholdAtWrongRate(all.flatMap(({ val }) => val), WRONG_RATE);
  const own = new Map(all.map((draw) => [draw, thresholdAtWrongRate(draw.val, WRONG_RATE)]));
  return {
    schema: 1,
    draws: all.length,
    common: { threshold: common, ...mean(all, ({ test }) => test.map(({ score }) => score >= common)) },
    own: mean(all, (draw) => draw.test.map(({ score }) => score >= own.get(draw)!)),
    byDefault: mean(all, ({ answeredByDefault }) => answeredByDefault),
    trainMs: { p50: quantile(trainMs, 0.5), max: Math.max(...trainMs) },
  };
}

function mean(all: readonly Draw[], answered: (draw: Draw) => boolean[]): FewShotPoint {
  let recall = 0, wrong = 0;
  for (const draw of all) {
    const answers = answered(draw);
    const outcomes = draw.test.map(({ right, inScope }, at) => ({ answered: answers[at]!, right, inScope }));
    recall += share(outcomes.filter(({ inScope }) => inScope), ({ answered, right }) => answered && right) / all.length;
    wrong += share(outcomes, ({ answered, right }) => answered && !right) / all.length;
  }
  return { recall, wrong };
}

function pick<T>(from: readonly T[], count: number, random: () => number): T[] {
  const rest = [...from];
  return Array.from(
    { length: Math.min(count, from.length) },
    () => rest.splice(Math.floor(random() * rest.length), 1)[0]!,
  );
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296;
}

function describe({ draws, common, own, byDefault, trainMs }: FewShotReport): string {
  const point = ({ recall, wrong }: FewShotPoint) =>
    `mean recall ${(100 * recall).toFixed(1)} %, wrong answers ${(100 * wrong).toFixed(2)} %`;
  return [
    `${draws} draws, at most ${100 * WRONG_RATE} % wrong answers on validation; on test:`,
    `one threshold for all (${common.threshold.toFixed(3)}): ${point(common)}`,
    `a threshold for each set of routes: ${point(own)}`,
    `the shipped thresholds: ${point(byDefault)}`,
    `training: p50 ${trainMs.p50.toFixed(0)} ms, max ${trainMs.max.toFixed(0)} ms`,
  ].join("\n");
}
