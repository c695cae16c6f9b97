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
/** A reply every so often. The caller says the same each time, and the fourth time ends a call as that of two machines. */
const PERIOD_S = 5;
const REPLY_S = 4.5;
/** A run that takes longer gets longer replies, and the same share of silence. */
const ROOM_S = 18;
const SPARE_MS = 20_000;

/** Call a server that runs, and count. @throws {Error} if generator or server end early. */
export async function loadgenRun(plan: LoadgenPlan): Promise<Sample> {
  const { program, server, name, agentPort, calls, warm, seconds, cores, progress } = plan;
  const stretch = Math.ceil((calls / RAMP_PER_S + warm + seconds) / ROOM_S);
  const options = {
    n: calls,
    sport: server.port,
    dport: agentPort,
    warm,
    dur: seconds,
    ramp: RAMP_PER_S,
    burst: REPLY_S * stretch,
    period: PERIOD_S * stretch,
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
