/** A server under test as a child: started, healthy, quiet; and what it costs. */

import type { Child } from "./child.ts";
import { cpuMs, machineCpuMs, mainThreadCpuMs } from "./machine.ts";
import type { Cores } from "./options.ts";
import { type Contender, freePort } from "./servers.ts";

export interface StartPlan {
  contender: Contender;
  /** Of the vendors: `ws://127.0.0.1:5001`. */
  vendors: string;
  /** Where prepared lines are spoken, if not by those. */
  speakUrl?: string;
  cores: Cores | undefined;
  folder: string;
  /** PEM file of the authority that signed the vendors' certificate. */
  authority?: string | undefined;
  progress: (what: string) => void;
}

export interface Started {
  child: Child;
  port: number;
  /** From the start of the process to its first `/health` 200, ms. */
  startMs: number;
}

const START_DEADLINE_MS = 20_000;
const QUIET_MS = 30;

/** Start it and wait until it answers and has nothing more to do; it ends with `owned`. @throws {Error} if it does not start. */
export async function startServer(plan: StartPlan, owned: AsyncDisposableStack): Promise<Started> {
  const { contender, vendors, speakUrl, cores, folder, authority, progress } = plan;
  const port = freePort();
  progress(`${contender.name} starts`);
  const startedMs = performance.now();
  const child = owned.use(contender.start({
    port,
    vendors,
    core: cores?.server,
    folder,
    ...(speakUrl ? { speakUrl } : {}),
    ...(authority ? { authority } : {}),
  }));
  await untilHealthy(child, port);
  const startMs = performance.now() - startedMs;
  await untilQuiet(child.pid);
  return { child, port, startMs };
}

async function untilHealthy(child: Child, port: number): Promise<void> {
  const untilMs = performance.now() + START_DEADLINE_MS;
  while (performance.now() < untilMs && !child.exited) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1000) });
      await response.body?.cancel();
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await wait(10);
  }
  throw new Error(`The ${child.name} did not answer /health.\n${child.lastLines}`);
}

/** What a server does in the background after its start, or when calls have ended, is not what a call costs. */
export async function untilQuiet(pid: number): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const before = cpuMs(pid);
    await wait(1000);
    if (before === undefined || cpuMs(pid)! - before <= QUIET_MS) return;
  }
}

/** CPU so far, ms: of the server, of its main thread, of the whole machine and of all that is ours; undefined where it is not told. */
export interface Usage {
  server: number | undefined;
  main: number | undefined;
  machine: number | undefined;
  ours: number;
}

/** `pid`: the server's. `others`: ours beside it. */
export function usage(pid: number | undefined, others: readonly number[]): Usage {
  const server = pid === undefined ? undefined : cpuMs(pid);
  return {
    server,
    main: pid === undefined ? undefined : mainThreadCpuMs(pid),
    machine: machineCpuMs(),
    ours: others.reduce((sum, other) => sum + (cpuMs(other) ?? 0), server ?? 0),
  };
}

/** What was used between two looks, a call and a second. */
export function spent(before: Usage, after: Usage, { calls, seconds }: { calls: number; seconds: number }) {
  const each = (name: "server" | "main") =>
    before[name] === undefined || after[name] === undefined ? null : (after[name] - before[name]) / (calls * seconds);
  const othersCores = before.machine === undefined || after.machine === undefined
    ? null
    : Math.max(0, (after.machine - before.machine - (after.ours - before.ours)) / (seconds * 1000));
  return { cpuMsPerCallSecond: each("server"), mainThreadMsPerCallSecond: each("main"), othersCores };
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
