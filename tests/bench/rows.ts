/** The rows of the table of speed: what each needs to be run, and what it says of what was gathered. Pure. */

import { GENERATOR_P99_MS } from "./capacity.ts";
import { median } from "./report.ts";
import type { Sample } from "./sample.ts";

/** Something to run once in each round. */
export type Step = "100" | "200" | "300" | "400" | "capacity" | "pipeline" | "one-core" | "startup" | "delay";

/** Why a sample was taken: calls for calls' sake, or for one of the special rows. */
export type Purpose = "load" | "pipeline" | "pipeline-agent" | "one-core" | "delay";

export interface Gathered {
  samples: (Sample & { round: number; purpose: Purpose })[];
  capacities: { server: Sample["server"]; round: number; calls: number }[];
  starts: { startMs: number; idleRssKib: number }[];
}

/** One line of the table. Values are those of the rounds. */
export interface Line {
  row: string;
  title: string;
  unit: string;
  digits: number;
  ours: number[];
  peer: number[];
  firm?: number;
  aim?: number;
  /** What is asked for is a least, not a most. */
  more?: boolean;
  /** What stands for the rounds, where it is not their median. */
  value?: number;
}

interface Row {
  name: string;
  title: string;
  needs: readonly Step[];
  lines: (gathered: Gathered) => Omit<Line, "row">[];
}

type Of = (sample: Sample) => number | null;

const cpu: Of = ({ cpuMsPerCallSecond }) => cpuMsPerCallSecond;
/** Of what was measured at all. */
const quantile = (name: "uplinkMs" | "jitterMs" | "firstFrameMs" | "clearMs", which: "p50" | "p99"): Of => (sample) =>
  sample[name].n > 0 ? sample[name][which] : null;
/** Nothing is wrong with what nobody heard. */
const ifHeard = (what: Of): Of => (sample) => sample.uplinkMs.n > 0 ? what(sample) : null;
const KIB_PER_MIB = 1024;
/** What the network itself adds in the row with delay: 20 ms from phone to server and 20 ms on to the vendor. */
export const DELAY_ONE_WAY_MS = 20;

/** Every row of the table of speed. */
export const ROWS: readonly Row[] = [
  cpuRow(100),
  cpuRow(300),
  {
    name: "capacity",
    title: "calls on one core",
    needs: ["capacity"],
    lines: ({ capacities }) => {
      const of = (server: Sample["server"]) =>
        capacities.filter((found) => found.server === server).map(({ calls }) => calls);
      return [{
        title: "calls on one core (peer: its pacing not counted)",
        unit: "calls",
        digits: 0,
        ours: of("offhook"),
        peer: of("peer"),
        firm: 350,
        aim: 600,
        more: true,
      }];
    },
  },
  {
    name: "latency",
    title: "added uplink latency at 100 calls",
    needs: ["100"],
    lines: (gathered) => [
      {
        ...at(gathered, 100, quantile("uplinkMs", "p50")),
        title: "uplink added, 100 calls, p50",
        firm: 0.2,
        aim: 0.1,
      },
      { ...at(gathered, 100, quantile("uplinkMs", "p99")), title: "uplink added, 100 calls, p99", firm: 5, aim: 2 },
    ],
  },
  {
    name: "pacing",
    title: "pacing jitter at 300 calls",
    needs: ["300"],
    lines: (gathered) => [
      {
        ...at(gathered, 300, quantile("jitterMs", "p50")),
        title: "pacing jitter, 300 calls, p50",
        firm: 0.7,
        aim: 0.5,
      },
      { ...at(gathered, 300, quantile("jitterMs", "p99")), title: "pacing jitter, 300 calls, p99", firm: 8, aim: 2 },
    ],
  },
  {
    name: "first-frame",
    title: "first frame of a reply at 100 calls",
    needs: ["100"],
    lines: (gathered) => [
      { ...at(gathered, 100, quantile("firstFrameMs", "p50")), title: "first frame, 100 calls, p50" },
      { ...at(gathered, 100, quantile("firstFrameMs", "p99")), title: "first frame, 100 calls, p99" },
    ],
  },
  {
    name: "clear",
    title: "clear after UserStartedSpeaking at 300 calls",
    needs: ["300"],
    lines: (gathered) => [
      {
        ...at(gathered, 300, quantile("clearMs", "p99")),
        title: "clear, 300 calls, p99",
        firm: 8,
        aim: 2,
      },
      {
        ...at(gathered, 300, ifHeard(({ stale }) => stale)),
        title: "stale frames, 300 calls",
        unit: "",
        digits: 0,
        firm: 0,
        aim: 0,
      },
    ],
  },
  {
    name: "memory",
    title: "resident memory per further call, 200 to 400",
    needs: ["200", "400"],
    lines: (gathered) => [{
      ...paired(gathered, (server, round) => {
        const [few, many] = [200, 400].map((calls) => one(gathered, server, calls, round)?.residentKib);
        return few && many ? (many - few) / 200 : null;
      }),
      title: "memory per further call, 200 to 400",
      unit: "KiB",
      digits: 0,
      firm: 120,
      aim: 65,
    }],
  },
  {
    name: "startup",
    title: "start to first /health 200, executable; idle resident memory",
    needs: ["startup"],
    lines: ({ starts }) => [
      {
        title: "start to /health, executable",
        unit: "ms",
        digits: 0,
        ours: starts.map(({ startMs }) => startMs),
        peer: [],
        firm: 80,
        aim: 40,
      },
      {
        title: "idle memory, executable",
        unit: "MiB",
        digits: 0,
        ours: starts.map(({ idleRssKib }) => idleRssKib / KIB_PER_MIB),
        peer: [],
        firm: 80,
        aim: 60,
      },
    ],
  },
  {
    name: "pipeline",
    title: "pipeline engine against the agent engine",
    needs: ["pipeline"],
    lines: ({ samples }) => {
      const of = (purpose: Purpose, what: Of) => present(samples.filter((each) => each.purpose === purpose).map(what));
      const ratio = present(
        samples.filter(({ purpose }) => purpose === "pipeline").map((pipeline) => {
          const agent = samples.find((each) => each.purpose === "pipeline-agent" && each.round === pipeline.round);
          return agent ? over(cpu(pipeline), cpu(agent)) : null;
        }),
      );
      const bare = { peer: [], digits: 2 };
      return [
        { ...bare, title: "pipeline's CPU against the agent's", unit: "x", ours: ratio, firm: 1.8, aim: 1.4 },
        { ...bare, title: "  pipeline, CPU per call-second", unit: "ms", ours: of("pipeline", cpu) },
        { ...bare, title: "  agent, CPU per call-second", unit: "ms", ours: of("pipeline-agent", cpu) },
        { ...bare, title: "  pipeline, part of the time in speech", unit: "", ours: of("pipeline", speech) },
        { ...bare, title: "  agent, part of the time in speech", unit: "", ours: of("pipeline-agent", speech) },
      ];
    },
  },
  {
    name: "scaling",
    title: "CPU per call at 400 against 100",
    needs: ["100", "400"],
    lines: (gathered) => [{
      ...paired(gathered, (server, round) => {
        const [few, many] = [100, 400].map((calls) => one(gathered, server, calls, round));
        return few && many ? over(cpu(many), cpu(few)) : null;
      }),
      title: "CPU per call, 400 against 100",
      unit: "x",
      digits: 2,
      firm: 1.1,
      aim: 0.8,
    }],
  },
  {
    name: "one-core",
    title: "one shared core for everything incl. TLS, 50 calls",
    needs: ["one-core"],
    lines: ({ samples }) => {
      const of = (what: Of) => present(samples.filter(({ purpose }) => purpose === "one-core").map(what));
      const uplink = of(quantile("uplinkMs", "p99"));
      const underruns = of(ifHeard(({ underruns }) => underruns));
      return [
        {
          title: "one core, TLS, 50 calls, uplink p99",
          unit: "ms",
          digits: 2,
          ours: uplink,
          peer: [],
          firm: 10,
          aim: 5,
        },
        { title: "  under-runs", unit: "", digits: 0, ours: underruns, peer: [], firm: 0, aim: 0 },
      ];
    },
  },
  {
    name: "delay",
    title: "40 ms of network delay there and back, 50 calls",
    needs: ["delay"],
    lines: ({ samples }) => {
      const of = (what: Of) => present(samples.filter(({ purpose }) => purpose === "delay").map(what));
      const added = of(({ uplinkMs }) => uplinkMs.n > 0 ? uplinkMs.p99 - 2 * DELAY_ONE_WAY_MS : null);
      const underruns = of(ifHeard(({ underruns }) => underruns));
      return [
        { title: "with 40 ms of delay, 50 calls, uplink added p99", unit: "ms", digits: 2, ours: added, peer: [] },
        { title: "  under-runs", unit: "", digits: 0, ours: underruns, peer: [] },
      ];
    },
  },
];

/** The lines of these rows that anything is known of. */
export function linesOf(names: readonly string[], gathered: Gathered): Line[] {
  return ROWS.filter(({ name }) => names.includes(name)).flatMap(({ name, lines }) =>
    lines(gathered).map((line) => ({ ...line, row: name })).filter(({ ours, peer }) => ours.length + peer.length > 0)
  );
}

/** What has to be run for these rows, in this order. */
export function stepsOf(names: readonly string[]): Step[] {
  const order: Step[] = ["100", "200", "300", "400", "pipeline", "one-core", "delay", "startup", "capacity"];
  const needed = new Set(ROWS.filter(({ name }) => names.includes(name)).flatMap(({ needs }) => needs));
  return order.filter((step) => needed.has(step));
}

/** Cores that others may use before a run's times are doubted. */
const OTHERS_CORES = 0.2;

/** What speaks against the figures as a whole; a sentence each. */
export function doubts({ samples }: Gathered): string[] {
  const disturbed = samples.filter(({ othersCores }) => (othersCores ?? 0) > OTHERS_CORES);
  const broken = samples.filter(({ server, lost, uplinkMs }) => server === "offhook" && (lost > 0 || uplinkMs.n === 0));
  const late = samples.filter(({ generatorLagMs }) => generatorLagMs.p99 > GENERATOR_P99_MS);
  const most = Math.max(0, ...disturbed.map(({ othersCores }) => othersCores ?? 0));
  const latest = Math.max(0, ...late.map(({ generatorLagMs }) => generatorLagMs.p99));
  return [
    ...(disturbed.length > 0
      ? [
        `In ${disturbed.length} of ${samples.length} runs others used up to ${
          most.toFixed(1)
        } cores: times mean little.`,
      ]
      : []),
    ...(broken.length > 0 ? [`In ${broken.length} of ${samples.length} runs frames or calls of ours were lost.`] : []),
    ...(late.length > 0
      ? [
        `In ${late.length} of ${samples.length} runs the phones were late themselves, p99 up to ${
          latest.toFixed(0)
        } ms.`,
      ]
      : []),
  ];
}

/** What stands for the rounds. */
export function valueOf({ value, ours }: Pick<Line, "value" | "ours">): number | null {
  return value ?? median(ours);
}

/** Whether what was asked for is met. */
export function judged({ firm, aim, more = false, ...line }: Line): "aim" | "firm" | "missed" | "" {
  const value = valueOf(line);
  if (value === null || firm === undefined || aim === undefined) return "";
  const meets = (limit: number) => more ? value >= limit : value <= limit;
  return meets(aim) ? "aim" : meets(firm) ? "firm" : "missed";
}

function cpuRow(calls: 100 | 300): Row {
  return {
    name: `cpu${calls}`,
    title: `CPU per call-second at ${calls} calls, against the peer`,
    needs: [`${calls}`],
    lines: (gathered) => {
      const each = { ...at(gathered, calls, cpu), title: `CPU per call-second, ${calls} calls`, digits: 3 };
      const rounds = [...new Set(gathered.samples.map(({ round }) => round))];
      const ratios = present(rounds.map((round) => {
        const [mine, theirs] = (["offhook", "peer"] as const).map((server) => one(gathered, server, calls, round));
        return mine && theirs ? over(cpu(mine), cpu(theirs)) : null;
      }));
      const ofMedians = over(median(each.ours), median(each.peer));
      const limits = { unit: "x", digits: 2, peer: [], firm: 1.15, aim: 0.9 };
      return [
        each,
        {
          ...limits,
          title: "  against the peer, of medians",
          ours: ratios,
          ...(ofMedians === null ? {} : { value: ofMedians }),
        },
        { ...limits, title: "  against the peer, median of pairs", ours: ratios },
      ];
    },
  };
}

/** A figure of ours and of the peer's with so many calls. */
function at({ samples }: Gathered, calls: number, what: Of) {
  const of = (server: Sample["server"]) =>
    present(
      samples.filter((each) => each.purpose === "load" && each.calls === calls && each.server === server).map(what),
    );
  return { unit: "ms", digits: 2, ours: of("offhook"), peer: of("peer") };
}

/** A figure made of several samples of one round. */
function paired({ samples }: Gathered, what: (server: Sample["server"], round: number) => number | null) {
  const rounds = [...new Set(samples.map(({ round }) => round))];
  const of = (server: Sample["server"]) => present(rounds.map((round) => what(server, round)));
  return { ours: of("offhook"), peer: of("peer") };
}

function one({ samples }: Gathered, server: Sample["server"], calls: number, round: number): Sample | undefined {
  return samples.find((each) =>
    each.purpose === "load" && each.server === server && each.calls === calls && each.round === round
  );
}

function speech({ speechShare }: Sample): number {
  return speechShare;
}

function over(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b;
}

function present(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}
