/** One run with the C program that plays phones and the Voice Agent: for more calls than phones in TypeScript can be. */

import { Child, type Message } from "./child.ts";
import { residentKib } from "./machine.ts";
import type { Cores } from "./options.ts";
import { fromLoadgen, type LoadgenResult, type Sample } from "./sample.ts";
import { spent, type Started, usage, wait } from "./started.ts";

export interface LoadgenPlan {
  program: string;
  server: Started;
  name: Sample["server"];
  /** Where it waits as the Voice Agent. */
  agentPort: number;
  calls: number;
  /** How long all are up before it is measured, and how long that takes, s. */
  warm: number;
  seconds: number;
  cores: Cores | undefined;
  progress: (what: string) => void;
}

const RAMP_PER_S = 150;
/** A reply every so often, and how much of that time it sounds. */
const PERIOD_S = 5;
const SOUNDS = 0.9;
/** The caller says the same each time, and the fourth time ends a call as that of two machines: a run has room for three, and some more. */
const REPLIES = 3;
const ROOM = 3.6;
/** The first frames of a reply have this long to come. */
const FIRST_FRAMES_S = 0.2;
const SPARE_MS = 20_000;

/**
 * How long a reply sounds, and from one to the next, s. The generator counts an interruption with the next reply, so the third
 * of a run that is long begins just before its end.
 */
export function paceOf({ calls, warm, seconds }: Pick<LoadgenPlan, "calls" | "warm" | "seconds">) {
  const wholeS = calls / RAMP_PER_S + warm + seconds;
  const period = Math.max(PERIOD_S, wholeS / ROOM, (warm + seconds) / REPLIES - FIRST_FRAMES_S);
  return { burst: SOUNDS * period, period };
}

/** Call a server that runs, and count. @throws {Error} if generator or server end early. */
export async function loadgenRun(plan: LoadgenPlan): Promise<Sample> {
  const { program, server, name, agentPort, calls, warm, seconds, cores, progress } = plan;
  const options = {
    n: calls,
    sport: server.port,
    dport: agentPort,
    warm,
    dur: seconds,
    ramp: RAMP_PER_S,
    ...paceOf(plan),
  };
  await using generator = new Child({
    name: "load generator",
    command: [program, ...Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)])],
    core: cores?.rest,
    understand,
  });
  progress(`${name} x ${calls}: calls ring`);
  await generator.next("start", (warm + calls / RAMP_PER_S) * 1000 + SPARE_MS);
  const others = [generator.pid, Deno.pid];
  const before = usage(server.child.pid, others);
  for (let left = seconds; left > 0; left--) {
    progress(`${name} x ${calls}: ${left} s left`);
    await Promise.race([wait(1000), server.child.ended]);
    if (server.child.exited) throw new Error(`The ${server.child.name} ended.\n${server.child.lastLines}`);
  }
  await generator.next("end", SPARE_MS);
  const after = usage(server.child.pid, others);
  const resident = residentKib(server.child.pid) ?? null;
  const result = await generator.next("result", SPARE_MS);
  return {
    ...fromLoadgen(result.found as LoadgenResult),
    ...spent(before, after, { calls, seconds }),
    server: name,
    residentKib: resident,
  };
}

function understand(line: string): Message | undefined {
  if (line === "MEASURE_START") return { kind: "start" };
  if (line === "MEASURE_END") return { kind: "end" };
  return line.startsWith("{") ? { kind: "result", found: JSON.parse(line) } : undefined;
}
