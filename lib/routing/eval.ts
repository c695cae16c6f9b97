/** `routes eval`: trains the router on a public data set and prints how well it tells intents apart and what it rejects. */
import * as z from "zod";
import { messageOf } from "../base/result.ts";
import {
  areaUnderRoc,
  balancedThreshold,
  type OperatingPoint,
  operatingPoint,
  pointAtRecall,
  quantile,
  type Scored,
  share,
} from "./metrics.ts";
import { type RouteExamples, type Router, trainRouter } from "./router.ts";

/** An utterance and its intent. */
export type Labelled = readonly [text: string, intent: string];

/** A data set by splits; the `oos` splits hold what belongs to no intent. */
export interface IntentData {
  train: readonly Labelled[];
  oosTrain: readonly Labelled[];
  val: readonly Labelled[];
  oosVal: readonly Labelled[];
  test: readonly Labelled[];
  oosTest: readonly Labelled[];
}

export interface EvalOptions {
  /** A CLINC150 JSON file, or a CSV `text,category` (or its folder) with train.csv and test.csv. */
  file: string;
  /** The split the threshold is chosen on; "val" is the only honest one. */
  thresholdOn?: string;
  json?: boolean;
  print: (line: string) => void;
}

export interface EvalReport {
  schema: 1;
  file: string;
  intents: number;
  examples: number;
  trainSeconds: number;
  modelBytes: number;
  queryMs: { p50: number; p99: number; max: number };
  /** Best intent right, nothing rejected. */
  accuracy: number;
  /** At the threshold chosen on the validation split; null where the data has none. */
  chosen: (OperatingPoint & { on: string }) | null;
  auroc: number | null;
  curve: readonly OperatingPoint[];
}

const CURVE = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

const Split = z.array(z.tuple([z.string(), z.string()])).default([]);
const ClincFile = z.object({
  train: Split,
  oos_train: Split,
  val: Split,
  oos_val: Split,
  test: Split,
  oos_test: Split,
});

/** Run the evaluation. @throws Error naming the file, if it cannot be read or holds no training or test data. */
export async function runEval({ file, thresholdOn = "val", json = false, print }: EvalOptions): Promise<EvalReport> {
  if (thresholdOn !== "val") {
    throw new Error(`Cannot choose the threshold on "${thresholdOn}": only "val" is separate from training and test`);
  }
  const data = await readIntentData(file);
  if (data.train.length === 0 || data.test.length === 0) {
    throw new Error(`${file} holds no training or no test utterances`);
  }
  const routes = routesOf(data.train);
  const startedMs = performance.now();
  const router = await trainRouter(routes, { background: false, outOfScope: data.oosTrain.map(([text]) => text) });
  const trainSeconds = (performance.now() - startedMs) / 1000;
  const report: EvalReport = {
    schema: 1,
    file,
    intents: routes.length,
    examples: data.train.length,
    trainSeconds,
    ...measure(router, data),
  };
  print(json ? JSON.stringify(report) : describe(report));
  return report;
}

function measure(
  router: Router,
  data: IntentData,
): Omit<EvalReport, "schema" | "file" | "intents" | "examples" | "trainSeconds"> {
  score(router, data.train.slice(0, 500)); // a server decides with warm code
  const timesMs: number[] = [];
  const scored = score(router, [...data.test, ...data.oosTest], timesMs);
  const separate = score(router, [...data.val, ...data.oosVal]);
  const rejects = data.oosTest.length > 0;
  return {
    modelBytes: router.bytes,
    queryMs: { p50: quantile(timesMs, 0.5), p99: quantile(timesMs, 0.99), max: Math.max(...timesMs) },
    accuracy: share(scored.filter(({ inScope }) => inScope), ({ right }) => right),
    chosen: rejects && data.oosVal.length > 0
      ? { ...operatingPoint(scored, balancedThreshold(separate)), on: "val" }
      : null,
    auroc: rejects ? areaUnderRoc(scored) : null,
    curve: rejects ? CURVE.map((recall) => pointAtRecall(scored, recall)) : [],
  };
}

/** The utterances scored by their best route; `timesMs` gathers how long each took. */
export function score(router: Router, labelled: readonly Labelled[], timesMs: number[] = []): Scored[] {
  return labelled.map(([text, intent]) => {
    const startedMs = performance.now();
    const { ranked, score } = router.decide(text);
    timesMs.push(performance.now() - startedMs);
    return { score, right: ranked[0]?.name === intent, inScope: intent !== OUT_OF_SCOPE };
  });
}

const OUT_OF_SCOPE = "oos";

/** One route for each intent, matched as a whole. */
export function routesOf(labelled: readonly Labelled[]): RouteExamples[] {
  const byIntent = new Map<string, string[]>();
  for (const [text, intent] of labelled) byIntent.set(intent, [...(byIntent.get(intent) ?? []), text]);
  return [...byIntent].map(([name, utterances]) => ({ name, utterances, match: "whole" }));
}

/** Read CLINC150's JSON, or Banking77's pair of CSV files. @throws Error naming the file that is missing or not understood. */
export async function readIntentData(file: string): Promise<IntentData> {
  if (!file.endsWith(".json")) return await readCsvPair(file);
  const parsed = ClincFile.safeParse(JSON.parse(await read(file)));
  if (!parsed.success) throw new Error(`${file} is not of CLINC150's form: ${z.prettifyError(parsed.error)}`);
  const { train, oos_train, val, oos_val, test, oos_test } = parsed.data;
  return { train, oosTrain: oos_train, val, oosVal: oos_val, test, oosTest: oos_test };
}

async function readCsvPair(file: string): Promise<IntentData> {
  const folder = file.endsWith(".csv") ? file.replace(/[^/\\]*$/, "") : `${file.replace(/[/\\]$/, "")}/`;
  const train = parseCsv(await read(file.endsWith(".csv") ? file : `${folder}train.csv`));
  return { train, test: parseCsv(await read(`${folder}test.csv`)), oosTrain: [], val: [], oosVal: [], oosTest: [] };
}

async function read(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new Error(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Rows of `text,category` after a heading; fields may be quoted, with "" for a quote and line breaks inside. */
export function parseCsv(text: string): Labelled[] {
  const fields = text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g);
  const rows: string[][] = [[]];
  for (const [whole, quoted, plain, end] of fields) {
    if (whole === "") break;
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end !== ",") rows.push([]);
  }
  return rows.slice(1).filter((row) => row.length === 2).map(([said, intent]): Labelled => [said!.trim(), intent!]);
}

function describe(
  { intents, examples, trainSeconds, modelBytes, queryMs, accuracy, chosen, auroc, curve }: EvalReport,
): string {
  const percent = (portion: number) => `${(100 * portion).toFixed(2)} %`;
  const point = ({ oosRecall, inScopeAccuracy, threshold }: OperatingPoint) =>
    `out-of-scope recall ${percent(oosRecall)}, in-scope accuracy ${percent(inScopeAccuracy)} (threshold ${
      threshold.toFixed(4)
    })`;
  return [
    `${intents} intents, ${examples} examples, trained in ${trainSeconds.toFixed(1)} s, model ${
      (modelBytes / 1e6).toFixed(1)
    } MB`,
    `query: p50 ${queryMs.p50.toFixed(3)} ms, p99 ${queryMs.p99.toFixed(3)} ms, max ${queryMs.max.toFixed(3)} ms`,
    `accuracy without rejection: ${percent(accuracy)}`,
    ...(auroc === null ? [] : [`AUROC: ${auroc.toFixed(4)}`]),
    ...(chosen ? [`threshold chosen on ${chosen.on}: ${point(chosen)}`] : []),
    ...(curve.length > 0 ? ["test curve:", ...curve.map((at) => `  ${point(at)}`)] : []),
  ].join("\n");
}
